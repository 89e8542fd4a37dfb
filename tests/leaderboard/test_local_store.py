"""The store in a local folder: what only it can be asked."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agroflux_data.errors import AgrofluxError
from leaderboard.store import Half, LocalStore, State, TooLarge, tables
from tests.leaderboard.writing import put, scored, serve


def test_a_file_over_the_limit_leaves_nothing(store: LocalStore) -> None:
    with pytest.raises(TooLarge, match="too large"), store.stage(io.BytesIO(b"x" * 101), 100):
        pass
    assert [path for path in store.folder.rglob("*") if path.is_file() and "sqlite" not in path.name] == []


def test_nothing_that_was_written_can_be_changed_or_deleted(store: LocalStore) -> None:
    submission, _ = put(store, b"a")
    lease = store.lease(600)
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


def whole(copy: Path, ids: list[str]) -> None:
    """A copy is a sound store in which these submissions are there, with their files and results."""
    with sqlite3.connect(copy / "records.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    store = LocalStore(copy)
    for number, id in enumerate(ids):
        entry = store.entry(id)
        assert entry is not None, f"{id} was acknowledged before the copy"
        assert store.path(entry.submission).read_bytes() == b"%d" % number
        assert len(store.results(id)) == 1
    assert put(store, b"after the restore")[1]


def test_a_copy_of_a_stopped_store_is_that_store(store: LocalStore, tmp_path: Path) -> None:
    ids = []
    for number in range(5):
        ids.append(put(store, b"%d" % number)[0].id)
        serve(store, scored())
    subprocess.run(["cp", "-r", store.folder, tmp_path / "copy"], check=True)
    whole(tmp_path / "copy", ids)


_BUSY = """
import sys
from leaderboard.store import LocalStore, Result, State
from tests.leaderboard.writing import put, serve
store, number = LocalStore(sys.argv[1]), 0
while True:
    submission, _ = put(store, b"%d" % number)
    serve(store, Result(State.SCORED, "r", "1", scores={"much": "x" * 200_000}))
    print(submission.id, flush=True)
    number += 1
"""


def test_a_copy_of_a_store_in_use_has_all_that_was_acknowledged_before(tmp_path: Path) -> None:
    home, ids = tmp_path / "store", list[str]()
    command = [sys.executable, "-c", _BUSY, str(home)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout is not None
        first = "records.sqlite"
        for names in ([first, f"{first}-wal", f"{first}-shm"], [f"{first}-shm", f"{first}-wal", first]):
            ids += [writer.stdout.readline().strip() for _ in range(30)]
            before, copy = len(ids), tmp_path / f"copy-{names[0]}"
            copy.mkdir()
            for name in names:
                shutil.copy(home / name, copy)
                # A slow copy: meanwhile comes as much as would make SQLite carry its log over, if it were let.
                ids += [writer.stdout.readline().strip() for _ in range(30)]
            shutil.copytree(home / "files", copy / "files")
            whole(copy, ids[:before])
        subprocess.run(["cp", "-r", home, tmp_path / "copy"], check=True)
        whole(tmp_path / "copy", ids)
    finally:
        writer.kill()
        writer.wait()
    assert LocalStore(home).entry(ids[-1]) is not None


def test_a_long_log_is_carried_over_when_the_store_is_opened(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [put(store, b"%d" % number)[0].id for number in range(3)]
    log = store.folder / "records.sqlite-wal"
    assert log.stat().st_size > 0
    LocalStore(store.folder)
    assert log.stat().st_size > 0
    monkeypatch.setattr(tables, "_LONGEST_LOG", 1)
    assert [entry.submission.id for entry in LocalStore(store.folder).entries()] == ids
    assert log.stat().st_size == 0


def test_listing_takes_as_many_questions_for_many_as_for_few(store: LocalStore) -> None:
    asked: list[str] = []
    store._tables._connection.set_trace_callback(asked.append)
    counts = []
    for number in range(12):
        submission, _ = put(store, b"%d" % number)
        serve(store, scored())
        store.request([submission.id], Half.PRIVATE)
        serve(store, scored(half=Half.PRIVATE))
        store.edit(submission.id, {"seeds": [number]})
        asked.clear()
        assert len(store.entries()) == number + 1
        counts.append(len(asked))
    assert len(set(counts)) == 1


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
