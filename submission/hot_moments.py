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
        hot = there.sum(axis=1) // ONE_IN
        low = np.where(there, truth, np.inf).min(axis=1, initial=np.inf)
        hot[low == np.where(there, truth, -np.inf).max(axis=1, initial=-np.inf)] = 0
        caught = 0.0
        for k in np.unique(hot[hot > 0]):
            rows = hot == k
            shares = (_share(np.where(there[rows], values[rows], -np.inf), int(k)) for values in (truth, prediction))
            caught += float(np.einsum("ij,ij->", *shares))
        return cls(int(hot.sum()), caught)

    def __add__(self, other: HotMoments) -> HotMoments:
        return HotMoments(self.days + other.days, self.caught + other.caught)

    @property
    def share(self) -> float:
        """Share of the hot days caught, 0 to 1; as many days are predicted as there are, so it is the precision too.

        NaN where there was no hot day.
        """
        return self.caught / self.days if self.days else math.nan


def _share(values: NDArray[np.floating], k: int) -> NDArray[np.float64]:
    """How far each day is among the k highest of its row, 0 to 1, (rows, days); equal ones share what is left."""
    least = np.partition(values, -k, axis=1)[:, -k, None]
    above, level = values > least, values == least
    left = (k - above.sum(axis=1, keepdims=True)) / level.sum(axis=1, keepdims=True)
    return np.where(above, 1.0, np.where(level, left, 0.0))
