"""Water of the soil: snow, infiltration, drainage, tiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.ecosys.parameters import RATE, THICKNESS, Parameters
from agroflux_data.simulators.hydraulics import Hydraulics

__all__ = ["drain", "fill", "snow", "spill", "tile_drainage"]

Array = NDArray[np.floating]

_DEPTH = (1000 * THICKNESS).astype(RATE)
"""Of the layers, mm."""


def snow(p: Parameters, pack: Array, rain: Array, temperature: Array) -> tuple[Array, Array]:
    """Snow pack after a day, and the water that reaches the ground in each step, mm.

    Snow falls below 0 degC and melts by degree-days (Rango & Martinec 1995, Water Resour. Bull. 31:657).

    Parameters
    ----------
    pack : array (series,)
        mm of water.
    rain, temperature : arrays (steps, series)
        mm in each step; degC.
    """
    frozen = np.where(temperature < 0, rain, 0)
    pack = pack + frozen.sum(0)
    warmth = np.maximum(temperature, 0).astype(float)
    melt = np.minimum(pack, p.melt * warmth.mean(0))
    weight = warmth / np.maximum(warmth.sum(0), 1e-9)
    return pack - melt, rain - frozen + melt * weight


def fill(water: Array, room: Array, supply: Array) -> tuple[Array, Array]:
    """Water poured on the column fills it from the top; what finds no room is left over.

    Parameters
    ----------
    water : array (layers, series)
        mm.
    room : array (layers, series)
        Most that each layer still takes, mm.
    supply : array (series,)
        mm.

    Returns
    -------
    water : array (layers, series)
    downward : array (layers + 1, series)
        mm through the top of each layer; the last is what passed them all, always 0.
    """
    below = np.cumsum(room, 0)
    taken = np.minimum(supply, below[-1])
    passed = np.maximum(taken - below, 0)
    downward = np.concatenate([taken[None], passed])
    return water + downward[:-1] - downward[1:], downward


def drain(hydraulics: Hydraulics, content: Array, hours: float) -> Array:
    """mm that gravity takes out of each layer in a time, if nothing came in: the exact solution of
    dz dw/dt = -K(w) for Campbell's (1974, Soil Sci. 117:311) conductivity, so it holds for any step.

    Parameters
    ----------
    content : array (layers, series)
        m3 m-3.
    """
    power = 2 * hydraulics.exponent + 2
    relative = np.minimum(content / hydraulics.saturation, 1.0)
    holds = _DEPTH * hydraulics.saturation
    rate = power * hydraulics.conductivity * hours / holds
    return -np.expm1(np.log1p(rate * relative**power) / -power) * relative * holds


def spill(water: Array, most: Array, downward: Array) -> tuple[Array, Array, Array]:
    """Water above saturation is pushed up, layer by layer; what leaves the top is the third result, mm."""
    water, downward = water.copy(), downward.copy()
    excess = np.maximum(water - most, 0)
    if not excess.any():
        return water, downward, np.zeros(water.shape[1])
    rising = np.zeros(water.shape[1])
    for layer in range(len(water) - 1, -1, -1):
        held = water[layer] + rising
        water[layer] = np.minimum(held, most[layer])
        rising = held - water[layer]
        downward[layer] -= rising
    return water, downward, rising


def tile_drainage(p: Parameters, hydraulics: Hydraulics, content: Array, depth: Array, share: Array) -> Array:
    """mm h-1 that tiles take, by Hooghoudt's steady-state formula q = (8 K d h + 4 K h^2) / L^2.

    Source: Hooghoudt (1940), in van Schilfgaarde (1974). The water table above the tiles follows from the drainable
    water in the lowest three layers.

    Parameters
    ----------
    content : array (layers, series)
        m3 m-3.
    depth, share : arrays (series,)
        Of the tiles, m; tile-drained part of the field.
    """
    drainable = hydraulics.saturation - hydraulics.field_capacity
    filled = np.clip((content[-3:] - hydraulics.field_capacity) / drainable, 0, 1)
    table = (filled * _DEPTH[-3:]).sum(0) / 1000
    head = np.maximum(table - (1.5 - depth), 0)
    conductivity = hydraulics.conductivity
    return share * conductivity * (8 * p.tile_thickness * head + 4 * head**2) / p.tile_spacing**2
