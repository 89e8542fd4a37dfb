"""Mineral nitrogen: fertiliser, deposition, nitrification, denitrification and leaching, by day and layer."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agroflux_data.simulators.daycent.organic_matter import abiotic_water
from agroflux_data.simulators.daycent.parameters import Parameters
from agroflux_data.simulators.daycent.plant import poisson_density
from agroflux_data.simulators.daycent.state import SINGLE, THICKNESS, Field, State
from agroflux_data.simulators.daycent.water import FIRST_TILED, SEEN_WET, WaterDay

__all__ = [
    "carbon_dioxide_limit",
    "denitrify",
    "deposit",
    "fertilise",
    "leach",
    "n2_to_n2o",
    "nitrate_limit",
    "nitrification_ph",
    "nitrification_temperature",
    "nitrify",
    "no_to_n2o",
    "water_limit",
]

Array = NDArray[np.floating]

_MIXED = 3
"""Layers of 0-10 cm, into which fertiliser is mixed and where ammonium lies."""
_LEAST_EXPONENT = math.log(0.16)
_ACTIVE = SEEN_WET
"""Layers that denitrify, 0-20 cm."""


def nitrification_ph(ph: ArrayLike) -> Array:
    """Factor of nitrification, 0..1 (Parton et al. 1996, 2001)."""
    return 0.56 + np.arctan(0.45 * np.pi * (np.asarray(ph) - 5.0)) / np.pi


def nitrification_temperature(temperature: ArrayLike, warmest: ArrayLike = 35.0) -> Array:
    """Factor of nitrification, 0..1, with its optimum at the warmest month (Parton et al. 2001).

    Parameters
    ----------
    temperature : array_like
        Soil at 2-10 cm, degC.
    warmest : array_like
        Mean daily maximum of the warmest month, degC; 35 shifts nothing.
    """
    return poisson_density(np.asarray(temperature) + (35.0 - np.asarray(warmest)), 35.0, -5.0, 4.5, 7.0)


def no_to_n2o(diffusion: ArrayLike) -> Array:
    """NO over N2O of nitrification from relative gas diffusivity, without rain pulses (Parton et al. 2001; halved)."""
    return 0.5 * (8 + 18 / np.pi * np.arctan(0.75 * np.pi * (10 * np.asarray(diffusion) - 1.86)))


def nitrate_limit(nitrate: ArrayLike) -> Array:
    """Denitrification that nitrate allows, ug N g-1 d-1, from ug N g-1 (Del Grosso et al. 2000)."""
    return 1.556 + 76.91 / math.pi * np.arctan(0.00222 * math.pi * (np.asarray(nitrate) - 9.23))


def carbon_dioxide_limit(respired: ArrayLike) -> Array:
    """Denitrification that labile carbon allows, ug N g-1 d-1, from corrected CO2, ug C g-1 d-1 (Del Grosso 2000)."""
    # A power by way of the logarithm, which numpy takes in vectors; the little that is added keeps it finite.
    return 0.1 * np.exp(1.3 * np.log(np.asarray(respired) + 1e-9)) - 0.1


def water_limit(filled: ArrayLike, respired: ArrayLike, field_diffusion: ArrayLike) -> Array:
    """Factor of denitrification by water-filled pore space, 0..1 (Del Grosso et al. 2000).

    Parameters
    ----------
    filled : array_like
        Water-filled pore space, 0..1.
    respired : array_like
        Corrected CO2, ug C g-1 d-1.
    field_diffusion : array_like
        Relative gas diffusivity at field capacity.
    """
    steepness = 0.6 * math.pi
    # The inflection is at 9 - slope * respired of ten times the water-filled pore space.
    slope = steepness * (0.145 - 1.25 * np.minimum(0.113, field_diffusion))
    turn = slope * np.asarray(respired) + (10 * steepness) * np.asarray(filled) - 9.0 * steepness
    return (np.arctan(turn) * (1 / math.pi) + 0.45).clip(0, 1)


def n2_to_n2o(nitrate: ArrayLike, respired: ArrayLike, filled: ArrayLike, field_diffusion: ArrayLike) -> Array:
    """N2 over N2O of denitrification (Del Grosso et al. 2000).

    Nitrate in ug N g-1, respired CO2 in ug C g-1 d-1, water-filled pore space 0..1, diffusivity relative.
    """
    nitrate, respired = np.asarray(nitrate), np.asarray(respired)
    first = np.maximum(1.7, 38.4 - 350 * np.asarray(field_diffusion))
    ratio = np.exp((-0.8 * nitrate / (respired + 1e-6)).clip(_LEAST_EXPONENT, 0)) * first
    return (ratio * (1.5 * np.asarray(filled) - 0.32).clip(0.1, np.inf)).clip(0.1, np.inf)


def corrected_carbon_dioxide(respired: Array, filled: Array, threshold: Array, slope: Array) -> Array:
    """CO2 production as denitrifiers see it where wet soil holds oxygen off, ug C g-1 d-1 (Del Grosso et al. 2000)."""
    return respired * (1 + (100 * slope) * (filled - threshold).clip(0, 1))


def deposit(state: State, p: Parameters) -> None:
    """Deposition of a day enters the mineral pools, half of it nitrate, which stays at the surface."""
    half = 0.5 * p.deposition / 365
    state.ammonium += half
    state.nitrate[0] += half
    state.budgets["nitrogen"].entered += 2 * half


def fertilise(state: State, site: Field, p: Parameters, amount: Array) -> None:
    """Fertiliser of a day enters the mineral pools, g N m-2; a little ammonia is lost at once.

    Ammonia: 2 to 8 % of the ammonium and urea, rising with pH (choice).
    """
    low, high = p.volatilised
    volatile = (1 - p.nitrate_of_fertiliser) * amount
    lost = volatile * np.clip(low + (high - low) * (site.ph - 5.5) / 2, low, high)
    state.ammonium += volatile - lost
    state.nitrate[:_MIXED] += p.nitrate_of_fertiliser * amount * site.seedbed
    state.budgets["nitrogen"].entered += amount
    state.budgets["nitrogen"].left += lost


def nitrify(state: State, site: Field, p: Parameters, water: WaterDay, multiplier: Array) -> tuple[Array, Array]:
    """One day of nitrification: N2O and NO, g N m-2 d-1 (Parton et al. 2001); updates the state.

    Parameters
    ----------
    multiplier : array (series,)
        Of the rate: the factor of `nitrification_ph` and the latent one.
    """
    # 2-10 cm: the layers of 3 and 5 cm.
    temperature = 0.375 * state.temperature[1] + 0.625 * state.temperature[2]
    relative = 0.375 * water.relative[1] + 0.625 * water.relative[2]
    # What the wettest soil holds above capacity, over what it could hold, 0..1.
    excess = (water.wettest[1] + water.wettest[2] - site.seedbed_capacity) * site.per_seedbed_excess
    climate = abiotic_water(relative) * (1 - p.wettest_weight * excess.clip(0, 1))
    climate *= nitrification_temperature(temperature, site.warmest)
    ammonium = state.ammonium.astype(SINGLE)
    rate = np.minimum(p.nitrification_most, p.nitrification_rate * ammonium)
    rate *= multiplier * np.maximum(climate, p.nitrification_floor)
    formed = np.minimum(rate + p.nitrification_least, 0.9 * ammonium)
    content = state.water[0] * float(0.1 / THICKNESS[0])
    nitrous = p.nitrification_n2o * formed
    nitric = nitrous * no_to_n2o(0.66 * np.maximum(site.porosity - content, 0)) * (1 + state.pulse)
    nitric = np.minimum(nitric, 0.2 * formed)
    state.ammonium -= formed
    state.nitrate[:_MIXED] += (formed - nitrous - nitric) * site.seedbed
    return nitrous, nitric


def denitrify(
    state: State, site: Field, p: Parameters, water: WaterDay, respired: Array, multiplier: Array
) -> tuple[Array, Array]:
    """One day of denitrification in the layers of 0-20 cm: N2O and N2, g N m-2 d-1 (Del Grosso et al. 2000).

    Parameters
    ----------
    respired : array (series,)
        CO2 of the soil pools, g C m-2 d-1, which the layers share by root density.
    multiplier : array (series,)
        Latent multiplier of the rate.
    """
    nitrate = state.nitrate[:_ACTIVE] * site.per_mass[:_ACTIVE]
    drained = state.water[:_ACTIVE]
    filled = water.wettest - drained
    filled *= p.wettest_weight
    filled += drained
    filled *= site.per_saturated[:_ACTIVE]
    layered = site.roots_per_mass[:_ACTIVE] * respired
    seen = corrected_carbon_dioxide(layered, filled, site.wet_threshold, site.wet_slope)
    wet = water_limit(filled, seen, site.field_diffusion)
    rate = np.minimum(nitrate_limit(nitrate), carbon_dioxide_limit(seen))
    np.maximum(rate, site.denitrified_least[:_ACTIVE], out=rate)
    rate *= wet
    rate *= multiplier
    rate *= nitrate >= p.nitrate_least
    np.minimum(rate, 0.5 * nitrate, out=rate)
    ratio = n2_to_n2o(nitrate, layered, filled, site.field_diffusion)
    ratio += 1
    lost = rate * site.mass[:_ACTIVE]
    state.nitrate[:_ACTIVE] -= lost
    emitted = (lost / ratio).sum(0)
    return emitted, lost.sum(0) - emitted


def leach(state: State, site: Field, water: WaterDay) -> Array:
    """Nitrate moves with the water of the day; returns what leaves the soil, g N m-2 d-1 (Parton et al. 1998)."""
    down = water.percolated * site.leached_per_flux
    down.clip(0, np.inf, out=down)
    np.minimum(down, site.leached_most, out=down)
    down *= state.nitrate
    state.nitrate -= down
    state.nitrate[1:] += down[:-1]
    deep = state.nitrate[FIRST_TILED:]
    tiled = water.tiled * site.leached_per_flux[FIRST_TILED:]
    np.minimum(tiled, site.leached_most[FIRST_TILED:], out=tiled)
    tiled *= deep
    deep -= tiled
    return down[-1] + tiled.sum(0)
