"""Boosted trees: what they see of a day, what they learn, and that a folder gives back what was fitted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from agroflux_data.batches import Batches, Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.day_features import day_features, feature_names
from baselines.models import ModelError
from baselines.run import TREES, Run, RunFolder
from baselines.saved import open_saved
from baselines.training import train
from baselines.trees import Days

NAMES = ("TMAX", "PREC", "FERTZR_N", "PDOY", "PLANTT", "TCSAND")


def a_year() -> np.ndarray:
    draws = np.random.default_rng(0)
    inputs = draws.normal(10, 5, (2, 365, len(NAMES))).astype(np.float32)
    inputs[..., 2:4] = 0
    inputs[:, 100, 2] = 15
    inputs[:, 120, 3] = 1
    return inputs


def test_each_feature_is_what_its_name_says() -> None:
    inputs = a_year()
    table = day_features(inputs, NAMES)
    columns = dict(zip(feature_names(NAMES), np.moveaxis(table, -1, 0), strict=True))
    np.testing.assert_array_equal(columns["TCSAND"], inputs[..., 5])
    np.testing.assert_array_equal(columns["TMAX_before_3"][:, 3:], inputs[:, :-3, 0])
    np.testing.assert_allclose(columns["PREC_sum_30"][:, 200], inputs[:, 171:201, 1].sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(columns["PREC_sum_90"][:, 10], inputs[:, :11, 1].sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(columns["PREC_sum_year"][:, -1], inputs[..., 1].sum(axis=1), rtol=1e-5)
    assert columns["days_since_fertiliser"][0, [99, 100, 107]].tolist() == [-1, 0, 7]
    assert columns["days_since_planting"][0, [119, 120, 130]].tolist() == [-1, 0, 10]
    np.testing.assert_allclose(columns["TMAX_since_planting"][:, 125], inputs[:, 120:126, 0].sum(axis=1), rtol=1e-5)
    assert "PLANTT_before_1" not in columns
    assert "TCSAND_sum_7" not in columns


def test_no_feature_knows_the_future() -> None:
    inputs = a_year()
    later = inputs.copy()
    later[:, 200:, [0, 1, 4, 5]] += 5
    later[:, 250, 2:4] = 1
    before, after = (day_features(one, NAMES) for one in (inputs, later))
    np.testing.assert_array_equal(before[:, :200], after[:, :200])
    assert (before[:, 250:] != after[:, 250:]).any()


def test_drawn_days_are_observed_and_as_many_as_asked_for(toy_release: Path) -> None:
    columns = Columns.of(Release(toy_release), "towers_temporal", "train", ("TMAX", "PREC"), ("NEE", "GPP"))
    days = Days.draw(columns, 500, seed=1)
    assert 300 < len(days.labels) < 600
    assert days.features.shape == (len(days.labels), len(feature_names(columns.inputs)))
    assert not np.isnan(days.labels).all(axis=1).any()
    np.testing.assert_array_equal(days.features, Days.draw(columns, 500, seed=1).features)


@pytest.mark.parametrize("model", TREES)
def test_trees_learn_and_come_back_from_their_folder(toy_release: Path, tmp_path: Path, model: str) -> None:
    release = Release(toy_release)
    run = Run.plan(
        release, "ecosys_temporal", model, targets="GPP", inputs="core",
        options={"rounds": 60, "leaves": 15, "samples": 4000, "learning_rate": 0.1},
    )  # fmt: skip
    folder = RunFolder(tmp_path / model)
    with Progress(disable=True) as bar:
        outcome = train(run, release, folder, bar)
    assert outcome.metrics["GPP"]["skill"] > 0.2
    assert outcome.parameters > 60
    assert folder.finished
    assert folder.read() == run
    kinds = {path.suffix for path in folder.path.iterdir()}
    assert kinds <= {".json", ".txt", ".png"}, "nothing is pickled"
    saved = open_saved(folder.path)
    assert (saved.fitted.kind, saved.fitted.parameters) == (model, outcome.parameters)
    rows = Columns.of(release, run.task, "validation", run.inputs, run.targets)
    inputs = next(Batches(rows).epoch()).inputs
    alone = np.concatenate([saved.fitted.fluxes(inputs[row : row + 1]) for row in range(2)])
    np.testing.assert_array_equal(saved.fitted.fluxes(inputs[:2]), alone)
    (folder.path / "trees.json").write_text(json.dumps({"model": "forest"}))
    with pytest.raises(AgrofluxError, match="damaged trees"):
        open_saved(folder.path)


@pytest.mark.parametrize("model", TREES)
def test_quantiles_are_trees_of_their_own_and_hold_what_they_say(toy_release: Path, tmp_path: Path, model: str) -> None:
    release = Release(toy_release)
    run = Run.plan(
        release, "ecosys_temporal", model, targets="GPP", inputs="core",
        options={"rounds": 60, "leaves": 15, "samples": 4000, "learning_rate": 0.1, "quantiles": [0.1, 0.5, 0.9]},
    )  # fmt: skip
    folder = RunFolder(tmp_path / model)
    with Progress(disable=True) as bar:
        metrics = train(run, release, folder, bar).metrics["GPP"]
    assert folder.read() == run
    assert metrics["coverage_80"] == pytest.approx(0.8, abs=0.1)
    assert 0 < metrics["crps"] < metrics["mae"]
    saved = open_saved(folder.path)
    inputs = next(Batches(Columns.of(release, run.task, "validation", run.inputs, ())).epoch()).inputs[:3]
    fluxes, quantiles = saved.fitted.with_quantiles(inputs)
    np.testing.assert_array_equal(fluxes, saved.fitted.fluxes(inputs))
    assert quantiles.shape == (3, 365, 1, 3)
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    (folder.path / f"GPP_q50{saved.fitted.suffix}").unlink()
    with pytest.raises(AgrofluxError, match="damaged trees"):
        open_saved(folder.path)
    with pytest.raises(ModelError, match="quantiles"):
        Run.plan(release, "ecosys_temporal", model, options={"quantiles": [0.9, 0.1]})
