"""Soils are possible, hang together, have the published spread, and do not depend on the block."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from agroflux_data.simulators import places, soils
from agroflux_data.simulators.drivers import Soil
from agroflux_data.simulators.hydraulics import ORGANIC_MATTER, saxton_rawls
from agroflux_data.variables import VARIABLES

COLUMNS = {
    "bulk_density": "TBKDS", "sand": "TCSAND", "silt": "TCSILT", "ph": "TPH", "organic_carbon": "TSOC",
}  # fmt: skip
PUBLISHED = {
    "TBKDS": (1.356, 0.155), "TCSAND": (188.3, 157.8), "TCSILT": (532.8, 133.0), "TPH": (6.33, 0.81),
    "TSOC": (14.46, 7.75),
}  # fmt: skip


@pytest.fixture(scope="module")
def counties() -> list[Soil]:
    """The counties' soils under ten seeds."""
    return [soils.draw(places.counties(), seed) for seed in range(10)]


@pytest.mark.parametrize("field", COLUMNS)
def test_means_and_deviations_are_near_the_published_ones(counties, field):
    values = np.concatenate([getattr(soil, field) for soil in counties])
    mean, sd = PUBLISHED[COLUMNS[field]]
    assert abs(values.mean() - mean) < 0.15 * sd
    assert 0.8 < values.std() / sd < 1.2


def test_every_soil_is_possible_and_holds_water(counties):
    for soil in [*counties, soils.draw(places.midwest(800), 1)]:
        for field, name in COLUMNS.items():
            values = getattr(soil, field)
            assert np.isfinite(values).all()
            assert values.min() > VARIABLES[name].low
            assert values.max() < VARIABLES[name].high
        clay = 1000 - soil.sand - soil.silt
        assert clay.min() > 59
        water = saxton_rawls(soil.sand / 1000, clay / 1000, ORGANIC_MATTER * soil.organic_carbon, soil.bulk_density)
        assert (water.wilting_point > 0.02).all()
        assert (water.field_capacity > water.wilting_point + 0.02).all()
        assert (water.saturation > water.field_capacity + 0.049).all()


def test_carbon_loosens_and_sand_starves(counties):
    pooled = {field: np.concatenate([getattr(soil, field) for soil in counties]) for field in COLUMNS}
    assert np.corrcoef(pooled["organic_carbon"], pooled["bulk_density"])[0, 1] < -0.3
    assert np.corrcoef(pooled["sand"], pooled["organic_carbon"])[0, 1] < -0.1


def test_a_site_alone_has_the_soil_that_it_has_among_others():
    sites = places.midwest(30)
    together = soils.draw(sites, 1)
    for index in (0, 12, 29):
        alone = soils.draw(sites[index : index + 1], 1)
        for field in fields(Soil):
            assert getattr(alone, field.name)[0] == getattr(together, field.name)[index]


def test_the_seed_decides_and_one_field_is_one_soil():
    sites = places.counties(20)
    again, other = soils.draw(sites, 1), soils.draw(sites, 2)
    np.testing.assert_array_equal(again.sand, soils.draw(sites, 1).sand)
    assert not np.allclose(again.sand, other.sand)
    chambers = places.chambers()
    shared = soils.draw(chambers, 1, places=places.place_names("mesocosm", chambers))
    assert np.ptp(shared.sand) == 0
