"""The weather at a user's sites: a CSV file, one row a site and day.

::

    site,date,TMAX,TMIN,PREC,RADN,HMAX,HMIN,WIND
    1,2016-01-01,-2.5,-9.0,0.0,6.1,0.45,0.28,4.2

``site`` empty stands for all sites: chambers of one field have one weather. ``date`` is yyyy-mm-dd. TMAX, TMIN (degC)
and PREC (mm d-1) are needed; RADN (MJ m-2 d-1), HMAX, HMIN (kPa) and WIND (m s-1) may be left out as columns. A year
counts where each of its 365 days is there; 29 February may be, and is dropped.
"""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.sources.fields.csv_rows import read as read_rows
from agroflux_data.sources.years import day_of_year
from agroflux_data.variables import DAYS, VARIABLES

__all__ = ["NEEDED", "OPTIONAL", "WeatherTable", "read"]

NEEDED = ("TMAX", "TMIN", "PREC")
OPTIONAL = ("RADN", "HMAX", "HMIN", "WIND")


class WeatherTable:
    """Whole years of weather by site.

    Attributes
    ----------
    columns : tuple of str
        The variables that the file has.
    """

    def __init__(self, columns: tuple[str, ...], years: dict[tuple[str, int], NDArray[np.float64]]):
        self.columns = columns
        self._years = {key: days for key, days in years.items() if not np.isnan(days).any()}

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites that are named, sorted; none where one weather stands for all."""
        return tuple(sorted({site for site, _ in self._years if site}))

    def years(self, site: str) -> tuple[int, ...]:
        """The whole years of a site, ascending."""
        return tuple(sorted({year for name, year in self._years if name in ("", site)}))

    def daily(self, site: str, year: int) -> dict[str, NDArray[np.float64]]:
        """Each of `columns` in a year of `years`, (365,); KeyError for any other year."""
        days = self._years.get((site, year))
        days = self._years["", year] if days is None else days
        return dict(zip(self.columns, days.T, strict=True))


def read(path: Path) -> WeatherTable:
    """The weather of a file.

    Raises
    ------
    AgrofluxError
        The file cannot be read, lacks a column, a value is missing or impossible, TMIN is above TMAX, or a day of a
        site comes twice.
    """
    rows = read_rows(path, ("date", *NEEDED), ("site", *OPTIONAL))
    columns = (*NEEDED, *(name for name in OPTIONAL if any(row[name] for row in rows)))
    lines: dict[tuple[str, datetime.date], int] = {}
    years: dict[tuple[str, int], NDArray[np.float64]] = {}
    for row in rows:
        site, date = row["site"], row.date("date")
        if (site, date) in lines:
            raise AgrofluxError(
                f"a day twice: {date} of {site or 'all sites'}", expected="one row a site and day",
                came=f"lines {lines[site, date]} and {row.line}", where=path,
            )  # fmt: skip
        lines[site, date] = row.line
        numbers = [
            row.number(name, VARIABLES[name].low, VARIABLES[name].high, VARIABLES[name].unit) for name in columns
        ]
        if numbers[1] > numbers[0]:
            raise row.error("TMIN above TMAX", "TMIN of at most TMAX", came=f"{numbers[1]:g} and {numbers[0]:g}")
        if (date.month, date.day) != (2, 29):
            days = years.setdefault((site, date.year), np.full((DAYS, len(columns)), np.nan))
            days[day_of_year(date)] = numbers
    return WeatherTable(columns, years)
