"""The model: days in order, spin-up, outputs and balances."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.atmosphere import CO2
from agroflux_data.simulators.daycent.nitrogen_gas import denitrify, fertilise, leach, nitrification_ph, nitrify
from agroflux_data.simulators.daycent.organic_matter import Decay, decompose, till
from agroflux_data.simulators.daycent.parameters import Crop, Parameters
from agroflux_data.simulators.daycent.plant import develop, grow, harvest, leaf_area, sow
from agroflux_data.simulators.daycent.state import (
    METABOLIC,
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
from agroflux_data.simulators.daycent.water import flow
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
        table = np.empty((len(self.outputs), drivers.days, series), np.float32)
        outputs = dict(zip(self.outputs, table, strict=True))
        imbalance: dict[str, Array] = {
            name: np.empty((drivers.years, series)) for name in ("carbon", "nitrogen", "water")
        }
        for start in range(0, series, _BLOCK):
            columns = np.arange(start, min(start + _BLOCK, series))
            # A lone column would be summed over layers in another order than columns of a block.
            chosen = np.repeat(columns, 2) if len(columns) == 1 else columns
            block = Block(drivers.take(chosen), self.parameters)
            block.spin_up()
            part = block.simulate()
            if block.drivers.series == series:
                return part  # all there is: a copy would need as much memory again
            for name in outputs:
                outputs[name][:, columns] = part.outputs[name][:, : len(columns)]
            for name in imbalance:
                imbalance[name][:, columns] = part.imbalance[name][:, : len(columns)]
        return Simulation(outputs, imbalance)


class Block:
    """One block of series on its way through the days: `spin_up` once, then `simulate`."""

    def __init__(self, drivers: Drivers, parameters: Parameters):
        self.drivers, self.p = drivers, parameters
        self.spin_up_years = min(_SPIN_UP_YEARS, drivers.years)
        self.site = Field.from_drivers(drivers, parameters, self.spin_up_years)
        self.decay = Decay.from_field(self.site, parameters)
        self.state = State.initial(self.site, parameters)
        self.state.open_budgets()
        self.nitrification_ph = nitrification_ph(self.site.ph)
        days = np.arange(1, DAYS + 1)[:, None]
        self.extraterrestrial = extraterrestrial_radiation(drivers.latitude[None], days).astype(np.float32)
        length = day_length(drivers.latitude[None], days)
        # Weight of the minimum temperature in the daily mean of the surface (Parton 1984).
        night = np.clip((12 + (12 - length) * np.where(length < 12, 3.0, 1.2)) / 24, 0.05, 0.95)
        self.night = night.astype(np.float32)
        latents: Latents = drivers.latents
        self.maturity = np.asarray(latents.maturity, float)
        self.tillage = np.asarray(latents.tillage, float)
        self.removed = np.asarray(latents.residue_removed, float)
        self.nitrification = np.asarray(latents.nitrification, float)
        self.denitrification = np.asarray(latents.denitrification, np.float32)
        self.slow_made = np.zeros(drivers.series)
        self.slow_lost = np.zeros(drivers.series)

    def simulate(self) -> Simulation:
        """Step through all years."""
        drivers = self.drivers
        series = drivers.series
        # Each of its own, so that who takes one after another can let them go.
        outputs = {name: np.empty((drivers.days, series), np.float32) for name in DayCent.outputs}
        imbalance: dict[str, Array] = {
            name: np.empty((drivers.years, series)) for name in ("carbon", "nitrogen", "water")
        }
        self.state.open_budgets()
        for year in range(drivers.years):
            self._year(year, outputs)
            for name, stored in self.state.stored().items():
                imbalance[name][year] = self.state.budgets[name].close(stored)
        return Simulation(outputs, imbalance)

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
        management, weather = drivers.management, drivers.weather
        corn = management.PLANTT[year * DAYS] > 0.5
        crop = Crop.by_series(corn)
        air = CO2[min(max(drivers.first_year + year, min(CO2)), max(CO2))]
        doublings = math.log2(air / 350)
        growth_co2 = 1 + np.asarray(crop.carbon_dioxide_growth) * doublings
        stomata = 1 + p.carbon_dioxide_transpiration * doublings
        vigour = np.asarray(drivers.latents.vigour[year] * drivers.latents.productivity, float)
        harvested = np.zeros(drivers.series)
        soil_rows = [SOIL + STRUCTURAL, SOIL + METABOLIC, SOIL + SOM1, SOIL + SOM2, SOM3]
        soil_before = state.carbon[soil_rows].sum(0)
        first = year * DAYS
        for day in range(DAYS):
            now = first + day
            # Rates follow from the weather in single precision; water has a balance to close.
            maximum = np.asarray(weather.TMAX[now], np.float32)
            minimum = np.minimum(np.asarray(weather.TMIN[now], np.float32), maximum)
            radiation = np.asarray(weather.RADN[now], np.float32)
            mean = np.float32(0.5) * (maximum + minimum)
            prec = np.asarray(weather.PREC[now], float)
            planted = management.PDOY[now] > 0.5

            if planted.any():
                sow(state, planted)
                till(state, p, self.tillage, planted)
            if outputs is None:
                fertiliser = _BASELINE_NITROGEN * (planted & corn)
            else:
                fertiliser = np.asarray(management.FERTZR_N[now], float)
            fertilise(state, site, p, fertiliser)

            area = leaf_area(state, crop, p, self.maturity)
            litter = state.carbon[STRUCTURAL] + state.carbon[METABOLIC]
            water = flow(
                state, site, p, maximum, minimum, prec, radiation, self.extraterrestrial[day], area, litter, stomata
            )
            shading = np.minimum(2.5 * (state.shoot + p.litter_shade * litter), p.canopy_cap)
            temperature = heat(
                state, site, p, maximum, minimum, self.night[day], day + 1, shading.astype(np.float32), litter
            )
            develop(state, crop, maximum, minimum, self.maturity)
            growth = grow(state, site, crop, p, mean, radiation, water.stress, vigour, self.maturity, growth_co2)
            decayed = decompose(
                state, site, self.decay, p, temperature.surface, water.relative, prec, water.percolated[4]
            )
            nitrous, nitric = nitrify(state, site, p, water, self.nitrification_ph, self.nitrification)
            more, dinitrogen = denitrify(state, site, p, water, decayed.respired_soil, self.denitrification)
            nitrous = nitrous + more
            state.budgets["nitrogen"].left += nitrous + nitric + dinitrogen + leach(state, site, water)
            harvest(state, crop, p, day + 1, self.removed, harvested)

            if outputs is None:
                self.slow_made += decayed.slow_made
                self.slow_lost += decayed.slow_lost
                continue
            respired = growth.shoot_respired + growth.root_respired + decayed.respired_surface + decayed.respired_soil
            outputs["GPP"][now] = growth.gross
            outputs["RECO"][now] = respired
            np.subtract(outputs["RECO"][now], outputs["GPP"][now], out=outputs["NEE"][now])
            outputs["N2O"][now] = nitrous
            outputs["ET"][now] = water.evapotranspiration
            outputs["NH4_L1"][now] = state.ammonium / (site.bulk_density * 0.1)
            for number, layer, values in zip((1, 3, 5), range(3), at_depths(state.nitrate, _METRES), strict=True):
                np.divide(values, site.bulk_density, out=outputs[f"NO3_L{number}"][now], casting="same_kind")
                outputs[f"TSMAX_L{number}"][now] = temperature.maximum[layer]
                outputs[f"TSMIN_L{number}"][now] = temperature.minimum[layer]
            for number, values in zip((1, 3, 5), at_depths(state.water, _MILLIMETRES), strict=True):
                outputs[f"SWC_L{number}"][now] = values
        if outputs is not None:
            days = slice(first, first + DAYS)
            outputs["YIELD"][days] = harvested
            outputs["DSOC"][days] = state.carbon[soil_rows].sum(0) - soil_before
