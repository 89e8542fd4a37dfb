"""Records of towers and chambers: errors and gaps of the sizes that are claimed, and from the secret alone."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from numpy.typing import NDArray

from agroflux_data.simulators.drivers import Management, Weather
from agroflux_data.simulators.observation import (
    ANALYSER_RANGE,
    CHAMBER_DAYS,
    DETECTION_LIMIT,
    chamber_record,
    field_management,
    field_weather,
    tower_record,
)
from agroflux_data.variables import DAYS, VARIABLES

YEARS, FIRST = 40, 2000
SECRET = b"secret"


def season(peak: float, sharpness: float = 6.0) -> NDArray[np.floating]:
    """(years, 365) of one summer hump."""
    day = np.arange(DAYS)
    return np.tile(peak * np.exp(-((day - 200) ** 2) / (2 * (DAYS / 2 / sharpness) ** 2)), (YEARS, 1))


def truth() -> dict[str, NDArray[np.floating]]:
    gpp, reco, et = season(22.0), 0.6 + season(8.0, 4.0), 0.4 + season(4.5, 4.0)
    return {"GPP": gpp, "RECO": reco, "NEE": reco - gpp, "ET": et}


def rain(sites: int = 1) -> NDArray[np.floating]:
    generator = np.random.default_rng(0)
    return np.where(generator.random((YEARS * DAYS, sites)) < 0.3, generator.gamma(0.7, 13, (YEARS * DAYS, sites)), 0)


def weather(sites: int) -> Weather:
    day = np.tile(np.arange(DAYS), YEARS)[:, None] + np.zeros(sites)
    mean = 10 - 14 * np.cos(2 * np.pi * day / DAYS)
    return Weather(mean + 5, mean - 5, rain(sites), 14 - 8 * np.cos(2 * np.pi * day / DAYS), *(np.ones_like(day),) * 3)


def management(sites: int) -> Management:
    fertiliser = np.zeros((YEARS, DAYS, sites))
    fertiliser[::2, 125], fertiliser[::2, 160] = 12.0, 5.0
    # Two ends of the year, where a shift must not leave it.
    fertiliser[1, 0], fertiliser[3, 364] = 3.0, 3.0
    flat = fertiliser.reshape(-1, sites)
    return Management(flat, np.zeros_like(flat), np.ones_like(flat))


@pytest.fixture(scope="module")
def record() -> dict[str, NDArray[np.floating]]:
    return tower_record(SECRET, "US-Ne1", FIRST, truth())


@pytest.fixture(scope="module")
def chamber() -> NDArray[np.floating]:
    return chamber_record(SECRET, "1", FIRST, season(2e-3), rain().reshape(YEARS, DAYS))


def test_records_are_reproducible_and_a_year_stands_alone(record: dict, chamber: NDArray) -> None:
    part = tower_record(SECRET, "US-Ne1", FIRST + 5, {name: values[5:9] for name, values in truth().items()})
    for name, values in part.items():
        np.testing.assert_array_equal(values, record[name][5:9])
    wet = rain().reshape(YEARS, DAYS)
    np.testing.assert_array_equal(chamber_record(SECRET, "1", FIRST + 5, season(2e-3)[5:9], wet[5:9]), chamber[5:9])


def test_another_secret_is_another_record(record: dict, chamber: NDArray) -> None:
    other = tower_record(b"other", "US-Ne1", FIRST, truth())
    assert not np.any(other["NEE"] == record["NEE"])
    wet = rain().reshape(YEARS, DAYS)
    both = ~np.isnan(chamber) & (chamber > 0)
    assert not np.any(chamber_record(b"other", "1", FIRST, season(2e-3), wet)[both] == chamber[both])


def test_tower_errors_grow_with_the_flux_as_claimed(record: dict) -> None:
    true = truth()
    error = record["NEE"] - true["NEE"]
    for days in (slice(0, 60), slice(190, 210)):
        scale = 0.3 + 0.05 * np.abs(true["NEE"][:, days])
        # The mean absolute value of a Laplace variable is its scale.
        assert np.nanmean(np.abs(error[:, days]) / scale) == pytest.approx(1, abs=0.1)
    error = record["GPP"] - true["GPP"]
    assert 0.2 < np.nanstd(error[:, :60]) < 0.5
    assert 1.0 < np.nanstd(error[:, 190:210]) < 2.0
    assert -2.0 < np.nanmin(record["GPP"][:, :60]) < -0.3
    yearly = np.nanmean(record["RECO"], axis=1) / np.nanmean(
        np.where(np.isnan(record["RECO"]), np.nan, true["RECO"]), axis=1
    )
    assert 0.04 < np.mean(np.abs(yearly - 1)) < 0.11


def test_nee_is_nearly_but_not_exactly_reco_minus_gpp(record: dict) -> None:
    rest = record["NEE"] - (record["RECO"] - record["GPP"])
    assert 0.05 < np.nanmedian(np.abs(rest)) < 1.0


def test_tower_et_lacks_energy_balance_closure(record: dict) -> None:
    seen = ~np.isnan(record["ET"])
    assert 0.72 < record["ET"][seen].sum() / truth()["ET"][seen].sum() < 0.93


def test_tower_gaps_are_shared_by_carbon_and_leave_most_days(record: dict) -> None:
    missing = np.isnan(record["NEE"])
    np.testing.assert_array_equal(missing, np.isnan(record["GPP"]))
    np.testing.assert_array_equal(missing, np.isnan(record["RECO"]))
    assert np.all(np.isnan(record["ET"][missing]))
    assert 0.10 < missing.mean() < 0.35
    # Unequal years, and gaps of weeks.
    assert missing.mean(axis=1).std() > 0.05
    runs = np.diff(np.flatnonzero(np.diff(np.pad(missing.ravel(), 1).astype(int))))[::2]
    assert runs.max() > 25


@pytest.mark.parametrize("name", ["GPP", "RECO", "NEE", "ET"])
def test_tower_values_are_possible(record: dict, name: str) -> None:
    seen = record[name][~np.isnan(record[name])]
    assert VARIABLES[name].low <= seen.min()
    assert seen.max() <= VARIABLES[name].high


def test_chambers_see_only_their_season(chamber: NDArray) -> None:
    inside = np.zeros(DAYS, bool)
    inside[CHAMBER_DAYS] = True
    assert inside.sum() == 122
    assert np.all(np.isnan(chamber[:, ~inside]))
    assert 0.02 < np.isnan(chamber[:, inside]).mean() < 0.2


def test_chambers_have_hot_moments_and_a_detection_limit(chamber: NDArray) -> None:
    seen = chamber[~np.isnan(chamber)]
    assert not np.any((np.abs(seen) > 0) & (np.abs(seen) < DETECTION_LIMIT))
    assert np.any(chamber_record(SECRET, "1", FIRST, np.zeros((2, DAYS)), np.zeros((2, DAYS)))[:, 100:110] == 0)

    assert np.nanmax(chamber_record(SECRET, "1", FIRST, season(5.0), rain().reshape(YEARS, DAYS))) == ANALYSER_RANGE

    def top(values: NDArray) -> float:
        return float(np.sort(values)[-len(values) // 20 :].sum() / values.sum())

    field = season(2e-3)[:, CHAMBER_DAYS].ravel()
    assert top(seen) > top(field) + 0.1
    assert seen.max() < VARIABLES["N2O"].high


def test_chambers_differ_in_their_level() -> None:
    wet = rain().reshape(YEARS, DAYS)
    means = [np.nanmean(chamber_record(SECRET, str(unit), FIRST, season(2e-3), wet)) for unit in range(30)]
    assert 0.4 < np.std(np.log(means)) < 1.0


def test_field_weather_is_warmer_or_colder_by_a_bias_and_wetter_than_its_gauge() -> None:
    sites = [f"US-{number}" for number in range(40)]
    reported = weather(len(sites))
    field = field_weather(SECRET, "towers", sites, FIRST, reported, ())
    assert np.std((field.TMAX - reported.TMAX).mean(axis=0)) == pytest.approx(0.4, abs=0.12)
    np.testing.assert_allclose(field.TMAX - field.TMIN, reported.TMAX - reported.TMIN)
    lost = 1 - reported.PREC.sum(axis=0) / field.PREC.sum(axis=0)
    assert lost.min() > 0.03
    assert lost.max() < 0.14
    np.testing.assert_array_equal(field.PREC == 0, reported.PREC == 0)
    changed = np.abs((field.TMAX - reported.TMAX) - np.median(field.TMAX - reported.TMAX, axis=0)) > 1e-9
    assert 0.07 < changed.mean() < 0.13
    for name in ("HMAX", "HMIN", "WIND"):
        np.testing.assert_array_equal(getattr(field, name), getattr(reported, name))


def test_irrigation_waters_the_summer_and_shows_in_no_input() -> None:
    reported = weather(2)
    before = reported.PREC.copy()
    dry = field_weather(SECRET, "towers", ["a", "b"], FIRST, reported, ())
    wet = field_weather(SECRET, "towers", ["a", "b"], FIRST, reported, ("b",))
    np.testing.assert_array_equal(reported.PREC, before)
    np.testing.assert_array_equal(wet.PREC[:, 0], dry.PREC[:, 0])
    added = (wet.PREC - dry.PREC)[:, 1].reshape(YEARS, DAYS)
    assert 80 < added.sum(axis=1).mean() < 250
    assert np.all(added[:, :150] == 0)
    assert np.all(added[:, 250:] == 0)


def test_field_management_moves_and_scales_each_application_within_its_year() -> None:
    reported = management(30)
    field = field_management(SECRET, "towers", [str(site) for site in range(30)], FIRST, reported)
    told = reported.FERTZR_N.reshape(YEARS, DAYS, 30)
    done = field.FERTZR_N.reshape(YEARS, DAYS, 30)
    np.testing.assert_array_equal((told > 0).sum(axis=1), (done > 0).sum(axis=1))
    ratio = done.sum(axis=1)[::2] / told.sum(axis=1)[::2]
    assert np.std(ratio) == pytest.approx(0.08 * np.hypot(12, 5) / 17, rel=0.15)
    shift = np.argmax(done[::2], axis=1) - 125
    assert set(np.unique(shift)) == set(range(-5, 6))
    for name in (f.name for f in fields(Management)):
        if name != "FERTZR_N":
            np.testing.assert_array_equal(getattr(field, name), getattr(reported, name))
