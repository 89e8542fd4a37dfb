"""What the model remembers from day to day, and what is fixed for a series."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.daycent.parameters import Parameters
from agroflux_data.simulators.drivers import Drivers
from agroflux_data.simulators.hydraulics import ORGANIC_MATTER, saxton_rawls

__all__ = [
    "BOTTOM",
    "CENTRE",
    "EXACT",
    "OUTPUT_DEPTHS",
    "SINGLE",
    "THICKNESS",
    "Budget",
    "Field",
    "State",
    "in_steps",
    "wide",
]

Array = NDArray[np.floating]

# Compiled loops keep the constants of this module as they were compiled: numba looks at the age of its own file alone.
# After a change here, delete the folders __pycache__.
BOTTOM = np.array([2, 5, 10, 20, 30, 60, 100, 150], float)
"""Bottoms of the soil layers, cm."""
THICKNESS = np.diff(BOTTOM, prepend=0.0)
CENTRE = BOTTOM - THICKNESS / 2
TOPSOIL = 20.0
"""cm, the depth of the organic pools (Metherell et al. 1993)."""
BOUNDARY = 200.0
"""cm, depth of the bottom boundary of heat."""
OUTPUT_DEPTHS = (1.0, 11.0, 32.0)
"""Depths of the output layers 1, 3 and 5, cm: where the official statistics place Ecosys' layers."""
SECONDS = 86_400.0
"""Of a day."""
SINGLE = np.float32
"""Precision of rates and of what turns over within months; it is stepped twice as fast. Organic carbon and nitrogen,
of which a day changes as little as a millionth, and the sums that close the balances are doubles."""

EXACT = SINGLE(768)
"""Added and subtracted, it rounds a flow to its own last bit, which is 2**-14."""

STRUCTURAL, METABOLIC, SOM1, SOM2 = 0, 1, 2, 3
"""Rows of the organic pools at the surface; those in the soil follow, then som3."""
SOIL = 4
SOM3 = 8


def in_steps(flow: Array) -> Array:
    """The same flow, in place, in steps of 2**-14: adding and subtracting these is exact in single precision.

    Small flows that repeat for months would otherwise be rounded to one side each day.
    """
    flow += EXACT
    flow -= EXACT
    return flow


def wide(values: Array, number: int, axis: int = 1) -> Array:
    """A constant of the layers for all series, or of the series for all layers, as a full array.

    Numpy multiplies two full arrays about twice as fast as it broadcasts a row or a column.
    """
    return np.repeat(values, number, axis=axis)


@dataclass(frozen=True)
class Conduction:
    """Heat flow through the soil of each series."""

    up: Array
    """Exchange of each layer in a day with what lies above and below it, over its heat capacity, (layers, series)."""
    down: Array
    first: Array
    """1 / (1 + up + down) of the first layer, (series,)."""
    daily_swing: Array
    """Half of the daily range at the output depths, over the range of the surface, (3, series)."""

    @classmethod
    def through(cls, porosity: Array, water: Array, p: Parameters) -> Conduction:
        """Heat capacity by de Vries (1963), linear conductivity, from porosity and water content, (series,).

        Conductivity rises from 0.25 (dry) to 1.2 W m-1 K-1 (saturated), in the low half of Johansen's (1975) range.
        """
        diffusivity = 0.01 * (0.25 + 0.95 * water / porosity) / (2.0 * (1 - porosity) + 4.18 * water)
        diffusivity = np.clip(diffusivity, *p.diffusivity)
        exchange = SECONDS * p.heat_damping * diffusivity / np.diff(CENTRE, prepend=0.0, append=BOUNDARY)[:, None]
        up, down = exchange[:-1] / THICKNESS[:, None], exchange[1:] / THICKNESS[:, None]
        daily = np.sqrt(math.pi / (SECONDS * p.daily_damping * diffusivity))
        swing = 0.5 * np.exp(-np.array(OUTPUT_DEPTHS)[:, None] * daily)
        return cls(*(part.astype(SINGLE) for part in (up, down, 1 / (1 + up[0] + down[0]), swing)))


@dataclass(frozen=True)
class Field:
    """What is fixed for each series: (series,), or (layers, series) where a layer matters; in `SINGLE` precision."""

    conduction: Conduction
    sand: Array
    """0..1, as are clay."""
    clay: Array
    bulk_density: Array
    """Mg m-3."""
    per_seedbed_mass: Array
    """1 / mass of 0-10 cm, m2 Mg-1."""
    ph: Array
    wilting: Array
    """mm in each layer, as are the next two."""
    capacity: Array
    saturated: Array
    porosity: Array
    storable: Array
    """1 / (capacity - wilting), mm-1."""
    air_dry: Array
    exponent: Array
    conductivity: Array
    """Saturated, mm h-1."""
    infiltrable: Array
    """Greatest infiltration of a day, mm."""
    exponent_2: Array
    """Exponent of the soil water diffusivity, b + 2 (Campbell 1974)."""
    log_diffusivity: Array
    """Log of that diffusivity between neighbours over their distance, mm d-1, for twice a water content of 1."""
    equalising: Array
    """Greatest flow between neighbours for each unit of their difference in water content, mm."""
    field_diffusion: Array
    """Relative gas diffusivity at field capacity, -: 0.66 of the air-filled pores (Penman 1940)."""
    wet_threshold: Array
    """Water-filled pore space above which soil holds CO2 back, and how strongly (Del Grosso et al. 2000)."""
    wet_slope: Array
    uptake_most: Array
    """Greatest transpiration, over rooted relative water, that no layer is too dry for, mm d-1."""
    per_evaporable: Array
    """1 / (capacity - air dry) of 0-5 cm, mm-1."""
    seedbed_capacity: Array
    """Capacity of 2-10 cm, mm."""
    per_seedbed_excess: Array
    """1 / (saturated - capacity) of 2-10 cm, mm-1."""
    tile_weight: Array
    """Share of each layer that lies above the tiles, times the drained share of the field over its time constant."""
    topsoil_carbon: Array
    """g C m-2 to 20 cm."""
    warmest: Array
    """Mean daily maximum of the warmest month, degC."""
    mean_temperature: Array
    """Mean air temperature, degC."""
    roots: Array
    """Share of the roots in each layer, (layers, series)."""
    reach: Array
    """Roots over thickness, relative to the first layer, (layers, series)."""
    content: Array
    """Water content of a mm in each layer, mm-1, (layers, series)."""
    topsoil: Array
    """Share of each layer in 0-20 cm, (4, series)."""
    seedbed: Array
    """Share of each layer in 0-10 cm, (3, series)."""
    per_saturated: Array
    """1 / saturated, mm-1."""
    per_mass: Array
    """1 / mass."""
    roots_per_mass: Array
    """Roots over mass, (layers, series)."""
    mass: Array
    """Soil mass of each layer, Mg m-2: g N m-2 over it are ppm."""
    denitrified_least: Array
    """Least denitrification before the water's factor, ug N g-1 d-1, (layers, series)."""
    leached_most: Array
    """Greatest share of a layer's nitrate that leaves it in a day, and that for each mm of flux, (layers, series)."""
    leached_per_flux: Array

    def __post_init__(self) -> None:
        for name, values in vars(self).items():
            if isinstance(values, np.ndarray):
                object.__setattr__(self, name, np.ascontiguousarray(values, SINGLE))

    @classmethod
    def from_drivers(cls, drivers: Drivers, parameters: Parameters, years: int) -> Field:
        """Soil as the latents shift it; climate means of the first `years`."""
        soil, latents = drivers.soil, drivers.latents
        reported = np.asarray(soil.sand, float)
        sand = np.clip(reported + latents.sand_shift, 10, 950)
        fines = (1000 - sand) / np.maximum(1000 - reported, 1)
        clay = np.clip((1000 - reported - soil.silt) * fines, 20, 900)
        sand, clay = sand / 1000, clay / 1000
        carbon = np.asarray(soil.organic_carbon * latents.carbon_shift, float)
        density = np.asarray(soil.bulk_density, float)
        hydraulics = saxton_rawls(sand, clay, np.clip(ORGANIC_MATTER * carbon, 0.1, 8.0), density)
        porosity = hydraulics.saturation
        capacity = np.clip(hydraulics.field_capacity, 0.06, porosity - 0.03)
        wilting = np.clip(hydraulics.wilting_point, 0.02, capacity - 0.04)
        exponent = np.log(1500 / 33) / np.log(capacity / wilting)
        entry = 153_000 * (wilting / porosity) ** exponent  # mm, from the potential at the wilting point
        thick = 10 * THICKNESS[:, None]
        roots = -np.diff(np.exp(-BOTTOM / parameters.root_depth), prepend=1.0)[:, None]
        roots /= roots.sum()
        diffusivity = exponent * entry * 24 * hydraulics.conductivity / porosity
        diffusion = 0.66 * (porosity - capacity)
        depth = 100 * np.asarray(latents.tile_depth, float)
        above = np.clip((depth - (BOTTOM - THICKNESS)[:, None]) / THICKNESS[:, None], 0, 1)
        days = 365 * years
        maximum = np.asarray(drivers.weather.TMAX[:365], float)
        mean = (drivers.weather.TMAX[:days].mean(0, dtype=float) + drivers.weather.TMIN[:days].mean(0, dtype=float)) / 2
        leached_most = parameters.leaching_texture[0] + parameters.leaching_texture[1] * sand
        mass = density * (THICKNESS / 100)[:, None]
        equalising = parameters.redistribution * 10 * THICKNESS[:-1] * THICKNESS[1:] / (THICKNESS[:-1] + THICKNESS[1:])
        series = len(sand)
        denitrified_least = np.zeros((len(THICKNESS), series))
        denitrified_least[:2] = parameters.denitrification_least
        return cls(
            conduction=Conduction.through(porosity, capacity, parameters),
            sand=sand,
            clay=clay,
            bulk_density=density,
            per_seedbed_mass=1 / (0.1 * density),
            ph=np.asarray(soil.ph + latents.ph_shift, float),
            wilting=wilting * thick,
            capacity=in_steps((capacity * thick).astype(SINGLE)),
            saturated=in_steps((porosity * thick).astype(SINGLE)),
            porosity=porosity,
            storable=1 / ((capacity - wilting) * thick),
            air_dry=parameters.air_dry * wilting * thick,
            exponent=exponent,
            conductivity=hydraulics.conductivity,
            infiltrable=parameters.rain_hours * np.maximum(hydraulics.conductivity, parameters.infiltration_least),
            equalising=wide(equalising[:, None], series),
            exponent_2=exponent + 2,
            log_diffusivity=np.log(diffusivity / (10 * np.diff(CENTRE)[:, None]))
            - (exponent + 2) * np.log(2 * porosity),
            seedbed_capacity=80 * capacity,
            per_seedbed_excess=1 / (80 * (porosity - capacity)),
            wet_threshold=np.where(diffusion >= 0.15, 0.80, (250 * diffusion + 43) / 100),
            wet_slope=np.where(diffusion >= 0.15, 0.004, 0.019 - 0.1 * diffusion),
            uptake_most=((capacity - wilting) * thick / roots).min(0),
            per_evaporable=1 / (5 * 10 * (capacity - parameters.air_dry * wilting)),
            field_diffusion=diffusion,
            tile_weight=above * latents.tile / parameters.tile_days,
            topsoil_carbon=carbon * density * TOPSOIL * 10,
            warmest=maximum[:360].reshape(12, 30, -1).mean(1).max(0),
            mean_temperature=mean,
            roots=wide(roots, series),
            reach=wide(roots / roots[0] * (THICKNESS[0] / THICKNESS[:, None]), series),
            content=wide(1 / thick, series),
            topsoil=wide(THICKNESS[:4, None] / BOTTOM[3], series),
            seedbed=wide(THICKNESS[:3, None] / BOTTOM[2], series),
            per_saturated=1 / (porosity * thick),
            per_mass=1 / mass,
            roots_per_mass=roots / mass,
            mass=mass,
            denitrified_least=denitrified_least,
            leached_most=wide(leached_most[None], len(THICKNESS), axis=0),
            leached_per_flux=wide(leached_most[None] / parameters.leaching_flux, len(THICKNESS), axis=0),
        )


@dataclass
class Budget:
    """What entered and what left since the year began, (series,) each."""

    entered: Array
    left: Array
    stored: Array
    """Storage when the year began."""

    def close(self, stored: Array) -> Array:
        """Relative imbalance of the year that ends, and the next year begins."""
        largest = np.maximum(np.maximum(self.entered, self.left), np.maximum(np.abs(self.stored), 1e-9))
        imbalance = np.abs(self.entered - self.left - (stored - self.stored)) / largest
        self.entered[:], self.left[:], self.stored = 0.0, 0.0, stored
        return imbalance


@dataclass
class State:
    """The state of all series, changed in place day by day; in `SINGLE` precision unless said otherwise."""

    water: Array
    """mm, (layers, series)."""
    snow: Array
    snow_liquid: Array
    """mm, in doubles."""
    temperature: Array
    """degC, (layers, series)."""
    carbon: Array
    """Organic pools, g C m-2, (9, series), doubles as the next."""
    nitrogen: Array
    lignin: Array
    """Of the structural pools at the surface and in the soil, g C m-2, (2, series)."""
    ammonium: Array
    """0-10 cm, g N m-2, a double."""
    nitrate: Array
    """g N m-2, (layers, series)."""
    shoot: Array
    """g C m-2; after maturity it stands dead until the harvest."""
    shoot_nitrogen: Array
    juvenile: Array
    juvenile_nitrogen: Array
    mature: Array
    mature_nitrogen: Array
    sown: Array
    """1 between planting and emergence, as the next two a flag of float."""
    growing: Array
    ripe: Array
    days: Array
    """Since emergence; since maturity once ripe."""
    thermal_time: Array
    fill_stress: Array
    """Sum of the water factor over the days of grain filling, and their number."""
    fill_days: Array
    status: Array
    """Nitrogen supply over demand on the day before."""
    dry_days: Array
    pulse: Array
    tilled: Array
    """Strength of the tillage whose effect still lasts, 0..1, and the days it has left."""
    tilled_days: Array
    budgets: dict[str, Budget] = field(default_factory=dict)

    @classmethod
    def initial(cls, site: Field, parameters: Parameters) -> State:
        """A field in January: soil at capacity, soil carbon split into the pools, little litter."""
        series = site.sand.shape[0]

        def zero() -> Array:
            return np.zeros(series, SINGLE)

        carbon = np.zeros((9, series))
        total = site.topsoil_carbon
        carbon[:SOIL] = np.array([100.0, 10.0, 20.0, 60.0])[:, None]
        carbon[SOIL + STRUCTURAL], carbon[SOIL + METABOLIC] = 100.0, 10.0
        carbon[SOIL + SOM1] = parameters.initial_som1 * total
        carbon[SOIL + SOM2] = parameters.initial_som2 * total
        carbon[SOM3] = total - carbon[SOIL + SOM1] - carbon[SOIL + SOM2]
        ratio = np.array([parameters.structural_cn, 20, 12, 18, parameters.structural_cn, 20, 10, 16, 7.5])
        nitrate = wide(0.002 * THICKNESS[:, None], series).astype(SINGLE)
        return cls(
            water=site.capacity.copy(),
            snow=np.zeros(series),
            snow_liquid=np.zeros(series),
            temperature=wide(site.mean_temperature[None], len(BOTTOM), axis=0),
            carbon=carbon,
            nitrogen=carbon / ratio[:, None],
            lignin=(0.25 * carbon[[STRUCTURAL, SOIL + STRUCTURAL]]).astype(SINGLE),
            ammonium=np.full(series, 0.3),
            nitrate=nitrate,
            fill_stress=zero(),
            fill_days=zero(),
            status=np.ones(series, SINGLE),
            pulse=zero(),
            shoot=zero(),
            shoot_nitrogen=zero(),
            juvenile=zero(),
            juvenile_nitrogen=zero(),
            mature=zero(),
            mature_nitrogen=zero(),
            sown=zero(),
            growing=zero(),
            ripe=zero(),
            days=zero(),
            thermal_time=zero(),
            dry_days=zero(),
            tilled=zero(),
            tilled_days=zero(),
        )

    def stored(self) -> dict[str, Array]:
        """Carbon, nitrogen (g m-2) and water (mm) of the whole field, (series,) each."""
        return {
            "carbon": self.carbon.sum(0) + self.shoot + self.juvenile + self.mature,
            "nitrogen": self.nitrogen.sum(0)
            + self.nitrate.sum(0, dtype=float)
            + self.ammonium
            + self.shoot_nitrogen
            + self.juvenile_nitrogen
            + self.mature_nitrogen,
            "water": self.water.sum(0, dtype=float) + self.snow + self.snow_liquid,
        }

    def open_budgets(self) -> None:
        """Start the balances of a year from the present storage."""
        self.budgets = {
            name: Budget(np.zeros_like(stored), np.zeros_like(stored), stored) for name, stored in self.stored().items()
        }
