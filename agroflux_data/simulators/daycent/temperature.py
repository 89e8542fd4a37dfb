"""Soil temperature: the surface from air, shade and snow, and diffusion of heat below it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.daycent.parameters import Parameters
from agroflux_data.simulators.daycent.state import CENTRE, OUTPUT_DEPTHS, SINGLE, Field, State

__all__ = ["TemperatureDay", "at_depths", "heat", "surface_extremes"]

Array = NDArray[np.floating]


@dataclass(slots=True)
class TemperatureDay:
    """Temperatures of one day, degC; the layers' means are in the state."""

    surface: Array
    maximum: Array
    """At the output depths, (3, series), as is the next."""
    minimum: Array


def surface_extremes(maximum: Array, minimum: Array, biomass: Array) -> tuple[Array, Array]:
    """Daily maximum and minimum of the soil surface, degC (Parton 1984, eq. 2 and 3).

    Parameters
    ----------
    maximum, minimum : array
        Air temperature, degC.
    biomass : array
        Above-ground biomass that shades, g m-2.
    """
    heating = 25.4 / (1 + 18 * np.exp(-0.20 * maximum)) * (np.exp(-0.0035 * biomass) - 0.13)
    return maximum + heating, minimum + 0.004 * biomass - 1.78


def _surface(
    maximum: Array, minimum: Array, biomass: Array, night: Array, snow: Array, litter: Array
) -> tuple[Array, Array]:
    """Mean and range of the surface, also under snow (Parton 1984; Parton et al. 1998)."""
    top, low = surface_extremes(maximum, minimum, biomass)
    mean = top + night * (low - top)
    spread = np.maximum(top - low, 0)
    covered = snow > 0
    if covered.any():
        air = 0.5 * (maximum + minimum)
        base = np.minimum(-2 + litter * (1 / 750), 0)
        # A fresh pack has a tenth of the density of water: its depth in cm is its water in mm.
        open_share = np.maximum(0.3 - 0.045 * snow, 0)
        open_share *= air < 0
        np.copyto(mean, base + open_share * air, where=covered)
        np.copyto(spread, open_share * (maximum - minimum), where=covered)
    return mean, spread


def _neighbours(depth: float) -> tuple[int, float, float]:
    """The layer whose centre is below a depth, and the weights of the layer above it and of itself."""
    below = min(max(int(np.searchsorted(CENTRE, depth)), 1), len(CENTRE) - 1)
    share = min(max(float((depth - CENTRE[below - 1]) / (CENTRE[below] - CENTRE[below - 1])), 0.0), 1.0)
    return below, 1 - share, share


_NEIGHBOURS = tuple(_neighbours(depth) for depth in OUTPUT_DEPTHS)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _swing(layers: Array, swing: Array, spread: Array, warmest: Array, coldest: Array) -> None:
    """Extremes at the output depths around the means between layers, from the `spread` of the surface; fills both.

    Parameters
    ----------
    swing, warmest, coldest : array (3, series)
    """
    columns = range(len(spread))
    for depth in range(len(_NEIGHBOURS)):
        below, above_share, share = _NEIGHBOURS[depth]
        for each in columns:
            mean = above_share * layers[below - 1, each] + share * layers[below, each]
            warmest[depth, each] = mean + swing[depth, each] * spread[each]
        for each in columns:
            mean = above_share * layers[below - 1, each] + share * layers[below, each]
            coldest[depth, each] = mean - swing[depth, each] * spread[each]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _conduct(layers: Array, surface: Array, bottom: Array, up: Array, down: Array, first: Array) -> None:
    """Step the layers' means by finite differences between the surface and the bottom, degC (Parton 1984).

    The thin first layer follows the surface within the day, so it is stepped implicitly, by `first`.
    """
    number, series = layers.shape
    columns = range(series)
    change = np.empty_like(layers)
    for layer in range(1, number - 1):
        for column in columns:
            above = up[layer, column] * (layers[layer - 1, column] - layers[layer, column])
            below = down[layer, column] * (layers[layer, column] - layers[layer + 1, column])
            change[layer, column] = above - below
    last = number - 1
    for column in columns:
        above = up[last, column] * (layers[last - 1, column] - layers[last, column])
        change[last, column] = above + down[last, column] * (bottom[column] - layers[last, column])
    for column in columns:
        outer = up[0, column] * surface[column] + down[0, column] * layers[1, column]
        change[0, column] = (layers[0, column] + outer) * first[column] - layers[0, column]
    for layer in range(number):
        for column in columns:
            layers[layer, column] += change[layer, column]


def heat(
    state: State,
    site: Field,
    p: Parameters,
    maximum: Array,
    minimum: Array,
    night: Array,
    day_of_year: int,
    biomass: Array,
    litter: Array,
) -> TemperatureDay:
    """One day of soil temperature; updates the layers' means, by finite differences (Parton 1984; Eitzinger 2000).

    Parameters
    ----------
    maximum, minimum : array (series,)
        Air temperature, degC.
    night : array (series,)
        Weight of the minimum in the mean, from day length.
    biomass, litter : array (series,)
        Shading biomass, g m-2, and surface litter, g C m-2.
    """
    surface, spread = _surface(maximum, minimum, biomass, night, state.snow.astype(SINGLE), litter)
    bottom = site.mean_temperature + p.bottom_amplitude * math.cos(2 * math.pi * (day_of_year - p.bottom_day) / 365)
    layers, conduction = state.temperature, site.conduction
    _conduct(layers, surface, bottom, conduction.up, conduction.down, conduction.first)
    warmest, coldest = np.empty((2, len(OUTPUT_DEPTHS), len(surface)), SINGLE)
    _swing(layers, conduction.daily_swing, spread, warmest, coldest)
    return TemperatureDay(surface, warmest, coldest)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def at_depths(layers: Array, per: tuple[float, ...], values: Array) -> None:
    """Values at the output depths, linear between the centres of the layers.

    Parameters
    ----------
    layers : array (layers, series)
    per : tuple of float
        What each layer is divided by, such as its thickness.
    values : array (3, series)
        Filled.
    """
    for depth in range(len(_NEIGHBOURS)):
        below, above_share, share = _NEIGHBOURS[depth]
        upper, lower = above_share / per[below - 1], share / per[below]
        for column in range(layers.shape[1]):
            values[depth, column] = upper * layers[below - 1, column] + lower * layers[below, column]
