"""The store: durable, append-only, and one owner for each piece of work."""

from __future__ import annotations

import io
import os
import sqlite3
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agroflux_data.errors import AgrofluxError
from leaderboard.store import Half, LocalStore, QuotaExceeded, Result, State, Submission, TooLarge, next_day

LIMIT = 1 << 20


def put(store: LocalStore, content: bytes, **kwargs: Any) -> tuple[Submission, bool]:
    record: dict[str, Any] = {
        "owner": "ann", "task": "towers_temporal", "model": "m", "metadata": {"seeds": [1]}, "revision": "r",
        "quota": None,
    }  # fmt: skip
    with store.stage(io.BytesIO(content), LIMIT) as staged:
        return store.add(staged, **(record | kwargs))


def scored(skill: float = 0.5, scorer: str = "1", half: Half = Half.PUBLIC) -> Result:
    return Result(State.SCORED, "r", scorer, scores={"targets": {"NEE": {"skill": skill}}}, half=half)


def serve(store: LocalStore, result: Result) -> str:
    """Give the next request this result; which submission it was."""
    lease = store.lease(60)
    assert lease is not None
    assert store.finish(lease, result)
    return lease.submission.id


def test_a_record_and_its_file_come_back_as_they_went_in(store: LocalStore) -> None:
    submission, new = put(store, b"some bytes")
    assert new
    again = LocalStore(store.folder)
    entry = again.entry(submission.id)
    assert entry is not None
    assert entry.submission == submission
    assert (entry.state, entry.result, entry.withdrawn) == (State.RECEIVED, None, False)
    assert again.path(submission).read_bytes() == b"some bytes"
    assert submission.metadata == {"seeds": [1]}
    assert again.entry("nothing") is None


def test_files_and_folders_are_closed_to_others(store: LocalStore) -> None:
    submission, _ = put(store, b"private")
    assert store.path(submission).stat().st_mode & 0o077 == 0
    assert store.path(submission).parent.stat().st_mode & 0o077 == 0


def test_a_file_over_the_limit_leaves_nothing(store: LocalStore) -> None:
    with pytest.raises(TooLarge, match="too large"), store.stage(io.BytesIO(b"x" * 101), 100):
        pass
    assert [path for path in store.folder.rglob("*") if path.is_file() and "sqlite" not in path.name] == []


def test_a_staged_file_that_was_not_taken_is_gone(store: LocalStore) -> None:
    with store.stage(io.BytesIO(b"x"), LIMIT) as staged:
        assert staged.path.read_bytes() == b"x"
    assert not staged.path.exists()


def test_the_same_bytes_are_one_submission(store: LocalStore) -> None:
    first, _ = put(store, b"a")
    again, new = put(store, b"a")
    assert (again.id, new) == (first.id, False)
    other, new = put(store, b"a", owner="bob")
    assert new
    assert other.id != first.id
    assert len(store.entries()) == 2


def test_what_failed_or_was_withdrawn_may_be_sent_again(store: LocalStore) -> None:
    first, _ = put(store, b"a")
    lease = store.lease(60)
    assert lease is not None
    assert store.finish(lease, Result(State.FAILED, "r", "1", "our fault"))
    second, new = put(store, b"a")
    assert new
    store.withdraw(second.id)
    assert put(store, b"a")[1]
    assert [entry.withdrawn for entry in store.entries()] == [False, True, False]
    assert store.entries()[0].submission.id == first.id


def test_quota_is_counted_by_owner_task_and_day_and_refunded_for_our_faults(store: LocalStore) -> None:
    for number in range(2):
        put(store, b"%d" % number, quota=2)
    with pytest.raises(QuotaExceeded, match="at most 2 submissions a day"):
        put(store, b"more", quota=2)
    assert put(store, b"0", quota=2)[1] is False, "a repeated receipt takes nothing from the quota"
    put(store, b"more", quota=2, owner="bob")
    put(store, b"more", quota=2, task="towers_spatial")
    lease = store.lease(60)
    assert lease is not None
    store.finish(lease, Result(State.FAILED, "r", "1"))
    assert store.used("ann", "towers_temporal") == 1
    put(store, b"more", quota=2)
    lease = store.lease(60)
    assert lease is not None
    store.finish(lease, Result(State.REJECTED, "r", "1"))
    assert store.used("ann", "towers_temporal") == 2, "a rejected file counts"


def test_a_quota_begins_anew_at_midnight_utc() -> None:
    assert next_day(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_race_for_the_last_of_the_quota_has_one_winner(store: LocalStore) -> None:
    put(store, b"first", quota=2)
    outcomes: list[bool] = []

    def race(number: int) -> None:
        try:
            put(store, b"racer %d" % number, quota=2)
            outcomes.append(True)
        except QuotaExceeded:
            outcomes.append(False)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 7 + [True]
    assert store.used("ann", "towers_temporal") == 2


def test_a_lease_is_held_by_one(store: LocalStore) -> None:
    submission, _ = put(store, b"a")
    lease = store.lease(60)
    assert lease is not None
    assert lease.submission == submission
    assert store.lease(60) is None
    entry = store.entry(submission.id)
    assert entry is not None
    assert entry.state is State.SCORING


def test_of_many_workers_each_submission_is_leased_once(store: LocalStore) -> None:
    for number in range(20):
        put(store, b"%d" % number)
    taken: list[str] = []

    def work() -> None:
        while (lease := store.lease(60)) is not None:
            taken.append(lease.submission.id)
            store.finish(lease, scored())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(entry.submission.id for entry in store.entries())
    assert len(set(taken)) == 20


def test_an_expired_lease_is_requeued_and_its_holder_cannot_write(store: LocalStore) -> None:
    submission, _ = put(store, b"a")
    slow = store.lease(0.05)
    assert slow is not None
    time.sleep(0.1)
    quick = store.lease(60)
    assert quick is not None
    assert (quick.submission, quick.attempt) == (submission, 2)
    assert not store.renew(slow, 60)
    assert not store.finish(slow, Result(State.FAILED, "r", "1"))
    assert store.finish(quick, scored())
    assert not store.finish(quick, scored()), "a lease is good for one result"
    entry = store.entry(submission.id)
    assert entry is not None
    assert entry.state is State.SCORED
    assert store.lease(60) is None


def test_a_renewed_lease_holds(store: LocalStore) -> None:
    put(store, b"a")
    lease = store.lease(0.2)
    assert lease is not None
    assert store.renew(lease, 60)
    time.sleep(0.3)
    assert store.lease(60) is None


def test_what_broke_off_before_does_not_hold_up_the_others(store: LocalStore) -> None:
    bad, _ = put(store, b"bad")
    good, _ = put(store, b"good")
    assert store.lease(0.0) is not None
    following = store.lease(60)
    assert following is not None
    assert following.submission == good
    after = store.lease(60)
    assert after is not None
    assert (after.submission, after.attempt) == (bad, 2)


def test_a_lease_given_back_is_free_at_once(store: LocalStore) -> None:
    put(store, b"a")
    lease = store.lease(60)
    assert lease is not None
    store.release(lease)
    again = store.lease(60)
    assert again is not None
    assert again.attempt == 1


def test_nothing_that_was_written_can_be_changed_or_deleted(store: LocalStore) -> None:
    submission, _ = put(store, b"a")
    lease = store.lease(60)
    assert lease is not None
    store.finish(lease, scored())
    store.withdraw(submission.id)
    store.edit(submission.id, {"seeds": [2]})
    store.record("audit", {})
    with sqlite3.connect(store.folder / "records.sqlite") as database:
        columns = {"submissions": "owner", "results": "scores", "withdrawals": "at", "requests": "at", "edits": "at",
                   "events": "at"}  # fmt: skip
        for table, column in columns.items():
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                database.execute(f"UPDATE {table} SET {column} = 'x'")
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                database.execute(f"DELETE FROM {table}")


def test_a_submission_scored_again_keeps_its_result_until_the_new_one_is_there(store: LocalStore) -> None:
    submission, _ = put(store, b"a")
    serve(store, scored(0.5))
    assert store.waiting() == 0
    assert store.request([submission.id]) == 1
    assert store.request([submission.id]) == 0, "it waits already"
    assert store.waiting() == 1
    entry = store.entry(submission.id)
    assert entry is not None
    assert (entry.state, entry.result) == (State.SCORED, store.results(submission.id)[0])
    serve(store, scored(0.6, "2"))
    assert store.lease(60) is None, "a request is served once"
    entry = store.entry(submission.id)
    assert entry is not None
    assert entry.result is not None
    assert entry.result.scorer == "2"
    assert [result.scorer for result in store.results(submission.id)] == ["1", "2"]
    with pytest.raises(AgrofluxError, match="no such submission: got 'nothing'"):
        store.request([submission.id, "nothing"])
    assert store.waiting() == 0, "all or none"


def test_what_failed_when_scored_again_does_not_take_the_place_of_a_score(store: LocalStore) -> None:
    submission, _ = put(store, b"a")
    serve(store, scored(scorer="1"))
    store.request([submission.id])
    serve(store, Result(State.FAILED, "r", "2"))
    entry = store.entry(submission.id)
    assert entry is not None
    assert entry.result is not None
    assert (entry.state, entry.result.scorer) == (State.SCORED, "1")
    assert store.used("ann", "towers_temporal") == 1
    store.request([submission.id])
    serve(store, Result(State.REJECTED, "r", "3"))
    assert [result.state for result in store.results(submission.id)] == [State.SCORED, State.FAILED, State.REJECTED]
    assert [entry.state for entry in store.entries()] == [State.REJECTED]


def test_the_halves_are_asked_for_and_kept_apart(store: LocalStore) -> None:
    submission, _ = put(store, b"a")
    assert store.request([submission.id], Half.PRIVATE) == 1
    public, private = store.lease(60), store.lease(60)
    assert public is not None
    assert private is not None
    assert (public.half, private.half, private.submission) == (Half.PUBLIC, Half.PRIVATE, submission)
    with pytest.raises(ValueError, match="a result of the public half for a lease of the private half"):
        store.finish(private, scored())
    assert store.finish(private, scored(0.1, half=Half.PRIVATE))
    entry = store.entry(submission.id)
    assert entry is not None
    assert (entry.state, entry.result) == (State.SCORING, None), "the private half decides nothing"
    assert store.finish(public, scored(0.2))
    (entry,) = store.entries()
    assert entry.private is not None
    assert entry.result is not None
    assert (entry.result.half, entry.private.half) == (Half.PUBLIC, Half.PRIVATE)
    assert entry.private.scores == {"targets": {"NEE": {"skill": 0.1}}}
    assert [result.half for result in store.results(submission.id)] == [Half.PRIVATE, Half.PUBLIC]


def test_new_submissions_come_before_those_scored_again(store: LocalStore) -> None:
    old, _ = put(store, b"old")
    serve(store, scored())
    store.request([old.id])
    new, _ = put(store, b"new")
    assert [serve(store, scored()), serve(store, scored())] == [new.id, old.id]


def test_a_withdrawn_submission_waits_for_nothing(store: LocalStore) -> None:
    submission, _ = put(store, b"a")
    store.withdraw(submission.id)
    assert store.waiting() == 0


def test_metadata_are_edited_and_what_they_were_is_kept(store: LocalStore) -> None:
    first = {"task": "towers_temporal", "revision": "r", "model": "m", "links": []}
    submission, _ = put(store, b"a", metadata=first)
    later = first | {"model": "better name", "links": ["https://example.org"]}
    edit = store.edit(submission.id, later)
    last = store.edit(submission.id, later | {"links": []})
    assert store.edits(submission.id) == [edit, last]
    (entry,) = store.entries()
    assert entry.metadata == last.metadata
    assert entry.model == "better name"
    assert entry.submission.metadata == first
    for name, value in (("task", "ecosys_temporal"), ("revision", "s"), ("format", 2)):
        with pytest.raises(AgrofluxError, match=f"the {name} of a submission cannot be edited"):
            store.edit(submission.id, later | {name: value})
    with pytest.raises(AgrofluxError, match="no such submission"):
        store.edit("nothing", first)
    assert len(store.edits(submission.id)) == 2


def test_the_hosts_acts_are_written_down_in_order(store: LocalStore) -> None:
    submission, _ = put(store, b"a")
    opened = store.record("season opened", {"name": "2027"})
    verified = store.record("verification", {"holds": True}, submission.id)
    closed = store.record("season closed", {"name": "2027"})
    assert store.events() == LocalStore(store.folder).events() == [opened, verified, closed]
    assert store.events("verification") == store.events(submission=submission.id) == [verified]
    assert (opened.submission, verified.submission) == (None, submission.id)
    assert store.events("verification", "another") == []
    with pytest.raises(AgrofluxError, match="no such submission"):
        store.record("verification", {}, "nothing")
    with pytest.raises(ValueError, match="JSON"):
        store.record("audit", {"similarity": float("nan")})
    assert len(store.events()) == 3


def test_the_version_is_another_after_everything_that_is_written(store: LocalStore) -> None:
    seen = [store.version()]

    def moved() -> bool:
        seen.append(LocalStore(store.folder).version())
        assert store.version() == seen[-1]
        return seen[-1] not in seen[:-1]

    submission, _ = put(store, b"a", metadata={"model": "m"})
    assert moved()
    lease = store.lease(60)
    assert lease is not None
    assert not moved(), "who scores it is on no board"
    store.finish(lease, scored())
    assert moved()
    store.edit(submission.id, {"model": "n"})
    assert moved()
    store.record("season opened", {})
    assert moved()
    store.withdraw(submission.id)
    assert moved()
    store.withdraw(submission.id)
    assert not moved()


def test_a_withdrawn_submission_is_not_scored(store: LocalStore) -> None:
    submission, _ = put(store, b"a")
    store.withdraw(submission.id)
    store.withdraw(submission.id)
    assert store.lease(60) is None


def test_numbers_that_json_does_not_have_are_refused(store: LocalStore) -> None:
    put(store, b"a")
    lease = store.lease(60)
    assert lease is not None
    with pytest.raises(ValueError, match="JSON"):
        store.finish(lease, Result(State.SCORED, "r", "1", scores={"x": float("nan")}))
    assert store.finish(lease, scored()), "the lease is still held"


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(AgrofluxError, match="expected a folder"):
        LocalStore(tmp_path / "file")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "records.sqlite").write_text("this is no database, but long enough to be asked whether it is")
    with pytest.raises(AgrofluxError, match="not a store"):
        LocalStore(tmp_path / "odd")


def test_a_store_of_another_format_is_refused(store: LocalStore) -> None:
    with sqlite3.connect(store.folder / "records.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(AgrofluxError, match="format 2, got 99"):
        LocalStore(store.folder)


_FORMAT_1 = """
CREATE TABLE submissions (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, task TEXT NOT NULL,
    sha256 TEXT NOT NULL, size INTEGER NOT NULL, model TEXT NOT NULL, metadata TEXT NOT NULL,
    revision TEXT NOT NULL, received TEXT NOT NULL
);
CREATE INDEX submissions_by_owner ON submissions (owner, task, received);
CREATE TABLE results (
    number INTEGER PRIMARY KEY, submission INTEGER NOT NULL REFERENCES submissions (number),
    state TEXT NOT NULL, reason TEXT, faults TEXT NOT NULL, scores TEXT,
    revision TEXT NOT NULL, scorer TEXT NOT NULL, finished TEXT NOT NULL
);
CREATE INDEX results_by_submission ON results (submission, number);
CREATE TABLE withdrawals (submission INTEGER PRIMARY KEY REFERENCES submissions (number), at TEXT NOT NULL);
CREATE TABLE leases (
    submission INTEGER PRIMARY KEY REFERENCES submissions (number),
    token TEXT NOT NULL, expires REAL NOT NULL, attempts INTEGER NOT NULL
);
CREATE TRIGGER results_UPDATE BEFORE UPDATE ON results BEGIN SELECT RAISE(ABORT, 'results are append-only'); END;
CREATE TRIGGER results_DELETE BEFORE DELETE ON results BEGIN SELECT RAISE(ABORT, 'results are append-only'); END;
INSERT INTO submissions VALUES
    (1, 'one', 'ann', 'towers_temporal', 'aa', 1, 'm', '{"task": "towers_temporal"}', 'r', '2026-11-01T10:00:00+00:00'),
    (2, 'two', 'bob', 'towers_temporal', 'bb', 1, 'm', '{}', 'r', '2026-11-01T11:00:00+00:00');
INSERT INTO results VALUES
    (1, 1, 'scored', NULL, '[]', '{"targets": {"NEE": {"skill": 0.25}}}', 'r', '1', '2026-11-01T10:01:00+00:00');
INSERT INTO leases VALUES (2, 'token', 0, 1);
PRAGMA user_version = 1;
"""


def test_a_store_of_the_first_format_is_brought_to_the_present_one(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "records.sqlite") as database:
        database.executescript(_FORMAT_1)
    for _ in range(2):
        store = LocalStore(tmp_path)
        one, two = store.entries()
        assert (one.state, two.state, store.waiting()) == (State.SCORED, State.RECEIVED, 1)
        assert one.result is not None
        assert (one.result.half, one.result.scores) == (Half.PUBLIC, {"targets": {"NEE": {"skill": 0.25}}})
    assert serve(store, scored()) == "two"
    assert store.request(["one"]) == 1
    assert serve(store, scored(0.75)) == "one"
    assert len(store.results("one")) == 2
    with (
        sqlite3.connect(tmp_path / "records.sqlite") as database,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        database.execute("DELETE FROM results")


def test_a_writer_killed_at_any_moment_loses_no_receipt(tmp_path: Path) -> None:
    """A child acknowledges submissions on its output until it is killed: each acknowledged one is whole."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            own = LocalStore(tmp_path / "store")
            number = 0
            while True:
                submission, _ = put(own, b"content %d" % number)
                os.write(write, f"{submission.id}\n".encode())
                number += 1
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read, "rb") as acknowledged:
        first = acknowledged.readline()
        time.sleep(0.3)
        os.kill(child, 9)
        os.waitpid(child, 0)
        ids = [
            line.decode().strip()
            for line in (first + acknowledged.read()).splitlines(keepends=True)
            if line[-1:] == b"\n"
        ]
    store = LocalStore(tmp_path / "store")
    assert len(ids) >= 2
    for number, id in enumerate(ids):
        entry = store.entry(id)
        assert entry is not None
        assert store.path(entry.submission).read_bytes() == b"content %d" % number
