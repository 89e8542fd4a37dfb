"""What the data's way to the model costs of a training step: ``python -m benchmarks.feed``.

Batches of 64 years as `FluxTrainer` gets them, from memory and streamed from the shards, beside the step of the LSTM
and of the iTransformer, the fastest model, with their default sizes: forward, backward and Adam. On a CPU all times
are those of the process, so that other programs weigh little and what a thread gathers ahead counts in full; on a GPU
they are what passes until the device is done, and a batch counts what the step waits for it. The main ratio is the
share of the LSTM's step that batches from memory cost, and its bar, 5 %, holds for streamed ones too.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # as agroflux-train has it

import torch

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.build import build
from agroflux_data.plan import Plan, make_secret
from agroflux_data.splits import Edition
from baselines.allocator import keep_large_blocks
from baselines.feed import Feed
from baselines.models import model_class
from baselines.scalers import config_for
from benchmarks.report import report
from benchmarks.sequences import MadeUp

TASK, SITES, BATCH, STEPS, EPOCHS = "ecosys_temporal", 12, 64, 12, 3
MODELS = ("lstm", "itransformer")
BAR = 0.05
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def now() -> float:
    """Seconds of this process, or on a GPU of the clock once it is done."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def batch_seconds(feed: Feed) -> float:
    """Seconds that a batch takes to come, on the device, the median over epochs of their means."""
    found = []
    for epoch in range(EPOCHS):
        feed.set_epoch(epoch)
        started = now()
        for batch in feed:
            for tensor in batch.values():
                tensor.to(DEVICE)
        found.append((now() - started) / len(feed))
    return median(found)


def step_seconds(name: str, columns: Columns, feed: Feed) -> float:
    """Seconds of a training step of a model on a batch that is there, the median."""
    kind = model_class(name)
    model = kind(config_for(kind.config_class, columns)).train().to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters())
    batch = {key: tensor.to(DEVICE) for key, tensor in next(iter(feed)).items()}

    def step() -> None:
        optimizer.zero_grad()
        model(**batch).loss.backward()
        optimizer.step()

    return median(_timed(step) for _ in range(STEPS))


def _timed(work: Callable[[], None]) -> float:
    started = now()
    work()
    return now() - started


def main() -> None:
    """Measure, and say whether it holds."""
    keep_large_blocks()
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(Edition.OPEN, None, 0, make_secret(Edition.OPEN), (MadeUp(SITES),))
        release = build(plan, Path(folder, "made-up"), workers=1)
        columns = Columns.of(release, TASK, "train", None, release.task(TASK).ranked_targets)
        feeds = {
            "in memory": Feed(Arrays.read(columns), batch_size=BATCH, seed=0),
            "streamed": Feed(columns, batch_size=BATCH, seed=0),
        }
        batches = {way: batch_seconds(feed) for way, feed in feeds.items()}
        steps = {name: step_seconds(name, columns, feeds["in memory"]) for name in MODELS}
    shares = {
        (way, name): seconds / (seconds + step) for way, seconds in batches.items() for name, step in steps.items()
    }
    report(
        "feed",
        shares["in memory", "lstm"],
        BAR,
        at_most=True,
        rows=[
            ("rows, inputs, targets", f"{columns.rows:,}, {len(columns.inputs)}, {len(columns.targets)}"),
            ("device", str(DEVICE)),
            *((f"a batch of {BATCH}, {way}, ms", 1000 * seconds) for way, seconds in batches.items()),
            *((f"a step of {name}, ms", 1000 * seconds) for name, seconds in steps.items()),
            *((f"share of the step of {name}, {way}, %", 100 * share) for (way, name), share in shares.items()),
        ],
        others_hold=shares["streamed", "lstm"] <= BAR,
    )


if __name__ == "__main__":
    main()
