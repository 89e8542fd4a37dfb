"""How fast a full leaderboard is read from its store: ``python -m benchmarks.store``, two minutes.

A local store is filled with 1,000 submissions of 200 owners, each with its file, results on both halves with all that
the scorer says, and every tenth edited. Measured are CPU seconds, the best of several times:

- listing all of them with their results, what every board is made of: at most 1 s, the main figure;
- the version, by which a page knows that it need not list them again: at most 1 ms;
- one owner's submissions, and one submission: at most 20 ms;
- finding the next request to score, or that there is none: at most 5 ms.

Printed beside them: how long receiving and scoring take of the store alone, each with its waits for the disk.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import report
from leaderboard.store import Half, LocalStore, Result, State

__all__ = ["main"]

SUBMISSIONS, OWNERS = 1000, 200
LISTING_BAR, VERSION_BAR, FEW_BAR, NEXT_BAR = 1.0, 0.001, 0.020, 0.005
"""Seconds."""
ROUNDS = 5


def scores(number: int) -> dict[str, object]:
    """As much as the scorer says: about 10 kB of JSON."""
    metrics = {f"metric {place}": 0.1234567890123 * (number + place) for place in range(30)}
    return {"targets": {target: {str(scale): metrics for scale in range(5)} for target in ("NEE", "GPP", "N2O")}}


def fill(store: LocalStore) -> tuple[float, float]:
    """Put all submissions and results in; seconds by the clock for a submission and for a result."""
    ids, begun = [], time.perf_counter()
    for number in range(SUBMISSIONS):
        with store.stage(io.BytesIO(b"%d" % number), 1 << 20) as staged:
            submission, _ = store.add(
                staged, owner=f"owner-{number % OWNERS}", task="ecosys_temporal", model=f"model {number}",
                metadata={"task": "ecosys_temporal", "revision": "r", "description": "words " * 100}, revision="r",
                quota=None,
            )  # fmt: skip
        ids.append(submission.id)
    received = time.perf_counter()
    serve(store, Half.PUBLIC)
    scored = time.perf_counter()
    store.request(ids, Half.PRIVATE)
    serve(store, Half.PRIVATE)
    for id in ids[::10]:
        store.edit(id, {"task": "ecosys_temporal", "revision": "r", "description": "other words"})
    return (received - begun) / SUBMISSIONS, (scored - received) / SUBMISSIONS


def serve(store: LocalStore, half: Half) -> None:
    """Give every request a result."""
    number = 0
    while (lease := store.lease(600)) is not None:
        number += 1
        assert store.finish(lease, Result(State.SCORED, "r", "1", scores=scores(number), half=half))


def best(act: Callable[[], object]) -> float:
    """The fewest CPU seconds that it took."""
    times = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        act()
        times.append(time.process_time() - begun)
    return min(times)


def main() -> None:
    """Measure and report."""
    with tempfile.TemporaryDirectory() as folder:
        store = LocalStore(Path(folder) / "store")
        receiving, scoring = fill(store)
        entries = store.entries()
        assert len(entries) == SUBMISSIONS
        assert all(entry.result is not None and entry.private is not None for entry in entries)
        id = entries[500].submission.id
        listing = best(store.entries)
        version = best(store.version)
        few = max(best(lambda: store.entries(owner="owner-7")), best(lambda: store.entry(id)))
        nobody = best(lambda: store.lease(600))
        store.request([id])
        following = best(lambda: store.lease(0))
    found = (("version", version, VERSION_BAR), ("one owner's, or one", few, FEW_BAR),
             ("the next request", max(nobody, following), NEXT_BAR))  # fmt: skip
    report(
        "store",
        listing,
        LISTING_BAR,
        at_most=True,
        header=(f"{SUBMISSIONS:,} submissions, {2 * SUBMISSIONS:,} results", "s", "bar"),
        rows=[
            ("listing all", listing, LISTING_BAR), *found,
            ("receiving one, by the clock", receiving, ""), ("leasing and finishing one, by the clock", scoring, ""),
        ],
        others_hold=all(seconds <= bar for _, seconds, bar in found),
    )  # fmt: skip


if __name__ == "__main__":
    main()
