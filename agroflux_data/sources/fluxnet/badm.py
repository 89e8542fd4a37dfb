"""Where towers stand and on what, from files in the BADM interchange format.

``AMF_US-Ne1_BIF_20230922.csv`` or ``AMF_US-Ne1_FLUXNET_BIF_2001-2024_v1.3_r1.csv``: columns SITE_ID, GROUP_ID,
VARIABLE_GROUP, VARIABLE, DATAVALUE, one row a reported value (https://ameriflux.lbl.gov/data/aboutdata/badm-data-product).
Of a variable that is reported more than once the last row counts. Spreadsheets (.xlsx) are not read.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agroflux_data.errors import AgrofluxError

__all__ = ["CROPLAND", "Station", "read"]

CROPLAND = "CRO"
"""The class of cropland of the International Geosphere-Biosphere Programme."""

_COLUMNS = ("SITE_ID", "VARIABLE", "DATAVALUE")
_LATITUDE, _LONGITUDE, _COVER = "LOCATION_LAT", "LOCATION_LONG", "IGBP"
_BOUNDS = {_LATITUDE: 90.0, _LONGITUDE: 180.0}


@dataclass(frozen=True)
class Station:
    """What is reported of one tower.

    Attributes
    ----------
    lat, lon : float
        Degrees; NaN where not reported.
    cover : str
        IGBP class of the land, such as ``CRO``; empty where not reported.
    """

    lat: float
    lon: float
    cover: str


def read(paths: Sequence[Path]) -> tuple[dict[str, Station], list[str]]:
    """The stations of some files, by site, and what is to be said of the files.

    Raises
    ------
    AgrofluxError
        A file is no text, lacks a column, or reports a place that is none.
    """
    reported: dict[str, dict[str, str]] = {}
    notes = []
    for path in paths:
        if path.suffix.lower() != ".csv":
            notes.append(f"{path.name}: not read, as a spreadsheet; saved as CSV it says where the towers stand")
            continue
        for site, variable, value in _rows(path):
            reported.setdefault(site, {})[variable] = value
    stations = {}
    for site, values in reported.items():
        lat, lon = (float(values.get(name, math.nan)) for name in (_LATITUDE, _LONGITUDE))
        stations[site] = Station(lat, lon, values.get(_COVER, ""))
    return stations, notes


def _rows(path: Path) -> list[tuple[str, str, str]]:
    """Site, variable and value of the wanted rows, checked."""
    rows = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or []
            if lacking := [name for name in _COLUMNS if name not in names]:
                raise AgrofluxError(
                    f"no column {', '.join(lacking)}",
                    expected="SITE_ID,GROUP_ID,VARIABLE_GROUP,VARIABLE,DATAVALUE with commas between",
                    came=",".join(names)[:60], where=path,
                )  # fmt: skip
            for row in reader:
                site, variable, value = (str(row[name] or "").strip() for name in _COLUMNS)
                if variable in _BOUNDS and value:
                    _check(path, reader.line_num, variable, value)
                if variable in (*_BOUNDS, _COVER) and value:
                    rows.append((site, variable, value))
    except OSError as error:
        raise AgrofluxError("unreadable file", came=error.strerror, where=path) from None
    except UnicodeDecodeError:
        raise AgrofluxError("no text in UTF-8", expected="a BADM file saved as CSV UTF-8", where=path) from None
    except csv.Error as error:
        raise AgrofluxError("not readable as CSV", came=str(error), where=path) from None
    return rows


def _check(path: Path, line: int, variable: str, value: str) -> None:
    bound = _BOUNDS[variable]
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not abs(number) <= bound:
        raise AgrofluxError(
            "no place", expected=f"degrees from {-bound:g} to {bound:g}", came=value,
            where=f"{path}, line {line}, {variable}",
        )  # fmt: skip
