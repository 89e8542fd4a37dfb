"""What two releases differ in, and which version that asks for."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from typer.testing import CliRunner

from agroflux_data import diff as diff_module
from agroflux_data import shards
from agroflux_data.build import build
from agroflux_data.card import renamed
from agroflux_data.cli import app
from agroflux_data.diff import TaskDifference, diff
from agroflux_data.plan import Plan
from agroflux_data.release import PROVENANCE, Release, Targets, targets_folder
from agroflux_data.splits import Edition
from agroflux_data.versions import Change
from tests.agroflux_data.test_check import first_shard, rewrite, setting
from tests.conftest import TOY_SECRET
from tests.toy import ToySource


def towers(out: Path, *, edition: Edition = Edition.SEALED, secret: bytes = TOY_SECRET, sites: int = 11) -> Release:
    return build(Plan(edition, None, 0, secret, (ToySource("towers", sites, secret=secret),)), out, workers=1)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory) -> Release:
    return towers(tmp_path_factory.mktemp("diff") / "agroflux")


@pytest.fixture
def copy(sealed, tmp_path) -> Path:
    shutil.copytree(sealed.path, tmp_path / "agroflux")
    return tmp_path / "agroflux"


def test_equal_releases_are_equal(sealed, copy):
    card = copy / "README.md"
    card.write_text(renamed(card.read_text(), "fluxes/agroflux"))
    found = diff(sealed, Release(copy))
    assert found.change is Change.NONE
    assert (found.tasks, found.metadata, found.tasks_added, found.tasks_removed) == ({}, {}, (), ())
    assert found.next_version == sealed.version


def test_changed_values_are_counted_by_row_and_by_column(sealed, copy):
    file = first_shard(copy, "towers_temporal", "train")
    for column, row in (("TMAX", 3), ("NEE", 3), ("NEE", 5)):
        rewrite(copy, file, setting(column, 1.25, row))
    found = diff(sealed, Release(copy))
    assert found.tasks == {"towers_temporal": TaskDifference(changed={"train": 2}, columns={"TMAX": 1, "NEE": 2})}
    assert found.change is Change.MAJOR
    assert str(found.next_version) == "2.0.0"


def test_a_missing_observation_is_equal_to_another(sealed, copy):
    """Written again, with other payloads in its NaN."""
    file = first_shard(copy, "towers_temporal", "train")

    def other_nan(rows):
        values = rows["NEE"].combine_chunks().values.to_numpy().copy()
        assert np.isnan(values).any()
        values.view(np.uint32)[np.isnan(values)] = 0xFFC00001
        column = pa.FixedSizeListArray.from_arrays(pa.array(values), 365)
        at = rows.schema.get_field_index("NEE")
        return rows.set_column(at, rows.schema.field(at), column)

    before = (copy / file).read_bytes()
    rewrite(copy, file, other_nan)
    assert (copy / file).read_bytes() != before
    assert diff(sealed, Release(copy)).change is Change.NONE


def test_rows_that_are_only_in_one_are_added_or_removed(sealed, copy):
    file = first_shard(copy, "towers_spatial", "fold_1")
    rewrite(copy, file, lambda rows: rows.slice(2))
    found = diff(sealed, Release(copy))
    assert found.tasks == {"towers_spatial": TaskDifference(removed={"fold_1": 2})}
    assert found.change is Change.MAJOR

    found = diff(Release(copy), sealed)
    assert found.tasks == {"towers_spatial": TaskDifference(added={"fold_1": 2})}
    assert found.change is Change.MINOR
    assert str(found.next_version) == "1.1.0"


def test_rows_added_to_a_test_are_a_major_change(sealed, copy):
    rewrite(copy, first_shard(copy, "towers_temporal", "test"), lambda rows: rows.slice(1))
    found = diff(Release(copy), sealed)
    assert found.tasks == {"towers_temporal": TaskDifference(added={"test": 1})}
    assert found.change is Change.MAJOR


def test_rows_in_another_split_have_moved(sealed, copy):
    train, validation = (first_shard(copy, "towers_temporal", split) for split in ("train", "validation"))
    taken = pq.read_table(copy / validation).slice(0, 1)
    rewrite(copy, validation, lambda rows: rows.slice(1))
    rewrite(copy, train, lambda rows: pa.concat_tables([rows, taken]).sort_by("site"))
    found = diff(sealed, Release(copy))
    assert found.tasks == {"towers_temporal": TaskDifference(moved={"validation -> train": 1})}
    assert found.change is Change.MAJOR


def test_rows_are_compared_wherever_they_stand(sealed, copy, monkeypatch):
    """Other row groups, and another order of rows in them: as many reads as it takes, and no other difference."""
    monkeypatch.setattr(diff_module, "_KEPT_GROUPS", 1)
    file = first_shard(copy, "towers_temporal", "train")
    monkeypatch.setattr(shards, "ROW_GROUP", 1)
    rewrite(copy, file, lambda rows: rows.take(np.random.default_rng(0).permutation(rows.num_rows)))
    assert pq.ParquetFile(copy / file).num_row_groups > 3
    assert diff(sealed, Release(copy)).change is Change.NONE
    rewrite(copy, file, setting("PREC", 77.0, 4))
    found = diff(sealed, Release(copy))
    assert found.tasks["towers_temporal"] == TaskDifference(changed={"train": 1}, columns={"PREC": 1})


def test_the_open_edition_reveals_what_the_sealed_one_hides(sealed, tmp_path):
    opened = towers(tmp_path / "open", edition=Edition.OPEN)
    found = diff(sealed, opened)
    temporal = found.tasks["towers_temporal"]
    hidden = sealed.splits("towers_temporal")["test"].rows
    assert temporal.revealed == hidden
    assert not temporal.changed  # outputs that were hidden have nothing to be compared with
    assert temporal.added  # the spatial test's sites
    assert found.metadata["edition"] == ("sealed", "open")
    assert found.change is Change.MAJOR
    assert diff(opened, sealed).tasks["towers_temporal"].hidden == hidden


def test_columns_that_come_are_minor_and_columns_that_go_are_major(sealed, copy):
    for task in sealed.tasks:
        for split in sealed.splits(task).values():
            for shard in split.shards:
                rewrite(copy, shard.file, lambda rows: rows.drop_columns("WIND"))
    path = copy / PROVENANCE
    path.write_text(path.read_text().replace('"WIND"', '"HMIN"'))
    found = diff(sealed, Release(copy))
    assert found.tasks["towers_spatial"] == TaskDifference(columns_removed=("WIND",))
    assert found.change is Change.MAJOR
    found = diff(Release(copy), sealed)
    assert found.tasks["towers_spatial"] == TaskDifference(columns_added=("WIND",))
    assert found.change is Change.MINOR


def test_tasks_that_come_are_minor_and_tasks_that_go_are_major(sealed, toy_release):
    toy = Release(toy_release)
    found = diff(sealed, toy)
    assert set(found.tasks_added) == set(toy.tasks) - set(sealed.tasks)
    assert not found.tasks
    assert found.change is Change.MINOR
    assert diff(toy, sealed).change is Change.MAJOR


def test_other_words_about_the_same_rows_are_a_patch(sealed, copy):
    made = Release(copy).provenance
    source = replace(made.sources["towers"], warnings=("a tower moved",))
    (copy / PROVENANCE).write_text(replace(made, sources={"towers": source}).to_json())
    found = diff(sealed, Release(copy))
    assert found.metadata == {"towers.warnings": ((), ("a tower moved",))}
    assert found.change is Change.PATCH
    (copy / "README.md").write_text("# Another card\n")
    assert "README.md" in diff(sealed, Release(copy)).metadata


def test_other_hidden_outputs_are_a_major_change_though_every_public_row_is_the_same(sealed, copy):
    shutil.copytree(targets_folder(sealed.path), targets_folder(copy))
    pair = Targets.of(sealed), Targets.of(Release(copy))
    assert diff(sealed, Release(copy), pair).change is Change.NONE
    file = Targets(targets_folder(copy)).splits("towers_temporal")["test"].shards[0].file
    rows = setting("GPP", 3.5, 1)(pq.read_table(targets_folder(copy) / file))
    written = shards.write(rows, targets_folder(copy) / file, file, ["towers"] * rows.num_rows)
    path = targets_folder(copy) / PROVENANCE
    old = next(shard.sha256 for shard in pair[0].shards if shard.file == file)
    path.write_text(path.read_text().replace(old, written.sha256))
    found = diff(sealed, Release(copy), (pair[0], Targets.of(Release(copy))))
    assert not found.tasks
    assert found.targets == {"towers_temporal": TaskDifference(changed={"test": 1}, columns={"GPP": 1})}
    assert found.change is Change.MAJOR


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["diff", *map(str, arguments)])


def test_the_command_says_what_differs_and_how_much(sealed, copy):
    equal = run(sealed.path, copy)
    assert equal.exit_code == 0
    assert "equal" in equal.stdout
    assert "hidden outputs are not compared" in equal.stderr

    file = first_shard(copy, "towers_temporal", "train")
    rewrite(copy, file, lambda rows: setting("NEE", 1.25)(rows.slice(1)))
    differ = run(sealed.path, copy, "--json")
    assert differ.exit_code == 1
    said = json.loads(differ.stdout)
    assert said["tasks"]["towers_temporal"]["removed"] == {"train": 1}
    assert said["tasks"]["towers_temporal"]["columns"] == {"NEE": 1}
    assert (said["versions"], said["change"], said["next_version"]) == (["1.0.0", "1.0.0"], "major", "2.0.0")

    lines = [line.split() for line in run(sealed.path, copy).stdout.splitlines()]
    assert ["towers_temporal", "removed", "train", "1"] in lines
    assert ["towers_temporal", "other", "values", "NEE", "1"] in lines
    assert ["a", "major", "change:", "B", "should", "have", "version", "2.0.0", "or", "a", "higher", "one"] in lines

    path = copy / PROVENANCE
    path.write_text(path.read_text().replace('"version": "1.0.0"', '"version": "2.1.0"'))
    assert "a major change: version 2.1.0 says so" in run(sealed.path, copy).stdout


def test_the_command_compares_hidden_outputs_where_both_have_them(sealed):
    assert "not compared" not in run(sealed.path, sealed.path).stderr


def test_the_command_names_what_the_open_edition_reveals(sealed, tmp_path):
    opened = towers(tmp_path / "open", edition=Edition.OPEN, sites=4)
    said = run(sealed.path, opened.path).stdout
    assert "revealed" in said
    assert "edition: sealed -> open" in said
