"""The canopy through one day: light, photosynthesis, stomata, water potential, energy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.ecosys.parameters import Crop, Parameters
from agroflux_data.simulators.ecosys.photosynthesis import Leaf

__all__ = ["Air", "Canopy", "aerodynamic_resistance", "canopy", "penman_monteith", "sunlit_and_shaded"]

Array = NDArray[np.floating]

HEAT_CAPACITY = 1212.0
"""Of air, J m-3 K-1."""
PSYCHROMETRIC = 0.066
"""kPa K-1."""
LATENT = 2.45e6
"""J kg-1."""
MOLAR_VOLUME = 41.6
"""mol of air in a m3."""
RADIATIVE = 5.5
"""Longwave loss of a surface for each kelvin above the air, W m-2 K-1."""
CARBON = 12e-6 * 3600
"""gC m-2 h-1 for each umol m-2 s-1."""
_TRIES = (5, 3)
"""Evaluations of the canopy's water potential before and after its temperature is known."""
_DRIEST = -3.0


@dataclass(frozen=True)
class Air:
    """The weather of one day, (steps, series) each; names as in `Hours`."""

    temperature: Array
    deficit: Array
    slope: Array
    wind: Array
    radiation: Array
    light: Array
    beam: Array
    sine: Array
    longwave: Array
    co2: float
    """umol mol-1."""

    @property
    def step_hours(self) -> float:
        return 24 / len(self.temperature)


@dataclass(frozen=True)
class Canopy:
    """What the canopy did in a day."""

    assimilation: Array
    """Gross fixation, gC m-2 in the day, (series,)."""
    transpiration: Array
    """mm in each step, (steps, series)."""
    temperature: Array
    """Of the canopy, degC, (steps, series)."""
    potential: Array
    """Of canopy water, MPa, (steps, series)."""


def sunlit_and_shaded(p: Parameters, lai: Array, air: Air) -> tuple[Array, Array, Array]:
    """Absorbed PAR (umol m-2 s-1 of ground), leaf area and extinction of beam: sunlit leaves first, then shaded ones.

    Source: de Pury & Farquhar (1997) Plant Cell Environ. 20:537, equations 18 to 26, with clumped leaves.

    Returns
    -------
    absorbed, area : arrays (2, steps, series)
    extinction : array (steps, series)
    """
    par = 0.48 * 4.57 * air.radiation
    beam, diffuse = par * air.beam, par * (1 - air.beam)
    kb = 0.5 * p.clumping / air.sine
    scatter = (1 - p.leaf_scatter) ** 0.5
    kbs, kd = kb * scatter, 0.719 * p.clumping
    through = np.exp(-kb * lai)
    sunlit_area = (1 - through) / kb
    total = 0.971 * beam * (1 - np.exp(-kbs * lai)) + 0.964 * diffuse * (1 - np.exp(-kd * lai))
    direct = beam * (1 - p.leaf_scatter) * (1 - through)
    sky = 0.964 * diffuse * (1 - np.exp(-(kd + kb) * lai)) * kd / (kd + kb)
    scattered = beam * (
        0.971 * (1 - np.exp(-(kbs + kb) * lai)) * kbs / (kbs + kb) - (1 - p.leaf_scatter) * 0.5 * (1 - through**2)
    )
    sunlit = np.minimum(direct + sky + scattered, total)
    return np.stack([sunlit, total - sunlit]), np.stack([sunlit_area, lai - sunlit_area]), kb


def aerodynamic_resistance(wind: Array, height: Array) -> Array:
    """s m-1, neutral air, from the surface to 2 m above it (van Bavel & Hillel 1976, Agric. Meteorol. 17:453)."""
    above = 2 + height
    return np.log((above - 0.67 * height) / (0.13 * height)) ** 2 / (0.41**2 * wind)


def penman_monteith(air: Air, net: Array, aerodynamic: Array, surface: Array) -> tuple[Array, Array]:
    """Evaporation (mm h-1) and surface minus air temperature (K) from the linearised energy balance.

    Source: Monteith (1965) Symp. Soc. Exp. Biol. 19:205, with longwave loss in the sensible path. It is the first
    Newton step for the surface temperature, taken from air temperature.

    Parameters
    ----------
    net : array
        Net radiation of the surface at air temperature, W m-2.
    aerodynamic, surface : arrays
        Resistances, s m-1.
    """
    heat = HEAT_CAPACITY / aerodynamic + RADIATIVE
    vapour = HEAT_CAPACITY / (PSYCHROMETRIC * (aerodynamic + surface))
    difference = (net - vapour * air.deficit) / (heat + vapour * air.slope)
    return (net - heat * difference) * 3600 / LATENT, difference


def canopy(
    p: Parameters,
    crop: Crop,
    corn: NDArray[np.bool_],
    air: Air,
    lai: Array,
    height: Array,
    vcmax25: Array,
    soil_potential: Array,
    plant_conductance: Array,
) -> Canopy:
    """One day of a canopy, all its steps at once.

    Stomata open for the CO2 that photosynthesis can use, down to a minimum resistance at the species' ratio of
    internal to outer CO2, and close with the loss of turgor (Grant et al. 2006, Ecol. Model. 194:221); the canopy's
    water potential is where uptake from the soil meets transpiration (the balance of `penman_monteith`), found by
    Newton's method within a bracket.

    Parameters
    ----------
    lai, height, vcmax25 : arrays (series,)
        Leaf area, m; leaf-level capacity of the uppermost leaves at 25 degC, umol m-2 s-1.
    soil_potential : array (series,)
        Water potential of the soil as the roots meet it, MPa.
    plant_conductance : array (series,)
        From soil to canopy, mm h-1 MPa-1.
    """
    # Leaves see the sun's own light while it is up, not the mean of a step that begins or ends in the dark.
    air = replace(air, radiation=air.radiation / air.light)
    area = np.maximum(lai, 1e-3)
    absorbed, leaves, kb = sunlit_and_shaded(p, area, air)
    kn = p.nitrogen_profile
    total = area * vcmax25 * ((1 - math.exp(-kn)) / kn)
    sunlit = area * vcmax25 * (1 - np.exp(-kn - kb * area)) / (kn + kb * area)
    vcmax = np.stack([sunlit, np.maximum(total - sunlit, 0)])
    taken = 1 - np.exp(-0.55 * area)
    net = taken * ((1 - p.canopy_albedo) * air.radiation - air.longwave)
    aerodynamic = aerodynamic_resistance(air.wind, np.maximum(height, 0.05))
    wanted = crop.ci_ratio * air.co2
    difference: Array = np.zeros_like(net)
    temperature: Array = air.temperature
    transpiration: Array = difference
    potential: Array
    surface: Array = difference
    least = np.zeros_like(leaves)
    assimilation: Array = np.zeros_like(leaves)
    closed_leaves = leaves / p.cuticle + 1e-9
    potential = np.broadcast_to(soil_potential, net.shape)
    lowest = np.minimum(_DRIEST, soil_potential - 0.5)
    heat = HEAT_CAPACITY / aerodynamic + RADIATIVE
    for tries in _TRIES:
        capacity = Leaf(p, vcmax, crop.jmax_ratio, absorbed, temperature, corn)
        least = capacity.assimilation(wanted) / (0.64 * (air.co2 - wanted) * MOLAR_VOLUME)
        closed = closed_leaves.sum(0)
        resistance_open = 1 / (least.sum(0) + closed)
        closing = 1 / closed - resistance_open
        wet, dry = soil_potential, lowest
        for left in range(tries - 1, -1, -1):
            lost = np.exp(-np.maximum(potential - p.osmotic, 0) / p.turgor_scale) * closing
            surface = resistance_open + lost
            outer = aerodynamic + surface
            vapour = HEAT_CAPACITY / (PSYCHROMETRIC * outer)
            total_heat = heat + vapour * air.slope
            difference = (net - vapour * air.deficit) / total_heat
            transpiration = (net - heat * difference) * (3600 / LATENT)
            if not left:
                break
            # Newton's step, or half the bracket where that would leave it.
            excess = transpiration - (soil_potential - potential) * plant_conductance
            thirsty = excess > 0
            dry, wet = np.where(thirsty, dry, potential), np.where(thirsty, potential, wet)
            steep = heat * (air.deficit + difference * air.slope) / total_heat * vapour / outer * (3600 / LATENT)
            steep = np.where(potential > p.osmotic, steep * lost / p.turgor_scale, 0) + plant_conductance
            potential = potential - excess / steep
            potential = np.where((potential >= dry) & (potential <= wet), potential, 0.5 * (dry + wet))
        temperature = air.temperature + np.clip(difference, -8, 12)
    # Turgor loss narrows all leaves alike; internal CO2 then follows from supply and demand.
    share = resistance_open / surface
    supply = share * (least + closed_leaves) * 0.64 * MOLAR_VOLUME
    gamma = capacity.compensation
    ci: Array = np.broadcast_to(wanted, supply.shape)
    for _ in range(2):
        assimilation = capacity.assimilation(ci)
        demand = assimilation / np.maximum(ci - gamma, 1.0)
        ci = (supply * air.co2 + demand * gamma) / (supply + demand + 1e-12)
    assimilation = np.minimum(capacity.assimilation(ci), supply * np.maximum(air.co2 - ci, 0))
    alive = lai > 1e-3
    hours = air.light * air.step_hours
    gross = (assimilation.sum(0) * hours).sum(0) * CARBON
    return Canopy(
        np.where(alive, gross, 0.0),
        np.where(alive, np.maximum(transpiration, 0) * hours, 0.0),
        temperature,
        potential,
    )
