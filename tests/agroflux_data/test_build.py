"""The whole way from a source to `load_dataset`, over all eight tasks."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset

from agroflux_data import card, sequences
from agroflux_data.build import build, built_already, staging_folder
from agroflux_data.builder import AgrofluxBuilder
from agroflux_data.errors import AgrofluxError
from agroflux_data.plan import Plan
from agroflux_data.release import Release, Targets, targets_folder
from agroflux_data.splits import Edition
from agroflux_data.tasks import TASKS
from tests.conftest import TOY_SECRET, toy_plan
from tests.toy import ToySource


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def small_plan(seed: int = 0, secret: bytes = TOY_SECRET) -> Plan:
    return Plan(Edition.SEALED, None, seed, secret, (ToySource("mesocosm", 6, secret=secret),))


@pytest.mark.parametrize("task", TASKS)
def test_load_dataset_works_verbatim(toy_release, monkeypatch, task):
    monkeypatch.chdir(toy_release.parent)
    release = Release("agroflux")
    loaded = load_dataset("agroflux", task)
    assert {name: len(rows) for name, rows in loaded.items()} == {
        name: record.rows for name, record in release.splits(task).items()
    }
    for name, streamed in load_dataset("agroflux", task, streaming=True).items():
        first, row = next(iter(streamed)), loaded[name][0]
        assert first["sequence"] == row["sequence"]
        assert first["TMAX"] == row["TMAX"]
        assert len(first["TMAX"]) == 365
    target = release.task(task).ranked_targets[0]
    assert load_dataset("agroflux", task, columns=["sequence", target])["test"].column_names == ["sequence", target]


@pytest.mark.parametrize("source", ["ecosys", "towers"])
@pytest.mark.parametrize("streaming", [False, True])
def test_folds_add_up(toy_release, monkeypatch, source, streaming):
    monkeypatch.chdir(toy_release.parent)
    both = load_dataset("agroflux", f"{source}_spatial", split="fold_0+fold_1", streaming=streaming)
    splits = Release("agroflux").splits(f"{source}_spatial")
    assert sum(1 for _ in both) == splits["fold_0"].rows + splits["fold_1"].rows


@pytest.mark.parametrize("task", TASKS)
def test_the_open_edition_has_every_row_with_its_targets(toy_open_release, task):
    release = Release(toy_open_release)
    assert not targets_folder(toy_open_release).exists()
    source = next(s for s in toy_plan(Edition.OPEN).sources if s.name == TASKS[task].source)
    keys = np.concatenate([release.keys(task, split) for split in release.splits(task)])
    assert sorted(keys.tolist()) == sorted(source.sequences(source.sites)["sequence"].to_pylist())
    for split in release.splits(task):
        values = sequences.values(release.table(task, split, [release.task(task).ranked_targets[0]]).column(0))
        assert not np.isnan(values).all(axis=1).any()


@pytest.mark.parametrize("source", ["ecosys", "daycent", "towers", "mesocosm"])
def test_no_hidden_row_has_an_output_anywhere_in_the_public_folder(toy_release, source):
    """The invariant of the sealed edition, read from the files themselves."""
    release = Release(toy_release)
    hidden, shown = set(), set()
    for task in (f"{source}_temporal", f"{source}_spatial"):
        targets = release.task(task).targets
        for split, record in release.splits(task).items():
            rows = release.table(task, split)
            if record.hidden:
                hidden |= set(rows["sequence"].to_pylist())
            values = np.stack([sequences.values(rows[name]) for name in targets])
            shown |= set(rows["sequence"].to_numpy()[~np.isnan(values).all(axis=(0, 2))].tolist())
    assert hidden
    assert shown
    assert not hidden & shown


@pytest.mark.parametrize("task", TASKS)
def test_targets_are_the_true_outputs_of_the_hidden_rows_in_two_halves(toy_release, task):
    release = Release(toy_release)
    targets = Targets.of(release)
    rows = targets.table(task, "test")
    assert rows["sequence"].to_pylist() == release.keys(task, "test").tolist()
    source = next(s for s in toy_plan(Edition.SEALED).sources if s.name == TASKS[task].source)
    truth = source.sequences(source.sites)
    where = {key: row for row, key in enumerate(truth["sequence"].to_pylist())}
    order = [where[key] for key in rows["sequence"].to_pylist()]
    for name in release.task(task).targets:
        np.testing.assert_array_equal(sequences.values(rows[name]), sequences.values(truth[name])[order])
    public = rows["public"].to_numpy()
    assert 0.3 <= public.mean() <= 0.7


def test_the_same_seed_and_secret_give_the_same_bytes_on_any_number_of_workers(toy_release, tmp_path):
    build(toy_plan(Edition.SEALED), tmp_path / "agroflux", workers=2)
    assert content(tmp_path / "agroflux") == content(toy_release)
    assert content(tmp_path / "agroflux-targets") == content(targets_folder(toy_release))


def test_another_secret_moves_the_outputs_and_no_input(tmp_path):
    first = build(small_plan(), tmp_path / "a", workers=1)
    second = build(small_plan(secret=b"quite another one"), tmp_path / "b", workers=1)
    assert first.revision != second.revision
    rows = [release.table("mesocosm_temporal", "train") for release in (first, second)]
    assert rows[0].select(["sequence", "TMAX"]).equals(rows[1].select(["sequence", "TMAX"]))
    assert not np.array_equal(*(sequences.values(table["N2O"]) for table in rows), equal_nan=True)


def test_rebuilding_changes_what_load_dataset_returns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    build(small_plan(), tmp_path / "agroflux", workers=1)
    before = load_dataset("agroflux", "mesocosm_temporal", split="train").with_format("numpy")["N2O"][:]
    build(small_plan(secret=b"quite another one"), tmp_path / "agroflux", workers=1)
    after = load_dataset("agroflux", "mesocosm_temporal", split="train").with_format("numpy")["N2O"][:]
    assert not np.array_equal(before, after, equal_nan=True)


class Stopped(Exception):
    pass


def test_a_stopped_build_goes_on_from_its_finished_blocks(toy_release, tmp_path, monkeypatch):
    out = tmp_path / "agroflux"

    def stop_after_three(done: int, total: int) -> None:
        if done == 3:
            raise Stopped

    with pytest.raises(Stopped):
        build(toy_plan(Edition.SEALED), out, workers=1, done=stop_after_three)
    assert not out.exists()
    assert not targets_folder(out).exists()

    simulated = []
    original = ToySource.sequences
    monkeypatch.setattr(ToySource, "sequences", lambda self, sites: simulated.append(sites) or original(self, sites))
    reported = []
    build(toy_plan(Edition.SEALED), out, workers=1, done=lambda done, total: reported.append((done, total)))
    assert len(simulated) == reported[-1][1] - 3
    assert content(out) == content(toy_release)
    assert not staging_folder(out).exists()


def test_a_killed_build_leaves_nothing_half_written(tmp_path):
    out = tmp_path / "agroflux"
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from agroflux_data.build import build\n"
        "from agroflux_data.splits import Edition\n"
        "from tests.conftest import toy_plan\n"
        "if __name__ == '__main__':\n"
        "    build(toy_plan(Edition.SEALED), Path(sys.argv[1]), workers=1,\n"
        "          done=lambda done, total: os._exit(9) if done == 4 else None)\n"
    )
    root = Path(__file__).parents[2]
    died = subprocess.run([sys.executable, "-c", script, str(out)], cwd=root, capture_output=True)
    assert died.returncode == 9, died.stderr
    assert not out.exists()
    half = staging_folder(out)
    # A block that was finished and then lost its shard is built again.
    next(half.glob("public/*/*.parquet")).write_bytes(b"half")
    release = build(toy_plan(Edition.SEALED), out, workers=1)
    assert len(release.tasks) == 8


@pytest.mark.parametrize("hard_links", [True, False])
def test_a_build_that_stops_at_the_card_simulates_nothing_again(toy_release, tmp_path, monkeypatch, hard_links):
    def refuse(*_: object) -> None:
        raise OSError("this file system has no hard links")

    def stop(*_: object) -> None:
        raise Stopped

    out = tmp_path / "agroflux"
    if not hard_links:
        monkeypatch.setattr(os, "link", refuse)
    with monkeypatch.context() as patched:
        patched.setattr(card, "write", stop)
        with pytest.raises(Stopped):
            build(toy_plan(Edition.SEALED), out, workers=1)
    monkeypatch.setattr(ToySource, "sequences", stop)
    build(toy_plan(Edition.SEALED), out, workers=1)
    assert content(out) == content(toy_release)
    assert content(targets_folder(out)) == content(targets_folder(toy_release))
    assert not staging_folder(out).exists()


def test_the_same_plan_is_built_already_and_another_is_refused(toy_release, tmp_path):
    assert built_already(toy_plan(Edition.SEALED), toy_release) is not None
    assert built_already(toy_plan(Edition.SEALED), tmp_path / "nowhere") is None
    with pytest.raises(AgrofluxError, match="another release stands there"):
        built_already(toy_plan(Edition.SEALED, seed=1), toy_release)
    with pytest.raises(AgrofluxError, match="another release stands there"):
        built_already(toy_plan(Edition.SEALED, secret=b"quite another one"), toy_release)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("precious")
    with pytest.raises(AgrofluxError, match="not a release"):
        built_already(toy_plan(Edition.SEALED), tmp_path / "thesis")


def test_the_builder_streams_a_release_and_a_source(toy_release, tmp_path):
    plan = toy_plan(Edition.SEALED)
    from_source = AgrofluxBuilder(
        config_name="towers_spatial", partition=plan.partitions[2], cache_dir=str(tmp_path)
    ).as_streaming_dataset("fold_1")
    from_release = AgrofluxBuilder(
        config_name="towers_spatial", release=str(toy_release), cache_dir=str(tmp_path)
    ).as_streaming_dataset("fold_1")
    assert from_source.features == from_release.features
    assert [row["sequence"] for row in from_source] == [row["sequence"] for row in from_release]


def test_a_builder_needs_exactly_one_place_for_its_rows(toy_release, tmp_path):
    with pytest.raises(AgrofluxError, match="either release"):
        AgrofluxBuilder(config_name="towers_spatial", cache_dir=str(tmp_path))
    with pytest.raises(AgrofluxError, match="unknown task"):
        AgrofluxBuilder(config_name="towers", release=str(toy_release), cache_dir=str(tmp_path))


def test_a_source_with_one_site_has_a_temporal_task_only(tmp_path):
    plan = Plan(Edition.SEALED, None, 0, TOY_SECRET, (ToySource("towers", 1),))
    release = build(plan, tmp_path / "mine", workers=1)
    assert release.tasks == ("towers_temporal",)
    assert set(release.splits("towers_temporal")) == {"train", "validation", "test"}


def test_hidden_targets_are_closed_to_the_other_users_of_a_machine(toy_release):
    assert targets_folder(toy_release).stat().st_mode & 0o077 == 0
