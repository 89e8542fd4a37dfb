"""Score one file in a child process with limits; what the child says is taken apart before anybody sees it."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaderboard.limited import OUT_OF_MEMORY
from leaderboard.store import State

__all__ = ["Limits", "Verdict", "score"]

_REFUSED = 2
"""Exit code of a command for bad input."""
_LARGEST_ANSWER = 16 << 20
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "HF_HOME")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What scoring one submission may take.

    Attributes
    ----------
    memory : int
        Address space in bytes.
    cpu, wall : float
        Seconds of processor time and of waiting.
    """

    memory: int = 4 << 30
    cpu: int = 300
    wall: float = 900


@dataclass(frozen=True)
class Verdict:
    """What came of it: a state, and the scores, or why there are none."""

    state: State
    reason: str | None = None
    faults: list[dict[str, Any]] = field(default_factory=list)
    scores: dict[str, Any] | None = None


def score(
    file: Path, release: Path, targets: Path, limits: Limits, alive: Callable[[], bool] = lambda: True
) -> Verdict | None:
    """Score a file against the public half of the hidden rows.

    Parameters
    ----------
    file : Path
        A submission, not yet trusted in any way.
    release, targets : Path
        The public folder and the hidden targets.
    limits : Limits
    alive : callable
        Asked about every second; when it says False the child is ended.

    Returns
    -------
    Verdict or None
        None where ``alive`` said False.
    """
    hidden = ["--targets", str(targets), "--half", "public"]
    ended = _run(["score", str(file), "--data", str(release), *hidden, "--json"], limits, alive)
    if not isinstance(ended, _Ended):
        return ended
    if ended.code == OUT_OF_MEMORY:
        return Verdict(State.REJECTED, f"Reading the file took more than {limits.memory / 2**30:.3g} GiB of memory.")
    if ended.code == -signal.SIGXCPU:
        return Verdict(State.REJECTED, f"Scoring the file took more than {limits.cpu} s of processor time.")
    if ended.code == _REFUSED and (faults := _answer(ended).get("faults")):
        # The report comes from the file and the public folder; it is written before the hidden targets are opened.
        return Verdict(State.REJECTED, "The file is not a valid submission.", faults=faults)
    if ended.code == 0 and (scores := _answer(ended)):
        return Verdict(State.SCORED, scores=scores)
    _log.error("the scorer ended with code %d", ended.code)
    return Verdict(State.FAILED, "The scorer broke off. The fault is ours and does not count; please send it again.")


@dataclass(frozen=True)
class _Ended:
    """A child that came to an end by itself: its exit code (below zero a signal), and what it wrote."""

    code: int
    output: bytes


def _run(arguments: list[str], limits: Limits, alive: Callable[[], bool]) -> _Ended | Verdict | None:
    """Run ``agroflux-submit`` with limits; a verdict where the time ran out, None where ``alive`` said False."""
    command = [
        sys.executable, "-m", "leaderboard.limited", str(limits.memory), str(limits.cpu), "submission.cli", *arguments
    ]  # fmt: skip
    # No credential of the host goes along, and the child's words go nowhere: they might speak of hidden targets.
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NO_COLOR": "1"}
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL, env=environment,
            start_new_session=True,
        )  # fmt: skip
        try:
            stop = time.monotonic() + limits.wall
            while True:
                try:
                    code = child.wait(timeout=min(1.0, max(0.01, stop - time.monotonic())))
                    break
                except subprocess.TimeoutExpired:
                    if not alive():
                        return None
                    if time.monotonic() > stop:
                        _log.warning("scoring took longer than %.0f s and was ended", limits.wall)
                        return Verdict(
                            State.FAILED, "Scoring took too long here. It does not count; please send it again."
                        )
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        output.seek(0)
        return _Ended(code, output.read(_LARGEST_ANSWER + 1))


def _answer(ended: _Ended) -> dict[str, Any]:
    """The JSON object that a child wrote; empty where it wrote none."""
    try:
        found = json.loads(ended.output, parse_constant=_no_constant)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
