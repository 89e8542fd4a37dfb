"""What a process model takes and gives: drivers, latents and a simulation, as arrays over days and series.

A *series* is one (site, treatment): a column that is simulated from its first day to its last. All arrays are
(days, series), days running over whole 365-day years from 1 January; soil and latents are (series,). Process models
step through the days and compute all series at once, so wide blocks are cheap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from agroflux_data.variables import DAYS

__all__ = ["Drivers", "Latents", "Management", "ProcessModel", "Simulation", "Soil", "Weather"]

Array = NDArray[np.floating]
Columns = TypeVar("Columns", "Soil", "Weather", "Management", "Latents")


def _take(columns: Columns, series: NDArray[np.integer]) -> Columns:
    """The same dataclass with the given series, repeated as they are asked for; series are the last axis.

    Neighbours in their order are a view: a copy of a block's drivers would be hundreds of megabytes.
    """
    chosen: slice | NDArray[np.integer] = series
    if len(series) and (np.diff(series) == 1).all():
        chosen = slice(int(series[0]), int(series[-1]) + 1)
    return replace(columns, **{f.name: getattr(columns, f.name)[..., chosen] for f in fields(columns)})


@dataclass(frozen=True)
class Soil:
    """Topsoil of each series, (series,) each; clay is what sand and silt leave."""

    bulk_density: Array
    """TBKDS, Mg m-3."""
    sand: Array
    """TCSAND, g kg-1."""
    silt: Array
    """TCSILT, g kg-1."""
    ph: Array
    """TPH, -."""
    organic_carbon: Array
    """TSOC, g C kg-1."""

    take = _take


@dataclass(frozen=True)
class Weather:
    """Daily weather, (days, series) each, with the units of `agroflux_data.variables`."""

    TMAX: Array
    TMIN: Array
    PREC: Array
    RADN: Array
    HMAX: Array
    HMIN: Array
    WIND: Array

    take = _take


@dataclass(frozen=True)
class Management:
    """What the farmer does, (days, series) each."""

    FERTZR_N: Array
    """g N m-2 on the day of application."""
    PDOY: Array
    """1 on the planting day, else 0; at most one planting in a calendar year."""
    PLANTT: Array
    """Crop of the calendar year: 1 corn, 0 soybean."""

    take = _take


@dataclass(frozen=True)
class Latents:
    """What no input column tells: one draw for each site from the secret of a release, `neutral` for public runs.

    Multipliers are 1 and shifts 0 in a neutral run. (series,) each, but for `vigour`, (years, series).
    """

    maturity: Array
    """Multiplier of the thermal time to maturity (hybrid choice)."""
    productivity: Array
    """Multiplier of the potential growth or carboxylation rate (cultivar, population)."""
    vigour: Array
    """Multiplier of the same for each year (pests, hail, emergence): (years, series)."""
    tile: Array
    """Share of the field that is tile-drained, 0..1."""
    tile_depth: Array
    """Depth of the tiles, m."""
    tillage: Array
    """0 no-till, 0.5 reduced, 1 conventional (ploughed)."""
    residue_removed: Array
    """Share of the above-ground residue that is taken off the field, 0..1."""
    disequilibrium: Array
    """Multiplier of the slow soil carbon pool against its equilibrium (land-use history)."""
    sand_shift: Array
    """Field minus reported sand content, g kg-1."""
    carbon_shift: Array
    """Field over reported soil organic carbon, multiplier."""
    ph_shift: Array
    """Field minus reported pH."""
    nitrification: Array
    """Multiplier of the nitrification rate (microbial community, placement of fertiliser)."""
    denitrification: Array
    """Multiplier of the denitrification rate, and so of its N2O."""

    take = _take

    @classmethod
    def neutral(cls, years: int, series: int) -> Latents:
        """No hidden difference: public parameters, half of the field drained at 1 m, reduced tillage."""
        shifts = {"residue_removed": 0.0, "sand_shift": 0.0, "ph_shift": 0.0, "tile": 0.5, "tillage": 0.5}
        return cls(
            **{
                f.name: np.full((years, series) if f.name == "vigour" else (series,), shifts.get(f.name, 1.0))
                for f in fields(cls)
            }
        )


@dataclass(frozen=True)
class Drivers:
    """Everything that a process model needs to run.

    Attributes
    ----------
    first_year : int
        Calendar year of the first 365 days.
    latitude : array (series,)
        Degrees north.
    soil, weather, management, latents
    """

    first_year: int
    latitude: Array
    soil: Soil
    weather: Weather
    management: Management
    latents: Latents

    def take(self, series: NDArray[np.integer]) -> Drivers:
        """The drivers of the given series, repeated as they are asked for."""
        return replace(
            self,
            latitude=self.latitude[series],
            soil=self.soil.take(series),
            weather=self.weather.take(series),
            management=self.management.take(series),
            latents=self.latents.take(series),
        )

    @property
    def days(self) -> int:
        return self.weather.TMAX.shape[0]

    @property
    def years(self) -> int:
        return self.days // DAYS

    @property
    def series(self) -> int:
        return self.weather.TMAX.shape[1]


@dataclass(frozen=True)
class Simulation:
    """What a process model gives.

    Attributes
    ----------
    outputs : dict of str to array (days, series), float32
        By the names and with the units and signs of `agroflux_data.variables`.
    imbalance : dict of str to array (years, series)
        ``carbon``, ``nitrogen``, ``water``: |inputs - outputs - storage change| of each year, relative to the
        larger of the year's inputs, its outputs and the storage at its start. Rounding is all that may be left.
    """

    outputs: dict[str, NDArray[np.float32]]
    imbalance: dict[str, Array]

    @classmethod
    def empty(cls, names: Iterable[str], years: int, series: int) -> Simulation:
        """One to be filled, with the outputs of the given names."""
        # Each of its own, so that who takes one after another can let them go.
        return cls(
            {name: np.empty((years * DAYS, series), np.float32) for name in names},
            {name: np.empty((years, series)) for name in ("carbon", "nitrogen", "water")},
        )

    def take(self, series: slice) -> Simulation:
        """The given series, as views."""
        return Simulation(
            *({name: values[:, series] for name, values in each.items()} for each in (self.outputs, self.imbalance))
        )


class ProcessModel(Protocol):
    """A process model of a cropped field; it holds its parameters and no state."""

    name: str
    outputs: tuple[str, ...]

    def run(self, drivers: Drivers) -> Simulation:
        """Simulate all series from the first day to the last.

        Series never influence one another, so a series gives the same numbers in any block.
        """
        ...
