"""The weather generator keeps the climate of its stations, and a site's weather depends on nothing beside it."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from agroflux_data.simulators import places, weather
from agroflux_data.simulators.atmosphere import saturation_vapour_pressure
from agroflux_data.simulators.drivers import Weather
from agroflux_data.simulators.sun import extraterrestrial_radiation
from agroflux_data.sources.source import Site
from agroflux_data.variables import DAYS, VARIABLES

YEARS = 80
ROWS = places.read_table("climate.csv")
STATIONS = {row["station"]: Site(row["station"], 0, float(row["lat"]), float(row["lon"])) for row in ROWS}
MONTH = np.repeat(np.arange(12), weather.MONTH_DAYS)
NAMES = [field.name for field in fields(Weather)]


@pytest.fixture(scope="module")
def record() -> Weather:
    """80 years at the ten stations."""
    return weather.generate(11, list(STATIONS.values()), 2000, YEARS)


@pytest.fixture(scope="module")
def midwest() -> Weather:
    return weather.generate(3, places.midwest(40), 2000, 5)


def table(name: str) -> np.ndarray:
    """(12, stations)"""
    return np.array([[float(row[name]) for row in ROWS if row["station"] == station] for station in STATIONS]).T


def by_month(values: np.ndarray, statistic) -> np.ndarray:
    """(12, stations)"""
    month = np.tile(MONTH, len(values) // DAYS)
    return np.stack([statistic(values[month == number], axis=0) for number in range(12)])


@pytest.mark.parametrize(("name", "column"), [("TMAX", "tmax"), ("TMIN", "tmin")])
def test_temperatures_keep_the_monthly_means_and_deviations(record, name, column):
    values = getattr(record, name)
    # Three harmonics leave 0.3 K of the monthly means, and 80 years sample each within about 0.4 K more.
    error = by_month(values, np.mean) - table(f"{column}_mean")
    assert np.sqrt((error**2).mean()) < 0.6
    assert abs(error.mean(axis=0)).max() < 0.4
    ratio = by_month(values, np.std) / table(f"{column}_sd")
    assert 0.97 < ratio.mean() < 1.03
    assert ratio.min() > 0.8
    assert ratio.max() < 1.2


def test_rain_keeps_its_days_and_amounts(record):
    wet = record.PREC > 0
    assert abs(by_month(wet, np.mean) - table("wet_frac")).mean() < 0.02
    after_wet = np.array([wet[1:][wet[:-1, k], k].mean() for k in range(wet.shape[1])])
    np.testing.assert_allclose(after_wet, table("p_ww").mean(axis=0), atol=0.04)
    np.testing.assert_allclose(record.PREC.sum(axis=0) / YEARS, table("p_month_mean_mm").sum(axis=0), rtol=0.06)
    assert 90 < record.PREC.max() < 231


def test_years_differ_as_much_as_real_ones(record):
    rain = record.PREC.reshape(YEARS, DAYS, -1).sum(axis=1).std(axis=0)
    warmth = ((record.TMAX + record.TMIN) / 2).reshape(YEARS, DAYS, -1).mean(axis=1).std(axis=0)
    # Real stations: 105 to 205 mm and 0.6 to 1.3 K; 80 years know a deviation to about 8 %.
    assert rain.min() > 95
    assert rain.max() < 225
    assert 130 < rain.mean() < 180
    assert warmth.min() > 0.55
    assert warmth.max() < 1.4


def test_temperatures_hang_together_as_real_ones(record):
    tmax, tmin = (
        (values - np.tile(by_month(values, np.mean)[MONTH], (YEARS, 1))) / np.tile(by_month(values, np.std)[MONTH],
                                                                                    (YEARS, 1))
        for values in (record.TMAX, record.TMIN)
    )  # fmt: skip

    def correlation(a: np.ndarray, b: np.ndarray) -> float:
        return float((a * b).mean())

    assert 0.70 < correlation(tmax, tmin) < 0.80
    assert 0.58 < correlation(tmax[1:], tmax[:-1]) < 0.68
    assert 0.68 < correlation(tmin[1:], tmin[:-1]) < 0.80
    assert 0.53 < correlation(tmin[1:], tmax[:-1]) < 0.68
    assert 0.53 < correlation(tmax[1:], tmin[:-1]) < 0.68


def test_wet_summer_days_are_dull_and_cool_with_mild_nights(record):
    wet, summer = record.PREC > 0, np.isin(np.tile(MONTH, YEARS), (5, 6, 7))[:, None]

    def change(values: np.ndarray) -> float:
        return float(values[wet & summer].mean() - values[~wet & summer].mean())

    assert -2.5 < change(record.TMAX) < -0.3
    assert 0.3 < change(record.TMIN) < 3.0
    assert 0.65 < record.RADN[wet & summer].mean() / record.RADN[~wet & summer].mean() < 0.85


def test_radiation_of_the_counties_follows_the_year():
    sites = places.counties(30)
    drawn = weather.generate(5, sites, 2000, 8)
    monthly = by_month(drawn.RADN, np.mean).mean(axis=1)
    assert monthly[11] == pytest.approx(6.4, abs=0.6)
    assert monthly[6] == pytest.approx(23.5, abs=1.0)
    above = extraterrestrial_radiation(np.array([site.lat for site in sites]), np.arange(1, DAYS + 1)[:, None])
    assert (drawn.RADN / np.tile(above, (8, 1))).max() < 0.77


def test_wind_is_strongest_in_spring(record):
    monthly = by_month(record.WIND, np.mean).mean(axis=1)
    assert monthly[3] == pytest.approx(4.7, abs=0.15)
    assert monthly[7] == pytest.approx(3.4, abs=0.15)
    # A Weibull distribution of shape 2 has this ratio of deviation to mean.
    july = record.WIND[np.tile(MONTH, YEARS) == 6]
    assert july.std() / july.mean() == pytest.approx(np.sqrt(4 / np.pi - 1), abs=0.03)


def test_every_value_is_possible(midwest):
    for name in NAMES:
        values = getattr(midwest, name)
        assert values.shape == (5 * DAYS, 40)
        assert np.isfinite(values).all()
        assert values.min() >= VARIABLES[name].low
        assert values.max() <= VARIABLES[name].high
    assert (midwest.TMAX - midwest.TMIN).min() > 0.99
    assert (midwest.HMAX >= midwest.HMIN).all()
    assert (midwest.HMAX / saturation_vapour_pressure(midwest.TMAX)).max() < 1 + 1e-12
    assert (midwest.HMIN / saturation_vapour_pressure(midwest.TMIN)).max() < 1 + 1e-12
    assert midwest.HMIN.min() > 0


def test_a_site_alone_has_the_weather_that_it_has_among_others(midwest):
    sites = places.midwest(40)
    for column in (0, 17, 39):
        alone = weather.generate(3, sites[column : column + 1], 2000, 5)
        few = weather.generate(3, (sites[5], sites[column], sites[9]), 2000, 5)
        for name in NAMES:
            np.testing.assert_array_equal(getattr(alone, name)[:, 0], getattr(midwest, name)[:, column])
            np.testing.assert_array_equal(getattr(few, name)[:, 1], getattr(midwest, name)[:, column])


def test_the_seed_decides(midwest):
    again = weather.generate(3, places.midwest(40), 2000, 5)
    other = weather.generate(4, places.midwest(40), 2000, 5)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(again, name), getattr(midwest, name))
        assert not np.allclose(getattr(other, name), getattr(midwest, name))


def test_a_year_is_the_same_wherever_the_run_starts():
    sites = places.counties(4)
    long, short = weather.generate(3, sites, 2010, 4), weather.generate(3, sites, 2012, 2)
    later, sooner = long.TMAX[2 * DAYS :], short.TMAX
    # Only what the first days and months remember of the year before differs.
    assert np.abs(later - sooner)[200:].max() < 0.1


def test_neighbours_share_their_weather():
    sites = (Site("a", 1, 41.0, -92.0), Site("b", 2, 41.2, -92.2), Site("c", 3, 40.0, -83.0))
    drawn = weather.generate(3, sites, 2000, 10)
    season = np.tile(drawn.TMAX.reshape(10, DAYS, 3).mean(axis=0), (10, 1))
    near, _, far = np.corrcoef((drawn.TMAX - season).T)[np.triu_indices(3, 1)]
    assert near > 0.7
    assert near > far + 0.1
    wet = drawn.PREC > 0
    assert (wet[:, 0] == wet[:, 1]).mean() > (wet[:, 0] == wet[:, 2]).mean() + 0.05


def test_sites_of_one_place_share_it_all():
    sites = places.chambers()
    drawn = weather.generate(3, sites, 2016, 2, places=places.place_names("mesocosm", sites))
    np.testing.assert_array_equal(drawn.TMAX[:, 0], drawn.TMAX[:, 5])
    np.testing.assert_array_equal(drawn.PREC[:, 0], drawn.PREC[:, 5])


def test_elsewhere_there_is_no_climate():
    with pytest.raises(ValueError, match="no climate for Paris"):
        weather.generate(3, (Site("Paris", 1, 48.9, 2.3),), 2000, 1)
