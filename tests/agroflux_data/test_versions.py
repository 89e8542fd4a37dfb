"""Versions: what is one, their order, and where a release says its own."""

from __future__ import annotations

import json

import pytest

from agroflux_data.build import build, built_already
from agroflux_data.errors import AgrofluxError
from agroflux_data.plan import Plan
from agroflux_data.release import PROVENANCE, Release, targets_folder
from agroflux_data.splits import Edition
from agroflux_data.versions import FIRST, Change, Version
from tests.conftest import TOY_SECRET
from tests.toy import ToySource


def towers_plan(version: Version) -> Plan:
    return Plan(Edition.SEALED, None, 0, TOY_SECRET, (ToySource("towers", 1),), version)


@pytest.mark.parametrize("text", ["1.0", "v1.0.0", "1.0.0-rc.1", "01.0.0", "1.0.0\n", "", "1.0.x"])
def test_what_is_no_version_is_named(text):
    with pytest.raises(AgrofluxError, match=r"not a version: expected MAJOR\.MINOR\.PATCH"):
        Version.from_text(text)


def test_versions_are_ordered_as_numbers_and_count_up():
    version = Version(1, 9, 3)
    after = [str(version.after(change)) for change in Change]
    assert after == ["1.9.3", "1.9.4", "1.10.0", "2.0.0"]
    assert sorted(map(Version.from_text, reversed(after))) == list(map(Version.from_text, after))


def test_a_release_says_its_version_and_its_rows_do_not_depend_on_it(tmp_path):
    first = build(towers_plan(FIRST), tmp_path / "first", workers=1)
    second = build(towers_plan(Version(1, 2, 3)), tmp_path / "second", workers=1)
    assert str(second.version) == "1.2.3"
    assert json.loads((targets_folder(second.path) / PROVENANCE).read_text())["version"] == "1.2.3"
    assert "Version `1.2.3`, revision" in (second.path / "README.md").read_text()
    assert first.revision == second.revision
    with pytest.raises(AgrofluxError, match=r"another release stands there: .*version 1\.0\.0"):
        built_already(towers_plan(Version(1, 2, 3)), first.path)


def test_a_release_from_before_versions_is_the_first(tmp_path):
    path = build(towers_plan(FIRST), tmp_path / "old", workers=1).path / PROVENANCE
    made = json.loads(path.read_text())
    del made["version"]
    path.write_text(json.dumps(made))
    assert Release(path.parent).version == FIRST
    path.write_text(json.dumps(made | {"version": "new"}))
    with pytest.raises(AgrofluxError, match="not a version"):
        Release(path.parent)
