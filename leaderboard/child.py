"""Score one file in a child process with limits; what the child says is taken apart before anybody sees it."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaderboard.store import Half, State
from submission.child import OUT_OF_MEMORY, Ended, Limits, TookTooLongError, run

__all__ = ["SCORING", "Verdict", "score"]

_REFUSED = 2
"""Exit code of a command for bad input."""

_log = logging.getLogger(__name__)


SCORING = Limits(memory=4 << 30, cpu=300, wall=900)
"""What scoring one submission may take."""


@dataclass(frozen=True)
class Verdict:
    """What came of it: a state, and the scores, or why there are none."""

    state: State
    reason: str | None = None
    faults: list[dict[str, Any]] = field(default_factory=list)
    scores: dict[str, Any] | None = None


def score(
    file: Path, release: Path, targets: Path, limits: Limits = SCORING, alive: Callable[[], bool] = lambda: True,
    half: Half = Half.PUBLIC,
) -> Verdict | None:  # fmt: skip
    """Score a file against a half of the hidden rows.

    Parameters
    ----------
    file : Path
        A submission, not yet trusted in any way.
    release, targets : Path
        The public folder and the hidden targets.
    limits : Limits
    alive : callable
        Asked about every second; when it says False the child is ended.
    half : Half

    Returns
    -------
    Verdict or None
        None where ``alive`` said False.
    """
    hidden = ["--targets", str(targets), "--half", half.value]
    score_it = ["score", str(file), "--data", str(release), *hidden, "--json", "--summary"]
    try:
        ended = run("submission.cli", score_it, limits, alive)
    except TookTooLongError:
        _log.warning("scoring took longer than %.0f s and was ended", limits.wall)
        return Verdict(State.FAILED, "Scoring took too long here. It does not count; please send it again.")
    if ended is None:
        return None
    if ended.code == OUT_OF_MEMORY:
        return Verdict(State.REJECTED, f"Reading the file took more than {limits.memory / 2**30:.3g} GiB of memory.")
    if ended.code == -signal.SIGXCPU:
        return Verdict(State.REJECTED, f"Scoring the file took more than {limits.cpu} s of processor time.")
    if ended.code == _REFUSED and (faults := _answer(ended).get("faults")):
        # The report comes from the file and the public folder alone.
        return Verdict(State.REJECTED, "The file is not a valid submission.", faults=faults)
    if ended.code == 0 and (scores := _answer(ended)):
        return Verdict(State.SCORED, scores=scores)
    _log.error("the scorer ended with code %d", ended.code)
    return Verdict(State.FAILED, "The scorer broke off. The fault is ours and does not count; please send it again.")


def _answer(ended: Ended) -> dict[str, Any]:
    """The JSON object that a child wrote; empty where it wrote none."""
    try:
        found = json.loads(ended.output, parse_constant=_no_constant)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
