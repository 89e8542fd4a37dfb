"""Choose some of many so that they are spread out, and so that a smaller choice is part of every larger one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["farthest_first"]


def farthest_first(points: NDArray[np.floating], first: int) -> list[int]:
    """The order in which each point is as far as possible from all before it (Gonzalez 1985, Theor. Comput. Sci. 38).

    Parameters
    ----------
    points : array (points, dimensions)
    first : int
        The index to begin with.

    Returns
    -------
    list of int
        All indices; of two that are as far, the lower one first.
    """
    order, nearest = [first], np.full(len(points), np.inf)
    while len(order) < len(points):
        # Rounded, so that ties are ties on every machine.
        nearest = np.minimum(nearest, np.round(np.sqrt(((points - points[order[-1]]) ** 2).sum(axis=1)), 9))
        nearest[order] = -1.0
        order.append(int(np.argmax(nearest)))
    return order
