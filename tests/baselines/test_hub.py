"""Publishing a model, and predicting with what lies on the Hub, against a small one."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard, constants, parse_eval_result_entries

from agroflux_data.release import Release
from baselines.hub import EVAL_RESULTS
from baselines.run import RunFolder
from baselines.saved import open_saved
from submission.file import read
from submission.validation import validate
from tests.baselines.test_command import here


@pytest.fixture
def home(hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HF_TOKEN", hub.account("ada", ("fluxes",)))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return "fluxes/lstm"


def run(monkeypatch: pytest.MonkeyPatch, release: Path, folder: Path, model: str, *options: str) -> Path:
    assert here(monkeypatch, "run", "--task", "ecosys_spatial", "--model", model, "--data", release, "--output", folder,
                "--inputs", "core", *options) == 0  # fmt: skip
    return folder


def test_a_pushed_network_predicts_from_the_hub(
    toy_release: Path, tmp_path: Path, hub, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run(monkeypatch, toy_release, tmp_path / "run", "lstm", "--epochs", "1", "--set", "hidden_size=5")
    assert here(monkeypatch, "push", folder, home, "--dataset", "fluxes/agroflux", "--dataset-revision", "abc") == 0
    published = hub.repository(home, "model").files
    assert {"config.json", "model.safetensors", "run.json", "metrics.json", "curves.png", "README.md"} <= set(published)
    assert not [name for name in published if name.endswith((".bin", ".pt", ".pkl", ".pickle", ".ckpt"))]

    card = ModelCard(published["README.md"].decode())
    assert card.data.license == "cc-by-4.0"
    assert card.data.datasets == ["fluxes/agroflux"]
    revision = Release(toy_release).revision
    for said in ("ecosys_spatial", revision, "origin **embedded**", "hidden_size=5", "| N2O |", "curves.png"):
        assert said in card.text
    (entry,) = parse_eval_result_entries(yaml.safe_load(published[EVAL_RESULTS]))
    assert (entry.dataset_id, entry.task_id, entry.dataset_revision) == ("fluxes/agroflux", "ecosys_spatial", "abc")
    metrics = RunFolder(folder).metrics()["metrics"]
    assert entry.value == pytest.approx(np.mean([one["skill"] for one in metrics.values()]), abs=1e-4)
    assert "embedded data" in entry.notes

    hub.repository(home, "model").tags["v1"] = hub.repository(home, "model").head
    paths = [tmp_path / "local.parquet", tmp_path / "hub.parquet", tmp_path / "tag.parquet"]
    for name, path in zip((folder, home, f"{home}@v1"), paths, strict=True):
        assert here(monkeypatch, "predict", name, "--data", toy_release, "--output", path) == 0
        assert validate(path, Release(toy_release)).ok
    first, *others = (read(path) for path in paths)
    for other in others:
        np.testing.assert_array_equal(first["NEE"], other["NEE"])
    assert here(monkeypatch, "predict", f"{home}@v9", "--data", toy_release) == 2
    assert here(monkeypatch, "predict", "fluxes/nothing", "--data", toy_release) == 2


def test_pushed_trees_come_back_and_their_card_makes_them_again(
    toy_release: Path, tmp_path: Path, hub, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--set", "rounds=4", "--set", "samples=2000", "--seed", "3", "--targets", "GPP", "--hold-out", "fold_1"]
    folder = run(monkeypatch, toy_release, tmp_path / "run", "xgboost", *options)
    assert here(monkeypatch, "push", folder, home, "--private", "--license", "mit") == 0
    repository = hub.repository(home, "model")
    assert repository.private
    assert EVAL_RESULTS not in repository.files, "there is no dataset that it could be of"
    text = repository.files["README.md"].decode()
    command = next(line for line in text.splitlines() if line.startswith("$ agroflux-train run"))
    again = tmp_path / "again"
    assert here(monkeypatch, *shlex.split(command)[2:], "--data", toy_release, "--output", again) == 0
    assert RunFolder(again).read() == RunFolder(folder).read()
    assert (again / "GPP.json").read_bytes() == (folder / "GPP.json").read_bytes()
    assert open_saved(home).fitted.parameters == open_saved(folder).fitted.parameters


def test_what_cannot_be_published_is_refused(
    toy_release: Path, tmp_path: Path, hub, home: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = run(monkeypatch, toy_release, tmp_path / "run", "lightgbm", "--set", "rounds=2", "--set", "samples=500")
    assert here(monkeypatch, "push", folder, "no-organization") == 2
    monkeypatch.setenv("HF_TOKEN", hub.account("eve"))
    assert here(monkeypatch, "push", folder, home) == 2
    assert "403" in capsys.readouterr().err
    (folder / "metrics.json").unlink()
    assert here(monkeypatch, "push", folder, home) == 2
    assert "not a finished run" in capsys.readouterr().err
    run_file = json.loads((folder / "run.json").read_text())
    assert run_file["versions"]["lightgbm"]
