"""Scoring again: what was asked for, by whom it is done, and that nothing old is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from agroflux_data.release import Release
from leaderboard.intake import Intake
from leaderboard.store import Half, LocalStore, Result, State
from submission.scoring import SCORER
from tests.leaderboard.conftest import Command, FileMaker


@pytest.fixture
def scored(store: LocalStore, release: Release, make_file: FileMaker) -> list[str]:
    """Four submissions with results of an old scorer: two to one task, one to another, one to an older release."""
    intake = Intake(store, release)
    ids = [intake.receive(make_file(task, offset=0.1 * number), f"owner{number}").id
           for number, task in enumerate(("towers_temporal", "towers_temporal", "mesocosm_spatial"))]  # fmt: skip
    with open(make_file(), "rb") as file, store.stage(file, 1 << 20) as staged:
        old, _ = store.add(
            staged, owner="z", task="towers_temporal", model="m", metadata={}, revision="older", quota=None
        )
    while (lease := store.lease(60)) is not None:
        scores = {"targets": {name: {"skill": 0.5} for name in ("NEE", "GPP", "N2O")}}
        store.finish(lease, Result(State.SCORED, lease.submission.revision, "old", scores=scores))
    return [*ids, old.id]


def test_the_worker_is_asked_once_and_old_results_stay(
    command: Command, store: LocalStore, release: Release, scored: list[str]
) -> None:
    home = ("--data", release.path, "--store", store.folder)
    code, out, err = command("rescore", "--all", *home)
    assert (code, "3 new requests, 3 waiting" in out) == (0, True), (out, err)
    assert "1 submissions are to another release" in err
    assert "0 new requests, 3 waiting" in command("rescore", "--all", *home)[1]
    assert [entry.state for entry in store.entries()] == [State.SCORED] * 4
    code, out, _ = command("rescore", "--id", scored[0], "--wait", *home)
    assert code == 0
    assert f"{scored[0]}: mean skill 0.5000 -> " in out
    assert store.waiting() == 0, "what else was waiting is done as well"
    results = store.results(scored[0])
    assert [result.scorer for result in results] == ["old", SCORER]
    assert [entry.result and entry.result.scorer for entry in store.entries()] == [SCORER] * 3 + ["old"]


def test_the_private_half_is_scored_again_where_it_was(
    command: Command, store: LocalStore, release: Release, scored: list[str]
) -> None:
    store.request(scored[:1], Half.PRIVATE)
    lease = store.lease(60)
    assert lease is not None
    store.finish(lease, Result(State.SCORED, release.revision, "old", scores={"targets": {}}, half=Half.PRIVATE))
    home = ("--data", release.path, "--store", store.folder)
    assert "2 submissions, " in (out := command("rescore", "--task", "towers_temporal", *home)[1])
    assert "3 new requests" in out


def test_what_cannot_be_scored_again_is_said(
    command: Command, store: LocalStore, release: Release, scored: list[str], tmp_path: Path
) -> None:
    home = ("--data", release.path, "--store", store.folder)
    for arguments, said in (
        ((), "which again?"), (("--all", "--id", scored[0]), "which again?"), (("--id", "x"), "no such submission"),
        (("--id", scored[3]), "nothing to score again"), (("--task", "ecosys_spatial"), "nothing to score again"),
        (("--task", "x"), "unknown task"),
    ):  # fmt: skip
        code, _, err = command("rescore", *arguments, *home)
        assert (code, said in err) == (2, True), err
    code, _, err = command("rescore", "--all", "--data", release.path, "--store", tmp_path / "gone")
    assert (code, "no such store" in err) == (2, True)
    assert store.waiting() == 0
