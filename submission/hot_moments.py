"""Hot moments: the few days that carry most of a year's N2O, and whether a prediction has them on the right days.

After McClain et al. 2003 (Ecosystems 6:301), who named them. How many of a year's days are hot is a convention of this
benchmark: the top 5 % of the observed ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ONE_IN", "HotMoments"]

ONE_IN = 20
"""One observed day in so many is hot."""


@dataclass(frozen=True)
class HotMoments:
    """How many hot days there were, and how many of them a prediction has among its own.

    Of each row with n observed days the ``k = floor(n / 20)`` with the most emission are its hot days, and the k that
    are predicted highest among the observed days are the predicted ones. Equal values share the places that are left
    for them, so the order of days decides nothing, and a constant prediction catches 5 %, as chance does. A row with
    fewer than 20 observed days has no hot day, and neither has a row whose truth is constant.

    Attributes
    ----------
    days : int
        Hot days.
    caught : float
        Of them predicted hot.
    """

    days: int
    caught: float

    @classmethod
    def of(cls, truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> HotMoments:
        """Count a block of rows; arrays (rows, days), truth NaN where nothing was observed."""
        there = ~np.isnan(truth)
        observed = there.sum(axis=1)
        if (observed < truth.shape[1]).any():
            truth, prediction = np.where(there, truth, -np.inf), np.where(there, prediction, -np.inf)
        hot = observed // ONE_IN
        days, caught = 0, 0.0
        for k in np.unique(hot[hot > 0]).tolist():
            rows = hot == k
            t, p = _Highest.of(truth[rows], k), _Highest.of(prediction[rows], k)
            varies = t.level.sum(axis=1) < observed[rows]
            days += k * int(varies.sum())
            caught += float(((t.above & p.above).sum(axis=1) + _ties(t, p))[varies].sum())
        return cls(days, caught)

    def __add__(self, other: HotMoments) -> HotMoments:
        return HotMoments(self.days + other.days, self.caught + other.caught)

    @property
    def share(self) -> float:
        """Share of the hot days caught, 0 to 1; as many days are predicted as there are, so it is the precision too.

        NaN where there was no hot day.
        """
        return self.caught / self.days if self.days else math.nan


@dataclass(frozen=True)
class _Highest:
    """The k highest days of each row: those above the k-th value, and those level with it, which share what is left."""

    above: NDArray[np.bool_]
    level: NDArray[np.bool_]
    share: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.floating], k: int) -> _Highest:
        least = np.partition(values, -k, axis=1)[:, -k, None]
        above, level = values > least, values == least
        return cls(above, level, (k - above.sum(axis=1)) / level.sum(axis=1))


def _ties(t: _Highest, p: _Highest) -> NDArray[np.float64]:
    """How much of the level days is caught in each row, (rows,)."""
    return (
        (t.above & p.level).sum(axis=1) * p.share
        + (t.level & p.above).sum(axis=1) * t.share
        + (t.level & p.level).sum(axis=1) * t.share * p.share
    )
