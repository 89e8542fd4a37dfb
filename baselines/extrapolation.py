"""Does a model extrapolate: its skill by the distance of the tested inputs from those that it was trained on.

A row's inputs are described by some numbers (`describe`): means and totals of its weather by season, the extremes of
the year, nitrogen, planting, crop and soil. Each is standardised by its mean and standard deviation over the training
rows. The distance of a row is that to the nearest training row, divided by the mean distance between training rows: the
dissimilarity index of Meyer & Pebesma 2021, Methods Ecol. Evol. 12:1620, there with weights for what a model finds
important, here without, so that all models are asked the same. 0 is a row that was trained on, 1 one as far from
all of them as they are from each other on average. As there, what lies beyond the training data is told by the training
data themselves: by the distances of their rows to the nearest of another year (temporal tasks) or another site (spatial
tasks), up to 1.5 times the quartiles' range above the third quartile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.figures import FIRST_DAYS
from agroflux_data.release import Release
from agroflux_data.sequences import parts
from agroflux_data.variables import DAYS, STATICS
from baselines.predicted import Predicted
from baselines.run import Run
from submission.bootstrap import RESAMPLES, Bootstrap, Interval, interval, site_years
from submission.keys import positions
from submission.metrics import RowSums, skill

__all__ = ["BINS", "METRICS", "Bin", "Distances", "Extrapolation", "describe", "distances", "measure"]

BINS = 5
METRICS = ("skill", "r2", "rmse")
MOST = 20_000
"""Training rows that distances are measured to, at most: an even sample of more."""
_TOTALS = ("PREC",)
_PEAKS = {"TMAX": np.max, "TMIN": np.min, "PREC": np.max}
"""The hottest, the coldest and the wettest day."""
_CHUNK = 1024
_SEASONS = {"DJF": (11, 0, 1), "MAM": (2, 3, 4), "JJA": (5, 6, 7), "SON": (8, 9, 10)}
"""Months, from 0, of the same calendar year."""


@dataclass(frozen=True)
class Distances:
    """How far rows are from the training rows.

    Attributes
    ----------
    index : float array (N,)
        The dissimilarity index of each row.
    limit : float
        Above it a row lies beyond the training data; NaN where they are of one site or year.
    features : tuple of str
        What describes a row: those that vary over the training rows.
    """

    index: NDArray[np.float64]
    limit: float
    features: tuple[str, ...]


@dataclass(frozen=True)
class Bin:
    """One model on rows of similar distance.

    Attributes
    ----------
    model, target : str
    number : int
        1 for the nearest rows.
    rows, n : int
        Rows, once for each seed, and their observed days.
    low, middle, high : float
        Lowest, median and highest dissimilarity index of the rows.
    beyond : float
        Share of the rows that lie beyond the training data.
    metrics : dict of str to float
        By name, those of `METRICS`.
    intervals : dict of str to Interval
        95 % intervals of the same over resampled site-years.
    """

    model: str
    target: str
    number: int
    rows: int
    n: int
    low: float
    middle: float
    high: float
    beyond: float
    metrics: dict[str, float]
    intervals: dict[str, Interval]


@dataclass(frozen=True)
class Extrapolation:
    """Scores by distance.

    Attributes
    ----------
    task : str
    bins : tuple of Bin
        By model, target and number.
    limit : float
        The mean over models' training rows of `Distances.limit`.
    features : int
        How many numbers describe a row.
    """

    task: str
    bins: tuple[Bin, ...]
    limit: float
    features: int

    def table(self) -> pd.DataFrame:
        """A row for each model, target and bin."""
        return pd.DataFrame(
            [
                {
                    "task": self.task, "model": one.model, "target": one.target, "bin": one.number, "rows": one.rows,
                    "n": one.n, "index_low": one.low, "index_median": one.middle, "index_high": one.high,
                    "beyond": one.beyond,
                }
                | {
                    key: value
                    for name in METRICS
                    for key, value in (
                        (name, one.metrics[name]),
                        (f"{name}_low", one.intervals[name].low),
                        (f"{name}_high", one.intervals[name].high),
                    )
                }
                for one in self.bins
            ]
        )  # fmt: skip


def describe(rows: Arrays) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """What describes the inputs of some rows.

    Returns
    -------
    float64 array (N, K), tuple of str
        The numbers, and their names such as ``TMAX_JJA``, ``PREC_max`` and ``TSOC``.
    """
    month = np.searchsorted(FIRST_DAYS, np.arange(DAYS), side="right") - 1
    found: dict[str, NDArray[np.floating]] = {}
    for number, name in enumerate(rows.columns.inputs):
        daily = rows.inputs[:, number]
        if name in STATICS:
            found[name] = daily[:, 0]
        elif name == "FERTZR_N":
            found[name] = daily.sum(axis=1, dtype=np.float64)
        elif name == "PLANTT":
            found[name] = daily.mean(axis=1, dtype=np.float64)
        elif name == "PDOY":
            found[name] = np.where(daily.max(axis=1) > 0.5, daily.argmax(axis=1), np.nan)
        else:
            for season, months in _SEASONS.items():
                days = daily[:, np.isin(month, months)]
                how = days.sum if name in _TOTALS else days.mean
                found[f"{name}_{season}"] = how(axis=1, dtype=np.float64)
            if name in _PEAKS:
                found[f"{name}_{'min' if name == 'TMIN' else 'max'}"] = _PEAKS[name](daily, axis=1)
    numbers = np.column_stack([column.astype(np.float64) for column in found.values()])
    # A year without planting is as usual in this respect.
    usual = np.array([np.mean(column[~np.isnan(column)]) if (~np.isnan(column)).any() else 0 for column in numbers.T])
    return np.where(np.isnan(numbers), usual, numbers), tuple(found)


def distances(rows: Arrays, training: Arrays, scenario: str) -> Distances:
    """How far rows are from training rows.

    Parameters
    ----------
    rows, training : Arrays
        With the same inputs.
    scenario : str
        ``temporal`` or ``spatial``: whether training rows of another year or of another site tell the limit.

    Raises
    ------
    AgrofluxError
        The inputs of all training rows are the same.
    """
    numbers, names = describe(rows)
    known, _ = describe(training)
    sequence = training.sequence
    if len(known) > MOST:
        taken = np.linspace(0, len(known) - 1, MOST).astype(np.int64)
        known, sequence = known[taken], sequence[taken]
    mean, spread = known.mean(axis=0), known.std(axis=0)
    varies = spread > 1e-6 * np.maximum(1, np.abs(mean))
    if not varies.any():
        raise AgrofluxError("training rows that are all alike", expected="inputs that vary over rows")
    numbers, known = ((some[:, varies] - mean[varies]) / spread[varies] for some in (numbers, known))
    site, _, year = parts(sequence)
    nearest, _ = _nearest(numbers, known)
    others, average = _nearest(known, known, year if scenario == "temporal" else site)
    others = others[np.isfinite(others)] / average
    quarter, three = np.quantile(others, (0.25, 0.75)) if len(others) else (math.nan, math.nan)
    # Of the whisker that far, the farthest row that is still within.
    within = others[others <= three + 1.5 * (three - quarter)]
    limit = float(within.max()) if len(within) else math.nan
    return Distances(nearest / average, limit, tuple(np.array(names)[varies].tolist()))


def _nearest(
    rows: NDArray[np.float64], among: NDArray[np.float64], groups: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.float64], float]:
    """The distance to the nearest, (N,), and the mean distance over all pairs, which is known with groups alone.

    With groups, rows and `among` are the same, the nearest is one of another group, infinity where there is none, and a
    row is no pair with itself.
    """
    nearest, total = np.empty(len(rows)), 0.0
    squares = np.square(among).sum(axis=1)
    for start in range(0, len(rows), _CHUNK):
        some = rows[start : start + _CHUNK]
        squared = np.square(some).sum(axis=1)[:, None] + squares - 2 * (some @ among.T)
        apart = np.sqrt(np.maximum(squared, 0))
        if groups is not None:
            np.fill_diagonal(apart[:, start:], 0)  # rounding leaves a little
            total += float(apart.sum())
            apart = np.where(groups[start : start + _CHUNK, None] == groups, np.inf, apart)
        nearest[start : start + _CHUNK] = apart.min(axis=1)
    return nearest, total / max(1, len(rows) * (len(among) - 1))


def measure(
    tested: Sequence[Predicted],
    release: Release,
    *,
    bins: int = BINS,
    targets: Sequence[str] = (),
    resamples: int = RESAMPLES,
) -> Extrapolation:
    """Scores of each model by the distance of the tested rows from its training rows.

    Folds and seeds of a model are taken together, each row with the distance from what its own model was last trained
    on: a network that was fine-tuned, on the task itself.
    What was not trained, such as the climatology, has the distances of the first run of the same split.

    Parameters
    ----------
    tested : sequence of Predicted
        All of one task, at least one of them of a run.
    release : Release
    bins : int
        Each with the same number of rows, by their distance.
    targets : sequence of str
        By default the ranked targets that were predicted.
    resamples : int

    Raises
    ------
    AgrofluxError
        No run is among them, or nothing was observed.
    """
    runs = [one for one in tested if one.run is not None]
    if not runs:
        raise AgrofluxError("distances from which training rows?", expected="a run among what is compared")
    task = runs[0].task
    near: dict[tuple[object, ...], Distances] = {}
    by_split: dict[str, Distances] = {}
    together: dict[str, list[tuple[Predicted, Distances]]] = {}
    for one in (*runs, *(one for one in tested if one.run is None)):
        if one.run is not None:
            key = one.split, _trained_on(one.run), one.run.inputs
            if key not in near:
                near[key] = _distances(one, one.run, release)
            own = near[key]
            by_split.setdefault(one.split, own)
        elif one.split in by_split:
            own = by_split[one.split]
        else:
            continue
        together.setdefault(one.label, []).append((one, own))
    found = [
        each
        for label, several in together.items()
        for target in targets or release.task(task).ranked_targets
        for each in _bins(label, target, [pair for pair in several if target in pair[0].predicted], bins, resamples)
    ]
    if not found:
        raise AgrofluxError("nothing was observed", expected="observed rows of " + (", ".join(targets) or "the ranked"))
    limits = [one.limit for one in near.values() if not math.isnan(one.limit)]
    features = max(len(one.features) for one in near.values())
    return Extrapolation(task, tuple(found), float(np.mean(limits)) if limits else math.nan, features)


def _trained_on(run: Run) -> tuple[str, tuple[str, ...]]:
    """The task and splits that a model was last trained on: of a pretrained network as it is, those of its source."""
    transfer = run.transfer
    if transfer is None or transfer.method != "none":
        return run.task, run.training
    if transfer.source_task is None:
        raise AgrofluxError("a network that names no task", expected="what it was pretrained on", where=transfer.source)
    return transfer.source_task, transfer.source_splits


def _distances(one: Predicted, run: Run, release: Release) -> Distances:
    task, splits = _trained_on(run)
    rows = Arrays.read(Columns.of(release, run.task, [one.split], run.inputs, ()))
    training = Arrays.read(Columns.of(release, task, splits, run.inputs, ()))
    found = distances(rows, training, release.task(run.task).scenario)
    return Distances(found.index[positions(one.sequence, rows.sequence)], found.limit, found.features)


def _bins(
    label: str, target: str, several: Sequence[tuple[Predicted, Distances]], count: int, resamples: int
) -> list[Bin]:
    if not several:
        return []
    sums = RowSums.concatenated(one.sums(target) for one, _ in several)
    usual = RowSums.concatenated(one.truth.usual(target) for one, _ in several)
    index = np.concatenate([own.index for _, own in several])
    beyond = np.concatenate([own.index > own.limit for _, own in several])
    sequence = np.concatenate([one.sequence for one, _ in several])
    there = np.flatnonzero(sums.n > 0)
    # By the value, so that a row is in one bin whatever the seed.
    edges = np.quantile(index[there], np.linspace(0, 1, count + 1)[1:-1]) if len(there) else np.empty(0)
    group = np.searchsorted(edges, index[there], side="right")
    found = []
    for number in range(1, count + 1):
        rows = there[group == number - 1]
        if not len(rows):
            continue
        blocks = site_years(sequence[rows])
        drawn = Bootstrap(blocks, resamples).metrics(sums[rows], usual[rows])
        pooled = sums[rows].total()
        against = skill(pooled.mse, usual[rows].total().mse)
        found.append(
            Bin(
                model=label, target=target, number=number, rows=len(rows), n=pooled.n, low=float(index[rows].min()),
                middle=float(np.median(index[rows])), high=float(index[rows].max()), beyond=float(beyond[rows].mean()),
                metrics={"skill": against, "r2": pooled.r2, "rmse": pooled.rmse},
                intervals={name: interval(drawn[name]) for name in METRICS},
            )
        )  # fmt: skip
    return found
