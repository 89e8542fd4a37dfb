"""Audit: which submissions of different owners are near-duplicates. It says so and writes it down; it judges nobody."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.variables import DAYS
from leaderboard.store import Entry, State, Store
from submission.child import Limits, TookTooLongError, run

__all__ = ["THRESHOLD", "Audit", "Pair", "audit"]

THRESHOLD = 0.99
"""Least correlation that is listed. Measured on two years of towers: copies with a tenth of their spread as noise have
0.991, one architecture trained from two seeds 0.94, a learned model and the climatology 0.6."""
_EVENT = "audit"
_SEQUENCES, _DAYS = 256, 64
_READING = Limits(memory=4 << 30, cpu=4 * 3600, wall=4 * 3600.0)


@dataclass(frozen=True)
class Pair:
    """Two submissions of different owners that are alike.

    Attributes
    ----------
    target : str
    a, b : str
        Their ids, the earlier one first.
    correlation, distance, pairs
        As in `leaderboard.likeness.Likeness`.
    """

    target: str
    a: str
    b: str
    correlation: float
    distance: float
    pairs: int


@dataclass(frozen=True)
class Audit:
    """What the audit of a task found.

    Attributes
    ----------
    task : str
    submissions, sequences, days : int
        How many were compared, on how many sampled sequences and days.
    threshold : float
    pairs : tuple of Pair
        The most alike first.
    """

    task: str
    submissions: int
    sequences: int
    days: int
    threshold: float
    pairs: tuple[Pair, ...]


def audit(store: Store, release: Release, task: str, threshold: float = THRESHOLD) -> Audit:
    """Compare all scored submissions to a task with those of other owners, and record what was found.

    The files are read by a child with limits. They are compared on a sample of sequences and days that depends on all
    of them together, so that nobody can know it when submitting, and the same store gives the same answer.

    Parameters
    ----------
    store : Store
    release : Release
    task : str
    threshold : float
        Least correlation that is listed.

    Raises
    ------
    AgrofluxError
        No such task, or the files cannot be read.
    """
    targets = release.task(task).ranked_targets
    entries = [entry for entry in store.entries(task=task, revision=release.revision) if entry.state is State.SCORED]
    sequences, days = _sample(entries, np.sort(release.keys(task, "test")))
    pairs: tuple[Pair, ...] = ()
    if len({entry.submission.owner for entry in entries}) > 1:
        asked = {
            "files": [str(store.path(entry.submission).resolve()) for entry in entries],
            "owners": [entry.submission.owner for entry in entries],
            "targets": list(targets), "sequences": sequences.tolist(), "days": days.tolist(), "threshold": threshold,
        }  # fmt: skip
        pairs = tuple(
            Pair(one["target"], entries[one["a"]].submission.id, entries[one["b"]].submission.id,
                 one["correlation"], one["distance"], one["pairs"])
            for one in _likenesses(asked, task)
        )  # fmt: skip
    made = Audit(task, len(entries), len(sequences), len(days), threshold, pairs)
    store.record(_EVENT, asdict(made) | {"pairs": [asdict(pair) for pair in pairs]})
    return made


def _sample(entries: list[Entry], keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    told = "\n".join(entry.submission.id for entry in entries).encode()
    chance = np.random.default_rng(int.from_bytes(hashlib.sha256(told).digest()[:8]))
    sequences = np.sort(chance.choice(keys, min(_SEQUENCES, len(keys)), replace=False))
    return sequences, np.sort(chance.choice(DAYS, _DAYS, replace=False)).astype(np.int64)


def _likenesses(asked: dict[str, object], task: str) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as temporary:
        request = Path(temporary) / "request.json"
        request.write_text(json.dumps(asked))
        try:
            ended = run("leaderboard.likeness", [str(request)], _READING)
        except TookTooLongError:
            ended = None
    if ended is None or ended.code != 0:
        raise AgrofluxError(
            "the submissions cannot be compared", expected="files as they were received (doctor says which are not)",
            came=f"exit code {None if ended is None else ended.code}", where=task,
        )  # fmt: skip
    return list(json.loads(ended.output))
