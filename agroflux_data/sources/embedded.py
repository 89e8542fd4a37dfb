"""The embedded world: every source of the benchmark, simulated by open process models from a seed and a secret.

The public seed makes weather, soils and management, which are the inputs of a row. The secret makes what stands in no
input: how fields differ (`agroflux_data.simulators.latents`) and how instruments err
(`agroflux_data.simulators.observation`). So hidden targets cannot be had by running this code.

``ecosys`` and ``daycent`` are what their process model gives on fields that differ moderately. ``towers`` and
``mesocosm`` are observed: the field is farther from its reported inputs, its fluxes are a blend of both models with a
weight of its own, so that neither model is the truth, a crop of towers stands otherwise than models know
(`agroflux_data.simulators.stand`), and instruments with errors and gaps write them down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data import sequences
from agroflux_data.errors import AgrofluxError
from agroflux_data.randomness import stream
from agroflux_data.simulators import management, models, places, soils, weather
from agroflux_data.simulators.drivers import Drivers, Management, Soil, Weather
from agroflux_data.simulators.latents import OBSERVED, SIMULATED, adapted, draw
from agroflux_data.simulators.management import Treatment
from agroflux_data.simulators.observation import chamber_record, field_management, field_weather, tower_record
from agroflux_data.simulators.precision import rounded
from agroflux_data.simulators.stand import of_stand, stand
from agroflux_data.sources.source import Site, Source
from agroflux_data.splits import YEARS, Years
from agroflux_data.tasks import TASKS
from agroflux_data.variables import DAYS, INPUTS, STATICS

__all__ = ["SCALES", "Embedded", "Extent"]

Daily = NDArray[np.floating]

_ECOSYS_SHARE = (0.1, 0.3)
"""Of ecosys in the blend of a field, the rest being daycent: learned from either, a model is about as far from it."""
_WARM_UP = {"ecosys": 0, "daycent": 0, "towers": 0, "mesocosm": 1}
"""Years before the first one that are simulated and not given; the models spin up by themselves on the first two."""


@dataclass(frozen=True)
class Extent:
    """How much of a source there is at a scale.

    Attributes
    ----------
    sites, treatments : int
        Counts; a smaller one is part of every larger one.
    first_year : int
    block_sites : int
        Sites that are simulated together. A model's cost lies in its steps more than in the series that take them, so
        blocks are wide; 500 series of 21 years take about 0.6 GB beside the program's 0.15.
    """

    sites: int
    treatments: int
    first_year: int
    block_sites: int


SCALES: dict[str, dict[str, Extent]] = {
    "tiny": {
        "ecosys": Extent(6, 2, 2009, 6),
        "daycent": Extent(6, 2, 2012, 6),
        # Those with the longest records before the test years: each fold and each period has some.
        "towers": Extent(6, 1, 2009, 6),
        "mesocosm": Extent(places.CHAMBERS, 1, 2016, places.CHAMBERS),
    },
    "small": {
        # Every county, since sites are what a model that goes to other sites learns from, and few treatments.
        "ecosys": Extent(places.COUNTIES, 2, 2000, 50),
        "daycent": Extent(30, 6, 2000, 15),
        "towers": Extent(places.TOWERS, 1, 2000, places.TOWERS),
        "mesocosm": Extent(places.CHAMBERS, 1, 2016, places.CHAMBERS),
    },
    "paper": {
        "ecosys": Extent(places.COUNTIES, 20, 2000, 25),
        "daycent": Extent(places.MIDWEST, 42, 2000, 12),
        "towers": Extent(places.TOWERS, 1, 2000, places.TOWERS),
        "mesocosm": Extent(places.CHAMBERS, 1, 2016, places.CHAMBERS),
    },
}
"""Scale -> source -> its extent."""


@dataclass(frozen=True)
class Embedded(Source):
    """One source of the embedded world.

    Parameters
    ----------
    name : {"ecosys", "daycent", "towers", "mesocosm"}
    scale : {"tiny", "small", "paper"}
    seed : int
        Public: weather, soils, management.
    secret : bytes
        Kept by the host: hidden differences between fields, and errors of instruments. Changes outputs alone.

    Raises
    ------
    AgrofluxError
        Unknown name or scale.
    """

    name: str
    scale: str
    seed: int
    secret: bytes = field(repr=False)
    origin: str = field(default="embedded", init=False)
    inputs: tuple[str, ...] = field(default=INPUTS, init=False)
    targets: tuple[str, ...] = field(init=False)
    years: Years = field(init=False)

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise AgrofluxError("unknown scale", expected="one of " + ", ".join(SCALES), came=self.scale)
        if self.name not in SCALES[self.scale]:
            raise AgrofluxError("unknown source", expected="one of " + ", ".join(YEARS), came=self.name)
        object.__setattr__(self, "targets", TASKS[f"{self.name}_temporal"].targets)
        object.__setattr__(self, "years", replace(YEARS[self.name], first=self._extent.first_year))

    @property
    def _extent(self) -> Extent:
        return SCALES[self.scale][self.name]

    @property
    def content(self) -> str:
        return f"embedded, scale {self.scale}, seed {self.seed}"

    @property
    def block_sites(self) -> int:
        return self._extent.block_sites

    @property
    def sites(self) -> tuple[Site, ...]:
        count = self._extent.sites
        if self.name == "ecosys":
            return places.counties(count)
        if self.name == "daycent":
            return places.midwest(count)
        if self.name == "mesocosm":
            return places.chambers()

        def early_years(site: Site) -> int:
            facts = places.tower_facts()[site.name]
            return min(facts.last_year + 1, self.years.test) - max(facts.first_year, self.years.first)

        longest = sorted(places.towers(), key=lambda site: (-early_years(site), site.number))[:count]
        return tuple(sorted(longest, key=lambda site: site.number))

    def sequences(self, sites: Sequence[Site]) -> pa.Table:
        if not sites:
            return sequences.features(self.inputs, self.targets).arrow_schema.empty_table()
        block = _report(self, tuple(sorted(sites, key=lambda site: site.number)))
        outputs = _observe(self, block) if self.name in ("towers", "mesocosm") else _simulate(self, block)
        return _rows(self, block, outputs)


@dataclass(frozen=True)
class _Block:
    """Some sites as their inputs report them; the first year is the first that is simulated."""

    sites: tuple[Site, ...]
    treatments: tuple[Treatment, ...]
    """Of each series; the series of a site stand together."""
    site_of: NDArray[np.intp]
    """(series,) index into the sites."""
    first_year: int
    soil: Soil
    """(sites,)"""
    weather: Weather
    """(days, sites)"""
    management: Management
    """(days, series)"""

    @property
    def names(self) -> list[str]:
        return [site.name for site in self.sites]

    @property
    def years(self) -> int:
        return self.weather.TMAX.shape[0] // DAYS


def _report(source: Embedded, sites: tuple[Site, ...]) -> _Block:
    """What the public seed says of some sites."""
    first_year = source.years.first - _WARM_UP[source.name]
    years = source.years.last + 1 - first_year
    names = places.place_names(source.name, sites)
    drawn = weather.generate(source.seed, sites, first_year, years, places=names)
    # Rounded here and not in the row: the process models see exactly what the inputs say.
    reported = Weather(**{name: rounded(values) for name, values in vars(drawn).items()})
    each = _treatments(source, sites)
    site_of = np.repeat(np.arange(len(sites)), len(each) // len(sites))
    plans = management.calendar(
        source.seed, [sites[site] for site in site_of], each, reported.take(site_of), first_year,
        places=[names[site] for site in site_of],
    )  # fmt: skip
    # Towers of one farm share its weather, not its soil; all chambers are filled from one field.
    soil = soils.draw(sites, source.seed, places=names if source.name == "mesocosm" else None)
    return _Block(sites, each, site_of, first_year, soil, reported, plans)


def _treatments(source: Embedded, sites: Sequence[Site]) -> tuple[Treatment, ...]:
    """The treatment of each series, site by site."""
    count = SCALES[source.scale][source.name].treatments
    if source.name == "ecosys":
        return management.ecosys_treatments(count) * len(sites)
    if source.name == "daycent":
        return management.daycent_treatments(count) * len(sites)
    return management.tower_plans(sites) if source.name == "towers" else management.mesocosm_plans(sites)


def _simulate(source: Embedded, block: _Block) -> dict[str, Daily]:
    """What the source's own process model gives on the fields of a block: (days, series) each."""
    latents = draw(source.secret, SIMULATED, source.name, block.names, block.first_year, block.years, block.soil)
    drivers = Drivers(
        first_year=block.first_year,
        latitude=np.array([block.sites[site].lat for site in block.site_of]),
        soil=block.soil.take(block.site_of),
        weather=block.weather.take(block.site_of),
        management=block.management,
        latents=latents.take(block.site_of),
    )
    outputs = models.load(source.name).run(drivers).outputs
    return {name: outputs[name] for name in source.targets}


def _observe(source: Embedded, block: _Block) -> dict[str, Daily]:
    """What the instruments of a block's sites recorded: (days, sites) each, NaN where nothing."""
    secret, names, first_year = source.secret, block.names, block.first_year
    facts = places.tower_facts()
    irrigated = [name for name in names if name in facts and facts[name].irrigated]
    latitude = np.array([site.lat for site in block.sites])
    latents = draw(secret, OBSERVED, source.name, names, first_year, block.years, block.soil)
    planted = management.own_planting(source.seed, block.sites, first_year, block.management)
    drivers = Drivers(
        first_year=first_year,
        latitude=latitude,
        soil=block.soil,
        weather=field_weather(secret, source.name, names, first_year, block.weather, irrigated),
        management=field_management(secret, source.name, names, first_year, planted),
        latents=replace(latents, maturity=latents.maturity * adapted(latitude)),
    )
    runs = [models.load(model).run(drivers).outputs for model in ("ecosys", "daycent")]
    weight = np.array([stream(secret, "blend", source.name, name).uniform(*_ECOSYS_SHARE) for name in names])
    truth = {name: weight * runs[0][name] + (1 - weight) * runs[1][name] for name in source.targets}
    record = {name: np.full(values.shape, np.nan) for name, values in truth.items()}
    for site, name in enumerate(names):
        own = {target: values[:, site].reshape(-1, DAYS) for target, values in truth.items()}
        if source.name == "mesocosm":
            rain = block.weather.PREC[:, site].reshape(-1, DAYS)
            own = {"N2O": chamber_record(secret, name, first_year, own["N2O"], rain)}
        else:
            years = np.arange(first_year, first_year + block.years)
            share = stand(source.seed, secret, source.name, name, first_year, block.years)
            own = tower_record(secret, name, first_year, of_stand(own, share))
            outside = (years < facts[name].first_year) | (years > facts[name].last_year)
            own = {target: np.where(outside[:, None], np.nan, values) for target, values in own.items()}
        for target, values in own.items():
            record[target][:, site] = values.reshape(-1)
    return record


def _rows(source: Embedded, block: _Block, outputs: dict[str, Daily]) -> pa.Table:
    """The rows of a block: its years from the source's first on, those with any observation; `outputs` is emptied."""
    sites, series = len(block.sites), len(block.site_of)
    skipped = source.years.first - block.first_year
    years = block.years - skipped
    shape = (sites, years, series // sites)  # of rows, in their order

    def by_year(values: Daily) -> Daily:
        return values[skipped * DAYS :].reshape(years, DAYS, -1)

    def of_series(values: Daily) -> NDArray[np.float32]:
        own = by_year(values).reshape(years, DAYS, *shape[::2]).transpose(2, 0, 3, 1)
        return own.astype(np.float32, order="C").reshape(-1, DAYS)

    def of_site(values: Daily) -> NDArray[np.float32]:
        own = by_year(values).transpose(2, 0, 1)[:, :, None]
        return np.broadcast_to(own, (*shape, DAYS)).astype(np.float32, order="C").reshape(-1, DAYS)

    blank = np.logical_and.reduce([np.isnan(by_year(outputs[name])).all(axis=1) for name in source.targets])
    seen = ~blank.reshape(years, *shape[::2]).swapaxes(0, 1).reshape(-1)

    def columns() -> Iterator[tuple[str, NDArray[np.floating]]]:
        # Outputs first, each let go once it is in its column: they are most of the memory.
        names = list(source.targets)
        if source.name in ("ecosys", "daycent"):
            respired, fixed = (rounded(of_series(outputs.pop(name))) for name in ("RECO", "GPP"))
            yield from (("RECO", respired[seen]), ("GPP", fixed[seen]), ("NEE", (respired - fixed)[seen]))
            names = [name for name in names if name not in ("RECO", "GPP", "NEE")]
        for name in names:
            yield name, rounded(of_series(outputs.pop(name)))[seen]
        for name in ("FERTZR_N", "PDOY", "PLANTT"):
            yield name, of_series(getattr(block.management, name))[seen]
        for name in INPUTS:
            if hasattr(block.weather, name):
                yield name, of_site(getattr(block.weather, name))[seen]
        for name, values in _statics(block.soil).items():
            yield name, np.repeat(values, years * shape[2])[seen]

    numbers = np.array([treatment.number for treatment in block.treatments]).reshape(sites, 1, -1)
    calendar = np.arange(source.years.first, source.years.last + 1)[:, None]
    return sequences.table(
        [block.sites[site] for site in np.repeat(np.arange(sites), years * shape[2])[seen]],
        np.broadcast_to(numbers, shape).reshape(-1)[seen],
        np.broadcast_to(calendar, shape).reshape(-1)[seen],
        columns(),
    )


def _statics(soil: Soil) -> dict[str, Daily]:
    """The soil by the names of its columns."""
    return dict(zip(STATICS, (soil.bulk_density, soil.sand, soil.silt, soil.ph, soil.organic_carbon), strict=True))
