"""Scoring: in a child with limits, once, whatever dies."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets
from leaderboard.child import SCORING, score
from leaderboard.intake import Intake
from leaderboard.ranking import rank
from leaderboard.store import Half, LocalStore, Result, State
from leaderboard.worker import Worker
from submission import score as score_here
from submission import validate
from submission.breakdown import summarised
from submission.scoring import SCORER
from tests.leaderboard.conftest import FileMaker


@pytest.fixture
def targets(release: Release) -> Targets:
    return Targets.of(release)


def results(store: LocalStore) -> list[tuple[str, str]]:
    with sqlite3.connect(store.folder / "records.sqlite") as database:
        return database.execute(
            "SELECT s.id, r.state FROM results r JOIN submissions s ON s.number = r.submission ORDER BY r.number"
        ).fetchall()


def known(path: Path, release: Release, targets: Targets, half: str) -> dict[str, Any]:
    """What a board may know of a file."""
    pieces = summarised(validate(path, release), release, targets, half)
    return score_here(path, release, targets, half=half).to_json() | {"pieces": pieces}


def test_a_submission_is_scored_as_the_scorer_does_on_the_public_half(
    store: LocalStore, release: Release, targets: Targets, make_file: FileMaker
) -> None:
    path = make_file(task="ecosys_temporal")
    receipt = Intake(store, release).receive(path, "ann")
    entry = Worker(store, release, targets).finish(receipt.id)
    assert entry.state is State.SCORED
    assert entry.result is not None
    assert entry.result.scores == known(path, release, targets, "public")
    assert (entry.result.revision, entry.result.scorer) == (release.revision, SCORER)
    (row,) = rank(store.entries(), ("NEE", "GPP", "N2O"))
    assert row.rank == 1


def test_quantiles_are_scored_by_half_and_no_loss_by_level_is_kept(
    store: LocalStore, release: Release, targets: Targets, make_file: FileMaker
) -> None:
    """Twenty levels would be twenty questions to the hidden values."""
    path = make_file(task="ecosys_temporal", levels=(5, 25, 75, 95))
    receipt = Intake(store, release).receive(path, "ann")
    worker = Worker(store, release, targets)
    worker.finish(receipt.id)
    store.request([receipt.id], Half.PRIVATE)
    worker.drain()
    entry = store.entry(receipt.id)
    assert entry is not None
    for half, result in ((Half.PUBLIC, entry.result), (Half.PRIVATE, entry.private)):
        assert result is not None
        wanted = known(path, release, targets, half.value)
        for target in wanted["targets"].values():
            assert target["uncertainty"].pop("pinball")
        assert result.scores == json.loads(json.dumps(wanted))
        (row,) = rank([entry], ("NEE", "GPP", "N2O"), half)
        uncertainty, score = wanted["targets"]["GPP"]["uncertainty"], row.targets["GPP"]
        assert score.crps == uncertainty["crps"] > 0
        assert (score.central, score.coverage) == (90, uncertainty["central"]["90"]["coverage"])


def test_a_bad_file_is_rejected_with_every_fault_and_what_to_do(
    store: LocalStore, release: Release, targets: Targets, make_file: FileMaker
) -> None:
    receipt = Intake(store, release).receive(make_file(drop=2, offset=1e5), "ann")
    entry = Worker(store, release, targets).finish(receipt.id)
    assert entry.state is State.REJECTED
    assert entry.result is not None
    assert [fault["code"] for fault in entry.result.faults] == ["AF101", "AF303", "AF303"]
    assert entry.result.faults[0]["count"] == 2
    assert all(fault["message"] and fault["remedy"] for fault in entry.result.faults)
    assert entry.result.scores is None
    assert store.used("ann", "towers_temporal") == 1


def test_a_submission_for_one_target_is_scored_but_not_ranked(
    store: LocalStore, release: Release, targets: Targets, make_file: FileMaker
) -> None:
    receipt = Intake(store, release).receive(make_file(targets=("GPP",)), "ann")
    assert Worker(store, release, targets).finish(receipt.id).state is State.SCORED
    (row,) = rank(store.entries(), release.task("towers_temporal").ranked_targets)
    assert (row.rank, row.skill) == (None, None)
    assert row.targets["GPP"].r2 is not None


def test_a_fault_of_ours_is_failed_refunded_and_says_nothing_of_the_targets(
    store: LocalStore, release: Release, targets: Targets, make_file: FileMaker, tmp_path: Path,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    broken = tmp_path / "kept-secret"
    shutil.copytree(targets.path, broken)
    for shard in broken.rglob("*.parquet"):
        shard.write_bytes(b"PAR1" + b"hidden values 0.12345" * 10)
    receipt = Intake(store, release).receive(make_file(), "ann")
    with caplog.at_level(logging.DEBUG):
        entry = Worker(store, release, Targets(broken)).finish(receipt.id)
    assert entry.state is State.FAILED
    assert entry.result is not None
    assert "fault is ours" in (entry.result.reason or "")
    assert store.used("ann", "towers_temporal") == 0
    said = caplog.text + "".join(capfd.readouterr()) + repr(entry)
    assert "kept-secret" not in said
    assert "hidden values" not in said


def test_a_file_damaged_in_the_store_is_our_fault(
    store: LocalStore, release: Release, targets: Targets, make_file: FileMaker
) -> None:
    intake = Intake(store, release)
    swapped, lost = intake.receive(make_file(offset=0.1), "ann"), intake.receive(make_file(offset=0.2), "ann")
    for receipt in (swapped, lost):
        entry = store.entry(receipt.id)
        assert entry is not None
        store.path(entry.submission).unlink()
        if receipt is swapped:
            shutil.copy(make_file(offset=0.3), store.path(entry.submission))
    worker = Worker(store, release, targets)
    assert [worker.finish(receipt.id).state for receipt in (swapped, lost)] == [State.FAILED, State.FAILED]


def test_a_submission_of_an_earlier_release_is_not_scored_on_this_one(
    store: LocalStore, release: Release, targets: Targets, make_file: FileMaker
) -> None:
    with open(make_file(), "rb") as file, store.stage(file, 1 << 20) as staged:
        submission, _ = store.add(
            staged, owner="ann", task="towers_temporal", model="m", metadata={}, revision="old", quota=None
        )
    entry = Worker(store, release, targets).finish(submission.id)
    assert entry.state is State.FAILED
    assert "replaced" in ((entry.result and entry.result.reason) or "")


def test_a_request_for_the_private_half_is_scored_on_it(
    store: LocalStore, release: Release, targets: Targets, make_file: FileMaker
) -> None:
    path = make_file(task="ecosys_temporal")
    receipt = Intake(store, release).receive(path, "ann")
    store.request([receipt.id], Half.PRIVATE)
    Worker(store, release, targets).drain()
    (entry,) = store.entries()
    assert entry.result is not None
    assert entry.private is not None
    assert entry.result.scores == known(path, release, targets, "public")
    assert entry.private.scores == known(path, release, targets, "private")
    assert entry.private.scores != entry.result.scores


def test_an_unknown_submission_is_said_to_be_unknown(store: LocalStore, release: Release, targets: Targets) -> None:
    with pytest.raises(AgrofluxError, match="no such submission: got 'nothing'"):
        Worker(store, release, targets).finish("nothing")


def test_what_takes_too_long_is_ended(release: Release, targets: Targets, make_file: FileMaker) -> None:
    verdict = score(make_file(), release.path, targets.path, replace(SCORING, wall=0.05))
    assert verdict is not None
    assert verdict.state is State.FAILED
    assert "too long" in (verdict.reason or "")


def test_a_worker_that_is_stopped_gives_the_submission_back(
    store: LocalStore, release: Release, targets: Targets, make_file: FileMaker
) -> None:
    receipt = Intake(store, release).receive(make_file(), "ann")
    stopped = Worker(store, release, targets)
    stopped.start()
    _wait_for(store, receipt.id, State.SCORING)
    stopped.stop()
    entry = store.entry(receipt.id)
    assert entry is not None
    # Quick machines may have finished it; otherwise it is free at once, without waiting for the lease.
    assert entry.state in (State.RECEIVED, State.SCORED)
    assert Worker(store, release, targets).finish(receipt.id).state is State.SCORED
    assert results(store) == [(receipt.id, "scored")]


_WORK = """
import sys
from agroflux_data.release import Release, Targets
from leaderboard.store import LocalStore
from leaderboard.worker import Worker
release = Release(sys.argv[1])
Worker(LocalStore(sys.argv[2]), release, Targets.of(release), lease_seconds=1.5).drain()
"""


def test_a_worker_killed_while_scoring_is_requeued_and_scored_once(
    store: LocalStore, release: Release, targets: Targets, make_file: FileMaker
) -> None:
    intake = Intake(store, release)
    receipts = [intake.receive(make_file(offset=offset), "ann") for offset in (0.01, 0.02)]
    command = [sys.executable, "-c", _WORK, str(release.path), str(store.folder)]
    killed = subprocess.Popen(command)
    _wait_for(store, receipts[0].id, State.SCORING)
    time.sleep(0.2)
    child = _children(killed.pid)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert results(store) == []
    _wait_until_gone(child)
    worker = Worker(store, release, targets)
    assert worker.finish(receipts[0].id).state is State.SCORED
    worker.drain()
    assert sorted(results(store)) == sorted((receipt.id, "scored") for receipt in receipts)


def test_a_worker_that_lost_its_lease_writes_nothing(
    store: LocalStore, release: Release, targets: Targets, make_file: FileMaker
) -> None:
    receipt = Intake(store, release).receive(make_file(), "ann")
    command = [sys.executable, "-c", _WORK, str(release.path), str(store.folder)]
    asleep = subprocess.Popen(command)
    try:
        _wait_for(store, receipt.id, State.SCORING)
        asleep.send_signal(signal.SIGSTOP)
        assert Worker(store, release, targets).finish(receipt.id).state is State.SCORED
    finally:
        asleep.send_signal(signal.SIGCONT)
        assert asleep.wait(timeout=30) == 0
    assert results(store) == [(receipt.id, "scored")]


def test_what_breaks_off_again_and_again_fails_in_the_end(
    store: LocalStore, release: Release, targets: Targets, make_file: FileMaker
) -> None:
    receipt = Intake(store, release).receive(make_file(), "ann")
    for _ in range(20):
        assert store.lease(0.0) is not None
    entry = Worker(store, release, targets).finish(receipt.id)
    assert entry.state is State.FAILED
    assert store.used("ann", "towers_temporal") == 0


def test_the_working_thread_goes_on_after_an_error(
    store: LocalStore, release: Release, targets: Targets, make_file: FileMaker, caplog: pytest.LogCaptureFixture
) -> None:
    class Full(LocalStore):
        """A disk that is full for the first result."""

        full = True

        def finish(self, lease, result: Result) -> bool:  # type: ignore[no-untyped-def]
            if self.full:
                self.full = False
                raise OSError("No space left on device: hidden value 0.12345")
            return super().finish(lease, result)

    home = Full(store.folder)
    worker = Worker(home, release, targets, lease_seconds=0.5)
    worker.start()
    receipt = Intake(home, release).receive(make_file(), "ann")
    worker.wake()
    try:
        _wait_for(store, receipt.id, State.SCORED)
    finally:
        worker.stop()
    assert results(store) == [(receipt.id, "scored")]
    assert "hidden value" not in caplog.text


def _wait_for(store: LocalStore, id: str, state: State, seconds: float = 30) -> None:
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        entry = store.entry(id)
        assert entry is not None
        if entry.state is state or (entry.state.final and not state.final):
            return
        time.sleep(0.02)
    raise AssertionError(f"{id} did not become {state} within {seconds} s")


def _children(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def _wait_until_gone(processes: list[int]) -> None:
    """The killed worker's children die with it, rather than go on with nobody to read them."""
    stop = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in processes):
        assert time.monotonic() < stop, f"{processes} outlived the worker"
        time.sleep(0.05)
