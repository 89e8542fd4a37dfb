"""The crop: emergence, growth limited by climate, water and nitrogen, respiration, maturity and harvest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agroflux_data.simulators.daycent.organic_matter import add_litter
from agroflux_data.simulators.daycent.parameters import Crop, Parameters, Value
from agroflux_data.simulators.daycent.state import SINGLE, SOIL, THICKNESS, Field, State

__all__ = ["GrowthDay", "develop", "grow", "harvest", "leaf_area", "poisson_density", "sow"]

Array = NDArray[np.floating]

_SEEDBED = (THICKNESS[:3] / THICKNESS[:3].sum())[:, None].astype(SINGLE)


@dataclass(slots=True)
class GrowthDay:
    """Carbon of the crop of one day, g C m-2 d-1, (series,)."""

    gross: Array
    respired: Array


def _power(base: Array, root: Array, twice: int) -> Array:
    """base**(twice / 2) from products with its square root, where the general power costs a logarithm."""
    result = root if twice & 1 else None
    twice >>= 1
    while twice:
        if twice & 1:
            result = base if result is None else result * base
        twice >>= 1
        if twice:
            base = base * base
    assert result is not None
    return result


def poisson_density(temperature: ArrayLike, optimum: Value, maximum: Value, c: float, d: float) -> Array:
    """Generalised Poisson density, 1 at the optimum, 0 beyond the maximum (Parton & Innis 1972, GPDF of DayCent).

    Parameters
    ----------
    temperature, optimum, maximum : array_like, float or array
        degC; a `maximum` below the optimum turns the curve round.
    c, d : float
        Shape to the left and right of the optimum, multiples of one half.
    """
    share = np.maximum((maximum - np.asarray(temperature)) / (maximum - optimum), 0)
    root = np.sqrt(share)
    return np.exp((c / d) * (1 - _power(share, root, round(2 * d)))) * _power(share, root, round(2 * c))


def leaf_area(state: State, crop: Crop, p: Parameters, maturity: Array) -> Array:
    """Green leaf area, m2 m-2: the leaves' share of the shoot falls with thermal time (choice)."""
    first, last = p.leaf_share
    share = first + (last - first) * np.minimum(state.thermal_time / (crop.thermal_time * maturity), 1)
    return np.minimum(share * state.shoot * (2.5 / p.leaf_mass), p.leaf_area_cap) * state.growing


def sow(state: State, where: NDArray[np.intp]) -> None:
    """Plant the given series whose field is empty."""
    state.sown[where] = np.maximum(state.sown[where], (state.growing[where] == 0) & (state.ripe[where] == 0))


def develop(state: State, crop: Crop, maximum: Array, minimum: Array, maturity: Array) -> bool:
    """Emergence, thermal time, maturity and frost (Metherell et al. 1993; thermal time of 10 and 30 degC).

    Returns whether a crop grows in any series.
    """
    if state.sown.any():
        seedbed = (state.temperature[:3] * _SEEDBED).sum(0)
        emerging = (state.sown > 0) & (seedbed >= crop.germination)
        if emerging.any():
            state.sown[emerging] = 0.0
            state.growing[emerging] = 1.0
            for pool in (state.days, state.thermal_time, state.fill_stress, state.fill_days):
                pool[emerging] = 0.0
            state.status[emerging] = 1.0
    state.days += 1
    if not state.growing.any():
        return False
    degrees = 0.5 * (maximum.clip(10, 30) + minimum.clip(10, 30)) - 10
    state.thermal_time += degrees * state.growing
    whole = crop.thermal_time * maturity
    frozen = (minimum < crop.kill_temperature) & (state.thermal_time > 0.4 * whole)
    ending = np.flatnonzero(((state.thermal_time >= whole) | frozen) & (state.growing > 0))
    state.growing[ending] = 0.0
    state.ripe[ending] = 1.0
    state.days[ending] = 1.0
    return True


def grow(
    state: State,
    site: Field,
    crop: Crop,
    p: Parameters,
    mean: Array,
    radiation: Array,
    stress: Array,
    light: Array,
    vigour: Array,
    maturity: Array,
) -> GrowthDay:
    """One day of growth, nitrogen uptake, fixation and respiration; updates the state and both budgets.

    Production is the least of what light, temperature and water allow and of what nitrogen allows at the highest C:N
    (Metherell et al. 1993; Parton et al. 1998). GPP is net production plus growth and maintenance respiration.

    Parameters
    ----------
    mean : array (series,)
        Air temperature, degC.
    radiation : array (series,)
        MJ m-2 d-1.
    stress : array (series,)
        Water factor f_W.
    light : array (series,)
        Share of the light that the canopy takes (Monsi & Saeki 1953).
    vigour, maturity : array (series,)
        Multipliers of production and of thermal time to maturity.
    """
    growing = state.growing
    climate = radiation * stress
    climate *= poisson_density(mean, crop.growth_optimum, crop.growth_maximum, 1.0, 2.5)
    potential = crop.use_efficiency * climate
    potential *= np.maximum(light, p.seedling_share) * vigour
    potential *= growing

    # Allocation, and the C:N lines of the new tissue.
    age = np.minimum(state.days / p.root_share_days, 1)
    base = crop.root_share_start + (crop.root_share_end - crop.root_share_start) * age
    below = base + p.root_share_stress * (1 - np.minimum(stress, state.status))
    canopy = np.minimum(state.shoot / p.full_canopy, 1)
    leanest = crop.shoot_cn_max_seedling + (crop.shoot_cn_max - crop.shoot_cn_max_seedling) * canopy
    richest = crop.shoot_cn_min_seedling + (crop.shoot_cn_min - crop.shoot_cn_min_seedling) * canopy
    above = 1 - below
    least_shoot, least_root = above / leanest, below / crop.root_cn_max
    most_shoot, most_root = above / richest, below / crop.root_cn_min
    least, most = least_shoot + least_root, most_shoot + most_root

    # Nitrogen in reach of the roots.
    ammonium = state.ammonium.astype(SINGLE)
    nitrate = state.nitrate * site.reach
    within = nitrate.sum(0)
    roots = state.juvenile + state.mature
    open_share = p.available_nitrogen * (1 - p.uptake_floor * np.exp(-p.uptake_root * roots))
    supply = open_share * (ammonium + within)
    fixable = crop.fixation * potential
    net = np.minimum(potential, (supply + fixable) / least)
    demand = net * most
    uptake = np.minimum(supply, demand)
    fixed = np.minimum(fixable, demand - uptake)
    gained = uptake + fixed
    # It means nothing where no crop grows: emergence sets it anew.
    state.status = np.minimum(gained / np.maximum(potential * least, 1e-9), 1)

    from_nitrate = np.minimum(np.maximum(crop.nitrate_preference * uptake, uptake - open_share * ammonium), uptake)
    from_nitrate = np.minimum(from_nitrate, open_share * within)
    state.ammonium -= uptake - from_nitrate
    nitrate *= from_nitrate / np.maximum(within, 1e-9)
    state.nitrate -= nitrate

    # The tissues share nitrogen between their lines.
    place = np.clip((gained - net * least) / np.maximum(net * (most - least), 1e-12), 0, 1)
    root_nitrogen = np.minimum(net * (least_root + place * (most_root - least_root)), gained)
    state.shoot += net * above
    state.shoot_nitrogen += gained - root_nitrogen
    state.juvenile += net * below
    state.juvenile_nitrogen += root_nitrogen

    # Respiration and root turnover.
    warm = np.minimum(0.1 * np.exp(0.07 * mean), 1) * growing
    growth = crop.growth_respiration * net + crop.fixation_cost * fixed
    root_warm = warm * stress
    respired = (p.juvenile_maintenance * state.juvenile + p.mature_maintenance * state.mature) * root_warm
    respired += p.shoot_maintenance * state.shoot * warm
    respired += growth
    gross = net + respired
    died_young, died_old = crop.juvenile_root_death * growing, crop.mature_root_death * growing
    matured = p.root_maturation * growing
    leaving = matured + died_young
    litter = died_young * state.juvenile + died_old * state.mature
    litter_nitrogen = died_young * state.juvenile_nitrogen + died_old * state.mature_nitrogen
    state.mature += matured * state.juvenile - died_old * state.mature
    state.mature_nitrogen += matured * state.juvenile_nitrogen - died_old * state.mature_nitrogen
    state.juvenile -= leaving * state.juvenile
    state.juvenile_nitrogen -= leaving * state.juvenile_nitrogen
    add_litter(state, p, SOIL, litter, litter_nitrogen, p.root_lignin, slice(None))

    filling = growing * (state.thermal_time > 0.5 * crop.thermal_time * maturity)
    state.fill_stress += stress * filling
    state.fill_days += filling
    carbon, nitrogen = state.budgets["carbon"], state.budgets["nitrogen"]
    carbon.entered += gross
    carbon.left += respired
    nitrogen.entered += fixed
    return GrowthDay(gross, respired)


def harvest(state: State, crop: Crop, p: Parameters, day_of_year: int, removed: Array, harvested: Array) -> None:
    """Harvest the series that are due; adds grain carbon, g C m-2, to `harvested`.

    Grain is the shoot's share that the harvest index gives, less for dry days of grain filling (Metherell et al. 1993).

    Parameters
    ----------
    removed : array (series,)
        Share of the straw that leaves the field.
    """
    if day_of_year == p.last_harvest:
        due = np.flatnonzero((state.ripe > 0) | (state.growing > 0) | (state.sown > 0))
    else:
        due = np.flatnonzero((state.days >= crop.dry_down) & (state.ripe > 0))
    if not len(due):
        return
    dryness = 1 - state.fill_stress[due] / np.maximum(state.fill_days[due], 1)
    index = np.asarray(crop.harvest_index)[due] * (1 - 0.5 * dryness)
    shoot, nitrogen = state.shoot[due], state.shoot_nitrogen[due]
    # A crop that was killed before it filled grain has none.
    index = index * (state.fill_days[due] > 0)
    grain = index * shoot
    grain_nitrogen = np.asarray(crop.grain_nitrogen)[due] * nitrogen * (index > 0)
    straw, straw_nitrogen = shoot - grain, nitrogen - grain_nitrogen
    kept = 1 - removed[due]
    add_litter(state, p, 0, kept * straw, kept * straw_nitrogen, p.shoot_lignin, due)
    add_litter(
        state,
        p,
        SOIL,
        state.juvenile[due] + state.mature[due],
        state.juvenile_nitrogen[due] + state.mature_nitrogen[due],
        p.root_lignin,
        due,
    )
    harvested[due] += grain
    state.budgets["carbon"].left[due] += grain + removed[due] * straw
    state.budgets["nitrogen"].left[due] += grain_nitrogen + removed[due] * straw_nitrogen
    for pool in (
        state.shoot,
        state.shoot_nitrogen,
        state.juvenile,
        state.juvenile_nitrogen,
        state.mature,
        state.mature_nitrogen,
        state.thermal_time,
        state.growing,
        state.ripe,
        state.sown,
        state.days,
    ):
        pool[due] = 0.0
