"""Soil temperature: the surface from air, shade and snow, and diffusion of heat below it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.daycent.parameters import Parameters
from agroflux_data.simulators.daycent.state import CENTRE, SECONDS, Field, State

__all__ = ["OUTPUT_DEPTHS", "TemperatureDay", "at_depths", "heat", "surface_extremes"]

Array = NDArray[np.floating]

OUTPUT_DEPTHS = (1.0, 11.0, 32.0)
"""Depths of the output layers 1, 3 and 5, cm: where the official statistics place Ecosys' layers."""
_FREEZING_MIDDLE, _FREEZING_HALF = -1.0, 1.0
"""degC, about which and how far from it the soil freezes: from -2 to 0."""
_LATENT = 18.0
"""Apparent over sensible heat capacity there: 334 MJ Mg-1 for 0.25 Mg m-3 of water over 2 K, over 2.3 MJ m-3 K-1."""


@dataclass(slots=True)
class TemperatureDay:
    """Temperatures of one day, degC; the layers' means are in the state."""

    surface: Array
    maximum: tuple[Array, ...]
    """At the output depths, (series,) each."""
    minimum: tuple[Array, ...]


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
    """Mean and range of the surface, also under snow (Parton 1984; Parton et al. 1998), in single precision."""
    top, low = surface_extremes(maximum, minimum, biomass)
    mean = top + night * (low - top)
    spread = np.maximum(top - low, 0)
    covered = snow > 0
    if covered.any():
        snow, litter = snow.astype(np.float32), litter.astype(np.float32)
        air = 0.5 * (maximum + minimum)
        base = np.minimum(-2 + litter * (1 / 750), 0)
        # A fresh pack has a tenth of the density of water: its depth in cm is its water in mm.
        open_share = np.maximum(0.3 - 0.045 * snow, 0)
        open_share *= air < 0
        np.copyto(mean, base + open_share * air, where=covered)
        np.copyto(spread, open_share * (maximum - minimum), where=covered)
    return mean, spread


def _diffusivity(water: Array, site: Field) -> Array:
    """Thermal diffusivity, cm2 s-1, (layers, series): heat capacity by de Vries (1963), linear conductivity.

    Conductivity rises from 0.25 (dry) to 1.2 W m-1 K-1 (saturated), in the low half of Johansen's (1975) range.
    """
    capacity = water.astype(np.float32)
    diffusivity = capacity * site.conduction
    diffusivity += np.float32(0.01 * 0.25)
    capacity *= site.heat_of_water
    capacity += site.heat_capacity
    diffusivity /= capacity
    return diffusivity.clip(0.004, 0.009, out=diffusivity)


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
    """One day of soil temperature; updates the layers' means, implicitly in time (Parton 1984; Eitzinger 2000).

    Parameters
    ----------
    maximum, minimum : array (series,)
        Air temperature, degC, single precision, as are the next two.
    night : array (series,)
        Weight of the minimum in the mean, from day length.
    biomass, litter : array (series,)
        Shading biomass, g m-2, and surface litter, g C m-2.
    """
    surface, spread = _surface(maximum, minimum, biomass, night, state.snow, litter)
    diffusivity = _diffusivity(state.water, site)
    bottom = site.mean_temperature + p.bottom_amplitude * math.cos(2 * math.pi * (day_of_year - p.bottom_day) / 365)
    # Conductance of the gaps for a day, over the thickness of the layers: a tridiagonal system, solved by Thomas.
    layers = len(CENTRE)
    between = np.empty((layers + 1, len(surface)), np.float32)
    np.add(diffusivity[1:], diffusivity[:-1], out=between[1:-1])
    np.multiply(diffusivity[0], 2, out=between[0])
    np.multiply(diffusivity[-1], 2, out=between[-1])
    upper = between[:-1] * site.heat_above
    lower = between[1:] * site.heat_below
    known = state.temperature
    # Freezing water holds the layer near 0 degC: latent heat as an apparent heat capacity (Lunardini 1981).
    if known.min() < 0:
        freezing = np.abs(known - _FREEZING_MIDDLE) < _FREEZING_HALF
        slowed = 1 + (1 / (1 + _LATENT) - 1) * freezing.astype(np.float32)
        upper *= slowed
        lower *= slowed
    diagonal = upper + lower
    diagonal += 1
    known[0] += upper[0] * surface
    known[-1] += lower[-1] * bottom
    # Rows are taken apart once, and one scratch row is reused: the loop is all overhead.
    factor, product = np.empty_like(known[0]), np.empty_like(known[0])
    rows = list(zip(known, diagonal, upper, lower, strict=True))
    for (before, pivot, _, down), (value, diagonal_value, up, _) in pairwise(rows):
        np.divide(up, pivot, factor)
        np.subtract(diagonal_value, np.multiply(factor, down, product), diagonal_value)
        np.add(value, np.multiply(factor, before, product), value)
    known[-1] /= diagonal[-1]
    for (after, *_), (value, pivot, _, down) in pairwise(reversed(rows)):
        np.add(value, np.multiply(down, after, product), value)
        np.divide(value, pivot, value)
    damping = -np.sqrt(np.float32(math.pi / SECONDS) / (0.2 * diffusivity[:5].sum(0)))
    means = at_depths(known)
    spread *= np.float32(0.5)
    halves = [spread * np.exp(depth * damping) for depth in OUTPUT_DEPTHS]
    return TemperatureDay(
        surface,
        tuple(mean + half for mean, half in zip(means, halves, strict=True)),
        tuple(mean - half for mean, half in zip(means, halves, strict=True)),
    )


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
