"""Intervals by block bootstrap: how far a score would move had other site-years been observed.

Days of a year, and treatments of a site, err together, so that drawing single days or rows would give intervals much
too narrow. Whole site-years are drawn instead, with replacement and as many as there are (the blocks of Künsch 1989,
Ann. Stat. 17:1217, here natural ones), and an interval lies between percentiles of the metric over such resamples
(Efron 1979, Ann. Stat. 7:1). It is that of the score of this model on such sites and years: neither the randomness of
training is in it, nor that the years of one site may be alike.

A metric of a resample follows from the sums of its blocks, each times how often it was drawn: one sum of products for
each resample.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agroflux_data.sequences import parts
from submission.metrics import ROUNDING, RowSums

__all__ = ["METRICS", "RESAMPLES", "Bootstrap", "Interval", "interval", "paired", "site_years"]

METRICS = ("r2", "rmse", "mae", "bias", "skill")
"""What has an interval, by its name in `submission.scoring.TargetScores`."""

RESAMPLES = 1000
_CHUNK = 128
"""Resamples that are in memory at a time."""


@dataclass(frozen=True)
class Interval:
    """Where a metric lies in 95 of 100 resamples, in its unit; NaN where it is not defined."""

    low: float
    high: float


def site_years(sequence: NDArray[np.int64]) -> NDArray[np.int64]:
    """The block of each row, (rows,), 0 and up: rows of one site and year are together, whatever their treatment.

    >>> site_years(np.array([17001002019, 17001012019, 17001002020])).tolist()
    [0, 0, 1]
    """
    site, _, year = parts(sequence)
    return np.unique(site * 10_000 + year, return_inverse=True)[1]


def interval(values: NDArray[np.float64], share: float = 0.95) -> Interval:
    """The middle share of the values of all resamples (B,); resamples in which there is no value count nowhere."""
    known = values[np.isfinite(values)]
    if not len(known):
        return Interval(math.nan, math.nan)
    low, high = np.quantile(known, [(1 - share) / 2, (1 + share) / 2])
    return Interval(float(low), float(high))


class Bootstrap:
    """The same resamples for whatever is asked, so that metrics of several targets and submissions go together.

    Parameters
    ----------
    blocks : integer array (rows,)
        The block of each row, as of `site_years`.
    resamples : int
    seed : int
        The same seed and blocks draw the same resamples.
    """

    def __init__(self, blocks: NDArray[np.integer], resamples: int = RESAMPLES, seed: int = 0):
        self.blocks, self.resamples, self.seed = blocks, resamples, seed
        self._count = int(blocks.max(initial=-1)) + 1

    def metrics(self, rows: RowSums, usual: RowSums) -> dict[str, NDArray[np.float64]]:
        """Each of `METRICS` in every resample, (B,), NaN where it is not defined.

        Parameters
        ----------
        rows, usual : RowSums (rows,)
            Of the submission, and of the climatology over the same days.
        """
        mean = rows.truth.sum() / max(rows.n.sum(), 1)
        # About the mean of all, or the squares would lose their digits.
        with np.errstate(invalid="ignore", divide="ignore"):
            apart = np.where(rows.n > 0, rows.truth / rows.n - mean, 0.0)
        columns = (
            rows.n, apart * rows.n, rows.squares + np.square(apart) * rows.n, rows.squared, rows.absolute, rows.error,
            usual.squared,
        )  # fmt: skip
        n, total, squares, squared, absolute, error, reference = self._sums(columns)
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = squares - np.square(total) / n
            # What is left of a constant truth after rounding is no spread.
            least = np.maximum(squares * 1e-12, n * np.square(ROUNDING * mean))
            spread = np.where(spread > least, spread, np.nan)
            return {
                "r2": 1 - squared / spread,
                "rmse": np.sqrt(squared / n),
                "mae": absolute / n,
                "bias": error / n,
                "skill": np.where(reference > 0, 1 - squared / reference, np.nan),
            }

    def means(self, n: NDArray, sums: Mapping[str, NDArray]) -> dict[str, NDArray[np.float64]]:
        """Means over the observed days in every resample, (B,), NaN where there is no day.

        Parameters
        ----------
        n : array (rows,)
            Observed days.
        sums : mapping of str to array (rows,)
            Sums over them.
        """
        days, *totals = self._sums([n, *sums.values()])
        with np.errstate(invalid="ignore", divide="ignore"):
            return {name: total / days for name, total in zip(sums, totals, strict=True)}

    def _sums(self, columns: Sequence[NDArray]) -> NDArray[np.float64]:
        """Each column summed over the rows of every resample, (columns, B)."""
        of_block = [np.bincount(self.blocks, column, self._count) for column in columns]
        # Not a product of matrices: its library begins a thread for every core, which a child with limits may not have.
        return np.concatenate(
            [
                np.empty((len(columns), 0)),
                *(np.stack([np.einsum("bi,i->b", drawn, column) for column in of_block]) for drawn in self._draws()),
            ],
            axis=1,
        )

    def _draws(self) -> Iterator[NDArray[np.float64]]:
        """How often each block is in each resample, (some resamples, blocks)."""
        draw = np.random.default_rng(self.seed)
        for start in range(0, self.resamples, _CHUNK):
            some = min(_CHUNK, self.resamples - start)
            drawn = draw.integers(0, self._count, (some, self._count)) if self._count else np.empty((some, 0), np.int64)
            drawn += np.arange(some)[:, None] * self._count
            counts = np.bincount(drawn.ravel(), minlength=some * self._count)
            yield counts.reshape(some, self._count).astype(np.float64)


def paired(first: RowSums, second: RowSums, usual: RowSums, bootstrap: Bootstrap) -> dict[str, NDArray[np.float64]]:
    """By how much two submissions differ in every resample: each of `METRICS` of the first less the second's, (B,).

    Resampled together, what makes a site-year hard for both falls out, so that far smaller differences are told from
    chance than by comparing two intervals.

    Parameters
    ----------
    first, second : RowSums (rows,)
        Of the same rows and truth, in the same order.
    usual : RowSums (rows,)
        Of the climatology.
    bootstrap : Bootstrap
        Over the same rows.
    """
    one, other = bootstrap.metrics(first, usual), bootstrap.metrics(second, usual)
    return {name: one[name] - other[name] for name in METRICS}
