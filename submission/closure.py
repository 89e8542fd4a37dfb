"""Closure of carbon: whether a prediction's own fluxes add up, NEE = RECO - GPP."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CLOSURE", "Closure"]

CLOSURE = ("NEE", "RECO", "GPP")
"""What a file must predict to have a closure."""


@dataclass(frozen=True)
class Closure:
    """``mean |NEE - (RECO - GPP)|`` of a prediction, g C m-2 d-1; zero where its fluxes add up.

    The sign convention is that of FLUXNET (Pastorello et al. 2020, Sci. Data 7:225): NEE is negative where the field
    takes up carbon. It says nothing of the truth, but only days on which NEE was observed count, as everywhere.

    Attributes
    ----------
    n : int
        Days.
    absolute : float
        Sum of the absolute gaps.
    largest : float
        The largest of them; 0 where there was none.
    """

    n: int
    absolute: float
    largest: float

    @classmethod
    def of(
        cls,
        nee: NDArray[np.floating],
        reco: NDArray[np.floating],
        gpp: NDArray[np.floating],
        observed: NDArray[np.bool_],
    ) -> Closure:
        """Of a block of rows.

        Parameters
        ----------
        nee, reco, gpp : arrays (rows, days)
            As predicted.
        observed : bool array (rows, days)
            Days on which NEE was observed.
        """
        gap = np.abs(nee.astype(np.float64) - reco + gpp)[observed]
        return cls(gap.size, float(gap.sum()), float(gap.max(initial=0)))

    def __add__(self, other: Closure) -> Closure:
        return Closure(self.n + other.n, self.absolute + other.absolute, max(self.largest, other.largest))

    @property
    def mean(self) -> float:
        """Mean absolute gap, g C m-2 d-1; NaN where no day counts."""
        return self.absolute / self.n if self.n else math.nan
