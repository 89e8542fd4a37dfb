"""The model: days in order, spin-up, outputs and balances."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.atmosphere import CO2
from agroflux_data.simulators.daycent.nitrogen_gas import (
    denitrify,
    deposit,
    fertilise,
    leach,
    nitrification_ph,
    nitrify,
)
from agroflux_data.simulators.daycent.organic_matter import Decay, decompose, till
from agroflux_data.simulators.daycent.parameters import Crop, Parameters
from agroflux_data.simulators.daycent.plant import GrowthDay, develop, grow, harvest, leaf_area, sow
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
)
from agroflux_data.simulators.daycent.temperature import at_depths, heat
from agroflux_data.simulators.daycent.water import flow, potential_evapotranspiration
from agroflux_data.simulators.drivers import Drivers, Latents, Simulation
from agroflux_data.simulators.sun import day_length, extraterrestrial_radiation
from agroflux_data.tasks import TASKS
from agroflux_data.variables import DAYS

__all__ = ["Block", "DayCent"]

Array = NDArray[np.floating]

_BLOCK = 2048
"""Series stepped at once: wide enough to hide numpy's overhead, narrow enough for the cache."""
_METRES = tuple(float(thickness) / 100 for thickness in THICKNESS)
_MILLIMETRES = tuple(float(thickness) * 10 for thickness in THICKNESS)
_WEATHER = ("TMAX", "TMIN", "RADN", "PREC")
_NITRATE, _WATER, _WARMEST, _COLDEST = (
    tuple(f"{name}_L{layer}" for layer in (1, 3, 5)) for name in ("NO3", "SWC", "TSMAX", "TSMIN")
)
_SPIN_UP_YEARS = 2
"""The first years, whose weather is repeated before the start."""
_BASELINE_NITROGEN = 16.8
"""g N m-2 on the planting day of corn during spin-up, whatever the treatment: fields have one history."""


class DayCent:
    """A daily model after DayCent: layered water and heat, a crop, CENTURY pools, nitrification and denitrification.

    Sources: Parton et al. (1998) Glob. Planet. Change 19:35; Parton et al. (2001) J. Geophys. Res. 106:17403; Del
    Grosso et al. (2000) Glob. Biogeochem. Cycles 14:1045; Metherell et al. (1993), CENTURY 4 manual. Each function of
    the package names the source of its equations, `parameter_table` that of each parameter.

    Parameters
    ----------
    parameters : Parameters, optional

    Examples
    --------
    >>> simulation = DayCent().run(drivers)  # doctest: +SKIP
    >>> simulation.outputs["GPP"].shape  # doctest: +SKIP
    (days, series)
    """

    name = "daycent"
    outputs: tuple[str, ...] = TASKS["daycent_temporal"].targets

    def __init__(self, parameters: Parameters | None = None):
        self.parameters = parameters or Parameters()

    def run(self, drivers: Drivers) -> Simulation:
        """Simulate all series from the first day to the last, after a spin-up on the first years."""
        series = drivers.series
        if series % _BLOCK == 1:
            # A lone column would be summed over layers in another order than columns of a block.
            wider = self.run(drivers.take(np.append(np.arange(series), series - 1)))
            return wider.take(slice(series))
        simulation = Simulation.empty(self.outputs, drivers.years, series)
        for start in range(0, series, _BLOCK):
            columns = slice(start, min(start + _BLOCK, series))
            block = Block(drivers.take(np.arange(series)[columns]), self.parameters)
            block.spin_up()
            block.simulate(simulation.take(columns))
        return simulation


class Block:
    """One block of series on its way through the days: `spin_up` once, then `simulate`."""

    def __init__(self, drivers: Drivers, parameters: Parameters):
        self.drivers, self.p = drivers, parameters
        self.spin_up_years = min(_SPIN_UP_YEARS, drivers.years)
        self.site = Field.from_drivers(drivers, parameters, self.spin_up_years)
        self.decay = Decay.from_field(self.site, parameters)
        self.state = State.initial(self.site, parameters)
        self.state.open_budgets()
        days = np.arange(1, DAYS + 1)[:, None]
        self.extraterrestrial = extraterrestrial_radiation(drivers.latitude[None], days).astype(SINGLE)
        length = day_length(drivers.latitude[None], days)
        # Weight of the minimum temperature in the daily mean of the surface (Parton 1984).
        night = np.clip((12 + (12 - length) * np.where(length < 12, 3.0, 1.2)) / 24, 0.05, 0.95)
        self.night = night.astype(SINGLE)
        latents: Latents = drivers.latents
        self.maturity = np.asarray(latents.maturity, SINGLE)
        self.tillage = np.asarray(latents.tillage, SINGLE)
        self.removed = np.asarray(latents.residue_removed, SINGLE)
        self.nitrification = nitrification_ph(self.site.ph) * np.asarray(latents.nitrification, SINGLE)
        self.denitrification = np.asarray(latents.denitrification, SINGLE)
        self.slow_made = np.zeros(drivers.series)
        self.slow_lost = np.zeros(drivers.series)

    def simulate(self, simulation: Simulation) -> None:
        """Step through all years and write them down in `simulation`."""
        self.state.open_budgets()
        for year in range(self.drivers.years):
            self._year(year, simulation.outputs)
            for name, stored in self.state.stored().items():
                simulation.imbalance[name][year] = self.state.budgets[name].close(stored)

    def spin_up(self) -> None:
        """Litter and mineral nitrogen by stepping, the slow pool by its balance, so that no strong trend is left.

        The second cycle measures what som2 receives and the rate at which it is lost; som2 is then set where the two
        are equal, within its range, and som3 takes the rest of the reported carbon.
        """
        state, site, p = self.state, self.site, self.p
        for cycle in range(3):
            self.slow_made[:] = self.slow_lost[:] = 0.0
            for year in range(self.spin_up_years):
                self._year(year, None)
            if cycle != 1:
                continue
            slow, passive = SOIL + SOM2, SOM3
            rate = self.slow_lost / (365 * self.spin_up_years) / np.maximum(state.carbon[slow], 1e-9)
            steady = self.slow_made / (365 * self.spin_up_years) / np.maximum(rate, 1e-9)
            low, high = p.slow_range
            total = site.topsoil_carbon
            ratio = state.nitrogen / np.maximum(state.carbon, 1e-9)
            state.carbon[slow] = np.clip(steady, low * total, high * total)
            state.carbon[passive] = np.maximum(total - state.carbon[slow] - state.carbon[SOIL + SOM1], 0.1 * total)
            state.carbon[slow] *= self.drivers.latents.disequilibrium
            for pool in (slow, passive):
                state.nitrogen[pool] = state.carbon[pool] * ratio[pool]

    def _year(self, year: int, outputs: dict[str, NDArray[np.float32]] | None) -> None:
        """Step through one calendar year; without outputs it is a year of the spin-up."""
        drivers, state, site, p = self.drivers, self.state, self.site, self.p
        first = year * DAYS
        days = slice(first, first + DAYS)
        corn = drivers.management.PLANTT[first] > 0.5
        planting = drivers.management.PDOY[days] > 0.5
        fertiliser = (
            drivers.management.FERTZR_N[days] if outputs is not None else _BASELINE_NITROGEN * (planting & corn)
        )
        weather = np.stack([getattr(drivers.weather, name)[days].astype(SINGLE) for name in _WEATHER], axis=1)
        crop = Crop.by_series(corn)
        air = CO2[min(max(drivers.first_year + year, min(CO2)), max(CO2))]
        doublings = math.log2(air / 350)
        stomata = 1 + p.carbon_dioxide_transpiration * doublings
        vigour = drivers.latents.vigour[year] * drivers.latents.productivity
        vigour = (vigour * (1 + crop.carbon_dioxide_growth * doublings)).astype(SINGLE)
        harvested = np.zeros(drivers.series, SINGLE)
        soil_rows = [SOIL + STRUCTURAL, SOIL + METABOLIC, SOIL + SOM1, SOIL + SOM2, SOM3]
        soil_before = state.carbon[soil_rows].sum(0)
        fallow = GrowthDay(np.zeros(drivers.series, SINGLE), np.zeros(drivers.series, SINGLE))
        seen = np.empty((len(_WATER), drivers.series), SINGLE)
        sowing, feeding = np.any(planting, axis=1).tolist(), np.any(fertiliser, axis=1).tolist()
        for day, (maximum, minimum, radiation, prec) in enumerate(weather):
            minimum = np.minimum(minimum, maximum)
            mean = 0.5 * (maximum + minimum)
            potential = potential_evapotranspiration(maximum, minimum, self.extraterrestrial[day], p)
            if sowing[day]:
                planted = np.flatnonzero(planting[day])
                sow(state, planted)
                till(state, p, self.tillage, planted)
            deposit(state, p)
            if feeding[day]:
                fertilise(state, site, p, fertiliser[day].astype(SINGLE))

            growing = develop(state, crop, maximum, minimum, self.maturity)
            area = leaf_area(state, crop, p, self.maturity) if growing else None
            litter = (state.carbon[STRUCTURAL] + state.carbon[METABOLIC]).astype(SINGLE)
            water = flow(state, site, p, mean, prec, radiation, potential, area, litter, stomata)
            shading = np.minimum(2.5 * (state.shoot + p.litter_shade * litter), p.canopy_cap)
            temperature = heat(state, site, p, maximum, minimum, self.night[day], day + 1, shading, litter)
            growth = fallow
            if growing:
                growth = grow(state, site, crop, p, mean, radiation, water.stress, water.light, vigour, self.maturity)
            decayed = decompose(
                state, site, self.decay, p, temperature.surface, water.relative, prec, water.percolated[4]
            )
            nitrous, nitric = nitrify(state, site, p, water, self.nitrification)
            more, dinitrogen = denitrify(state, site, p, water, decayed.respired_soil, self.denitrification)
            nitrous += more
            state.budgets["nitrogen"].left += nitrous + nitric + dinitrogen + leach(state, site, water)
            harvest(state, crop, p, day + 1, self.removed, harvested)

            if outputs is None:
                self.slow_made += decayed.slow_made
                self.slow_lost += decayed.slow_lost
                continue
            now = first + day
            outputs["GPP"][now] = growth.gross
            respired = growth.respired + decayed.respired_surface
            respired += decayed.respired_soil
            outputs["RECO"][now] = respired
            np.subtract(respired, growth.gross, out=outputs["NEE"][now])
            outputs["N2O"][now] = nitrous
            outputs["ET"][now] = water.evapotranspiration
            outputs["NH4_L1"][now] = state.ammonium * site.per_seedbed_mass
            at_depths(state.nitrate, _METRES, seen)
            for name, values in zip(_NITRATE, seen, strict=True):
                np.divide(values, site.bulk_density, out=outputs[name][now])
            at_depths(state.water, _MILLIMETRES, seen)
            for name, values in zip(_WATER, seen, strict=True):
                outputs[name][now] = values
            for name, values in zip(_WARMEST, temperature.maximum, strict=True):
                outputs[name][now] = values
            for name, values in zip(_COLDEST, temperature.minimum, strict=True):
                outputs[name][now] = values
        if outputs is not None:
            outputs["YIELD"][days] = harvested
            outputs["DSOC"][days] = state.carbon[soil_rows].sum(0) - soil_before
