"""Intervals: as wide as they should be, the same every time, and the same for whatever is compared."""

from __future__ import annotations

import math

import numpy as np
import pytest

from submission import metrics
from submission.bootstrap import METRICS, Bootstrap, interval, paired, site_years
from submission.metrics import RowSums, skill

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def example(seed: int, sites: int = 20, treatments: int = 4, years: int = 2) -> Rows:
    """Sequences, truth and prediction whose errors are alike within a site-year: all of its treatments and days."""
    draw = np.random.default_rng(seed)
    site, treatment, year = (
        axis.ravel() for axis in np.meshgrid(range(sites), range(treatments), range(years), indexing="ij")
    )
    sequence = (17001 + site) * 1_000_000 + treatment * 10_000 + 2019 + year
    truth = draw.normal(0, 2, (len(sequence), 10)) + 5
    shared = draw.normal(0, 1, (sites, years))[site, year]
    return sequence, truth, truth + shared[:, None] + draw.normal(0, 0.3, truth.shape)


def test_site_years_are_blocks() -> None:
    sequence, _, _ = example(0, sites=3)
    block = site_years(sequence)
    assert len(np.unique(block)) == 6
    for one in range(6):
        keys = sequence[block == one]
        assert len(keys) == 4
        assert len(set(keys // 1_000_000)) == len(set(keys % 10_000)) == 1


def test_a_resample_is_the_metrics_of_its_rows() -> None:
    """Against rows that are put together by hand, with gaps and one row without any observation."""
    sequence, truth, prediction = example(1, sites=5)
    truth[::3, :4] = np.nan
    truth[7] = np.nan
    usual = np.full_like(truth, 5.0)
    block = site_years(sequence)
    found = Bootstrap(block, resamples=5, seed=3).metrics(RowSums.of(truth, prediction), RowSums.of(truth, usual))
    draws = np.random.default_rng(3).integers(0, 10, (5, 10))
    for number, drawn in enumerate(draws):
        rows = np.concatenate([np.flatnonzero(block == one) for one in drawn])
        t, p, c = truth[rows], prediction[rows], usual[rows]
        for name in ("r2", "rmse", "mae", "bias"):
            assert found[name][number] == pytest.approx(getattr(metrics, name)(t, p), rel=1e-9)
        assert found["skill"][number] == pytest.approx(skill(metrics.mse(t, p), metrics.mse(t, c)), rel=1e-9)


@pytest.mark.parametrize("many", [1, 127, 300])
def test_seeded_and_split_as_it_likes(many: int) -> None:
    sequence, truth, prediction = example(2)
    rows, usual = RowSums.of(truth, prediction), RowSums.of(truth, truth * 0)
    block = site_years(sequence)
    one, same, other = (Bootstrap(block, many, seed).metrics(rows, usual)["rmse"] for seed in (0, 0, 1))
    assert one.shape == (many,)
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_covers_the_truth_as_often_as_it_says() -> None:
    """Over 300 data sets the true bias (0) and RMSE lie in 95 % intervals about that often; with rows as blocks, which
    takes treatments that err together for independent, they do not."""
    rmse = math.sqrt(1 + 0.3**2)
    within = np.zeros((2, 2))
    for seed in range(300):
        sequence, truth, prediction = example(seed, sites=30)
        rows, usual = RowSums.of(truth, prediction), RowSums.of(truth, truth * 0)
        for number, blocks in enumerate((site_years(sequence), np.arange(len(sequence)))):
            found = Bootstrap(blocks, resamples=300, seed=seed).metrics(rows, usual)
            for column, (name, true) in enumerate((("bias", 0.0), ("rmse", rmse))):
                between = interval(found[name])
                within[number, column] += between.low <= true <= between.high
    by_block, by_row = within / 300
    assert (by_block > 0.88).all()
    assert (by_block < 0.985).all()
    assert (by_row < 0.80).all()


def test_pairs_tell_apart_what_intervals_do_not() -> None:
    """The second is worse by a tenth wherever the first is: their own intervals overlap, that of the difference does
    not reach zero."""
    sequence, truth, prediction = example(4)
    usual = RowSums.of(truth, np.full_like(truth, 5.0))
    first, second = RowSums.of(truth, prediction), RowSums.of(truth, truth + 1.1 * (prediction - truth))
    bootstrap = Bootstrap(site_years(sequence))
    one, other = (interval(bootstrap.metrics(rows, usual)["rmse"]) for rows in (first, second))
    assert one.high > other.low
    apart = paired(first, second, usual, bootstrap)
    assert interval(apart["rmse"]).high < 0 < interval(apart["skill"]).low
    for name in METRICS:
        np.testing.assert_array_equal(paired(first, first, usual, bootstrap)[name], 0)


def test_what_is_not_defined_has_no_interval() -> None:
    constant = np.full((6, 10), 0.3)
    rows = RowSums.of(constant, constant + 1)
    found = Bootstrap(np.arange(6)).metrics(rows, RowSums.of(constant, constant))
    for name in ("r2", "skill"):
        assert math.isnan(interval(found[name]).low)
    assert interval(found["rmse"]).low == pytest.approx(1)
    nothing = np.full((6, 10), np.nan)
    empty = RowSums.of(nothing, constant)
    for values in Bootstrap(np.arange(6)).metrics(empty, empty).values():
        assert math.isnan(interval(values).high)
    none = empty[:0]
    assert math.isnan(interval(Bootstrap(np.arange(0)).metrics(none, none)["rmse"]).low)
