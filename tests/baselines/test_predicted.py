"""What models predict is put beside the observations of the same rows, whatever it comes from."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.sequences import values
from baselines.predicted import folders_of, gather, label_of
from baselines.run import Run, RunFolder
from baselines.training import train
from baselines.transfer.plan import Transfer
from submission.template import write_climatology


def test_files_and_references_stand_in_the_order_of_the_truth(toy_open_release: Path, tmp_path: Path) -> None:
    release = Release(toy_open_release)
    path = write_climatology(release, "towers_temporal", "test", tmp_path / "file.parquet")
    file, reference = gather([str(path), "climatology"], release)
    assert (file.label, reference.label, file.task, file.split) == ("file", "climatology", "towers_temporal", "test")
    rows = release.table("towers_temporal", "test", ["sequence", "GPP"])
    np.testing.assert_array_equal(file.sequence, rows["sequence"].to_numpy())
    np.testing.assert_array_equal(file.observed("GPP"), values(rows["GPP"]))
    np.testing.assert_allclose(file.predicted["GPP"], reference.predicted["GPP"], rtol=1e-6)
    np.testing.assert_allclose(reference.sums("GPP").squared, reference.truth.usual("GPP").squared, rtol=1e-6)


def test_hidden_observations_are_asked_for(toy_release: Path, tmp_path: Path) -> None:
    release = Release(toy_release)
    path = write_climatology(release, "towers_temporal", None, tmp_path / "file.parquet")
    with pytest.raises(AgrofluxError, match=r"observations that are hidden.*--targets"):
        gather([str(path)], release)
    (found,) = gather([str(path)], release, hidden=toy_release.with_name("agroflux-targets"))
    assert np.isfinite(found.observed("GPP")).any()


def test_one_task_at_a_time(toy_open_release: Path, tmp_path: Path) -> None:
    release = Release(toy_open_release)
    files = [
        str(write_climatology(release, task, "test", tmp_path / f"{task}.parquet"))
        for task in ("towers_temporal", "mesocosm_temporal")
    ]
    with pytest.raises(AgrofluxError, match=r"several tasks.*towers_temporal, mesocosm_temporal"):
        gather(files, release)
    assert [one.task for one in gather(files, release, several_tasks=True)] == ["towers_temporal", "mesocosm_temporal"]
    with pytest.raises(AgrofluxError, match="nothing to show"):
        gather(["climatology"], release)


def test_finished_runs_are_found_at_any_depth(toy_open_release: Path, tmp_path: Path) -> None:
    run = Run.plan(Release(toy_open_release), "towers_spatial", "linear")
    for name in ("a/b/first", "a/second", "unfinished"):
        RunFolder(tmp_path / name).begin(run)
    with pytest.raises(AgrofluxError, match="no finished runs"):
        folders_of([tmp_path])
    for name in ("a/b/first", "a/second"):
        (tmp_path / name / "metrics.json").write_text(json.dumps({}))
    shutil.copytree(tmp_path / "a/second", tmp_path / "a/second/source")  # what it was pretrained from is no own run
    assert folders_of([tmp_path, tmp_path / "a"]) == [tmp_path / "a/b/first", tmp_path / "a/second"]


def test_labels_tell_options_and_transfers_apart_but_no_seeds(toy_open_release: Path) -> None:
    release = Release(toy_open_release)
    small = Run.plan(release, "towers_spatial", "lstm", seed=3, options={"hidden_size": 50})
    assert label_of(small) == "lstm (hidden_size 50)"
    moved = replace(small, transfer=Transfer("finetune", "somewhere", source_task="ecosys_spatial"))
    assert label_of(moved) == "lstm (hidden_size 50), finetune from ecosys"


def test_a_run_is_shown_on_what_it_was_tested_on(toy_release: Path, toy_open_release: Path, tmp_path: Path) -> None:
    release, sealed = Release(toy_open_release), Release(toy_release)
    runs = [
        (release, Run.plan(release, "mesocosm_spatial", "linear", left_out="fold_1", epochs=1)),
        (sealed, Run.plan(sealed, "mesocosm_temporal", "linear", epochs=1)),
    ]
    with Progress(disable=True) as bar:
        for number, (of, run) in enumerate(runs):
            train(run, of, RunFolder(tmp_path / str(number)), bar)
    (left_out,) = gather([str(tmp_path / "0")], release)
    assert (left_out.split, left_out.label, left_out.run) == ("fold_1", "linear", runs[0][1])
    expected = RunFolder(tmp_path / "0").metrics()["tested"]["N2O"]
    assert left_out.sums("N2O").total().rmse == pytest.approx(expected["rmse"], rel=1e-5)
    assert gather([str(tmp_path / "1")], sealed)[0].split == "validation"
    hidden = toy_release.with_name("agroflux-targets")
    assert gather([str(tmp_path / "1")], sealed, hidden=hidden)[0].split == "test"
    with pytest.raises(AgrofluxError, match="a model of another release"):
        gather([str(tmp_path / "1")], release)
