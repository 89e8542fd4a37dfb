"""The model: one field after another day, all series of a block at once."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.atmosphere import CO2
from agroflux_data.simulators.drivers import Drivers, Management, Simulation, Weather
from agroflux_data.simulators.ecosys import heat, microbes, plant, soil_water
from agroflux_data.simulators.ecosys.ammonia import volatilised
from agroflux_data.simulators.ecosys.canopy import (
    Air,
    aerodynamic_resistance,
    canopy,
    penman_monteith,
)
from agroflux_data.simulators.ecosys.habitat import ATMOSPHERIC_OXYGEN, DEPTHS, habitat
from agroflux_data.simulators.ecosys.hours import disaggregate
from agroflux_data.simulators.ecosys.parameters import (
    BOTTOMS,
    LAYERS,
    PARAMETERS,
    RATE,
    THICKNESS,
    Crop,
    Parameters,
    crops,
)
from agroflux_data.simulators.ecosys.temperature import growth
from agroflux_data.simulators.hydraulics import ORGANIC_MATTER, Hydraulics, saxton_rawls
from agroflux_data.tasks import TASKS
from agroflux_data.variables import DAYS

__all__ = ["Ecosys"]

Array = NDArray[np.floating]

_BLOCK = 2000
"""Series computed together: a day is a few thousand calls whatever its width."""
_STRIDE = 10
"""Days whose hours are made together."""
_BOTTOMS = np.array(BOTTOMS)[:, None]
_FERTILISER = THICKNESS[:3] / THICKNESS[:3].sum()
"""Broadcast and worked evenly into the upper 10 cm: shares of layers 1 to 3."""
_REACH = np.array([1.0, 0.5, 0.15])[:, None]
"""How readily layers 1 to 3 give water to the air."""
_TILLED = THICKNESS[:4] / THICKNESS[:4].sum()
_BURIED, _BURIED_BY_TILLAGE = 0.05, 0.55
"""Share of the residue that is buried at harvest, and what full tillage adds: a chisel plough and a disk, usual in the
Corn Belt, bury about half (design)."""
_DEPTH = 1000 * THICKNESS
"""Of the layers, mm."""


@dataclass
class _Totals:
    """What came into and left a field in a year, (series,) each: g m-2, mm."""

    carbon_in: Array
    carbon_out: Array
    nitrogen_in: Array
    nitrogen_out: Array
    water_in: Array
    water_out: Array
    grain: Array

    @classmethod
    def zero(cls, series: int) -> _Totals:
        return cls(**{f.name: np.zeros(series) for f in fields(cls)})


class _Field:
    """State of a block of fields, stepped day by day."""

    def __init__(self, p: Parameters, drivers: Drivers, steps: int):
        self.p, self.latents, self.latitude = p, drivers.latents, drivers.latitude
        self.steps, self.step_hours = steps, 24 / steps
        latents, soil, series = drivers.latents, drivers.soil, drivers.series
        sand = np.clip(soil.sand + latents.sand_shift, 0, 1000)
        self.clay = np.clip(1000 - soil.silt - sand, 20, 1000) / 1000
        organic = soil.organic_carbon * latents.carbon_shift
        self.density = soil.bulk_density
        exact = saxton_rawls(sand / 1000, self.clay, np.minimum(ORGANIC_MATTER * organic, 8.0), self.density)
        self.hydraulics = Hydraulics(*(getattr(exact, f.name).astype(RATE) for f in fields(exact)))
        self.ph = ph = soil.ph + latents.ph_shift
        # Grant & Pattey (2003): nitrifiers slow below neutral; the arctangent is Parton et al.'s (1996).
        acidity = 0.56 + np.arctan(0.45 * np.pi * (ph - 5)) / np.pi
        exchange = p.exchange * self.clay * self.density * DEPTHS
        exchange[0] = 0.1 * exchange[1]
        self.site = microbes.Site(
            exchange=exchange.astype(RATE),
            nitrification=(latents.nitrification * acidity).astype(RATE),
            denitrifiers=np.minimum(p.denitrifiers * latents.denitrification, 1.0).astype(RATE),
            humified=np.minimum(p.humification + p.humification_clay * self.clay, 0.6).astype(RATE),
        )
        self.drained: Array = exact.field_capacity * _DEPTH
        self.most: Array = exact.saturation * _DEPTH
        self.driest: Array = exact.wilting_point * _DEPTH
        self.water: Array = self.drained.copy()
        self.snow: Array = np.zeros(series)
        mean = 0.5 * (drivers.weather.TMAX[:DAYS] + drivers.weather.TMIN[:DAYS]).mean(0)
        self.temperature = np.broadcast_to(mean.astype(RATE), (heat.NODES, series)).copy()
        self.pools = self._initial_pools(organic)
        self.plant = plant.Plant.bare(series)
        self.root_share: Array = np.zeros((LAYERS, series), RATE)
        self.fixed: Array = np.zeros(series)

    def _initial_pools(self, organic: Array) -> microbes.SoilPools:
        """Carbon declines exponentially below 28 cm (Jobbagy & Jackson 2000, Ecol. Appl. 10:423)."""
        middle = _BOTTOMS - THICKNESS / 2
        total = organic * self.density * 1000 * THICKNESS * np.exp(-np.maximum(middle - 0.28, 0) / 0.40)
        shape = (LAYERS + 1, total.shape[1])
        carbon, nitrogen = np.zeros((4, *shape)), np.zeros((4, *shape))
        carbon[2, 1:], carbon[3, 1:] = 0.06 * total, 0.92 * total
        fresh = np.exp(-middle / 0.15) * THICKNESS
        fresh = fresh / fresh.sum(0)
        carbon[1, 1:], carbon[1, 0] = 100 * fresh, 100.0
        nitrogen[1], nitrogen[2], nitrogen[3] = carbon[1] / 80, carbon[2] / 14, carbon[3] / 11
        microbe = np.empty(shape)
        microbe[1:], microbe[0] = 0.010 * total, 3.0
        trace = 1e-3 * DEPTHS * np.ones(shape)
        return microbes.SoilPools(
            substrate_c=carbon,
            substrate_n=nitrogen,
            doc=0.01 * microbe,
            don=0.001 * microbe,
            microbe_c=microbe,
            microbe_n=self.p.microbial_nc * microbe,
            ammonium=20 * trace,
            nitrate=8e3 * trace,
            nitrite=trace.copy(),
            nitrous=np.zeros(shape),
            oxygen=np.full(shape, ATMOSPHERIC_OXYGEN),
        )

    def storage(self) -> tuple[Array, Array, Array]:
        """Carbon and nitrogen, g m-2, and water, mm, of the whole field, (series,) each."""
        return (
            self.pools.carbon() + self.plant.carbon(),
            self.pools.nitrogen() + self.plant.nitrogen(),
            self.water.sum(0) + self.snow,
        )

    def year(
        self,
        number: int,
        weather: Weather,
        management: Management,
        vigour: Array,
        co2: float,
        outputs: dict[str, NDArray[np.float32]],
    ) -> _Totals:
        """365 days from the one of a running number; rows of `outputs` (365, series) are written."""
        p, totals = self.p, _Totals.zero(len(self.snow))
        corn = management.PLANTT[0] > 0.5
        crop = crops(corn)
        vigour = vigour * self.latents.productivity
        for day in range(DAYS):
            step = day % _STRIDE
            if not step:
                some = {f.name: getattr(weather, f.name)[day : day + _STRIDE] for f in fields(Weather)}
                hours = disaggregate(Weather(**some), self.latitude, number + day, self.steps)
            air = Air(
                hours.temperature[step],
                hours.deficit[step],
                hours.slope[step],
                hours.wind[step],
                hours.radiation[step],
                hours.light[step],
                hours.beam[step],
                hours.sine[step],
                hours.longwave[step],
                co2,
            )
            self._plant_seeds(crop, management.PDOY[day] > 0.5, totals)
            stage = plant.development(self.plant, crop, self.latents.maturity, weather.TMAX[day], weather.TMIN[day])
            lai = np.where(stage >= 0, self.plant.leaf_c * crop.leaf_area, 0.0)
            growing = bool((stage >= 0).any())
            if growing:
                self.root_share = plant.root_profile(crop, stage).astype(RATE)
            gross, transpiration, warmth = self._canopy(crop, corn, air, lai, vigour, growing)
            evaporation, surface = self._surface(air, lai)
            contents, downward, leached, et = self._water(
                hours.rain[step], air, transpiration, evaporation, lai, totals
            )
            layers = self._heat(surface, contents[-1])
            respired = self._growth(crop, stage, gross, warmth, layers[0].mean(0), vigour, growing)
            soil = self._soil(contents, layers[0], respired[1])
            self._nitrogen(crop, stage, contents[-1], downward, leached, gross, management.FERTZR_N[day], totals)
            self._incorporate(p.bioturbation / DAYS)
            due = plant.harvest_due(self.plant, crop, stage, weather.TMIN[day], day + 1)
            reco = respired[0] + respired[1] + self.fixed + soil.co2
            totals.carbon_in += gross
            totals.carbon_out += reco
            totals.nitrogen_out += soil.n2o + soil.n2
            self._harvest(due, totals)
            gas = respired[1] + self.fixed + soil.co2
            self._write(outputs, day, gross, reco, gas, lai, soil.n2o, contents.mean(0), et, layers[1])
        return totals

    def _plant_seeds(self, crop: Crop, planted: NDArray[np.bool_], totals: _Totals) -> None:
        if not planted.any():
            return
        self._harvest(planted & (self.plant.heat >= 0), totals)
        seed = np.where(planted, crop.seed_carbon, 0)
        self.plant.heat = np.where(planted, 0.0, self.plant.heat)
        self.plant.store_c = self.plant.store_c + seed
        self.plant.store_n = self.plant.store_n + 0.08 * seed
        totals.carbon_in += seed
        totals.nitrogen_in += 0.08 * seed

    def _canopy(
        self, crop: Crop, corn: NDArray[np.bool_], air: Air, lai: Array, vigour: Array, growing: bool
    ) -> tuple[Array, Array, Array]:
        """Gross fixation (gC m-2 d-1), transpiration by layer (mm d-1), mean response of the shoot to temperature."""
        p, state = self.p, self.plant
        if not growing:
            return np.zeros(len(lai)), np.zeros_like(self.water), growth(air.temperature).mean(0)
        # Water's way to the canopy: soil around the roots, then roots (Gardner 1960, Soil Sci. 89:63).
        roots = self.root_share * np.maximum(state.root_c, 0.5).astype(RATE)
        content = self._content()
        potential = np.maximum(self.hydraulics.potential(np.minimum(content, self.hydraulics.saturation)), -5.0)
        length = roots * p.root_length
        spread = 1 / np.sqrt(np.pi * np.maximum(length * (1 / THICKNESS).astype(RATE), 1.0))
        conductivity = self.hydraulics.unsaturated_conductivity(content)
        through_soil = 2 * np.pi * length * conductivity * 102 / np.log(np.maximum(spread / p.root_radius, 2.0))
        each = 1 / (1 / (through_soil + 1e-12) + 1 / (p.root_conductance * roots + 1e-12))
        total = each.sum(0)
        soil_potential = (each * potential).sum(0) / total
        ratio = state.leaf_n / np.maximum(state.leaf_c * crop.leaf_nc, 1e-9)
        capacity = np.clip((ratio - 0.15) / 0.65, 0, 1)
        body = state.leaf_c + state.stem_c + state.root_c + state.grain_c
        inhibition = 1 / (1 + (state.store_c / (0.25 * body + 5)) ** 2)
        height = crop.height * np.minimum(lai / 3.0, 1.0)
        capacity = crop.vcmax * capacity * inhibition * vigour
        done = canopy(
            p,
            crop,
            corn,
            air,
            lai.astype(RATE),
            height.astype(RATE),
            capacity.astype(RATE),
            soil_potential,
            total,
        )
        drawn = each * np.maximum(potential - done.potential.mean(0), 1e-6)
        drawn = drawn / drawn.sum(0)
        return done.assimilation, done.transpiration.sum(0) * drawn, growth(done.temperature).mean(0)

    def _surface(self, air: Air, lai: Array) -> tuple[Array, Array]:
        """Potential evaporation of the ground (mm in each step) and surface temperature (degC), (steps, series)."""
        p = self.p
        lai = lai.astype(RATE)
        open_ground = np.exp(-0.55 * lai)
        albedo = np.where(self.snow > 2, RATE(p.snow_albedo), RATE(p.soil_albedo))
        net = open_ground * ((1 - albedo) * air.radiation - air.longwave)
        aerodynamic = aerodynamic_resistance(air.wind, 0.05 + 0.0 * lai) * (1 + 0.5 * lai)
        fraction = self.water[:2].sum(0) / self.most[:2].sum(0)
        residue = p.residue_resistance * np.minimum(self.pools.substrate_c[:, 0].sum(0), 400)
        resistance = (p.bare_resistance + residue + p.dry_surface * np.exp(-9 * fraction)).astype(RATE)
        evaporation, difference = penman_monteith(air, net, aerodynamic, resistance)
        # Heat that the ground takes through the day: its thermal admittance against air and radiation.
        exchange = 1212.0 / aerodynamic + 5.5
        admittance = 12.0
        ground = self.temperature[2]
        surface = (exchange * (air.temperature + difference) + admittance * ground) / (exchange + admittance)
        return np.maximum(evaporation, 0) * self.step_hours, surface

    def _water(
        self, rain: Array, air: Air, transpiration: Array, evaporation: Array, lai: Array, totals: _Totals
    ) -> tuple[Array, Array, Array, Array]:
        """Water of a day.

        Returns
        -------
        contents : array (steps, layers, series)
            Means of the steps, m3 m-3.
        downward : array (layers + 1, series)
            Flow through the tops of the layers and out of the last, mm.
        tiled : array (layers, series)
            Taken out of the layers by tiles, mm.
        evapotranspiration : array (series,)
            mm.
        """
        p, hydraulics = self.p, self.hydraulics
        totals.water_in += rain.sum(0)
        self.snow, liquid = soil_water.snow(p, self.snow, rain, air.temperature)
        sublimated = np.minimum(self.snow, 0.15 * evaporation.sum(0))
        self.snow = self.snow - sublimated
        bare = np.where(self.snow > 2, 0.0, evaporation.sum(0))
        caught = np.minimum(liquid.sum(0), p.interception * lai)
        liquid = liquid * (1 - caught / np.maximum(liquid.sum(0), 1e-9))
        et: Array = sublimated + caught
        contents: Array = np.empty((self.steps, *self.water.shape), RATE)
        downward: Array = np.zeros((LAYERS + 1, self.water.shape[1]))
        tiled: Array = np.zeros_like(self.water)
        wanted, bare = transpiration.astype(float) / self.steps, bare / self.steps
        pond: Array = np.zeros(len(self.snow))
        before = self._content()
        for step in range(self.steps):
            # Plants and the air first.
            drawn = np.minimum(wanted, np.maximum(self.water - self.driest, 0))
            self.water -= drawn
            spare = np.maximum(self.water[:3] - 0.4 * self.driest[:3], 0) * _REACH
            lost = spare * np.minimum(1.0, bare / np.maximum(spare.sum(0), 1e-9))
            self.water[:3] -= lost
            et = et + drawn.sum(0) + lost.sum(0)
            content = self._content()
            # Gravity.
            passed = soil_water.drain(hydraulics, content, self.step_hours).astype(float)
            passed[-1] = np.minimum(passed[-1], p.seepage / self.steps)
            self.water -= passed
            self.water[1:] += passed[:-1]
            downward[1:] += passed
            # Tiles take from above field capacity.
            rate = soil_water.tile_drainage(p, hydraulics, content, self.latents.tile_depth, self.latents.tile)
            free = np.maximum(self.water[-3:] - self.drained[-3:], 0)
            taken = free * np.minimum(1.0, rate * self.step_hours / np.maximum(free.sum(0), 1e-9))
            self.water[-3:] -= taken
            tiled[-3:] += taken
            # Rain; what the ground cannot take within the step waits in hollows, then runs off.
            supply = liquid[step] + pond
            entering = np.minimum(supply, hydraulics.conductivity * self.step_hours)
            pond = supply - entering
            self.water, flow = soil_water.fill(self.water, np.maximum(self.most - self.water, 0), entering)
            pond = pond + entering - flow[0]
            self.water, flow, rising = soil_water.spill(self.water, self.most, flow)
            pond = pond + rising
            downward += flow
            runoff = np.maximum(pond - p.rough_storage, 0) if step < self.steps - 1 else pond
            pond = pond - runoff
            totals.water_out += runoff
            after = self._content()
            contents[step], before = 0.5 * (before + after), after
        totals.water_out += downward[-1] + tiled.sum(0) + et
        return contents, downward, tiled, et

    def _content(self) -> Array:
        """Of the layers, m3 m-3, with the precision of rates."""
        return (self.water * (1 / _DEPTH)).astype(RATE)

    def _heat(self, surface: Array, content: Array) -> tuple[Array, tuple[Array, Array]]:
        """Temperature of layers at the soil steps (steps, layers, series), and their daily highs and lows."""
        p = self.p
        conductivity, capacity = heat.properties(p, content, self.hydraulics.saturation)
        # Snow lies 10 times as deep as its water (Sturm et al. 1997, fresh to settled); residue is a mulch.
        resistance = self.snow * 0.01 / p.snow_conductivity
        resistance = (resistance + p.mulch * np.minimum(self.pools.substrate_c[:, 0].sum(0), 400)).astype(RATE)
        mean = surface.mean(0)
        mean = np.where(self.snow > 2, np.minimum(mean, 0.0), mean)
        self.temperature = heat.step(self.temperature, conductivity, capacity, content, mean, resistance)
        wave = heat.wave(conductivity, capacity, surface, 1 / (1 + 10 * resistance))
        middle = (np.arange(self.steps) + 0.5) * self.step_hours
        soil = self.temperature[:LAYERS]
        amplitude = wave.amplitude()
        return soil + wave.at(middle), (soil + amplitude, soil - amplitude)

    def _growth(
        self, crop: Crop, stage: Array, gross: Array, shoot_rate: Array, soil: Array, vigour: Array, growing: bool
    ) -> tuple[Array, Array]:
        """Respiration of shoots and roots, gC m-2; litter goes to the ground and to the soil."""
        state = self.plant
        if not growing:
            nothing = np.zeros(len(gross))
            return nothing, nothing
        state.store_c = state.store_c + gross
        root_rate = growth((self.root_share * soil).sum(0))
        shoot, root, litter_c, litter_n = plant.grow(self.p, state, crop, stage, shoot_rate, root_rate, vigour)
        self._litter(litter_c, litter_n, slice(0, 1), np.ones((1, len(gross))))
        turnover = np.where(stage >= 0, 0.008 * root_rate, 0)
        dead_c, dead_n = turnover * state.root_c, turnover * state.root_n
        state.root_c, state.root_n = state.root_c - dead_c, state.root_n - dead_n
        self._litter(dead_c, dead_n, slice(1, None), self.root_share)
        return shoot, root

    def _litter(self, carbon: Array, nitrogen: Array, rows: slice, share: Array) -> None:
        split_c, split_n = plant.split_litter(carbon, nitrogen)
        self.pools.substrate_c[:2, rows] += split_c[:, None] * share
        self.pools.substrate_n[:2, rows] += split_n[:, None] * share

    def _soil(self, contents: Array, temperature: Array, root_respiration: Array) -> microbes.Gases:
        """A day of microbes and gases."""
        surroundings = habitat(self.p, self.hydraulics, contents, temperature)
        roots = np.zeros(self.pools.doc.shape, RATE)
        roots[1:] = self.root_share * root_respiration * self.p.oxygen_demand / 24
        hydrolysed = microbes.hydrolyse(self.p, surroundings, self.pools)
        return microbes.day(self.p, self.site, surroundings, self.pools, hydrolysed, roots)

    def _nitrogen(
        self,
        crop: Crop,
        stage: Array,
        content: Array,
        downward: Array,
        tiled: Array,
        gross: Array,
        fertiliser: Array,
        totals: _Totals,
    ) -> None:
        """Fertiliser, deposition, volatilisation, leaching, uptake by roots and fixation of a day."""
        p, pools = self.p, self.pools
        deposition = p.deposition / DAYS
        pools.ammonium[1] += 0.5 * deposition
        pools.nitrate[1] += 0.5 * deposition
        totals.nitrogen_in += deposition + fertiliser
        if fertiliser.any():
            pools.nitrate[1:4] += p.fertiliser_nitrate * fertiliser * _FERTILISER
            pools.ammonium[1:4] += (1 - p.fertiliser_nitrate) * fertiliser * _FERTILISER
        # Residue and the first layer share their solutes.
        for pool in (pools.ammonium, pools.nitrate):
            moved = 0.15 * pool[1] - 0.5 * pool[0]
            pool[0] += moved
            pool[1] -= moved
        held = content[0] * THICKNESS[0] + self.site.exchange[1]
        mass = self.density * THICKNESS[0]
        lost = volatilised(p, pools.ammonium[1], held, mass, self.ph, self.temperature[0], 24.0)
        pools.ammonium[1] -= lost
        totals.nitrogen_out += lost
        # Leaching: complete mixing in each layer (Burns 1974, J. Agric. Sci. 82:165, in continuous form).
        water = content * _DEPTH
        flow = np.concatenate([downward[:1], np.maximum(downward[1:], 0)])
        held = np.concatenate([np.full((1, water.shape[1]), 4.0), water])
        down, out = np.maximum(flow, 0) / held, tiled / water
        for pools_of, mobile, lost in (
            ((pools.nitrate, pools.nitrite), p.mobile_nitrate, totals.nitrogen_out),
            ((pools.don,), p.mobile_organic, totals.nitrogen_out),
            ((pools.doc,), p.mobile_organic, totals.carbon_out),
        ):
            gone, tapped = -np.expm1(-mobile * down), -np.expm1(-mobile * out)
            for pool in pools_of:
                leaving = pool * gone
                drained = (pool[1:] - leaving[1:]) * tapped
                pool -= leaving
                pool[1:] += leaving[:-1] - drained
                lost += leaving[-1] + drained.sum(0)
        if not (stage >= 0).any():
            self.fixed = np.zeros(len(stage))
            return
        self._uptake(crop, stage, content, gross, totals)

    def _uptake(self, crop: Crop, stage: Array, content: Array, gross: Array, totals: _Totals) -> None:
        """Roots take ammonium and nitrate (Michaelis-Menten, Barber & Silberbush 1984); nodules fix what lacks."""
        p, pools, state = self.p, self.pools, self.plant
        body = state.leaf_c + state.stem_c + state.root_c
        wanted = 0.02 * body + 0.2 + 0.03 * np.minimum(state.grain_c, 60) * crop.grain_nc / 0.0375
        lack = np.where((stage >= 0) & (stage < 1), np.clip(1 - state.store_n / wanted, 0, 1), 0)
        length = self.root_share * np.maximum(state.root_c, 0.5) * p.root_length
        area = 2 * np.pi * p.root_radius * length
        rate = 24 * p.uptake_rate * area * lack * growth(self.temperature[:LAYERS])
        water = content * THICKNESS
        taken = np.zeros(len(stage))
        for pool, km, least, held in (
            (pools.nitrate, p.nitrate_km, p.nitrate_min, water),
            (pools.ammonium, p.ammonium_km, p.ammonium_min, water + self.site.exchange[1:]),
        ):
            above = np.maximum(pool[1:] / held - least, 0)
            uptake = rate * above / (above + km)
            most = 0.3 * above * held
            uptake = uptake * most / (most + uptake + 1e-15)
            pool[1:] -= uptake
            taken = taken + uptake.sum(0)
        state.store_n = state.store_n + taken
        # Nodules pay for nitrogen with carbon, at most a sixth of what the day brought.
        lack = np.where((stage >= 0.08) & (stage < 1), np.clip(1 - state.store_n / wanted, 0, 1), 0)
        cost = np.minimum(0.16 * gross, 0.5 * state.store_c) * lack * (crop.fixation > 0)
        state.store_c = state.store_c - cost
        fixed = cost * crop.fixation
        state.store_n = state.store_n + fixed
        totals.nitrogen_in += fixed
        self.fixed = cost

    def _incorporate(self, share: float | Array) -> None:
        """Bring a share of the surface residue into the upper 15 cm."""
        for pool in (self.pools.substrate_c, self.pools.substrate_n):
            moved = share * pool[:, :1]
            pool[:, :1] -= moved
            pool[:, 1:5] += moved * _TILLED

    def _harvest(self, due: NDArray[np.bool_], totals: _Totals) -> None:
        """Grain leaves, residue stays but for what is removed, and tillage follows."""
        if not due.any():
            return
        state = self.plant
        grain_c, grain_n = np.where(due, state.grain_c, 0), np.where(due, state.grain_n, 0)
        removed = self.latents.residue_removed
        shoot_c = np.where(due, state.leaf_c + state.stem_c + state.store_c, 0)
        shoot_n = np.where(due, state.leaf_n + state.stem_n + state.store_n, 0)
        totals.grain += grain_c
        totals.carbon_out += grain_c + removed * shoot_c
        totals.nitrogen_out += grain_n + removed * shoot_n
        left = 1 - removed
        self._litter(left * shoot_c, left * shoot_n, slice(0, 1), np.ones((1, len(due))))
        self._litter(np.where(due, state.root_c, 0), np.where(due, state.root_n, 0), slice(1, None), self.root_share)
        state.clear(due)
        self._incorporate(np.where(due, _BURIED + _BURIED_BY_TILLAGE * self.latents.tillage, 0))

    def _write(
        self,
        outputs: dict[str, NDArray[np.float32]],
        day: int,
        gross: Array,
        reco: Array,
        soil_co2: Array,
        lai: Array,
        n2o: Array,
        content: Array,
        et: Array,
        extremes: tuple[Array, Array],
    ) -> None:
        out, mass = outputs, self.density * THICKNESS
        out["GPP"][day], out["RECO"][day], out["SOIL_CO2"][day] = gross, reco, soil_co2
        out["LAI"][day], out["N2O"][day], out["ET"][day] = lai, n2o, et
        # Rates are single: what empties a pool may overdo it by its own last bit.
        out["NH4_L1"][day] = np.maximum(self.pools.ammonium[1], 0) / mass[0]
        for layer in (1, 3, 5):
            nitrate = self.pools.nitrate[layer] + self.pools.nitrite[layer]
            out[f"NO3_L{layer}"][day] = np.maximum(nitrate, 0) / mass[layer - 1]
            out[f"SWC_L{layer}"][day] = content[layer - 1]
            out[f"TSMAX_L{layer}"][day] = extremes[0][layer - 1]
            out[f"TSMIN_L{layer}"][day] = extremes[1][layer - 1]


class Ecosys:
    """A sub-daily model of a cropped field after Ecosys (Grant 2001, in Shaffer et al., and later papers).

    Photosynthesis, stomata, plant water, canopy energy and soil water every three hours, or at another step; microbes,
    oxygen and nitrogen gases every hour; heat by the day with its wave; growth by the day. It shares no process
    equation with the daily model: carbon enters through leaves' biochemistry, decomposition runs on microbial biomass,
    and N2O arises where oxygen falls short of microbes' demand.

    Against a step of an hour, one of three changes annual carbon, water and yield by less than 5 %, and adds 24 % to
    N2O (one of two hours 11 %). Microbes step by the hour already: what is left comes of the water that they live in.

    Parameters
    ----------
    parameters : Parameters, optional
    spin_up : int
        Years before the first one, with the drivers of the first two in turn.
    steps : int
        In a day; `benchmarks.steps` compares eight with one an hour.
    """

    name = "ecosys"
    outputs = TASKS["ecosys_temporal"].targets

    def __init__(self, parameters: Parameters = PARAMETERS, spin_up: int = 4, steps: int = 8):
        self.parameters, self.spin_up, self.steps = parameters, spin_up, steps

    def run(self, drivers: Drivers) -> Simulation:
        """Simulate all series from the first day to the last, after the spin-up."""
        outputs = {name: np.empty((drivers.days, drivers.series), np.float32) for name in self.outputs}
        imbalance: dict[str, Array] = {
            name: np.empty((drivers.years, drivers.series)) for name in ("carbon", "nitrogen", "water")
        }
        for columns in np.array_split(np.arange(drivers.series), -(-drivers.series // _BLOCK)):
            # A column alone stands twice: NumPy adds up single columns in another order.
            columns = np.resize(columns, max(2, len(columns)))
            self._block(drivers.take(columns), columns, outputs, imbalance)
        return Simulation(outputs, imbalance)

    def _block(
        self,
        drivers: Drivers,
        columns: NDArray[np.integer],
        outputs: dict[str, NDArray[np.float32]],
        imbalance: dict[str, Array],
    ) -> None:
        field = _Field(self.parameters, drivers, self.steps)
        block = {name: np.empty((DAYS, drivers.series), np.float32) for name in self.outputs}
        warm_up = [year % min(2, drivers.years) for year in range(self.spin_up)]
        for number, year in enumerate(warm_up + list(range(drivers.years))):
            if number == self.spin_up:
                for pool in (field.pools.substrate_c, field.pools.substrate_n):
                    pool[3] *= drivers.latents.disequilibrium
            days = slice(year * DAYS, (year + 1) * DAYS)
            weather = Weather(**{f.name: getattr(drivers.weather, f.name)[days] for f in fields(Weather)})
            management = Management(**{f.name: getattr(drivers.management, f.name)[days] for f in fields(Management)})
            calendar = drivers.first_year + year
            before, organic = field.storage(), field.pools.soil_carbon()
            co2 = CO2[min(max(calendar, min(CO2)), max(CO2))]
            totals = field.year(calendar * DAYS, weather, management, drivers.latents.vigour[year], co2, block)
            if number < self.spin_up:
                continue
            block["NEE"][:] = block["RECO"] - block["GPP"]
            block["YIELD"][:] = totals.grain
            block["DSOC"][:] = field.pools.soil_carbon() - organic
            for name, values in block.items():
                outputs[name][days, columns] = values
            after = field.storage()
            for index, name in enumerate(("carbon", "nitrogen", "water")):
                came, went = getattr(totals, f"{name}_in"), getattr(totals, f"{name}_out")
                scale = np.maximum(np.maximum(came, went), before[index])
                imbalance[name][year, columns] = np.abs(came - went - (after[index] - before[index])) / scale
