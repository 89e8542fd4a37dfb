"""The stand of a real crop: losses that last, weeks unlike the model's, and fluxes that stay together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agroflux_data.simulators.stand import of_stand, stand
from agroflux_data.variables import DAYS, VARIABLES

SEED, SECRET = 0, b"secret"
YEARS = 400


@pytest.fixture(scope="module")
def share() -> NDArray[np.floating]:
    return stand(SEED, SECRET, "towers", "US-Ne1", 2000, YEARS)


def summer(years: int = YEARS) -> dict[str, NDArray[np.floating]]:
    hump = np.exp(-((np.arange(DAYS) - 200) ** 2) / (2 * 30**2))
    gpp, reco = np.tile(24 * hump, (years, 1)), np.tile(0.6 + 10 * hump, (years, 1))
    return {"GPP": gpp, "RECO": reco, "NEE": reco - gpp, "ET": np.tile(0.4 + 4.5 * hump, (years, 1))}


def test_a_year_stands_alone_and_a_seed_or_site_is_another_crop(share: NDArray) -> None:
    np.testing.assert_array_equal(stand(SEED, SECRET, "towers", "US-Ne1", 2007, 2), share[7:9])
    for other in (stand(1, SECRET, "towers", "US-Ne1", 2000, 3), stand(SEED, SECRET, "towers", "US-Ne3", 2000, 3)):
        assert not np.any(other == share[:3])


def test_a_secret_has_losses_of_its_own_and_the_weeks_of_the_seed(share: NDArray) -> None:
    other = stand(SEED, b"other", "towers", "US-Ne1", 2000, 40)
    np.testing.assert_allclose(other[:, :100], share[:40, :100], rtol=1e-3)
    assert np.mean(np.abs(other[:, 300:] / share[:40, 300:] - 1)) > 0.2


def test_some_years_lose_little_some_much_and_before_june_none(share: NDArray) -> None:
    # Weeks unlike the model's even out over some hundred years, and so leave the mean loss.
    before, after = share[:, 90:140].mean(), share[:, 270:300].mean()
    assert 0.6 < after / before < 0.8
    left = share[:, 270:330].mean(axis=1) / share[:, 60:120].mean(axis=1)
    assert np.quantile(left, 0.1) < 0.5
    assert np.quantile(left, 0.7) > 0.75


def test_over_the_season_a_crop_is_about_what_models_are_set_to(share: NDArray) -> None:
    whole, real = summer()["GPP"].sum(), of_stand(summer(), share)["GPP"].sum()
    assert 0.9 < real / whole < 1.1


def test_unlike_weeks_are_weeks_and_not_days(share: NDArray) -> None:
    early = np.log(share[:, 60:140])
    early = early - early.mean()
    assert np.std(early) == pytest.approx(0.5, abs=0.06)
    carried = np.mean(early[:, 1:] * early[:, :-1]) / np.mean(early**2)
    assert carried == pytest.approx(np.exp(-1 / 20), abs=0.02)


def test_carbon_closes_and_every_flux_is_possible(share: NDArray) -> None:
    real = of_stand(summer(), share)
    np.testing.assert_array_equal(real["NEE"], real["RECO"] - real["GPP"])
    for name, values in real.items():
        assert VARIABLES[name].low <= values.min(), name
        assert values.max() <= VARIABLES[name].high, name
    assert real["RECO"].min() >= 0


def test_less_crop_respires_and_transpires_less_and_the_same_crop_the_same() -> None:
    truth = summer(1)
    for name, values in of_stand(truth, np.ones((1, DAYS))).items():
        np.testing.assert_allclose(values, truth[name], err_msg=name)
    half = of_stand(truth, np.full((1, DAYS), 0.5))
    np.testing.assert_allclose(half["GPP"], truth["GPP"] / 2)
    assert 0.5 < half["RECO"].sum() / truth["RECO"].sum() < 0.9
    assert 0.6 < half["ET"].sum() / truth["ET"].sum() < 0.95
    # Bare soil in winter evaporates what it did.
    np.testing.assert_allclose(half["ET"][:, :60], truth["ET"][:, :60], rtol=0.02)
