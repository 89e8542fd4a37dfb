"""Hot moments: which days are hot, and how many a prediction catches."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agroflux_data.sequences import number
from agroflux_data.variables import DAYS
from submission.accumulator import Accumulator
from submission.hot_moments import HotMoments


def emission(seed: int, rows: int = 5) -> np.ndarray:
    """N2O with gaps, and ties as an instrument's resolution makes them."""
    draw = np.random.default_rng(seed)
    truth = np.round(draw.gamma(0.5, 0.01, (rows, DAYS)), 3)
    truth[draw.random(truth.shape) < draw.random((rows, 1))] = np.nan
    return truth


def test_shares() -> None:
    truth = np.arange(DAYS, dtype=float)[None, :]
    assert HotMoments.of(truth, truth) == HotMoments(18, 18)
    assert HotMoments.of(truth, -truth).share == 0
    half = np.where(truth[0] >= DAYS - 9, 1e3, -truth)
    assert HotMoments.of(truth, half) == HotMoments(18, 9)
    # What is constant catches what chance does, whatever the order of days.
    assert HotMoments.of(truth, np.ones_like(truth)).share == pytest.approx(18 / DAYS)


def test_years_without_hot_days() -> None:
    few = np.full((1, DAYS), np.nan)
    few[0, :19] = np.arange(19)
    constant = np.full((1, DAYS), 0.1)
    nothing = np.full((1, DAYS), np.nan)
    for truth in (few, constant, nothing, np.empty((0, DAYS))):
        found = HotMoments.of(truth, np.zeros_like(truth))
        assert found.days == 0
        assert math.isnan(found.share)
    few[0, 19] = 20
    assert HotMoments.of(few, few) == HotMoments(1, 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_properties(seed: int) -> None:
    truth = emission(seed)
    draw = np.random.default_rng(seed)
    prediction = np.round(np.nan_to_num(truth) + draw.normal(0, 0.01, truth.shape), 3)
    found = HotMoments.of(truth, prediction)
    assert 0 <= found.caught <= found.days + 1e-9
    assert HotMoments.of(truth, np.nan_to_num(truth)).share >= found.share - 1e-9
    elsewhere = np.where(np.isnan(truth), draw.choice([np.nan, 1e9], truth.shape), prediction)
    days, rows = draw.permutation(DAYS), draw.permutation(len(truth))
    for other in (
        HotMoments.of(truth, elsewhere),
        HotMoments.of(truth[rows][:, days], prediction[rows][:, days]),
        HotMoments.of(truth[:2], prediction[:2]) + HotMoments.of(truth[2:], prediction[2:]),
        HotMoments.of(truth * 7, prediction * 3),
    ):
        assert other.days == found.days
        assert other.caught == pytest.approx(found.caught, rel=1e-9)


def test_annual_total() -> None:
    keys = np.array([number(1, 0, year) for year in (2016, 2017, 2018)])
    truth = np.full((3, DAYS), np.nan)
    truth[0] = 0.01
    truth[1, :183] = 0.02
    truth[2, :182] = 5
    one = Accumulator(keys, emission=True)
    one.add(keys, truth, np.where(np.isnan(truth), 1e6, truth + np.array([[0.001], [-0.002], [0]])))
    total = one.result().annual_total
    assert total is not None
    assert total.n == 2
    assert total.bias == pytest.approx(365 * -0.0005)
    assert total.mae == pytest.approx(365 * 0.0015)
    assert total.relative == pytest.approx(0.0015 / 0.015)
    nothing = Accumulator(keys, emission=True)
    nothing.add(keys, np.full_like(truth, np.nan), truth)
    total = nothing.result().annual_total
    assert total is not None
    assert total.n == 0
    assert math.isnan(total.relative)
    assert nothing.result().to_json()["hot_moments"] == {"days": 0, "share": None}
