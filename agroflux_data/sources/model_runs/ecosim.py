"""EcoSIM: daily history files (NetCDF) of the model that descends from Ecosys.

EcoSIM names a file ``CASE.ecosim.hN.yyyy-mm-dd-sssss.nc`` by its first day; a name that ends with a year, or a first
and a last one, in place of the date starts on 1 January. There is no time but ``time_bounds``, days since the run
began, and years are the calendar's. Totals since 1 January become daily amounts; what enters the atmosphere is negative
there. A layer of the benchmark is the model's layer of that number, a column is a site.

The file has the day's mean air temperature alone: where the latitude is known, TMAX and TMIN come from it and the
radiation (Hargreaves & Samani 1985), as those of daily tower files do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.simulators.sun import extraterrestrial_radiation
from agroflux_data.sources.fluxnet.site import temperature_range
from agroflux_data.sources.model_runs.runs import (
    Run,
    RunRecord,
    change_over_years,
    daily_from_totals,
    day_key,
    days_of,
    folders_below,
    on_all_days,
    record,
    site_and_treatment,
)
from agroflux_data.variables import DAYS

__all__ = ["read", "runs"]

_NAME = re.compile(
    r"(?P<case>.+?)\.ecosim.*\.h\d+\..*?(?P<year>\d{4})(-(?P<month>\d\d)-(?P<day>\d\d)-\d{5}|-\d{4})?\.nc"
)
_BOUNDS = "time_bounds"
_LAYERS = (1, 3, 5)
_CARBON_PER_MICROMOLE = 1.0368
"""g C m-2 d-1 in 1 umol m-2 s-1: 12 g mol-1 over 86 400 s."""
_HOURS = 24.0
_MJ_PER_WATT_DAY = 0.0864
_MOST_DAYS = 1e5
_LEAST_DROP = 0.5
"""Share of a total that is gone when it starts anew."""


@dataclass(frozen=True)
class _Output:
    """One variable of a history file."""

    name: str
    unit: str
    factor: float = 1.0
    total: bool = False
    """Whether it counts from 1 January."""


_PLAIN = {
    "PREC": _Output("PREC_col", "mm H2O/m2/hr", _HOURS),
    "RADN": _Output("SOL_RADN_col", "W/m2", _MJ_PER_WATT_DAY),
    "HMAX": _Output("HMAX_AIR_col", "kPa"),
    "HMIN": _Output("HMIN_AIR_col", "kPa"),
    "WIND": _Output("WIND_col", "m/s"),
    "GPP": _Output("ECO_GPP_col", "gC/m2", total=True),
    "SOIL_CO2": _Output("CO2_SEMIS_FLX_col", "umol C/m2/s", -_CARBON_PER_MICROMOLE),
    "LAI": _Output("ECO_LAI_col", "m2/m2"),
    "N2O": _Output("N2O_SEMIS_FLX_col", "gN/m2/hr", -_HOURS),
    "ET": _Output("ECO_ET_col", "mm H2O/m2", total=True),
}
_RESPIRED = (_Output("ECO_RA_col", "gC/m2", -1.0, total=True), _Output("ECO_RH_col", "gC/m2", -1.0, total=True))
_EXCHANGE = _Output("ECO_NEE_CO2_col", "umol C/m2/s", -_CARBON_PER_MICROMOLE)
_GRAIN, _HARVESTED = _Output("GRAIN_C_pft", "gC/m2"), _Output("ECO_HVST_C_col", "gC/m2")
_SOIL_CARBON = _Output("tSoilOrgC_col", "gC/m2")
_AIR = _Output("AIR_TEMP_col", "oC")
_LAYERED = {
    "NH4": _Output("cNH4t_vr", "gN/Mg soil"),
    "NO3": _Output("cNO3t_vr", "gN/Mg soil"),
    "TSMAX": _Output("TMAX_SOIL_vr", "oC"),
    "TSMIN": _Output("TMIN_SOIL_vr", "oC"),
}
_SATURATION = _Output("rWatFLP_vr", "m3 H2O/m3 soil pore")
_PORES = _Output("VSPore_vr", "m3 pore/m3 soil")
_DRIVERS = ("ECO_GPP_col", "ECO_RH_col", "ECO_ET_col")
"""Totals that tell the calendar by starting anew."""


def runs(path: Path) -> tuple[list[Run], list[str]]:
    """The cases of the history files at a path, each column one; a case is named ``SITE`` or ``SITE_TREATMENT``."""
    below = [folder / name for folder, names in folders_below(path) for name in names] if path.is_dir() else [path]
    files = [file for file in below if file.suffix == ".nc"]
    cases: dict[tuple[Path, str], list[Path]] = {}
    others = []
    for file in files:
        match = _NAME.fullmatch(file.name)
        if match is None:
            others.append(file)
        else:
            cases.setdefault((file.parent, match["case"]), []).append(file)
    if others and not cases:
        raise AgrofluxError(
            "no history of EcoSIM", expected="names such as mead.ecosim.h0.2001-01-01-00000.nc",
            came=listing(file.name for file in others), where=path,
        )  # fmt: skip
    found = []
    for (_, case), own in cases.items():
        site, treatment = site_and_treatment(case)
        with _opened(own[0]) as data:
            count = data.dimensions["column"].size if "column" in data.dimensions else 1
        found += [
            Run(site if count == 1 else f"{site}-{part + 1}", treatment, tuple(own), part) for part in range(count)
        ]
    return found, [f"{file.name}: left out, as it is not named as EcoSIM names its history" for file in others]


def read(run: Run, place: tuple[float, float]) -> RunRecord:
    """What a case gives.

    Parameters
    ----------
    run : Run
    place : tuple of float
        lat, lon as tables say; NaN to take the files' own.
    """
    notes: list[str] = []
    history = _History(run, notes)
    if np.isnan(place[0]):
        place = history.place()
    daily = {name: found for name, output in _PLAIN.items() if (found := history.column(output)) is not None}
    parts = [history.column(output) for output in _RESPIRED]
    if all(part is not None for part in parts):
        daily["RECO"] = parts[0] + parts[1]  # type: ignore[operator]
    if {"GPP", "RECO"} <= {*daily}:
        daily["NEE"] = daily["RECO"] - daily["GPP"]
    elif (exchange := history.column(_EXCHANGE)) is not None:
        daily["NEE"] = exchange
    daily |= _layered(history) | _temperatures(history, daily, place[0], notes)
    if daily:
        days = days_of(daily.values())
        daily |= {name: on_all_days(values, days) for name, values in _yearly(history, notes).items()}
    lacking = [output.name for output in history.absent]
    if lacking:
        notes.append(f"not in the history: {listing(lacking, 30)}")
    return record(run, daily, {}, notes, place=place)


def _layered(history: _History) -> dict[str, pd.Series]:
    daily: dict[str, pd.Series] = {}
    for name, output in _LAYERED.items():
        for layer in (1,) if name == "NH4" else _LAYERS:
            if (found := history.column(output, layer)) is not None:
                daily[f"{name}_L{layer}"] = found
    for layer in _LAYERS:
        filled, pores = history.column(_SATURATION, layer), history.column(_PORES, layer)
        if filled is not None and pores is not None:
            daily[f"SWC_L{layer}"] = filled * pores
    return daily


def _temperatures(history: _History, daily: dict[str, pd.Series], lat: float, notes: list[str]) -> dict[str, pd.Series]:
    mean = history.column(_AIR)
    if mean is None or "RADN" not in daily:
        return {}
    if np.isnan(lat):
        notes.append("no TMAX and TMIN: the history has the mean alone, and its range needs the latitude")
        return {}
    radiation = daily["RADN"].reindex(mean.index)
    day = np.minimum(mean.index.to_numpy() % 1000, DAYS)
    half = temperature_range(radiation, extraterrestrial_radiation(lat, day)) / 2
    notes.append("TMAX, TMIN: derived from the mean and the radiation (Hargreaves & Samani 1985)")
    return {"TMAX": mean + half, "TMIN": mean - half}


def _yearly(history: _History, notes: list[str]) -> dict[str, pd.Series]:
    """YIELD, the largest grain that stood in a year, and DSOC."""
    yearly: dict[str, pd.Series] = {}
    grain = history.column(_GRAIN)
    if grain is None and (grain := history.column(_HARVESTED)) is not None:
        notes.append(f"YIELD: all carbon harvested, straw too, as there is no {_GRAIN.name}")
    if grain is not None:
        yearly["YIELD"] = grain.groupby(grain.index // 1000).max()
    if (carbon := history.column(_SOIL_CARBON)) is not None:
        yearly["DSOC"] = change_over_years(carbon)
    return yearly


@contextmanager
def _opened(path: Path) -> Iterator[netCDF4.Dataset]:
    try:
        with netCDF4.Dataset(path) as data:
            yield data
    except (OSError, RuntimeError, ValueError, LookupError, AttributeError, MemoryError) as error:
        # The library meets damage inside a file with whatever it stumbles over.
        raise AgrofluxError("no NetCDF file that can be read", came=str(error), where=path) from None


class _History:
    """The daily files of one column of a case.

    Parameters
    ----------
    run : Run
    notes : list of str
        Gets what is to be said of the files.

    Attributes
    ----------
    absent : list of _Output
        What was asked for and is in no file.
    """

    def __init__(self, run: Run, notes: list[str]):
        self._run, self._notes = run, notes
        self.absent: list[_Output] = []
        self._offsets: dict[Path, NDArray[np.int64]] = {}
        for path in run.files:
            if (days := self._days(path)) is not None:
                self._offsets[path] = days
        if not self._offsets:
            raise AgrofluxError(
                "no daily history", expected=f"{_BOUNDS} a day apart", came="other intervals", where=run.files[0]
            )
        self._keys = self._calendar()

    def column(self, output: _Output, layer: int | None = None) -> pd.Series | None:
        """A variable by day, in the unit wanted, or None where no file has it; a layer counts from 1."""
        parts = [
            pd.Series(values, self._keys[path])
            for path in self._offsets
            if (values := self._values(path, output, layer)) is not None
        ]
        if not parts:
            if output not in self.absent:
                self.absent.append(output)
            return None
        series = pd.concat(parts)
        if series.index.has_duplicates:
            twice = [f"day {key % 1000} of {key // 1000}" for key in series.index[series.index.duplicated()]]
            raise AgrofluxError(
                "duplicate days", expected=f"{output.name} once a day", came=listing(twice, 3),
                where=listing(path.name for path in self._offsets),
            )  # fmt: skip
        series = series.sort_index() * output.factor
        return daily_from_totals(series) if output.total else series

    def place(self) -> tuple[float, float]:
        """Latitude and longitude, NaN where no file has them."""
        with _opened(self._run.files[0]) as data:
            found = [self._coordinate(data, names) for names in (("lat", "latitude"), ("lon", "longitude"))]
        return found[0], found[1]

    def _coordinate(self, data: netCDF4.Dataset, names: tuple[str, ...]) -> float:
        for name in names:
            if name in data.variables:
                values = np.ma.filled(np.ma.asarray(data[name][:], np.float64), np.nan).reshape(-1)
                if self._run.part < len(values):
                    return float(values[self._run.part])
        return np.nan

    def _days(self, path: Path) -> NDArray[np.int64] | None:
        """Each record's days since the file's first, or None where records are no days."""
        with _opened(path) as data:
            if _BOUNDS not in data.variables:
                raise AgrofluxError(
                    f"no variable {_BOUNDS}",
                    expected="a history of EcoSIM",
                    came=listing(data.variables, 4),
                    where=path,
                )
            bounds = np.ma.filled(np.ma.asarray(data[_BOUNDS][:], np.float64), np.nan)
        if bounds.ndim != 2 or bounds.shape[1] != 2 or not len(bounds) or not (np.abs(bounds) < _MOST_DAYS).all():
            raise AgrofluxError(
                f"{_BOUNDS} without values", expected="two days for each record", came=bounds.shape, where=path
            )
        if not np.allclose(bounds[:, 1] - bounds[:, 0], 1, atol=0.01):
            self._notes.append(f"{path.name}: left out, as its records are not a day long")
            return None
        return np.rint(bounds[:, 0] - bounds[:, 0].min()).astype(np.int64)

    def _calendar(self) -> dict[Path, NDArray[np.int64]]:
        """The day of each record, with the leap days that let totals start anew on 1 January."""
        starts: list[str] = []
        for leap in (True, False):
            keys = {path: _keys(path, offsets, leap) for path, offsets in self._offsets.items()}
            anew = [day for path in keys for day in self._new_starts(path, keys[path])]
            wrong = [f"day {key % 1000} of {key // 1000}" for key in anew if key % 1000 != 1]
            if not wrong:
                return keys
            starts = starts or wrong
        raise AgrofluxError(
            "totals that do not start anew on 1 January", expected="the first day of a file as its name says",
            came=listing(starts, 3), where=listing(path.name for path in self._offsets),
        )  # fmt: skip

    def _new_starts(self, path: Path, keys: NDArray[np.int64]) -> list[int]:
        for name in _DRIVERS:
            totals = self._values(path, _Output(name, ""), None)
            if totals is not None:
                size = np.abs(totals[np.argsort(keys)])
                drops = np.flatnonzero(size[1:] < _LEAST_DROP * size[:-1]) + 1
                # The first days' dew may take back what little has evaporated.
                return [int(key) for key in np.sort(keys)[drops[size[drops - 1] > _LEAST_DROP * size.max()]]]
        return []

    def _values(self, path: Path, output: _Output, layer: int | None) -> NDArray[np.float64] | None:
        with _opened(path) as data:
            if output.name not in data.variables:
                return None
            variable = data[output.name]
            unit = getattr(variable, "units", output.unit)
            if output.unit and str(unit).strip() != output.unit:
                raise AgrofluxError(f"another unit of {output.name}", expected=output.unit, came=str(unit), where=path)
            values = np.ma.filled(np.ma.asarray(variable[:], np.float64), np.nan)
            dimensions = variable.dimensions
            columns = data.dimensions["column"].size if "column" in data.dimensions else 1
        if not dimensions or dimensions[0] != "time":
            raise AgrofluxError(
                f"{output.name} without time",
                expected="time as its first dimension",
                came=listing(dimensions),
                where=path,
            )
        if "pft" in dimensions:
            plants = values.shape[dimensions.index("pft")] // columns
            own = values[:, self._run.part * plants : (self._run.part + 1) * plants]
            values = np.where(np.isnan(own).all(axis=1), np.nan, np.nansum(own, axis=1))
        elif "column" in dimensions:
            values = np.take(values, self._run.part, axis=dimensions.index("column"))
        if values.ndim != (1 if layer is None else 2):
            raise AgrofluxError(
                f"{output.name} of other dimensions", expected="time, column and, where there are layers, levsoi",
                came=listing(dimensions), where=path,
            )  # fmt: skip
        if layer is None:
            return values
        return values[:, layer - 1] if layer <= values.shape[1] else None


def _keys(path: Path, offsets: NDArray[np.int64], leap: bool) -> NDArray[np.int64]:
    match = _NAME.fullmatch(path.name)
    assert match is not None  # by which `runs` found it
    try:
        first = pd.Timestamp(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1))
    except ValueError:
        raise AgrofluxError("no date", expected="a first day in the name", came=path.name, where=path) from None
    if leap:
        dates = first + pd.to_timedelta(offsets, unit="D")
        return day_key(dates.year.to_numpy(np.int64), dates.day_of_year.to_numpy(np.int64))
    start = pd.Timestamp(2001, first.month, min(first.day, 28) if first.month == 2 else first.day).day_of_year - 1
    return day_key(first.year + (start + offsets) // DAYS, (start + offsets) % DAYS + 1)
