"""The topsoil of a user's sites: a small CSV file, one row a site.

::

    site,TBKDS,TCSAND,TCSILT,TPH,TSOC,lat,lon
    US-Ne1,1.42,110,580,6.3,16.5,41.165,-96.477

Bulk density in Mg m-3, sand and silt in g kg-1 of the mineral soil, pH, organic carbon in g kg-1: the units of
`agroflux_data.variables`, and all five known. ``lat`` and ``lon``, degrees north and east, may be left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agroflux_data.errors import AgrofluxError
from agroflux_data.sources.fields.csv_rows import Row
from agroflux_data.sources.fields.csv_rows import read as read_rows
from agroflux_data.variables import STATICS, VARIABLES

__all__ = ["Topsoil", "read"]

_WHOLE = 1000
"""g kg-1: sand, silt and clay together."""
_PER_CENT = 100
"""g kg-1: sand and silt of less together are no soil but a share in per cent."""


@dataclass(frozen=True)
class Topsoil:
    """One site's row.

    Attributes
    ----------
    values : dict of str to float
        TBKDS, TCSAND, TCSILT, TPH and TSOC in the units of `agroflux_data.variables`.
    lat, lon : float
        Degrees; NaN where the file says nothing.
    """

    values: dict[str, float]
    lat: float
    lon: float


def read(path: Path) -> dict[str, Topsoil]:
    """The soils of a file by site.

    Raises
    ------
    AgrofluxError
        The file cannot be read, lacks a column, a value is missing, impossible or in per cent, or a site comes twice.
    """
    soils: dict[str, Topsoil] = {}
    lines: dict[str, int] = {}
    for row in read_rows(path, ("site", *STATICS), ("lat", "lon")):
        site = row.text("site", "the name of a site")
        if site in soils:
            raise AgrofluxError(
                f"site {site} twice", expected="one row a site", came=f"lines {lines[site]} and {row.line}", where=path
            )
        soils[site], lines[site] = _topsoil(row), row.line
    return soils


def _topsoil(row: Row) -> Topsoil:
    values = {
        name: row.number(name, VARIABLES[name].low, VARIABLES[name].high, VARIABLES[name].unit) for name in STATICS
    }
    texture = values["TCSAND"] + values["TCSILT"]
    if not _PER_CENT < texture <= _WHOLE:
        raise row.error(
            "impossible texture", f"TCSAND + TCSILT of more than {_PER_CENT} to {_WHOLE} g kg-1 (10 g kg-1 are 1 %)",
            came=f"{texture:g}",
        )  # fmt: skip
    if bool(row["lat"]) != bool(row["lon"]):
        raise row.error("half a place", "lat and lon, or neither", came=f"lat {row['lat']!r}, lon {row['lon']!r}")
    if not row["lat"]:
        return Topsoil(values, np.nan, np.nan)
    return Topsoil(values, row.number("lat", -90, 90, "degrees"), row.number("lon", -180, 180, "degrees"))
