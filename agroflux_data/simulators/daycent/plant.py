"""The crop: emergence, growth limited by climate, water and nitrogen, respiration, maturity and harvest."""

from __future__ import annotations

from dataclasses import dataclass

import numba
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


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _tissue(
    shoot: Array,
    below: Array,
    full_canopy: float,
    seedling_max: Array,
    shoot_max: Array,
    seedling_min: Array,
    shoot_min: Array,
    root_max: Array,
    root_min: Array,
    lines: Array,
) -> None:
    """Nitrogen over carbon of new tissue at its lines of C:N, which rise as the canopy closes (Metherell et al. 1993).

    Parameters
    ----------
    below : array (series,)
        Share of growth that goes to roots.
    lines : array (4, series)
        Filled: nitrogen of shoot and root at the highest C:N, and at the lowest, for each g C of growth.
    """
    columns = range(len(shoot))
    for column in columns:
        canopy = min(shoot[column] / full_canopy, 1.0)
        leanest = seedling_max[column] + (shoot_max[column] - seedling_max[column]) * canopy
        lines[0, column] = (1 - below[column]) / leanest
    for column in columns:
        lines[1, column] = below[column] / root_max[column]
    for column in columns:
        canopy = min(shoot[column] / full_canopy, 1.0)
        richest = seedling_min[column] + (shoot_min[column] - seedling_min[column]) * canopy
        lines[2, column] = (1 - below[column]) / richest
    for column in columns:
        lines[3, column] = below[column] / root_min[column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _take_up(
    ammonium: Array,
    nitrate: Array,
    reach: Array,
    open_share: Array,
    potential: Array,
    lines: Array,
    fixation: Array,
    preference: Array,
    net: Array,
    uptake: Array,
    fixed: Array,
    status: Array,
) -> None:
    """Growth that nitrogen allows, and its nitrogen from the soil and from nodules (Metherell et al. 1993).

    Fills `net`, g C m-2, `uptake` and `fixed`, g N m-2, and `status`, supply over least demand; (series,) each.

    Parameters
    ----------
    open_share : array (series,)
        Share of the mineral nitrogen in reach that roots can take in a day.
    lines : array (4, series)
        As of `_tissue`.
    """
    layers, series = nitrate.shape
    columns = range(series)
    within, taken = np.zeros_like(net), np.empty_like(net)
    for layer in range(layers):
        for each in columns:
            within[each] += nitrate[layer, each] * reach[layer, each]
    for each in columns:
        supply = open_share[each] * (ammonium[each] + within[each]) + fixation[each] * potential[each]
        net[each] = min(potential[each], supply / (lines[0, each] + lines[1, each]))
    for each in columns:
        supply = open_share[each] * (ammonium[each] + within[each])
        uptake[each] = min(supply, net[each] * (lines[2, each] + lines[3, each]))
    for each in columns:
        lacking = net[each] * (lines[2, each] + lines[3, each]) - uptake[each]
        fixed[each] = min(fixation[each] * potential[each], lacking)
    for each in columns:
        least = potential[each] * (lines[0, each] + lines[1, each])
        status[each] = min((uptake[each] + fixed[each]) / max(least, 1e-9), 1.0)
    # Of nitrate what the crop prefers, and at least what ammonium does not give.
    for each in columns:
        wanted = max(preference[each] * uptake[each], uptake[each] - open_share[each] * ammonium[each])
        taken[each] = min(min(wanted, uptake[each]), open_share[each] * within[each])
    for each in columns:
        ammonium[each] -= uptake[each] - taken[each]
    for each in columns:
        taken[each] /= max(within[each], 1e-9)
    for layer in range(layers):
        for each in columns:
            nitrate[layer, each] -= nitrate[layer, each] * reach[layer, each] * taken[each]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _build(
    net: Array,
    uptake: Array,
    fixed: Array,
    below: Array,
    lines: Array,
    shoot: Array,
    shoot_nitrogen: Array,
    root: Array,
    root_nitrogen: Array,
) -> None:
    """Add the day's growth to shoot and young roots, which share nitrogen between their lines, (series,) each."""
    columns = range(len(net))
    rooted = np.empty_like(net)
    for each in columns:
        gained = uptake[each] + fixed[each]
        least = lines[0, each] + lines[1, each]
        width = lines[2, each] + lines[3, each] - least
        place = min(max((gained - net[each] * least) / max(net[each] * width, 1e-12), 0.0), 1.0)
        rooted[each] = min(net[each] * (lines[1, each] + place * (lines[3, each] - lines[1, each])), gained)
    for each in columns:
        shoot[each] += net[each] * (1 - below[each])
    for each in columns:
        root[each] += net[each] * below[each]
    for each in columns:
        shoot_nitrogen[each] += uptake[each] + fixed[each] - rooted[each]
    for each in columns:
        root_nitrogen[each] += rooted[each]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _turn_over(
    young: Array, old: Array, young_death: Array, old_death: Array, maturation: float, growing: Array, litter: Array
) -> None:
    """Young roots mature and die, old ones die; fills `litter`, g m-2, (series,). For carbon and for nitrogen."""
    columns = range(len(litter))
    for each in columns:
        dying = young_death[each] * young[each] + old_death[each] * old[each]
        litter[each] = dying * growing[each]
    for each in columns:
        old[each] += (maturation * young[each] - old_death[each] * old[each]) * growing[each]
    for each in columns:
        young[each] -= (maturation + young_death[each]) * growing[each] * young[each]


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

    age = np.minimum(state.days / p.root_share_days, 1)
    below = crop.root_share_start + (crop.root_share_end - crop.root_share_start) * age
    below += p.root_share_stress * (1 - np.minimum(stress, state.status))
    lines = np.empty((4, len(mean)), SINGLE)
    _tissue(
        state.shoot,
        below,
        p.full_canopy,
        np.asarray(crop.shoot_cn_max_seedling),
        np.asarray(crop.shoot_cn_max),
        np.asarray(crop.shoot_cn_min_seedling),
        np.asarray(crop.shoot_cn_min),
        np.asarray(crop.root_cn_max),
        np.asarray(crop.root_cn_min),
        lines,
    )
    roots = state.juvenile + state.mature
    open_share = p.available_nitrogen * (1 - p.uptake_floor * np.exp(-p.uptake_root * roots))
    net, uptake, fixed, litter, litter_nitrogen = np.empty((5, len(mean)), SINGLE)
    # The status means nothing where no crop grows: emergence sets it anew.
    _take_up(
        state.ammonium,
        state.nitrate,
        site.reach,
        open_share,
        potential,
        lines,
        np.asarray(crop.fixation),
        np.asarray(crop.nitrate_preference),
        net,
        uptake,
        fixed,
        state.status,
    )
    _build(
        net,
        uptake,
        fixed,
        below,
        lines,
        state.shoot,
        state.shoot_nitrogen,
        state.juvenile,
        state.juvenile_nitrogen,
    )

    warm = np.minimum(0.1 * np.exp(0.07 * mean), 1) * growing
    respired = (p.juvenile_maintenance * state.juvenile + p.mature_maintenance * state.mature) * stress
    respired += p.shoot_maintenance * state.shoot
    respired *= warm
    respired += crop.growth_respiration * net + crop.fixation_cost * fixed
    gross = net + respired
    young, old = np.asarray(crop.juvenile_root_death), np.asarray(crop.mature_root_death)
    deaths = (young, old, p.root_maturation, growing)
    _turn_over(state.juvenile, state.mature, *deaths, litter)
    _turn_over(state.juvenile_nitrogen, state.mature_nitrogen, *deaths, litter_nitrogen)
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
