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
from agroflux_data.sources.chambers import chamber_table
from agroflux_data.sources.chambers.chamber_table import ChamberDays
from agroflux_data.sources.fields.fields import Fields
from agroflux_data.sources.source import Site, Source
from agroflux_data.sources.years import cut_years
from agroflux_data.splits import Years
from agroflux_data.variables import DAYS, INPUTS

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
        fields: Fields,
        *,
        sites: tuple[Site, ...],
        years: Years,
        content: str,
        warnings: tuple[str, ...],
    ):
        self._measured, self._fields, self._sites, self._content = measured, fields, sites, content
        self.inputs, self.years, self.warnings = fields.inputs, years, warnings

    @classmethod
    def open(
        cls, path: Path, *, test_from: int | None = None, min_hours: int = MIN_HOURS, fields: Fields = Fields()
    ) -> Self:
        """The chambers of a table, or of all tables (``*.csv``) in a folder.

        Parameters
        ----------
        path : Path
            A file as `agroflux_data.sources.chambers.chamber_table` describes, or a folder of them.
        test_from : int, optional
            First test year, in place of the benchmark's.
        min_hours : int
            A day counts with measurements in at least so many of its hours, 1 to 24.
        fields : Fields
            Where the inputs come from.

        Raises
        ------
        AgrofluxError
            A file cannot be read, or no year has both measurements and inputs.
        """
        if not 1 <= min_hours <= 24:
            raise AgrofluxError("no hours of a day", expected="min_hours from 1 to 24", came=min_hours)
        paths = _paths(path)
        measured = chamber_table.read(paths, min_hours)
        usable = {name: fields.known(name, measured.years(name)) for name in measured.names}
        notes = [*measured.notes, *fields.notes({name: measured.years(name) for name in measured.names})]
        found = sorted({year for years in usable.values() for year in years})
        if not found:
            raise AgrofluxError(
                "no year with both measurements and inputs", expected="soils, management and weather of them",
                came=listing(notes, 2), where=path,
            )  # fmt: skip
        cut, year_notes = cut_years(found, cls.name, test_from, path)
        numbered = all(name.isdecimal() for name in measured.names)
        sites = tuple(
            Site(name, int(name) if numbered else number, *fields.place(name))
            for number, name in enumerate(measured.names, start=1)
            if any(year in cut.all for year in usable[name])
        )
        if missing := [name for name in INPUTS if name not in fields.inputs]:
            notes.append(f"{listing(missing, len(INPUTS))}: left out, as no table gives them")
        digest = hashlib.sha256(b"".join(hashlib.sha256(one.read_bytes()).digest() for one in paths)).hexdigest()
        cuts = f"years {cut.first}, {cut.validation}, {cut.test} to {cut.last}"
        content = ", ".join(filter(None, (f"files {digest[:16]}", fields.content, cuts, f"min_hours {min_hours}")))
        return cls(measured, fields, sites=sites, years=cut, warnings=(*notes, *year_notes), content=content)

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
            for year in self._fields.known(site.name, self._measured.years(site.name))
            if year in self.years.all
        ]
        names = [(site.name, year) for site, year in rows]
        columns = self._fields.columns(names)
        columns["N2O"] = np.array([self._measured.daily[name] for name in names]).reshape(-1, DAYS)
        years = np.array([year for _, year in names], np.int64)
        return table([site for site, _ in rows], np.zeros(len(rows), np.int64), years, columns.items())


def _paths(path: Path) -> tuple[Path, ...]:
    """The tables at a path."""
    found = tuple(sorted(path.glob("*.csv"))) if path.is_dir() else (path,)
    if not found or not found[0].is_file():
        raise AgrofluxError("no chamber table", expected="a CSV file or a folder with some", came="none", where=path)
    return found
