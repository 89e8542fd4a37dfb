"""Litter and soil organic matter: the CENTURY pools of carbon and nitrogen, by day."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
_WEIGHT = (THICKNESS[:_TOPSOIL] / THICKNESS[:_TOPSOIL].sum())[:, None].astype(SINGLE)
_STRUCTURAL = slice(STRUCTURAL, SOIL + 1, SOIL)
"""Rows of the structural pools at the surface and in the soil."""
_SCALE, _SLOPE = 29.7 / math.pi, 0.031 * math.pi
_PER_BEST = 1 / (11.75 + _SCALE * math.atan(_SLOPE * (30.0 - 15.4)))
"""Of the temperature curve: its scale and slope, and 1 over its value at 30 degC."""
_WIDEST = (15.0, 20.0, 14.0, 20.0, 8.0)
_NARROWING = (9.0, 8.0, 5.5, 4.0, 1.0)


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
    widest: Array
    """C:N of what som1 and som2 at the surface and som1 to som3 in the soil take without mineral nitrogen, and how
    much it falls with each g m-2, up to 1 at the surface and 2 in the soil, (5, series)."""
    narrowing: Array

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
            widest=wide(np.array(_WIDEST, SINGLE)[:, None], len(site.sand)),
            narrowing=wide(np.array(_NARROWING, SINGLE)[:, None], len(site.sand)),
        )


@dataclass(slots=True)
class DecayDay:
    """Decomposition of one day, (series,)."""

    respired_surface: Array
    """g C m-2 d-1, as is the next."""
    respired_soil: Array
    mineralised: Array
    """Net, g N m-2 d-1; negative when microbes take up mineral nitrogen."""
    slow_made: Array
    """g C m-2 d-1 that entered soil som2."""
    slow_lost: Array
    """g C m-2 d-1 that left soil som2."""


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
    rewet = (prec > p.pulse_rain) & (state.dry_days >= p.pulse_dry_days)
    state.pulse *= math.exp(-1 / p.pulse_days)
    np.maximum(state.pulse, p.pulse_size * rewet.astype(SINGLE), out=state.pulse)
    state.dry_days += 1
    state.dry_days *= prec < 2.0
    soil *= 1 + state.pulse
    if state.tilled.any():
        soil *= 1 + p.tillage_peak * state.tilled
        state.tilled_days -= 1
        state.tilled *= state.tilled_days > 0
    return above, soil


def _acceptance(decay: Decay, mineral: Array) -> Array:
    """Nitrogen over carbon of what the five receivers take, from mineral nitrogen, g N m-2 (Parton et al. 1987)."""
    ratio = np.empty_like(decay.widest)
    ratio[:2] = np.minimum(mineral, 1.0)
    ratio[2:] = np.minimum(mineral, 2.0)
    ratio *= decay.narrowing
    np.subtract(decay.widest, ratio, out=ratio)
    return np.divide(1.0, ratio, out=ratio)


def _received(
    flow: Array, lignin: Array, to_slow: Array, to_old: Array, slow_to_som1: Array, slow_to_som3: Array
) -> Array:
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
    """
    bound = flow[_STRUCTURAL] * lignin
    free = flow[_STRUCTURAL] - bound
    bound *= 0.7
    active, slow = flow[SOIL + SOM1], flow[SOIL + SOM2]
    received = np.empty((len(_WIDEST), flow.shape[1]), SINGLE)
    np.add(0.55 * free[0], 0.45 * (flow[METABOLIC] + flow[SOM2]), out=received[0])
    np.add(bound[0], 0.40 * flow[SOM1], out=received[1])
    np.add(0.45 * (free[1] + flow[SOIL + METABOLIC] + flow[SOM3]), slow_to_som1 * slow, out=received[2])
    np.add(bound[1], to_slow * active, out=received[3])
    np.add(to_old * active, slow_to_som3 * slow, out=received[4])
    return received


def _slowed(
    flow: Array,
    donated: Array,
    lost: Array,
    short: Array,
    accept: Array,
    lignin: Array,
    to_slow: Array,
    to_old: Array,
    slow_to_som1: Array,
    slow_to_som3: Array,
) -> Array:
    """Share of its flow that each pool keeps where microbes find too little nitrogen, (9, series).

    The pools that would immobilise are slowed to what is there: a part of the mineral nitrogen and the release.

    Parameters
    ----------
    donated, lost : array
        Nitrogen that leaves with the flow, (9, series), and what of it is leached, (series,), g N m-2.
    short : array (series,)
        Nitrogen that is missing, g N m-2.
    accept : array (5, series)
    """
    top1, top2, som1, som2, som3 = accept
    need = np.empty_like(flow)
    need[STRUCTURAL] = 0.55 * top1 + lignin[0] * (0.7 * top2 - 0.55 * top1)
    need[METABOLIC] = need[SOM2] = 0.45 * top1
    need[SOM1] = 0.40 * top2
    need[SOIL + METABOLIC] = need[SOM3] = 0.45 * som1
    need[SOIL] = need[SOM3] + lignin[1] * (0.7 * som2 - need[SOM3])
    need[SOIL + SOM1] = to_slow * som2 + to_old * som3
    need[SOIL + SOM2] = slow_to_som1 * som1 + slow_to_som3 * som3
    net = donated - need * flow
    net[SOIL + SOM1] -= lost
    immobilised = np.minimum(net, 0)
    return 1 - (net < 0) * (short / np.minimum(immobilised.sum(0), -1e-12))


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
    carbon, nitrogen = state.carbon.astype(SINGLE), state.nitrogen.astype(SINGLE)
    above, below = _climate(state, site, p, surface, relative, prec)
    # No pool gives more than half of itself in a day.
    np.minimum(below, decay.most, out=below)
    flow = decay.rates * carbon
    flow[:SOIL] *= above
    flow[SOIL:] *= below
    lignin = state.lignin / carbon[_STRUCTURAL]
    flow[_STRUCTURAL] *= np.exp(-p.lignin_brake * lignin)
    donated = nitrogen / carbon
    donated *= flow

    mineral = state.ammonium.astype(SINGLE) + state.nitrate[:_TOPSOIL].sum(0)
    accept = _acceptance(decay, mineral)
    leached = decay.leaching * np.minimum(percolated / p.organic_leaching, 1)
    lost = leached * donated[SOIL + SOM1]
    shares = (lignin, decay.som1_kept - leached, decay.som1_to_som3, decay.som2_to_som1, decay.som2_to_som3)
    received = _received(flow, *shares)
    taken = received * accept
    mineralised = donated.sum(0) - taken.sum(0) - lost
    missing = p.immobilisation * mineral + mineralised
    short = np.flatnonzero(missing < 0)
    if len(short):
        # A lone column would be summed over pools in another order than columns of a block.
        short = np.repeat(short, 2) if len(short) == 1 else short
        few = [np.take(values, short, axis=-1) for values in (flow, donated, lost, missing, accept, *shares)]
        slowed = _slowed(*few)
        less, gives, leaves = few[0] * slowed, few[1] * slowed, few[2] * slowed[SOIL + SOM1]
        gets = _received(less, *few[-len(shares) :])
        takes = gets * few[4]
        mineralised[short] = gives.sum(0) - takes.sum(0) - leaves
        for values, corrected in ((flow, less), (donated, gives), (lost, leaves), (received, gets), (taken, takes)):
            values[..., short] = corrected

    state.lignin -= flow[_STRUCTURAL] * lignin
    for pools, gone, come in ((state.carbon, flow, received), (state.nitrogen, donated, taken)):
        pools -= gone
        pools[SOM1:SOIL] += come[:2]
        pools[SOIL + SOM1 :] += come[2:]
    leached_carbon = leached * flow[SOIL + SOM1]
    respired_surface = flow[:SOIL].sum(0) - (received[0] + received[1])
    respired_soil = flow[SOIL:].sum(0) - received[2:].sum(0) - leached_carbon

    below *= p.surface_mixing / 365
    mixed = below * carbon[SOM2]
    for pools, moved in ((state.carbon, mixed), (state.nitrogen, below * nitrogen[SOM2])):
        pools[SOM2] -= moved
        pools[SOIL + SOM2] += moved

    gained = np.maximum(mineralised, 0)
    kept = 1 + (mineralised - gained) / np.maximum(mineral, 1e-9)
    state.ammonium *= kept
    state.ammonium += (1 - p.nitrate_of_mineralised) * gained
    nitrate = state.nitrate[:_TOPSOIL]
    nitrate *= kept
    nitrate += (p.nitrate_of_mineralised * _WEIGHT) * gained
    state.budgets["carbon"].left += respired_surface + respired_soil + leached_carbon
    state.budgets["nitrogen"].left += lost
    return DecayDay(respired_surface, respired_soil, mineralised, received[3] + mixed, flow[SOIL + SOM2])


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
    metabolic = metabolic_fraction(part / np.maximum(nitrogen, 1e-9)) * carbon
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
