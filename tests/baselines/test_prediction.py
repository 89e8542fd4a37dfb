"""A trained model on another task than its own: the targets that both have, as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.models.lstm import LstmConfig, LstmModel
from baselines.prediction import predict, write_prediction
from baselines.run import Run, RunFolder
from baselines.saved import open_saved
from baselines.scalers import config_for
from submission.file import read, read_metadata
from submission.validation import validate


def untrained(release: Release, task: str, folder: Path, targets: tuple[str, ...]) -> Path:
    """A run's folder with a model that has the scalers of a task and its first weights."""
    run = Run.plan(release, task, "lstm", inputs="core", targets=",".join(targets))
    training = run.training
    RunFolder(folder).begin(run)
    LstmModel(config_for(LstmConfig, run.rows(release, training), hidden_size=4)).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("trained", "task", "shared", "pretraining"),
    [
        ("daycent_temporal", "towers_temporal", {"GPP", "NEE"}, "daycent"),
        ("ecosys_spatial", "mesocosm_spatial", {"N2O"}, "ecosys"),
        ("towers_temporal", "ecosys_temporal", {"GPP", "NEE", "ET"}, "external"),
        ("ecosys_temporal", "ecosys_spatial", {"GPP", "NEE", "N2O"}, "none"),
    ],
)
def test_targets_are_matched_by_name(
    toy_release: Path, tmp_path: Path, trained: str, task: str, shared: set[str], pretraining: str
) -> None:
    release = Release(toy_release)
    targets = ("NEE", "ET", "GPP") if trained.startswith("towers") else ("NEE", "GPP", "N2O")
    folder = untrained(release, trained, tmp_path / "run", targets)
    path = write_prediction(folder, release, task=task, output=tmp_path / "other.parquet")
    report = validate(path, release)
    assert report.ok, report
    assert set(report.targets) == shared
    assert read_metadata(path).pretraining == pretraining
    model = open_saved(folder).fitted
    whole = predict(model, Columns.of(release, task, "test", model.inputs, ()))
    for name in ("sequence", *shared):
        np.testing.assert_array_equal(read(path)[name], whole[name])


def test_the_fold_left_out_of_one_task_is_not_that_of_another(toy_open_release: Path, tmp_path: Path) -> None:
    release = Release(toy_open_release)
    folder = untrained(release, "ecosys_spatial", tmp_path / "run", ("GPP",))
    own = write_prediction(folder, release, output=tmp_path / "own.parquet")
    assert set(read(own)["sequence"]) == set(release.keys("ecosys_spatial", "fold_0"))
    other = write_prediction(folder, release, task="towers_temporal", output=tmp_path / "other.parquet")
    assert set(read(other)["sequence"]) == set(release.keys("towers_temporal", "test"))


def test_a_task_without_any_of_its_targets_is_refused(toy_release: Path, tmp_path: Path) -> None:
    release = Release(toy_release)
    folder = untrained(release, "towers_temporal", tmp_path / "run", ("GPP", "NEE"))
    with pytest.raises(AgrofluxError, match=r"no target of this model.*N2O.*GPP, NEE"):
        write_prediction(folder, release, task="mesocosm_temporal", output=tmp_path / "other.parquet")
    assert not (tmp_path / "other.parquet").exists()
