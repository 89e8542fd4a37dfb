"""How small a shard is and how fast it is written, beside the Parquet writer of `datasets`.

``python -m benchmarks.shards``: bytes a row at most 0.45 of the default writer's, written at least 2.5 times as fast,
by CPU seconds, which other work on the machine does not stretch. The rows are simulated: at each scale a few sites of
each process model with all its treatments and years. That takes about three minutes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from statistics import median

import pyarrow as pa
from datasets import Dataset, disable_progress_bars
from datasets.table import InMemoryTable

from agroflux_data import shards
from agroflux_data.sequences import features
from agroflux_data.sources.embedded import Embedded
from benchmarks.report import report

SITES = {"tiny": 6, "small": 6, "paper": 3}
MODELS = ("ecosys", "daycent")
ROUNDS = 9
SIZE_BAR, SPEED_BAR = 0.45, 2.5


def measure(rows: pa.Table, dataset: Dataset) -> tuple[dict[str, int], dict[str, list[float]]]:
    """Bytes and seconds of both writers over the same rows."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours.parquet"), Path(folder, "theirs.parquet")
        writers: dict[str, Callable[[], object]] = {
            "agroflux_data.shards": lambda: shards.write(rows, ours, ours.name),
            "datasets, default": lambda: dataset.to_parquet(str(theirs)),
        }
        seconds: dict[str, list[float]] = {name: [] for name in writers}
        # In turn, so that a machine that grows slower slows both.
        for _ in range(ROUNDS):
            for name, write in writers.items():
                started = time.process_time()
                write()
                seconds[name].append(time.process_time() - started)
        sizes = dict(zip(writers, (ours.stat().st_size, theirs.stat().st_size), strict=True))
    return sizes, seconds


def main() -> None:
    disable_progress_bars()
    table: list[tuple[object, ...]] = []
    sizes, speeds = [], []
    for (scale, sites), name in product(SITES.items(), MODELS):
        source = Embedded(name, scale, seed=0, secret=b"a benchmark hides nothing")
        rows = source.sequences(source.sites[:sites]).combine_chunks()
        dataset = Dataset(InMemoryTable(rows)).cast(features(source.inputs, source.targets))
        written, seconds = measure(rows, dataset)
        ours, theirs = written
        sizes.append(written[ours] / written[theirs])
        speeds.append(median(slow / fast for slow, fast in zip(seconds[theirs], seconds[ours], strict=True)))
        table += [
            (
                f"{name}, {scale}",
                writer,
                rows.num_rows,
                written[writer] / rows.num_rows,
                rows.num_rows / median(seconds[writer]),
            )
            for writer in written
        ]
        table.append((f"{name}, {scale}", "ratio", "", f"{sizes[-1]:.3f}", f"{speeds[-1]:.2f}"))
    report(
        "shards",
        max(sizes),
        SIZE_BAR,
        at_most=True,
        header=("source", "writer", "rows", f"bytes a row (bar {SIZE_BAR})", f"rows a second (bar {SPEED_BAR})"),
        rows=table,
        others_hold=min(speeds) >= SPEED_BAR,
    )


if __name__ == "__main__":
    main()
