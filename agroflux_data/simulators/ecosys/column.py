"""One implicit solver for everything that diffuses through a column: heat, oxygen, nitrous oxide."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["compiled", "conductances", "eliminated", "solve", "substituted"]

Array = NDArray[np.floating]

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")
"""Decorator: division by zero gives infinity, as in NumPy; nothing is reordered, so every run has the same bytes."""


def conductances(diffusivity: Array, thickness: Array, above: Array) -> Array:
    """Conductance between each node and the one above it, by half layers in series.

    Parameters
    ----------
    diffusivity : array (..., nodes, series)
    thickness : array (nodes, 1)
    above : array (..., series)
        Resistance between the surface and the boundary over it.

    Returns
    -------
    array (..., nodes, series)
    """
    half = 0.5 * thickness / diffusivity
    resistance = half.copy()
    resistance[..., 1:, :] += half[..., :-1, :]
    resistance[..., 0, :] += above
    return 1 / resistance


@compiled
def solve(conductance: Array, storage: Array, source: Array, boundary: Array) -> Array:
    """Values c of all nodes, with 0 flux below the last, from

        storage[i] c[i] = source[i] + conductance[i] (c[i-1] - c[i]) - conductance[i+1] (c[i] - c[i+1])

    where c[-1] is the boundary. One backward Euler step has storage = capacity / dt and source = storage * old c +
    production; a steady state with first-order uptake k has storage = k. Elimination runs from the bottom up (Thomas
    algorithm in the form of resistances in series), so values stay positive where sources are.

    Parameters
    ----------
    conductance, storage, source : arrays (nodes, series)
    boundary : array (series,)
    """
    nodes, series = storage.shape
    load, gain, values = storage.copy(), source.copy(), np.empty_like(storage)
    for node in range(nodes - 2, -1, -1):
        for one in range(series):
            load[node, one], gain[node, one] = eliminated(
                storage[node, one],
                source[node, one],
                conductance[node + 1, one],
                load[node + 1, one],
                gain[node + 1, one],
            )
    for node in range(nodes):
        for one in range(series):
            above = values[node - 1, one] if node else boundary[one]
            values[node, one] = substituted(conductance[node, one], above, load[node, one], gain[node, one])
    return values


@compiled
def eliminated(
    storage: float, source: float, below: float, load_below: float, gain_below: float
) -> tuple[float, float]:
    """A node's storage and source with its share of those of the next node, to which the conductance is `below`."""
    share = below / (below + load_below)
    return storage + share * load_below, source + share * gain_below


@compiled
def substituted(conductance: float, above: float, load: float, gain: float) -> float:
    """A node's value from that of the node above it."""
    return (conductance * above + gain) / (conductance + load)
