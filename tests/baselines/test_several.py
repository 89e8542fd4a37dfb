"""Several runs at once: folds, seeds and trials, each gone on with where it was stopped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.cross_validation import plan_folds
from baselines.ensemble import plan_ensemble
from baselines.run import RunFolder
from baselines.saved import open_saved
from baselines.tuning import Range, default_space, parse_space, plan_trials
from submission.file import read, read_metadata
from submission.validation import validate
from tests.baselines.test_command import here

QUICK = ["--inputs", "core", "--targets", "GPP", "--set", "rounds=5", "--set", "samples=2000"]


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_each_fold_is_tested_by_a_model_that_never_saw_it(toy_release: Path, toy_open_release: Path) -> None:
    for path, folds in ((toy_release, 4), (toy_open_release, 5)):
        planned = plan_folds(Release(path), "ecosys_spatial", "lstm", Path("cv"))
        assert len(planned) == folds
        for fold, (run, folder) in planned.items():
            assert run.left_out == fold == folder.name
            assert len({fold, *run.validation, *run.training}) == folds
    with pytest.raises(AgrofluxError, match="nothing to cross-validate"):
        plan_folds(Release(toy_release), "ecosys_temporal", "lstm", Path("cv"))


def test_cross_validation_gives_means_over_folds_and_resumes(
    toy_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cv"
    command = ["cv", "--task", "ecosys_spatial", "--model", "lightgbm", "--data", toy_release, "--output", folder,
               *QUICK, "--workers", "1"]  # fmt: skip
    assert here(monkeypatch, *command) == 0
    assert "fold_3" in capsys.readouterr().out
    found = json.loads((folder / "cv.json").read_text())["metrics"]["GPP"]["r2"]
    by_fold = [RunFolder(folder / f"fold_{fold}").metrics()["tested"]["GPP"]["r2"] for fold in range(4)]
    assert found["mean"] == pytest.approx(np.mean(by_fold))
    assert found["sd"] == pytest.approx(np.std(by_fold, ddof=1))
    (folder / "fold_2" / "metrics.json").unlink()
    before = files(folder)
    assert here(monkeypatch, *command) == 2
    assert here(monkeypatch, *command, "--resume") == 0
    changed = {path.parent.name for path, when in files(folder).items() if before.get(path) != when}
    assert changed == {"fold_2", "cv"}


def test_an_ensemble_predicts_the_mean_of_its_members(
    toy_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at a time, in processes of their own."""
    folder = tmp_path / "ensemble"
    assert here(monkeypatch, "ensemble", "--task", "ecosys_temporal", "--seeds", "1,4", "--data", toy_release,
                "--output", folder, "--epochs", "1", "--set", "hidden_size=4", "--workers", "2") == 0  # fmt: skip
    path = tmp_path / "mean.parquet"
    assert here(monkeypatch, "predict", folder, "--data", toy_release, "--output", path) == 0
    assert validate(path, Release(toy_release)).ok
    metadata = read_metadata(path)
    assert metadata.seeds == (1, 4)
    members = []
    for seed in (1, 4):
        own = tmp_path / f"{seed}.parquet"
        assert here(monkeypatch, "predict", folder / f"seed-{seed}", "--data", toy_release, "--output", own) == 0
        members.append(read(own))
    for name in ("NEE", "GPP", "N2O"):
        mean = (members[0][name] + members[1][name]) / 2
        np.testing.assert_allclose(read(path)[name], mean, rtol=1e-4, atol=1e-5)
    assert metadata.parameters == 2 * (open_saved(folder / "seed-1").fitted.parameters or 0)
    assert set(RunFolder(folder).metrics()["metrics"]) == {"NEE", "GPP", "N2O"}


def test_one_seed_is_no_ensemble(toy_release: Path) -> None:
    for seeds in ([3], [1, 1]):
        with pytest.raises(AgrofluxError, match="no ensemble"):
            plan_ensemble(Release(toy_release), "ecosys_temporal", "lstm", Path("ensemble"), seeds)


def test_a_search_finds_the_best_of_its_trials_and_goes_on(
    toy_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tune"
    command = ["tune", "--task", "ecosys_temporal", "--model", "lightgbm", "--data", toy_release, "--output", folder,
               *QUICK, "--search", "learning_rate=0.001:0.01", "--workers", "1"]  # fmt: skip
    assert here(monkeypatch, *command, "--trials", "2") == 0
    before = files(folder)
    assert here(monkeypatch, *command, "--trials", "3", "--resume") == 0
    assert {path.parent.name for path, when in files(folder).items() if before.get(path) != when} == {
        "trial-2", "tune"
    }  # fmt: skip
    found = json.loads((folder / "tune.json").read_text())
    skills = [one["skill"] for one in found["trials"]]
    assert skills == sorted(skills, reverse=True)
    assert found["best"] == "trial-0", "five rounds learn less in smaller steps"
    assert str(folder / "trial-0") in capsys.readouterr().out


def test_trials_are_drawn_from_what_is_searched(toy_release: Path) -> None:
    space = parse_space(["learning_rate=1e-3:1e-2", "hidden_size=8,16", "batch_size=8,32"])
    assert space["learning_rate"] == Range(1e-3, 1e-2)

    def planned() -> list[dict]:
        return [
            trial.run.to_json()
            for trial in plan_trials(
                Release(toy_release), "ecosys_temporal", "lstm", Path("tune"), space=space, trials=9, draw=1,
                options={"dropout": 0.1},
            )
        ]  # fmt: skip

    runs = planned()
    assert runs == planned()
    assert runs[0]["options"] == {"dropout": 0.1}, "the first trial has the defaults"
    assert {run["options"]["hidden_size"] for run in runs[1:]} == {8, 16}
    assert {run["recipe"]["batch_size"] for run in runs[1:]} == {8, 32}
    assert all(1e-3 <= run["recipe"]["learning_rate"] <= 1e-2 for run in runs[1:])
    assert set(default_space("lstm")) == {"learning_rate", "hidden_size", "dropout"}
    for text in ("learning_rate=2:1", "learning_rate=a:b"):
        with pytest.raises(AgrofluxError):
            parse_space([text])
