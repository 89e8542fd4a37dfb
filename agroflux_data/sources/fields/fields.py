"""What a user's tables say of the fields: soils, management and weather as inputs of the sequences."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agroflux_data.errors import listing
from agroflux_data.sources.fields import management_table, soils_table, weather_table
from agroflux_data.sources.fields.management_table import ManagementTable
from agroflux_data.sources.fields.soils_table import Topsoil
from agroflux_data.sources.fields.weather_table import WeatherTable
from agroflux_data.variables import DAYS, INPUTS, STATICS

__all__ = ["Fields"]


@dataclass(frozen=True)
class Fields:
    """The tables of `soils_table`, `management_table` and `weather_table`, each if there is one.

    Attributes
    ----------
    soils : dict of str to Topsoil
        By site; empty without a table.
    management : ManagementTable, optional
    weather : WeatherTable, optional
        Of readers whose own files have none.
    content : str
        What they were read from: a hash over the files, empty without any.
    """

    soils: Mapping[str, Topsoil] = field(default_factory=dict)
    management: ManagementTable | None = None
    weather: WeatherTable | None = None
    content: str = ""

    @classmethod
    def read(cls, soils: Path | None, management: Path | None, weather: Path | None = None) -> Self:
        """Read the tables that there are; raises `AgrofluxError` for a bad one."""
        digest = hashlib.sha256()
        for path in (soils, management, weather):
            digest.update(hashlib.sha256(b"" if path is None or not path.is_file() else path.read_bytes()).digest())
        return cls(
            {} if soils is None else soils_table.read(soils),
            None if management is None else management_table.read(management),
            None if weather is None else weather_table.read(weather),
            "" if soils is management is weather is None else f"fields {digest.hexdigest()[:16]}",
        )

    @property
    def inputs(self) -> tuple[str, ...]:
        """The input columns that the tables give."""
        given = {
            *(() if self.weather is None else self.weather.columns),
            *(() if self.management is None else management_table.COLUMNS),
            *(STATICS if self.soils else ()),
        }
        return tuple(name for name in INPUTS if name in given)

    def place(self, site: str) -> tuple[float, float]:
        """Latitude and longitude of a site; NaN where the table of soils says nothing."""
        soil = self.soils.get(site)
        return (np.nan, np.nan) if soil is None else (soil.lat, soil.lon)

    def known(self, site: str, years: Iterable[int]) -> list[int]:
        """Those of the years for which all of `inputs` are known: a soil of the site, a planting and whole weather."""
        if self.soils and site not in self.soils:
            return []
        known = [] if self.management is None else [set(self.management.planted(site))]
        known += [] if self.weather is None else [set(self.weather.years(site))]
        return [year for year in years if all(year in some for some in known)]

    def columns(self, rows: Sequence[tuple[str, int]]) -> dict[str, NDArray[np.float64]]:
        """`inputs` of some sites and years.

        Parameters
        ----------
        rows : sequence of (site, year)
            Of years that are `known`.

        Returns
        -------
        dict of str to array
            (rows,) each of the soil, (rows, 365) of the others.
        """
        columns: dict[str, NDArray[np.float64]] = {}
        if self.soils:
            columns |= {name: np.array([self.soils[site].values[name] for site, _ in rows]) for name in STATICS}
        if self.management is not None:
            columns |= _stacked(management_table.COLUMNS, [self.management.daily(*row) for row in rows])
        if self.weather is not None:
            columns |= _stacked(self.weather.columns, [self.weather.daily(*row) for row in rows])
        return columns

    def notes(self, found: Mapping[str, Sequence[int]]) -> list[str]:
        """What is to be said of the tables beside the files.

        Parameters
        ----------
        found : mapping of str to sequence of int
            The years that the files give, by site.
        """
        notes = []
        for site, years in found.items():
            if self.soils and site not in self.soils:
                notes.append(f"{site}: left out, as the table of soils has no row of it")
                continue
            planted = years if self.management is None else self.management.planted(site)
            if without := [year for year in years if year not in planted]:
                notes.append(
                    f"{site}: {listing(without)} left out, as the table of management has no planting in "
                    f"{'it' if len(without) == 1 else 'them'} and the crop is not known"
                )
            whole = years if self.weather is None else self.weather.years(site)
            if without := [year for year in years if year not in whole]:
                notes.append(f"{site}: {listing(without)} left out, as the table of weather lacks days of that")
        tables = {
            "soils": self.soils,
            "management": self.management.sites if self.management else (),
            "weather": self.weather.sites if self.weather else (),
        }
        for name, sites in tables.items():
            if other := [site for site in sites if site not in found]:
                notes.append(f"{listing(other)}: only in the table of {name}, no files of this name")
        return notes


def _stacked(names: Iterable[str], each: Sequence[Mapping[str, NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    """The days of some years one below the other, (years, 365) by name."""
    return {name: np.array([one[name] for one in each]).reshape(-1, DAYS) for name in names}
