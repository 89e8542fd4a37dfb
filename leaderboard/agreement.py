"""Do two prediction files say the same? A program of its own, run under limits: ``python -m ... STORED AGAIN``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from agroflux_data.errors import AgrofluxError
from agroflux_data.variables import DAYS
from submission.file import blocks, keys, open_file
from submission.keys import compare, positions

__all__ = ["differences", "main"]


def differences(stored: Path, again: Path) -> dict[str, float]:
    """How far a second file is from the first, by target of the first.

    Parameters
    ----------
    stored, again : Path
        Valid submissions to the same task, their rows in any order.

    Returns
    -------
    dict of str to float
        Root mean square of the differences over the standard deviation of the stored values; infinite for a target
        that the second file lacks, and where values that never vary differ.

    Raises
    ------
    AgrofluxError
        Their sequences are not the same.
    """
    first, second = keys(stored), keys(again)
    odd = compare(second, first)
    if odd.missing.size or odd.extra.size or odd.duplicate.size:
        raise AgrofluxError("other sequences", expected=f"the {first.size} of the stored file", came=int(second.size))
    with open_file(stored) as one, open_file(again) as two:
        targets = [name for name in one.schema_arrow.names if name != "sequence"]
        others = set(two.schema_arrow.names)
    place, found = positions(first, second), {}
    for name in targets:
        if name not in others:
            found[name] = float("inf")
            continue
        # One target at a time: at full size they would not all fit into memory.
        values = np.empty((second.size, DAYS), np.float32)
        start = 0
        for rows, block in blocks(again, [name]):
            values[start : start + rows.size] = block[name]
            start += rows.size
        start = count = 0
        total = squares = apart = 0.0
        for rows, block in blocks(stored, [name]):
            mine = block[name].astype(np.float64)
            apart += float(np.square(mine - values[place[start : start + rows.size]]).sum())
            total, squares, count = total + float(mine.sum()), squares + float(np.square(mine).sum()), count + mine.size
            start += rows.size
        variance = max(0.0, squares / count - (total / count) ** 2)
        spread = variance**0.5 if variance > 1e-12 * squares / count else 0.0
        found[name] = 0.0 if apart == 0 else (apart / count) ** 0.5 / spread if spread > 0 else float("inf")
    return found


def main(arguments: list[str]) -> None:
    """Print the differences of two files as JSON; null for those that are infinite."""
    try:
        found = differences(Path(arguments[0]), Path(arguments[1]))
    except AgrofluxError:
        sys.exit(2)
    print(json.dumps({name: value if np.isfinite(value) else None for name, value in found.items()}))


if __name__ == "__main__":
    main(sys.argv[1:])
