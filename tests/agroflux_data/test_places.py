"""Places of the embedded world: real, unique, nested between scales, and where the weather generator has a climate."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from agroflux_data.simulators import places
from agroflux_data.tasks import TASKS

GIVEN = Path(__file__).parents[2] / ".." / "shared" / "process_models" / "counties.csv"


def test_there_are_as_many_places_as_at_paper_scale():
    assert len(places.counties()) == 99
    assert len(places.midwest()) == 2562
    assert len(places.towers()) == 11
    assert len(places.chambers()) == 6


@pytest.mark.parametrize("sites", [places.counties(), places.midwest(), places.towers(), places.chambers()])
def test_names_and_numbers_are_unique_and_in_order(sites):
    numbers = [site.number for site in sites]
    assert numbers == sorted(set(numbers))
    assert len({site.name for site in sites}) == len(sites)


@pytest.mark.skipif(not GIVEN.exists(), reason="the folder ../shared with the table of counties is not here")
def test_counties_are_those_of_the_given_table():
    with GIVEN.open(newline="") as file:
        given = {(row["fips"], float(row["lat"]), float(row["lon"])) for row in csv.DictReader(file)}
    assert {(site.name, site.lat, site.lon) for site in places.counties()} == given


@pytest.mark.parametrize("draw", [places.counties, places.midwest])
def test_a_smaller_scale_is_part_of_a_larger_one(draw):
    assert set(draw(6)) < set(draw(24)) < set(draw(99))


def test_a_few_counties_are_spread_out():
    def closest(sites):
        points = np.array([(site.lat, site.lon) for site in sites])
        apart = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
        return apart[np.triu_indices(len(sites), 1)].min()

    assert closest(places.counties(8)) > 1.5
    assert closest(places.counties(8)) > 5 * closest(places.counties(99))


def test_points_of_the_midwest_are_cropland_between_the_lakes():
    lat, lon = np.array([(site.lat, site.lon) for site in places.midwest()]).T
    assert lat.min() >= 38
    assert lat.max() <= 45.6
    lake_michigan = (lat > 41.6) & (lon > -87.9) & (lon < -86.2)
    lake_erie = (lat > 41.3) & (lon > -83.5)
    assert not (lake_michigan | (lake_erie & (lat < 41.9))).any()
    # Evenly over the area: the heart of Iowa has about its share of the points.
    iowa = (lat > 40.7) & (lat < 43.4) & (lon > -96) & (lon < -91.2)
    assert 0.18 < iowa.mean() < 0.30


def test_counts_out_of_range_are_refused():
    for wrong in (0, 100):
        with pytest.raises(ValueError, match="count"):
            places.counties(wrong)


def test_towers_have_five_to_nineteen_years_within_those_of_the_task():
    years = TASKS["towers_temporal"].years
    for tower in places.tower_facts().values():
        assert years.first <= tower.first_year <= tower.last_year <= years.last
        assert 5 <= tower.last_year - tower.first_year + 1 <= 19
    assert [name for name, tower in places.tower_facts().items() if tower.irrigated] == ["US-Ne1", "US-Ne2"]
    # Both the early training years and the test years have towers.
    assert sum(tower.last_year >= years.test for tower in places.tower_facts().values()) >= 5


def test_sites_of_one_farm_stand_in_one_weather():
    towers = dict(zip((site.name for site in places.towers()), places.place_names("towers", places.towers()),
                      strict=True))  # fmt: skip
    assert towers["US-Ne1"] == towers["US-Ne3"] != towers["US-Ro1"]
    assert len(set(places.place_names("mesocosm", places.chambers()))) == 1
    assert places.place_names("ecosys", places.counties(3)) == tuple(site.name for site in places.counties(3))
