"""A table of N2O chamber measurements, and the daily means of each chamber.

::

    time,chamber,flux,unit
    2016-05-03T00:30,1,12.5,ug N2O-N m-2 h-1
    2016-05-03T01:30,1,,ug N2O-N m-2 h-1

``time`` is the chamber's own clock, ISO 8601 without an offset, hourly or irregular; ``unit`` is one of those that
`agroflux_data.sources.chambers.flux_units` understands, row by row. An empty ``flux``, NA, NaN or -9999 is missing.
Columns of other names are left alone. A positive flux leaves the soil.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sources.chambers.flux_units import nitrogen_flux
from agroflux_data.sources.fields import csv_rows
from agroflux_data.sources.years import day_of_year
from agroflux_data.variables import DAYS, VARIABLES

__all__ = ["COLUMNS", "ChamberDays", "read"]

COLUMNS = ("time", "chamber", "flux", "unit")
_MISSING = ("", "na", "nan", "-9999", "-9999.0")
_LEAP_DAY = "02-29"


@dataclass(frozen=True)
class ChamberDays:
    """Daily means of all chambers.

    Attributes
    ----------
    daily : dict of (str, int) to array (365,)
        N2O, g N m-2 d-1, by chamber and year; NaN where too little was measured. Years with any measured day alone.
    notes : list of str
        What was dropped, sorted or is doubtful.
    """

    daily: dict[tuple[str, int], NDArray[np.float64]]
    notes: list[str]

    @property
    def names(self) -> tuple[str, ...]:
        """The chambers: by number where all have one, else by name."""
        names = {chamber for chamber, _ in self.daily}
        return tuple(sorted(names, key=int) if all(name.isdecimal() for name in names) else sorted(names))

    def years(self, chamber: str) -> tuple[int, ...]:
        """The years of a chamber, ascending."""
        return tuple(sorted(year for name, year in self.daily if name == chamber))


def read(paths: Sequence[Path], min_hours: int) -> ChamberDays:
    """The daily means of some files' measurements together.

    The mean of a day is that of its hours, and an hour's that of its measurements, so that hours measured often do
    not count more.

    Parameters
    ----------
    paths : sequence of Path
        A chamber may stand in several, at different times.
    min_hours : int
        A day counts with measurements in at least so many of its hours.

    Raises
    ------
    AgrofluxError
        A file cannot be read, lacks a column, holds a time, number or unit that is none; a chamber has two values of
        one time; or nothing is left.
    """
    notes: list[str] = []
    rows = pd.concat([_file(path, notes) for path in paths], ignore_index=True)
    rows = _unique(rows, notes)
    variable = VARIABLES["N2O"]
    outside = (rows["flux"] < variable.low) | (rows["flux"] > variable.high)
    if outside.any():
        first = rows[outside].iloc[0]
        notes.append(
            f"N2O: {outside.sum()} measurements taken as missing, as outside {variable.low:g} to {variable.high:g} "
            f"{variable.unit}, the first {first['flux']:.4g} of chamber {first['chamber']} at {first['time']}"
        )
    rows = rows[rows["flux"].notna() & ~outside]
    hourly = rows.groupby(["chamber", rows["time"].dt.floor("h")])["flux"].mean().reset_index()
    by_day = hourly.groupby(["chamber", hourly["time"].dt.normalize()])["flux"]
    means, hours = by_day.mean(), by_day.count()
    enough = hours >= min_hours
    if few := int((~enough).sum()):
        notes.append(
            f"N2O: {few} of {len(hours)} days with measurements left out, for fewer than {min_hours} hours of them"
        )
    daily: dict[tuple[str, int], NDArray[np.float64]] = {}
    for (chamber, day), value in means[enough].items():
        if f"{day:%m-%d}" != _LEAP_DAY:
            daily.setdefault((chamber, day.year), np.full(DAYS, np.nan))[day_of_year(day.date())] = value
    if not daily:
        raise AgrofluxError(
            "no day with enough measurements", expected=f"days with measurements in at least {min_hours} hours",
            came=f"at most {int(hours.max()) if len(hours) else 0} hours", where=listing(paths),
        )  # fmt: skip
    return ChamberDays(daily, notes)


def _file(path: Path, notes: list[str]) -> pd.DataFrame:
    """One file's measurements: time, chamber, flux in g N m-2 d-1 (NaN where missing), place in the file."""
    (first, names), *rest = csv_rows.lines(path, f"columns {','.join(COLUMNS)}")
    if lacking := [name for name in COLUMNS if name not in names]:
        raise AgrofluxError(
            f"no column {listing(lacking)}", expected=f"columns {','.join(COLUMNS)}, with commas between",
            came=",".join(names)[:80], where=f"{path}, line {first}",
        )  # fmt: skip
    if not rest:
        raise AgrofluxError("no measurements", expected="one or more below the header", came="none", where=path)
    places = [names.index(name) for name in COLUMNS]
    table = pd.DataFrame([[cells[place] for place in places] for _, cells in rest], columns=COLUMNS, dtype=str)
    table.index = pd.Index([line for line, _ in rest])
    times = pd.to_datetime(table["time"], format="ISO8601", errors="coerce", utc=True)
    # An offset would have moved the clock: only what reads the same without one is local time.
    plain = ~table["time"].str.contains(r"(?:[zZ]|[+-]\d{2}:?\d{2})$", regex=True) | (table["time"].str.len() <= 10)
    _all_good(path, table, "time", times.notna() & plain, "ISO 8601 without an offset, 2016-05-03T13:30 say")
    _all_good(path, table, "chamber", table["chamber"] != "", "the name of a chamber")
    missing = table["flux"].str.lower().isin(_MISSING)
    flux = pd.to_numeric(table["flux"].where(~missing, "nan"), errors="coerce")
    _all_good(path, table, "flux", missing | np.isfinite(flux), "a number, or nothing where missing")
    factors: dict[str, float] = {}
    for unit in table["unit"].unique():
        try:
            factors[unit] = nitrogen_flux(unit)
        except AgrofluxError as error:
            line = table.index[table["unit"] == unit][0]
            raise AgrofluxError(
                error.problem, expected=error.expected, came=unit, where=f"{path}, line {line}"
            ) from None
    if len(factors) > 1:
        notes.append(f"{path.name}: units {listing(factors)} in one table, converted row by row")
    return pd.DataFrame({
        "time": times.dt.tz_localize(None), "chamber": table["chamber"], "flux": flux * table["unit"].map(factors),
        "file": path.name,
    })  # fmt: skip


def _all_good(path: Path, table: pd.DataFrame, column: str, good: pd.Series, expected: str) -> None:
    bad = np.flatnonzero(~good.to_numpy())
    if len(bad):
        raise AgrofluxError(
            f"no {column}", expected=expected, came=str(table[column].iloc[bad[0]]),
            where=f"{path}, line {table.index[bad[0]]}, {len(bad)} such in all",
        )  # fmt: skip


def _unique(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Rows in the order of their times; what stands twice with one value counts once, with two it is an error."""
    ordered = rows.sort_values(["chamber", "time"], kind="stable", ignore_index=True)
    late = sum(not times.is_monotonic_increasing for _, times in rows.groupby(["file", "chamber"])["time"])
    if late:
        notes.append(f"times out of order, and sorted, of {late} chambers")
    kept = ordered.drop_duplicates(["chamber", "time", "flux"])
    if same := len(ordered) - len(kept):
        notes.append(f"{same} measurements that stand twice, counted once")
    twice = kept[kept.duplicated(["chamber", "time"], keep=False)]
    if len(twice):
        first = twice.iloc[:2]
        raise AgrofluxError(
            f"two values of one time: chamber {first['chamber'].iloc[0]} at {first['time'].iloc[0]}",
            expected="one value a chamber and time", came=" and ".join(f"{flux:.4g}" for flux in first["flux"]),
            where=listing(sorted(set(first["file"]))),
        )  # fmt: skip
    return kept
