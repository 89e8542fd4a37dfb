"""Who is first: the order of a board."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from leaderboard.store import Entry, State, Submission

__all__ = ["DECIMALS", "Row", "TargetScore", "rank"]

DECIMALS = 4
"""Skills are compared at this precision: finer differences say more about the hidden values than about the models."""


@dataclass(frozen=True)
class TargetScore:
    """How well one target was predicted; None where there is no number."""

    skill: float | None = None
    r2: float | None = None
    rmse: float | None = None


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
    submission : Submission
    """

    rank: int | None
    skill: float | None
    targets: dict[str, TargetScore]
    submission: Submission = field(repr=False)

    @property
    def model(self) -> str:
        return self.submission.model


def rank(entries: Iterable[Entry], targets: Sequence[str]) -> list[Row]:
    """The board of a task.

    Sorted by mean skill over the ranked targets, best first. Equals (at four decimals) share a rank and the earlier
    stands first; the rank after them counts them all. What has no mean skill sorts last. Withdrawn submissions, and
    those that were not scored, are left out.

    Parameters
    ----------
    entries : iterable of Entry
        Of one task and one release, in the order they were received.
    targets : sequence of str
        The task's ranked targets.
    """
    found: list[tuple[float | None, dict[str, TargetScore], Submission]] = []
    for entry in entries:
        if entry.withdrawn or entry.state is not State.SCORED or entry.result is None or entry.result.scores is None:
            continue
        scores = {target: _score(entry.result.scores, target) for target in targets}
        found.append((_mean([score.skill for score in scores.values()]), scores, entry.submission))
    found.sort(key=lambda one: (one[0] is None, -(one[0] or 0.0), one[2].received))
    rows: list[Row] = []
    for place, (skill, scores, submission) in enumerate(found, start=1):
        tied = rows and rows[-1].skill is not None and rows[-1].skill == skill
        number = None if skill is None else rows[-1].rank if tied else place
        rows.append(Row(number, skill, scores, submission))
    return rows


def _score(scores: dict[str, Any], target: str) -> TargetScore:
    found = (scores.get("targets") or {}).get(target) or {}
    return TargetScore(*(_number(found.get(name)) for name in ("skill", "r2", "rmse")))


def _number(value: Any) -> float | None:
    """A finite number, or None: NaN in a comparison would put anything anywhere."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) else None


def _mean(skills: Sequence[float | None]) -> float | None:
    known = [skill for skill in skills if skill is not None]
    return round(sum(known) / len(known), DECIMALS) if known and len(known) == len(skills) else None
