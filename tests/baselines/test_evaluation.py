"""What a run is tested on, and that its numbers follow from predictions, over all days and at each site."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from agroflux_data.release import Release
from agroflux_data.sequences import values
from baselines.evaluation import read_sites, split_to_test
from baselines.run import RunFolder
from submission.climatology import Climatology
from submission.file import read
from submission.metrics import mae, mse, r2
from tests.baselines.test_command import here

QUICK = ["--inputs", "core", "--targets", "NEE,GPP", "--set", "rounds=5", "--set", "samples=2000"]


@pytest.mark.parametrize(("task", "tested"), [("towers_spatial", "fold_0"), ("towers_temporal", "test")])
def test_a_run_is_tested_on_public_rows_that_it_has_not_seen(
    toy_open_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, tested: str
) -> None:
    folder, path = tmp_path / "run", tmp_path / "tested.parquet"
    assert here(monkeypatch, "run", "--task", task, "--model", "lightgbm", "--data", toy_open_release,
                "--output", folder, *QUICK) == 0  # fmt: skip
    release, run = Release(toy_open_release), RunFolder(folder).read()
    assert run is not None
    assert split_to_test(release, task, run.left_out) == tested
    assert tested not in (*run.training, *run.validation)
    assert here(monkeypatch, "predict", folder, "--data", toy_open_release, "--split", tested, "--output", path) == 0
    guess = read(path)
    rows = release.table(task, tested, ["sequence", "site", "GPP"])
    np.testing.assert_array_equal(rows["sequence"].to_numpy(), guess["sequence"])
    usual = Climatology.fit(release, task, run.training).predict(release, task, tested)["GPP"]
    truth, site = values(rows["GPP"]), np.array(rows["site"].to_pylist())
    found = RunFolder(folder).metrics()["tested"]["GPP"]
    assert found["r2"] == pytest.approx(r2(truth, guess["GPP"]), rel=1e-5)
    assert found["skill"] == pytest.approx(1 - mse(truth, guess["GPP"]) / mse(truth, usual), rel=1e-4)
    by_site = {one.site: one for one in read_sites(folder) if one.target == "GPP"}
    observed = {name for name in set(site.tolist()) if not np.isnan(truth[site == name]).all()}
    assert set(by_site) == observed
    for name, one in by_site.items():
        here_only = site == name
        assert one.n == np.isfinite(truth[here_only]).sum()
        assert one.mae == pytest.approx(mae(truth[here_only], guess["GPP"][here_only]), rel=1e-4)
        reference = mse(truth[here_only], usual[here_only])
        assert one.skill == pytest.approx(1 - mse(truth[here_only], guess["GPP"][here_only]) / reference, rel=1e-3)


def test_hidden_years_are_not_tested_on(toy_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = Release(toy_release)
    assert split_to_test(release, "towers_temporal", None) is None
    assert split_to_test(release, "towers_spatial", "fold_2") == "fold_2"
    assert here(monkeypatch, "run", "--task", "towers_temporal", "--model", "lightgbm", "--data", toy_release,
                "--output", tmp_path / "run", *QUICK) == 0  # fmt: skip
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["tested"] is None
    assert read_sites(tmp_path / "run") == []
