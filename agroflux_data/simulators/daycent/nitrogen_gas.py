"""Mineral nitrogen: fertiliser, deposition, nitrification, denitrification and leaching, by day and layer."""

from __future__ import annotations

import math

import numba
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
_SEEDBED = tuple((THICKNESS[:_MIXED] / THICKNESS[:_MIXED].sum()).tolist())
"""Their shares of it."""
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


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _seedbed(values: Array, mean: Array) -> None:
    """Mean of 2-10 cm, the layers of 3 and 5 cm, of `values`, (layers, series); fills `mean`, (series,)."""
    for column in range(len(mean)):
        mean[column] = 0.375 * values[1, column] + 0.625 * values[2, column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _oxidise(
    ammonium: Array,
    climate: Array,
    multiplier: Array,
    share: float,
    most: float,
    least: float,
    floor: float,
    formed: Array,
) -> None:
    """Ammonium that is nitrified, g N m-2 d-1: fills `formed` and takes it away (Parton et al. 2001).

    Parameters
    ----------
    climate, multiplier : array (series,)
        Factors of the rate; that of climate is at least `floor`.
    share, most, least : float
        Rate, d-1, and its limits, g N m-2 d-1.
    """
    columns = range(len(formed))
    for column in columns:
        rate = min(most, share * ammonium[column]) * multiplier[column] * max(climate[column], floor)
        formed[column] = min(rate + least, 0.9 * ammonium[column])
    for column in columns:
        ammonium[column] -= formed[column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _leak(
    formed: Array, ratio: Array, pulse: Array, share: float, nitrate: Array, nitrous: Array, nitric: Array
) -> None:
    """N2O, a `share` of what is `formed`, and NO by its `ratio` to it; the rest is nitrate of 0-10 cm.

    Fills `nitrous` and `nitric`, g N m-2 d-1 (Parton et al. 2001).
    """
    columns = range(len(formed))
    for column in columns:
        nitrous[column] = share * formed[column]
    for column in columns:
        nitric[column] = min(nitrous[column] * ratio[column] * (1 + pulse[column]), 0.2 * formed[column])
    for layer in range(_MIXED):
        part = _SEEDBED[layer]
        for column in columns:
            nitrate[layer, column] += part * (formed[column] - nitrous[column] - nitric[column])


def nitrify(state: State, site: Field, p: Parameters, water: WaterDay, multiplier: Array) -> tuple[Array, Array]:
    """One day of nitrification: N2O and NO, g N m-2 d-1 (Parton et al. 2001); updates the state.

    Parameters
    ----------
    multiplier : array (series,)
        Of the rate: the factor of `nitrification_ph` and the latent one.
    """
    temperature, relative, formed, nitrous, nitric = np.empty((5, len(multiplier)), SINGLE)
    _seedbed(state.temperature, temperature)
    _seedbed(water.relative, relative)
    # What the wettest soil holds above capacity, over what it could hold, 0..1.
    excess = (water.wettest[1] + water.wettest[2] - site.seedbed_capacity) * site.per_seedbed_excess
    climate = abiotic_water(relative) * (1 - p.wettest_weight * excess.clip(0, 1))
    climate *= nitrification_temperature(temperature, site.warmest)
    _oxidise(
        state.ammonium,
        climate,
        multiplier,
        p.nitrification_rate,
        p.nitrification_most,
        p.nitrification_least,
        p.nitrification_floor,
        formed,
    )
    content = state.water[0] * float(0.1 / THICKNESS[0])
    ratio = no_to_n2o(0.66 * np.maximum(site.porosity - content, 0))
    _leak(formed, ratio, state.pulse, p.nitrification_n2o, state.nitrate, nitrous, nitric)
    return nitrous, nitric


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _see(
    nitrate: Array,
    water: Array,
    wettest: Array,
    respired: Array,
    weight: float,
    per_mass: Array,
    per_saturated: Array,
    roots_per_mass: Array,
    threshold: Array,
    slope: Array,
    concentration: Array,
    filled: Array,
    layered: Array,
    seen: Array,
) -> None:
    """What denitrifiers of 0-20 cm live on (Del Grosso et al. 2000).

    Fills, (`_ACTIVE`, series) each: nitrate, ug N g-1, water-filled pore space, in which the wettest moment of the day
    has its `weight`, CO2, ug C g-1 d-1, and CO2 as they see it where
    wet soil holds oxygen off.
    """
    columns = range(len(respired))
    for layer in range(_ACTIVE):
        for column in columns:
            concentration[layer, column] = nitrate[layer, column] * per_mass[layer, column]
        for column in columns:
            mean = water[layer, column] + weight * (wettest[layer, column] - water[layer, column])
            filled[layer, column] = mean * per_saturated[layer, column]
        for column in columns:
            layered[layer, column] = respired[column] * roots_per_mass[layer, column]
        for column in columns:
            above = min(max(filled[layer, column] - threshold[column], 0.0), 1.0)
            seen[layer, column] = layered[layer, column] * (1 + 100 * slope[column] * above)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _reduce(
    nitrate: Array,
    concentration: Array,
    rate: Array,
    wet: Array,
    ratio: Array,
    least: Array,
    threshold: float,
    multiplier: Array,
    mass: Array,
    nitrous: Array,
    dinitrogen: Array,
) -> None:
    """Nitrate of 0-20 cm becomes N2O and N2; fills these, g N m-2 d-1 (Del Grosso et al. 2000).

    Parameters
    ----------
    concentration, rate, wet, ratio, least : array (`_ACTIVE`, series)
        Nitrate, ug N g-1, what nitrate and carbon allow, ug N g-1 d-1, the water's factor, N2 over N2O and the least
        rate; below the `threshold` of nitrate there is none.
    """
    columns = range(len(multiplier))
    nitrous[:] = 0.0
    dinitrogen[:] = 0.0
    for layer in range(_ACTIVE):
        for column in columns:
            rate[layer, column] = max(rate[layer, column], least[layer, column]) * wet[layer, column]
        for column in columns:
            most = 0.5 * concentration[layer, column] if concentration[layer, column] >= threshold else 0.0
            rate[layer, column] = min(rate[layer, column] * multiplier[column], most) * mass[layer, column]
        for column in columns:
            nitrate[layer, column] -= rate[layer, column]
        for column in columns:
            wet[layer, column] = rate[layer, column] / (ratio[layer, column] + 1)
        for column in columns:
            nitrous[column] += wet[layer, column]
        for column in columns:
            dinitrogen[column] += rate[layer, column] - wet[layer, column]


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
    nitrate, filled, layered, seen = np.empty((4, _ACTIVE, len(respired)), SINGLE)
    _see(
        state.nitrate,
        state.water,
        water.wettest,
        respired,
        p.wettest_weight,
        site.per_mass,
        site.per_saturated,
        site.roots_per_mass,
        site.wet_threshold,
        site.wet_slope,
        nitrate,
        filled,
        layered,
        seen,
    )
    wet = water_limit(filled, seen, site.field_diffusion)
    rate = np.minimum(nitrate_limit(nitrate), carbon_dioxide_limit(seen))
    ratio = n2_to_n2o(nitrate, layered, filled, site.field_diffusion)
    nitrous, dinitrogen = np.empty((2, len(respired)), SINGLE)
    _reduce(
        state.nitrate,
        nitrate,
        rate,
        wet,
        ratio,
        site.denitrified_least,
        p.nitrate_least,
        multiplier,
        site.mass,
        nitrous,
        dinitrogen,
    )
    return nitrous, dinitrogen


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _leach(
    nitrate: Array, percolated: Array, tiled: Array, most: Array, per_flux: Array, moved: Array, leached: Array
) -> None:
    """Shares of the nitrate of each layer move down and into tiles; fills `leached`, what leaves the soil, (series,).

    Parameters
    ----------
    moved : array (layers, series)
        Filled: what goes down.
    """
    layers, series = nitrate.shape
    columns = range(series)
    for layer in range(layers):
        for column in columns:
            share = max(percolated[layer, column] * per_flux[layer, column], 0.0)
            moved[layer, column] = min(share, most[layer, column]) * nitrate[layer, column]
    for layer in range(layers):
        for column in columns:
            nitrate[layer, column] -= moved[layer, column]
    for layer in range(layers - 1):
        for column in columns:
            nitrate[layer + 1, column] += moved[layer, column]
    leached[:] = moved[layers - 1]
    for row in range(len(tiled)):
        layer = FIRST_TILED + row
        for column in columns:
            share = min(tiled[row, column] * per_flux[layer, column], most[layer, column])
            moved[layer, column] = share * nitrate[layer, column]
        for column in columns:
            nitrate[layer, column] -= moved[layer, column]
        for column in columns:
            leached[column] += moved[layer, column]


def leach(state: State, site: Field, water: WaterDay) -> Array:
    """Nitrate moves with the water of the day; returns what leaves the soil, g N m-2 d-1 (Parton et al. 1998)."""
    moved, leached = np.empty_like(state.nitrate), np.empty_like(state.nitrate[0])
    _leach(state.nitrate, water.percolated, water.tiled, site.leached_most, site.leached_per_flux, moved, leached)
    return leached
