"""What small tables beside a user's measurements say of the fields: weather, management and soils."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sources import management_table, soils_table, weather_table
from agroflux_data.variables import INPUTS, STATICS

__all__ = ["FieldTables"]


@dataclass(frozen=True)
class FieldTables:
    """The tables that were given; each is None where it was not."""

    weather: weather_table.WeatherTable | None
    management: management_table.ManagementTable | None
    soils: dict[str, soils_table.Topsoil] | None

    @classmethod
    def read(cls, weather: Path | None, management: Path | None, soils: Path | None) -> Self:
        """Read the tables; raises `AgrofluxError` as their modules do."""
        return cls(
            None if weather is None else weather_table.read(weather),
            None if management is None else management_table.read(management),
            None if soils is None else soils_table.read(soils),
        )

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that the tables give."""
        given = {
            *(self.weather.columns if self.weather else ()),
            *(management_table.COLUMNS if self.management else ()),
            *(STATICS if self.soils else ()),
        }
        return tuple(name for name in INPUTS if name in given)

    def years(self, site: str, years: Iterable[int]) -> tuple[int, ...]:
        """Those of some years in which all inputs of a site are known.

        Raises
        ------
        AgrofluxError
            There is a table of soils, and it lacks the site.
        """
        if self.soils is not None and site not in self.soils:
            raise AgrofluxError(
                "no soil of a site", expected=f"a row for {site}", came=listing(self.soils), where="soils"
            )
        weather = None if self.weather is None else set(self.weather.years(site))
        planted = None if self.management is None else set(self.management.planted(site))
        return tuple(year for year in years if all(known is None or year in known for known in (weather, planted)))

    def of(self, site: str, year: int) -> dict[str, NDArray[np.float64] | float]:
        """Each of `inputs` in a year of `years`: (365,), statics ()."""
        values: dict[str, NDArray[np.float64] | float] = {}
        if self.weather is not None:
            values |= self.weather.daily(site, year)
        if self.management is not None:
            values |= self.management.daily(site, year)
        if self.soils is not None:
            values |= self.soils[site].values
        return values

    def place(self, site: str) -> tuple[float, float]:
        """Latitude and longitude, degrees; NaN where nothing says."""
        if self.soils is None:
            return np.nan, np.nan
        return self.soils[site].lat, self.soils[site].lon
