"""The mean over runs, folds or seeds, with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import stats

__all__ = ["Mean", "mean_of"]


@dataclass(frozen=True)
class Mean:
    """The mean of some runs' numbers.

    Attributes
    ----------
    values : tuple of float
        Those that are defined.
    value : float
    low, high : float
        Its 95 % interval (Student 1908, Biometrika 6:1), as if the runs were independent; NaN of a single one.
    """

    values: tuple[float, ...]
    value: float
    low: float
    high: float

    @property
    def n(self) -> int:
        return len(self.values)


def mean_of(values: Iterable[float]) -> Mean:
    """The mean of the numbers that are defined, with its interval.

    >>> found = mean_of([1.0, 2.0, 3.0])
    >>> found.value, round(found.high, 3)
    (2.0, 4.484)
    """
    known = np.array([value for value in values if not math.isnan(value)])
    several = tuple(known.tolist())
    if not several:
        return Mean(several, math.nan, math.nan, math.nan)
    middle = float(known.mean())
    if len(several) == 1:
        return Mean(several, middle, math.nan, math.nan)
    half = float(stats.t.ppf(0.975, len(several) - 1) * known.std(ddof=1) / math.sqrt(len(several)))
    return Mean(several, middle, middle - half, middle + half)
