"""How many digits a simulated number carries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["rounded"]

_DROPPED_BITS = 8
"""Of the 23 bits of a float32's fraction: 15 are kept, 4.8 decimal digits, about what model output files print."""


def rounded(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Values as float32 with the meaningless end of the fraction set to zero, to nearest and ties to even.

    The last bits of a simulated flux are noise, which no encoding can compress; without them a shard is a third
    smaller. The relative error is at most 2**-16. NaN stays NaN. Bit rounding: Kouznetsov (2021), Geosci. Model Dev.
    14:377.
    """
    exact = np.array(values, np.float32)
    bits = exact.view(np.uint32)
    last_kept = (bits >> _DROPPED_BITS) & 1
    nearest = bits + ((1 << (_DROPPED_BITS - 1)) - 1 + last_kept).astype(np.uint32)
    cut = (nearest >> _DROPPED_BITS << _DROPPED_BITS).view(np.float32)
    return np.where(np.isnan(exact), exact, cut)
