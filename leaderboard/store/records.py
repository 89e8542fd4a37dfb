"""What the leaderboard remembers, and the one interface to it: append-only, whichever home keeps it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from agroflux_data.errors import AgrofluxError

__all__ = ["LONG_DAYS", "LONG_RUN", "Busy", "Edit", "Entry", "Event", "Half", "Lease", "QuotaExceeded", "Result",
           "Staged", "State", "Store", "Submission", "TooLarge", "next_day"]  # fmt: skip

LONG_RUN, LONG_DAYS = 6, 90
"""An owner has so many days' quota for a task in so many days: who may ask for ever learns the hidden values."""


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


class Half(StrEnum):
    """Which of the hidden rows a submission is scored on."""

    PUBLIC = "public"
    """Shown while the season runs."""
    PRIVATE = "private"
    """Shown to nobody before the season is closed."""


class TooLarge(AgrofluxError):
    """The file is larger than a submission can be."""


class QuotaExceeded(AgrofluxError):
    """The owner has used up the submissions of the day."""


class Busy(AgrofluxError):
    """Nothing can be written just now, and nothing was.

    Attributes
    ----------
    seconds : int
        After which another try has good prospects.
    """

    def __init__(self, seconds: float):
        self.seconds = math.ceil(seconds)
        super().__init__(f"the leaderboard can take nothing just now; try again in {self.seconds} s")


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
    half : Half
        Of the hidden rows, which were used.
    """

    state: State
    revision: str
    scorer: str
    reason: str | None = None
    faults: list[dict[str, Any]] = field(default_factory=list)
    scores: dict[str, Any] | None = None
    finished: datetime = field(default_factory=lambda: datetime.now(UTC))
    half: Half = Half.PUBLIC


@dataclass(frozen=True)
class Edit:
    """What the owner made of a submission's metadata later.

    Attributes
    ----------
    at : datetime
        In UTC.
    metadata : dict
        All of them, as they stand since then.
    """

    at: datetime
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Event:
    """An act of the host, in the order of the journal.

    Attributes
    ----------
    kind : str
        What was done: "season opened", "verification", ...
    at : datetime
        In UTC.
    data : dict
        JSON values.
    submission : str or None
        The id of the submission that it is about.
    """

    kind: str
    at: datetime
    data: dict[str, Any]
    submission: str | None = None


@dataclass(frozen=True)
class Entry:
    """A submission as it stands now.

    Attributes
    ----------
    submission : Submission
    state : State
        By the public half.
    result : Result or None
        The latest on the public half. One that failed later, which is our fault, does not take the place of one that
        did not.
    withdrawn : bool
    private : Result or None
        The same on the private half; not to be shown before the season is closed.
    edited : dict or None
        The metadata since the owner's latest edit.
    """

    submission: Submission
    state: State
    result: Result | None = None
    withdrawn: bool = False
    private: Result | None = None
    edited: dict[str, Any] | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """What the owner says of the submission now."""
        return self.submission.metadata if self.edited is None else self.edited

    @property
    def model(self) -> str:
        """The model's name as it stands now."""
        return str(self.metadata.get("model") or self.submission.model)


@dataclass(frozen=True)
class Lease:
    """The right to serve one request for a score until it expires.

    Attributes
    ----------
    submission : Submission
    token : str
        Tells this lease from a later one of the same request.
    attempt : int
        1 for the first; more where earlier leases expired.
    half : Half
        Of the hidden rows, which are asked for.
    """

    submission: Submission
    token: str
    attempt: int
    half: Half = Half.PUBLIC


@dataclass(frozen=True)
class Staged:
    """A file that was copied into the store's keeping, not yet part of a submission."""

    path: Path
    sha256: str
    size: int


class Store(Protocol):
    """The one interface to records and files.

    Every method is safe to call from several threads and processes at once, and what it has returned from survives
    a crash of the machine; of a result that the store may hold back for company this is true once it can be read.
    Whatever writes may raise `Busy`.

    A submission is scored on request: its arrival is the first one, for the public half, and the host may ask for more.
    Every request is served by exactly one result, and every result is kept.
    """

    def uploads(self) -> Path:
        """An empty folder for uploads that are on their way to `stage`; what a server that died left there goes."""
        ...

    def stage(self, source: BinaryIO, limit: int) -> AbstractContextManager[Staged]:
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
        """Keep a staged file as a submission that waits for its score, durably.

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

    def used(self, owner: str, task: str, days: int = 1) -> int:
        """How much of the quota of today, or of so many days, an owner has used for a task; what failed counts not."""
        ...

    def results(self, id: str) -> list[Result]:
        """All results of a submission, of both halves, in the order they were written."""
        ...

    def request(self, ids: Iterable[str], half: Half = Half.PUBLIC) -> int:
        """Ask for another score of submissions; what they have stays visible until it is there.

        A submission that waits for a score of that half already is asked no second time, so this may be repeated.

        Returns
        -------
        int
            How many submissions wait for a score that did not before.

        Raises
        ------
        AgrofluxError
            An id that is not here; nothing was asked for then.
        """
        ...

    def waiting(self) -> int:
        """How many requests have no result yet; those of withdrawn submissions do not count."""
        ...

    def lease(self, seconds: float) -> Lease | None:
        """Take the oldest request that nobody serves, or None where there is none.

        New submissions come before those that are scored again, and those whose leases expired before come after the
        others, so that none can hold up the rest.
        """
        ...

    def renew(self, lease: Lease, seconds: float) -> bool:
        """Prolong a lease; False where it was lost."""
        ...

    def release(self, lease: Lease) -> None:
        """Give a lease back unused."""
        ...

    def finish(self, lease: Lease, result: Result) -> bool:
        """Write the result and end the lease, at once; False, and nothing written, where the lease was lost.

        Raises `ValueError` for a result of another half than the lease's, and for numbers that JSON does not have.
        """
        ...

    def withdraw(self, id: str) -> None:
        """Hide a submission from the board. Nothing is deleted."""
        ...

    def edit(self, id: str, metadata: dict[str, Any]) -> Edit:
        """Give a submission new metadata; what they were is kept.

        Parameters
        ----------
        id : str
        metadata : dict
            All of them. What the file was scored by, its task, revision and format, cannot change.

        Raises
        ------
        AgrofluxError
            An id that is not here, or another task, revision or format.
        """
        ...

    def edits(self, id: str) -> list[Edit]:
        """The edits of a submission's metadata, in their order."""
        ...

    def record(self, kind: str, data: dict[str, Any], submission: str | None = None) -> Event:
        """Write an act of the host into the journal; raises `AgrofluxError` for a submission that is not here."""
        ...

    def events(self, kind: str | None = None, submission: str | None = None) -> list[Event]:
        """The host's acts in their order: all, those of a kind, or those about a submission."""
        ...

    def flush(self) -> None:
        """Write now what is held back."""
        ...

    def close(self) -> None:
        """Write what is held back, and nothing more; to be called when a server ends."""
        ...

    def version(self) -> str:
        """Another text once anything was written that `entries`, `edits` or `events` tell; leases do not count.

        It costs next to nothing, so that what follows from the records need not be computed again for everybody who
        looks at it.
        """
        ...


def next_day(now: datetime) -> datetime:
    """When a quota that is used up now begins anew: the next midnight in UTC."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1)
