"""Parts of a build: which blocks they hold, and that their folders, copied together, make the serial release."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agroflux_data import blocks
from agroflux_data.build import build, build_part, resumable_secret, staging_folder
from agroflux_data.errors import AgrofluxError
from agroflux_data.parts import Part
from agroflux_data.release import targets_folder
from agroflux_data.splits import Edition
from tests.agroflux_data.test_build import content
from tests.conftest import TOY_SECRET, toy_plan
from tests.toy import ToySource


@given(items=st.integers(0, 300), count=st.integers(1, 600), data=st.data())
def test_shares_cover_a_list_once_and_differ_by_one_at_most(items, count, data):
    cuts = sorted({0, count, *data.draw(st.lists(st.integers(0, count), max_size=4))})
    parts = [Part(first, stop, count) for first, stop in itertools.pairwise(cuts)]
    assert [item for part in parts for item in part.of(range(items))] == list(range(items))
    sizes = [len(Part(k, k + 1, count).of(range(items))) for k in range(count)]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("text", ["", "8", "0-8/512", "0:8", "-1:8/512", "0:8/512 ", "a:b/c", "0:8/5.5", "٠:٨/٩"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(AgrofluxError, match="FIRST:STOP/COUNT"):
        Part.from_text(text)


@pytest.mark.parametrize("text", ["0:0/4", "3:2/4", "0:5/4", "0:0/0"])
def test_bounds_that_hold_no_share_are_refused(text):
    with pytest.raises(AgrofluxError, match="no such part"):
        Part.from_text(text)


def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The blocks that are built from now on in this process, by their first site."""
    seen: list[str] = []
    original = ToySource.sequences
    monkeypatch.setattr(ToySource, "sequences", lambda self, sites: seen.append(sites[0].name) or original(self, sites))
    return seen


def test_parts_of_several_machines_make_the_serial_release(toy_release, tmp_path, monkeypatch):
    seen = built(monkeypatch)
    plan = toy_plan(Edition.SEALED)
    total = len(blocks.jobs(plan))
    machines = [tmp_path / name / "agroflux" for name in ("first", "second")]
    # They overlap, and nobody builds the last share.
    build_part(plan, machines[0], Part(0, 5, 8), workers=1)
    build_part(toy_plan(Edition.SEALED), machines[1], Part(3, 7, 8), workers=1)
    assert not any(machine.exists() or targets_folder(machine).exists() for machine in machines)
    here = tmp_path / "here" / "agroflux"
    for machine in machines:
        shutil.copytree(staging_folder(machine), staging_folder(here), dirs_exist_ok=True)
    seen.clear()
    build(toy_plan(Edition.SEALED), here, workers=1)
    assert len(seen) == total - len(Part(0, 7, 8).of(range(total)))
    assert content(here) == content(toy_release)
    assert content(targets_folder(here)) == content(targets_folder(toy_release))
    assert not staging_folder(here).exists()


def test_a_part_that_is_there_is_not_built_again(tmp_path, monkeypatch):
    out = tmp_path / "agroflux"
    build_part(toy_plan(Edition.SEALED), out, Part(0, 2, 4), workers=1)
    seen = built(monkeypatch)
    told = []
    build_part(
        toy_plan(Edition.SEALED), out, Part(0, 2, 4), workers=1, done=lambda done, total: told.append((done, total))
    )
    assert not seen
    assert told == [(len(Part(0, 2, 4).of(blocks.jobs(toy_plan(Edition.SEALED)))),) * 2]
    assert resumable_secret(out) == TOY_SECRET


def test_a_copy_that_was_cut_off_costs_its_blocks_and_no_more(toy_release, tmp_path, monkeypatch):
    out = tmp_path / "agroflux"
    build_part(toy_plan(Edition.SEALED), out, Part(0, 1, 2), workers=1)
    first, second, *_ = sorted(staging_folder(out).glob("records/*.json"))
    first.write_text(first.read_text()[:40])
    shard = next(staging_folder(out).glob(f"public/*/*-block-{second.stem[-5:]}.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1])
    seen = built(monkeypatch)
    build_part(toy_plan(Edition.SEALED), out, Part(0, 1, 2), workers=1)
    assert len(seen) == 2
    build(toy_plan(Edition.SEALED), out, workers=1)
    assert content(out) == content(toy_release)


@pytest.mark.parametrize("other", [{"secret": b"quite another one"}, {"seed": 1}])
def test_parts_of_different_plans_are_never_mixed(tmp_path, other):
    ours, theirs = tmp_path / "ours" / "agroflux", tmp_path / "theirs" / "agroflux"
    build_part(toy_plan(Edition.SEALED), ours, Part(0, 1, 8), workers=1)
    build_part(toy_plan(Edition.SEALED, **other), theirs, Part(1, 2, 8), workers=1)
    shutil.copytree(staging_folder(theirs), staging_folder(ours), dirs_exist_ok=True)
    for plan in (toy_plan(Edition.SEALED), toy_plan(Edition.SEALED, **other)):
        with pytest.raises(AgrofluxError, match="another plan") as refused:
            build(plan, ours, workers=1)
        assert plan.secret.decode() not in str(refused.value)
    assert len(list(staging_folder(ours).glob("records/*.json"))) == 2
    build_part(toy_plan(Edition.SEALED), ours, Part(0, 1, 8), workers=1, force=True)
    assert [path.stem for path in staging_folder(ours).glob("records/*.json")] == ["ecosys-00000"]


def test_finished_blocks_survive_a_mistyped_option(tmp_path):
    """What may be the work of hours is thrown away on request only."""
    out = tmp_path / "agroflux"
    build_part(toy_plan(Edition.OPEN), out, Part(0, 1, 8), workers=1)
    before = content(staging_folder(out))
    with pytest.raises(AgrofluxError, match="--force"):
        build(toy_plan(Edition.SEALED), out, workers=1)
    assert content(staging_folder(out)) == before


def command_content(folder: Path) -> dict[str, str]:
    return content(folder / "agroflux") | {f"targets/{k}": v for k, v in content(folder / "agroflux-targets").items()}


def test_the_command_builds_parts_and_brings_them_together(command, tmp_path):
    (tmp_path / "secret").write_text("only the host knows this one\n")
    options = ["--source", "daycent=embedded", "--scale", "tiny", "--workers", "1"]
    sealed = [*options, "--secret-file", str(tmp_path / "secret")]
    for place in ("serial", "a", "b"):
        (tmp_path / place).mkdir()
    bare = command("agroflux-data", "build", "agroflux", "--shards", "0:1/2", *options, cwd=tmp_path / "a")
    assert bare.returncode == 2
    assert "--secret-file" in bare.stderr
    assert not list((tmp_path / "a").iterdir())

    assert command("agroflux-data", "build", "agroflux", *sealed, cwd=tmp_path / "serial").returncode == 0
    for place, shards in (("a", "0:1/2"), ("b", "1:2/2")):
        part = command("agroflux-data", "build", "agroflux", "--shards", shards, *sealed, cwd=tmp_path / place)
        assert part.returncode == 0, part.stderr
        assert f"part {shards} is in {tmp_path / place / '.agroflux.building'}" in part.stdout
        assert not (tmp_path / place / "agroflux").exists()
    shutil.copytree(tmp_path / "b" / ".agroflux.building", tmp_path / "a" / ".agroflux.building", dirs_exist_ok=True)
    whole = command("agroflux-data", "build", "agroflux", *sealed, cwd=tmp_path / "a")
    assert whole.returncode == 0, whole.stderr
    assert command_content(tmp_path / "a") == command_content(tmp_path / "serial")
