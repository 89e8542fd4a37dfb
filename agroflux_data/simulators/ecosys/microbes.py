"""Decomposers and the nitrogen that passes through microbes, in the residue and every soil layer."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.ecosys.column import solve
from agroflux_data.simulators.ecosys.habitat import ATMOSPHERIC_OXYGEN, DEPTHS, Habitat
from agroflux_data.simulators.ecosys.parameters import RATE, Parameters

__all__ = ["Gases", "Site", "SoilPools", "cascade", "hydrolyse", "microsite_oxygen", "step"]

Array = NDArray[np.floating]
_OUTSIDE = np.array([[ATMOSPHERIC_OXYGEN], [0.0]], RATE)
"""O2 and N2O of the air above; pools of N2O count from its content there."""
Pool = tuple[Array, Array]
"""Amount, gN m-2, and the water that would hold all of it at the concentration that microbes meet, m."""


@dataclass
class SoilPools:
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

    def rounded(self) -> SoilPools:
        """A copy with the precision of rates, but for the substrates, which are the same arrays."""
        rest = {f.name: getattr(self, f.name) for f in fields(self) if not f.name.startswith("substrate")}
        return replace(self, **{name: pool.astype(RATE) for name, pool in rest.items()})


@dataclass(frozen=True)
class Site:
    """What is constant about each series' microbes, (series,) or (layers + 1, series)."""

    exchange: Array
    """Soil-held ammonium as the water depth that would hold it in solution, m, (layers + 1, series)."""
    nitrification: Array
    """Multiplier with the response to pH."""
    denitrifiers: Array
    """Share of the microbial carbon that can reduce nitrogen oxides."""
    humified: Array
    """Share of dead microbes that becomes humus."""


@dataclass(frozen=True)
class Gases:
    """What left the soil in a step, g m-2, (series,)."""

    co2: Array
    n2o: Array
    n2: Array


def microsite_oxygen(demand: Array, conductance: Array, dissolved: Array, km: float) -> Array:
    """O2 at the microbes' surface, g m-3, where uptake equals diffusion through the water film.

    demand s / (s + km) = conductance (dissolved - s): a quadratic in s (Grant 1993; Grant & Pattey 2003).
    """
    half = 0.5 * (dissolved - km - demand / conductance)
    product = km * dissolved
    larger = np.abs(half) + np.sqrt(half * half + product)
    return np.where(half > 0, larger, product / larger)


def cascade(
    p: Parameters, electrons: Array, nitrate: Pool, nitrite: Pool, nitrous: Pool, hours: float
) -> tuple[Array, Array, Array]:
    """N reduced from nitrate to nitrite, nitrite to N2O, and N2O to N2 with electrons that found no O2.

    Electrons go first to nitrate, what is left of them to nitrite, then to N2O (Grant & Pattey 1999, Global
    Biogeochem. Cycles 13; 2003, Soil Biol. Biochem. 35:225), so that N2O escapes only where O2 is short but not gone.
    N2O that cannot leave inhibits the reduction of nitrite, as their equations have it, and electrons then go on to
    N2O itself, which always has a small share of them (electron competition: Pan et al. 2013, Water Res. 47:3273):
    wet layers hold little of it, and give off little when they drain.

    Parameters
    ----------
    electrons : array
        Unmet demand in the step, as gO2 m-2 h-1.
    nitrate, nitrite, nitrous : Pool

    Returns
    -------
    to_nitrite, to_nitrous : arrays
        gN m-2 in the step.
    reduction : array
        N2O reduced in the step for each N2O left at its end, counting what the step itself makes: V / (a' + K) with
        a' = a + made - V a' / (a' + K), closed form.
    """
    reserved = p.nitrous_electrons * electrons
    electrons = electrons - reserved
    amount, water = nitrate
    wanted = p.electrons_nitrate * electrons * hours * amount / (amount + p.denitrifier_km * water)
    # Never more than there is: the amount itself slows the last of it.
    to_nitrite = wanted * amount / (amount + wanted + 1e-15)
    electrons = electrons - to_nitrite / (p.electrons_nitrate * hours)
    amount, water = nitrite
    wanted = p.electrons_nitrate * electrons * hours * amount / (amount + p.denitrifier_km * water)
    wanted = wanted * amount / (amount + wanted + 1e-15)
    # Product inhibition counts what the step makes: x (1 + (a + x) / (Ki water)) = wanted.
    amount, water = nitrous
    inhibitor = p.nitrous_ki * water
    half = 0.5 * (inhibitor + amount)
    to_nitrous = wanted * inhibitor / (half + np.sqrt(half * half + wanted * inhibitor))
    electrons = electrons - to_nitrous / (p.electrons_nitrate * hours)
    most = p.electrons_nitrous * (electrons + reserved) * hours
    km = p.nitrous_km * water
    half = 0.5 * (amount + to_nitrous + km - most)
    return to_nitrite, to_nitrous, most / np.maximum(half + np.sqrt(half * half + most * km), km)


def hydrolyse(p: Parameters, h: Habitat, pools: SoilPools) -> Array:
    """A day's hydrolysis of substrates, which leaves them at once; `step` takes its share of what it dissolves.

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
    now = pools.rounded()
    specific = np.array(p.hydrolysis, RATE)[:, None, None]
    km = np.array(p.hydrolysis_km, RATE)[:, None, None]
    rates = h.rate.sum(0)
    active = (24 / len(h.rate)) * rates * now.microbe_c / (1 + now.doc * (1 / (p.doc_inhibition * DEPTHS)))
    room = DEPTHS + now.microbe_c * (1 / p.hydrolysis_ki)
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


def step(
    p: Parameters, site: Site, h: Habitat, pools: SoilPools, hydrolysed: Array, roots: Array, hours: float
) -> Gases:
    """One step of all layers; `pools` is changed in place.

    Microbes take up dissolved organic carbon, respire and grow, and keep their N:C by mineralising or immobilising
    (Grant, Juma & McGill 1993). O2 that is short at the microsites lets nitrogen oxides take the electrons (`cascade`).

    Parameters
    ----------
    hydrolysed : array (2, layers + 1, series)
        This step's part of `hydrolyse`.
    roots : array (layers + 1, series)
        O2 demand of roots, g m-2 h-1.
    """
    now = pools.rounded()
    m = now.microbe_c
    working = m * h.rate
    doc, don = now.doc + hydrolysed[0], now.don + hydrolysed[1]
    # Uptake over the step at full O2: u = V doc' / (doc' + K) with doc' = doc - u, the smaller root of a quadratic.
    supplied = np.minimum(now.microbe_n / (0.8 * p.microbial_nc * m), 1.0) ** 2
    most = (p.respiration / p.respired_aerobic * hours) * working * supplied
    km = p.respiration_km * h.water
    both = doc + most
    potential = 2 * most * doc / (both + km + np.sqrt((doc - most) ** 2 + km * (km + 2 * both)))
    maintenance = p.maintenance * now.microbe_n * h.thermal
    maintenance = np.minimum(maintenance, 0.02 * m)
    demand = p.oxygen_demand * (p.respired_aerobic / hours * potential + maintenance)
    # Nitrifiers' potential, before O2; nitrite is oxidised as it comes, so it does not wait for the next step.
    held = h.water + site.exchange
    nitrifying = working * site.nitrification
    oxidisable = (p.nitrification * p.nitrifiers) * nitrifying * now.ammonium / (now.ammonium + p.nitrifier_km * held)
    nitrite_km = p.nitrifier_km * h.water
    most = (p.nitrite_oxidation * p.nitrite_oxidisers) * nitrifying
    nitrite = now.nitrite + hours * oxidisable
    nitratable = most * nitrite / (nitrite + nitrite_km + hours * most)
    nitrifier_demand = 3.43 * oxidisable + 1.14 * nitratable
    full = ATMOSPHERIC_OXYGEN * h.oxygen_solubility
    dissolved = now.oxygen * h.oxygen_solubility
    s = microsite_oxygen(demand + nitrifier_demand, h.site_conductance * m, dissolved, p.oxygen_km)
    met = np.minimum(s / (s + p.oxygen_km) * (1 + p.oxygen_km / full), 1.0)
    met_nitrifier = np.minimum(s / (s + p.oxygen_km_nitrifier) * (1 + p.oxygen_km_nitrifier / full), 1.0)
    uptake = demand * met + nitrifier_demand * met_nitrifier + roots
    # Nitrification, bounded by what there is.
    oxidised = oxidisable * met_nitrifier * hours
    oxidised *= now.ammonium / (now.ammonium + oxidised + 1e-15)
    nitrite = now.nitrite + oxidised
    oxidation = most * met_nitrifier * hours / (nitrite + nitrite_km)
    unmet = demand * (1 - met) * site.denitrifiers
    # Nitrifiers short of O2 reduce nitrite too (Grant & Pattey 1999), and nothing else.
    reduction = (p.electrons_nitrate * p.nitrifier_reducers * 3.43 * hours) * oxidisable * (1 - met_nitrifier)
    reduction /= now.nitrite + nitrite_km
    reduction += (p.chemical_reduction * hours) * h.thermal
    # Both first-order in the nitrite that is left.
    nitrite = nitrite / (1 + oxidation + reduction)
    nitrated, reduced = oxidation * nitrite, reduction * nitrite
    nitrous = now.nitrous + reduced
    to_nitrite, to_nitrous, reduction = cascade(
        p,
        unmet,
        (now.nitrate + nitrated, h.water),
        (nitrite, h.water),
        (nitrous, h.nitrous_capacity / h.nitrous_solubility),
        hours,
    )
    # Nitrous oxide diffuses while it is reduced, at the rate that it would be if it stayed; O2 of the next step is
    # in steady diffusion against an uptake that is first-order in what is there.
    load, source = np.empty_like(h.conductance), np.zeros_like(h.conductance)
    load[:, 0], load[:, 1] = uptake / now.oxygen, h.nitrous_capacity / hours * (1 + reduction)
    source[:, 1] = (nitrous + to_nitrous) / hours
    left = solve(h.conductance, load, source, _OUTSIDE)
    pools.oxygen = np.maximum(left[:, 0], 1e-4)
    n2o = h.conductance[0, 1] * left[0, 1] * hours
    pools.nitrous = left[:, 1] * h.nitrous_capacity
    to_n2 = reduction * pools.nitrous
    # Respiration and growth, with O2 and with nitrogen oxides.
    electrons = (to_nitrite + to_nitrous) / p.electrons_nitrate + to_n2 / p.electrons_nitrous
    anaerobic = electrons / (demand * hours + 1e-15)
    efficiency = p.respired_aerobic / p.respired_anaerobic
    taken = potential * np.minimum(met + anaerobic * efficiency, 1.0)
    breathing = np.minimum(met + anaerobic, 1.0)
    respired = np.minimum(p.respired_aerobic * potential * breathing, taken) + hours * maintenance * breathing
    taken_n = taken / (doc + 1e-15) * don
    died = 1 - np.exp(-p.mortality * hours * h.thermal)
    m = m + taken - respired
    n = now.microbe_n + taken_n
    dead_c, dead_n = died * m, died * n
    humus_c, humus_n = site.humified * dead_c, site.humified * dead_n
    m, n = m - dead_c, n - dead_n
    # Microbes keep their N:C.
    need = p.microbial_nc * m - n
    released_n = np.maximum(-need, 0)
    need = np.maximum(need, 0)
    capacity = (p.immobilisation * hours) * m * h.thermal
    above = np.maximum(now.ammonium - oxidised - p.ammonium_min * held, 0)
    from_ammonium = np.minimum(need, above * np.minimum(capacity / (above + p.ammonium_km * held), 0.5))
    need = need - from_ammonium
    above = np.maximum(now.nitrate + nitrated - to_nitrite - p.nitrate_min * h.water, 0)
    from_nitrate = np.minimum(need, above * np.minimum(capacity / (above + p.nitrate_km * h.water), 0.5))
    # Every flow leaves one pool and enters another.
    pools.substrate_c[3] += humus_c
    pools.substrate_n[3] += humus_n
    pools.doc += hydrolysed[0] - taken + dead_c - humus_c
    pools.don += hydrolysed[1] - taken_n + dead_n - humus_n
    pools.microbe_c += taken - respired - dead_c
    pools.microbe_n += taken_n - dead_n + from_ammonium + from_nitrate - released_n
    pools.ammonium += released_n - from_ammonium - oxidised
    pools.nitrate += nitrated - to_nitrite - from_nitrate
    pools.nitrite += oxidised - nitrated - reduced + to_nitrite - to_nitrous
    return Gases(respired.sum(0), n2o, to_n2.sum(0))
