"""How honest and how sharp predicted quantiles are: pinball loss, CRPS, and the coverage of central intervals.

The pinball loss of a quantile q of level a, ``(t - q) (a - 1[t < q])``, is least on average where q is the true
quantile (Koenker & Bassett 1978, Econometrica 46:33). The continuous ranked probability score is twice its integral
over all levels (Laio & Tamea 2007, Hydrol. Earth Syst. Sci. 11:1267; Gneiting & Raftery 2007, J. Am. Stat. Assoc.
102:359). A file gives some levels only, so it is taken as twice the mean loss over them. Where they are unevenly
spaced, each weighs what the trapezoid rule gives it between its neighbours, the ends being 0 and 100 %, at which the
loss vanishes: see `weights`.

So CRPS is in the unit of the variable, and of a prediction whose quantiles are all the same it is its mean absolute
error (where levels are symmetric), which it may be compared with. Of a normal distribution it comes out 5 % too high
with every fifth percent, 1 % with every percent; files compare by the same levels alone.

Truth is NaN where nothing was observed; those days count nowhere. A number that is not defined is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from submission.bootstrap import Interval

__all__ = ["Central", "QuantileSums", "Uncertainty", "central", "crps", "pinball", "weights"]


def weights(levels: Sequence[int]) -> NDArray[np.float64]:
    """What each level weighs in the CRPS, (levels,), 1 in all.

    Half the distance between the levels below and above it, where 0 and 100 % are beyond the ends; all the same for
    levels that are evenly spaced like 10, 20, ... 90 %.

    Parameters
    ----------
    levels : sequence of int
        Percent, rising.

    Examples
    --------
    >>> weights([25, 50, 75]).round(3).tolist()
    [0.333, 0.333, 0.333]
    """
    known = np.array([0, *levels, 100], np.float64)
    apart = known[2:] - known[:-2]
    return apart / apart.sum()


def central(levels: Sequence[int]) -> dict[str, tuple[int, int]]:
    """The central intervals that rising levels form, the widest first: what percent should be inside, and the levels.

    >>> central([5, 25, 50, 75, 90, 95])
    {'90': (5, 95), '50': (25, 75)}
    """
    return {str(100 - 2 * low): (low, 100 - low) for low in levels if low < 50 and 100 - low in levels}


def pinball(truth: NDArray[np.floating], quantile: NDArray[np.floating], level: int) -> float:
    """Mean pinball loss of a quantile, in the unit of the variable; NaN where nothing was observed.

    Parameters
    ----------
    truth, quantile : arrays
        Of any shape, the same.
    level : int
        Percent.
    """
    return QuantileSums.of(_row(truth), {level: _row(quantile)}).uncertainty().pinball[f"q{level:02d}"]


def crps(truth: NDArray[np.floating], quantiles: Mapping[int, NDArray[np.floating]]) -> float:
    """Mean CRPS of some quantiles, in the unit of the variable; NaN where nothing was observed.

    Parameters
    ----------
    truth : array
    quantiles : mapping of int to array
        By level in percent, of the same shape.
    """
    return QuantileSums.of(_row(truth), {level: _row(one) for level, one in quantiles.items()}).uncertainty().crps


def _row(values: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(values).reshape(1, -1)


@dataclass(frozen=True)
class Central:
    """A central interval, as that from the 5 % to the 95 % quantile, which should hold 90 % of the observed days.

    Attributes
    ----------
    coverage : float
        Share of the observed days inside, its bounds included, 0 to 1.
    width : float
        Mean over the observed days, in the unit of the variable.
    """

    coverage: float
    width: float


@dataclass(frozen=True)
class Uncertainty:
    """What the quantiles of one target are worth, over the observed days of the scored rows.

    Attributes
    ----------
    levels : tuple of int
        Percent, rising.
    crps : float
        In the unit of the variable.
    pinball : dict of str to float
        Mean loss by level (``q05``), in the unit of the variable.
    central : dict of str to Central
        By the percent that should be inside (``90``), the widest first.
    intervals : dict of str to Interval
        95 % intervals over resampled site-years, of ``crps`` and of each ``coverage_90``; empty where none were asked.
    """

    levels: tuple[int, ...]
    crps: float
    pinball: dict[str, float]
    central: dict[str, Central]
    intervals: dict[str, Interval] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, without intervals."""
        return {
            "crps": self.crps,
            "pinball": dict(self.pinball),
            "coverage": {name: one.coverage for name, one in self.central.items()},
            "width": {name: one.width for name, one in self.central.items()},
        }


@dataclass(frozen=True)
class QuantileSums:
    """Sums over the observed days of each row, from which the scores of any set of rows follow.

    Attributes
    ----------
    levels : tuple of int
        Percent, rising.
    n : int64 array (rows,)
        Observed days.
    pinball : float64 array (rows, levels)
        Sums of the loss.
    inside, width : float64 arrays (rows, intervals)
        Days inside and sums of the width, in the order of `central`.
    """

    levels: tuple[int, ...]
    n: NDArray[np.int64]
    pinball: NDArray[np.float64]
    inside: NDArray[np.float64]
    width: NDArray[np.float64]

    @classmethod
    def empty(cls, levels: Iterable[int], rows: int) -> QuantileSums:
        """Room for the sums of some rows."""
        known = tuple(levels)
        pairs = len(central(known))
        return cls(
            known, np.zeros(rows, np.int64), np.zeros((rows, len(known))), np.zeros((rows, pairs)),
            np.zeros((rows, pairs)),
        )  # fmt: skip

    @classmethod
    def of(cls, truth: NDArray[np.floating], quantiles: Mapping[int, NDArray[np.floating]]) -> QuantileSums:
        """Sums of a block of rows.

        Parameters
        ----------
        truth : array (rows, days)
            NaN where nothing was observed.
        quantiles : mapping of int to array (rows, days)
            By level in percent.
        """
        if any(block.shape != truth.shape for block in quantiles.values()) or truth.ndim != 2:
            raise ValueError(f"truth has shape {truth.shape}; expected (rows, days), and quantiles of the same")
        found = cls.empty(sorted(quantiles), len(truth))
        gaps = np.isnan(truth)
        found.n[:] = truth.shape[1] - np.count_nonzero(gaps, axis=1)
        some = np.flatnonzero(found.n < truth.shape[1])
        above = {}
        for place, level in enumerate(found.levels):
            difference = truth.astype(np.float64)
            difference -= quantiles[level]
            # Most rows have no gap, and the others alone pay for the mask.
            difference[some] = np.where(gaps[some], 0.0, difference[some])
            above[level] = difference.sum(axis=1)
            below = np.minimum(difference, 0, out=difference).sum(axis=1)
            found.pinball[:, place] = level / 100 * above[level] - below
        for place, (low, high) in enumerate(central(found.levels).values()):
            # Compared as they came: a bound that is the observation itself is inside.
            held = (quantiles[low] <= truth) & (truth <= quantiles[high])
            found.inside[:, place] = np.count_nonzero(held, axis=1)
            found.width[:, place] = above[low] - above[high]
        return found

    def put(self, rows: NDArray[np.integer], block: QuantileSums) -> None:
        """Write the sums of a block at some rows of this one."""
        for name in ("n", "pinball", "inside", "width"):
            getattr(self, name)[rows] = getattr(block, name)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> QuantileSums:
        """Some of the rows."""
        return QuantileSums(self.levels, self.n[rows], self.pinball[rows], self.inside[rows], self.width[rows])

    @property
    def crps(self) -> NDArray[np.float64]:
        """Sum of the CRPS over the observed days of each row, (rows,)."""
        return np.vecdot(self.pinball, 2 * weights(self.levels))

    def uncertainty(self, intervals: Mapping[str, Interval] | None = None) -> Uncertainty:
        """The scores over all rows."""
        n = int(self.n.sum())
        of_level, inside, width = (
            (values.sum(axis=0) / n if n else np.full(values.shape[1], math.nan)).tolist()
            for values in (self.pinball, self.inside, self.width)
        )
        return Uncertainty(
            levels=self.levels,
            crps=float(self.crps.sum()) / n if n else math.nan,
            pinball={f"q{level:02d}": loss for level, loss in zip(self.levels, of_level, strict=True)},
            central={
                name: Central(share, apart)
                for name, share, apart in zip(central(self.levels), inside, width, strict=True)
            },
            intervals=dict(intervals or {}),
        )
