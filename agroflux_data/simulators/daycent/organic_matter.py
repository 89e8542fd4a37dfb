"""Litter and soil organic matter: the CENTURY pools of carbon and nitrogen, by day."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from agroflux_data.simulators.daycent.parameters import Parameters
from agroflux_data.simulators.daycent.state import (
    METABOLIC,
    SINGLE,
    SOIL,
    SOM1,
    SOM2,
    SOM3,
    STRUCTURAL,
    THICKNESS,
    Field,
    State,
    wide,
)

__all__ = [
    "Decay",
    "DecayDay",
    "abiotic_temperature",
    "abiotic_water",
    "add_litter",
    "decompose",
    "metabolic_fraction",
    "ph_effect",
    "till",
]

Array = NDArray[np.floating]

_TOPSOIL = 4
"""Layers of 0-20 cm, whose water and mineral nitrogen the soil pools feel."""
_WEIGHT = tuple((THICKNESS[:_TOPSOIL] / THICKNESS[:_TOPSOIL].sum()).tolist())
_STRUCTURAL = slice(STRUCTURAL, SOIL + 1, SOIL)
"""Rows of the structural pools at the surface and in the soil."""
_SCALE, _SLOPE = 29.7 / math.pi, 0.031 * math.pi
_PER_BEST = 1 / (11.75 + _SCALE * math.atan(_SLOPE * (30.0 - 15.4)))
"""Of the temperature curve: its scale and slope, and 1 over its value at 30 degC."""
_RECEIVERS = (SOM1, SOM2, SOIL + SOM1, SOIL + SOM2, SOM3)
"""Pools that take what others lose."""
_WIDEST = (15.0, 20.0, 14.0, 20.0, 8.0)
"""Their C:N where there is no mineral nitrogen, how much it falls with each g m-2 of it, and up to how many."""
_NARROWING = (9.0, 8.0, 5.5, 4.0, 1.0)
_NARROWED_UP_TO = (1.0, 1.0, 2.0, 2.0, 2.0)


def abiotic_temperature(temperature: ArrayLike) -> Array:
    """Factor of decomposition, 1 at 30 degC, at least 0.01, from degC (Parton et al. 1987; Del Grosso 2005)."""
    curve = np.arctan(_SLOPE * (np.asarray(temperature) - 15.4))
    return np.maximum((_SCALE * _PER_BEST) * curve + 11.75 * _PER_BEST, 0.01)


def abiotic_water(relative: ArrayLike) -> Array:
    """Factor of decomposition and nitrification, 0..1, from relative water content (Parton et al. 1998)."""
    return 1 / (1 + 30 * np.exp(-9 * np.asarray(relative)))


def ph_effect(ph: ArrayLike, centre: float, scale: float = 1.1) -> Array:
    """Factor of decomposition, 0..1, rising with pH through `centre` (Metherell et al. 1993)."""
    return np.clip(0.5 + scale / np.pi * np.arctan(0.7 * np.pi * (np.asarray(ph) - centre)), 0, 1)


def metabolic_fraction(lignin_to_nitrogen: ArrayLike) -> Array:
    """Share of litter that is metabolic, 0.2..0.95, from its lignin to nitrogen ratio (Parton et al. 1987)."""
    return np.clip(0.85 - 0.013 * np.asarray(lignin_to_nitrogen), 0.2, 0.95)


@dataclass(frozen=True)
class Decay:
    """Rates and shares that texture and pH fix for a series."""

    rates: Array
    """d-1 at the best climate, (9, series)."""
    most: Array
    """Climate factor at which the fastest pool in the soil loses half of itself in a day."""
    som1_to_som3: Array
    """Shares of the flow out of soil som1 and som2."""
    som1_kept: Array
    """Share that goes to som2 where nothing is leached."""
    som2_to_som3: Array
    som2_to_som1: Array
    leaching: Array
    """Share of the soil som1 flow that leaves with full drainage."""

    @classmethod
    def from_field(cls, site: Field, p: Parameters) -> Decay:
        """Texture effects by Parton et al. (1987, 1993), pH effects by Metherell et al. (1993)."""
        rates = wide(np.array(p.decay, SINGLE)[:, None] / 365, len(site.sand))
        low, middle, old = ph_effect(site.ph, 4.0), ph_effect(site.ph, 4.8, 1.14), ph_effect(site.ph, 3.0)
        rates[: SOIL + SOM1] *= low
        rates[SOIL + SOM1] *= middle * (0.25 + 0.75 * site.sand)
        rates[SOIL + SOM2] *= low
        rates[SOM3] *= old
        to_old = 0.003 + 0.032 * site.clay
        return cls(
            rates=rates,
            most=0.5 / rates[SOIL:].max(0),
            som1_to_som3=to_old,
            som1_kept=1 - (0.17 + 0.68 * site.sand) - to_old,
            som2_to_som3=0.003 + 0.009 * site.clay,
            som2_to_som1=0.45 - (0.003 + 0.009 * site.clay),
            leaching=0.03 + 0.12 * site.sand,
        )


@dataclass(slots=True)
class DecayDay:
    """Decomposition of one day, (series,)."""

    respired_surface: Array
    """g C m-2 d-1, as is the next."""
    respired_soil: Array
    slow_made: Array
    """g C m-2 d-1 that entered soil som2."""
    slow_lost: Array
    """g C m-2 d-1 that left soil som2."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _rewet(prec: Array, rain: float, dry: float, fading: float, size: float, dry_days: Array, pulse: Array) -> None:
    """Pulses of decay fade, and start where `rain`, mm, ends a spell of `dry` days (Parton et al. 2001)."""
    columns = range(len(prec))
    for column in columns:
        fresh = size if (prec[column] > rain) & (dry_days[column] >= dry) else 0.0
        pulse[column] = max(pulse[column] * fading, fresh)
    for column in columns:
        dry_days[column] = dry_days[column] + 1.0 if prec[column] < 2.0 else 0.0


def _climate(
    state: State, site: Field, p: Parameters, surface: Array, relative: Array, prec: Array
) -> tuple[Array, Array]:
    """Climate factors of the pools at the surface and in the soil, rewetting included (Parton et al. 1998, 2001)."""
    # The surface and the soil in one array, which halves the calls.
    moist = np.empty((2, len(surface)), SINGLE)
    moist[0] = relative[0]
    np.add.reduce(relative[:_TOPSOIL] * site.topsoil, 0, out=moist[1])
    wetness = abiotic_water(moist)
    np.maximum(wetness[0], 2 * (prec > p.rain_surface).astype(SINGLE), out=wetness[0])
    above, soil = abiotic_temperature(surface) * wetness
    fading = math.exp(-1 / p.pulse_days)
    _rewet(prec, p.pulse_rain, p.pulse_dry_days, fading, p.pulse_size, state.dry_days, state.pulse)
    soil *= 1 + state.pulse
    if state.tilled.any():
        soil *= 1 + p.tillage_peak * state.tilled
        state.tilled_days -= 1
        state.tilled *= state.tilled_days > 0
    return above, soil


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _flows(
    carbon: Array,
    nitrogen: Array,
    rates: Array,
    above: Array,
    below: Array,
    brake: Array,
    flow: Array,
    donated: Array,
) -> None:
    """Carbon that leaves each pool in a day and the nitrogen that goes with it, g m-2 (Parton et al. 1987).

    Parameters
    ----------
    above, below : array (series,)
        Climate factors at the surface and in the soil.
    brake : array (2, series)
        Factor of the structural pools by their lignin.
    flow, donated : array (9, series)
        Filled.
    """
    pools, series = carbon.shape
    for pool in range(pools):
        climate = above if pool < SOIL else below
        for column in range(series):
            flow[pool, column] = rates[pool, column] * carbon[pool, column] * climate[column]
    for place, pool in ((0, STRUCTURAL), (1, SOIL + STRUCTURAL)):
        for column in range(series):
            flow[pool, column] *= brake[place, column]
    for pool in range(pools):
        for column in range(series):
            donated[pool, column] = flow[pool, column] * nitrogen[pool, column] / carbon[pool, column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _acceptance(mineral: Array, accept: Array) -> None:
    """Nitrogen over carbon of what the five receivers take, from mineral nitrogen, g N m-2 (Parton et al. 1987).

    Fills `accept`, (5, series). The C:N ratio falls with each g m-2, up to 1 at the surface and 2 in the soil.
    """
    for receiver in range(len(_WIDEST)):
        widest, narrowing, most = _WIDEST[receiver], _NARROWING[receiver], _NARROWED_UP_TO[receiver]
        for column in range(len(mineral)):
            accept[receiver, column] = 1.0 / (widest - narrowing * min(mineral[column], most))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _receive(
    flow: Array,
    lignin: Array,
    to_slow: Array,
    to_old: Array,
    slow_to_som1: Array,
    slow_to_som3: Array,
    received: Array,
) -> None:
    """Carbon that surface som1 and som2 and soil som1 to som3 receive of all pools' flows (Parton et al. 1987, 1993).

    Parameters
    ----------
    flow : array (9, series)
    lignin : array (2, series)
        Share of the structural pools.
    to_slow, to_old : array (series,)
        Shares of soil som1 that go to som2 and som3.
    slow_to_som1, slow_to_som3 : array (series,)
        Shares of soil som2.
    received : array (5, series)
        Filled.
    """
    structural, metabolic, active, slow = SOIL + STRUCTURAL, SOIL + METABOLIC, SOIL + SOM1, SOIL + SOM2
    columns = range(flow.shape[1])
    for each in columns:
        free = flow[STRUCTURAL, each] * (1 - lignin[0, each])
        received[0, each] = 0.55 * free + 0.45 * (flow[METABOLIC, each] + flow[SOM2, each])
    for each in columns:
        received[1, each] = 0.7 * flow[STRUCTURAL, each] * lignin[0, each] + 0.40 * flow[SOM1, each]
    for each in columns:
        free = flow[structural, each] * (1 - lignin[1, each])
        young = 0.45 * (free + flow[metabolic, each] + flow[SOM3, each])
        received[2, each] = young + slow_to_som1[each] * flow[slow, each]
    for each in columns:
        received[3, each] = 0.7 * flow[structural, each] * lignin[1, each] + to_slow[each] * flow[active, each]
    for each in columns:
        received[4, each] = to_old[each] * flow[active, each] + slow_to_som3[each] * flow[slow, each]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _mineralise(donated: Array, lost: Array, received: Array, accept: Array, taken: Array, mineralised: Array) -> None:
    """Nitrogen that receivers take with their carbon, and what is left of the donors': net mineralisation, g N m-2.

    Parameters
    ----------
    donated, lost : array
        Nitrogen that leaves with the flow, (9, series), and what of it is leached, (series,).
    received, accept : array (5, series)
    taken, mineralised : array (5, series) and (series,)
        Filled.
    """
    columns = range(len(mineralised))
    for column in columns:
        mineralised[column] = -lost[column]
    for pool in range(len(donated)):
        for column in columns:
            mineralised[column] += donated[pool, column]
    for receiver in range(len(received)):
        for column in columns:
            taken[receiver, column] = received[receiver, column] * accept[receiver, column]
        for column in columns:
            mineralised[column] -= taken[receiver, column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _exchange(pools: Array, gone: Array, come: Array) -> None:
    """Take from all pools (9, series) what is `gone`, and give to som1 to som3 what has `come`, (5, series)."""
    columns = range(pools.shape[1])
    for pool in range(len(pools)):
        for column in columns:
            pools[pool, column] -= gone[pool, column]
    for receiver, pool in enumerate(_RECEIVERS):
        for column in columns:
            pools[pool, column] += come[receiver, column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _settle(ammonium: Array, nitrate: Array, mineral: Array, mineralised: Array, share: float) -> None:
    """Mineral pools of 0-20 cm after net mineralisation; `share` of what is gained is nitrate (Parton et al. 2001)."""
    columns = range(len(ammonium))
    for column in columns:
        gained = max(mineralised[column], 0.0)
        kept = 1 + (mineralised[column] - gained) / max(mineral[column], 1e-9)
        ammonium[column] = ammonium[column] * kept + (1 - share) * gained
    for layer in range(_TOPSOIL):
        part = share * _WEIGHT[layer]
        for column in columns:
            gained = max(mineralised[column], 0.0)
            kept = 1 + (mineralised[column] - gained) / max(mineral[column], 1e-9)
            nitrate[layer, column] = nitrate[layer, column] * kept + part * gained


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _respire(flow: Array, received: Array, leached: Array, respired: Array, left: Array) -> None:
    """Carbon of the flows that no pool receives: fills `respired` at the surface and in the soil, (2, series).

    With what of soil som1 is `leached`, (series,), it adds to what `left` the field.
    """
    columns = range(flow.shape[1])
    respired[:] = 0.0
    for pool in range(len(flow)):
        place = 0 if pool < SOIL else 1
        for column in columns:
            respired[place, column] += flow[pool, column]
    for receiver, pool in enumerate(_RECEIVERS):
        place = 0 if pool < SOIL else 1
        for column in columns:
            respired[place, column] -= received[receiver, column]
    for column in columns:
        respired[1, column] -= leached[column]
    for column in columns:
        left[column] += respired[0, column] + respired[1, column] + leached[column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _mix(pools: Array, share: Array, moved: Array) -> None:
    """Move a share (series,) of surface som2 into the soil's; fills `moved`, g m-2."""
    for column in range(len(share)):
        moved[column] = share[column] * pools[SOM2, column]
    for column in range(len(share)):
        pools[SOM2, column] -= moved[column]
    for column in range(len(share)):
        pools[SOIL + SOM2, column] += moved[column]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _slow(
    flow: Array,
    donated: Array,
    lost: Array,
    missing: Array,
    accept: Array,
    lignin: Array,
    to_slow: Array,
    to_old: Array,
    slow_to_som1: Array,
    slow_to_som3: Array,
) -> bool:
    """Slow the pools that would immobilise to the nitrogen that is there: a part of what is mineral, and the release.

    Parameters
    ----------
    flow, donated, lost : array
        As of `_receive` and `_mineralise`; changed in the series that are short.
    missing : array (series,)
        Nitrogen to spare, g N m-2; negative where it is short.

    Returns
    -------
    bool
        Whether any series is short.
    """
    need, net = np.empty((2, len(flow)))
    any_short = False
    for each in range(len(missing)):
        if missing[each] >= 0:
            continue
        any_short = True
        top1, top2, som1, som2, som3 = (
            accept[0, each],
            accept[1, each],
            accept[2, each],
            accept[3, each],
            accept[4, each],
        )
        need[STRUCTURAL] = 0.55 * top1 + lignin[0, each] * (0.7 * top2 - 0.55 * top1)
        need[METABOLIC] = need[SOM2] = 0.45 * top1
        need[SOM1] = 0.40 * top2
        need[SOIL + METABOLIC] = need[SOM3] = 0.45 * som1
        need[SOIL + STRUCTURAL] = 0.45 * som1 + lignin[1, each] * (0.7 * som2 - 0.45 * som1)
        need[SOIL + SOM1] = to_slow[each] * som2 + to_old[each] * som3
        need[SOIL + SOM2] = slow_to_som1[each] * som1 + slow_to_som3[each] * som3
        immobilised = 0.0
        for pool in range(len(need)):
            net[pool] = donated[pool, each] - need[pool] * flow[pool, each]
            if pool == SOIL + SOM1:
                net[pool] -= lost[each]
            immobilised += min(net[pool], 0.0)
        slowed = 1 - missing[each] / min(immobilised, -1e-12)
        for pool in range(len(need)):
            if net[pool] < 0:
                flow[pool, each] *= slowed
                donated[pool, each] *= slowed
                if pool == SOIL + SOM1:
                    lost[each] *= slowed
    return any_short


def decompose(
    state: State,
    site: Field,
    decay: Decay,
    p: Parameters,
    surface: Array,
    relative: Array,
    prec: Array,
    percolated: Array,
) -> DecayDay:
    """One day of decomposition, mineralisation and immobilisation; updates the state and both budgets.

    Flows, respired shares and receivers' C:N follow Parton et al. (1987, 1993). Where mineral nitrogen is short, the
    pools that would immobilise decay more slowly.

    Parameters
    ----------
    surface : array (series,)
        Temperature of the surface, degC, which sets the pace above and below ground, as in the program.
    relative : array (layers, series)
        Relative water content.
    percolated : array (series,)
        Water that leaves 30 cm, mm d-1, which carries dissolved organic matter.
    """
    series = len(surface)
    above, below = _climate(state, site, p, surface, relative, prec)
    # No pool gives more than half of itself in a day.
    np.minimum(below, decay.most, out=below)
    lignin = (state.lignin / state.carbon[_STRUCTURAL]).astype(SINGLE)
    brake = np.exp(-p.lignin_brake * lignin)
    flow, donated = np.empty((2, len(state.carbon), series), SINGLE)
    _flows(state.carbon, state.nitrogen, decay.rates, above, below, brake, flow, donated)

    mineral = state.ammonium.astype(SINGLE) + state.nitrate[:_TOPSOIL].sum(0)
    accept, received, taken = np.empty((3, len(_RECEIVERS), series), SINGLE)
    _acceptance(mineral, accept)
    leached = decay.leaching * np.minimum(percolated / p.organic_leaching, 1)
    lost = leached * donated[SOIL + SOM1]
    shares = (lignin, decay.som1_kept - leached, decay.som1_to_som3, decay.som2_to_som1, decay.som2_to_som3)
    _receive(flow, *shares, received)
    mineralised = np.empty(series, SINGLE)
    _mineralise(donated, lost, received, accept, taken, mineralised)
    missing = p.immobilisation * mineral + mineralised
    if _slow(flow, donated, lost, missing, accept, *shares):
        _receive(flow, *shares, received)
        _mineralise(donated, lost, received, accept, taken, mineralised)

    state.lignin -= flow[_STRUCTURAL] * lignin
    below *= p.surface_mixing / 365
    mixed, mixed_nitrogen = np.empty((2, series), SINGLE)
    _mix(state.carbon, below, mixed)
    _mix(state.nitrogen, below, mixed_nitrogen)
    _exchange(state.carbon, flow, received)
    _exchange(state.nitrogen, donated, taken)
    _settle(state.ammonium, state.nitrate, mineral, mineralised, p.nitrate_of_mineralised)
    respired = np.empty((2, series), SINGLE)
    _respire(flow, received, leached * flow[SOIL + SOM1], respired, state.budgets["carbon"].left)
    state.budgets["nitrogen"].left += lost
    return DecayDay(respired[0], respired[1], received[3] + mixed, flow[SOIL + SOM2])


def add_litter(
    state: State,
    p: Parameters,
    row: int,
    carbon: Array,
    nitrogen: Array,
    lignin: float,
    where: slice | NDArray[np.intp],
) -> None:
    """Residue enters the structural and metabolic pools (Parton et al. 1987).

    Parameters
    ----------
    row : int
        0 at the surface, `SOIL` in the soil.
    carbon, nitrogen : array (series,)
        g m-2 of the series that `where` selects.
    lignin : float
        Share of the biomass.
    """
    part = lignin * carbon
    # Both shares are of dry matter, 2.5 g for each g of carbon.
    metabolic = metabolic_fraction(2.5 * part / np.maximum(nitrogen, 1e-9)) * carbon
    structural = carbon - metabolic
    bound = np.minimum(structural / p.structural_cn, nitrogen)
    state.carbon[row + STRUCTURAL, where] += structural
    state.carbon[row + METABOLIC, where] += metabolic
    state.nitrogen[row + STRUCTURAL, where] += bound
    state.nitrogen[row + METABOLIC, where] += nitrogen - bound
    state.lignin[row // SOIL, where] += np.minimum(part, structural)


def till(state: State, p: Parameters, intensity: Array, where: NDArray[np.intp]) -> None:
    """Till the selected series: surface pools move into the soil and decay is stirred (Metherell et al. 1993).

    `intensity` is 0 for no-till to 1 for ploughing, (series,); even a planter moves a little.
    """
    strength = intensity[where]
    share = p.mixing[0] + p.mixing[1] * strength
    for pools in (state.carbon, state.nitrogen):
        for row in range(SOIL):
            moved = pools[row, where] * share
            pools[row, where] -= moved
            pools[SOIL + row, where] += moved
    moved = state.lignin[0, where] * share
    state.lignin[0, where] -= moved
    state.lignin[1, where] += moved
    state.tilled[where] = strength**3
    state.tilled_days[where] = p.tillage_days
