"""Snow, interception, evaporation, transpiration and drainage of a layered soil, by day."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.atmosphere import latent_heat
from agroflux_data.simulators.daycent.parameters import Parameters
from agroflux_data.simulators.daycent.state import EXACT, SINGLE, Field, State

__all__ = ["FIRST_TILED", "LANGLEY", "SEEN_WET", "WaterDay", "flow", "potential_evapotranspiration", "water_stress"]

Array = NDArray[np.floating]

LANGLEY = 0.041868
"""MJ m-2."""
FIRST_TILED = 6
"""The first layer that tiles drain, below 60 cm; what stands above it cascades into it."""
SEEN_WET = 4
"""Layers whose wettest moment of the day matters, 0-20 cm."""


@dataclass(slots=True)
class WaterDay:
    """Water of one day, mm and (series,) unless said otherwise."""

    evapotranspiration: Array
    runoff: Array
    drained: Array
    """Below the soil and through tiles."""
    percolated: Array
    """Downward flux below each layer, (layers, series)."""
    tiled: Array
    """Into tiles from the layers from `FIRST_TILED` down, (layers, series)."""
    wettest: Array
    """Water of the layers of 0-20 cm before they drained, not above saturation, (`SEEN_WET`, series)."""
    relative: Array
    """Relative water (water - wilting) / (capacity - wilting), 0..1, (layers, series)."""
    stress: Array
    """Growth factor f_W, 0..1."""
    light: Array
    """Share of the light that leaves take, 0..1."""


def potential_evapotranspiration(
    maximum: Array, minimum: Array, extraterrestrial: Array, p: Parameters | None = None
) -> Array:
    """mm d-1, from temperatures in degC and radiation above the air in MJ m-2 d-1 (Hargreaves & Samani 1985)."""
    p = p or Parameters()
    mean = 0.5 * (maximum + minimum)
    potential = 0.0023 * (mean + 17.8) * np.sqrt(np.maximum(maximum - minimum, 0)) * extraterrestrial
    return np.maximum(p.pet_fraction * potential / latent_heat(mean), p.pet_least)


def water_stress(relative: Array, p: Parameters | None = None) -> Array:
    """Growth factor of the water in the root zone, 0..1, from relative water (Parton et al. 1998; WSCOEFF)."""
    centre, slope = (p or Parameters()).water_stress
    return 1 / (1 + np.exp(slope * (centre - relative)))


def _snow(state: State, mean: Array, prec: Array, radiation: Array, pet: Array, p: Parameters) -> tuple[Array, Array]:
    """Water that reaches the ground and what the pack evaporates, mm (Parton et al. 1998).

    The pack is stepped in doubles: a winter's snowfalls are small beside what lies already.
    """
    if mean.min() >= 0 and not state.snow.any():
        return prec, np.zeros_like(prec)
    fallen = prec * (mean < 0)
    state.snow += fallen
    evaporated = np.minimum(state.snow, p.snow_evaporation * pet)
    state.snow -= evaporated
    melt = np.minimum(state.snow, p.snow_melt / LANGLEY * np.maximum(mean, 0) * radiation)
    state.snow -= melt
    state.snow_liquid += melt
    released = np.maximum(state.snow_liquid - p.snow_liquid * state.snow, 0)
    state.snow_liquid -= released
    return (prec - fallen + released).astype(SINGLE), evaporated.astype(SINGLE)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _in_steps(flow: Array, row: int) -> None:
    """Round one row of a flow as `agroflux_data.simulators.daycent.state.in_steps` does."""
    for column in range(flow.shape[1]):
        flow[row, column] += EXACT
    for column in range(flow.shape[1]):
        flow[row, column] -= EXACT


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _drain(
    water: Array, capacity: Array, saturated: Array, most: float, flux: Array, wettest: Array, overflow: Array
) -> None:
    """Cascade what capacity does not hold.

    Water above field capacity passes on the same day (Parton et al. 1998); what the subsoil does not take backs up
    and fills the layers to saturation from below.

    Parameters
    ----------
    most : float
        Greatest flux out of the last layer, mm.
    flux, wettest, overflow : array
        Filled: downward flux below each layer, (layers, series), the water of the first before it drained, not above
        saturation, (`SEEN_WET`, series), and what leaves at the top, (series,).
    """
    layers, series = water.shape
    columns = range(series)
    carried = np.zeros_like(overflow)
    for layer in range(layers):
        for column in columns:
            water[layer, column] += carried[column]
        if layer < SEEN_WET:
            for column in columns:
                wettest[layer, column] = min(water[layer, column], saturated[layer, column])
        for column in columns:
            held = water[layer, column]
            water[layer, column] = min(held, capacity[layer, column])
            carried[column] = held - water[layer, column]
        for column in columns:
            flux[layer, column] = carried[column]
    for column in columns:
        flux[layers - 1, column] = min(carried[column], most)
    for column in columns:
        overflow[column] = carried[column] - flux[layers - 1, column]
    for layer in range(layers - 1, -1, -1):
        if not overflow.any():
            break
        for column in columns:
            held = water[layer, column] + overflow[column]
            water[layer, column] = min(held, saturated[layer, column])
            overflow[column] = held - water[layer, column]
        if layer:
            for column in columns:
                flux[layer - 1, column] -= overflow[column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _tile(water: Array, capacity: Array, weight: Array, tiled: Array, drained: Array) -> None:
    """Into tiles from `FIRST_TILED` down; fills `tiled`, mm, (layers, series), and adds to `drained`, (series,)."""
    columns = range(water.shape[1])
    for row in range(len(tiled)):
        layer = FIRST_TILED + row
        for column in columns:
            tiled[row, column] = max(water[layer, column] - capacity[layer, column], 0.0) * weight[layer, column]
        _in_steps(tiled, row)
        for column in columns:
            water[layer, column] -= tiled[row, column]
        for column in columns:
            drained[column] += tiled[row, column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _intercept(
    potential: Array,
    arriving: Array,
    litter: Array,
    leaf_area: Array,
    of_litter: float,
    of_leaf: float,
    intercepted: Array,
    infiltrable: Array,
    infiltrating: Array,
    runoff: Array,
) -> None:
    """Split rain, mm, into what litter and leaves hold and evaporate, what infiltrates and what runs off.

    Fills `intercepted`, `infiltrating` and `runoff` (Parton et al. 1998).
    """
    columns = range(len(potential))
    for column in columns:
        held = of_litter * litter[column] + of_leaf * leaf_area[column]
        intercepted[column] = min(min(held, arriving[column]), potential[column])
    for column in columns:
        infiltrating[column] = min(arriving[column] - intercepted[column], infiltrable[column])
    for column in columns:
        infiltrating[column] += EXACT
    for column in columns:
        infiltrating[column] -= EXACT
    for column in columns:
        runoff[column] = arriving[column] - intercepted[column] - infiltrating[column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _share_demand(
    potential: Array, litter: Array, shade: Array, mulch: float, stomata: float, soil: Array, plant: Array
) -> None:
    """Split potential evapotranspiration, mm, between soil and plants by litter and `shade` (Ritchie 1972); fills both.

    Parameters
    ----------
    shade : array (series,)
        Share of the light that passes the leaves.
    """
    columns = range(len(potential))
    for column in columns:
        soil[column] = potential[column] * shade[column] / (1 + litter[column] / mulch)
    for column in columns:
        plant[column] = (potential[column] - soil[column]) * (1 - shade[column]) * stomata


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _evaporate(water: Array, air_dry: Array, per_evaporable: Array, demand: Array, evaporated: Array) -> None:
    """Evaporation from 0-5 cm falls with the water left above air-dryness; fills `evaporated`, mm (Ritchie 1972)."""
    columns = range(len(demand))
    open_share = np.zeros_like(demand)
    for layer in range(2):
        for column in columns:
            open_share[column] += max(water[layer, column] - air_dry[layer, column], 0.0)
    for column in columns:
        total = open_share[column]
        evaporated[column] = min(demand[column] * min(total * per_evaporable[column], 1.0), total)
    for column in columns:
        open_share[column] = evaporated[column] / max(open_share[column], 1e-9)
    for layer in range(2):
        for column in columns:
            water[layer, column] -= max(water[layer, column] - air_dry[layer, column], 0.0) * open_share[column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _wet(water: Array, wilting: Array, storable: Array, roots: Array, relative: Array, rooted: Array) -> None:
    """Relative water of the layers, 0..1, and its mean over the roots; fills `relative` and `rooted`, (series,)."""
    columns = range(water.shape[1])
    rooted[:] = 0.0
    for layer in range(len(water)):
        for column in columns:
            share = (water[layer, column] - wilting[layer, column]) * storable[layer, column]
            relative[layer, column] = min(max(share, 0.0), 1.0)
        for column in columns:
            rooted[column] += relative[layer, column] * roots[layer, column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _transpire(water: Array, relative: Array, roots: Array, strength: Array, transpired: Array) -> None:
    """Uptake of the layers by roots and relative water, mm for each of these; adds to `transpired`, (series,)."""
    columns = range(water.shape[1])
    uptake = np.empty_like(relative[:1])
    for layer in range(len(water)):
        for column in columns:
            uptake[0, column] = relative[layer, column] * roots[layer, column] * strength[column]
        _in_steps(uptake, 0)
        for column in columns:
            water[layer, column] -= uptake[0, column]
        for column in columns:
            transpired[column] += uptake[0, column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _level(water: Array, content: Array, speed: Array, most: Array, flux: Array) -> None:
    """Move water between neighbours by their difference in content and `speed`, (layers - 1, series), damped.

    Adds to `flux`, (layers, series).
    """
    layers, series = water.shape
    columns = range(series)
    for layer in range(layers - 1):
        for column in columns:
            difference = content[layer, column] - content[layer + 1, column]
            speed[layer, column] = min(speed[layer, column], most[layer, column]) * difference
        _in_steps(speed, layer)
    for layer in range(layers - 1):
        for column in columns:
            water[layer, column] -= speed[layer, column]
        for column in columns:
            water[layer + 1, column] += speed[layer, column]
        for column in columns:
            flux[layer, column] += speed[layer, column]


def _redistribute(water: Array, site: Field, flux: Array) -> None:
    """Darcy flux between neighbours is added to the downward flux, mm, (layers, series); the water is moved.

    With one soil in all layers, Darcy's law without gravity is diffusion of the water content, and Campbell's (1974)
    curves give its diffusivity (Klute 1952).
    """
    content = water * site.content
    speed = content[1:] + content[:-1]
    np.log(speed, out=speed)
    speed *= site.exponent_2
    speed += site.log_diffusivity
    np.exp(speed, out=speed)
    _level(water, content, speed, site.equalising, flux)


def flow(
    state: State,
    site: Field,
    p: Parameters,
    mean: Array,
    prec: Array,
    radiation: Array,
    potential: Array,
    leaf_area: Array | None,
    litter: Array,
    stomata: float,
) -> WaterDay:
    """One day of water (Parton et al. 1998; Ritchie 1972 for evaporation); updates the state.

    Parameters
    ----------
    mean, prec, radiation, potential : array (series,)
        Air temperature, degC, precipitation, mm, radiation, MJ m-2 d-1, and potential evapotranspiration, mm d-1.
    leaf_area : array (series,), optional
        Green leaf area index; None where nothing grows in any series.
    litter : array (series,)
        Surface litter, g C m-2.
    stomata : float
        Multiplier of transpiration by the CO2 of the year.
    """
    arriving, evapotranspiration = _snow(state, mean, prec, radiation, potential, p)
    pet = potential - evapotranspiration
    bare = leaf_area is None
    area = np.zeros_like(pet) if leaf_area is None else leaf_area
    shade = np.ones_like(pet) if bare else np.exp(-p.light_extinction * area)
    intercepted, infiltrating, runoff, soil_demand, plant_demand, evaporated, overflow, rooted = np.empty(
        (8, len(pet)), SINGLE
    )
    _intercept(
        pet,
        arriving,
        litter,
        area,
        p.interception_litter,
        p.interception_leaf,
        intercepted,
        site.infiltrable,
        infiltrating,
        runoff,
    )
    pet -= intercepted
    _share_demand(pet, litter, shade, p.litter_mulch, stomata, soil_demand, plant_demand)

    water = state.water
    water[0] += infiltrating
    percolated, relative = np.empty((2, *water.shape), SINGLE)
    wettest, tiled = np.empty((SEEN_WET, len(pet)), SINGLE), np.empty((len(water) - FIRST_TILED, len(pet)), SINGLE)
    _drain(water, site.capacity, site.saturated, p.deep_drainage, percolated, wettest, overflow)
    runoff += overflow
    drained = percolated[-1].copy()
    _tile(water, site.capacity, site.tile_weight, tiled, drained)

    _evaporate(water, site.air_dry, site.per_evaporable, soil_demand, evaporated)
    _wet(water, site.wilting, site.storable, site.roots, relative, rooted)
    evapotranspiration = evapotranspiration + intercepted + evaporated
    if not bare:
        # Uptake over rooted relative water; where it stays below uptake_most no layer gives more than it has.
        strength = plant_demand * np.minimum(1 / p.transpiration_onset, 1 / np.maximum(rooted, 1e-9))
        _transpire(water, relative, site.roots, np.minimum(strength, site.uptake_most), evapotranspiration)

    _redistribute(water, site, percolated)
    budget = state.budgets["water"]
    budget.entered += prec
    budget.left += evapotranspiration + runoff + drained
    return WaterDay(
        evapotranspiration, runoff, drained, percolated, tiled, wettest, relative, water_stress(rooted, p), 1 - shade
    )
