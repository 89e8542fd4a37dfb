"""How much memory a build takes: ``python -m benchmarks.memory``, about four minutes.

The resident memory of ``agroflux-data build`` with two workers, of the command and its processes together and at the
worst moment, is to stay below 2 GiB: of a whole release at the small scale, and of two blocks of each process model at
the paper's, which has more blocks but no larger ones. Memory grows with the workers: by the largest process for each.
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

WORKERS = 2
BAR = 2.0
GIBIBYTE = 1 << 30


def main() -> None:
    """Build and watch the processes."""
    builds = {"small, whole": ["--scale", "small"]}
    for name in ("ecosys", "daycent"):
        count = len(Partition(Embedded(name, "paper", 0, b""), Edition.OPEN).blocks)
        part = f"0:{WORKERS}/{count}"
        builds[f"paper, {name} {part}"] = ["--scale", "paper", "--source", f"{name}=embedded", "--shards", part]
    table = []
    for name, options in builds.items():
        with tempfile.TemporaryDirectory() as folder:
            out = str(Path(folder, "agroflux"))
            usage = watch("agroflux-data", ["build", out, "--edition", "open", "--workers", str(WORKERS), *options])
        table.append((name, usage.peak / GIBIBYTE, usage.largest / GIBIBYTE))
    report(
        "memory",
        max(peak for _, peak, _ in table),
        BAR,
        at_most=True,
        header=(f"build with {WORKERS} workers", f"GiB together (bar {BAR:g})", "GiB of the largest process"),
        rows=table,
    )


if __name__ == "__main__":
    main()
