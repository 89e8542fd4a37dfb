"""Snow, interception, evaporation, transpiration and drainage of a layered soil, by day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.atmosphere import latent_heat
from agroflux_data.simulators.daycent.parameters import Parameters
from agroflux_data.simulators.daycent.state import Field, State, in_steps

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
    """Water that reaches the ground and what the pack evaporates, mm (Parton et al. 1998)."""
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
    return prec - fallen + released, evaporated


def _drain(water: Array, site: Field, p: Parameters) -> tuple[Array, Array, Array]:
    """Cascade what capacity does not hold; returns (downward flux, wettest water, overflow at the top).

    Water above field capacity passes on the same day (Parton et al. 1998); what the subsoil does not take backs up
    and fills the layers to saturation from below.
    """
    layers = len(water)
    flux, filled = np.empty_like(water), np.empty_like(water)
    carried: Array = np.zeros_like(water[0])
    for held, kept, capacity, passed in zip(filled, water, site.capacity, flux, strict=True):
        np.add(kept, carried, out=held)
        np.minimum(held, capacity, out=kept)
        carried = np.subtract(held, kept, out=passed)
    out = np.minimum(carried, p.deep_drainage)
    back = carried - out
    flux[-1] = out
    for layer in range(layers - 1, -1, -1):
        if not back.any():
            break
        held = water[layer] + back
        kept = np.minimum(held, site.saturated[layer], out=water[layer])
        back = held - kept
        if layer:
            flux[layer - 1] -= back
    return flux, np.minimum(filled[:SEEN_WET], site.saturated[:SEEN_WET]), back


def _redistribute(water: Array, site: Field) -> Array:
    """Darcy flux between neighbours, mm downward, (layers - 1, series), damped; the water is moved.

    With one soil in all layers, Darcy's law without gravity is diffusion of the water content, and Campbell's (1974)
    curves give its diffusivity (Klute 1952).
    """
    content = water * site.content
    speed = content[1:] + content[:-1]
    np.log(speed, out=speed)
    speed *= site.exponent_2
    speed += site.log_diffusivity
    np.exp(speed, out=speed)
    np.minimum(speed, site.equalising, out=speed)
    flux = content[:-1] - content[1:]
    flux *= speed
    in_steps(flux)
    water[:-1] -= flux
    water[1:] += flux
    return flux


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
    held = p.interception_litter * litter
    if leaf_area is not None:
        held += p.interception_leaf * leaf_area
    intercepted = np.minimum(np.minimum(held, arriving), pet)
    pet -= intercepted
    soil_demand = pet / (1 + litter / p.litter_mulch)
    light = np.zeros_like(pet)
    if leaf_area is not None:
        shade = np.exp(-p.light_extinction * leaf_area)
        light = 1 - shade
        soil_demand *= shade
        plant_demand = (pet - soil_demand) * light * stomata

    arriving = arriving - intercepted
    infiltrating = in_steps(np.minimum(arriving, site.infiltrable))
    water = state.water
    water[0] += infiltrating
    percolated, wettest, overflow = _drain(water, site, p)
    runoff = arriving - infiltrating + overflow

    tiled = water[FIRST_TILED:] - site.capacity[FIRST_TILED:]
    tiled.clip(0, np.inf, out=tiled)  # numpy clips in vectors, but takes a scalar maximum one by one
    tiled *= site.tile_weight[FIRST_TILED:]
    water[FIRST_TILED:] -= in_steps(tiled)

    # Evaporation from 0-5 cm falls with the water left above air-dryness.
    supply = np.maximum(water[:2] - site.air_dry[:2], 0)
    total = supply[0] + supply[1]
    evaporated = np.minimum(soil_demand * np.minimum(total * site.per_evaporable, 1), total)
    water[:2] -= supply * (evaporated / np.maximum(total, 1e-9))

    relative = water - site.wilting
    relative *= site.storable
    relative.clip(0, 1, out=relative)
    rooted = relative * site.roots
    stress = rooted.sum(0)
    evapotranspiration = evapotranspiration + intercepted + evaporated
    if leaf_area is not None:
        # Uptake over rooted relative water; where it stays below uptake_most no layer gives more than it has.
        strength = plant_demand * np.minimum(1 / p.transpiration_onset, 1 / np.maximum(stress, 1e-9))
        rooted *= np.minimum(strength, site.uptake_most)
        water -= in_steps(rooted)
        evapotranspiration += rooted.sum(0)

    percolated[:-1] += _redistribute(water, site)
    drained = percolated[-1] + tiled.sum(0)
    budget = state.budgets["water"]
    budget.entered += prec
    budget.left += evapotranspiration + runoff + drained
    return WaterDay(
        evapotranspiration, runoff, drained, percolated, tiled, wettest, relative, water_stress(stress, p), light
    )
