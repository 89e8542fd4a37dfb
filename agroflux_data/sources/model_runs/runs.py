"""One run of a process model: what it is called, and its days as years of inputs and outputs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.variables import DAYS, INPUTS, VARIABLES

__all__ = [
    "Run",
    "RunRecord",
    "change_over_years",
    "daily_from_totals",
    "day_key",
    "days_of",
    "folders_below",
    "on_all_days",
    "record",
    "site_and_treatment",
]

Array = NDArray[np.float64]

_NAME = re.compile(r"(?P<site>.*[^_])_(?P<treatment>\d{1,2})")
_LEAP_DAY = 60
_KEY = 1000


@dataclass(frozen=True)
class Run:
    """One run of a model.

    Attributes
    ----------
    site : str
    treatment : int
        0 where there is but one.
    files : tuple of Path
        Everything that the run is read from, sorted.
    part : int
        Which column of the files, where they hold several places.
    """

    site: str
    treatment: int
    files: tuple[Path, ...]
    part: int = 0

    @property
    def label(self) -> str:
        """The run by the name that it has in messages."""
        return f"{self.site}_{self.treatment}" if self.treatment else self.site


@dataclass(frozen=True)
class RunRecord:
    """What the files of one run give.

    Attributes
    ----------
    years : list of int
        Years with whole inputs and some output, ascending.
    values : dict of str to array
        Inputs and outputs in the units of `agroflux_data.variables`, (years, 365) each, or (years,) for statics; only
        those that the run wrote.
    lat, lon : float
        Degrees; NaN where the files do not say.
    notes : list of str
        What was derived, masked, left out or doubtful, without the name of the run.
    """

    years: list[int]
    values: dict[str, Array]
    lat: float
    lon: float
    notes: list[str]


def folders_below(path: Path) -> Iterator[tuple[Path, list[str]]]:
    """A folder and all below it, links followed, in order; each with the names of its files, sorted."""
    for folder, inner, names in os.walk(path, followlinks=True):
        inner.sort()
        yield Path(folder), sorted(names)


def site_and_treatment(name: str) -> tuple[str, int]:
    """Site and treatment of a run's name: ``SITE`` or ``SITE_TREATMENT``, the treatment a number from 0 to 99.

    >>> site_and_treatment("17019_3"), site_and_treatment("mead_notill")
    (('17019', 3), ('mead_notill', 0))
    """
    match = _NAME.fullmatch(name)
    return (match["site"], int(match["treatment"])) if match else (name, 0)


def day_key(year: NDArray[np.int64], day: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """One number for each day, ascending in time: ``year * 1000 + day`` of the year."""
    return year * _KEY + day


def days_of(daily: Iterable[pd.Series]) -> NDArray[np.int64]:
    """All days that some variable has, ascending, each once."""
    return np.unique(np.concatenate([series.index.to_numpy() for series in daily]))


def daily_from_totals(totals: pd.Series) -> pd.Series:
    """Daily amounts of totals since 1 January; NaN on a day whose day before is not there.

    Parameters
    ----------
    totals : pandas.Series
        By `day_key`, ascending.
    """
    key = totals.index.to_numpy()
    before = totals.reindex(key - 1).to_numpy()
    return totals - np.where(key % _KEY == 1, 0.0, before)


def change_over_years(stock: pd.Series) -> pd.Series:
    """The change of a stock from the end of the year before to the end of each year, by year; NaN in the first.

    Parameters
    ----------
    stock : pandas.Series
        By `day_key`, ascending.
    """
    ends = stock[stock.index % _KEY >= DAYS].groupby(lambda key: key // _KEY).last()
    return ends - ends.reindex(ends.index - 1).to_numpy()


def on_all_days(yearly: pd.Series, days: NDArray[np.int64]) -> pd.Series:
    """Values by year as a series by `day_key`."""
    return pd.Series(yearly.reindex(days // _KEY).to_numpy(np.float64), days)


def record(
    run: Run,
    daily: dict[str, pd.Series],
    statics: dict[str, float],
    notes: list[str],
    *,
    place: tuple[float, float],
) -> RunRecord:
    """The years of a run from the days that its files hold.

    A year that has a day 366 has lost its 29 February, its day 60: weather decides, not the calendar, as models repeat
    years of weather under other years' numbers. Days that are not there are NaN; so are values outside a variable's
    physical range, with a note. A year whose inputs are not whole is left out, with a note.

    Parameters
    ----------
    run : Run
    daily : dict of str to pandas.Series
        Variable -> values by `day_key`.
    statics : dict of str to float
    notes : list of str
        What the reader has to say already.
    place : tuple of float
        lat, lon.

    Raises
    ------
    AgrofluxError
        The run has no weather, or no output.
    """
    notes = list(notes)
    where = run.files[0].parent if len(run.files) > 1 else run.files[0]
    inputs = [name for name in INPUTS if name in daily]
    targets = [name for name in daily if name not in INPUTS]
    for kind, names in (("weather", inputs), ("output", targets)):
        if not names:
            raise AgrofluxError(f"no {kind} in a run", expected=f"files with {kind}", came="none of them", where=where)
    index = days_of(daily.values())
    years = np.unique(index // _KEY)
    leap = np.isin(day_key(years, DAYS + 1), index)
    days = np.arange(1, DAYS + 1) + (leap[:, None] & (np.arange(1, DAYS + 1) >= _LEAP_DAY))
    keys = day_key(years[:, None], days).reshape(-1)
    values = {name: series.reindex(keys).to_numpy(np.float64) for name, series in daily.items()}
    inside = int((~np.isin(keys[(keys > index.min()) & (keys < index.max())], index)).sum())
    if inside:
        notes.append(f"{inside} days missing between first and last")
    for name, array in values.items():
        values[name] = _plausible(name, array, keys, notes).reshape(-1, DAYS)
    broken = {name: np.isnan(values[name]).any(axis=1) for name in inputs}
    observed = np.any([~np.isnan(values[name]).all(axis=1) for name in targets], axis=0)
    whole = ~np.any(list(broken.values()), axis=0)
    if not whole.all():
        lacking = listing(name for name, gaps in broken.items() if gaps.any())
        notes.append(f"{listing(years[~whole])} left out, as not known on every day: {lacking}")
    if (silent := whole & ~observed).any():
        notes.append(f"{listing(years[silent])} left out, as the run has no output there")
    kept = whole & observed
    yearly = {name: array[kept] for name, array in values.items()}
    fixed: dict[str, Array] = {}
    for name, value in statics.items():
        if VARIABLES[name].low <= value <= VARIABLES[name].high:
            fixed[name] = np.full(int(kept.sum()), value)
        else:
            notes.append(f"no {name}, as {value:g} {VARIABLES[name].unit} is none")
    return RunRecord(years[kept].tolist(), yearly | fixed, *place, notes)


def _plausible(name: str, array: Array, keys: NDArray[np.int64], notes: list[str]) -> Array:
    variable = VARIABLES[name]
    outside = (array < variable.low) | (array > variable.high)
    if outside.any():
        first = keys[outside][0]
        notes.append(
            f"{name} taken as missing on {outside.sum()} days, as outside {variable.low:g} to "
            f"{variable.high:g} {variable.unit}, the first day {first % _KEY} of {first // _KEY}"
        )
    return np.where(outside, np.nan, array)
