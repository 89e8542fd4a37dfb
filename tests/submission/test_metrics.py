"""Metrics: what they are, what peers say they are, and what they must not depend on."""

from __future__ import annotations

import math

import HydroErr
import hydroeval
import numpy as np
import pytest
import xarray as xr
import xskillscore
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as peer

from submission.metrics import RowSums, bias, mae, mse, nmae, r2, rae, rmse, skill


def example(seed: int, rows: int = 7, days: int = 50, offset: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Truth with gaps and a prediction with a bias, float32 as in a file."""
    draw = np.random.default_rng(seed)
    truth = draw.gamma(2, 2, (rows, days)) + offset
    prediction = truth * 0.8 + draw.normal(0.3, 1, truth.shape)
    truth[draw.random(truth.shape) < 0.3] = np.nan
    return truth.astype(np.float32), prediction.astype(np.float32)


@pytest.mark.parametrize("offset", [0.0, 3.0, 1000.0])
def test_agrees_with_scikit_learn(offset: float) -> None:
    truth, prediction = example(1, offset=offset)
    there = ~np.isnan(truth)
    t, p = truth[there].astype(float), prediction[there].astype(float)
    pooled = RowSums.of(truth, prediction).total()
    assert pooled.n == there.sum()
    for ours, summed, theirs in [
        (r2(truth, prediction), pooled.r2, peer.r2_score(t, p)),
        (rmse(truth, prediction), pooled.rmse, peer.root_mean_squared_error(t, p)),
        (mae(truth, prediction), pooled.mae, peer.mean_absolute_error(t, p)),
        (mse(truth, prediction), pooled.mse, peer.mean_squared_error(t, p)),
        (bias(truth, prediction), pooled.bias, np.mean(p - t)),
    ]:
        assert ours == pytest.approx(theirs, rel=1e-9)
        assert summed == pytest.approx(theirs, rel=1e-9)


@pytest.mark.filterwarnings("ignore:Row")
@pytest.mark.parametrize("offset", [0.0, 3.0, 1000.0])
def test_agrees_with_hydrology_and_climate(offset: float) -> None:
    """HydroErr and xskillscore leave out unobserved days themselves; hydroeval is given the observed ones."""
    truth, prediction = (array.astype(float).ravel() for array in example(4, offset=offset))
    t, p = truth[~np.isnan(truth)], prediction[~np.isnan(truth)]
    observed, predicted = xr.DataArray(truth, dims="day"), xr.DataArray(prediction, dims="day")
    found = {
        r2: [
            HydroErr.nse(prediction, truth),
            hydroeval.nse(p, t),
            float(xskillscore.r2(observed, predicted, dim="day", skipna=True)),
        ],
        rmse: [
            HydroErr.rmse(prediction, truth),
            hydroeval.rmse(p, t),
            float(xskillscore.rmse(predicted, observed, dim="day", skipna=True)),
        ],
        mse: [
            HydroErr.mse(prediction, truth),
            float(xskillscore.mse(predicted, observed, dim="day", skipna=True)),
        ],
        mae: [
            HydroErr.mae(prediction, truth),
            float(xskillscore.mae(predicted, observed, dim="day", skipna=True)),
        ],
        bias: [
            HydroErr.me(prediction, truth),
            # Its percent bias has the other sign: observed less simulated.
            -hydroeval.pbias(p, t) / 100 * t.mean(),
            float(xskillscore.me(predicted, observed, dim="day", skipna=True)),
        ],
        # The efficiency with absolute errors is 1 - RAE (Legates & McCabe 1999).
        rae: [1 - HydroErr.nse_mod(prediction, truth, j=1), 1 - HydroErr.lm_index(prediction, truth)],
    }
    for ours, theirs in found.items():
        assert [ours(truth, prediction)] * len(theirs) == pytest.approx(theirs, rel=1e-9), ours.__name__


def test_relative_errors_are_those_of_carbonbench() -> None:
    truth, prediction = (array.astype(float) for array in example(5))
    there = ~np.isnan(truth)
    t, p = truth[there], prediction[there]
    error = peer.mean_absolute_error(t, p)
    assert nmae(truth, prediction) == pytest.approx(error / (abs(t.mean()) + 1e-9), rel=1e-9)
    naive = peer.mean_absolute_error(t, np.full(t.shape, t.mean()))
    assert rae(truth, prediction) == pytest.approx(error / naive, rel=1e-9)
    pooled = RowSums.of(truth, prediction).merged(np.zeros(len(truth), np.int64), 1)
    assert pooled.nmae == pytest.approx(error / (abs(t.mean()) + 1e-9), rel=1e-9)
    assert pooled.rae(np.abs(t - t.mean()).sum(keepdims=True)) == pytest.approx(error / naive, rel=1e-9)
    assert nmae(-truth, -prediction) == nmae(truth, prediction)
    # A mean of zero: CarbonBench's 1e-9 stands alone.
    assert nmae(np.array([-1.0, 1.0]), np.zeros(2)) == pytest.approx(1e9)
    assert rae(truth, np.full(truth.shape, t.mean())) == pytest.approx(1)
    for constant in (np.full((3, 7), 0.1), np.array([4.0]), np.zeros(5)):
        assert math.isnan(rae(constant, constant + 1))


def test_is_not_the_squared_correlation() -> None:
    truth = np.arange(10.0)
    assert r2(truth, 2 * truth + 5) < 0
    assert r2(truth, np.full(10, truth.mean())) == pytest.approx(0)


def test_perfect() -> None:
    truth, _ = example(2)
    prediction = np.where(np.isnan(truth), 1e30, truth)
    assert (r2(truth, prediction), rmse(truth, prediction), mae(truth, prediction), bias(truth, prediction)) == (
        1,
        0,
        0,
        0,
    )
    assert RowSums.of(truth, prediction).total().r2 == 1


def test_edges_are_not_numbers_of_skill() -> None:
    nothing = np.full((2, 3), np.nan)
    some = np.ones((2, 3))
    for metric in (r2, mse, rmse, mae, bias, nmae, rae):
        assert math.isnan(metric(nothing, some))
    empty = RowSums.of(nothing, some).total()
    assert empty.n == 0
    assert all(math.isnan(value) for value in (empty.r2, empty.rmse, empty.mae, empty.bias))
    # A constant truth, and one observation: the error is defined, R2 is not.
    for constant in (np.full((3, 365), 0.3), np.full((2, 7), -1e7 / 3), np.zeros((1, 5)), np.array([[np.nan, 4.0]])):
        assert math.isnan(r2(constant, constant + 1))
        assert math.isnan(RowSums.of(constant, constant + 1).total().r2)
        assert rmse(constant, constant + 1) == pytest.approx(1)
    assert math.isnan(skill(1.0, 0.0))
    assert math.isnan(skill(1.0, math.nan))
    assert (skill(0.0, 2.0), skill(2.0, 2.0), skill(4.0, 2.0)) == (1, 0, -1)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="shape"):
        r2(np.ones(3), np.ones((3, 1)))
    with pytest.raises(ValueError, match="shape"):
        RowSums.of(np.ones((2, 3)), np.ones((3, 2)))


def test_digits_survive_a_large_mean() -> None:
    """Temperatures in kelvin, say: the textbook sums lose R2 here."""
    draw = np.random.default_rng(0)
    truth = 1e6 + draw.normal(0, 1e-2, (20, 365))
    prediction = truth + draw.normal(0, 1e-2, truth.shape)
    assert RowSums.of(truth, prediction).total().r2 == pytest.approx(
        peer.r2_score(truth.ravel(), prediction.ravel()), rel=1e-6
    )


def test_groups_are_the_metrics_of_their_rows() -> None:
    truth, prediction = example(3)
    truth[4] = np.nan
    groups = np.array([0, 2, 0, 2, 1, 2, 0])
    found = RowSums.of(truth, prediction).by(groups, 4)
    for group in (0, 2):
        rows = groups == group
        assert found[group].r2 == pytest.approx(r2(truth[rows], prediction[rows]), rel=1e-9)
        assert found[group].mae == pytest.approx(mae(truth[rows], prediction[rows]), rel=1e-9)
    assert found[1].n == found[3].n == 0
    assert math.isnan(found[1].r2)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(-1e3, 1e3), st.floats(0.1, 1e3))
def test_properties(seed: int, cut: int, shift: float, scale: float) -> None:
    truth, prediction = (array.astype(float) for array in example(seed))
    draw = np.random.default_rng(seed)
    whole = RowSums.of(truth, prediction)
    wanted = whole.total()
    assert wanted.r2 <= 1
    # Rows in another order and in blocks.
    order = draw.permutation(len(truth))
    parts = RowSums.concatenated(
        RowSums.of(truth[rows], prediction[rows]) for rows in (order[:cut], order[cut:])
    ).total()
    # What is predicted on unobserved days.
    elsewhere = np.where(np.isnan(truth), draw.normal(0, 1e6, truth.shape), prediction)
    # Another unit.
    for other in (parts, RowSums.of(truth, elsewhere).total()):
        assert (other.n, other.r2, other.rmse, other.mae) == pytest.approx(
            (wanted.n, wanted.r2, wanted.rmse, wanted.mae)
        )
        assert other.bias == pytest.approx(wanted.bias, abs=1e-9)
    scaled = RowSums.of(truth * scale + shift, prediction * scale + shift).total()
    assert scaled.r2 == pytest.approx(wanted.r2, rel=1e-6)
    assert scaled.rmse == pytest.approx(wanted.rmse * scale, rel=1e-6)
