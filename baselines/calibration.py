"""How far observations lie from the mean of an ensemble: its quantiles, calibrated on validation rows.

Lakshminarayanan et al. (2017, Simple and scalable predictive uncertainty estimation using deep ensembles, NeurIPS 30,
arXiv 1612.01474) take the spread of a prediction as that of a mixture: the variance of the members' means, and beside
it the noise that no member explains, here the variance of residuals in each calendar month (fluxes are quiet in
winter). Their normal distribution would be symmetric, and N2O is not; so quantiles are the mean plus the spread times
the empirical quantiles of residuals over their spread, as in locally weighted conformal prediction (Lei et al. 2018,
J. Am. Stat. Assoc. 113:1094). They hold what they say on rows like those of the calibration; later years and other
sites may lie farther out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agroflux_data.variables import DAYS

__all__ = ["LEVELS", "Calibration"]

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""The quantiles that a calibrated ensemble gives."""
_PERCENTS = np.arange(1, 100)
_MONTH = np.repeat(np.arange(12), [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_LEAST_DAYS = 30
"""Observed days of a month below which it takes the noise of all months."""
_LEAST_SHARE = 0.01
"""The least noise of a month, as a share of that of the year: where members agree and are right, none is left."""


@dataclass(frozen=True)
class Calibration:
    """What validation rows say of an ensemble's errors.

    Attributes
    ----------
    noise : dict of str to float64 array (12,)
        By target, the standard deviation in each calendar month that the spread of the members does not explain, in
        the target's unit.
    scores : dict of str to float64 array (99,)
        By target, the quantiles of residuals over their spread at each whole percent from 1 to 99.
    """

    noise: dict[str, NDArray[np.float64]]
    scores: dict[str, NDArray[np.float64]]

    @classmethod
    def fit(
        cls,
        truth: Mapping[str, NDArray[np.floating]],
        mean: Mapping[str, NDArray[np.floating]],
        variance: Mapping[str, NDArray[np.floating]],
    ) -> Calibration:
        """Learn from some rows.

        Parameters
        ----------
        truth, mean, variance : mapping of str to array (rows, 365)
            By target: what was observed at least once, NaN where nothing was; the mean of the members; and their
            variance.
        """
        noise, scores = {}, {}
        for target, observed in truth.items():
            there = ~np.isnan(observed)
            month = np.broadcast_to(_MONTH, observed.shape)[there]
            residual = observed[there].astype(np.float64) - mean[target][there]
            between = variance[target][there].astype(np.float64)
            whole = np.square(residual).mean()
            days = np.bincount(month, minlength=12)
            left = np.bincount(month, np.square(residual) - between, 12) / np.maximum(days, 1)
            left = np.where(days < _LEAST_DAYS, (np.square(residual) - between).mean(), left)
            noise[target] = np.sqrt(np.maximum(left, _LEAST_SHARE**2 * whole))
            spread = np.sqrt(between + np.square(noise[target])[month])
            ratio = np.divide(residual, spread, out=np.zeros_like(residual), where=spread > 0)
            scores[target] = np.quantile(ratio, _PERCENTS / 100)
        return cls(noise, scores)

    def quantiles(
        self, target: str, mean: NDArray[np.floating], variance: NDArray[np.floating], levels: Sequence[float]
    ) -> NDArray[np.float32]:
        """The quantiles of a target (B, T, Q).

        Parameters
        ----------
        target : str
        mean, variance : arrays (B, T)
            Of the members, from the first day of a year on.
        levels : sequence of float
            Whole percents, as shares, ascending.
        """
        noise = self.noise[target][_MONTH[np.arange(mean.shape[-1]) % DAYS]]
        spread = np.sqrt(variance + np.square(noise))
        at = [round(level * 100) - 1 for level in levels]
        return (mean[..., None] + spread[..., None] * self.scores[target][at]).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        return {
            target: {"noise": self.noise[target].tolist(), "scores": self.scores[target].tolist()}
            for target in self.noise
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        """What `to_json` gave; raises `ValueError` for anything else."""
        noise = {target: np.array(one["noise"], np.float64) for target, one in data.items()}
        scores = {target: np.array(one["scores"], np.float64) for target, one in data.items()}
        for target in noise:
            if noise[target].shape != (12,) or scores[target].shape != _PERCENTS.shape:
                raise ValueError(f"calibration of {target}: expected 12 months and 99 percents")
            if not (np.isfinite(noise[target]).all() and np.isfinite(scores[target]).all()):
                raise ValueError(f"calibration of {target}: not finite")
            if (np.diff(scores[target]) < 0).any() or (noise[target] < 0).any():
                raise ValueError(f"calibration of {target}: scores that fall, or noise below 0")
        return cls(noise, scores)
