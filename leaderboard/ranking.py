"""Who is first: the order of a board."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leaderboard.store import Entry, Half, State, Submission

__all__ = ["DECIMALS", "OverallRow", "Row", "TargetScore", "overall", "rank"]

DECIMALS = 4
"""Skills are compared at this precision: finer differences say more about the hidden values than about the models."""


@dataclass(frozen=True)
class TargetScore:
    """How well one target was predicted; None where there is no number.

    Attributes
    ----------
    skill, r2, rmse : float or None
    crps : float or None
        Of its quantiles, where the file has some; like the rest of them it does not count for the rank.
    central : int or None
        Their widest central interval: what percent of the days it should hold.
    coverage : float or None
        The share that it holds.
    """

    skill: float | None = None
    r2: float | None = None
    rmse: float | None = None
    crps: float | None = None
    central: int | None = None
    coverage: float | None = None


@dataclass(frozen=True)
class Row:
    """One line of a board.

    Attributes
    ----------
    rank : int or None
        Shared by equals; None where there is no mean skill.
    skill : float or None
        Mean skill over the task's ranked targets; None unless there is a skill for each.
    targets : dict of str to TargetScore
        For each ranked target.
    entry : Entry
    verified : bool
        The host ran the model again and found the same predictions.
    """

    rank: int | None
    skill: float | None
    targets: dict[str, TargetScore]
    entry: Entry = field(repr=False)
    verified: bool = False

    @property
    def submission(self) -> Submission:
        return self.entry.submission

    @property
    def model(self) -> str:
        """Its name, as it stands now."""
        return self.entry.model


@dataclass(frozen=True)
class OverallRow:
    """One line of the board over all tasks.

    Attributes
    ----------
    rank : int or None
        Shared by equals; None for a line without any skill.
    skill : float or None
        Mean skill over the tasks that are there.
    tasks : dict of str to (Row or None)
        For each task the best row, None where there is none with a skill.
    """

    rank: int | None
    skill: float | None
    tasks: dict[str, Row | None]

    @property
    def done(self) -> int:
        """How many tasks are there."""
        return sum(row is not None for row in self.tasks.values())

    @property
    def rows(self) -> list[Row]:
        """Those that are there."""
        return [row for row in self.tasks.values() if row is not None]


def rank(
    entries: Iterable[Entry], targets: Sequence[str], half: Half = Half.PUBLIC, verified: Container[str] = ()
) -> list[Row]:
    """The board of a task.

    Sorted by mean skill over the ranked targets, best first. Equals (at four decimals) share a rank and the earlier
    stands first; the rank after them counts them all. What has no mean skill sorts last. Withdrawn submissions, and
    those that were not scored on the public half, are left out.

    Parameters
    ----------
    entries : iterable of Entry
        Of one task and one release, in the order they were received.
    targets : sequence of str
        The task's ranked targets.
    half : Half
        By whose scores.
    verified : container of str
        The ids of the verified submissions.
    """
    found: list[tuple[float | None, dict[str, TargetScore], Entry]] = []
    for entry in entries:
        if entry.withdrawn or entry.state is not State.SCORED:
            continue
        result = entry.result if half is Half.PUBLIC else entry.private
        if half is Half.PUBLIC and (result is None or result.scores is None):
            continue
        known = (result.scores if result is not None else None) or {}
        scores = {target: _score(known, target) for target in targets}
        found.append((_mean([score.skill for score in scores.values()]), scores, entry))
    found.sort(key=lambda one: (one[0] is None, -(one[0] or 0.0), one[2].submission.received))
    ranks = _shared([skill for skill, _, _ in found])
    return [
        Row(number, skill, scores, entry, entry.submission.id in verified)
        for number, (skill, scores, entry) in zip(ranks, found, strict=True)
    ]


def overall(boards: Mapping[str, Sequence[Row]], entrant: Callable[[Row], Hashable]) -> list[OverallRow]:
    """The board over several tasks.

    One line for each entrant, with its best row of every task and the mean of their skills. Who has all tasks stands
    first, then who lacks one, and so on: means over fewer tasks are no match for means over more. Among those with as
    many, the better mean stands first; equals share a rank, and who was complete earlier stands first.

    Parameters
    ----------
    boards : mapping of str to sequence of Row
        By task, each in its order.
    entrant : callable
        Which rows belong to one line.
    """
    lines: dict[Hashable, dict[str, Row | None]] = {}
    for task, rows in boards.items():
        for row in rows:
            line = lines.setdefault(entrant(row), dict.fromkeys(boards))
            if line[task] is None and row.skill is not None:
                line[task] = row
    found = [OverallRow(None, _mean([row.skill for row in line.values() if row is not None]), line)
             for line in lines.values()]  # fmt: skip
    found.sort(key=lambda line: (-line.done, -(line.skill or 0.0), _latest(line)))
    ranks = _shared([None if line.skill is None else (line.done, line.skill) for line in found])
    return [OverallRow(number, line.skill, line.tasks) for number, line in zip(ranks, found, strict=True)]


def _latest(line: OverallRow) -> float:
    return max((row.submission.received.timestamp() for row in line.rows), default=0.0)


def _shared(values: Sequence[Hashable]) -> list[int | None]:
    """The rank of each of some sorted values: equals share one, None has none."""
    ranks: list[int | None] = []
    for place, value in enumerate(values, start=1):
        tied = bool(ranks) and value == values[place - 2]
        ranks.append(None if value is None else ranks[-1] if tied else place)
    return ranks


def _score(scores: dict[str, Any], target: str) -> TargetScore:
    found = (scores.get("targets") or {}).get(target) or {}
    uncertainty = found.get("uncertainty") or {}
    intervals = uncertainty.get("central") or {}
    widest = max(intervals, key=int, default=None)
    return TargetScore(
        skill=_number(found.get("skill")),
        r2=_number(found.get("r2")),
        rmse=_number(found.get("rmse")),
        crps=_number(uncertainty.get("crps")),
        central=None if widest is None else int(widest),
        coverage=None if widest is None else _number(intervals[widest].get("coverage")),
    )


def _number(value: Any) -> float | None:
    """A finite number, or None: NaN in a comparison would put anything anywhere."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) else None


def _mean(skills: Sequence[float | None]) -> float | None:
    known = [skill for skill in skills if skill is not None]
    return round(sum(known) / len(known), DECIMALS) if known and len(known) == len(skills) else None
