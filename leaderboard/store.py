"""What the leaderboard remembers: submissions, results and withdrawals; append-only, in a local folder."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from agroflux_data.errors import AgrofluxError

__all__ = ["Entry", "Lease", "LocalStore", "QuotaExceeded", "Result", "Staged", "State", "Store", "Submission",
           "TooLarge", "next_day"]  # fmt: skip

FORMAT = 1
"""Version of the store's tables; another one is refused."""
_CHUNK = 1 << 20


class State(StrEnum):
    """Where a submission stands."""

    RECEIVED = "received"
    SCORING = "scoring"
    SCORED = "scored"
    REJECTED = "rejected"
    """The file is at fault."""
    FAILED = "failed"
    """We are at fault: it does not count against the quota."""

    @property
    def final(self) -> bool:
        return self not in (State.RECEIVED, State.SCORING)


class TooLarge(AgrofluxError):
    """The file is larger than a submission can be."""


class QuotaExceeded(AgrofluxError):
    """The owner has used up the submissions of the day."""


@dataclass(frozen=True)
class Submission:
    """What was received, and never changes.

    Attributes
    ----------
    id : str
        Names the submission everywhere, also in the receipt.
    owner : str
        Who submitted, as `leaderboard.identity` found.
    task : str
    sha256 : str
        Of the file's bytes, 64 hex digits.
    size : int
        Of the file, in bytes.
    model : str
        The model's name, as the file gives it: text of a stranger.
    metadata : dict
        All that the file says of itself, as JSON values: text of a stranger.
    revision : str
        Of the release that it was received for.
    received : datetime
        In UTC.
    """

    id: str
    owner: str
    task: str
    sha256: str
    size: int
    model: str
    metadata: dict[str, Any]
    revision: str
    received: datetime


@dataclass(frozen=True)
class Result:
    """What came of scoring a submission once.

    Attributes
    ----------
    state : State
        scored, rejected or failed.
    reason : str or None
        One short sentence for the owner, where it was not scored.
    faults : list of dict
        The validation report's faults (code, message, count, examples), where it was rejected.
    scores : dict or None
        What the scorer found, as JSON values.
    revision : str
        Of the release whose targets were used.
    scorer : str
        Version of the scorer.
    finished : datetime
        In UTC.
    """

    state: State
    revision: str
    scorer: str
    reason: str | None = None
    faults: list[dict[str, Any]] = field(default_factory=list)
    scores: dict[str, Any] | None = None
    finished: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Entry:
    """A submission with its present state and its latest result."""

    submission: Submission
    state: State
    result: Result | None = None
    withdrawn: bool = False


@dataclass(frozen=True)
class Lease:
    """The right to score one submission until it expires.

    Attributes
    ----------
    submission : Submission
    token : str
        Tells this lease from a later one of the same submission.
    attempt : int
        1 for the first; more where earlier leases expired.
    """

    submission: Submission
    token: str
    attempt: int


@dataclass(frozen=True)
class Staged:
    """A file that was copied into the store's keeping, not yet part of a submission."""

    path: Path
    sha256: str
    size: int


class Store(Protocol):
    """The one interface to records and files.

    Every method is safe to call from several threads and processes at once, and what it has returned from survives
    a crash of the machine.
    """

    @contextmanager
    def stage(self, source: BinaryIO, limit: int) -> Iterator[Staged]:
        """Copy and hash a file; the copy is gone at the end unless `add` took it. Raises `TooLarge`."""
        ...

    def add(
        self,
        staged: Staged,
        *,
        owner: str,
        task: str,
        model: str,
        metadata: dict[str, Any],
        revision: str,
        quota: int | None,
    ) -> tuple[Submission, bool]:
        """Keep a staged file as a submission, durably.

        Sending the same bytes again gives the submission that is there, so that a client may retry, unless that one
        failed or was withdrawn.

        Parameters
        ----------
        staged : Staged
        owner, task, model, metadata, revision
            As in `Submission`.
        quota : int or None
            How many submissions an owner has a day (UTC) for a task; None for no limit. Reserved in the same
            transaction that records the submission.

        Returns
        -------
        submission : Submission
        new : bool
            False where the same bytes were there.

        Raises
        ------
        QuotaExceeded
        """  # fmt: skip
        ...

    def path(self, submission: Submission) -> Path:
        """Where the submission's file can be read."""
        ...

    def entry(self, id: str) -> Entry | None:
        """One submission, or None where there is none of that id."""
        ...

    def entries(self, *, task: str | None = None, owner: str | None = None, revision: str | None = None) -> list[Entry]:
        """Submissions in the order they were received, withdrawn ones too."""
        ...

    def used(self, owner: str, task: str) -> int:
        """How much of today's quota an owner has used for a task; what failed does not count."""
        ...

    def lease(self, seconds: float) -> Lease | None:
        """Take the oldest submission that nobody is scoring, or None where there is none.

        Those whose leases expired before come after the others, so that none can hold up the rest.
        """
        ...

    def renew(self, lease: Lease, seconds: float) -> bool:
        """Prolong a lease; False where it was lost."""
        ...

    def release(self, lease: Lease) -> None:
        """Give a lease back unused."""
        ...

    def finish(self, lease: Lease, result: Result) -> bool:
        """Write the result and end the lease, at once; False, and nothing written, where the lease was lost."""
        ...

    def withdraw(self, id: str) -> None:
        """Hide a submission from the board. Nothing is deleted."""
        ...


def next_day(now: datetime) -> datetime:
    """When a quota that is used up now begins anew: the next midnight in UTC."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1)


_TABLES = """
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
"""
_APPEND_ONLY = "".join(
    f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END;\n"
    for table in ("submissions", "results", "withdrawals")
    for verb in ("UPDATE", "DELETE")
)
_ENTRIES = """
SELECT s.*, r.state, r.reason, r.faults, r.scores, r.revision AS scored_revision, r.scorer, r.finished,
       l.expires > :now AS scoring, w.at IS NOT NULL AS withdrawn
FROM submissions s
LEFT JOIN results r ON r.number = (SELECT max(number) FROM results WHERE submission = s.number)
LEFT JOIN leases l ON l.submission = s.number
LEFT JOIN withdrawals w ON w.submission = s.number
"""


class LocalStore:
    """A store in a local folder: SQLite for records, and the files beside it under their hash.

    A copy of the folder is a backup of all there is.

    Parameters
    ----------
    folder : str or Path
        Made where it is missing, readable by its owner alone.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise AgrofluxError("not a store", expected="a folder", came="a file", where=self.folder)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._files, self._incoming = self.folder / "files", self.folder / "incoming"
        self._files.mkdir(exist_ok=True, mode=0o700)
        self._incoming.mkdir(exist_ok=True, mode=0o700)
        for left in self._incoming.iterdir():
            # Copies that broke off with their process; a day is longer than any copy takes.
            if left.stat().st_mtime < time.time() - 86400:
                left.unlink(missing_ok=True)
        self._database = self.folder / "records.sqlite"
        self._local = threading.local()
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise AgrofluxError(
                "not a store", expected="records that the leaderboard wrote", came=str(error), where=self._database
            ) from None

    def _prepare(self) -> None:
        with self._write() as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in (_TABLES + f"PRAGMA user_version = {FORMAT};").split(";\n"):
                    if statement.strip():
                        database.execute(statement)
                for trigger in _APPEND_ONLY.splitlines():
                    database.execute(trigger)
            elif version != FORMAT:
                raise AgrofluxError(
                    "another layout of store", expected=f"format {FORMAT}", came=version, where=self._database
                )

    def uploads(self) -> Path:
        """An empty folder for uploads that are on their way to `stage`; what a server that died left there goes."""
        folder = self.folder / "uploads"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder.resolve()

    @property
    def _connection(self) -> sqlite3.Connection:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._database, timeout=30, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            # WAL alone may lose the last transactions with the power: a receipt must not.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
        return connection

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        database = self._connection
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")

    @contextmanager
    def stage(self, source: BinaryIO, limit: int) -> Iterator[Staged]:
        """See `Store.stage`."""
        path = self._incoming / secrets.token_hex(16)
        try:
            digest, size = hashlib.sha256(), 0
            with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as copy:
                while chunk := source.read(_CHUNK):
                    size += len(chunk)
                    if size > limit:
                        raise TooLarge("the file is too large", expected=f"at most {limit / 1e6:.1f} MB")
                    digest.update(chunk)
                    copy.write(chunk)
                copy.flush()
                os.fsync(copy.fileno())
            yield Staged(path, digest.hexdigest(), size)
        finally:
            path.unlink(missing_ok=True)

    def _file(self, sha256: str) -> Path:
        return self._files / sha256[:2] / f"{sha256}.parquet"

    def path(self, submission: Submission) -> Path:
        """See `Store.path`."""
        return self._file(submission.sha256)

    def add(
        self, staged: Staged, *, owner: str, task: str, model: str, metadata: dict[str, Any], revision: str,
        quota: int | None,
    ) -> tuple[Submission, bool]:  # fmt: skip
        """See `Store.add`."""
        known = self._same(staged.sha256, owner, task, revision)
        if known is not None:
            return known, False
        # The file goes first: a record without its file could not be scored, a file without a record does no harm.
        place = self._file(staged.sha256)
        place.parent.mkdir(exist_ok=True, mode=0o700)
        os.replace(staged.path, place)
        _sync(place.parent)
        _sync(self._files)
        with self._write() as database:
            known = self._same(staged.sha256, owner, task, revision)
            if known is not None:
                return known, False
            now = datetime.now(UTC)
            if quota is not None and self._used(owner, task, now) >= quota:
                raise QuotaExceeded(
                    "the quota of the day is used up",
                    expected=f"at most {quota} submissions a day for {task}; it begins anew at "
                    f"{next_day(now):%Y-%m-%d %H:%M} UTC",
                )
            submission = Submission(
                f"{now:%Y%m%d}-{secrets.token_hex(5)}", owner, task, staged.sha256, staged.size, model, metadata,
                revision, now,
            )  # fmt: skip
            database.execute(
                "INSERT INTO submissions (id, owner, task, sha256, size, model, metadata, revision, received) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (submission.id, owner, task, staged.sha256, staged.size, model,
                 json.dumps(metadata, allow_nan=False), revision, now.isoformat()),
            )  # fmt: skip
        return submission, True

    def _same(self, sha256: str, owner: str, task: str, revision: str) -> Submission | None:
        rows = self._connection.execute(
            _ENTRIES + "WHERE s.owner = :owner AND s.task = :task AND s.sha256 = :sha256 AND s.revision = :revision "
            "AND w.at IS NULL AND (r.state IS NULL OR r.state != 'failed') ORDER BY s.number DESC LIMIT 1",
            {"now": time.time(), "owner": owner, "task": task, "sha256": sha256, "revision": revision},
        ).fetchall()
        return _entry(rows[0]).submission if rows else None

    def entry(self, id: str) -> Entry | None:
        """See `Store.entry`."""
        row = self._connection.execute(_ENTRIES + "WHERE s.id = :id", {"now": time.time(), "id": id}).fetchone()
        return None if row is None else _entry(row)

    def entries(self, *, task: str | None = None, owner: str | None = None, revision: str | None = None) -> list[Entry]:
        """See `Store.entries`."""
        wanted = {
            name: value
            for name, value in (("task", task), ("owner", owner), ("revision", revision))
            if value is not None
        }
        where = " AND ".join(f"s.{name} = :{name}" for name in wanted) or "TRUE"
        rows = self._connection.execute(f"{_ENTRIES} WHERE {where} ORDER BY s.number", {"now": time.time()} | wanted)
        return [_entry(row) for row in rows]

    def used(self, owner: str, task: str) -> int:
        """See `Store.used`."""
        return self._used(owner, task, datetime.now(UTC))

    def _used(self, owner: str, task: str, now: datetime) -> int:
        since = next_day(now) - timedelta(days=1)
        row = self._connection.execute(
            "SELECT count(*) FROM submissions s "
            "LEFT JOIN results r ON r.number = (SELECT max(number) FROM results WHERE submission = s.number) "
            "WHERE s.owner = ? AND s.task = ? AND s.received >= ? AND (r.state IS NULL OR r.state != 'failed')",
            (owner, task, since.isoformat()),
        ).fetchone()
        return int(row[0])

    def lease(self, seconds: float) -> Lease | None:
        """See `Store.lease`."""
        now, token = time.time(), secrets.token_hex(16)
        waiting = (
            _ENTRIES + "WHERE r.state IS NULL AND w.at IS NULL AND (l.expires IS NULL OR l.expires <= :now) "
            "ORDER BY coalesce(l.attempts, 0), s.number LIMIT 1"
        )
        # Looked at without the write lock first: an idle worker disturbs nobody.
        if self._connection.execute(waiting, {"now": now}).fetchone() is None:
            return None
        with self._write() as database:
            row = database.execute(waiting, {"now": now}).fetchone()
            if row is None:
                return None
            attempt = database.execute(
                "INSERT INTO leases (submission, token, expires, attempts) VALUES (?, ?, ?, 1) "
                "ON CONFLICT (submission) DO UPDATE SET token = excluded.token, expires = excluded.expires, "
                "attempts = attempts + 1 RETURNING attempts",
                (row["number"], token, now + seconds),
            ).fetchone()[0]
        return Lease(_entry(row).submission, token, int(attempt))

    def renew(self, lease: Lease, seconds: float) -> bool:
        """See `Store.renew`."""
        with self._write() as database:
            changed = database.execute(
                "UPDATE leases SET expires = ? WHERE token = ?", (time.time() + seconds, lease.token)
            ).rowcount
        return changed == 1

    def release(self, lease: Lease) -> None:
        """See `Store.release`."""
        with self._write() as database:
            database.execute("UPDATE leases SET expires = 0, attempts = attempts - 1 WHERE token = ?", (lease.token,))

    def finish(self, lease: Lease, result: Result) -> bool:
        """See `Store.finish`."""
        with self._write() as database:
            held = database.execute(
                "DELETE FROM leases WHERE token = ? RETURNING submission", (lease.token,)
            ).fetchone()
            if held is None:
                return False
            database.execute(
                "INSERT INTO results (submission, state, reason, faults, scores, revision, scorer, finished) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (held[0], result.state, result.reason, json.dumps(result.faults, allow_nan=False),
                 None if result.scores is None else json.dumps(result.scores, allow_nan=False),
                 result.revision, result.scorer, result.finished.isoformat()),
            )  # fmt: skip
        return True

    def withdraw(self, id: str) -> None:
        """See `Store.withdraw`."""
        with self._write() as database:
            database.execute(
                "INSERT INTO withdrawals (submission, at) SELECT number, ? FROM submissions WHERE id = ? "
                "ON CONFLICT (submission) DO NOTHING",
                (datetime.now(UTC).isoformat(), id),
            )


def _sync(folder: Path) -> None:
    """Make the names in a folder durable: fsync of a file says nothing of its name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entry(row: sqlite3.Row) -> Entry:
    submission = Submission(
        row["id"], row["owner"], row["task"], row["sha256"], row["size"], row["model"], json.loads(row["metadata"]),
        row["revision"], datetime.fromisoformat(row["received"]),
    )  # fmt: skip
    if row["state"] is None:
        state = State.SCORING if row["scoring"] else State.RECEIVED
        return Entry(submission, state, withdrawn=bool(row["withdrawn"]))
    result = Result(
        State(row["state"]), row["scored_revision"], row["scorer"], row["reason"], json.loads(row["faults"]),
        None if row["scores"] is None else json.loads(row["scores"]), datetime.fromisoformat(row["finished"]),
    )  # fmt: skip
    return Entry(submission, result.state, result, bool(row["withdrawn"]))
