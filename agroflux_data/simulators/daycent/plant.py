"""The crop: emergence, growth limited by climate, water and nitrogen, respiration, maturity and harvest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agroflux_data.simulators.daycent.organic_matter import add_litter
from agroflux_data.simulators.daycent.parameters import Crop, Parameters, Value
from agroflux_data.simulators.daycent.state import SOIL, THICKNESS, Field, State

__all__ = ["GrowthDay", "develop", "grow", "harvest", "leaf_area", "poisson_density", "sow"]

Array = NDArray[np.floating]

_SEEDBED = (THICKNESS[:3] / THICKNESS[:3].sum())[:, None]


@dataclass(slots=True)
class GrowthDay:
    """Carbon of the crop of one day, g C m-2 d-1, (series,)."""

    gross: Array
    shoot_respired: Array
    root_respired: Array


def _power(root: Array, twice: int) -> Array:
    """root**twice by squaring, which costs a few products where the general power costs a logarithm."""
    result = None
    while twice:
        if twice & 1:
            result = root if result is None else result * root
        twice >>= 1
        if twice:
            root = root * root
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
    return np.exp((c / d) * (1 - _power(root, round(2 * d)))) * _power(root, round(2 * c))


def leaf_area(state: State, crop: Crop, p: Parameters, maturity: Array) -> Array:
    """Green leaf area, m2 m-2: the leaves' share of the shoot falls with thermal time (choice)."""
    if not state.growing.any():
        return np.zeros_like(state.growing)
    first, last = p.leaf_share
    share = first + (last - first) * np.minimum(state.thermal_time / (crop.thermal_time * maturity), 1)
    return np.minimum(share * state.shoot * (2.5 / p.leaf_mass), p.leaf_area_cap) * state.growing


def sow(state: State, planted: Array) -> None:
    """Plant where the day is a planting day and the field is empty."""
    state.sown = np.maximum(state.sown, (planted > 0) & (state.growing == 0) & (state.ripe == 0))


def develop(state: State, crop: Crop, maximum: Array, minimum: Array, maturity: Array) -> None:
    """Emergence, thermal time, maturity and frost (Metherell et al. 1993; thermal time of 10 and 30 degC)."""
    if state.sown.any():
        seedbed = (state.temperature[:3] * _SEEDBED).sum(0)
        emerging = (state.sown > 0) & (seedbed >= crop.germination)
        if emerging.any():
            state.sown[emerging] = 0.0
            state.growing[emerging] = 1.0
            for pool in (state.days, state.thermal_time, state.fill_stress, state.fill_days):
                pool[emerging] = 0.0
            state.status[emerging] = 1.0
    if state.growing.any():
        degrees = 0.5 * (np.clip(maximum, 10, 30) + np.clip(minimum, 10, 30)) - 10
        state.thermal_time += degrees * state.growing
        whole = crop.thermal_time * maturity
        ending = (state.thermal_time >= whole) | (
            (minimum < crop.kill_temperature) & (state.thermal_time > 0.4 * whole)
        )
        ending &= state.growing > 0
        state.growing[ending] = 0.0
        state.ripe[ending] = 1.0
        state.days[ending] = 0.0
    state.days += 1


def grow(
    state: State,
    site: Field,
    crop: Crop,
    p: Parameters,
    mean: Array,
    radiation: Array,
    stress: Array,
    vigour: Array,
    maturity: Array,
    carbon_dioxide: Array,
) -> GrowthDay:
    """One day of growth, nitrogen uptake, fixation and respiration; updates the state and both budgets.

    Production is the least of what light, temperature and water allow and of what nitrogen allows at the highest C:N
    (Metherell et al. 1993; Parton et al. 1998). GPP is net production plus growth and maintenance respiration.

    Parameters
    ----------
    mean : array (series,)
        Air temperature, degC, single precision as are the next two.
    radiation : array (series,)
        MJ m-2 d-1.
    stress : array (series,)
        Water factor f_W.
    vigour, maturity, carbon_dioxide : array (series,)
        Multipliers of production, of thermal time to maturity, and of production by CO2.
    """
    if not state.growing.any():
        zero = np.zeros_like(state.growing)
        return GrowthDay(zero, zero, zero)
    growing = state.growing
    seedling = np.minimum(1, p.seedling_share + (1 - p.seedling_share) / p.seedling_carbon * state.shoot)
    climate = radiation * stress
    climate *= poisson_density(mean, crop.growth_optimum, crop.growth_maximum, 1.0, 2.5)
    stress = stress.astype(float)
    potential = crop.use_efficiency * climate
    potential *= seedling * vigour * carbon_dioxide * growing

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
    nitrate = state.nitrate * site.reach
    within = nitrate.sum(0)
    roots = state.juvenile + state.mature
    open_share = p.available_nitrogen * (1 - p.uptake_floor * np.exp(-p.uptake_root * roots))
    supply = open_share * (state.ammonium + within)
    fixable = crop.fixation * potential
    net = np.minimum(potential, (supply + fixable) / least)
    demand = net * most
    uptake = np.minimum(supply, demand)
    fixed = np.minimum(fixable, demand - uptake)
    gained = uptake + fixed
    # It means nothing where no crop grows: emergence sets it anew.
    state.status = np.minimum(gained / np.maximum(potential * least, 1e-9), 1)

    from_nitrate = np.minimum(
        np.maximum(crop.nitrate_preference * uptake, uptake - open_share * state.ammonium), uptake
    )
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
    growth = p.growth_respiration * net
    root_warm = warm * stress
    shoot_respired = p.shoot_maintenance * state.shoot * warm + growth * above
    root_respired = growth * below
    root_respired += (p.juvenile_maintenance * state.juvenile + p.mature_maintenance * state.mature) * root_warm
    gross = net + shoot_respired + root_respired
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
    carbon.left += shoot_respired + root_respired
    nitrogen.entered += fixed
    return GrowthDay(gross, shoot_respired, root_respired)


def harvest(
    state: State, crop: Crop, p: Parameters, day_of_year: int, removed: Array, harvested: Array
) -> NDArray[np.bool_]:
    """Harvest the series that are due; adds grain carbon, g C m-2, to `harvested` and returns who was harvested.

    Grain is the shoot's share that the harvest index gives, less for dry days of grain filling (Metherell et al. 1993).

    Parameters
    ----------
    removed : array (series,)
        Share of the straw that leaves the field.
    """
    due: NDArray[np.bool_] = (state.ripe > 0) & (state.days >= crop.dry_down)
    if day_of_year == p.last_harvest:
        due |= (state.ripe > 0) | (state.growing > 0) | (state.sown > 0)
    if not due.any():
        return due
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
    return due
