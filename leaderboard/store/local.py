"""A store in a local folder."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

from agroflux_data.errors import AgrofluxError
from leaderboard.store.files import Files
from leaderboard.store.reads import Reads
from leaderboard.store.records import Edit, Event, Half, Lease, Result, Staged, Submission
from leaderboard.store.tables import Tables

__all__ = ["LocalStore"]


class LocalStore(Reads):
    """A store in a local folder: SQLite for records, and the files beside it under their hash.

    A copy of the folder is a backup of all there is: ``cp -r`` while it is in use has everything that was acknowledged
    before the copying began, and can be used as a store at once. What came while it was copied is in it whole, not at
    all, or as a record without its file, which is then said to be lost here and refunded.

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
        self._files = Files(self.folder)
        self._tables = Tables(self.folder / "records.sqlite")

    def uploads(self) -> Path:
        """See `Store.uploads`."""
        return self._files.uploads()

    def stage(self, source: BinaryIO, limit: int) -> AbstractContextManager[Staged]:
        """See `Store.stage`."""
        return self._files.stage(source, limit)

    def path(self, submission: Submission) -> Path:
        """See `Store.path`."""
        return self._files.place(submission.sha256)

    def add(
        self, staged: Staged, *, owner: str, task: str, model: str, metadata: dict[str, Any], revision: str,
        quota: int | None,
    ) -> tuple[Submission, bool]:  # fmt: skip
        """See `Store.add`."""
        known = self._tables.same(staged.sha256, owner, task, revision)
        if known is not None:
            return known, False
        # Asked before the file is kept too, or refused ones would fill the disk.
        self._tables.refuse_beyond(quota, owner, task)
        # The file goes first: a record without its file could not be scored, a file without a record does no harm.
        self._files.keep(staged)
        with self._tables.write() as writer:
            return writer.add(staged, owner, task, model, metadata, revision, quota)

    def request(self, ids: Iterable[str], half: Half = Half.PUBLIC) -> int:
        """See `Store.request`."""
        with self._tables.write() as writer:
            return writer.request(ids, Half(half))

    def lease(self, seconds: float) -> Lease | None:
        """See `Store.lease`."""
        return self._tables.lease(seconds)

    def renew(self, lease: Lease, seconds: float) -> bool:
        """See `Store.renew`."""
        return self._tables.renew(lease, seconds)

    def release(self, lease: Lease) -> None:
        """See `Store.release`."""
        self._tables.release(lease)

    def finish(self, lease: Lease, result: Result) -> bool:
        """See `Store.finish`."""
        with self._tables.write() as writer:
            return writer.finish(lease, result)

    def withdraw(self, id: str) -> None:
        """See `Store.withdraw`."""
        with self._tables.write() as writer:
            writer.withdraw(id)

    def edit(self, id: str, metadata: dict[str, Any]) -> Edit:
        """See `Store.edit`."""
        with self._tables.write() as writer:
            return writer.edit(id, metadata)

    def record(self, kind: str, data: dict[str, Any], submission: str | None = None) -> Event:
        """See `Store.record`."""
        with self._tables.write() as writer:
            return writer.record(kind, data, submission)

    def flush(self) -> None:
        """See `Store.flush`; nothing is held back."""

    def close(self) -> None:
        """See `Store.close`; nothing is held back."""
