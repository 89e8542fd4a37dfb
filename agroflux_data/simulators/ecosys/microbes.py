"""Decomposers and the nitrogen that passes through microbes, in the residue and every soil layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.ecosys.column import solve
from agroflux_data.simulators.ecosys.habitat import ATMOSPHERIC_OXYGEN, DEPTHS, Habitat
from agroflux_data.simulators.ecosys.parameters import Parameters

__all__ = ["Gases", "Site", "SoilPools", "cascade", "microsite_oxygen", "step"]

Array = NDArray[np.floating]
_OUTSIDE = np.array([[ATMOSPHERIC_OXYGEN], [0.0]])
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

    def nitrogen(self) -> Array:
        """All nitrogen, g m-2, (series,)."""
        rest = self.don + self.microbe_n + self.ammonium + self.nitrate + self.nitrite + self.nitrous
        return self.substrate_n.sum((0, 1)) + rest.sum(0)


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
    return half + np.sqrt(half * half + km * dissolved)


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
    three arrays
        gN m-2 in the step. The last counts what the step itself makes: a' = a + made - V a' / (a' + K), closed form.
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
    amount = amount + to_nitrous
    half = 0.5 * (amount + p.nitrous_km * water + most)
    return to_nitrite, to_nitrous, most * amount / (half + np.sqrt(half * half - most * amount) + 1e-15)


def step(p: Parameters, site: Site, h: Habitat, pools: SoilPools, roots: Array, hours: float) -> Gases:
    """One step of all layers; `pools` is changed in place.

    Hydrolysis of substrates by microbes feeds dissolved organic carbon; microbes take it up, respire and grow, and
    keep their N:C by mineralising or immobilising (Grant, Juma & McGill 1993, Soil Biol. Biochem. 25:1317 and 1331).
    O2 that is short at the microsites lets nitrogen oxides take the electrons (`cascade`).

    Parameters
    ----------
    roots : array (layers + 1, series)
        O2 demand of roots, g m-2 h-1.
    """
    m = pools.microbe_c
    # Hydrolysis: D' M S / (S + Km (1 + M / Ki)), slowed by its product.
    working = m * h.rate
    specific = np.array(p.hydrolysis)[:, None, None]
    km = np.array(p.hydrolysis_km)[:, None, None]
    active = hours * working / (1 + pools.doc * (1 / (p.doc_inhibition * DEPTHS)))
    # First-order in what is left, so never more than there is.
    most = specific * active
    share = most / (pools.substrate_c + km * (DEPTHS + m * (1 / p.hydrolysis_ki)) + most)
    hydrolysed = share * pools.substrate_c
    released = share * pools.substrate_n
    pools.substrate_c -= hydrolysed
    pools.substrate_n -= released
    kept_c, kept_n = p.humified_structural * hydrolysed[1], p.humified_structural * released[1]
    pools.substrate_c[2] += kept_c
    pools.substrate_n[2] += kept_n
    doc = pools.doc + hydrolysed.sum(0) - kept_c
    don = pools.don + released.sum(0) - kept_n
    # Uptake over the step at full O2: doc' = doc - V doc' / (doc' + K), a quadratic in doc'.
    supplied = np.minimum(pools.microbe_n / (0.8 * p.microbial_nc * m), 1.0) ** 2
    maximum = (p.respiration / p.respired_aerobic * hours) * working * supplied
    km_water = p.respiration_km * h.water
    half = 0.5 * (doc - km_water - maximum)
    potential = np.maximum(doc - (half + np.sqrt(half * half + km_water * doc)), 0.0)
    maintenance = p.maintenance * pools.microbe_n * h.thermal
    maintenance = np.minimum(maintenance, 0.02 * m)
    demand = p.oxygen_demand * (p.respired_aerobic * potential / hours + maintenance)
    # Nitrifiers' potential, before O2.
    held = h.water + site.exchange
    nitrifying = working * site.nitrification
    oxidisable = pools.ammonium / (pools.ammonium + p.nitrifier_km * held)
    oxidisable *= (p.nitrification * p.nitrifiers) * nitrifying
    nitratable = pools.nitrite / (pools.nitrite + p.nitrifier_km * h.water)
    nitratable *= (p.nitrite_oxidation * p.nitrite_oxidisers) * nitrifying
    nitrifier_demand = 3.43 * oxidisable + 1.14 * nitratable
    dissolved = pools.oxygen * h.oxygen_solubility
    full = ATMOSPHERIC_OXYGEN * h.oxygen_solubility
    s = microsite_oxygen(demand + nitrifier_demand, h.site_conductance * m, dissolved, p.oxygen_km)
    met = np.minimum(s * (full + p.oxygen_km) / ((s + p.oxygen_km) * full), 1.0)
    met_nitrifier = s * (full + p.oxygen_km_nitrifier) / ((s + p.oxygen_km_nitrifier) * full)
    met_nitrifier = np.minimum(met_nitrifier, 1.0)
    uptake = demand * met + nitrifier_demand * met_nitrifier + roots
    # Nitrification, each oxidation bounded by what there is.
    oxidised = oxidisable * met_nitrifier * hours
    oxidised = oxidised * pools.ammonium / (pools.ammonium + oxidised + 1e-15)
    nitrated = nitratable * met_nitrifier * hours
    nitrated = nitrated * pools.nitrite / (pools.nitrite + nitrated + 1e-15)
    pools.ammonium -= oxidised
    pools.nitrite += oxidised - nitrated
    pools.nitrate += nitrated
    unmet = demand * (1 - met) * site.denitrifiers
    # Nitrifiers short of O2 reduce nitrite too (Grant & Pattey 1999), and nothing else.
    nitrifier_unmet = 3.43 * oxidisable * (1 - met_nitrifier)
    by_nitrifiers = (p.electrons_nitrate * p.nitrifier_reducers * hours) * nitrifier_unmet
    by_nitrifiers /= pools.nitrite + p.nitrifier_km * h.water
    by_nitrifiers += (p.chemical_reduction * hours) * h.thermal
    # Both first-order in what is there, so never more than it.
    by_nitrifiers = pools.nitrite * by_nitrifiers / (1 + by_nitrifiers)
    pools.nitrite -= by_nitrifiers
    pools.nitrous += by_nitrifiers
    to_nitrite, to_nitrous, to_n2 = cascade(
        p,
        unmet,
        (pools.nitrate, h.water),
        (pools.nitrite, h.water),
        (pools.nitrous, h.nitrous_capacity / h.nitrous_solubility),
        hours,
    )
    pools.nitrate -= to_nitrite
    pools.nitrite += to_nitrite - to_nitrous
    # Nitrous oxide diffuses while it is reduced, at the rate that it would be if it stayed; O2 of the next step is
    # in steady diffusion against an uptake that is first-order in what is there.
    made = pools.nitrous + to_nitrous
    reduction = to_n2 / (made - to_n2 + 1e-15)
    load, source = np.empty_like(h.conductance), np.zeros_like(h.conductance)
    load[:, 0], load[:, 1] = uptake / pools.oxygen, h.nitrous_capacity / hours * (1 + reduction)
    source[:, 1] = made / hours
    left = solve(h.conductance, load, source, _OUTSIDE)
    pools.oxygen = np.maximum(left[:, 0], 1e-4)
    n2o = h.conductance[0, 1] * left[0, 1] * hours
    pools.nitrous = left[:, 1] * h.nitrous_capacity
    to_n2 = reduction * pools.nitrous
    # Respiration and growth, with O2 and with nitrogen oxides.
    electrons = to_nitrite / p.electrons_nitrate + to_nitrous / p.electrons_nitrate + to_n2 / p.electrons_nitrous
    anaerobic = electrons / (demand * hours + 1e-15)
    efficiency = p.respired_aerobic / p.respired_anaerobic
    taken = potential * np.minimum(met + anaerobic * efficiency, 1.0)
    breathing = np.minimum(met + anaerobic, 1.0)
    respired = np.minimum(p.respired_aerobic * potential * breathing, taken) + hours * maintenance * breathing
    ratio = taken / (doc + 1e-15)
    taken_n = ratio * don
    pools.doc, pools.don = doc - taken, don - taken_n
    died = 1 - np.exp(-p.mortality * hours * h.thermal)
    m = m + taken - respired
    n = pools.microbe_n + taken_n
    dead_c, dead_n = died * m, died * n
    m, n = m - dead_c, n - dead_n
    humus_c, humus_n = site.humified * dead_c, site.humified * dead_n
    pools.substrate_c[3] += humus_c
    pools.substrate_n[3] += humus_n
    pools.doc += dead_c - humus_c
    pools.don += dead_n - humus_n
    # Microbes keep their N:C.
    need = p.microbial_nc * m - n
    released_n = np.maximum(-need, 0)
    need = np.maximum(need, 0)
    capacity = (p.immobilisation * hours) * m * h.thermal
    above = np.maximum(pools.ammonium - p.ammonium_min * held, 0)
    from_ammonium = above * np.minimum(capacity / (above + p.ammonium_km * held), 0.5)
    from_ammonium = np.minimum(need, from_ammonium)
    need = need - from_ammonium
    above = np.maximum(pools.nitrate - p.nitrate_min * h.water, 0)
    from_nitrate = above * np.minimum(capacity / (above + p.nitrate_km * h.water), 0.5)
    from_nitrate = np.minimum(need, from_nitrate)
    pools.ammonium += released_n - from_ammonium
    pools.nitrate -= from_nitrate
    pools.microbe_c = m
    pools.microbe_n = n + from_ammonium + from_nitrate - released_n
    return Gases(respired.sum(0), n2o, to_n2.sum(0))
