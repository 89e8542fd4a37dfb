"""What the boards show: each ranked row as plain fields, computed once for each state of the store and the season."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agroflux_data.release import Release
from leaderboard.board import Board, coarse
from leaderboard.ranking import OverallRow, Row, overall
from leaderboard.seasons import Phase, Season
from leaderboard.store import Entry, Half, Store

__all__ = ["METRICS", "Line", "Standings"]

METRICS = ("skill", "r2", "rmse", "mae", "bias")
"""What is known of each target."""


@dataclass(frozen=True)
class Line:
    """One line of a board, with coarse numbers.

    Attributes
    ----------
    key : str
        Names the line on its board: the submission's id.
    rank : int or None
    model, owner, method, pretraining, origin : str
        `pretraining` and `origin` are several words, with commas, where tasks differ.
    skill : float or None
        Mean skill.
    low, high : float or None
        Its 95 % interval.
    targets : dict of str to dict of str to (float or None)
        Of a task's board: by target each of `METRICS`.
    tasks : dict of str to (Line or None)
        Of an overall board: by task the line there, None where the task is missing.
    parameters : int or None
    external, verified : bool
    date : datetime
        When it was received, the latest of several.
    entry : Entry or None
        The submission; None for a line over several tasks.
    scores : dict
        What the scorer found, of the half of the hidden rows that the board is by; empty over several tasks.
    words : str
        What a search looks through, in lower case.
    """

    key: str
    rank: int | None
    model: str
    owner: str
    method: str
    pretraining: str
    origin: str
    skill: float | None
    low: float | None
    high: float | None
    parameters: int | None
    external: bool
    verified: bool
    date: datetime
    targets: dict[str, dict[str, float | None]] = field(default_factory=dict)
    tasks: dict[str, Line | None] = field(default_factory=dict)
    entry: Entry | None = field(default=None, repr=False)
    scores: dict[str, Any] = field(default_factory=dict, repr=False)
    words: str = field(default="", repr=False)

    @property
    def done(self) -> int:
        """Of an overall board: how many of the tasks are there."""
        return sum(line is not None for line in self.tasks.values())


@dataclass(frozen=True)
class _Known:
    """All boards at one state of the store; by the private half there are none before the season is closed."""

    rows: dict[Half, dict[str, list[Row]]]
    lines: dict[Half, dict[str, list[Line]]]


class Standings:
    """The boards of a release, for everybody who looks; computed again only when something has changed.

    Parameters
    ----------
    store : Store
    release : Release
    """

    def __init__(self, store: Store, release: Release):
        self._store, self._release = store, release
        self._board = Board(store, release)
        self._lock = threading.Lock()
        self._version: object = None
        self._latest = _Known({}, {})

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that have a board."""
        return self._board.tasks

    def targets(self, task: str) -> tuple[str, ...]:
        """The ranked targets of a task."""
        return self._board.targets(task)

    def season(self) -> tuple[Season | None, Phase | None]:
        """The season and where it stands; None where there never was one."""
        season = self._board.seasons.current()
        return season, None if season is None else season.phase()

    def task(self, task: str, half: Half = Half.PUBLIC) -> list[Line]:
        """The board of a task, in its order; by the private half it is empty until the season is closed."""
        return self._known().lines.get(half, {}).get(task, [])

    def overall(self, tasks: Sequence[str], half: Half = Half.PUBLIC) -> list[Line]:
        """The board over several tasks: a line for each participant's model, or, by the private half, for each."""
        known = self._known()
        lines = {line.key: line for task in tasks for line in known.lines.get(half, {}).get(task, [])}
        rows = {task: known.rows.get(half, {}).get(task, []) for task in tasks}
        return [_over(row, lines) for row in overall(rows, _entrant if half is Half.PUBLIC else _owner) if row.rows]

    def line(self, id: str, half: Half = Half.PUBLIC) -> Line | None:
        """Where a submission stands on its task's board; None where it stands on none."""
        boards = self._known().lines.get(half, {}).values()
        return next((line for board in boards for line in board if line.key == id), None)

    def _known(self) -> _Known:
        # A season begins and ends at its time, without anything being written.
        season, phase = self.season()
        version = (self._store.version(), season and season.name, phase)
        with self._lock:
            if version != self._version:
                rows = {Half.PUBLIC: {task: self._board.rows(task) for task in self.tasks}}
                if season is not None and phase is Phase.CLOSED:
                    standing = self._board.seasons.standing(season.name)
                    rows[Half.PRIVATE] = {} if standing is None else standing.tasks
                lines = {
                    half: {task: [self._line(row, task, half) for row in board] for task, board in boards.items()}
                    for half, boards in rows.items()
                }
                self._latest, self._version = _Known(rows, lines), version
            return self._latest

    def _line(self, row: Row, task: str, half: Half) -> Line:
        entry = row.entry
        result = entry.result if half is Half.PUBLIC else entry.private
        metadata, submission = entry.metadata, entry.submission
        scores: dict[str, Any] = coarse((result and result.scores) or {})
        interval = scores.get("skill_interval") or {}
        parameters, by_target = metadata.get("parameters"), scores.get("targets") or {}
        method, authors = str(metadata.get("method") or ""), map(str, metadata.get("authors") or ())
        return Line(
            key=submission.id, rank=row.rank, model=row.model, owner=submission.owner, method=method,
            pretraining=str(metadata.get("pretraining") or "none"), origin=self._release.origin(task),
            skill=coarse(row.skill), low=interval.get("low"), high=interval.get("high"),
            parameters=parameters if isinstance(parameters, int) else None,
            external=bool(metadata.get("external_data")), verified=self._board.verified(submission.id)
            if half is Half.PRIVATE else row.verified, date=submission.received,
            targets={
                target: {name: (by_target.get(target) or {}).get(name) for name in METRICS}
                for target in self.targets(task)
            },
            entry=entry, scores=scores,
            words=" ".join([row.model, submission.owner, method, submission.id, task, *authors]).casefold(),
        )  # fmt: skip


def _entrant(row: Row) -> tuple[str, str]:
    return row.submission.owner, row.model


def _owner(row: Row) -> str:
    return row.submission.owner


def _over(row: OverallRow, lines: dict[str, Line]) -> Line:
    """One line over several tasks."""
    tasks = {task: None if one is None else lines[one.submission.id] for task, one in row.tasks.items()}
    of = [line for line in tasks.values() if line is not None]
    sizes = {line.parameters for line in of}
    return Line(
        key=f"over {of[0].key}", rank=row.rank, model=_words(line.model for line in of), owner=of[0].owner,
        method=_words(line.method for line in of), pretraining=_words(line.pretraining for line in of),
        origin=_words(line.origin for line in of), skill=coarse(row.skill), low=None, high=None,
        parameters=sizes.pop() if len(sizes) == 1 else None, external=any(line.external for line in of),
        verified=all(line.verified for line in of), date=max(line.date for line in of), tasks=tasks,
        words=" ".join(line.words for line in of),
    )  # fmt: skip


def _words(several: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(word for word in several if word))
