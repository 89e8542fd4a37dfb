"""N2O chambers: a user's own table of measurements."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sequences import table
from agroflux_data.sources import chamber_table
from agroflux_data.sources.chamber_table import ChamberDays
from agroflux_data.sources.field_tables import FieldTables
from agroflux_data.sources.source import Site, Source
from agroflux_data.sources.years import cut_years
from agroflux_data.splits import Years
from agroflux_data.variables import DAYS, INPUTS, STATICS

__all__ = ["MIN_HOURS", "Chambers"]

MIN_HOURS = 12
"""Hours of a day with a measurement for the day's mean to count: half of them."""


class Chambers(Source):
    """Chamber tables as sequences of the ``mesocosm`` source, one a chamber and year.

    Make one with `open`. Inputs come from tables beside the measurements; those that no table gives lack.
    """

    name = "mesocosm"
    origin = "chambers"
    targets = ("N2O",)

    def __init__(
        self,
        measured: ChamberDays,
        tables: FieldTables,
        *,
        sites: tuple[Site, ...],
        years: Years,
        content: str,
        warnings: tuple[str, ...],
    ):
        self._measured, self._tables, self._sites, self._content = measured, tables, sites, content
        self.inputs, self.years, self.warnings = tables.inputs, years, warnings

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        test_from: int | None = None,
        min_hours: int = MIN_HOURS,
        weather: Path | None = None,
        management: Path | None = None,
        soils: Path | None = None,
    ) -> Self:
        """The chambers of a table, or of all tables (``*.csv``) in a folder.

        Parameters
        ----------
        path : Path
            A file as `agroflux_data.sources.chamber_table` describes, or a folder of them.
        test_from : int, optional
            First test year, in place of the benchmark's.
        min_hours : int
            A day counts with measurements in at least so many of its hours, 1 to 24.
        weather, management, soils : Path, optional
            Files of `weather_table`, `management_table` and `soils_table`.

        Raises
        ------
        AgrofluxError
            A file cannot be read, a chamber has no soil, or no year has both measurements and inputs.
        """
        if not 1 <= min_hours <= 24:
            raise AgrofluxError("no hours of a day", expected="min_hours from 1 to 24", came=min_hours)
        paths = _paths(path)
        measured = chamber_table.read(paths, min_hours)
        tables = FieldTables.read(weather, management, soils)
        notes = list(measured.notes)
        usable = {name: tables.years(name, measured.years(name)) for name in measured.names}
        for name, whole in usable.items():
            if lost := [year for year in measured.years(name) if year not in whole]:
                notes.append(f"chamber {name}: {listing(lost)} left out, as weather or management has no whole year")
        found = sorted({year for whole in usable.values() for year in whole})
        if not found:
            raise AgrofluxError(
                "no year with both measurements and inputs", expected="weather and management of the measured years",
                came="measurements in " + listing(sorted({year for _, year in measured.daily})), where=path,
            )  # fmt: skip
        years, year_notes = cut_years(found, cls.name, test_from, path)
        numbered = all(name.isdecimal() for name in measured.names)
        sites = tuple(
            Site(name, int(name) if numbered else number, *tables.place(name))
            for number, name in enumerate(measured.names, start=1)
            if any(year in years.all for year in usable[name])
        )
        if missing := [name for name in INPUTS if name not in tables.inputs]:
            notes.append(f"{listing(missing, len(INPUTS))}: left out, as no table gives them")
        files = [*paths, *(one for one in (weather, management, soils) if one is not None)]
        digest = hashlib.sha256(b"".join(hashlib.sha256(one.read_bytes()).digest() for one in files)).hexdigest()
        cuts = f"years {years.first}, {years.validation}, {years.test} to {years.last}"
        return cls(
            measured, tables, sites=sites, years=years, warnings=(*notes, *year_notes),
            content=f"files {digest[:16]}, {cuts}, min_hours {min_hours}",
        )  # fmt: skip

    @property
    def content(self) -> str:
        return self._content

    @property
    def sites(self) -> tuple[Site, ...]:
        return self._sites

    def sequences(self, sites: Sequence[Site]) -> pa.Table:
        rows = [
            (site, year)
            for site in sites
            for year in self._tables.years(site.name, self._measured.years(site.name))
            if year in self.years.all
        ]
        each = [
            self._tables.of(site.name, year) | {"N2O": self._measured.daily[site.name, year]} for site, year in rows
        ]
        columns = {
            name: np.array([row[name] for row in each]).reshape((len(rows),) if name in STATICS else (len(rows), DAYS))
            for name in (*self.inputs, *self.targets)
        }
        years = np.array([year for _, year in rows], np.int64)
        return table([site for site, _ in rows], np.zeros(len(rows), np.int64), years, columns)


def _paths(path: Path) -> tuple[Path, ...]:
    """The tables at a path."""
    found = tuple(sorted(path.glob("*.csv"))) if path.is_dir() else (path,)
    if not found or not found[0].is_file():
        raise AgrofluxError("no chamber table", expected="a CSV file or a folder with some", came="none", where=path)
    return found
