"""Heat in the soil: daily means by diffusion, the course of the day as a damped wave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.ecosys.column import conductances, solve
from agroflux_data.simulators.ecosys.parameters import BOTTOMS, LAYERS, RATE, THICKNESS, Parameters

__all__ = ["NODES", "Wave", "harmonic", "step", "wave"]

Array = NDArray[np.floating]

_DEEP = np.array([[1.0], [2.0]])
NODES = LAYERS + len(_DEEP)
"""Nodes of the heat column: the soil layers and two deep ones, down to 4.5 m."""
_THICKNESS = np.concatenate([THICKNESS, _DEEP]).astype(RATE)
_MIDDLES = (np.array(BOTTOMS)[:, None] - THICKNESS / 2)[None].astype(RATE)
_OMEGA = 2 * np.pi / 86400
_FUSION = 3.34e8
"""Latent heat of freezing, J m-3 of water."""
_REPEATS = 3


@dataclass(frozen=True)
class Wave:
    """The first harmonic of the day at the surface: cosine and sine amplitudes, K, and damping depth, m; (series,)."""

    cosine: Array
    sine: Array
    damping: Array

    def at(self, hours: Array) -> Array:
        """Deviation from the daily mean of all layers, (hours, layers, series), K.

        Source: van Wijk & de Vries (1963), Physics of Plant Environment, ch. 4.
        """
        depth = _MIDDLES / self.damping
        fade, late, early = np.exp(-depth), np.sin(depth), np.cos(depth)
        # cos(t - d) and sin(t - d) by the sums of angles: the layers' part is the same at all hours.
        cosine = fade * (self.cosine * early - self.sine * late)
        sine = fade * (self.cosine * late + self.sine * early)
        angle = (2 * np.pi / 24 * hours[:, None, None]).astype(RATE)
        return np.cos(angle) * cosine + np.sin(angle) * sine

    def amplitude(self) -> Array:
        """Half the daily range of each layer, K, (layers, series)."""
        return np.exp(-_MIDDLES[0] / self.damping) * np.hypot(self.cosine, self.sine)


def harmonic(values: Array) -> tuple[Array, Array]:
    """Amplitudes of cosine and sine of the daily harmonic of equally spaced values (steps, series)."""
    steps = len(values)
    angle = (2 * np.pi * (np.arange(steps)[:, None] + 0.5) / steps).astype(RATE)
    return 2 / steps * (values * np.cos(angle)).sum(0), 2 / steps * (values * np.sin(angle)).sum(0)


def properties(p: Parameters, content: Array, saturation: Array) -> tuple[Array, Array]:
    """Conductivity (W m-1 K-1) and heat capacity (J m-3 K-1) of the soil layers, (layers, series).

    Source: de Vries (1963) for heat capacity; Johansen (1975), with Kersten's number for unfrozen fine soils, for
    conductivity between dry and saturated.
    """
    wetness = np.clip(content / saturation, 0.05, 1)
    wet = p.mineral_conductivity * (1 - 0.5 * (saturation - 0.45))
    conductivity = 0.25 + (wet - 0.25) * np.clip(1 + 0.43 * np.log(wetness), 0, 1)
    return conductivity, 1.92e6 * (1 - saturation) + 4.18e6 * content


def wave(conductivity: Array, capacity: Array, surface: Array, cover: Array) -> Wave:
    """The wave that a day's surface temperatures (steps, series) send down; `cover` <= 1 damps it (snow).

    Diffusivity is that of the top 15 cm, where the wave dies out.
    """
    weight = _THICKNESS[:4] / _THICKNESS[:4].sum()
    diffusivity = (weight * conductivity[:4]).sum(0) / (weight * capacity[:4]).sum(0)
    cosine, sine = harmonic(surface)
    return Wave(cosine * cover, sine * cover, np.sqrt(2 * diffusivity / _OMEGA))


def step(
    temperature: Array, conductivity: Array, capacity: Array, content: Array, surface: Array, snow: Array
) -> Array:
    """Daily mean temperatures (nodes, series) after one day of heat diffusion (Fourier), backward Euler.

    Soil water freezes between 0 and -3 degC. Its latent heat is an apparent heat capacity, the mean between the day's
    two temperatures, found by repetition, so that none is missed when a day passes the whole range.

    Parameters
    ----------
    content : array (layers, series)
        m3 m-3.
    surface : array (series,)
        Daily mean temperature of the surface, degC.
    snow : array (series,)
        Thermal resistance of snow, m2 K W-1.
    """
    conductivity = np.concatenate([conductivity, np.repeat(conductivity[-1:], len(_DEEP), 0)])
    between = conductances(conductivity, _THICKNESS, snow)
    fusion = np.concatenate([_FUSION * content, np.zeros_like(temperature[LAYERS:])])
    capacity = np.concatenate([capacity, np.repeat(capacity[-1:], len(_DEEP), 0)])
    liquid, after = _liquid(temperature), temperature
    for _ in range(_REPEATS):
        # Where temperature hardly moves, the slope of the freezing curve itself.
        change = after - temperature
        still = np.abs(change) < 0.05
        melted = np.where(still, _liquid(temperature + 0.05) - liquid, _liquid(after) - liquid)
        load = (capacity + fusion * melted / np.where(still, 0.05, change)) * _THICKNESS / 86400
        after = solve(between, load, load * temperature, surface)
    return after


def _liquid(temperature: Array) -> Array:
    """Share of the water that is liquid."""
    return np.clip(1 + temperature / 3.0, 0, 1)
