"""Where the embedded world lies: counties, points of the Corn Belt, eddy covariance towers, and the chambers.

Coordinates, counties and the towers' periods and rotations are facts about real places; nothing measured there is here.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, cast

import numpy as np

from agroflux_data.randomness import stream
from agroflux_data.simulators.spreading import farthest_first
from agroflux_data.sources.source import Site
from agroflux_data.splits import SITE_SEED

__all__ = [
    "CHAMBERS",
    "COUNTIES",
    "MIDWEST",
    "TOWERS",
    "Rotation",
    "Tower",
    "chambers",
    "counties",
    "midwest",
    "place_names",
    "read_table",
    "tower_facts",
    "towers",
]

Rotation = Literal["corn", "corn_soy", "soy_corn"]
"""Corn every year; corn in odd years; corn in even years."""

COUNTIES = 99
MIDWEST = 2562
"""Points of the simulated Corn Belt at paper scale."""
TOWERS = 11
CHAMBERS = 6

_CHAMBER_PLACE = "St Paul"
_CHAMBER_LAT, _CHAMBER_LON = 44.99, -93.18
"""The mesocosm facility in St Paul, Minnesota."""

# South, north, west, east in degrees: rainfed cropland of ten states, clear of the Great Lakes.
_CORN_BELT = np.array(
    [
        (40.7, 43.4, -96.0, -91.2),  # Iowa
        (38.0, 41.5, -91.0, -87.6),  # Illinois
        (41.5, 42.4, -90.8, -88.0),  # northern Illinois, west of Lake Michigan
        (38.3, 41.5, -87.5, -84.9),  # Indiana
        (39.3, 41.2, -84.7, -82.0),  # Ohio
        (41.9, 43.2, -85.9, -83.6),  # southern Michigan
        (42.6, 43.8, -90.8, -88.2),  # southern Wisconsin
        (43.6, 45.6, -96.2, -92.6),  # southern Minnesota
        (38.8, 40.5, -95.2, -91.5),  # northern Missouri
        (40.2, 42.4, -98.5, -96.3),  # eastern Nebraska
        (43.0, 45.2, -98.0, -96.7),  # eastern South Dakota
    ]
)


@dataclass(frozen=True)
class Tower:
    """What management and observation need to know about a tower.

    Attributes
    ----------
    site : Site
    first_year, last_year : int
        The record within 2000-2020, both included.
    rotation : {"corn", "corn_soy", "soy_corn"}
    irrigated : bool
    nitrogen : float
        Typical rate in a corn year, g N m-2.
    place : str
        Towers of one place stand in the same weather.
    """

    site: Site
    first_year: int
    last_year: int
    rotation: Rotation
    irrigated: bool
    nitrogen: float
    place: str


def read_table(name: str) -> list[dict[str, str]]:
    """The rows of a CSV table of this package."""
    text = resources.files("agroflux_data.simulators").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def _spread_counties() -> tuple[Site, ...]:
    """All counties, each as far as possible from those before it, from the middle outwards."""
    rows = sorted(read_table("counties.csv"), key=lambda row: int(row["fips"]))
    sites = [Site(row["fips"], int(row["fips"]), float(row["lat"]), float(row["lon"])) for row in rows]
    places = np.array([(site.lat, site.lon * np.cos(np.radians(41))) for site in sites])
    middle = int(np.argmin(((places - places.mean(axis=0)) ** 2).sum(axis=1)))
    return tuple(sites[index] for index in farthest_first(places, middle))


def _checked(count: int, most: int | None = None) -> int:
    if count < 1 or (most is not None and count > most):
        raise ValueError(f"expected a count of 1 to {most or 'any'}, got {count}")
    return count


def counties(count: int = COUNTIES) -> tuple[Site, ...]:
    """Counties of Illinois, Indiana and Iowa, spread out; a smaller set is part of every larger one.

    The number of a site is its FIPS code. In order of the numbers.
    """
    return tuple(sorted(_spread_counties()[: _checked(count, COUNTIES)], key=lambda site: site.number))


def midwest(count: int = MIDWEST) -> tuple[Site, ...]:
    """Points drawn evenly over the Corn Belt by the published site seed: ``MW0001`` and on.

    A smaller set is the beginning of every larger one.
    """
    south, north, west, east = _CORN_BELT.T
    area = (east - west) * (np.sin(np.radians(north)) - np.sin(np.radians(south)))
    choice, up, right = stream(SITE_SEED, "midwest").random((_checked(count), 3)).T
    region = np.searchsorted(np.cumsum(area) / area.sum(), choice)
    lat = south[region] + up * (north - south)[region]
    lon = west[region] + right * (east - west)[region]
    return tuple(
        Site(f"MW{number:04d}", number, round(float(lat[number - 1]), 4), round(float(lon[number - 1]), 4))
        for number in range(1, count + 1)
    )


@cache
def tower_facts() -> dict[str, Tower]:
    """All towers by name, in the order of their numbers."""
    return {
        row["name"]: Tower(
            site=Site(row["name"], number, float(row["lat"]), float(row["lon"])),
            first_year=int(row["first_year"]),
            last_year=int(row["last_year"]),
            rotation=cast(Rotation, row["rotation"]),
            irrigated=row["irrigated"] == "1",
            nitrogen=float(row["nitrogen"]),
            place=row["place"],
        )
        for number, row in enumerate(read_table("towers.csv"), start=1)
    }


def towers() -> tuple[Site, ...]:
    """The eddy covariance towers in corn and soybean of the Midwest."""
    return tuple(tower.site for tower in tower_facts().values())


def chambers() -> tuple[Site, ...]:
    """The mesocosm chambers, ``0`` to ``5``, all in one place."""
    return tuple(Site(str(number), number, _CHAMBER_LAT, _CHAMBER_LON) for number in range(CHAMBERS))


def place_names(source: str, sites: tuple[Site, ...] | list[Site]) -> tuple[str, ...]:
    """What the weather of each site is drawn by.

    Chambers of one facility and towers of one farm stand in the same weather; every other site has its own.
    """
    if source == "mesocosm":
        return (_CHAMBER_PLACE,) * len(sites)
    if source == "towers":
        return tuple(tower_facts()[site.name].place for site in sites)
    return tuple(site.name for site in sites)
