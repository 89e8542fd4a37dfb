"""Hidden differences between sites: from the secret alone, the same in any block, and as large as the world says."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from agroflux_data.simulators.drivers import Latents, Soil
from agroflux_data.simulators.latents import OBSERVED, SIMULATED, adapted, draw

SITES = [f"{number:05d}" for number in range(600)]


def soil(sites: int, sand: float = 190.0, silt: float = 530.0) -> Soil:
    full = {"bulk_density": 1.35, "sand": sand, "silt": silt, "ph": 6.4, "organic_carbon": 15.0}
    return Soil(**{name: np.full(sites, value) for name, value in full.items()})


@pytest.fixture(scope="module")
def simulated() -> Latents:
    return draw(b"secret", SIMULATED, "daycent", SITES, 2000, 5, soil(len(SITES)))


@pytest.fixture(scope="module")
def observed() -> Latents:
    return draw(b"secret", OBSERVED, "towers", SITES, 2000, 5, soil(len(SITES)))


def same(one: Latents, other: Latents) -> dict[str, bool]:
    return {f.name: np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(Latents)}


def test_shapes(simulated: Latents) -> None:
    for field in fields(Latents):
        expected = (5, len(SITES)) if field.name == "vigour" else (len(SITES),)
        assert getattr(simulated, field.name).shape == expected, field.name


def test_a_site_is_the_same_in_any_block_and_from_any_first_year(simulated: Latents) -> None:
    part = draw(b"secret", SIMULATED, "daycent", [SITES[7], SITES[3]], 2000, 5, soil(2))
    assert all(same(part, simulated.take(np.array([7, 3]))).values())
    later = draw(b"secret", SIMULATED, "daycent", SITES[:4], 2002, 3, soil(4))
    assert np.array_equal(later.vigour, simulated.vigour[2:, :4])


@pytest.mark.parametrize(("secret", "source"), [(b"other", "daycent"), (b"secret", "ecosys")])
def test_another_secret_or_source_is_another_world(simulated: Latents, secret: bytes, source: str) -> None:
    other = draw(secret, SIMULATED, source, SITES, 2000, 5, soil(len(SITES)))
    equal = same(other, simulated)
    # Nobody removes residue in the simulated sources.
    assert [name for name, value in equal.items() if value] == ["residue_removed"]


def test_the_spread_is_the_one_that_is_asked_for(simulated: Latents, observed: Latents) -> None:
    for latents, spread in ((simulated, SIMULATED), (observed, OBSERVED)):
        for name in ("maturity", "productivity", "nitrification", "denitrification"):
            values = np.log(getattr(latents, name))
            assert np.std(values) == pytest.approx(getattr(spread, name), rel=0.12), name
            assert np.mean(getattr(latents, name)) == pytest.approx(1, abs=0.08), name
        assert np.std(latents.ph_shift) == pytest.approx(spread.ph, rel=0.12)
        assert np.std(latents.sand_shift) == pytest.approx(190 * spread.sand, rel=0.12)
    shares = [np.mean(simulated.tillage == level * SIMULATED.tillage) for level in (0, 0.5, 1)]
    assert shares == pytest.approx([0.35, 0.35, 0.30], abs=0.06)
    assert simulated.tile.min() >= 0
    assert simulated.tile.max() <= 1
    assert simulated.tile_depth.min() >= 0.8
    assert simulated.tile_depth.max() <= 1.2


def test_observed_fields_differ_more_and_improve_with_the_years(simulated: Latents, observed: Latents) -> None:
    for name in ("productivity", "sand_shift", "carbon_shift", "ph_shift", "nitrification", "denitrification"):
        assert np.std(getattr(observed, name)) > np.std(getattr(simulated, name)), name
    late = draw(b"secret", OBSERVED, "towers", SITES, 2018, 3, soil(len(SITES)))
    assert late.vigour.mean() - observed.vigour[:3].mean() == pytest.approx(0.18, abs=0.03)
    assert 0.05 < np.mean(observed.residue_removed > 0) < 0.16


@pytest.mark.parametrize(("sand", "silt"), [(20.0, 700.0), (940.0, 40.0), (0.0, 500.0), (600.0, 395.0)])
def test_the_shifted_soil_is_a_soil(sand: float, silt: float) -> None:
    latents = draw(b"secret", OBSERVED, "towers", SITES, 2000, 1, soil(len(SITES), sand, silt))
    field = sand + latents.sand_shift
    assert field.min() >= 0
    assert (1000 - field - silt).min() > 0


def test_hybrids_ripen_sooner_in_the_north() -> None:
    mead, rosemount, south = adapted(np.array([41.2, 44.7, 30.0]))
    assert mead == 1
    assert rosemount == pytest.approx(1340 / 1560, abs=0.01)
    assert south == 1.15


def test_growth_has_an_upper_end(simulated: Latents, observed: Latents) -> None:
    growth = simulated.productivity * simulated.vigour
    assert growth.max() == pytest.approx(1.45)
    assert np.mean(growth > 1.449) < 0.05
    assert (
        observed.productivity * observed.vigour / (1 + 0.01 * (np.arange(2000, 2005) - 2010))[:, None]
    ).max() <= 1.4501
