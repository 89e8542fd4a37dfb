"""What `agroflux-data check` must find, each planted in a copy of a good release."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agroflux_data import sequences, shards
from agroflux_data.check import check
from agroflux_data.release import PROVENANCE, STATISTICS, Release, targets_folder


@pytest.fixture
def copy(toy_release, tmp_path) -> Path:
    shutil.copytree(toy_release, tmp_path / "agroflux")
    shutil.copytree(targets_folder(toy_release), tmp_path / "agroflux-targets")
    return tmp_path / "agroflux"


def problems(folder: Path) -> str:
    return "\n".join(f"{finding.where}: {finding.problem}" for finding in check(Release(folder)))


def rewrite(folder: Path, file: str, change) -> None:
    """Change a shard's rows and make the provenance agree, as a careless host's own script would."""
    rows = change(pq.read_table(folder / file))
    written = shards.write(rows, folder / file, file)
    path = folder / PROVENANCE
    made = json.loads(path.read_text())
    for task in made["tasks"].values():
        for split in task["splits"].values():
            for shard in split["shards"]:
                if shard["file"] == file:
                    split["rows"] += written.rows - shard["rows"]
                    shard.update(rows=written.rows, bytes=written.bytes, sha256=written.sha256)
    path.write_text(json.dumps(made))


def first_shard(folder: Path, task: str, split: str) -> str:
    return Release(folder).splits(task)[split].shards[0].file


def setting(column: str, value: float, row: int = 0):
    def change(rows):
        values = sequences.values(rows[column]).copy()
        values[row, 7] = value
        at = rows.schema.get_field_index(column)
        return rows.set_column(at, rows.schema.field(column), sequences.daily_array(values))

    return change


def test_good_releases_pass(toy_release, toy_open_release):
    assert problems(toy_release) == ""
    assert problems(toy_open_release) == ""


def test_a_hidden_row_that_shows_an_output_is_named(copy):
    file = first_shard(copy, "ecosys_temporal", "test")
    key = pq.read_table(copy / file)["sequence"][0].as_py()
    rewrite(copy, file, setting("GPP", 3.0))
    said = problems(copy)
    assert "hidden rows with output values" in said
    assert str(key) in said


def test_a_row_that_another_task_hides_is_a_leak(copy):
    """A training shard of the spatial task gets one late year: the temporal test's answer."""
    late = pq.read_table(copy / first_shard(copy, "towers_temporal", "test")).slice(0, 1)
    late = setting("NEE", 1.0)(late)
    file = first_shard(copy, "towers_spatial", "fold_0")
    rewrite(copy, file, lambda rows: pa.concat_tables([rows, late.cast(rows.schema)]))
    said = problems(copy)
    assert "output values of rows that the release hides" in said
    assert str(late["sequence"][0].as_py()) in said
    assert "belong elsewhere" in said


def test_nan_in_an_input_is_named(copy):
    rewrite(copy, first_shard(copy, "daycent_temporal", "train"), setting("PREC", np.nan))
    assert "NaN in input PREC" in problems(copy)


def test_an_implausible_unit_is_named(copy):
    rewrite(copy, first_shard(copy, "daycent_spatial", "fold_0"), setting("TMAX", 300.0))
    assert "TMAX outside -60 to 60 degC" in problems(copy)


def test_scalers_that_saw_other_rows_are_named(copy):
    path = copy / STATISTICS
    stated = json.loads(path.read_text())
    stated["ecosys_temporal"]["train"]["GPP"]["mean"] += 0.01
    path.write_text(json.dumps(stated))
    assert "ecosys_temporal/train: GPP is not that of the training rows" in problems(copy)


def test_scalers_of_a_test_split_are_refused_when_asked_for(toy_release):
    with pytest.raises(Exception, match="training splits"):
        Release(toy_release).statistics("ecosys_temporal", ["test"])


@pytest.mark.parametrize("damage", ["truncated", "missing", "changed", "not parquet"])
def test_a_damaged_shard_is_named(copy, damage):
    file = first_shard(copy, "mesocosm_spatial", "fold_1")
    path = copy / file
    whole = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "missing":
        path.unlink()
    elif damage == "changed":
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    else:
        path.write_text("<html>" + " " * (len(whole) - 6))
    assert file in problems(copy)


def test_a_stray_file_is_named(copy):
    (copy / "answers.parquet").write_bytes(b"")
    assert "answers.parquet: a file that the release does not know" in problems(copy)


def test_targets_of_another_release_are_named(copy):
    path = targets_folder(copy) / PROVENANCE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"revision": "0" * 16}))
    assert "targets of another release" in problems(copy)


def test_missing_target_rows_are_named(copy):
    folder = targets_folder(copy)
    file = json.loads((folder / PROVENANCE).read_text())["tasks"]["towers_temporal"]["splits"]["test"]["shards"][0][
        "file"
    ]
    rows = pq.read_table(folder / file)
    shards.write(rows.slice(1), folder / file, file, ["towers"] * (rows.num_rows - 1))
    assert f"other sequences than the public folder's: 1 ({rows['sequence'][0].as_py()})" in problems(copy)


def test_duplicate_rows_are_named(copy):
    file = first_shard(copy, "ecosys_spatial", "fold_2")
    rewrite(copy, file, lambda rows: rows.take([0, *range(rows.num_rows)]))
    assert "stand there more than once" in problems(copy)


def test_a_wrong_fold_is_named(copy):
    release = Release(copy)
    folds = dict(release.provenance.sources["towers"].folds)
    first, second = list(folds)[:2]
    folds[first], folds[second] = folds[second], folds[first]
    source = replace(release.provenance.sources["towers"], folds=folds)
    made = replace(release.provenance, sources=release.provenance.sources | {"towers": source})
    (copy / PROVENANCE).write_text(made.to_json())
    assert "folds of towers are not those of the published shuffle" in problems(copy)
