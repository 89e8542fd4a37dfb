"""A release looked over in one pass: what is observed where, how seasons run, and how splits differ from each other.

Shares count every row. Quantiles are those of a sample, so that a release of any size fits into memory: of each split,
or of each source and crop, the rows whose sequence number has the smallest hash, at most `SAMPLE` or `SEASON_SAMPLE`.
Such a sample is uniform, is the same each time and is all rows where there are no more.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data import overview, sequences
from agroflux_data.overview import SplitOverview
from agroflux_data.release import Release, Targets
from agroflux_data.splits import Edition
from agroflux_data.tasks import Task
from agroflux_data.variables import DAYS, STATICS

__all__ = ["QUANTILES", "SAMPLE", "SEASON_SAMPLE", "TOTALS", "Season", "Spread", "Survey", "survey"]

SAMPLE = 20_000
"""Rows of a split whose quantiles stand for it, at most."""
SEASON_SAMPLE = 2_000
"""Rows of a source and crop whose quantiles of a day stand for it, at most."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOTALS = ("PREC", "FERTZR_N")
"""Inputs whose number for a year is their total; that of others is their mean, and that of PDOY a day of the year."""
_BAND = (0.1, 0.5, 0.9)

Told = Callable[[int, int], None]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Season:
    """The mean course of a target over the year, in public rows.

    Attributes
    ----------
    source, crop, target : str
    rows : int
        Sequences that stand behind it.
    low, median, high : arrays (365,)
        10, 50 and 90 % of the values of a day; NaN where there is none.
    """

    source: str
    crop: str
    target: str
    rows: int
    low: Floats
    median: Floats
    high: Floats


@dataclass(frozen=True)
class Spread:
    """How the yearly numbers of a variable spread over the rows of a split.

    Attributes
    ----------
    source, scenario, split, variable : str
    hidden : bool
        Whether outputs of the split are hidden.
    quantiles : array (5,)
        `QUANTILES` of the yearly number; NaN where no row has one. Of PLANTT all are the share of corn.
    """

    source: str
    scenario: str
    split: str
    variable: str
    hidden: bool
    quantiles: Floats


@dataclass(frozen=True)
class Survey:
    """What one pass over a release found.

    Attributes
    ----------
    release : Release
    splits : tuple of SplitOverview
        With the share observed.
    seasons : tuple of Season
    spreads : tuple of Spread
        Seasons and spreads are there only if they were asked for.
    """

    release: Release
    splits: tuple[SplitOverview, ...]
    seasons: tuple[Season, ...] = ()
    spreads: tuple[Spread, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Version, revision, edition and splits as JSON values."""
        return {
            "version": str(self.release.version),
            "revision": self.release.revision,
            "edition": str(self.release.edition),
            "origins": {name: source.origin for name, source in self.release.provenance.sources.items()},
            "splits": [asdict(split) for split in self.splits],
        }


class _Sample:
    """Of rows that come in pieces, those whose keys have the smallest hashes."""

    def __init__(self, most: int):
        self.most = most
        self._hashes = np.empty(0, np.uint64)
        self._rows: dict[str, NDArray[np.floating]] = {}

    def add(self, keys: NDArray[np.int64], rows: dict[str, NDArray[np.floating]]) -> None:
        """Rows (rows, ...) by column, always the same columns, and the key of each."""
        hashes = _hashed(keys)
        if len(self) == self.most:
            low = hashes < self._hashes[-1]
            hashes, rows = hashes[low], {name: values[low] for name, values in rows.items()}
            if not len(hashes):
                return
        hashes = np.concatenate([self._hashes, hashes])
        kept = np.argsort(hashes, kind="stable")[: self.most]
        self._hashes = hashes[kept]
        for name, values in rows.items():
            before = self._rows.get(name)
            self._rows[name] = (values if before is None else np.concatenate([before, values]))[kept]

    def __len__(self) -> int:
        return len(self._hashes)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._rows)

    def __getitem__(self, column: str) -> NDArray[np.floating]:
        return self._rows[column]


def _hashed(keys: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014, OOPSLA): nearby keys get far hashes."""
    mixed = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def survey(
    release: Release,
    targets: Targets | None = None,
    *,
    figures: bool = False,
    told: Told = lambda done, total: None,
) -> Survey:
    """Read every row of a release once.

    Parameters
    ----------
    release : Release
    targets : Targets, optional
        Its hidden targets: with them, hidden splits are looked over too.
    figures : bool
        Also find seasons and spreads, which needs every column.
    told : callable
        Told (rows read, rows in all).
    """
    splits = overview.splits(release)
    found: list[SplitOverview] = []
    spreads: list[Spread] = []
    seasons: dict[tuple[str, str], _Sample] = {}
    total, done = sum(split.rows for split in splits), 0
    told(done, total)
    for split in splits:
        task = release.task(split.task)
        first = task.name == next(name for name in release.tasks if release.task(name).source == task.source)
        # In the sealed edition the folds hold the rows of the temporal task once more.
        spreading = figures and (first or split.hidden or release.edition is Edition.OPEN)
        observed = dict.fromkeys(task.ranked_targets, 0)
        for folder, columns in _parts(release, targets, task, split, every=spreading):
            sample = _Sample(SAMPLE)
            for rows in folder.read(task.name, split.split, ["sequence", *columns]):
                for name in observed.keys() & set(columns):
                    observed[name] += int(np.sum(~np.isnan(sequences.values(rows[name]))))
                if spreading:
                    sample.add(rows["sequence"].to_numpy(), {name: _yearly(name, rows[name]) for name in columns})
                if spreading and first and not split.hidden:
                    _add_to_seasons(seasons, task, rows)
            if spreading:
                spreads += [_spread(task, split, name, sample[name]) for name in columns]
        done += split.rows
        told(done, total)
        if not split.hidden or targets is not None:
            shares = {name: observed[name] / (split.rows * DAYS) for name in task.ranked_targets}
            split = replace(split, observed=shares)
        found.append(split)
    return Survey(release, tuple(found), tuple(_seasons(seasons)), tuple(spreads))


def _parts(
    release: Release, targets: Targets | None, task: Task, split: SplitOverview, *, every: bool
) -> Iterator[tuple[Release | Targets, tuple[str, ...]]]:
    """Where the values of a split stand, and in which columns: all of them, or those of ranked targets."""
    inputs, outputs = (task.inputs, task.targets) if every else ((), task.ranked_targets)
    if not split.hidden:
        yield release, (*inputs, *outputs)
        return
    if inputs:
        yield release, inputs
    if targets is not None:
        yield targets, outputs


def _yearly(name: str, column: pa.ChunkedArray) -> Floats:
    """One number for each row, (rows,)."""
    if name in STATICS:
        return column.to_numpy().astype(np.float64)
    values = sequences.values(column).astype(np.float64)
    if name == "PDOY":
        planted = values > 0.5
        return np.where(planted.any(axis=1), planted.argmax(axis=1) + 1.0, np.nan)
    if name in TOTALS:
        return values.sum(axis=1)
    count = (~np.isnan(values)).sum(axis=1)
    return np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)


def _spread(task: Task, split: SplitOverview, name: str, numbers: NDArray[np.floating]) -> Spread:
    # Of a flag, quantiles would say nothing.
    flag = name == "PLANTT"
    quantiles = np.full(len(QUANTILES), numbers.mean()) if flag else _quantiles(numbers, QUANTILES)
    return Spread(task.source, task.scenario, split.split, name, split.hidden, quantiles)


def _add_to_seasons(seasons: dict[tuple[str, str], _Sample], task: Task, rows: pa.Table) -> None:
    corn = sequences.values(rows["PLANTT"]).max(axis=1) > 0.5 if "PLANTT" in task.inputs else None
    crops = {"any crop": np.ones(len(rows), bool)} if corn is None else {"corn": corn, "soybean": ~corn}
    values = {name: sequences.values(rows[name]) for name in task.ranked_targets}
    for crop, own in crops.items():
        if own.any():
            sample = seasons.setdefault((task.source, crop), _Sample(SEASON_SAMPLE))
            sample.add(rows["sequence"].to_numpy()[own], {name: daily[own] for name, daily in values.items()})


def _seasons(samples: dict[tuple[str, str], _Sample]) -> Iterator[Season]:
    for (source, crop), sample in samples.items():
        for target in sample.columns:
            yield Season(source, crop, target, len(sample), *_quantiles(sample[target], _BAND))


def _quantiles(values: NDArray[np.floating], wanted: tuple[float, ...]) -> Floats:
    """Quantiles over rows, (quantiles, ...); NaN where nothing was observed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of slices without a value
        return np.nanquantile(values.astype(np.float64), wanted, axis=0)
