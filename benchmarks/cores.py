"""How building scales over cores: ``python -m benchmarks.cores``, about ten minutes.

``agroflux-data build`` makes the same blocks of the paper's scale with one worker and with two. Efficiency is the
speed-up over the cores: at least 0.85, for each process model.

The speed-up is taken from the CPU seconds of the processes: those of the one-worker build, over those of the command
itself and of the busier worker in the two-worker build, which follow one upon the other. So all that a second core can
lose here is in it: starting a worker, blocks of unequal size, memory and cache that cores share, threads that numpy
or pyarrow start beside (a process's seconds are those of all its threads). Other work on the machine, which would
halve the speed-up by the clock, is not, but for its use of the cache. Rounds go in turn, and the best of each counts.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from agroflux_data.partition import Partition
from agroflux_data.sources.embedded import Embedded
from agroflux_data.splits import Edition
from benchmarks.process_tree import watch
from benchmarks.report import report

__all__ = ["main"]

CORES = 2
BLOCKS = {"ecosys": 2, "daycent": 6}
"""An ecosys block takes a minute, so that starting a worker is nothing; a daycent block some seconds."""
ROUNDS = 2
BAR = 0.85


def seconds(source: str, workers: int) -> float:
    """CPU seconds on the longest way through a build of some blocks."""
    count = len(Partition(Embedded(source, "paper", 0, b""), Edition.OPEN).blocks)
    options = ["--edition", "open", "--scale", "paper", "--source", f"{source}=embedded"]
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder, "agroflux"))
        part = f"0:{BLOCKS[source]}/{count}"
        command, *others = watch(
            "agroflux-data", ["build", out, *options, "--shards", part, "--workers", str(workers)]
        ).busy
    return command + max(others, default=0.0)


def main() -> None:
    """Build with one worker and with two in turn, and compare the best round of each."""
    table: list[tuple[object, ...]] = []
    efficiencies = []
    for source, blocks in BLOCKS.items():
        rounds = [(seconds(source, 1), seconds(source, CORES)) for _ in range(ROUNDS)]
        one, several = (min(each) for each in zip(*rounds, strict=True))
        efficiencies.append(one / several / CORES)
        table.append((f"{source}, {blocks} blocks", one, several, one / several, efficiencies[-1]))
    report(
        "cores",
        min(efficiencies),
        BAR,
        at_most=False,
        header=("built", "1 worker, s", f"{CORES} workers, s", "speed-up", f"efficiency (bar {BAR})"),
        rows=table,
    )


if __name__ == "__main__":
    main()
