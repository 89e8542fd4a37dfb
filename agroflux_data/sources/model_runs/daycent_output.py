"""DayCent: a user's own output folders, one a site and treatment.

DayCent: Parton et al. (1998), Glob. Planet. Change 19, 35-48; files as its daily builds of 2018 write them. The model
counts nitrogen in g N ha-1, water in cm, and what the ecosystem takes up as positive:

    NEE = CO2resp - NPP (that of ``dc_sip.csv`` has the other sign)
    GPP = NPP + maintenance + growth respiration (``mresp.out`` and ``gresp.out``, or ``resp.out``); builds with
          photosynthesis write it to ``psyn.out``
    RECO = CO2resp + both

As in the embedded model, layers 1, 3 and 5 are depths of 1, 11 and 32 cm, linear between the centres of the layers of
``soils.in``; statics are means of its upper 30 cm; YIELD is the grain of the year's harvests, and DSOC the change of
all organic matter below the surface over the year, so it is not known in a run's first.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.simulators.hydraulics import ORGANIC_MATTER
from agroflux_data.simulators.sun import day_length, extraterrestrial_radiation
from agroflux_data.sources.model_runs.daycent_files import FILES, HARVEST, SITE, SOILS, Harvest, RunFiles, SoilLayers
from agroflux_data.sources.model_runs.runs import (
    Run,
    RunRecord,
    change_over_years,
    days_of,
    folders_below,
    on_all_days,
    record,
    site_and_treatment,
)
from agroflux_data.sources.model_runs.source import ModelRuns
from agroflux_data.variables import DAYS

__all__ = ["DayCentOutput"]

_LAYERS = (1, 3, 5)
_TOPSOIL = 30.0
"""cm, the depth that the statics of the benchmark stand for."""
_MILLIMETRES = 10.0
"""In a cm."""
_HECTARE = 1e4
"""m2."""
_CLEAR_SKY = 0.75
"""Share of the radiation above the atmosphere that reaches the ground on clear days (Allen et al. 1998, eq. 37)."""
_CUMULATED = "CUM-N2O(gN/ha)"
_SOIL_CARBON = ("strucc(2)", "metabc(2)", "som1c(2)", "som2c(2)", "som3c")
"""Pools below the surface, those of the embedded model's DSOC."""


class DayCentOutput(ModelRuns):
    """Output folders of DayCent as sequences of the ``daycent`` source."""

    name = "daycent"
    origin = "daycent"
    unwritten = (
        (("FERTZR_N", "PDOY"), "DayCent's output does not date fertiliser and planting"),
        (("HMAX", "HMIN", "WIND"), "DayCent does not write them"),
    )

    @staticmethod
    def runs(path: Path) -> tuple[list[Run], list[str]]:
        """Each folder at or below a path with daily output, by its name: ``SITE`` or ``SITE_TREATMENT``."""
        path = path.resolve()
        if not path.is_dir():
            raise AgrofluxError("no folder", expected="a folder with DayCent output", came="a file", where=path)
        folders = [folder for folder, names in folders_below(path) if {*FILES} & {*names}]
        if not folders:
            raise AgrofluxError(
                "no DayCent output", expected="files such as dc_sip.csv, summary.out and nflux.out",
                came=listing(sorted(inner.name for inner in path.iterdir())) or "an empty folder", where=path,
            )  # fmt: skip
        return [
            Run(*site_and_treatment(folder.name), tuple(file for file in sorted(folder.iterdir()) if _is_read(file)))
            for folder in folders
        ], []

    @staticmethod
    def read(run: Run, place: tuple[float, float]) -> RunRecord:
        notes: list[str] = []
        files = RunFiles(run.files[0].parent, notes)
        if np.isnan(place[0]):
            place = files.place()
        daily = _weather(files, place[0], notes)
        daily |= _carbon(files, notes) | _nitrous_oxide(files) | _evapotranspiration(files)
        statics: dict[str, float] = {}
        if files.has(SOILS):
            soil = files.soil()
            statics = _statics(soil)
            daily |= _layered(files, soil)
        daily |= _yearly(files, daily, notes)
        notes += _lacking({*daily, *statics})
        return record(run, daily, statics, notes, place=place)


def _is_read(file: Path) -> bool:
    return file.is_file() and (file.name in (*FILES, HARVEST, SOILS) or file.match(SITE))


def _weather(files: RunFiles, lat: float, notes: list[str]) -> dict[str, pd.Series]:
    daily: dict[str, pd.Series] = {}
    if files.has("summary.out"):
        summary = files.columns("summary.out", "tmax", "tmin", "ppt")
        daily |= {"TMAX": summary["tmax"], "TMIN": summary["tmin"], "PREC": summary["ppt"] * _MILLIMETRES}
    elif files.has("dc_sip.csv"):
        daily["PREC"] = files.columns("dc_sip.csv", "ppt")["ppt"] * _MILLIMETRES
    if files.has("daily.out") and np.isfinite(lat):
        daily["RADN"] = _radiation(files.columns("daily.out", "srad")["srad"], lat, notes)
    return daily


def _radiation(flux: pd.Series, lat: float, notes: list[str]) -> pd.Series:
    """MJ m-2 d-1 of a mean flux in W m-2, which is one over daylight or over 24 hours, as builds differ.

    The two are told apart by the clearest days, on which about `_CLEAR_SKY` of the radiation above passes.
    """
    day = np.minimum(flux.index.to_numpy() % 1000, 365)
    above = np.maximum(extraterrestrial_radiation(lat, day), 1.0)
    hours = {"daylight": day_length(lat, day), "24 hours": np.full(len(day), 24.0)}
    energy = {of: flux.to_numpy() * 3600e-6 * long for of, long in hours.items()}
    with np.errstate(invalid="ignore"):
        clearest = {of: float(np.nanquantile(sums / above, 0.99)) for of, sums in energy.items()}
    taken = min(clearest, key=lambda of: abs(clearest[of] - _CLEAR_SKY))
    notes.append(
        f"RADN from srad as a mean of {taken}, by which {clearest[taken]:.2f} of the radiation above the "
        f"atmosphere passes on the clearest days"
    )
    return pd.Series(energy[taken], flux.index)


def _carbon(files: RunFiles, notes: list[str]) -> dict[str, pd.Series]:
    """GPP, RECO and NEE, as far as the run has them."""
    if not files.has("dc_sip.csv"):
        return {}
    sip = files.columns("dc_sip.csv", "NPP", "CO2resp")
    respired = None
    fluxes = [f"{kind}rspflux({plant})" for kind in "mg" for plant in (1, 2)]
    if files.has("mresp.out", "gresp.out"):
        upkeep, growth = files.columns("mresp.out", *fluxes[:2]), files.columns("gresp.out", *fluxes[2:])
        respired = upkeep.sum(axis=1, skipna=False) + growth.sum(axis=1, skipna=False)
    elif files.has("resp.out"):
        respired = files.columns("resp.out", *fluxes).sum(axis=1, skipna=False)
    if respired is None:
        return {"NEE": sip["CO2resp"] - sip["NPP"]}
    reco, gpp = sip["CO2resp"] + respired, sip["NPP"] + respired
    if files.has("psyn.out"):
        gpp = files.columns("psyn.out", "crpGrPsn", "forGrPsn").sum(axis=1, skipna=False)
        notes.append("GPP is the gross photosynthesis of psyn.out")
    return {"GPP": gpp, "RECO": reco, "NEE": reco - gpp}


def _nitrous_oxide(files: RunFiles) -> dict[str, pd.Series]:
    if files.has("nflux.out") and _CUMULATED in files.names("nflux.out"):
        parts = files.columns("nflux.out", "nit_N2O-N", "dnit_N2O-N")
        return {"N2O": parts.sum(axis=1, skipna=False) / _HECTARE}
    if files.has("summary.out"):
        return {"N2O": files.columns("summary.out", "N2Oflux")["N2Oflux"] / _HECTARE}
    return {}


def _evapotranspiration(files: RunFiles) -> dict[str, pd.Series]:
    if files.has("dc_sip.csv"):
        parts = files.columns("dc_sip.csv", "trandly", "evapdly", "intrcpt", "sublim")
    elif files.has("watrbal.out"):
        parts = -files.columns("watrbal.out", "transp", "evap", "intrcpt", "sublim")
    else:
        return {}
    return {"ET": parts.sum(axis=1, skipna=False) * _MILLIMETRES}


def _statics(soil: SoilLayers) -> dict[str, float]:
    share = soil.down_to(_TOPSOIL)
    return {
        "TBKDS": float(share @ soil.bulk_density),
        "TCSAND": float(share @ soil.sand) * 1000,
        "TCSILT": float(share @ (1 - soil.sand - soil.clay)) * 1000,
        "TPH": float(share @ soil.ph),
        "TSOC": float(share @ soil.organic_matter) * 100 / ORGANIC_MATTER,
    }


def _layered(files: RunFiles, soil: SoilLayers) -> dict[str, pd.Series]:
    """What depends on depth, at the depths of the output layers."""
    from agroflux_data.simulators.daycent.temperature import OUTPUT_DEPTHS  # with a compiler, which is large

    count, centres = len(soil.top), (soil.top + soil.bottom) / 2
    daily: dict[str, pd.Series] = {}
    if files.has("soiln.out"):
        daily["NH4_L1"] = files.columns("soiln.out", "ammonium")["ammonium"]
    for name, variable, first in (
        ("soiln.out", "NO3", "NO3_ppm[0]"), ("vswc.out", "SWC", None), ("soiltmax.out", "TSMAX", None),
        ("soiltmin.out", "TSMIN", None),
    ):  # fmt: skip
        if not files.has(name):
            continue
        layers = files.layers(name, count, first)
        for number, depth in zip(_LAYERS, OUTPUT_DEPTHS, strict=True):
            weights = np.array([np.interp(depth, centres, unit) for unit in np.eye(count)])
            near = np.flatnonzero(weights)
            daily[f"{variable}_L{number}"] = (layers[near] * weights[near]).sum(axis=1, skipna=False)
    return daily


def _yearly(files: RunFiles, daily: dict[str, pd.Series], notes: list[str]) -> dict[str, pd.Series]:
    """YIELD, PLANTT and DSOC, each the same on all days of a year."""
    if not daily:
        return {}
    days = pd.Index(days_of(daily.values()))
    counts = pd.Series(1, days).groupby(days // 1000).sum()
    yearly: dict[str, pd.Series] = {}
    if files.has(HARVEST):
        harvests = files.harvests()
        yearly["YIELD"] = _grain(harvests, counts.index)
        whole = [int(year) for year in counts.index[counts >= DAYS]]
        crops, unknown = _crops(harvests, whole)
        if unknown:
            notes.append(f"no PLANTT by {HARVEST}, which has neither corn nor soybean alone in {unknown}")
        else:
            yearly["PLANTT"] = crops
    pools = next(filter(files.has, ("soilc.out", "dc_sip.csv")), None)
    if pools is not None:
        yearly["DSOC"] = change_over_years(files.columns(pools, *_SOIL_CARBON).sum(axis=1, skipna=False))
    return {name: on_all_days(values, days.to_numpy()) for name, values in yearly.items()}


def _grain(harvests: list[Harvest], years: pd.Index) -> pd.Series:
    """Grain carbon of each year's harvests, g C m-2; 0 where there was none."""
    total = pd.Series(0.0, years)
    for harvest in harvests:
        if harvest.year in total.index:
            total[harvest.year] += harvest.grain
    return total


def _crops(harvests: list[Harvest], years: list[int]) -> tuple[pd.Series, str]:
    """PLANTT of each year, and the years (with their crops) in which it is not known, in words."""
    codes = {year: sorted({harvest.crop for harvest in harvests if harvest.year == year}) for year in years}
    kinds = {year: {_crop(code) for code in found} for year, found in codes.items()}
    unknown = [year for year, found in kinds.items() if len(found) != 1 or None in found]
    return (
        pd.Series({year: found.pop() for year, found in kinds.items() if year not in unknown}, dtype=np.float64),
        listing(f"{year} ({listing(codes[year]) or 'no harvest'})" for year in unknown),
    )


def _crop(code: str) -> float | None:
    """1 for the code of a corn, 0 for that of a soybean, as schedules commonly name them: C620, CORN, SYBN100, SOYB."""
    if re.match(r"CORN|C\d", code, re.IGNORECASE):
        return 1.0
    return 0.0 if re.match(r"SOY|SYB", code, re.IGNORECASE) else None


_WRITTEN_BY = {
    "TMAX, TMIN": ("TMAX", "summary.out"),
    "PREC": ("PREC", "summary.out or dc_sip.csv"),
    "RADN": ("RADN", f"daily.out, and a {SITE} file with the latitude"),
    "PLANTT, YIELD": ("YIELD", HARVEST),
    "TBKDS, TCSAND, TCSILT, TPH, TSOC": ("TBKDS", SOILS),
    "GPP, RECO": ("GPP", "dc_sip.csv, with mresp.out and gresp.out or with resp.out"),
    "NEE": ("NEE", "dc_sip.csv"),
    "DSOC": ("DSOC", "soilc.out or dc_sip.csv"),
    "N2O": ("N2O", f"nflux.out with {_CUMULATED}, or summary.out"),
    "ET": ("ET", "dc_sip.csv or watrbal.out"),
    "NH4_L1, NO3_L1, NO3_L3, NO3_L5": ("NO3_L1", f"soiln.out, and {SOILS}"),
    "SWC_L1, SWC_L3, SWC_L5": ("SWC_L1", f"vswc.out, and {SOILS}"),
    "TSMAX_L1, TSMAX_L3, TSMAX_L5": ("TSMAX_L1", f"soiltmax.out, and {SOILS}"),
    "TSMIN_L1, TSMIN_L3, TSMIN_L5": ("TSMIN_L1", f"soiltmin.out, and {SOILS}"),
}
"""Columns in words -> one of them, and the files that give them."""


def _lacking(known: set[str]) -> list[str]:
    """What a run did not write, with the files that would give it."""
    return [f"no {names}: needs {files}" for names, (name, files) in _WRITTEN_BY.items() if name not in known]
