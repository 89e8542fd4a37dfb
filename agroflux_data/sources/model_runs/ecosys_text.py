"""Ecosys: the daily soil files (text) that the model and EcoSIM's first builds write.

A file is one year, one group of variables (carbon, water, nitrogen, heat) and one grid cell: ``0yyyyCONTROL``, or
``NXNY0yyyyCONTROL`` with two digits each for the cell. Its first line is ``DOY DATE`` and the names that the control
file chose; each other line has 16 characters of a tag, the day, the date as ddmmyyyy, and a value for each name. Hourly
files have HOUR beside. A folder is a run, named ``SITE`` or ``SITE_TREATMENT``; cells are sites.

Fluxes are totals since 1 January, those of the weather amounts of the day. Emissions are negative, nitrate has nitrite
in it and ammonium what is exchangeable, and a layer of the benchmark is the model's layer of that number.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from agroflux_data.errors import AgrofluxError, listing
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
from agroflux_data.sources.model_runs.text_table import TextTable, lines

__all__ = ["read", "runs"]

_NAME = re.compile(r"(?P<cell>\d{4})?0(?P<year>(1[89]|2[01])\d\d)(?P<control>[^\d].*)?")
_TAG = 16
"""Characters before the day of each line."""
_WIND_TRAVEL = 1000 / 86_400
"""m s-1 in 1 km d-1."""
_LAYERS = (1, 3, 5)

_DAILY = {
    "TMAX": ("TMAX_AIR", 1.0),
    "TMIN": ("TMIN_AIR", 1.0),
    "RADN": ("RADN", 1.0),
    "HMAX": ("HMAX_AIR", 1.0),
    "HMIN": ("HMIN_AIR", 1.0),
    "WIND": ("WIND", _WIND_TRAVEL),
    "LAI": ("ECO_LAI", 1.0),
    "NH4_L1": ("NH4_1", 1.0),
    **{f"NO3_L{layer}": (f"NO3_{layer}", 1.0) for layer in _LAYERS},
    **{f"SWC_L{layer}": (f"WTR_{layer}", 1.0) for layer in _LAYERS},
    **{f"TSMAX_L{layer}": (f"TMAX_SOIL_{layer}", 1.0) for layer in _LAYERS},
    **{f"TSMIN_L{layer}": (f"TMIN_SOIL_{layer}", 1.0) for layer in _LAYERS},
}
"""Column of the benchmark -> name in the files and factor."""
_TOTALS = {
    "GPP": ("ECO_GPP", 1.0),
    "SOIL_CO2": ("CO2_FLUX", -1.0),
    "N2O": ("N2O_FLUX", -1.0),
    "FERTZR_N": ("FERTZR_N", 1.0),
}
"""The same for totals since 1 January."""
_RAIN, _EVAPORATED, _HARVESTED = "PRECN", "ET", "ECO_HVST_C"
_RESPIRED = ("ECO_RA", "ECO_RH")
_SOIL_CARBON = re.compile(r"SOC_\d+")
_HEAT = ("TMAX_AIR", "TMIN_AIR", "RADN", "HMAX_AIR", "HMIN_AIR", "WIND")
"""Names of the file of heat, whose precipitation is that of the day."""


def runs(path: Path) -> tuple[list[Run], list[str]]:
    """The folders at or below a path with daily files, each cell of one a run."""
    cells: dict[tuple[Path, str], list[Path]] = {}
    if path.is_dir():
        for folder, names in folders_below(path):
            for name in names:
                if (match := _NAME.fullmatch(name)) is not None:
                    cells.setdefault((folder, match["cell"] or ""), []).append(folder / name)
    found = []
    for (folder, cell), files in sorted(cells.items()):
        site, treatment = site_and_treatment(folder.name)
        alone = sum(other == folder for other, _ in cells) == 1
        found.append(Run(site if alone else f"{site}-{cell or '0'}", treatment, tuple(files)))
    return found, []


def read(run: Run, place: tuple[float, float]) -> RunRecord:
    """What the files of a cell give; they do not say where it is."""
    notes: list[str] = []
    wrote, rain = _columns(run, notes)
    daily = {name: wrote[own] * factor for name, (own, factor) in _DAILY.items() if own in wrote}
    daily |= {name: daily_from_totals(wrote[own]) * factor for name, (own, factor) in _TOTALS.items() if own in wrote}
    if rain is not None:
        daily["PREC"] = rain
    if {*_RESPIRED} <= {*wrote}:
        # Their sign differs between builds, and respiration never turns.
        daily["RECO"] = sum(
            (daily_from_totals(wrote[own].abs()) for own in _RESPIRED), start=pd.Series(0.0, wrote["ECO_RA"].index)
        )
    if {"GPP", "RECO"} <= {*daily}:
        daily["NEE"] = daily["RECO"] - daily["GPP"]
    if _EVAPORATED in wrote:
        total = wrote[_EVAPORATED]
        daily["ET"] = daily_from_totals(total) * (-1 if total.mean() < 0 else 1)
    if daily:
        daily |= {name: on_all_days(values, days_of(daily.values())) for name, values in _yearly(wrote).items()}
    known = {own for own, _ in (*_DAILY.values(), *_TOTALS.values())} | {_RAIN, _EVAPORATED, _HARVESTED, *_RESPIRED}
    if lacking := sorted(known - {*wrote} - ({_RAIN} if rain is not None else set())):
        notes.append(f"not chosen for output: {listing(lacking, 40)}")
    return record(run, daily, {}, notes, place=place)


def _yearly(wrote: dict[str, pd.Series]) -> dict[str, pd.Series]:
    """YIELD, all carbon harvested by the end of the year, and DSOC, of all layers that were written."""
    yearly: dict[str, pd.Series] = {}
    if _HARVESTED in wrote:
        total = wrote[_HARVESTED]
        yearly["YIELD"] = total.groupby(total.index // 1000).max()
    layers = [series for name, series in wrote.items() if _SOIL_CARBON.fullmatch(name)]
    if layers:
        yearly["DSOC"] = change_over_years(pd.concat(layers, axis=1).sum(axis=1, skipna=False).sort_index())
    return yearly


def _columns(run: Run, notes: list[str]) -> tuple[dict[str, pd.Series], pd.Series | None]:
    """All columns of a run's files by day, and the precipitation of each day."""
    parts: dict[str, list[pd.Series]] = {}
    rain: list[pd.Series] = []
    for path in run.files:
        table = _table(path, notes)
        if table is None:
            continue
        index = _days(table)
        for place, name in enumerate(table.names[2:], start=2):
            series = pd.Series(table.column(place, notes, f"{path.name}, {name}"), index).sort_index()
            if name == _RAIN:
                rain.append(series if {*_HEAT} & {*table.names} else daily_from_totals(series))
            else:
                parts.setdefault(name, []).append(series)
        if not index.is_monotonic_increasing:
            notes.append(f"{path.name}: days out of order and sorted")
    wrote = {name: _joined(name, own, run) for name, own in parts.items()}
    if not rain:
        return wrote, None
    joined = pd.concat(rain)
    return wrote, joined[~joined.index.duplicated()].sort_index()


def _joined(name: str, parts: list[pd.Series], run: Run) -> pd.Series:
    series = pd.concat(parts)
    if series.index.has_duplicates:
        twice = [f"day {key % 1000} of {key // 1000}" for key in series.index[series.index.duplicated()]]
        raise AgrofluxError(
            "duplicate days", expected=f"{name} once a day", came=listing(twice, 3), where=run.files[0].parent
        )
    return series.sort_index()


def _table(path: Path, notes: list[str]) -> TextTable | None:
    """The cells of a file, without the tag; None, with a note, for an hourly one."""
    first, *rest = lines(path)
    names = first.split()
    if "HOUR" in names[:3]:
        notes.append(f"{path.name}: left out, as it is hourly")
        return None
    if names[:2] != ["DOY", "DATE"]:
        raise AgrofluxError(
            "no header of Ecosys", expected="DOY and DATE, then names, with blanks between them",
            came=first.strip()[:60], where=path,
        )  # fmt: skip
    rows = [(number, line[_TAG:].split()) for number, line in enumerate(rest, start=2) if line.strip()]
    table = TextTable.parse(path, names, rows, width=len(names))
    for name in names:
        table.place(name)  # refuses one that stands twice
    return table


def _days(table: TextTable) -> pd.Index:
    dates = pd.to_datetime(pd.Series([row[1] for row in table.cells]), format="%d%m%Y", errors="coerce")
    day = table.column(0, [], "DOY")
    wrong = dates.isna().to_numpy() | (np.floor(day) != dates.dt.day_of_year.to_numpy())
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise AgrofluxError(
            "no date", expected="a day of the year and the same as ddmmyyyy", came=" ".join(table.cells[row][:2]),
            where=f"{table.path}, line {table.numbers[row]}, {wrong.sum()} such in all",
        )  # fmt: skip
    index = pd.Index(day_key(dates.dt.year.to_numpy(np.int64), dates.dt.day_of_year.to_numpy(np.int64)))
    if index.has_duplicates:
        twice = [f"day {key % 1000} of {key // 1000}" for key in index[index.duplicated()].unique()]
        raise AgrofluxError("duplicate days", expected="one line a day", came=listing(twice, 3), where=table.path)
    return index
