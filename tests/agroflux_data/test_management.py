"""Treatments are the published designs; calendars plant in warm weeks and feed corn alone, whatever the block."""

from __future__ import annotations

import numpy as np
import pytest

from agroflux_data.simulators import management, places, weather
from agroflux_data.simulators.drivers import Management
from agroflux_data.variables import DAYS, VARIABLES

YEARS, FIRST = 12, 2000
NAMES = ("FERTZR_N", "PDOY", "PLANTT")


def plan(sites, treatments, first_year=FIRST, years=YEARS, seed=1) -> Management:
    """Every treatment on every site."""
    site_of, treatment_of = management.series(len(sites), len(treatments))
    reported = weather.generate(seed, sites, first_year, years)
    return management.calendar(
        seed, [sites[site] for site in site_of], [treatments[treatment] for treatment in treatment_of],
        reported.take(site_of), first_year,
    )  # fmt: skip


def yearly(values: np.ndarray) -> np.ndarray:
    """(years, days, series)"""
    return values.reshape(-1, DAYS, values.shape[1])


@pytest.fixture(scope="module")
def daycent() -> Management:
    return plan(places.midwest(3), management.daycent_treatments())


@pytest.fixture(scope="module")
def counties() -> Management:
    """One treatment, the highest rate, on all counties."""
    return plan(places.counties(), management.ecosys_treatments()[-1:])


def test_the_42_treatments_of_daycent_have_their_published_names():
    treatments = management.daycent_treatments()
    assert [treatment.number for treatment in treatments] == list(range(1, 43))
    by_name = {treatment.name: treatment for treatment in treatments}
    assert len(by_name) == 42
    assert by_name["C_S_150N_Planting"].rate == pytest.approx(16.8)
    assert by_name["S_C_300N_30afPlanting"].rate == pytest.approx(33.6)
    assert (by_name["S_C_150N_30afPlanting"].rotation, by_name["S_C_150N_30afPlanting"].timing) == ("soy_corn", "later")
    assert sorted(treatment.rate for treatment in treatments)[:3] == pytest.approx([0, 0, 3.36])


def test_the_20_treatments_of_ecosys_are_even_rates():
    rates = [treatment.rate for treatment in management.ecosys_treatments()]
    np.testing.assert_allclose(np.diff(rates), 33.6 / 19)
    assert (rates[0], len(rates)) == (0, 20)


@pytest.mark.parametrize(("design", "most"), [(management.daycent_treatments, 42), (management.ecosys_treatments, 20)])
def test_fewer_treatments_are_spread_and_keep_their_numbers(design, most):
    smaller = set()
    for count in (1, 2, 5, 6, most):
        some = design(count)
        numbers = [treatment.number for treatment in some]
        assert numbers == sorted(set(numbers))
        assert len(numbers) == count
        assert smaller <= set(some)
        smaller = set(some)
    assert smaller == set(design())
    rates = sorted(treatment.rate for treatment in design(5))
    assert rates[0] < 4
    assert rates[-1] == pytest.approx(33.6)
    assert 10 < rates[2] < 24
    with pytest.raises(ValueError, match="count"):
        design(most + 1)


def test_six_treatments_of_daycent_differ_in_everything():
    some = management.daycent_treatments(6)
    assert {treatment.rotation for treatment in some} == {"corn_soy", "soy_corn"}
    assert {treatment.timing for treatment in some if treatment.rate} == {"planting", "later"}


def test_each_year_is_planted_once_within_the_days_of_its_crop(daycent, counties):
    for plans in (daycent, counties):
        planted = yearly(plans.PDOY)
        np.testing.assert_array_equal(planted.sum(axis=1), 1)
        day, corn = planted.argmax(axis=1) + 1, yearly(plans.PLANTT)[:, 0] == 1
        assert day[corn].min() >= 109
        assert day[corn].max() <= 139
        assert day[~corn].min() >= 125
        assert day[~corn].max() <= 150
        np.testing.assert_array_equal(np.ptp(yearly(plans.PLANTT), axis=1), 0)


def test_planting_differs_between_years_as_at_mead():
    near_mead = tuple(site for site in places.midwest(600) if 40.5 < site.lat < 42 and site.lon < -95)
    plans = plan(near_mead, [management.Treatment(1, "corn", 15.0, "planting", "corn")], years=20)
    day = yearly(plans.PDOY).argmax(axis=1) + 1
    # US-Ne1: mean 121, deviation 9 over 21 years.
    assert day.mean() == pytest.approx(121, abs=4)
    assert day.std(axis=0).mean() == pytest.approx(9, abs=3)


def test_warm_dry_springs_are_planted_early():
    sites = places.midwest(40)
    treatment = [management.Treatment(1, "corn", 15.0, "planting", "corn")]
    plans, reported = plan(sites, treatment), weather.generate(1, sites, FIRST, YEARS)
    spring = slice(105, 125)
    warmth = yearly((reported.TMAX + reported.TMIN) / 2)[:, spring].mean(axis=1)
    rain = yearly(reported.PREC)[:, spring].sum(axis=1)
    day = yearly(plans.PDOY).argmax(axis=1)
    assert np.corrcoef(warmth.ravel(), day.ravel())[0, 1] < -0.2
    assert np.corrcoef(rain.ravel(), day.ravel())[0, 1] > 0.2


def test_corn_gets_its_rate_and_soybean_nothing(daycent):
    treatments = management.daycent_treatments()
    rates = np.tile([treatment.rate for treatment in treatments], 3)
    total, corn = yearly(daycent.FERTZR_N).sum(axis=1), yearly(daycent.PLANTT)[:, 0]
    np.testing.assert_allclose(total, corn * rates)
    odd = np.arange(FIRST, FIRST + YEARS) % 2 == 1
    starts_with_corn = np.tile([treatment.rotation == "corn_soy" for treatment in treatments], 3)
    np.testing.assert_array_equal(corn == 1, odd[:, None] == starts_with_corn)


def test_nitrogen_falls_on_the_day_of_the_treatment(daycent):
    planted = yearly(daycent.PDOY).argmax(axis=1)
    applied, fed = yearly(daycent.FERTZR_N).argmax(axis=1), yearly(daycent.FERTZR_N).sum(axis=1) > 0
    later = np.tile([treatment.timing == "later" for treatment in management.daycent_treatments()], 3)
    np.testing.assert_array_equal((applied - planted)[fed], np.broadcast_to(30 * later, fed.shape)[fed])
    assert ((yearly(daycent.FERTZR_N) > 0).sum(axis=1)[fed] == 1).all()


def test_split_nitrogen_comes_in_two(counties):
    fertiliser = yearly(counties.FERTZR_N)
    fed = fertiliser.sum(axis=1) > 0
    np.testing.assert_array_equal((fertiliser > 0).sum(axis=1)[fed], 2)
    np.testing.assert_allclose(fertiliser.max(axis=1)[fed], 0.8 * 33.6)


def test_pooled_nitrogen_has_the_published_moments(daycent):
    ecosys = plan(places.counties(20), management.ecosys_treatments())
    pooled = np.concatenate([daycent.FERTZR_N.ravel(), ecosys.FERTZR_N.ravel()])
    # E[x2] / E[x] of the published scalers is 19.7, of single applications 23.
    assert (daycent.FERTZR_N**2).sum() / daycent.FERTZR_N.sum() == pytest.approx(23.5, abs=0.1)
    assert 15 < (pooled**2).sum() / pooled.sum() < 21
    assert pooled.mean() * DAYS == pytest.approx(9.9, abs=1.5)


def test_a_quarter_of_the_counties_has_corn_every_year():
    rotations = [management.county_rotation(site, seed) for seed in range(10) for site in places.counties()]
    assert np.mean([rotation == "corn" for rotation in rotations]) == pytest.approx(0.25, abs=0.05)
    assert np.mean([rotation == "corn_soy" for rotation in rotations]) == pytest.approx(0.375, abs=0.05)


def test_towers_and_chambers_have_one_reported_treatment():
    sites = places.towers()
    treatments = management.tower_plans(sites)
    assert {treatment.number for treatment in treatments} == {0}
    names = places.place_names("towers", sites)
    reported = weather.generate(1, sites, 2000, 21, places=names)
    plans = management.calendar(1, sites, treatments, reported, 2000, places=names)
    crop = {site.name: yearly(plans.PLANTT)[:, 0, column] for column, site in enumerate(sites)}
    assert crop["US-Ne1"].all()
    assert (crop["US-Ne3"][2] == 0, crop["US-Ne3"][3] == 1) == (True, True)  # Mead: soybean in 2002, corn in 2003
    rate = yearly(plans.FERTZR_N).sum(axis=1)[:, sites.index(places.tower_facts()["US-Ne1"].site)]
    assert rate.std() > 0.5
    chambers = places.chambers()
    assert [treatment.rate for treatment in management.mesocosm_plans(chambers)] == [22.4] * 6


def test_a_series_is_the_same_in_any_block_and_any_run(daycent):
    sites, treatments = places.midwest(3), management.daycent_treatments()
    alone = plan(sites[1:2], treatments[7:8])
    for name in NAMES:
        np.testing.assert_array_equal(getattr(alone, name)[:, 0], getattr(daycent, name)[:, 42 + 7])
    other = plan(sites[1:2], treatments[7:8], seed=2)
    assert not np.array_equal(other.PDOY, alone.PDOY)


def test_every_value_is_possible(daycent, counties):
    for plans in (daycent, counties):
        for name in NAMES:
            values = getattr(plans, name)
            assert np.isfinite(values).all()
            assert values.min() >= VARIABLES[name].low
            assert values.max() <= VARIABLES[name].high


def test_the_series_of_a_site_stand_together():
    site, treatment = management.series(2, 3)
    assert (site.tolist(), treatment.tolist()) == ([0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2])


def test_lengths_must_agree():
    sites = places.counties(2)
    with pytest.raises(ValueError, match="2 sites, 1 treatments"):
        management.calendar(1, sites, management.ecosys_treatments(1), weather.generate(1, sites, 2000, 1), 2000)


def test_a_field_is_planted_after_its_county_on_days_of_its_own(counties):
    sites = list(places.counties())
    own = management.own_planting(1, sites, FIRST, counties)
    later = np.argmax(yearly(own.PDOY), axis=1) - np.argmax(yearly(counties.PDOY), axis=1)
    np.testing.assert_array_equal(yearly(own.PDOY).sum(axis=1), 1)
    assert later.min() == 0
    assert later.max() <= 35
    assert later.mean() == pytest.approx(9.5, abs=1)
    assert later.std() == pytest.approx(8.5, abs=1)
    for name in ("FERTZR_N", "PLANTT"):
        np.testing.assert_array_equal(getattr(own, name), getattr(counties, name))
    alone = management.own_planting(1, sites[7:8], FIRST, counties.take(np.array([7])))
    np.testing.assert_array_equal(alone.PDOY[:, 0], own.PDOY[:, 7])
    assert not np.array_equal(management.own_planting(2, sites, FIRST, counties).PDOY, own.PDOY)
