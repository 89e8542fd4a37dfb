"""A user's own runs of a process model: one folder or file a run, one run a site and treatment.

What all models' output has in common is here; how one model writes it is the reader's of that model, which gives each
run as a `RunRecord`.
"""

from __future__ import annotations

import hashlib
import os
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sequences import table
from agroflux_data.sources.source import Site, Source
from agroflux_data.sources.years import cut_years
from agroflux_data.splits import Years
from agroflux_data.tasks import TASKS
from agroflux_data.variables import DAYS, INPUTS, STATICS, VARIABLES

__all__ = [
    "ModelRuns",
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
_NOWHERE = (np.nan, np.nan)
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


class ModelRuns(Source):
    """Runs of one process model as sequences, one a run and year.

    Make one with `open`. A model's class says which runs a path holds (`runs`) and what one of them gives (`read`).
    Targets are those of any run, NaN in the years of a run that did not write them; inputs are those of all runs.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        sites: tuple[Site, ...],
        *,
        inputs: tuple[str, ...],
        targets: tuple[str, ...],
        years: Years,
        content: str,
        warnings: tuple[str, ...],
    ):
        self._runs, self._sites, self._content = tuple(runs), sites, content
        self.inputs, self.targets, self.years, self.warnings = inputs, targets, years, warnings

    @staticmethod
    @abstractmethod
    def runs(path: Path) -> tuple[list[Run], list[str]]:
        """All runs at a path, and what is to be said of the others; raises `AgrofluxError` where there is none."""

    @staticmethod
    @abstractmethod
    def read(run: Run, place: tuple[float, float]) -> RunRecord:
        """What a run gives, at a latitude and longitude or, where NaN, at the place that its files say.

        Raises `AgrofluxError` where the files cannot be read.
        """

    @classmethod
    def open(cls, path: str | Path, *, test_from: int | None = None) -> Self:
        """The runs at a path; reads each once, so that everything wrong with them is said now.

        Parameters
        ----------
        path : str or Path
        test_from : int, optional
            First test year: the years before it are for training, none for validation. By default the years of the
            benchmark, as far as the runs have them, and no others.

        Raises
        ------
        AgrofluxError
            No run; two runs of one site and treatment; a file that cannot be read; no year that can be used; or
            `test_from` leaves no year before or after it.
        """
        path = Path(path)
        if not path.exists():
            raise AgrofluxError("nothing there", expected=f"output of {cls.name}", where=path)
        runs, notes = cls.runs(path)
        _refuse_twins(runs, path)
        records = [cls.read(run, _NOWHERE) for run in runs]
        found = sorted({year for one in records for year in one.years})
        if not found:
            raise AgrofluxError(
                "no year that can be used", expected="years of whole weather and some output",
                came=listing(note for one in records for note in one.notes if "left out" in note), where=path,
            )  # fmt: skip
        years, year_notes = cut_years(found, cls.name, test_from, path)
        kept = [(run, one) for run, one in zip(runs, records, strict=True) if {*one.years} & {*years.all}]
        used = [run for run, _ in kept]
        notes += [f"{run.label}: left out, as it has no year that can be used" for run in runs if run not in used]
        shared = set.intersection(*(set(one.values) for _, one in kept))
        written = {name for _, one in kept for name in one.values}
        known = TASKS[f"{cls.name}_temporal"]
        inputs = tuple(name for name in INPUTS if name in shared)
        if not set(inputs) - set(STATICS):
            raise AgrofluxError("no weather that all runs have", expected="some daily input of each run", where=path)
        return cls(
            used,
            _sites(kept),
            inputs=inputs,
            targets=tuple(name for name in known.targets if name in written),
            years=years,
            content=_content(used, years),
            warnings=(*notes, *year_notes, *_input_notes(kept), *_run_notes(runs, records)),
        )

    @property
    def content(self) -> str:
        return self._content

    @property
    def sites(self) -> tuple[Site, ...]:
        return self._sites

    def sequences(self, sites: Sequence[Site]) -> pa.Table:
        wanted = {site.name: site for site in sites}
        rows: list[tuple[Site, int, int]] = []
        blocks: dict[str, list[Array]] = {
            name: [np.empty((0, *(() if name in STATICS else (DAYS,))))] for name in self.inputs + self.targets
        }
        for run in self._runs:
            if run.site not in wanted:
                continue
            one = self.read(run, _NOWHERE)
            taken = np.array([year in self.years.all for year in one.years], bool)
            rows += [(wanted[run.site], run.treatment, year) for year in one.years if year in self.years.all]
            for name, block in blocks.items():
                array = one.values.get(name)
                block.append(np.full((int(taken.sum()), DAYS), np.nan) if array is None else array[taken])
        keys = np.array([(treatment, year) for _, treatment, year in rows], np.int64).reshape(-1, 2)
        columns = {name: np.concatenate(block) for name, block in blocks.items()}
        return table([site for site, _, _ in rows], keys[:, 0], keys[:, 1], columns.items())


def _refuse_twins(runs: Sequence[Run], path: Path) -> None:
    first: dict[tuple[str, int], Run] = {}
    for run in runs:
        twin = first.setdefault((run.site, run.treatment), run)
        if twin is not run:
            raise AgrofluxError(
                f"two runs of site {run.site}, treatment {run.treatment}", expected="one run of each",
                came=f"{_place(twin, path)} and {_place(run, path)}", where=path,
            )  # fmt: skip


def _place(run: Run, path: Path) -> str:
    """Where a run lies, seen from the path that was read."""
    place = run.files[0].parent if len(run.files) > 1 else run.files[0]
    return str(place.relative_to(path)) if place.is_relative_to(path) else place.name


def _sites(kept: Iterable[tuple[Run, RunRecord]]) -> tuple[Site, ...]:
    """Sites in the order of their names; a site stands where the first of its runs says."""
    places: dict[str, tuple[float, float]] = {}
    for run, one in kept:
        if not np.isfinite(places.get(run.site, (np.nan,))).all():
            places[run.site] = (one.lat, one.lon)
    return tuple(Site(name, number, *places[name]) for number, name in enumerate(sorted(places), start=1))


def _content(runs: Iterable[Run], years: Years) -> str:
    """What the rows are made from: a hash over the files, not their places, and what is taken of them."""
    digest = hashlib.sha256()
    for run in runs:
        digest.update(f"{run.site} {run.treatment} {run.part}\n".encode())
        for file in run.files:
            digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return f"files {digest.hexdigest()[:16]}, years {years.first}, {years.validation}, {years.test} to {years.last}"


def _input_notes(kept: Sequence[tuple[Run, RunRecord]]) -> list[str]:
    """Inputs that not all runs have; what one run lacks, its reader says."""
    lacking = {name: [run.label for run, one in kept if name not in one.values] for name in INPUTS}
    return [
        f"{name}: left out, as not in {listing(labels)}"
        for name, labels in lacking.items()
        if 0 < len(labels) < len(kept)
    ]


def _run_notes(runs: Sequence[Run], records: Sequence[RunRecord]) -> list[str]:
    """What is to be said of runs, each thing once with the runs that it is true of."""
    labels: dict[str, list[str]] = {}
    for run, one in zip(runs, records, strict=True):
        unplaced = ["lat, lon: NaN, as no file says where it stands"] if np.isnan(one.lat + one.lon) else []
        for note in (*one.notes, *unplaced):
            labels.setdefault(note, []).append(run.label)
    return [f"{listing(of)}: {note}" for note, of in labels.items()]
