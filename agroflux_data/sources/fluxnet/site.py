"""One tower's FLUXNET files as years of inputs and observed fluxes.

Fluxes are taken as they were observed and gap-filled by ONEFlux (Pastorello et al. 2020, Scientific Data 7, 225), kept
only on days with enough measured data. NEE is the one with the variable threshold of friction velocity, filtered by
its own flag; NEE = RECO - GPP is what partitioning leaves, and is compared, not enforced.

A daily file gives everything but extremes. A half-hourly or hourly one gives the extremes of temperature and vapour
pressure, and all the rest too where there is no daily file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.simulators.atmosphere import latent_heat
from agroflux_data.sources.fluxnet import fluxnet_file, fluxnet_subdaily
from agroflux_data.sources.fluxnet.folder import SiteFiles
from agroflux_data.variables import DAYS, VARIABLES

__all__ = ["LONGEST_GAP", "MIN_QC", "FluxnetSite", "read_site", "temperature_range"]

MIN_QC = 0.75
"""Share of a day's half hours that must be measured or filled with good confidence, for its flux to count."""
LONGEST_GAP = 5
"""Days: a shorter gap in an input is interpolated, a longer one costs the year."""

MJ_PER_WATT_DAY = 0.0864
"""MJ m-2 d-1 in 1 W m-2."""

_WEATHER = ("TA_F", "P_F", "SW_IN_F")
_POTENTIAL = "SW_IN_POT"
_DEFICIT = "VPD_F"
_WIND = "WS_F"
_LATENT = "LE_F_MDS"
_THRESHOLDS = ("VUT", "CUT")
_METHODS = ("NT", "DT")
_OPEN_CLOSURE = 0.1
"""g C m-2 d-1: a mean gap between NEE and RECO - GPP that is worth a warning; nighttime partitioning leaves none."""
_EXTREMES = ("TMAX", "TMIN", "HMAX", "HMIN")
_SYSTEMATIC = 0.5
"""Share of impossible values from which they are no errors but in another unit."""
_MOST_POTENTIAL = 1.2
"""A season's radiation cannot be more of that above the atmosphere; some is left for the sensor and the place."""


@dataclass(frozen=True)
class FluxnetSite:
    """What one site's files give.

    Attributes
    ----------
    files : SiteFiles
    years : list of int
        Years with whole inputs and some observation, ascending.
    values : dict of str to array (years, 365)
        Inputs and outputs in the units of `agroflux_data.variables`; only those that the files have.
    measured_extremes : bool
        Whether TMAX and TMIN are those of half hours or hours; else they are derived.
    notes : list of str
        What was filled, masked, left out or doubtful.
    """

    files: SiteFiles
    years: list[int]
    values: dict[str, NDArray[np.float64]]
    measured_extremes: bool
    notes: list[str]


def read_site(files: SiteFiles, min_qc: float | None) -> FluxnetSite:
    """Read one site's files.

    Parameters
    ----------
    files : SiteFiles
    min_qc : float, optional
        Least quality flag of a flux that counts; None keeps every flux.

    Raises
    ------
    AgrofluxError
        A file cannot be used.
    """
    notes: list[str] = []
    days = _calendar(files.site, _days(files, notes), notes)
    mean, inputs = _inputs(files, days, notes)
    fluxes = _fluxes(files, days, mean, min_qc, notes)

    noleap = ~((days.index.month == 2) & (days.index.day == 29))
    values = {name: array[noleap].reshape(-1, DAYS) for name, array in (inputs | fluxes).items()}
    years = [int(year) for year in np.unique(days.index.year)]
    unknown = {name: np.isnan(values[name]).any(axis=1) for name in inputs}
    observed = np.any([~np.isnan(values[name]) for name in fluxes], axis=(0, 2))
    usable = observed & ~np.any(list(unknown.values()), axis=0)
    for year, seen, *gaps in zip(years, observed, *unknown.values(), strict=True):
        if any(gaps):
            names = listing(name for name, gap in zip(unknown, gaps, strict=True) if gap)
            notes.append(f"{files.site}: {year} left out, for gaps of more than {LONGEST_GAP} days in {names}")
        elif not seen:
            notes.append(f"{files.site}: {year} left out, as no flux was observed")
    return FluxnetSite(
        files,
        [year for year, use in zip(years, usable, strict=True) if use],
        {name: array[usable] for name, array in values.items()},
        files.subdaily is not None,
        notes,
    )


def _days(files: SiteFiles, notes: list[str]) -> pd.DataFrame:
    """Daily values of both files, in FLUXNET columns, and the extremes of the sub-daily one."""
    if files.subdaily is None:
        assert files.daily is not None
        names = fluxnet_file.header(files.daily)
        return fluxnet_file.read_daily(files.daily, _columns(files.daily, names, (*_WEATHER, _POTENTIAL)))
    path = files.subdaily.path
    stamps = (fluxnet_subdaily.START, fluxnet_subdaily.END)
    names = fluxnet_file.header(path, stamps)
    if files.daily is None:
        columns = [*_columns(path, names, _WEATHER), *(name for name in (_DEFICIT, _POTENTIAL) if name in names)]
        days = fluxnet_subdaily.read_days(files.subdaily, columns, files.site, notes)
    else:
        if "TA_F" not in names:
            raise AgrofluxError("no column TA_F", expected="air temperature, for its extremes", where=path)
        columns = [name for name in ("TA_F", _DEFICIT) if name in names]
        extremes = fluxnet_subdaily.read_days(files.subdaily, columns, files.site, notes)
        wanted = _columns(files.daily, fluxnet_file.header(files.daily), _WEATHER, (_POTENTIAL,))
        days = fluxnet_file.read_daily(files.daily, wanted)
        days = days.join(extremes[[name for name in _EXTREMES if name in extremes]])
        notes.append(
            f"{files.site}: fluxes and daily weather from {files.daily.name}, extremes of the day from {path.name}"
        )
    return days


def _columns(path: Path, header: Iterable[str], weather: tuple[str, ...], more: tuple[str, ...] = ()) -> list[str]:
    """The columns to read from a file, of which `weather` must be there; raises `AgrofluxError` where one lacks."""
    names = set(header)
    exchange = [(f"NEE_{threshold}_REF", f"NEE_{threshold}_REF_QC") for threshold in _THRESHOLDS]
    lacking = [name for name in weather if name not in names]
    if not any(names.issuperset(pair) for pair in exchange):
        lacking += [name for name in exchange[0] if name not in names]
    if lacking:
        raise AgrofluxError(
            f"no column {listing(lacking, 9)}", expected=f"all of {listing((*weather, *exchange[0]), 9)}", where=path
        )
    partitioned = [
        f"{flux}_{method}_{threshold}_REF"
        for flux in ("GPP", "RECO")
        for method in _METHODS
        for threshold in _THRESHOLDS
    ]
    wanted = [*weather, *more, _WIND, _LATENT, f"{_LATENT}_QC", *exchange[0], *exchange[1], *partitioned]
    return [name for name in wanted if name in names]


def _calendar(site: str, days: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Rows for every day of every year that the files touch, in order; NaN on days that they lack."""
    if not days.index.is_monotonic_increasing:
        later = days.index[1:][days.index[1:] < days.index[:-1]]
        notes.append(f"{site}: days out of order and sorted, the first {later[0]:%Y%m%d}")
    first, last = days.index.min(), days.index.max()
    inside = pd.date_range(first, last).difference(days.index)
    if len(inside):
        notes.append(f"{site}: {len(inside)} days missing between first and last, the first {inside[0]:%Y%m%d}")
    return days.reindex(pd.date_range(f"{first.year}-01-01", f"{last.year}-12-31"))


def _plausible(
    array: NDArray[np.float64], low: float, high: float, what: str, days: pd.DatetimeIndex, notes: list[str]
) -> NDArray[np.float64]:
    """Values outside a physical range become NaN; `what` names the site and the variable in the note.

    Raises `AgrofluxError` where most are outside: that is another unit.
    """
    outside = (array < low) | (array > high)
    if outside.any():
        if outside.sum() > _SYSTEMATIC * (~np.isnan(array)).sum():
            raise AgrofluxError(
                f"{what} in another unit", expected=f"values within {low:g} to {high:g}",
                came=f"{array[outside][0]:g} on {days[outside][0]:%Y%m%d}, and {outside.sum()} such days",
            )  # fmt: skip
        notes.append(
            f"{what} taken as missing on {outside.sum()} days, as outside {low:g} to {high:g}, "
            f"the first {days[outside][0]:%Y%m%d}"
        )
    return np.where(outside, np.nan, array)


def _filled(array: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Gaps of up to `LONGEST_GAP` days interpolated linearly, and how many days that were."""
    missing = np.isnan(array)
    if missing.all():
        return array, 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    days = np.flatnonzero(missing)[np.repeat(lengths <= LONGEST_GAP, lengths)]
    filled = array.copy()
    filled[days] = np.interp(days, np.flatnonzero(~missing), array[~missing])
    return filled, len(days)


def _inputs(
    files: SiteFiles, days: pd.DataFrame, notes: list[str]
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Mean air temperature, degC, and the weather that is input, (days,) each, NaN in long gaps."""
    half = 12.5  # of the widest daily range: so derived TMAX and TMIN stay in their own physical ranges
    wanted = {
        "TA_F": ("TA_F", 1.0, VARIABLES["TMIN"].low + half, VARIABLES["TMAX"].high - half),
        "PREC": ("P_F", 1.0, VARIABLES["PREC"].low, VARIABLES["PREC"].high),
        "RADN": ("SW_IN_F", MJ_PER_WATT_DAY, VARIABLES["RADN"].low, VARIABLES["RADN"].high),
        _POTENTIAL: (_POTENTIAL, MJ_PER_WATT_DAY, VARIABLES["RADN"].low, VARIABLES["RADN"].high),
        "WIND": (_WIND, 1.0, VARIABLES["WIND"].low, VARIABLES["WIND"].high),
    } | {name: (name, 1.0, VARIABLES[name].low, VARIABLES[name].high) for name in _EXTREMES}
    optional = (_WIND, _POTENTIAL, "HMAX", "HMIN")
    inputs: dict[str, NDArray[np.float64]] = {}
    for name, (column, factor, low, high) in wanted.items():
        if column not in days or (column in optional and days[column].isna().all()):
            continue
        array = days[column].to_numpy(np.float64) * factor
        if column == "SW_IN_F":
            # Radiometers read a little below zero in the dark.
            array = np.where((array < 0) & (array > -1), 0, array)
        inputs[name], gap = _filled(_plausible(array, low, high, f"{files.site}: {name}", days.index, notes))
        if gap:
            notes.append(f"{files.site}: {name} interpolated on {gap} days, in gaps of up to {LONGEST_GAP}")
    mean, potential = inputs.pop("TA_F"), inputs.pop(_POTENTIAL, None)
    if potential is not None and np.nansum(inputs["RADN"]) > _MOST_POTENTIAL * np.nansum(potential):
        notes.append(f"{files.site}: RADN is more than {_POTENTIAL} of the whole record; the unit must be W m-2")
    if files.subdaily is None:
        unknown = np.full_like(mean, np.nan)
        spread = temperature_range(inputs["RADN"], unknown if potential is None else potential)
        inputs |= {"TMAX": mean + spread / 2, "TMIN": mean - spread / 2}
    return mean, inputs


def _observed(files: SiteFiles, days: pd.DataFrame, flag: str, min_qc: float | None) -> NDArray[np.bool_]:
    """Days whose quality flag is high enough; all, where `min_qc` is None."""
    quality = days[flag].to_numpy(np.float64)
    wrong = (quality < 0) | (quality > 1)
    if wrong.any():
        raise AgrofluxError(
            "quality flag is no share", expected="0 to 1: the share of measured and good half hours of a day",
            came=float(quality[wrong][0]), where=f"{files.paths[0]}, column {flag}, day {days.index[wrong][0]:%Y%m%d}",
        )  # fmt: skip
    return np.full(len(quality), True) if min_qc is None else quality >= min_qc


def _fluxes(
    files: SiteFiles, days: pd.DataFrame, temperature: NDArray[np.float64], min_qc: float | None, notes: list[str]
) -> dict[str, NDArray[np.float64]]:
    """NEE and what else of GPP, RECO and ET the file has, (days,) each, NaN where not observed.

    ET is the gap-filled latent heat flux over the latent heat of vaporisation at the day's mean `temperature`, degC;
    the energy balance is not closed.
    """
    present = [name for name in days if days[name].notna().any()]
    with_flag = [
        threshold for threshold in _THRESHOLDS if {f"NEE_{threshold}_REF", f"NEE_{threshold}_REF_QC"} <= {*days}
    ]
    with_data = [threshold for threshold in with_flag if f"NEE_{threshold}_REF" in present]
    if not with_data:
        names = listing(f"NEE_{threshold}_REF" for threshold in with_flag)
        raise AgrofluxError(
            "nothing observed", expected="days with net ecosystem exchange",
            came=f"{fluxnet_file.MISSING} everywhere in {names}", where=files.paths[0],
        )  # fmt: skip
    threshold = with_data[0]
    exchange, flag = f"NEE_{threshold}_REF", f"NEE_{threshold}_REF_QC"
    good = _observed(files, days, flag, min_qc)
    sources = {"NEE": exchange}
    by_method = {
        method: {flux: column for flux in ("GPP", "RECO") if (column := f"{flux}_{method}_{threshold}_REF") in present}
        for method in _METHODS
    }
    sources |= by_method[max(_METHODS, key=lambda method: len(by_method[method]))]
    usual = {"NEE": "NEE_VUT_REF", "GPP": "GPP_NT_VUT_REF", "RECO": "RECO_NT_VUT_REF"}
    notes += [
        f"{files.site}: {flux} taken from {column}, as {usual[flux]} has no values"
        for flux, column in sources.items()
        if column != usual[flux]
    ]
    fluxes: dict[str, NDArray[np.float64]] = {}
    for flux, column in sources.items():
        variable = VARIABLES[flux]
        array = np.where(good, days[column].to_numpy(np.float64), np.nan)
        fluxes[flux] = _plausible(array, variable.low, variable.high, f"{files.site}: {flux}", days.index, notes)
    if np.isnan(fluxes["NEE"]).all():
        enough = "" if min_qc is None else f" and {flag} of at least {min_qc:g}"
        raise AgrofluxError(
            "nothing observed", expected=f"days with {exchange}{enough}",
            came=f"none of {len(days)} days", where=files.paths[0],
        )  # fmt: skip
    if (masked := int((days[exchange].notna() & ~good).sum())) and min_qc is not None:
        notes.append(
            f"{files.site}: {', '.join(sources)} NaN on {masked} of {len(days)} days, for {flag} below {min_qc:g}"
        )
    if {"GPP", "RECO"} <= {*fluxes}:
        apart = np.abs(fluxes["NEE"] - (fluxes["RECO"] - fluxes["GPP"]))
        if not np.isnan(apart).all() and np.nanmean(apart) > _OPEN_CLOSURE:
            notes.append(f"{files.site}: NEE is {np.nanmean(apart):.2f} g C m-2 d-1 off RECO - GPP on average")
    if {_LATENT, f"{_LATENT}_QC"} <= {*present}:
        water = days[_LATENT].to_numpy(np.float64) * MJ_PER_WATT_DAY / latent_heat(temperature)
        water = np.where(_observed(files, days, f"{_LATENT}_QC", min_qc), water, np.nan)
        fluxes["ET"] = _plausible(
            water, VARIABLES["ET"].low, VARIABLES["ET"].high, f"{files.site}: ET", days.index, notes
        )
    return {flux: array for flux, array in fluxes.items() if not np.isnan(array).all()}


def temperature_range(radiation: ArrayLike, extraterrestrial: ArrayLike) -> NDArray[np.float64]:
    """Daily range of air temperature, degC, within 1 to 25.

    Rs = 0.17 sqrt(TMAX - TMIN) Ra, solved for the range: Hargreaves & Samani (1985), Reference crop
    evapotranspiration from temperature, Applied Engineering in Agriculture 1(2), 96-99.

    Parameters
    ----------
    radiation, extraterrestrial : array_like
        Rs at the ground and Ra above the atmosphere, in the same unit; they broadcast. In polar night (Ra = 0) the
        range is the smallest.
    """
    radiation, extraterrestrial = np.asarray(radiation, np.float64), np.asarray(extraterrestrial, np.float64)
    clearness = np.divide(
        radiation, extraterrestrial, where=extraterrestrial > 1e-3,
        out=np.zeros(np.broadcast_shapes(radiation.shape, extraterrestrial.shape)),
    )  # fmt: skip
    spread = np.clip((np.maximum(clearness, 0) / 0.17) ** 2, 1, 25)
    return np.where(np.isnan(radiation) | np.isnan(extraterrestrial), np.nan, spread)
