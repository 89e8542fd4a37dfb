"""What tests of the stores write, in a line each."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

from leaderboard.store import Half, Lease, Result, State, Store, Submission

LIMIT = 1 << 20


def put(store: Store, content: bytes, **kwargs: Any) -> tuple[Submission, bool]:
    """Add a submission of these bytes."""
    record: dict[str, Any] = {
        "owner": "ann", "task": "towers_temporal", "model": "m", "metadata": {"seeds": [1]}, "revision": "r",
        "quota": None,
    }  # fmt: skip
    with store.stage(io.BytesIO(content), LIMIT) as staged:
        return store.add(staged, **(record | kwargs))


def scored(skill: float = 0.5, scorer: str = "1", half: Half = Half.PUBLIC) -> Result:
    """A result with a score."""
    return Result(State.SCORED, "r", scorer, scores={"targets": {"NEE": {"skill": skill}}}, half=half)


def finish(store: Store, lease: Lease, result: Result) -> bool:
    """Write a result, and wait until it can be read."""
    before = len(store.results(lease.submission.id))
    written = store.finish(lease, result)
    if written:
        until(lambda: len(store.results(lease.submission.id)) > before)
    return written


def serve(store: Store, result: Result) -> str:
    """Give the next request this result; which submission it was."""
    lease = store.lease(600)
    assert lease is not None
    assert finish(store, lease, result)
    return lease.submission.id


def until(holds: Callable[[], object], seconds: float = 300) -> None:
    """Wait until something holds."""
    stop = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < stop, f"it did not come true within {seconds} s"
        time.sleep(0.02)
