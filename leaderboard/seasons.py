"""Seasons: when submissions are taken, which of them compete, and the standing that ends it all.

A season is opened for a release, and freezes at a time that was set before or when the host closes it. Until then the
board shows the public half alone. Afterwards each participant's candidate in each task is scored on the private half,
and the standing by these scores is written into the journal once, never to change. Where no season was ever opened,
submissions are taken always.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from leaderboard.ranking import OverallRow, Row, TargetScore, overall, rank
from leaderboard.store import Entry, Event, Half, State, Store
from leaderboard.verification import verified

__all__ = ["ClosedError", "Phase", "Progress", "Season", "Seasons", "Standing"]

_OPENED, _FROZEN, _CHOSEN, _STANDING = "season opened", "season frozen", "candidate chosen", "season standing"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,38}[A-Za-z0-9])?")
_BEGINNING = datetime.min.replace(tzinfo=UTC)


class ClosedError(AgrofluxError):
    """No submissions are taken now."""


class Phase(StrEnum):
    """Where a season stands."""

    ANNOUNCED = "announced"
    OPEN = "open"
    FROZEN = "frozen"
    """Nothing is taken any more; its standing is not known yet."""
    CLOSED = "closed"


@dataclass(frozen=True)
class Standing:
    """How a season ended: by the private half, as it was recorded.

    Attributes
    ----------
    at : datetime
        In UTC.
    scorer : str
        Versions of the scorer.
    tasks : dict of str to list of Row
        The candidates in their order.
    """

    at: datetime
    scorer: str
    tasks: dict[str, list[Row]]

    @property
    def overall(self) -> list[OverallRow]:
        """One line for each participant."""
        return overall(self.tasks, lambda row: row.submission.owner)


@dataclass(frozen=True)
class Season:
    """One season.

    Attributes
    ----------
    name : str
    revision : str
        Of the release that it is about.
    begins : datetime
        Submissions that were received from here on belong to it: the end of the season before it.
    opens : datetime
        From when they are taken.
    freezes : datetime or None
        Until when, excluded; None where that is not known yet.
    closed : datetime or None
        When its standing was recorded.
    """

    name: str
    revision: str
    begins: datetime
    opens: datetime
    freezes: datetime | None = None
    closed: datetime | None = None

    def phase(self, now: datetime | None = None) -> Phase:
        """Where it stands, now or at another time."""
        now = now or datetime.now(UTC)
        if self.closed is not None:
            return Phase.CLOSED
        if self.freezes is not None and now >= self.freezes:
            return Phase.FROZEN
        return Phase.OPEN if now >= self.opens else Phase.ANNOUNCED

    def holds(self, entry: Entry) -> bool:
        """Whether a submission belongs to it."""
        submission = entry.submission
        before = self.freezes is None or submission.received < self.freezes
        return submission.revision == self.revision and self.begins <= submission.received and before


@dataclass(frozen=True)
class Progress:
    """How far the closing of a season is.

    Attributes
    ----------
    unscored : int
        Submissions that wait for their score on the public half.
    candidates : int
        Those that compete; 0 until all have that score.
    waiting : int
        Candidates without a score on the private half, all asked for.
    failed : tuple of str
        Candidates, by their id, whose score on the private half failed by our fault.
    standing : Standing or None
        Once it is recorded.
    """

    unscored: int = 0
    candidates: int = 0
    waiting: int = 0
    failed: tuple[str, ...] = ()
    standing: Standing | None = None


class Seasons:
    """The seasons that a store remembers.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store):
        self._store = store

    def all(self) -> list[Season]:
        """Every season, in order."""
        frozen = {event.data["season"]: _time(event.data["at"]) for event in reversed(self._store.events(_FROZEN))}
        closed = {event.data["season"]: event.at for event in reversed(self._store.events(_STANDING))}
        seasons: list[Season] = []
        for event in self._store.events(_OPENED):
            planned = event.data["until"]
            freezes = frozen.get(event.data["season"], None if planned is None else _time(planned))
            seasons.append(
                Season(
                    event.data["season"], event.data["revision"],
                    (seasons[-1].freezes or event.at) if seasons else _BEGINNING,
                    _time(event.data["from"]), freezes, closed.get(event.data["season"]),
                )
            )  # fmt: skip
        return seasons

    def current(self, now: datetime | None = None) -> Season | None:
        """The latest season that has opened, or the first one while it is only announced; None where there is none."""
        now = now or datetime.now(UTC)
        seasons = self.all()
        opened = [season for season in seasons if season.opens <= now]
        return opened[-1] if opened else seasons[0] if seasons else None

    def named(self, name: str) -> Season:
        """The season of that name; raises `AgrofluxError` for an unknown one."""
        seasons = {season.name: season for season in self.all()}
        if name not in seasons:
            raise AgrofluxError("no such season", expected=", ".join(seasons) or "one that was opened", came=name)
        return seasons[name]

    def check_open(self, now: datetime | None = None) -> None:
        """Raise `ClosedError` if no submissions are taken now; it says when they will be."""
        now = now or datetime.now(UTC)
        seasons = self.all()
        if not seasons or any(season.phase(now) is Phase.OPEN for season in seasons):
            return
        coming = next((season for season in seasons if season.phase(now) is Phase.ANNOUNCED), None)
        ended = [season for season in seasons if season.phase(now) in (Phase.FROZEN, Phase.CLOSED)]
        raise ClosedError(
            f"season {ended[-1].name!r} ended at {_shown(ended[-1].freezes)} and takes no more submissions"
            if ended
            else "no submissions are taken yet",
            expected=f"season {coming.name!r}, which opens at {_shown(coming.opens)}"
            if coming
            else "the next season; when it opens is not known yet",
        )

    def open(
        self, name: str, release: Release, opens: datetime | None = None, freezes: datetime | None = None
    ) -> Season:
        """Open a season, now or at a time to come.

        Parameters
        ----------
        name : str
        release : Release
            What it is about.
        opens, freezes : datetime, optional
            Now, and when the host closes it.

        Raises
        ------
        AgrofluxError
            The name is taken or none, the one before has no end or ends later, or it would end before it begins.
        """
        now = datetime.now(UTC)
        opens = opens or now
        seasons = self.all()
        if not _NAME.fullmatch(name):
            raise AgrofluxError("not a name", expected="1 to 40 letters, digits, ' ', '.', '_' or '-'", came=name)
        if name in {season.name for season in seasons}:
            raise AgrofluxError("there was a season of that name", expected="another name", came=name)
        if seasons and seasons[-1].freezes is None:
            raise AgrofluxError("a season is open", expected=f"season close {seasons[-1].name!r} before the next one")
        if seasons and (last := seasons[-1].freezes) is not None and opens < last:
            raise AgrofluxError(
                "seasons that overlap", expected=f"a beginning at {_shown(last)} or later", came=_shown(opens)
            )
        if freezes is not None and freezes <= max(opens, now):
            raise AgrofluxError("a season that ends before it begins", expected="a later end", came=_shown(freezes))
        self._store.record(
            _OPENED,
            {"season": name, "revision": release.revision, "from": opens.isoformat(),
             "until": None if freezes is None else freezes.isoformat()},
        )  # fmt: skip
        return self.named(name)

    def freeze(self, name: str) -> Season:
        """Take no more submissions, from now on; a season that has ended already is left as it is."""
        season, now = self.named(name), datetime.now(UTC)
        if season.phase(now) is Phase.ANNOUNCED:
            raise AgrofluxError("the season has not begun", expected=f"{_shown(season.opens)} to have come", came=name)
        if season.phase(now) is Phase.OPEN:
            self._store.record(_FROZEN, {"season": name, "at": now.isoformat()})
        return self.named(name)

    def choose(self, id: str) -> None:
        """Make a submission its owner's candidate in its task, instead of the best one or an earlier choice.

        Whose it is, is the caller's to check.

        Raises
        ------
        AgrofluxError
            No season is open, or it is none of its scored submissions.
        """
        season, entry = self.current(), self._store.entry(id)
        if season is None or season.phase() is not Phase.OPEN:
            raise AgrofluxError("no season is open", expected="a choice before it ends")
        if entry is None or entry.withdrawn or entry.state is not State.SCORED or not season.holds(entry):
            raise AgrofluxError(f"not a scored submission of season {season.name}", came=id)
        self._store.record(_CHOSEN, {"season": season.name}, id)

    def candidates(self, season: Season, release: Release) -> dict[str, list[Entry]]:
        """Who competes, by task with hidden rows: of each participant the submission that was chosen, or the best one.

        The best is the first on the board, by the public half. A choice that was withdrawn counts no more.

        Parameters
        ----------
        season : Season
        release : Release
            Knows the ranked targets.
        """
        chosen: dict[tuple[str, str], str] = {}
        entries = {entry.submission.id: entry for entry in self._entries(season)}
        for event in self._store.events(_CHOSEN):
            entry = entries.get(event.submission or "")
            if event.data["season"] == season.name and entry is not None and not entry.withdrawn:
                chosen[entry.submission.task, entry.submission.owner] = entry.submission.id
        found: dict[str, list[Entry]] = {}
        for task in release.hidden_tasks:
            of_owner: dict[str, Entry] = {}
            mine = (entry for entry in entries.values() if entry.submission.task == task)
            for row in rank(mine, release.task(task).ranked_targets):
                owner = row.submission.owner
                if owner not in of_owner or chosen.get((task, owner)) == row.submission.id:
                    of_owner[owner] = row.entry
            found[task] = list(of_owner.values())
        return found

    def _entries(self, season: Season) -> list[Entry]:
        return [entry for entry in self._store.entries(revision=season.revision) if season.holds(entry)]

    def settle(self, name: str, release: Release, *, again: bool = True) -> Progress:
        """Do the next step towards the standing of a season that is frozen; to be repeated until it is there.

        Parameters
        ----------
        name : str
        release : Release
            The one that the season is about.
        again : bool
            Whether to ask once more for scores that failed.

        Raises
        ------
        AgrofluxError
            The season still takes submissions, or is about another release.
        """
        season = self.named(name)
        if season.phase() is Phase.CLOSED:
            return Progress(standing=self.standing(name))
        if season.phase() is not Phase.FROZEN:
            raise AgrofluxError("the season has not ended", expected=f"season close {name!r}")
        if season.revision != release.revision:
            raise AgrofluxError(
                f"season {name} is about another release", expected=f"revision {season.revision}", came=release.revision
            )
        # Anew at each step: a submission may have come in the moment of the freeze, and one may be withdrawn still.
        unscored = sum(not entry.state.final and not entry.withdrawn for entry in self._entries(season))
        if unscored:
            return Progress(unscored=unscored)
        candidates = self.candidates(season, release)
        every = [entry for entries in candidates.values() for entry in entries]
        failed = {entry.submission.id for entry in every if entry.private and entry.private.state is State.FAILED}
        lacking = {entry.submission.id for entry in every if entry.private is None}
        self._store.request(sorted(lacking | (failed if again else set())), Half.PRIVATE)
        if lacking or failed:
            return Progress(0, len(every), len(lacking), tuple(sorted(failed)))
        self._record(season, release, candidates)
        return Progress(0, len(every), standing=self.standing(name))

    def _record(self, season: Season, release: Release, candidates: dict[str, list[Entry]]) -> None:
        tasks = {
            task: [_plain(row) for row in rank(entries, release.task(task).ranked_targets, Half.PRIVATE)]
            for task, entries in candidates.items()
        }
        scorers = {entry.private.scorer for entries in candidates.values() for entry in entries if entry.private}
        data = {"season": season.name, "revision": season.revision, "scorer": ", ".join(sorted(scorers)),
                "tasks": tasks}  # fmt: skip
        self._store.record(_STANDING, data)

    def standing(self, name: str) -> Standing | None:
        """How a season ended; None where it has not. Withdrawals that came later leave it as it was recorded."""
        event = next((event for event in self._store.events(_STANDING) if event.data["season"] == name), None)
        return None if event is None else self._read(event)

    def _read(self, event: Event) -> Standing:
        tasks = {task: list(self._rows(places)) for task, places in event.data["tasks"].items()}
        return Standing(event.at, event.data["scorer"], tasks)

    def _rows(self, places: list[dict[str, Any]]) -> Iterator[Row]:
        known = verified(self._store)
        for place in places:
            entry = self._store.entry(place["id"])
            if entry is not None:
                targets = {name: TargetScore(**scores) for name, scores in place["targets"].items()}
                named = replace(entry, edited=entry.metadata | {"model": place["model"]})
                yield Row(place["rank"], place["skill"], targets, named, place["id"] in known)


def _plain(row: Row) -> dict[str, Any]:
    """A row as JSON values: all that shall not change, whatever becomes of the submission's name later."""
    return {
        "id": row.submission.id,
        "owner": row.submission.owner,
        "model": row.model,
        "rank": row.rank,
        "skill": row.skill,
        "targets": {name: asdict(score) for name, score in row.targets.items()},
    }


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _shown(time: datetime | None) -> str:
    return "?" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
