"""One implicit solver for everything that diffuses through a column: heat, oxygen, nitrous oxide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["conductances", "solve"]

Array = NDArray[np.floating]


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


def solve(conductance: Array, storage: Array, source: Array, boundary: Array | float = 0.0) -> Array:
    """Values c of all nodes, with 0 flux below the last, from

        storage[i] c[i] = source[i] + conductance[i] (c[i-1] - c[i]) - conductance[i+1] (c[i] - c[i+1])

    where c[-1] is the boundary. One backward Euler step has storage = capacity / dt and source = storage * old c +
    production; a steady state with first-order uptake k has storage = k. Elimination runs from the bottom up (Thomas
    algorithm in the form of resistances in series), so values stay positive where sources are.

    Parameters
    ----------
    conductance, storage, source : arrays (nodes, ..., series)
    boundary : array (..., series) or float
    """
    nodes = len(storage)
    load, gain = storage[-1], source[-1]
    total, gains = [conductance[-1] + load], [gain]
    for node in range(nodes - 2, -1, -1):
        share = conductance[node + 1] / total[-1]
        load = storage[node] + share * load
        gain = source[node] + share * gain
        total.append(conductance[node] + load)
        gains.append(gain)
    values = np.empty_like(storage)
    value = boundary
    for node in range(nodes):
        value = (conductance[node] * value + gains[-1 - node]) / total[-1 - node]
        values[node] = value
    return values
