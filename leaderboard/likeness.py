"""How alike are prediction files? A program of its own under limits: ``python -m leaderboard.likeness REQUEST``."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from submission.file import blocks, open_file

__all__ = ["Likeness", "likenesses", "main"]

_DECIMALS = 4
_BLOCK = 256
"""Files that are compared with as many others at a time."""


@dataclass(frozen=True)
class Likeness:
    """Two files of different owners that say nearly the same of a target.

    Attributes
    ----------
    target : str
    a, b : int
        Numbers of the files.
    correlation : float
        Of what each says beyond its own mean of a day over the sampled sequences. The seasons, which every good model
        has in common, are not in it.
    distance : float
        Root mean square of the differences over the spread of the same departures.
    pairs : int
        How many pairs of files of these two owners are as alike as was asked; this is the most alike of them.
    """

    target: str
    a: int
    b: int
    correlation: float
    distance: float
    pairs: int


def likenesses(
    files: Sequence[Path], owners: Sequence[str], targets: Sequence[str], sequences: NDArray[np.int64],
    days: NDArray[np.int64], threshold: float,
) -> list[Likeness]:  # fmt: skip
    """The pairs of files of different owners that are alike, the most alike first; one for two owners and a target.

    Parameters
    ----------
    files : sequence of Path
        Valid submissions to one task.
    owners : sequence of str
        Of the files.
    targets : sequence of str
    sequences : int64 array (S,)
        Sorted; which sequences are looked at.
    days : int64 array (D,)
        And which days, from 0.
    threshold : float
        Least correlation.
    """
    found: list[Likeness] = []
    with tempfile.TemporaryDirectory() as temporary:
        shape = (len(files), len(sequences), len(days))
        # On disk: a thousand files of three targets would be 200 MB.
        samples = {
            name: np.lib.format.open_memmap(f"{temporary}/{number}.npy", "w+", np.float32, shape)
            for number, name in enumerate(targets)
        }
        for number, file in enumerate(files):
            for name, values in _sample(file, targets, sequences, days).items():
                samples[name][number] = values
        for name, sample in samples.items():
            best: dict[tuple[str, str], tuple[float, int, int]] = {}
            count: Counter[tuple[str, str]] = Counter()
            for a, b, correlation in _pairs(sample, owners, threshold):
                two = min(owners[a], owners[b]), max(owners[a], owners[b])
                count[two] += 1
                # The earlier of equals, whatever order the blocks come in.
                best[two] = min(best.get(two, (0.0, 0, 0)), (-round(correlation, _DECIMALS), a, b))
            for two, (correlation, a, b) in best.items():
                distance = _distance(np.array(sample[a], np.float64), np.array(sample[b], np.float64))
                found.append(Likeness(name, a, b, -correlation, round(distance, _DECIMALS), count[two]))
    return sorted(found, key=lambda one: (-one.correlation, one.distance))


def _sample(
    file: Path, targets: Sequence[str], sequences: NDArray[np.int64], days: NDArray[np.int64]
) -> dict[str, NDArray[np.float32]]:
    """Some values of a file by target, (S, D); NaN for a target or a sequence that it lacks."""
    with open_file(file) as opened:
        there = [name for name in targets if name in opened.schema_arrow.names]
    values = {name: np.full((len(sequences), len(days)), np.nan, np.float32) for name in targets}
    for keys, block in blocks(file, there):
        place = np.minimum(np.searchsorted(sequences, keys), len(sequences) - 1)
        wanted = sequences[place] == keys
        for name in there:
            values[name][place[wanted]] = block[name][wanted][:, days]
    return values


def _pairs(sample: NDArray[np.float32], owners: Sequence[str], threshold: float) -> Iterator[tuple[int, int, float]]:
    """Pairs of files of different owners with a correlation of at least the threshold."""
    of = np.array(owners)
    for first in range(0, len(sample), _BLOCK):
        mine = _departures(sample[first : first + _BLOCK])
        for second in range(first, len(sample), _BLOCK):
            theirs = mine if second == first else _departures(sample[second : second + _BLOCK])
            correlations = mine @ theirs.T
            alike = correlations >= threshold
            alike &= of[first : first + _BLOCK, None] != of[None, second : second + _BLOCK]
            for a, b in np.argwhere(alike):
                if first + a < second + b:
                    yield int(first + a), int(second + b), min(1.0, float(correlations[a, b]))


def _departures(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """What files say beyond their own mean of each day, (files, S * D), each of length 1; zeros where it is NaN."""
    raw = np.array(block, np.float64)
    flat = raw.reshape(len(raw), -1)
    departures = (raw - raw.mean(axis=1, keepdims=True)).reshape(len(raw), -1)
    size = np.linalg.norm(departures, axis=1)
    # A file that says the same of every sequence is known by its season alone.
    same = size <= 1e-6 * np.linalg.norm(flat, axis=1)
    departures[same] = flat[same] - flat[same].mean(axis=1, keepdims=True)
    size = np.linalg.norm(departures, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(departures / size, posinf=0.0, neginf=0.0).astype(np.float32)


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    spread = np.sqrt((np.square(a - a.mean(axis=0)).mean() + np.square(b - b.mean(axis=0)).mean()) / 2)
    apart = np.sqrt(np.square(a - b).mean())
    return float(apart / spread) if spread > 0 else 0.0 if apart == 0 else float(apart / max(a.std(), b.std(), 1e-30))


def main(arguments: list[str]) -> None:
    """Print the likenesses that a request, a JSON file, asks for."""
    asked = json.loads(Path(arguments[0]).read_text())
    found = likenesses(
        [Path(file) for file in asked["files"]], asked["owners"], asked["targets"],
        np.array(asked["sequences"], np.int64), np.array(asked["days"], np.int64), asked["threshold"],
    )  # fmt: skip
    print(json.dumps([asdict(one) for one in found], allow_nan=False))


if __name__ == "__main__":
    main(sys.argv[1:])
