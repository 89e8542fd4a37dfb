"""The doctor: nothing to say of a healthy leaderboard, and a word on whatever ails another."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

from agroflux_data.hub import Home, push
from agroflux_data.release import Release, Targets, targets_folder
from leaderboard import doctor
from leaderboard.doctor import Finding, Level, examine
from leaderboard.intake import Intake
from leaderboard.seasons import Seasons
from leaderboard.store import LocalStore, Result, State
from leaderboard.tokens import Tokens
from submission.scoring import SCORER
from tests.conftest import hub  # noqa: F401 - the whole Hub, not the one route of the others here
from tests.hub import Hub
from tests.leaderboard.conftest import Command, FileMaker

STATES = (State.SCORED, State.SCORED, State.FAILED, State.REJECTED)


@pytest.fixture
def own(toy_release: Path, tmp_path: Path) -> Release:
    """A release of its own, with its targets closed to others as a host keeps them."""
    for source, copy in ((toy_release, tmp_path / "agroflux"),
                         (targets_folder(toy_release), tmp_path / "agroflux-targets")):  # fmt: skip
        shutil.copytree(source, copy)
    (tmp_path / "agroflux-targets").chmod(0o700)
    return Release(tmp_path / "agroflux")


@pytest.fixture
def full(store: LocalStore, own: Release, make_file: FileMaker) -> LocalStore:
    """A store with submissions in every state."""
    intake = Intake(store, own)
    for number, state in enumerate(STATES):
        intake.receive(make_file(offset=0.1 * number), "ann", limited=False)
        lease = store.lease(60)
        assert lease is not None
        store.finish(lease, Result(state, own.revision, SCORER if number else "old", scores={"targets": {}}))
    intake.receive(make_file(offset=0.9), "bob")
    Tokens(store.folder).create("ann")
    return store


def by_subject(found: Iterator[Finding]) -> dict[tuple[str, Level], Finding]:
    return {(one.subject, one.level): one for one in found}


def test_a_healthy_leaderboard_has_nothing_to_mend(command: Command, own: Release, full: LocalStore) -> None:
    code, out, _ = command("doctor", "--data", own.path, "--store", full.folder)
    assert code == 0, out
    assert "mend" not in out
    for said in (f"revision {own.revision}", "closed to others", "5: 1 failed, 1 received, 1 rejected, 2 scored",
                 "all 5 as they were received", "1 participants have one", "gradio 6"):  # fmt: skip
        assert said in out
    assert f"1 results are of scorer old, this is {SCORER}" in out
    assert "by a fault of ours" in out


def test_what_ails_it_is_found_at_once(
    own: Release, full: LocalStore, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, *_ = full.entries()
    full.path(first.submission).write_bytes(b"other bytes")
    full.path(second.submission).unlink()
    full.folder.chmod(0o755)
    Targets.of(own).path.chmod(0o755)
    shard = own.path / own.shards[0].file
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    Seasons(full).open("one", own)
    Seasons(full).freeze("one")
    assert full.lease(-1.0) is not None
    monkeypatch.setattr(doctor, "_STUCK", timedelta(seconds=-1))
    monkeypatch.setattr(doctor, "_LITTLE", 1 << 60)
    found = by_subject(examine(str(own.path), None, str(full.folder)))
    for subject, level, said in (
        ("release", Level.MEND, "content differs"), ("targets", Level.MEND, "other users of this machine can read"),
        ("store", Level.MEND, "other users of this machine can open"), ("disk", Level.MEND, "GB free"),
        ("worker", Level.MEND, "1 submissions wait"), ("leases", Level.NOTE, "1 expired"),
        ("season", Level.NOTE, "no standing"), ("failed", Level.NOTE, "fault of ours"),
    ):  # fmt: skip
        assert said in found[subject, level].said
        assert found[subject, level].remedy
    said = found["files", Level.MEND].said
    assert f"{first.submission.id} is not what was received" in said
    assert f"{second.submission.id} is missing" in said
    monkeypatch.undo()


def test_another_release_and_a_damaged_database_are_found(
    command: Command, toy_open_release: Path, own: Release, full: LocalStore, tmp_path: Path
) -> None:
    code, out, _ = command("doctor", "--data", toy_open_release, "--store", tmp_path / "none")
    assert (code, "hides nothing" in out, "targets of another release" in out or "no such release" in out) == (
        1,
        True,
        True,
    )
    assert "nothing at" in out
    with closing(sqlite3.connect(full.folder / "records.sqlite")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = full.folder / "records.sqlite"
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 6] = b"\xff" * (4096 * 4)
    path.write_bytes(content)
    code, out, _ = command("doctor", "--data", own.path, "--store", full.folder)
    assert code == 1
    assert "restore a backup" in out or "a backup of it" in out


def test_what_is_on_the_hub_is_looked_at_too(
    own: Release,
    hub: Hub,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: Command,
) -> None:
    token = hub.account("ada", ("fluxes",))
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "cache"))
    api = HfApi(token=token)
    push(own, Home("fluxes/agroflux", api),
         targets=(Targets.of(own), Home("fluxes/agroflux-targets", api)))  # fmt: skip
    api.create_repo("fluxes/store", repo_type="dataset", private=True)
    remote = [f"hf://datasets/fluxes/{name}" for name in ("agroflux", "agroflux-targets", "store")]
    found = by_subject(examine(*remote))
    assert not any(level is Level.MEND for _, level in found), found
    assert found["Hub", Level.FINE].said.endswith("the token is ada's")
    assert "not pinned" in found["targets", Level.NOTE].said
    hub.repository("fluxes/agroflux-targets").private = False
    assert "is public" in by_subject(doctor._hub(*remote))["targets", Level.MEND].said
    monkeypatch.setenv("HF_TOKEN", "hf_void")
    code, out, _ = command("doctor", "--data", own.path, "--store", remote[2])
    assert (code, "does not know this token" in out, "hf_void" in out) == (1, True, False)
