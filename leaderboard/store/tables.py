"""The records in SQLite tables: what may be written, and how it is read."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agroflux_data.errors import AgrofluxError
from leaderboard.store.records import (
    LONG_DAYS,
    LONG_RUN,
    Edit,
    Entry,
    Event,
    Half,
    Lease,
    QuotaExceeded,
    Result,
    Staged,
    State,
    Submission,
    next_day,
)

__all__ = ["FORMAT", "Line", "Tables", "Writer", "refuse_unfit"]

FORMAT = 2
"""Version of the tables. Those of version 1 are brought to this one when they are opened; others are refused."""

Line = dict[str, Any]
"""One thing that was written, as a JSON object; all of them in their order make the tables again."""

_LONGEST_LOG = 64 << 20
"""Bytes of write-ahead log that are carried over into the database when it is opened."""

_FIXED = ("task", "revision", "format")
"""Metadata that decide how the file is scored, so no edit changes them."""

_RESULTS = """
CREATE TABLE requests (
    number INTEGER PRIMARY KEY, submission INTEGER NOT NULL REFERENCES submissions (number),
    serial INTEGER NOT NULL, half TEXT NOT NULL, at TEXT NOT NULL, UNIQUE (submission, serial)
);
CREATE TABLE results (
    number INTEGER PRIMARY KEY, submission INTEGER NOT NULL, request INTEGER NOT NULL, half TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT, faults TEXT NOT NULL, scores TEXT,
    revision TEXT NOT NULL, scorer TEXT NOT NULL, finished TEXT NOT NULL, UNIQUE (submission, request),
    FOREIGN KEY (submission, request) REFERENCES requests (submission, serial)
);
CREATE INDEX results_by_submission ON results (submission, half, number);
CREATE TABLE leases (
    submission INTEGER NOT NULL, request INTEGER NOT NULL, token TEXT NOT NULL UNIQUE,
    expires REAL NOT NULL, attempts INTEGER NOT NULL, PRIMARY KEY (submission, request),
    FOREIGN KEY (submission, request) REFERENCES requests (submission, serial)
);
CREATE TABLE edits (
    number INTEGER PRIMARY KEY, submission INTEGER NOT NULL REFERENCES submissions (number),
    metadata TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX edits_by_submission ON edits (submission, number);
CREATE TABLE events (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, at TEXT NOT NULL, data TEXT NOT NULL,
    submission INTEGER REFERENCES submissions (number)
);
CREATE INDEX events_by_submission ON events (submission, number);
"""
_TABLES = (
    """
CREATE TABLE submissions (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, task TEXT NOT NULL,
    sha256 TEXT NOT NULL, size INTEGER NOT NULL, model TEXT NOT NULL, metadata TEXT NOT NULL,
    revision TEXT NOT NULL, received TEXT NOT NULL
);
CREATE INDEX submissions_by_owner ON submissions (owner, task, received);
CREATE TABLE withdrawals (submission INTEGER PRIMARY KEY REFERENCES submissions (number), at TEXT NOT NULL);
"""
    + _RESULTS
)
_OLD, _NEW = ("submissions", "withdrawals"), ("requests", "results", "edits", "events")

_PUBLIC, _PRIVATE = (
    f"(SELECT number FROM results WHERE submission = s.number AND half = '{half}' "
    "ORDER BY state = 'failed', number DESC LIMIT 1)"
    for half in Half
)
"""A submission's result on a half: the latest, but one that failed only where there is no other."""
_ENTRIES = f"""
SELECT s.*, w.at IS NOT NULL AS withdrawn, p.number AS private,
       r.state, r.reason, r.faults, r.scores, r.revision AS scored_revision, r.scorer, r.finished, r.half,
       EXISTS (SELECT 1 FROM leases WHERE submission = s.number AND expires > :now) AS scoring,
       (SELECT metadata FROM edits WHERE submission = s.number ORDER BY number DESC LIMIT 1) AS edited
FROM submissions s
LEFT JOIN results r ON r.number = {_PUBLIC}
LEFT JOIN results p ON p.number = {_PRIVATE}
LEFT JOIN withdrawals w ON w.submission = s.number
"""
_WAITING = """
FROM requests q
JOIN submissions s ON s.number = q.submission
LEFT JOIN results r ON r.submission = q.submission AND r.request = q.serial
LEFT JOIN withdrawals w ON w.submission = q.submission
LEFT JOIN leases l ON l.submission = q.submission AND l.request = q.serial
WHERE r.number IS NULL AND w.at IS NULL
"""
_NEXT = f"""
SELECT q.submission AS number, q.serial, q.half, s.id {_WAITING} AND (l.expires IS NULL OR l.expires <= :now)
ORDER BY coalesce(l.attempts, 0), q.serial > 1, q.number LIMIT 1
"""
_RESULT = "state, reason, faults, scores, revision AS scored_revision, scorer, finished, half"


class Tables:
    """The records, in one SQLite database.

    While it is in use, all that is written goes to the end of its write-ahead log and the database itself stays as it
    is, so that a copy of both files that is made meanwhile is whole up to some moment after the copying began. The log
    is carried over when the last process closes it, or opens it and the log is long.

    Parameters
    ----------
    path : Path
        The database; made where it is missing.
    durable : bool
        Whether what was written survives the end of power. A copy of what is kept elsewhere need not.

    Raises
    ------
    AgrofluxError
        The file is no such database, or of another format.
    """

    def __init__(self, path: Path, durable: bool = True):
        self._path, self._durable = path, durable
        self._local = threading.local()
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise AgrofluxError(
                "not a store", expected="records that the leaderboard wrote", came=str(error), where=path
            ) from None
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size > _LONGEST_LOG:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _prepare(self) -> None:
        with self._transaction() as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version == FORMAT:
                return
            if version == 0:
                _run(database, _TABLES)
                _protect(database, _OLD + _NEW)
            elif version == 1:
                self._migrate(database)
            else:
                raise AgrofluxError(
                    "another layout of store", expected=f"format {FORMAT}", came=version, where=self._path
                )
            database.execute(f"PRAGMA user_version = {FORMAT}")

    def _migrate(self, database: sqlite3.Connection) -> None:
        """From format 1, where the arrival of a submission was its only request, and its one result the answer."""
        database.execute("ALTER TABLE results RENAME TO former")
        database.execute("DROP INDEX results_by_submission")
        database.execute("DROP TABLE leases")
        _run(database, _RESULTS)
        database.execute(
            "INSERT INTO requests (number, submission, serial, half, at) "
            "SELECT number, number, 1, 'public', received FROM submissions ORDER BY number"
        )
        database.execute(
            "INSERT INTO results (number, submission, request, half, state, reason, faults, scores, revision, scorer, "
            "finished) SELECT number, submission, 1, 'public', state, reason, faults, scores, revision, scorer, "
            "finished FROM former ORDER BY number"
        )
        database.execute("DROP TABLE former")
        _protect(database, _NEW)

    @property
    def _connection(self) -> sqlite3.Connection:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            # WAL alone may lose the last transactions with the power: a receipt must not.
            connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'OFF'}")
            connection.execute("PRAGMA foreign_keys = ON")
            # Carried over in the midst of a copy, the log would be missing in it, or the database half changed.
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            self._local.connection = connection
        return connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        database = self._connection
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """Write several things, all or none of them; everybody else who writes waits."""
        with self._transaction() as database:
            yield Writer(database, self)

    # What is read.

    def same(self, sha256: str, owner: str, task: str, revision: str) -> Submission | None:
        """The submission of the same bytes, unless it failed or was withdrawn."""
        rows = self._connection.execute(
            _ENTRIES + "WHERE s.owner = :owner AND s.task = :task AND s.sha256 = :sha256 AND s.revision = :revision "
            "AND w.at IS NULL AND (r.state IS NULL OR r.state != 'failed') ORDER BY s.number DESC LIMIT 1",
            {"now": time.time(), "owner": owner, "task": task, "sha256": sha256, "revision": revision},
        ).fetchall()
        return _submission(rows[0]) if rows else None

    def entry(self, id: str) -> Entry | None:
        """See `Store.entry`."""
        row = self._connection.execute(_ENTRIES + "WHERE s.id = :id", {"now": time.time(), "id": id}).fetchone()
        return None if row is None else self._entries([row])[0]

    def entries(self, *, task: str | None = None, owner: str | None = None, revision: str | None = None) -> list[Entry]:
        """See `Store.entries`."""
        wanted = {
            name: value
            for name, value in (("task", task), ("owner", owner), ("revision", revision))
            if value is not None
        }
        where = " AND ".join(f"s.{name} = :{name}" for name in wanted) or "TRUE"
        return self._entries(
            self._connection.execute(
                f"{_ENTRIES} WHERE {where} ORDER BY s.number", {"now": time.time()} | wanted
            ).fetchall()
        )

    def _entries(self, rows: list[sqlite3.Row]) -> list[Entry]:
        numbers = [row["private"] for row in rows if row["private"] is not None]
        private: dict[int, Result] = {}
        if numbers:
            found = self._connection.execute(
                f"SELECT number, {_RESULT} FROM results WHERE number IN (SELECT value FROM json_each(?))",
                (json.dumps(numbers),),
            )
            private = {row["number"]: _result(row) for row in found}
        return [_entry(row, private.get(row["private"])) for row in rows]

    def used(self, owner: str, task: str, now: datetime, days: int = 1) -> int:
        """See `Store.used`."""
        return len(self._counted(owner, task, next_day(now) - timedelta(days=days)))

    def _counted(self, owner: str, task: str, since: datetime) -> list[datetime]:
        """When those submissions came that count against the quota, the oldest first."""
        rows = self._connection.execute(
            f"SELECT s.received FROM submissions s LEFT JOIN results r ON r.number = {_PUBLIC} "
            "WHERE s.owner = ? AND s.task = ? AND s.received >= ? AND (r.state IS NULL OR r.state != 'failed') "
            "ORDER BY s.received",
            (owner, task, since.isoformat()),
        )
        return [datetime.fromisoformat(row["received"]) for row in rows]

    def results(self, id: str) -> list[Result]:
        """See `Store.results`."""
        rows = self._connection.execute(
            f"SELECT {_RESULT} FROM results WHERE submission = (SELECT number FROM submissions WHERE id = ?) "
            "ORDER BY number", (id,)
        )  # fmt: skip
        return [_result(row) for row in rows]

    def refuse_beyond(self, quota: int | None, owner: str, task: str) -> None:
        """Raise `QuotaExceeded` where an owner has none left today, or in the long run."""
        if quota is None:
            return
        now = datetime.now(UTC)
        if self.used(owner, task, now) >= quota:
            raise QuotaExceeded(
                "the quota of the day is used up",
                expected=f"at most {quota} submissions a day for {task}; it begins anew at "
                f"{next_day(now):%Y-%m-%d %H:%M} UTC",
            )
        most = quota * LONG_RUN
        counted = self._counted(owner, task, next_day(now) - timedelta(days=LONG_DAYS))
        if len(counted) >= most:
            again = next_day(counted[-most]) + timedelta(days=LONG_DAYS - 1)
            raise QuotaExceeded(
                f"the quota of {LONG_DAYS} days is used up",
                expected=f"at most {most} submissions in {LONG_DAYS} days for {task}; the next may come at "
                f"{again:%Y-%m-%d %H:%M} UTC",
            )

    def waiting(self) -> int:
        """See `Store.waiting`."""
        return int(self._connection.execute(f"SELECT count(*) {_WAITING}").fetchone()[0])

    def edits(self, id: str) -> list[Edit]:
        """See `Store.edits`."""
        rows = self._connection.execute(
            "SELECT at, metadata FROM edits WHERE submission = (SELECT number FROM submissions WHERE id = ?) "
            "ORDER BY number", (id,)
        )  # fmt: skip
        return [Edit(datetime.fromisoformat(row["at"]), json.loads(row["metadata"])) for row in rows]

    def events(self, kind: str | None = None, submission: str | None = None) -> list[Event]:
        """See `Store.events`."""
        rows = self._connection.execute(
            "SELECT e.kind, e.at, e.data, s.id FROM events e LEFT JOIN submissions s ON s.number = e.submission "
            "WHERE (:kind IS NULL OR e.kind = :kind) AND (:id IS NULL OR s.id = :id) ORDER BY e.number",
            {"kind": kind, "id": submission},
        )
        return [
            Event(row["kind"], datetime.fromisoformat(row["at"]), json.loads(row["data"]), row["id"]) for row in rows
        ]

    def version(self) -> str:
        """See `Store.version`."""
        # All these tables are append-only, so the counts of their rows say whether anything came.
        row = self._connection.execute(
            "SELECT (SELECT max(number) FROM submissions), (SELECT max(number) FROM results), "
            "(SELECT max(number) FROM edits), (SELECT max(number) FROM events), (SELECT count(*) FROM withdrawals)"
        ).fetchone()
        return "-".join(str(number or 0) for number in row)

    # Leases, which are worth nothing after they expired, so they are no part of what is kept for ever.

    def lease(self, seconds: float) -> Lease | None:
        """See `Store.lease`."""
        now, token = time.time(), secrets.token_hex(16)
        # Looked at without the write lock first: an idle worker disturbs nobody.
        if self._connection.execute(_NEXT, {"now": now}).fetchone() is None:
            return None
        with self._transaction() as database:
            row = database.execute(_NEXT, {"now": now}).fetchone()
            if row is None:
                return None
            attempt = database.execute(
                "INSERT INTO leases (submission, request, token, expires, attempts) VALUES (?, ?, ?, ?, 1) "
                "ON CONFLICT (submission, request) DO UPDATE SET token = excluded.token, expires = excluded.expires, "
                "attempts = attempts + 1 RETURNING attempts",
                (row["number"], row["serial"], token, now + seconds),
            ).fetchone()[0]
            submission = _submission(
                database.execute("SELECT * FROM submissions WHERE number = ?", (row["number"],)).fetchone()
            )
        return Lease(submission, token, int(attempt), Half(row["half"]))

    def renew(self, lease: Lease, seconds: float) -> bool:
        """See `Store.renew`."""
        with self._transaction() as database:
            changed = database.execute(
                "UPDATE leases SET expires = ? WHERE token = ?", (time.time() + seconds, lease.token)
            ).rowcount
        return changed == 1

    def pass_on(self, lease: Lease, seconds: float) -> Lease | None:
        """Take a lease from its holder; the one to go on with, or None where it was lost."""
        token = secrets.token_hex(16)
        with self._transaction() as database:
            changed = database.execute(
                "UPDATE leases SET token = ?, expires = ? WHERE token = ?",
                (token, time.time() + seconds, lease.token),
            ).rowcount
        return replace(lease, token=token) if changed else None

    def release(self, lease: Lease) -> None:
        """See `Store.release`."""
        with self._transaction() as database:
            database.execute("UPDATE leases SET expires = 0, attempts = attempts - 1 WHERE token = ?", (lease.token,))


class Writer:
    """Writes into the tables, within one transaction.

    Attributes
    ----------
    lines : list of Line
        What was written.
    """

    def __init__(self, database: sqlite3.Connection, tables: Tables):
        self.lines: list[Line] = []
        self._database, self._tables = database, tables

    def apply(self, line: Line) -> None:
        """Write a line, which may come from another copy of these tables."""
        _APPLY[line["line"]](self._database, line)
        self.lines.append(line)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Write all of the block or, where it raises, none of it; what was written before stays."""
        written = len(self.lines)
        self._database.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            del self.lines[written:]
            self._database.execute("ROLLBACK TO attempt")
            raise
        finally:
            self._database.execute("RELEASE attempt")

    def add(
        self, staged: Staged, owner: str, task: str, model: str, metadata: dict[str, Any], revision: str,
        quota: int | None,
    ) -> tuple[Submission, bool]:  # fmt: skip
        """See `Store.add`."""
        known = self._tables.same(staged.sha256, owner, task, revision)
        if known is not None:
            return known, False
        self._tables.refuse_beyond(quota, owner, task)
        now = datetime.now(UTC)
        submission = Submission(
            f"{now:%Y%m%d}-{secrets.token_hex(5)}", owner, task, staged.sha256, staged.size, model, metadata,
            revision, now,
        )  # fmt: skip
        self.apply(
            {
                "line": "submission", "id": submission.id, "owner": owner, "task": task, "sha256": staged.sha256,
                "size": staged.size, "model": model, "metadata": metadata, "revision": revision, "at": now.isoformat(),
            }
        )  # fmt: skip
        return submission, True

    def request(self, ids: Iterable[str], half: Half) -> int:
        """See `Store.request`."""
        asked = 0
        for id in dict.fromkeys(ids):
            number = self._number(id)
            open_one = self._database.execute(
                "SELECT 1 FROM requests q LEFT JOIN results r ON r.submission = q.submission AND r.request = q.serial "
                "WHERE q.submission = ? AND q.half = ? AND r.number IS NULL", (number, half.value)
            ).fetchone()  # fmt: skip
            if open_one is None:
                self.apply({"line": "request", "id": id, "half": half.value, "at": datetime.now(UTC).isoformat()})
                asked += 1
        return asked

    def finish(self, lease: Lease, result: Result) -> bool:
        """See `Store.finish`."""
        refuse_unfit(result, lease)
        held = self._database.execute("SELECT request FROM leases WHERE token = ?", (lease.token,)).fetchone()
        if held is None:
            return False
        self.apply(
            {
                "line": "result", "id": lease.submission.id, "request": held["request"], "half": lease.half.value,
                "state": result.state.value, "reason": result.reason, "faults": result.faults,
                "scores": result.scores, "revision": result.revision, "scorer": result.scorer,
                "at": result.finished.isoformat(),
            }
        )  # fmt: skip
        return True

    def withdraw(self, id: str) -> None:
        """See `Store.withdraw`."""
        known = self._database.execute(
            "SELECT 1 FROM submissions s LEFT JOIN withdrawals w ON w.submission = s.number "
            "WHERE s.id = ? AND w.at IS NULL", (id,)
        ).fetchone()  # fmt: skip
        if known is not None:
            self.apply({"line": "withdrawal", "id": id, "at": datetime.now(UTC).isoformat()})

    def edit(self, id: str, metadata: dict[str, Any]) -> Edit:
        """See `Store.edit`."""
        self._number(id)
        entry = self._tables.entry(id)
        assert entry is not None
        for name in _FIXED:
            given, fixed = metadata.get(name), entry.metadata.get(name)
            if given != fixed:
                raise AgrofluxError(f"the {name} of a submission cannot be edited", expected=str(fixed), came=given)
        edit = Edit(datetime.now(UTC), metadata)
        self.apply({"line": "edit", "id": id, "metadata": metadata, "at": edit.at.isoformat()})
        return edit

    def record(self, kind: str, data: dict[str, Any], submission: str | None) -> Event:
        """See `Store.record`."""
        if submission is not None:
            self._number(submission)
        event = Event(kind, datetime.now(UTC), data, submission)
        self.apply({"line": "event", "id": submission, "kind": kind, "data": data, "at": event.at.isoformat()})
        return event

    def _number(self, id: str) -> int:
        row = self._database.execute("SELECT number FROM submissions WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise AgrofluxError("no such submission", came=id)
        return int(row["number"])


def refuse_unfit(result: Result, lease: Lease) -> None:
    """Raise `ValueError` for a result that cannot be written as that of a lease."""
    if result.half != lease.half:
        raise ValueError(f"a result of the {result.half} half for a lease of the {lease.half} half")
    _json([result.faults, result.scores])


def _apply_submission(database: sqlite3.Connection, line: Line) -> None:
    database.execute(
        "INSERT INTO submissions (id, owner, task, sha256, size, model, metadata, revision, received) "
        "VALUES (:id, :owner, :task, :sha256, :size, :model, :metadata, :revision, :at)",
        line | {"metadata": _json(line["metadata"])},
    )
    _apply_request(database, line | {"half": Half.PUBLIC.value})


def _apply_request(database: sqlite3.Connection, line: Line) -> None:
    database.execute(
        "INSERT INTO requests (submission, serial, half, at) SELECT s.number, "
        "1 + (SELECT count(*) FROM requests WHERE submission = s.number), :half, :at FROM submissions s "
        "WHERE s.id = :id", line
    )  # fmt: skip


def _apply_result(database: sqlite3.Connection, line: Line) -> None:
    number = database.execute(
        "INSERT INTO results (submission, request, half, state, reason, faults, scores, revision, scorer, finished) "
        "SELECT number, :request, :half, :state, :reason, :faults, :scores, :revision, :scorer, :at "
        "FROM submissions WHERE id = :id RETURNING submission",
        line | {"faults": _json(line["faults"]), "scores": None if line["scores"] is None else _json(line["scores"])},
    ).fetchone()[0]
    database.execute("DELETE FROM leases WHERE submission = ? AND request = ?", (number, line["request"]))


def _apply_withdrawal(database: sqlite3.Connection, line: Line) -> None:
    database.execute(
        "INSERT INTO withdrawals (submission, at) SELECT number, :at FROM submissions WHERE id = :id", line
    )


def _apply_edit(database: sqlite3.Connection, line: Line) -> None:
    database.execute(
        "INSERT INTO edits (submission, metadata, at) SELECT number, :metadata, :at FROM submissions WHERE id = :id",
        line | {"metadata": _json(line["metadata"])},
    )


def _apply_event(database: sqlite3.Connection, line: Line) -> None:
    database.execute(
        "INSERT INTO events (kind, at, data, submission) "
        "VALUES (:kind, :at, :data, (SELECT number FROM submissions WHERE id = :id))",
        line | {"data": _json(line["data"])},
    )


_APPLY: dict[str, Callable[[sqlite3.Connection, Line], None]] = {
    "submission": _apply_submission, "request": _apply_request, "result": _apply_result,
    "withdrawal": _apply_withdrawal, "edit": _apply_edit, "event": _apply_event,
}  # fmt: skip


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _run(database: sqlite3.Connection, script: str) -> None:
    # Not `executescript`, which ends the transaction.
    for statement in script.split(";\n"):
        if statement.strip():
            database.execute(statement)


def _protect(database: sqlite3.Connection, tables: tuple[str, ...]) -> None:
    """Let nothing that was written be changed or deleted."""
    for table in tables:
        for verb in ("UPDATE", "DELETE"):
            database.execute(
                f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
            )


def _submission(row: sqlite3.Row) -> Submission:
    return Submission(
        row["id"], row["owner"], row["task"], row["sha256"], row["size"], row["model"], json.loads(row["metadata"]),
        row["revision"], datetime.fromisoformat(row["received"]),
    )  # fmt: skip


def _result(row: sqlite3.Row) -> Result:
    return Result(
        State(row["state"]), row["scored_revision"], row["scorer"], row["reason"], json.loads(row["faults"]),
        None if row["scores"] is None else json.loads(row["scores"]), datetime.fromisoformat(row["finished"]),
        Half(row["half"]),
    )  # fmt: skip


def _entry(row: sqlite3.Row, private: Result | None) -> Entry:
    edited = None if row["edited"] is None else json.loads(row["edited"])
    if row["state"] is None:
        result, state = None, State.SCORING if row["scoring"] else State.RECEIVED
    else:
        result = _result(row)
        state = result.state
    return Entry(_submission(row), state, result, bool(row["withdrawn"]), private, edited)
