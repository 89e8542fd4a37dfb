"""How well predictions agree with observations, pooled over the observed days.

Truth is NaN where nothing was observed; those days count nowhere, whatever is predicted there. Arrays have any shape,
the same for truth and prediction; units are those of the variable. Everything is computed in float64.

A number that is not defined is NaN: all of them where nothing was observed, and R2 and skill where their denominator
is zero. (scikit-learn instead calls R2 1 for a perfect and 0 for any other prediction of a constant truth.)

`RowSums` carries the same metrics over rows that come block by block, and over any grouping of rows. It keeps each
row's sum of squares about the row's own mean, because ``sum t^2 - (sum t)^2 / n`` over all days loses its digits
where a variable's mean is large against its spread.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ROUNDING",
    "Metrics",
    "RowSums",
    "bias",
    "error_sums",
    "mae",
    "mse",
    "nmae",
    "r2",
    "rae",
    "rmse",
    "skill",
]


ROUNDING = 64 * np.finfo(np.float64).eps
"""A spread below this share of the mean is what is left of a constant after rounding its mean."""

_LEAST_MEAN = 1e-9
"""What CarbonBench adds to a mean before it divides by it, in the unit of the variable."""


def _observed(
    truth: NDArray[np.floating], prediction: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if truth.shape != prediction.shape:
        raise ValueError(f"truth has shape {truth.shape}, prediction {prediction.shape}")
    there = ~np.isnan(truth)
    return truth[there].astype(np.float64), prediction[there].astype(np.float64)


def r2(truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> float:
    """Coefficient of determination ``1 - sum (t - p)^2 / sum (t - mean t)^2``, at most 1, unbounded below.

    Without unit. Also known as the Nash-Sutcliffe efficiency (Nash & Sutcliffe 1970, J. Hydrol. 10:282), ``nse`` in
    HydroErr, hydroeval and FLUXtrapolation, whose ``r2_score`` is another thing: the squared correlation, which costs
    neither bias nor a wrong amplitude. NaN where the truth is constant or has fewer than two days.
    """
    t, p = _observed(truth, prediction)
    if not t.size:
        return math.nan
    mean = float(t.mean())
    total = float(np.square(t - mean).sum())
    return 1 - float(np.square(t - p).sum()) / total if total > t.size * (ROUNDING * mean) ** 2 else math.nan


def mse(truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> float:
    """Mean squared error ``mean (p - t)^2``, in the squared unit; NaN where nothing was observed.

    Murphy 1988, Mon. Weather Rev. 116:2417. One observation is enough, and so is a constant truth.
    """
    t, p = _observed(truth, prediction)
    return float(np.square(p - t).mean()) if t.size else math.nan


def rmse(truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> float:
    """Root mean squared error ``sqrt(mean (p - t)^2)``, in the unit of the variable; NaN where nothing was observed.

    Willmott 1981, Phys. Geogr. 2:184. One observation is enough, and so is a constant truth.
    """
    return math.sqrt(mse(truth, prediction))


def mae(truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> float:
    """Mean absolute error ``mean |p - t|``, in the unit of the variable; NaN where nothing was observed.

    Willmott & Matsuura 2005, Clim. Res. 30:79. One observation is enough, and so is a constant truth.
    """
    t, p = _observed(truth, prediction)
    return float(np.abs(p - t).mean()) if t.size else math.nan


def bias(truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> float:
    """Mean error ``mean (p - t)``, in the unit of the variable; positive where too much is predicted.

    ``me`` in HydroErr and xskillscore (Willmott & Matsuura 2005, Clim. Res. 30:79). FLUXtrapolation and hydroeval's
    percent bias have the other sign. NaN where nothing was observed; one observation is enough, and a constant truth.
    """
    t, p = _observed(truth, prediction)
    return float((p - t).mean()) if t.size else math.nan


def nmae(truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> float:
    """Mean absolute error over the size of the mean, ``mean |p - t| / (|mean t| + 1e-9)``, without unit.

    As CarbonBench has it (Rozanov et al. 2026, arXiv 2603.09868; ``normalized_mae`` in its ``utils/eval.py``), the
    1e-9 included, which is in the unit of the variable. It is taken by site; a truth that is zero on average, as NEE
    may be, gives a very large number, and so the quantiles over sites tell more than their mean. NaN where nothing
    was observed; one observation is enough, and a constant truth. FLUXtrapolation's ``relative_mae`` keeps the sign
    of the mean.
    """
    t, p = _observed(truth, prediction)
    return float(np.abs(p - t).mean() / (abs(t.mean()) + _LEAST_MEAN)) if t.size else math.nan


def rae(truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> float:
    """Relative absolute error ``sum |p - t| / sum |t - mean t|``: 0 perfect, 1 as good as the mean, without unit.

    The counterpart of R2 for absolute errors, as CarbonBench has it (arXiv 2603.09868; ``relative_absolute_error`` in
    its ``utils/eval.py``). Where the truth is constant or has a single day, CarbonBench says infinite; here it is NaN.
    """
    t, p = _observed(truth, prediction)
    if not t.size:
        return math.nan
    mean = float(t.mean())
    spread = float(np.abs(t - mean).sum())
    return float(np.abs(p - t).sum()) / spread if spread > t.size * ROUNDING * abs(mean) else math.nan


def skill(mean_squared_error: float, reference: float) -> float:
    """Skill against a reference ``1 - MSE / MSE_reference``: 1 perfect, 0 as good, below 0 worse than the reference.

    Murphy 1988, Mon. Weather Rev. 116:2417. Both errors are over the same days. NaN where the reference is perfect
    or has no error at all.
    """
    return 1 - mean_squared_error / reference if reference > 0 else math.nan


@dataclass(frozen=True)
class Metrics:
    """The metrics of one target over some rows.

    Attributes
    ----------
    n : int
        Observed days.
    r2 : float
    rmse, mae, bias : float
        In the unit of the variable.
    """

    n: int
    r2: float
    rmse: float
    mae: float
    bias: float

    @property
    def mse(self) -> float:
        """Mean squared error."""
        return self.rmse**2


def error_sums(
    truth: NDArray[np.floating], prediction: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sums of ``(p - t)^2``, of ``|p - t|`` and of ``p - t`` over the observed days of each row, each (rows,).

    Parameters
    ----------
    truth, prediction : arrays (rows, days)
        NaN in the truth where nothing was observed.
    """
    if truth.shape != prediction.shape or truth.ndim != 2:
        raise ValueError(f"truth has shape {truth.shape}, prediction {prediction.shape}; expected (rows, days)")
    difference = prediction.astype(np.float64)
    difference -= truth
    error = difference.sum(axis=1)
    # Most rows have no gap, and the others alone pay for the mask.
    if len(gaps := np.flatnonzero(np.isnan(error))):
        difference[gaps] = np.where(np.isnan(truth[gaps]), 0, difference[gaps])
        error[gaps] = difference[gaps].sum(axis=1)
    squared = np.vecdot(difference, difference)
    return squared, np.abs(difference, out=difference).sum(axis=1), error


@dataclass(frozen=True)
class RowSums:
    """Sums over the observed days of each row, from which every metric of any set of rows follows.

    Attributes
    ----------
    n : int64 array (rows,)
        Observed days.
    truth : float64 array (rows,)
        Sum of the truth.
    squares : float64 array (rows,)
        Sum of squares of the truth about the row's own mean.
    squared, absolute, error : float64 arrays (rows,)
        Sums of (p - t)^2, of abs(p - t) and of p - t.
    """

    n: NDArray[np.int64]
    truth: NDArray[np.float64]
    squares: NDArray[np.float64]
    squared: NDArray[np.float64]
    absolute: NDArray[np.float64]
    error: NDArray[np.float64]

    @classmethod
    def of(cls, truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> RowSums:
        """Sums of a block of rows.

        Parameters
        ----------
        truth, prediction : arrays (rows, days)
            NaN in the truth where nothing was observed.
        """
        squared, absolute, error = error_sums(truth, prediction)
        t = truth.astype(np.float64)
        total = t.sum(axis=1)
        n = np.full(len(t), t.shape[1])
        centred = t - (total / max(t.shape[1], 1))[:, None]
        if len(gaps := np.flatnonzero(np.isnan(total))):
            there = ~np.isnan(t[gaps])
            n[gaps] = there.sum(axis=1)
            total[gaps] = np.where(there, t[gaps], 0).sum(axis=1)
            centred[gaps] = np.where(there, t[gaps] - (total[gaps] / np.maximum(n[gaps], 1))[:, None], 0)
        return cls(n, total, np.vecdot(centred, centred), squared, absolute, error)

    @classmethod
    def concatenated(cls, blocks: Iterable[RowSums]) -> RowSums:
        """The rows of several blocks, one after the other."""
        several = list(blocks) or [cls.of(np.empty((0, 1)), np.empty((0, 1)))]
        return cls(*(np.concatenate([getattr(one, name) for one in several]) for name in cls.__dataclass_fields__))

    def __len__(self) -> int:
        return len(self.n)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.integer] | slice) -> RowSums:
        """Some of the rows."""
        return RowSums(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @property
    def r2(self) -> NDArray[np.float64]:
        """R2 of each row, (rows,); NaN where its truth is constant or has fewer than two days."""
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = self.squares > self.n * np.square(ROUNDING * self.truth / self.n)
            return np.where(spread, 1 - self.squared / self.squares, np.nan)

    @property
    def rmse(self) -> NDArray[np.float64]:
        """RMSE of each row, (rows,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(self.squared / self.n)

    @property
    def mae(self) -> NDArray[np.float64]:
        """MAE of each row, (rows,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.absolute / self.n

    @property
    def bias(self) -> NDArray[np.float64]:
        """Bias of each row, (rows,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.error / self.n

    @property
    def nmae(self) -> NDArray[np.float64]:
        """`nmae` of each row, (rows,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.mae / (np.abs(self.truth / self.n) + _LEAST_MEAN)

    def rae(self, deviations: NDArray[np.float64]) -> NDArray[np.float64]:
        """`rae` of each row, (rows,), from the sums of ``|t - mean t|`` about the row's mean, (rows,).

        A group's deviations do not follow from those of its rows, so they come from whoever saw its days together.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(deviations > ROUNDING * np.abs(self.truth), self.absolute / deviations, np.nan)

    def merged(self, groups: NDArray[np.integer], count: int) -> RowSums:
        """The rows of each group made one, (count,).

        Parameters
        ----------
        groups : integer array (rows,)
            The group of each row, 0 to ``count - 1``: its site, its year.
        count : int
            Number of groups; one without observed days has zeros.
        """

        def summed(values: NDArray) -> NDArray[np.float64]:
            return np.bincount(groups, weights=values, minlength=count).astype(np.float64)

        n, truth = summed(self.n), summed(self.truth)
        with np.errstate(invalid="ignore", divide="ignore"):
            # Within rows, and between them: the squares about the mean of the group.
            between = np.square(self.truth / self.n - (truth / n)[groups]) * self.n
        squares = summed(self.squares) + summed(np.where(self.n > 0, between, 0.0))
        return RowSums(
            n.astype(np.int64), truth, squares, summed(self.squared), summed(self.absolute), summed(self.error)
        )

    def total(self) -> Metrics:
        """The metrics pooled over all rows."""
        return self.by(np.zeros(len(self), np.int64), 1)[0]

    def by(self, groups: NDArray[np.integer], count: int) -> list[Metrics]:
        """The metrics of each group of rows; see `merged`. A group without observed days has NaN in all but `n`."""
        one = self.merged(groups, count)
        columns = np.stack([one.r2, one.rmse, one.mae, one.bias], axis=1)
        return [Metrics(int(days), *map(float, row)) for days, row in zip(one.n, columns, strict=True)]
