"""Decomposers and the nitrogen that passes through microbes, in the residue and every soil layer.

The equations are compiled and always step by the hour: N2O arises where O2 is just short, for hours, and steps of three
would give half as much again. Numba keeps what it compiled until this file changes; a change in `column` alone does
not renew it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.ecosys.column import compiled, eliminated, substituted
from agroflux_data.simulators.ecosys.habitat import ATMOSPHERIC_OXYGEN, DEPTHS, Habitat
from agroflux_data.simulators.ecosys.parameters import LAYERS, RATE, Parameters

__all__ = ["Gases", "Site", "SoilPools", "cascade", "day", "hydrolyse", "microsite_oxygen"]

Array = NDArray[np.floating]
Pool = tuple[float, float]
"""Amount, gN m-2, and the water that would hold all of it at the concentration that microbes meet, m."""

# Beside a number of Python's, Numba turns single precision into double.
_NONE: Any = RATE(0)
_HALF: Any = RATE(0.5)
_ONE: Any = RATE(1)
_TWO: Any = RATE(2)
_AIR: Any = RATE(ATMOSPHERIC_OXYGEN)
_NITROUS_DIFFUSIVITY: Any = RATE(0.80)
"""Of N2O in air, over that of O2."""
_AMMONIA_OXYGEN: Any = RATE(3.43)
_NITRITE_OXYGEN: Any = RATE(1.14)
"""gO2 for each gN oxidised to nitrite, and from there to nitrate."""
_LEAST: Any = RATE(1e-15)
_AIRLESS: Any = RATE(1e-4)
"""Least O2 in pore air, g m-3."""
_SUFFICIENT: Any = RATE(0.8)
"""Of their full N:C, with which microbes still take up carbon at full rate."""
_UPKEEP: Any = RATE(0.02)
"""Most of their carbon that microbes spend on maintenance in an hour."""
_WIDTH = 32
"""Series that are worked together, side by side in vector registers."""
_ROWS = (LAYERS + 1, _WIDTH)
_POOLS = ("doc", "don", "microbe_c", "microbe_n", "ammonium", "nitrate", "nitrite")
_FLOWS = (
    "potential", "maintenance", "demand", "met", "oxidised", "nitrated", "reduced", "to_nitrite", "to_nitrous",
    "reduction", "dissolved_c", "dissolved_n",
)  # fmt: skip
_SERIES = ("nitrification", "denitrifiers", "humified", "oxygen_above", "nitrous_above", "co2", "n2o", "n2")
_COLUMNS = np.dtype(
    [(name, RATE, _ROWS) for name in (*_POOLS, *(f"{pool}_change" for pool in _POOLS), "nitrous", "oxygen")]
    + [(name, RATE, _ROWS) for name in (*Habitat._fields, *_FLOWS, "exchange", "roots", "humus_c", "humus_n")]
    # One row more, below the column, through which nothing passes.
    + [(name, RATE, (LAYERS + 2, _WIDTH)) for name in ("oxygen_load", "oxygen_gain", "nitrous_load", "nitrous_gain")]
    + [(name, RATE, _WIDTH) for name in _SERIES]
)
"""What is worked with of `_WIDTH` series, in one piece of memory so that the compiler knows that nothing overlaps."""


class SoilPools(NamedTuple):
    """State of the residue (row 0) and the soil layers, (layers + 1, series) each; substrates have a first axis more.

    Carbon and nitrogen in g m-2, oxygen in g m-3 of pore air.
    """

    substrate_c: Array
    substrate_n: Array
    doc: Array
    don: Array
    microbe_c: Array
    microbe_n: Array
    ammonium: Array
    nitrate: Array
    nitrite: Array
    nitrous: Array
    """N2O-N above what air of the atmosphere's content would hold."""
    oxygen: Array

    def carbon(self) -> Array:
        """Organic carbon, g m-2, (series,)."""
        return self.substrate_c.sum((0, 1)) + self.doc.sum(0) + self.microbe_c.sum(0)

    def soil_carbon(self) -> Array:
        """Organic carbon of the soil as it is sampled, g m-2, (series,): without surface residue and fresh litter."""
        return self.substrate_c[2:, 1:].sum((0, 1)) + self.doc[1:].sum(0) + self.microbe_c[1:].sum(0)

    def nitrogen(self) -> Array:
        """All nitrogen, g m-2, (series,)."""
        rest = self.don + self.microbe_n + self.ammonium + self.nitrate + self.nitrite + self.nitrous
        return self.substrate_n.sum((0, 1)) + rest.sum(0)


class Site(NamedTuple):
    """What is constant about each series' microbes, (series,) or (layers + 1, series)."""

    exchange: Array
    """Soil-held ammonium as the water depth that would hold it in solution, m, (layers + 1, series)."""
    nitrification: Array
    """Multiplier with the response to pH."""
    denitrifiers: Array
    """Share of the microbial carbon that can reduce nitrogen oxides."""
    humified: Array
    """Share of dead microbes that becomes humus."""


class Gases(NamedTuple):
    """What left the soil in a day, g m-2, (series,)."""

    co2: Array
    n2o: Array
    n2: Array


def hydrolyse(p: Parameters, h: Habitat, pools: SoilPools) -> Array:
    """A day's hydrolysis of substrates, which leaves them at once; `day` takes its shares of what it dissolves.

    D' M S / (S + Km (1 + M / Ki)), slowed by its product (Grant, Juma & McGill 1993, Soil Biol. Biochem. 25:1317 and
    1331). Substrates are slow, so their amount and the microbes' are those of the morning; the day's steps share by
    microbes' response to temperature and water.

    Parameters
    ----------
    h : Habitat
        Of all steps of the day.

    Returns
    -------
    array (steps, 2, layers + 1, series)
        Dissolved organic carbon and nitrogen, g m-2.
    """
    microbe_c, doc = pools.microbe_c.astype(RATE), pools.doc.astype(RATE)
    specific = np.array(p.hydrolysis, RATE)[:, None, None]
    km = np.array(p.hydrolysis_km, RATE)[:, None, None]
    rates = h.rate.sum(0)
    active = (24 / len(h.rate)) * rates * microbe_c / (1 + doc * (1 / (p.doc_inhibition * DEPTHS)))
    room = DEPTHS + microbe_c * (1 / p.hydrolysis_ki)
    # First-order in what is left, so never more than there is.
    share = active / (pools.substrate_c.astype(RATE) * (1 / specific) + km / specific * room + active)
    dissolved = np.empty((2, *rates.shape), RATE)
    for number, pool in enumerate((pools.substrate_c, pools.substrate_n)):
        flow = share * pool.astype(RATE)
        pool -= flow
        kept = p.humified_structural * flow[1]
        pool[2] += kept
        dissolved[number] = flow.sum(0) - kept
    return (h.rate / rates)[:, None] * dissolved


def day(p: Parameters, site: Site, h: Habitat, pools: SoilPools, hydrolysed: Array, roots: Array) -> Gases:
    """A day of all layers, hour by hour; `pools` is changed in place.

    Microbes take up dissolved organic carbon, respire and grow, and keep their N:C by mineralising or immobilising
    (Grant, Juma & McGill 1993). O2 that is short at the microsites lets nitrogen oxides take the electrons (`cascade`).

    Parameters
    ----------
    h : Habitat
        Of all steps of the day, hours or longer ones; the hours of a step have its conditions.
    hydrolysed : array (steps, 2, layers + 1, series)
        From `hydrolyse`.
    roots : array (layers + 1, series)
        O2 demand of roots, g m-2 h-1.
    """
    gases = Gases(*np.zeros((3, pools.doc.shape[1])))
    _day(p.scalars(), np.zeros(1, _COLUMNS), site, h, pools, hydrolysed, roots, gases)
    return gases


@compiled
def _day(
    p: Any, work: Array, site: Site, h: Habitat, pools: SoilPools, hydrolysed: Array, roots: Array, gases: Gases
) -> None:
    w = work[0]
    steps, _, series = h.rate.shape
    repeats = max(24 // steps, 1)
    hours: Any = RATE(24 / (steps * repeats))
    part: Any = RATE(1 / repeats)
    for first in range(0, series, _WIDTH):
        _load(w, first, site, pools, roots)
        for step in range(steps):
            _surround(w, first, step, h, hydrolysed, part)
            for _ in range(repeats):
                _react(p, w, hours)
                _turn_over(p, w, hours)
        _store(w, first, pools, gases)


@compiled
def _load(w: Any, first: int, site: Site, pools: SoilPools, roots: Array) -> None:
    """Copy some series; where there are fewer than `_WIDTH`, whatever is left in the others' place is no use later."""
    for i in range(min(_WIDTH, roots.shape[1] - first)):
        w.nitrification[i], w.denitrifiers[i] = site.nitrification[first + i], site.denitrifiers[first + i]
        w.humified[i] = site.humified[first + i]
    w.co2[:], w.n2o[:], w.n2[:] = _NONE, _NONE, _NONE
    w.humus_c[:], w.humus_n[:] = _NONE, _NONE
    w.oxygen_load[LAYERS + 1], w.nitrous_load[LAYERS + 1] = _ONE, _ONE
    _take(w.exchange, site.exchange, first)
    _take(w.roots, roots, first)
    _take(w.doc, pools.doc, first)
    _take(w.don, pools.don, first)
    _take(w.microbe_c, pools.microbe_c, first)
    _take(w.microbe_n, pools.microbe_n, first)
    _take(w.ammonium, pools.ammonium, first)
    _take(w.nitrate, pools.nitrate, first)
    _take(w.nitrite, pools.nitrite, first)
    _take(w.nitrous, pools.nitrous, first)
    _take(w.oxygen, pools.oxygen, first)
    w.doc_change[:] = _NONE
    w.don_change[:] = _NONE
    w.microbe_c_change[:] = _NONE
    w.microbe_n_change[:] = _NONE
    w.ammonium_change[:] = _NONE
    w.nitrate_change[:] = _NONE
    w.nitrite_change[:] = _NONE


@compiled
def _surround(w: Any, first: int, step: int, h: Habitat, hydrolysed: Array, part: float) -> None:
    """Copy the conditions of a step."""
    there = min(_WIDTH, h.rate.shape[2] - first)
    for row in range(LAYERS + 1):
        for i in range(there):
            one = first + i
            w.rate[row, i], w.thermal[row, i] = h.rate[step, row, one], h.thermal[step, row, one]
            w.water[row, i], w.conductance[row, i] = h.water[step, row, one], h.conductance[step, row, one]
            w.oxygen_solubility[row, i] = h.oxygen_solubility[step, row, one]
            w.site_conductance[row, i] = h.site_conductance[step, row, one]
            w.nitrous_capacity[row, i] = h.nitrous_capacity[step, row, one]
            w.nitrous_solubility[row, i] = h.nitrous_solubility[step, row, one]
            w.dissolved_c[row, i] = hydrolysed[step, 0, row, one] * part
            w.dissolved_n[row, i] = hydrolysed[step, 1, row, one] * part


@compiled
def _store(w: Any, first: int, pools: SoilPools, gases: Gases) -> None:
    for i in range(min(_WIDTH, len(gases.co2) - first)):
        gases.co2[first + i], gases.n2o[first + i], gases.n2[first + i] = w.co2[i], w.n2o[i], w.n2[i]
    _add(pools.substrate_c[3], w.humus_c, first)
    _add(pools.substrate_n[3], w.humus_n, first)
    _add(pools.doc, w.doc_change, first)
    _add(pools.don, w.don_change, first)
    _add(pools.microbe_c, w.microbe_c_change, first)
    _add(pools.microbe_n, w.microbe_n_change, first)
    _add(pools.ammonium, w.ammonium_change, first)
    _add(pools.nitrate, w.nitrate_change, first)
    _add(pools.nitrite, w.nitrite_change, first)
    for pool, value in ((pools.nitrous, w.nitrous), (pools.oxygen, w.oxygen)):
        for row in range(LAYERS + 1):
            for i in range(min(_WIDTH, pool.shape[1] - first)):
                pool[row, first + i] = value[row, i]


@compiled
def _take(some: Array, of: Array, first: int) -> None:
    for row in range(LAYERS + 1):
        for i in range(min(_WIDTH, of.shape[1] - first)):
            some[row, i] = of[row, first + i]


@compiled
def _add(pool: Array, change: Array, first: int) -> None:
    for row in range(LAYERS + 1):
        for i in range(min(_WIDTH, pool.shape[1] - first)):
            pool[row, first + i] += change[row, i]


@compiled
def _react(p: Any, w: Any, hours: float) -> None:
    """Demand for O2, what is met of it, and what takes its place, from the lowest layer up with `eliminated`."""
    for row in range(LAYERS, -1, -1):
        for i in range(_WIDTH):
            carbon, nitrogen, water, rate = w.microbe_c[row, i], w.microbe_n[row, i], w.water[row, i], w.rate[row, i]
            potential = uptake(p, w.doc[row, i] + w.dissolved_c[row, i], carbon, nitrogen, rate, water, hours)
            maintenance = min(p.maintenance * nitrogen * w.thermal[row, i], _UPKEEP * carbon)
            demand = p.oxygen_demand * (p.respired_aerobic / hours * potential + maintenance)
            # Nitrifiers' potential, before O2; nitrite is oxidised as it comes, so it does not wait for the next step.
            ammonium, nitrifying = w.ammonium[row, i], carbon * rate * w.nitrification[i]
            ammonium_km = p.nitrifier_km * (water + w.exchange[row, i])
            nitrite_km = p.nitrifier_km * water
            oxidisable = p.nitrification * p.nitrifiers * nitrifying * ammonium / (ammonium + ammonium_km)
            most = p.nitrite_oxidation * p.nitrite_oxidisers * nitrifying
            nitrite = w.nitrite[row, i] + hours * oxidisable
            nitratable = most * nitrite / (nitrite + nitrite_km + hours * most)
            nitrifier_demand = _AMMONIA_OXYGEN * oxidisable + _NITRITE_OXYGEN * nitratable
            solubility = w.oxygen_solubility[row, i]
            s = microsite_oxygen(
                demand + nitrifier_demand,
                w.site_conductance[row, i] * carbon,
                w.oxygen[row, i] * solubility,
                p.oxygen_km,
            )
            full = _AIR * solubility
            met = relative(s, full, p.oxygen_km)
            met_nitrifier = relative(s, full, p.oxygen_km_nitrifier)
            uptaken = demand * met + nitrifier_demand * met_nitrifier + w.roots[row, i]
            # Nitrification, bounded by what there is.
            oxidised = oxidisable * met_nitrifier * hours
            oxidised *= ammonium / (ammonium + oxidised + _LEAST)
            nitrite = w.nitrite[row, i] + oxidised
            half_full = nitrite + nitrite_km
            oxidation = most * met_nitrifier * hours
            # Nitrifiers short of O2 reduce nitrite too (Grant & Pattey 1999), and nothing else.
            unmet = _AMMONIA_OXYGEN * oxidisable * (_ONE - met_nitrifier)
            reduction = p.electrons_nitrate * p.nitrifier_reducers * hours * unmet
            reduction += p.chemical_reduction * hours * w.thermal[row, i] * half_full
            # Both first-order in the nitrite that is left.
            left = nitrite / (half_full + oxidation + reduction)
            nitrite, nitrated, reduced = half_full * left, oxidation * left, reduction * left
            nitrous, capacity = w.nitrous[row, i] + reduced, w.nitrous_capacity[row, i]
            to_nitrite, to_nitrous, reduction = cascade(
                p,
                demand * (_ONE - met) * w.denitrifiers[i],
                (w.nitrate[row, i] + nitrated, water),
                (nitrite, water),
                (nitrous, capacity / w.nitrous_solubility[row, i]),
                hours,
            )
            # Nitrous oxide diffuses while it is reduced, at the rate that it would be if it stayed; O2 of the next
            # step is in steady diffusion against an uptake that is first-order in what is there.
            below = w.conductance[row + 1, i] if row < LAYERS else _NONE
            w.oxygen_load[row, i], w.oxygen_gain[row, i] = eliminated(
                uptaken / w.oxygen[row, i], _NONE, below, w.oxygen_load[row + 1, i], w.oxygen_gain[row + 1, i]
            )
            w.nitrous_load[row, i], w.nitrous_gain[row, i] = eliminated(
                capacity * (_ONE / hours) * (_ONE + reduction),
                (nitrous + to_nitrous) * (_ONE / hours),
                _NITROUS_DIFFUSIVITY * below,
                w.nitrous_load[row + 1, i],
                w.nitrous_gain[row + 1, i],
            )
            w.potential[row, i], w.maintenance[row, i], w.demand[row, i], w.met[row, i] = (
                potential,
                maintenance,
                demand,
                met,
            )
            w.oxidised[row, i], w.nitrated[row, i], w.reduced[row, i] = oxidised, nitrated, reduced
            w.to_nitrite[row, i], w.to_nitrous[row, i], w.reduction[row, i] = to_nitrite, to_nitrous, reduction


@compiled
def _turn_over(p: Any, w: Any, hours: float) -> None:
    """Diffusion of gases, from the uppermost layer down with `substituted`; respiration, growth and death."""
    for i in range(_WIDTH):
        # Pools of N2O count from its content in the air above.
        w.oxygen_above[i], w.nitrous_above[i] = _AIR, _NONE
    for row in range(LAYERS + 1):
        for i in range(_WIDTH):
            between, reduction = w.conductance[row, i], w.reduction[row, i]
            oxygen = substituted(between, w.oxygen_above[i], w.oxygen_load[row, i], w.oxygen_gain[row, i])
            above = w.nitrous_above[i]
            between *= _NITROUS_DIFFUSIVITY
            nitrous = substituted(between, above, w.nitrous_load[row, i], w.nitrous_gain[row, i])
            w.oxygen_above[i], w.nitrous_above[i] = oxygen, nitrous
            w.n2o[i] += between * (nitrous - above) * hours if row == 0 else _NONE
            w.oxygen[row, i], w.nitrous[row, i] = max(oxygen, _AIRLESS), nitrous * w.nitrous_capacity[row, i]
            to_n2 = reduction * w.nitrous[row, i]
            # Respiration and growth, with O2 and with nitrogen oxides.
            to_nitrite, to_nitrous, potential = w.to_nitrite[row, i], w.to_nitrous[row, i], w.potential[row, i]
            electrons = (to_nitrite + to_nitrous) * (_ONE / p.electrons_nitrate) + to_n2 * (_ONE / p.electrons_nitrous)
            anaerobic = electrons / (w.demand[row, i] * hours + _LEAST)
            efficiency = p.respired_aerobic / p.respired_anaerobic
            taken = potential * min(w.met[row, i] + anaerobic * efficiency, _ONE)
            breathing = min(w.met[row, i] + anaerobic, _ONE)
            respired = min(p.respired_aerobic * potential * breathing, taken)
            respired += hours * w.maintenance[row, i] * breathing
            doc, don = w.doc[row, i] + w.dissolved_c[row, i], w.don[row, i] + w.dissolved_n[row, i]
            taken_n = taken / (doc + _LEAST) * don
            carbon, nitrogen = w.microbe_c[row, i] + taken - respired, w.microbe_n[row, i] + taken_n
            # First-order in what is left.
            dying = p.mortality * hours * w.thermal[row, i]
            died = dying / (_ONE + dying)
            dead_c, dead_n = died * carbon, died * nitrogen
            carbon, nitrogen = carbon - dead_c, nitrogen - dead_n
            humus_c, humus_n = w.humified[i] * dead_c, w.humified[i] * dead_n
            # Microbes keep their N:C.
            need = p.microbial_nc * carbon - nitrogen
            released, need = max(-need, _NONE), max(need, _NONE)
            capacity = p.immobilisation * hours * carbon * w.thermal[row, i]
            ammonium = w.ammonium[row, i] - w.oxidised[row, i]
            nitrate = w.nitrate[row, i] + w.nitrated[row, i] - to_nitrite
            held = w.water[row, i] + w.exchange[row, i]
            from_ammonium = immobilised(need, capacity, (ammonium, held), p.ammonium_min, p.ammonium_km)
            need -= from_ammonium
            held = w.water[row, i]
            from_nitrate = immobilised(need, capacity, (nitrate, held), p.nitrate_min, p.nitrate_km)
            # Every flow leaves one pool and enters another.
            change = w.dissolved_c[row, i] - taken + dead_c - humus_c
            w.doc[row, i] += change
            w.doc_change[row, i] += change
            change = w.dissolved_n[row, i] - taken_n + dead_n - humus_n
            w.don[row, i] += change
            w.don_change[row, i] += change
            change = taken - respired - dead_c
            w.microbe_c[row, i] += change
            w.microbe_c_change[row, i] += change
            change = taken_n - dead_n + from_ammonium + from_nitrate - released
            w.microbe_n[row, i] += change
            w.microbe_n_change[row, i] += change
            change = released - from_ammonium - w.oxidised[row, i]
            w.ammonium[row, i] += change
            w.ammonium_change[row, i] += change
            change = w.nitrated[row, i] - to_nitrite - from_nitrate
            w.nitrate[row, i] += change
            w.nitrate_change[row, i] += change
            change = w.oxidised[row, i] - w.nitrated[row, i] - w.reduced[row, i] + to_nitrite - to_nitrous
            w.nitrite[row, i] += change
            w.nitrite_change[row, i] += change
            w.humus_c[row, i] += humus_c
            w.humus_n[row, i] += humus_n
            w.co2[i] += respired
            w.n2[i] += to_n2


@compiled
def uptake(p: Any, doc: float, carbon: float, nitrogen: float, rate: float, water: float, hours: float) -> float:
    """Dissolved carbon that microbes take up in a time at full O2, gC m-2, less where they lack nitrogen.

    u = V doc' / (doc' + K) with doc' = doc - u, the smaller root of a quadratic (Grant, Juma & McGill 1993, Soil Biol.
    Biochem. 25:1317, for uptake at a constant concentration).
    """
    supplied = min(nitrogen / (_SUFFICIENT * p.microbial_nc * carbon), _ONE)
    most = p.respiration / p.respired_aerobic * hours * carbon * rate * supplied * supplied
    km = p.respiration_km * water
    both, apart = doc + most, doc - most
    return _TWO * most * doc / (both + km + math.sqrt(apart * apart + km * (km + _TWO * both)))


@compiled
def relative(s: float, full: float, km: float) -> float:
    """Michaelis-Menten rate at a concentration of dissolved O2 over that in water under air."""
    return min(s * (full + km) / ((s + km) * full), _ONE)


@compiled
def immobilised(need: float, capacity: float, pool: Pool, least: float, km: float) -> float:
    """Mineral nitrogen that microbes take to keep their N:C, gN m-2, at most half of what they can reach."""
    amount, water = pool
    above = max(amount - least * water, _NONE)
    return min(need, above * min(capacity / (above + km * water), _HALF))


@compiled
def microsite_oxygen(demand: float, conductance: float, dissolved: float, km: float) -> float:
    """O2 at the microbes' surface, g m-3, where uptake equals diffusion through the water film.

    demand s / (s + km) = conductance (dissolved - s): a quadratic in s (Grant 1993; Grant & Pattey 2003).
    """
    half = _HALF * (dissolved - km - demand / conductance)
    product = km * dissolved
    larger = abs(half) + math.sqrt(half * half + product)
    return larger if half > _NONE else product / larger


@compiled
def cascade(
    p: Any, electrons: float, nitrate: Pool, nitrite: Pool, nitrous: Pool, hours: float
) -> tuple[float, float, float]:
    """N reduced from nitrate to nitrite, nitrite to N2O, and N2O to N2 with electrons that found no O2.

    Electrons go first to nitrate, what is left of them to nitrite, then to N2O (Grant & Pattey 1999, Global
    Biogeochem. Cycles 13; 2003, Soil Biol. Biochem. 35:225), so that N2O escapes only where O2 is short but not gone.
    N2O that cannot leave inhibits the reduction of nitrite, as their equations have it, and electrons then go on to
    N2O itself, which always has a small share of them (electron competition: Pan et al. 2013, Water Res. 47:3273):
    wet layers hold little of it, and give off little when they drain.

    Parameters
    ----------
    p : scalars of `Parameters`
    electrons : float
        Unmet demand in the step, as gO2 m-2 h-1.
    nitrate, nitrite, nitrous : Pool

    Returns
    -------
    to_nitrite, to_nitrous : float
        gN m-2 in the step.
    reduction : float
        N2O reduced in the step for each N2O left at its end, counting what the step itself makes: V / (a' + K) with
        a' = a + made - V a' / (a' + K), closed form.
    """
    reserved = p.nitrous_electrons * electrons
    electrons -= reserved
    amount, water = nitrate
    # Michaelis-Menten, with what is wanted beside the constant, so that it is never more than there is.
    wanted = p.electrons_nitrate * electrons * hours
    to_nitrite = wanted * amount / (amount + p.denitrifier_km * water + wanted)
    electrons -= to_nitrite * (_ONE / (p.electrons_nitrate * hours))
    amount, water = nitrite
    wanted = p.electrons_nitrate * electrons * hours
    wanted *= amount / (amount + p.denitrifier_km * water + wanted)
    # Product inhibition counts what the step makes: x (1 + (a + x) / (Ki water)) = wanted.
    amount, water = nitrous
    inhibitor = p.nitrous_ki * water
    half = _HALF * (inhibitor + amount)
    to_nitrous = wanted * inhibitor / (half + math.sqrt(half * half + wanted * inhibitor))
    electrons -= to_nitrous * (_ONE / (p.electrons_nitrate * hours))
    most = p.electrons_nitrous * (electrons + reserved) * hours
    km = p.nitrous_km * water
    half = _HALF * (amount + to_nitrous + km - most)
    return to_nitrite, to_nitrous, most / max(half + math.sqrt(half * half + most * km), km)
