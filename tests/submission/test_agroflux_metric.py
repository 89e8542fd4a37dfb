"""The metric that `evaluate` loads gives the same numbers as scoring."""

from __future__ import annotations

import math
from pathlib import Path

import evaluate
import numpy as np
import pytest

from agroflux_data.release import Release
from agroflux_data.sequences import values
from submission import metrics
from submission.accumulator import Accumulator
from submission.uncertainty import crps

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def metric(monkeypatch: pytest.MonkeyPatch) -> evaluate.Metric:
    monkeypatch.chdir(ROOT)
    return evaluate.load("submission/agroflux_metric")


def test_flat_values(metric: evaluate.Metric) -> None:
    found = metric.compute(predictions=[1.0, 2.0, 5.0], references=[1.0, 4.0, math.nan])
    assert found == pytest.approx(
        {"n": 2, "r2": 1 / 9, "rmse": 2**0.5, "mae": 1.0, "bias": -1.0, "nmae": 1 / (2.5 + 1e-9), "rae": 2 / 3}
    )
    nothing = metric.compute(predictions=[1.0], references=[math.nan])
    assert nothing.pop("n") == 0
    assert all(map(math.isnan, nothing.values()))


def test_rows_of_a_release(metric: evaluate.Metric, toy_open_release: Path) -> None:
    rows = Release(toy_open_release).table("mesocosm_temporal", "test", ["sequence", "N2O"])
    keys, truth = rows["sequence"].to_numpy(), values(rows["N2O"])
    prediction = (np.nan_to_num(truth) * 0.9 + 1e-4).astype(np.float32)
    found = metric.compute(predictions=prediction, references=truth, sequences=keys, emission=True)
    assert found["n"] == np.count_nonzero(~np.isnan(truth)) < truth.size
    for name in ("r2", "rmse", "mae", "bias", "nmae", "rae"):
        assert found[name] == pytest.approx(getattr(metrics, name)(truth, prediction), rel=1e-9)
    same = Accumulator(keys, emission=True)
    same.add(keys, truth, prediction)
    wanted = same.result().to_dict()
    assert found["hot_moments"] == wanted["hot_moments"]
    assert found["scales"]["weekly"]["n"] == wanted["scales"]["weekly"]["n"] > 0
    for name, quantiles in wanted["scales"]["daily"]["sites"].items():
        assert found["scales"]["daily"]["sites"][name] == pytest.approx(quantiles, rel=1e-9)


def test_batches_are_one(metric: evaluate.Metric) -> None:
    draw = np.random.default_rng(0)
    truth, prediction = draw.normal(size=(2, 6, 365))
    truth[draw.random(truth.shape) < 0.5] = np.nan
    for rows in (slice(0, 2), slice(2, 6)):
        metric.add_batch(predictions=prediction[rows], references=truth[rows])
    assert metric.compute()["r2"] == pytest.approx(metrics.r2(truth, prediction), rel=1e-9)


def test_quantiles(metric: evaluate.Metric) -> None:
    draw = np.random.default_rng(0)
    truth = draw.normal(size=(4, 365))
    truth[draw.random(truth.shape) < 0.5] = np.nan
    levels = {5: np.full_like(truth, -1.6), 50: np.zeros_like(truth), 95: np.full_like(truth, 1.6)}
    found = metric.compute(predictions=np.zeros_like(truth), references=truth, quantiles=levels)
    assert found["crps"] == pytest.approx(crps(truth, levels), rel=1e-12)
    assert found["pinball"]["q50"] == pytest.approx(found["mae"] / 2, rel=1e-12)
    assert found["coverage"] == {"90": np.mean(np.abs(truth[~np.isnan(truth)]) <= 1.6)}
    assert found["width"] == {"90": pytest.approx(3.2)}
    with pytest.raises(ValueError, match="a quantile of 0 %"):
        metric.compute(predictions=truth, references=truth, quantiles={0: truth})
