"""Means and standard deviations of the training rows, the scalers of a release.

Moments are kept for each training split on its own and pooled when they are asked for, so that leaving out a fold
leaves out its numbers too, and no value of a validation, test or hidden row ever enters a scaler.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data.sequences import values
from agroflux_data.variables import STATICS, VARIABLES

__all__ = ["Moments", "moments", "pool"]


@dataclass(frozen=True)
class Moments:
    """Count, mean, spread and range of the observed values of one variable, in its physical unit.

    Attributes
    ----------
    n : int
        Number of observed (not NaN) values.
    mean, sd : float
        Mean and population standard deviation; NaN when nothing was observed.
    min, max : float
    """

    n: int
    mean: float
    sd: float
    min: float
    max: float

    @classmethod
    def of(cls, array: NDArray[np.floating]) -> Moments:
        """Moments of the values of an array of any shape; NaN counts as missing."""
        observed = array[~np.isnan(array)].astype(np.float64)
        if observed.size == 0:
            return cls(0, math.nan, math.nan, math.nan, math.nan)
        return cls(
            observed.size, float(observed.mean()), float(observed.std()), float(observed.min()), float(observed.max())
        )

    def __add__(self, other: Moments) -> Moments:
        """Moments of both sets of values together (Chan et al. 1983, Am. Stat. 37:242)."""
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        n = self.n + other.n
        mean = (self.n * self.mean + other.n * other.mean) / n
        squares = self.n * self.sd**2 + other.n * other.sd**2 + self.n * other.n / n * (self.mean - other.mean) ** 2
        return Moments(n, mean, math.sqrt(squares / n), min(self.min, other.min), max(self.max, other.max))

    def to_json(self) -> dict[str, float | None]:
        """A JSON object; NaN becomes null."""
        return {key: None if math.isnan(value) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, float | None]) -> Moments:
        n, *rest = (data[name] for name in ("n", "mean", "sd", "min", "max"))
        return cls(int(n or 0), *(math.nan if value is None else value for value in rest))


def moments(rows: pa.Table) -> dict[str, Moments]:
    """Moments of every variable of some rows; a static counts once a row."""
    return {
        name: Moments.of(rows[name].to_numpy() if name in STATICS else values(rows[name]))
        for name in rows.column_names
        if name in VARIABLES
    }


def pool(several: Iterable[Mapping[str, Moments]]) -> dict[str, Moments]:
    """Moments of several sets of rows together, variable by variable."""
    pooled: dict[str, Moments] = {}
    for one in several:
        for name, value in one.items():
            pooled[name] = pooled[name] + value if name in pooled else value
    return pooled
