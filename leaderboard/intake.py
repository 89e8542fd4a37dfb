"""Receive a file: copy it durably, record it, and only then answer with a receipt. Nothing is scored here."""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.splits import Edition
from agroflux_data.variables import DAYS
from leaderboard.seasons import Seasons
from leaderboard.store import LONG_DAYS, LONG_RUN, Edit, QuotaExceeded, Staged, Store, next_day
from submission.codes import Fault, FaultyFileError
from submission.metadata import Metadata
from submission.quantiles import MOST_COLUMNS
from submission.reader import Reader

__all__ = ["QUOTA", "Intake", "Quota", "Receipt"]

QUOTA = 5
"""Submissions that an owner has a day for each task."""
_OVERHEAD = 1 << 20
"""Room in a file beside its values: footer, metadata, the sequence column."""

_READER = Reader()
"""One for this process; it starts with the first file."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Quota:
    """What an owner has left today for a task."""

    left: int
    of: int
    resets: datetime


@dataclass(frozen=True)
class Receipt:
    """The promise that a submission is safe and will be scored.

    Attributes
    ----------
    id : str
    task, model, sha256 : str
    received : datetime
        In UTC.
    new : bool
        False where the same bytes had been received before, and this is the receipt of then.
    quota : Quota
    """

    id: str
    task: str
    model: str
    sha256: str
    received: datetime
    new: bool
    quota: Quota

    def to_json(self) -> dict[str, Any]:
        """JSON values; times in ISO 8601."""
        plain = asdict(self)
        plain["received"] = self.received.isoformat(timespec="seconds")
        plain["quota"]["resets"] = self.quota.resets.isoformat(timespec="seconds")
        return plain


class Intake:
    """Where submissions come in, whoever brings them.

    Parameters
    ----------
    store : Store
    release : Release
        A sealed one: there is nothing to rank where every target is public.
    quota : int
        Submissions that an owner has a day for each task.
    """

    def __init__(self, store: Store, release: Release, quota: int = QUOTA):
        if release.edition is not Edition.SEALED:
            raise AgrofluxError(
                "nothing to score against", expected="a release of the sealed edition", came=str(release.edition),
                where=release.path,
            )  # fmt: skip
        self._store, self._release, self.per_day = store, release, quota
        self._seasons = Seasons(store)
        if not self.tasks:
            raise AgrofluxError("nothing to score against", expected="a release with hidden rows", where=release.path)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks that take submissions: those with hidden rows."""
        return self._release.hidden_tasks

    def limit(self, task: str) -> int:
        """The largest file, in bytes, that can be a submission to a task.

        Random float32 values do not compress, so this is every value of every target, and of as many quantiles as a
        file may have, at 4 bytes, and some room.
        """
        rows = sum(split.rows for split in self._release.splits(task).values() if split.hidden)
        columns = len(self._release.task(task).targets) + MOST_COLUMNS
        return _OVERHEAD + int(1.1 * rows * (8 + 4 * DAYS * columns))

    @property
    def largest(self) -> int:
        """The largest file, in bytes, that can be a submission to any task."""
        return max((self.limit(task) for task in self.tasks), default=_OVERHEAD)

    def quota(self, owner: str, task: str) -> Quota:
        """What an owner has left today."""
        left = self.per_day - self._store.used(owner, task)
        in_the_long_run = LONG_RUN * self.per_day - self._store.used(owner, task, LONG_DAYS)
        return Quota(max(0, min(left, in_the_long_run)), self.per_day, next_day(datetime.now(UTC)))

    def prepare(self) -> None:
        """Start what reads metadata, which takes seconds, so that the first sender does not wait for it."""
        with contextlib.suppress(AgrofluxError):
            _READER.metadata(os.devnull)

    def receive(self, path: str | Path, owner: str, *, limited: bool = True) -> Receipt:
        """Take a file into the store.

        When this returns, the file and its record are on disk. Sending the same file again gives the same receipt.

        Parameters
        ----------
        path : str or Path
            The file; it is copied.
        owner : str
            From `leaderboard.identity`, or whom the host names.
        limited : bool
            Whether the owner's quota holds; the host's own entries are free of it.

        Raises
        ------
        AgrofluxError
            No season is open; the file is too large, is no submission file, or names a task or revision that is not
            here; or the quota is used up. Nothing was recorded then.
        """
        self._seasons.check_open()
        try:
            file = open(path, "rb")  # noqa: SIM115 - closed below; only opening it is the sender's fault
        except FileNotFoundError:
            raise AgrofluxError("no such file", came=str(path)) from None
        except OSError as error:
            raise AgrofluxError("unreadable file", expected="a file", came=error.strerror, where=path) from None
        with file, self._store.stage(file, self.largest) as staged:
            return self._take(staged, owner, limited, Path(path).name)

    def metadata(self, path: Path) -> Metadata:
        """What a file says of itself, read by a process with limits; nothing is recorded.

        Raises
        ------
        FaultyFileError
            It is no submission file.
        """
        try:
            return _READER.metadata(path)
        except FaultyFileError as error:
            raise FaultyFileError(error.fault, path.name) from None

    def edit(self, id: str, changes: dict[str, Any]) -> Edit:
        """Change what a submission says of itself.

        Parameters
        ----------
        id : str
            Whose it is, is the caller's to check.
        changes : dict
            Some fields of `submission.Metadata` as JSON values; the others stay as they are.

        Raises
        ------
        AgrofluxError
            No such submission, a field that is not there or has a bad value, or one that no edit can change.
        """
        entry = self._store.entry(id)
        if entry is None:
            raise AgrofluxError("no such submission", came=id)
        edited = Metadata.from_json(entry.metadata | changes)
        edited.to_bytes()  # which says if they are too long
        edit = self._store.edit(id, edited.to_json())
        _log.info("%s: metadata edited", id)
        return edit

    def _take(self, staged: Staged, owner: str, limited: bool, name: str) -> Receipt:
        try:
            metadata = _READER.metadata(staged.path)
            task, revision = metadata.task, self._release.revision
            if task not in self.tasks:
                raise FaultyFileError(Fault.of("AF003", f"expected one of {', '.join(self.tasks)}, got {task!r}"))
            if metadata.revision != revision:
                raise FaultyFileError(Fault.of("AF004", f"expected {revision}, got {metadata.revision!r}"))
            if staged.size > self.limit(task):
                most = self.limit(task) / 1e6
                raise FaultyFileError(
                    Fault.of("AF007", f"at most {most:.1f} MB for {task}, got {staged.size / 1e6:.1f}")
                )
            submission, new = self._store.add(
                staged, owner=owner, task=task, model=metadata.model, metadata=metadata.to_json(), revision=revision,
                quota=self.per_day if limited else None,
            )  # fmt: skip
        except QuotaExceeded:
            _log.info("refused a file of %s: quota", owner)
            raise
        except FaultyFileError as error:
            _log.info("refused a file of %s: %s", owner, error.fault.code)
            # The copy's name in the store means nothing to whoever sent the file.
            raise FaultyFileError(error.fault, name) from None
        _log.info("received %s from %s for %s%s", submission.id, owner, task, "" if new else " (again)")
        return Receipt(
            submission.id, task, submission.model, submission.sha256, submission.received, new, self.quota(owner, task)
        )
