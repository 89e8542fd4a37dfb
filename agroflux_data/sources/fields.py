"""What a user's tables say of the fields: soils and management as inputs of the sequences."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agroflux_data.errors import listing
from agroflux_data.sources import management_table, soils_table
from agroflux_data.sources.management_table import ManagementTable
from agroflux_data.sources.soils_table import Topsoil
from agroflux_data.variables import DAYS, STATICS

__all__ = ["Fields"]


@dataclass(frozen=True)
class Fields:
    """The two tables of `soils_table` and `management_table`, each if there is one.

    Attributes
    ----------
    soils : dict of str to Topsoil
        By site; empty without a table.
    management : ManagementTable, optional
    content : str
        What they were read from: a hash over the files, empty without any.
    """

    soils: Mapping[str, Topsoil] = field(default_factory=dict)
    management: ManagementTable | None = None
    content: str = ""

    @classmethod
    def read(cls, soils: Path | None, management: Path | None) -> Self:
        """Read the tables that there are; raises `AgrofluxError` for a bad one."""
        digest = hashlib.sha256()
        for path in (soils, management):
            digest.update(hashlib.sha256(b"" if path is None or not path.is_file() else path.read_bytes()).digest())
        return cls(
            {} if soils is None else soils_table.read(soils),
            None if management is None else management_table.read(management),
            "" if soils is management is None else f"fields {digest.hexdigest()[:16]}",
        )

    @property
    def inputs(self) -> tuple[str, ...]:
        """The input columns that the tables give."""
        return (() if self.management is None else management_table.COLUMNS) + (STATICS if self.soils else ())

    def place(self, site: str) -> tuple[float, float]:
        """Latitude and longitude of a site; NaN where the table of soils says nothing."""
        soil = self.soils.get(site)
        return (np.nan, np.nan) if soil is None else (soil.lat, soil.lon)

    def known(self, site: str, years: Iterable[int]) -> list[int]:
        """Those of the years for which all of `inputs` are known: the site has a soil, and the year a planting."""
        if self.soils and site not in self.soils:
            return []
        if self.management is None:
            return list(years)
        planted = self.management.planted(site)
        return [year for year in years if year in planted]

    def columns(self, rows: Sequence[tuple[str, int]]) -> dict[str, NDArray[np.float64]]:
        """`inputs` of some sites and years.

        Parameters
        ----------
        rows : sequence of (site, year)
            Of years that are `known`.

        Returns
        -------
        dict of str to array
            (rows,) each of the soil, (rows, 365) of the management.
        """
        columns: dict[str, NDArray[np.float64]] = {}
        if self.soils:
            columns |= {name: np.array([self.soils[site].values[name] for site, _ in rows]) for name in STATICS}
        if self.management is not None:
            days = [self.management.daily(site, year) for site, year in rows]
            columns |= {
                name: np.array([day[name] for day in days]).reshape(-1, DAYS) for name in management_table.COLUMNS
            }
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
            elif without := [year for year in years if year not in self.known(site, years)]:
                notes.append(
                    f"{site}: {listing(without)} left out, as the table of management has no planting in "
                    f"{'it' if len(without) == 1 else 'them'} and the crop is not known"
                )
        tables = {"soils": self.soils, "management": self.management.sites if self.management else ()}
        for name, sites in tables.items():
            if other := [site for site in sites if site not in found]:
                notes.append(f"{listing(other)}: only in the table of {name}, no files of this name")
        return notes
