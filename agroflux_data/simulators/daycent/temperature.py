"""Soil temperature: the surface from air, shade and snow, and diffusion of heat below it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.daycent.parameters import Parameters
from agroflux_data.simulators.daycent.state import CENTRE, OUTPUT_DEPTHS, Field, State

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
    surface, spread = _surface(maximum, minimum, biomass, night, state.snow, litter)
    bottom = site.mean_temperature + p.bottom_amplitude * math.cos(2 * math.pi * (day_of_year - p.bottom_day) / 365)
    layers, conduction = state.temperature, site.conduction
    up, down = conduction.up, conduction.down
    # The thin first layer follows the surface within the day, so it is stepped implicitly.
    first = layers[0] + up[0] * surface
    first += down[0] * layers[1]
    first *= conduction.first
    last = down[-1] * (bottom - layers[-1])
    difference = layers[:-1] - layers[1:]
    layers[1:] += up[1:] * difference
    difference *= down[:-1]
    layers[:-1] -= difference
    layers[0] = first
    layers[-1] += last
    means, halves = np.stack(at_depths(layers)), conduction.daily_swing * spread
    return TemperatureDay(surface, means + halves, means - halves)


def _neighbours(depth: float) -> tuple[int, float, float]:
    """The layer whose centre is below a depth, and the weights of the layer above it and of itself."""
    below = min(max(int(np.searchsorted(CENTRE, depth)), 1), len(CENTRE) - 1)
    share = min(max(float((depth - CENTRE[below - 1]) / (CENTRE[below] - CENTRE[below - 1])), 0.0), 1.0)
    return below, 1 - share, share


_NEIGHBOURS = tuple(_neighbours(depth) for depth in OUTPUT_DEPTHS)
_ONE = (1.0,) * len(CENTRE)


def at_depths(layers: Array, per: tuple[float, ...] = _ONE) -> tuple[Array, ...]:
    """Values at the output depths, linear between the centres of the layers.

    Parameters
    ----------
    layers : array (layers, series)
    per : tuple of float
        What each layer is divided by, such as its thickness.
    """
    return tuple(
        layers[below - 1] * (above_share / per[below - 1]) + layers[below] * (share / per[below])
        if share
        else layers[below - 1] / per[below - 1]
        for below, above_share, share in _NEIGHBOURS
    )
