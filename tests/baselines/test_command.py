"""``agroflux-train`` as a user runs it, up to a submission that validates."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agroflux_data.release import Release
from agroflux_data.sequences import values
from agroflux_data.variables import VARIABLES
from baselines import cli
from submission.file import read, read_metadata
from submission.validation import validate

FEW = ["--epochs", "2", "--batch-size", "16"]


def command(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "baselines.cli", *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, check=False, cwd=folder)


def here(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The command in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["agroflux-train", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_run_predict_validate(toy_release: Path, tmp_path: Path) -> None:
    ran = command("run", "--task", "ecosys_temporal", "--data", toy_release, "--output", "run", *FEW, folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "NEE" in ran.stdout
    assert "%|" not in ran.stdout + ran.stderr, "no bars of the libraries"
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(metrics["metrics"]) == {"NEE", "GPP", "N2O"}
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")

    predicted = command("predict", "run", "--data", toy_release, folder=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    path = tmp_path / predicted.stdout.strip()
    report = validate(path, Release(toy_release))
    assert report.ok, report
    metadata = read_metadata(path)
    assert (metadata.model, metadata.parameters, metadata.seeds) == ("lstm", metrics["parameters"], (0,))


def test_a_finished_run_is_left_as_it_is_and_another_is_refused(
    toy_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["run", "--task", "mesocosm_temporal", "--data", toy_release, "--output", tmp_path / "run", *FEW]
    assert here(monkeypatch, *run) == 0
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    assert here(monkeypatch, *run) == 2
    assert here(monkeypatch, *run, "--resume", "--seed", "1") == 2
    assert "seed" in capsys.readouterr().err
    assert here(monkeypatch, *run, "--resume") == 0
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == before


@pytest.mark.parametrize("task", ["towers_spatial", "mesocosm_spatial", "daycent_temporal"])
def test_climatology_is_a_submission_too(
    toy_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    path = tmp_path / "climatology.parquet"
    assert here(monkeypatch, "predict", "climatology", "--task", task, "--data", toy_release, "--output", path) == 0
    assert validate(path, Release(toy_release)).ok


def test_an_open_fold_is_left_out_and_predicted(
    toy_open_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, path = tmp_path / "run", tmp_path / "fold.parquet"
    assert here(monkeypatch, "run", "--task", "ecosys_spatial", "--data", toy_open_release, "--output", run,
                "--targets", "GPP,LAI", "--inputs", "core", *FEW) == 0  # fmt: skip
    assert here(monkeypatch, "predict", run, "--data", toy_open_release, "--output", path) == 0
    config = json.loads((run / "config.json").read_text())
    assert config["training_splits"] == ["fold_1", "fold_2", "fold_3"]
    assert len(config["inputs"]) == 11
    release = Release(toy_open_release)
    prediction = read(path)
    np.testing.assert_array_equal(np.sort(prediction["sequence"]), np.sort(release.keys("ecosys_spatial", "fold_0")))
    # Sequences and rows belong together: a row's GPP follows its own temperature.
    order = {key: row for row, key in enumerate(prediction["sequence"].tolist())}
    table = release.table("ecosys_spatial", "fold_0", ["sequence", "GPP"])
    rows = [order[key] for key in table["sequence"].to_pylist()]
    assert prediction["GPP"][rows].shape == values(table["GPP"]).shape
    for name in ("GPP", "LAI"):
        assert prediction[name].min() >= VARIABLES[name].low
        assert prediction[name].max() <= VARIABLES[name].high


def test_bad_input_ends_with_one_error(
    toy_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "run"
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "something").touch()
    run = ["run", "--data", toy_release, "--output", output]
    for arguments, said in [
        (["run", "--task", "ecosys_temporal", "--data", tmp_path / "nowhere", "--output", output], "no such release"),
        ([*run, "--task", "wheat_temporal"], "wheat_temporal"),
        ([*run, "--task", "ecosys_temporal", "--model", "gpt"], "unknown model"),
        ([*run, "--task", "ecosys_temporal", "--targets", "CH4"], "CH4"),
        ([*run, "--task", "ecosys_spatial", "--hold-out", "fold_4"], "fold_4"),
        ([*run[:3], "--output", taken, "--task", "ecosys_temporal"], "not a run"),
        (["predict", tmp_path / "nothing", "--data", toy_release], "not a model"),
        (["predict", "climatology", "--data", toy_release], "--task"),
        (["predict", "climatology", "--data", toy_release, "--task", "ecosys_temporal", "--split", "dev"], "dev"),
    ]:
        assert here(monkeypatch, *arguments) == 2
        said_here = capsys.readouterr().err
        assert said in said_here
        assert "Traceback" not in said_here
    assert not output.exists()
