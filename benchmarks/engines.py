"""Blocks on a dask cluster against blocks in local processes, on the same cores: ``python -m benchmarks.engines``.

Both engines build the same simulated daycent blocks with two processes, in turn: the rows a second of a cluster are to
be at least 0.9 of those of local processes. The cluster's workers have the allocator settings that
`agroflux_data.engines` asks for. It is up before the clock starts, as a user's is; local processes are started by each
build, as a user's are.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import dask
from distributed import LocalCluster

from agroflux_data import blocks, engines
from agroflux_data.plan import Plan
from agroflux_data.sources.embedded import Embedded
from agroflux_data.splits import Edition
from agroflux_data.staging import PUBLIC, Staging
from benchmarks.report import report

__all__ = ["main"]

WORKERS = 2
ROUNDS = 2
BAR = 0.9
SECRET = b"a benchmark hides nothing"


@dataclass(frozen=True)
class Narrow(Embedded):
    """The daycent source of the small scale in more and narrower blocks, so that two workers have several each."""

    @property
    def block_sites(self) -> int:
        return 5


def build(scheduler: str | None) -> tuple[int, int, float]:
    """Blocks and rows of one build, and the seconds that it took."""
    plan = Plan(Edition.OPEN, "small", 0, SECRET, (Narrow("daycent", "small", 0, SECRET),))
    with tempfile.TemporaryDirectory() as folder:
        staging, jobs = Staging.open(plan, Path(folder, "agroflux")), blocks.jobs(plan)
        start = time.perf_counter()
        engine = (
            engines.processes(jobs, staging, WORKERS)
            if scheduler is None
            else engines.cluster(jobs, staging, scheduler)
        )
        for _ in engine:
            pass
        seconds = time.perf_counter() - start
        pieces = [piece for job in jobs for piece in staging.finished(job.name) or ()]
        rows = sum(piece.shard.rows for piece in pieces if piece.folder == PUBLIC and piece.task == "daycent_temporal")
    return len(jobs), rows, seconds


def main() -> None:
    """Build on both engines in turn and compare the best round of each."""
    dask.config.set({"distributed.nanny.pre-spawn-environ": engines.NANNY})
    local, remote = [], []
    with LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        # In turn, and the best of each: other work on the machine only ever adds time.
        for _ in range(ROUNDS):
            local.append(build(None))
            remote.append(build(cluster.scheduler_address))
    count, rows, _ = local[0]
    fastest = {name: min(seconds for _, _, seconds in rounds) for name, rounds in (("p", local), ("d", remote))}
    value = fastest["p"] / fastest["d"]
    report(
        "engines",
        value,
        BAR,
        at_most=False,
        header=(f"{count} daycent blocks, {rows} rows, {WORKERS} workers", "seconds", "rows a second"),
        rows=[
            ("local processes", fastest["p"], rows / fastest["p"]),
            ("dask.distributed", fastest["d"], rows / fastest["d"]),
            (f"ratio (bar: at least {BAR})", "", value),
        ],
    )


if __name__ == "__main__":
    main()
