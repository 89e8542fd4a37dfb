"""What a store says of itself: the same for every home, since each answers from tables on this machine."""

from __future__ import annotations

from datetime import UTC, datetime

from leaderboard.store.records import Edit, Entry, Event, Result
from leaderboard.store.tables import Tables

__all__ = ["Reads"]


class Reads:
    """The part of `Store` that only reads.

    Attributes
    ----------
    _tables : Tables
        Set by the home.
    """

    _tables: Tables

    def entry(self, id: str) -> Entry | None:
        """See `Store.entry`."""
        return self._tables.entry(id)

    def entries(self, *, task: str | None = None, owner: str | None = None, revision: str | None = None) -> list[Entry]:
        """See `Store.entries`."""
        return self._tables.entries(task=task, owner=owner, revision=revision)

    def used(self, owner: str, task: str, days: int = 1) -> int:
        """See `Store.used`."""
        return self._tables.used(owner, task, datetime.now(UTC), days)

    def results(self, id: str) -> list[Result]:
        """See `Store.results`."""
        return self._tables.results(id)

    def waiting(self) -> int:
        """See `Store.waiting`."""
        return self._tables.waiting()

    def edits(self, id: str) -> list[Edit]:
        """See `Store.edits`."""
        return self._tables.edits(id)

    def events(self, kind: str | None = None, submission: str | None = None) -> list[Event]:
        """See `Store.events`."""
        return self._tables.events(kind, submission)

    def version(self) -> str:
        """See `Store.version`."""
        return self._tables.version()
