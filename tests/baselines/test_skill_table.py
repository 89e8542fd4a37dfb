"""The table of skill is made from the folders of runs, with references on the same rows."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from baselines.run import RunFolder
from tests.baselines.test_command import here


def test_runs_stand_beside_each_other_and_the_climatology(
    toy_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    for rounds in (2, 80):
        assert here(monkeypatch, "run", "--task", "ecosys_temporal", "--model", "lightgbm", "--data", toy_release,
                    "--output", runs / f"rounds-{rounds}", "--inputs", "core", "--targets", "NEE,GPP",
                    "--set", "samples=2000", "--set", f"rounds={rounds}") == 0  # fmt: skip
    (runs / "unfinished").mkdir()
    RunFolder(runs / "unfinished").write("run.json", {})
    assert here(monkeypatch, "table", runs) == 2, "a damaged run is said, not passed over"
    (runs / "unfinished" / "run.json").unlink()
    output, table = tmp_path / "skill.md", tmp_path / "skill.csv"
    options = ["--data", toy_release, "--output", output, "--csv", table]
    assert here(monkeypatch, "table", runs, *options) == 0
    text = output.read_text()
    assert "origin **embedded**" in text
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    # Two rounds are worse than the climatology, eighty are better.
    assert [line[0] for line in lines] == ["| model", "| lightgbm", "| climatology", "| lightgbm"]
    assert [len(line) for line in lines] == [8] * 4
    found = list(csv.DictReader(table.open()))
    assert len(found) == 6
    known = RunFolder(runs / "rounds-80").metrics()["metrics"]["GPP"]
    own = next(one for one in found if one["target"] == "GPP" and float(one["r2"]) == pytest.approx(known["r2"], 1e-4))
    assert float(own["skill"]) == pytest.approx(known["skill"], rel=1e-4)
    usual = [one for one in found if one["model"] == "climatology"]
    assert all(abs(float(one["skill"])) < 1e-6 for one in usual)


def test_models_are_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert here(monkeypatch, "models") == 0
    out = capsys.readouterr().out
    assert "54,353" in out, "the LSTM of the paper's size"
    assert "climatology" in out
