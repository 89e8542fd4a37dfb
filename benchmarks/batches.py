"""How fast training batches come, beside the usual ways of `datasets`.

``python -m benchmarks.batches``, each a ratio of samples per second from this run:

- batches streamed from the shards and shuffled, as tensors with masks, over
  ``load_dataset(..., streaming=True).shuffle(buffer_size=1000)``: at least 25, the main ratio;
- batches in file order over bare reading of the row groups with pyarrow on one thread: at least 0.7;
- batches of a materialised release through ``transformers.Trainer`` over ``with_format("torch")`` through it: at
  least 8. The model there is next to free, so that what is measured is the data's way to it.

Memory is kept as ``agroflux-train`` keeps it, for all of them.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # as agroflux-train has it

import datasets
import pyarrow.parquet as pq
import torch
import transformers
from torch import Tensor, nn
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Batches, Columns
from agroflux_data.build import build
from agroflux_data.plan import Plan, make_secret
from agroflux_data.release import Release
from agroflux_data.splits import Edition
from agroflux_data.variables import DAYS, STATICS
from baselines.allocator import keep_large_blocks
from baselines.collator import collate
from benchmarks.report import report
from benchmarks.sequences import MadeUp

TASK, SITES, BATCH = "ecosys_temporal", 24, 256
STREAMED_BAR, BARE_BAR, TRAINER_BAR = 25.0, 0.7, 8.0


def ours(batches: Batches, epochs: int = 1) -> int:
    """Some epochs as tensors; the number of samples."""
    samples = 0
    for epoch in range(epochs):
        for batch in batches.epoch(epoch):
            inputs, labels, mask = (torch.from_numpy(array) for array in (batch.inputs, batch.labels, batch.mask))
            assert inputs.dtype == torch.float32
            assert labels.shape == mask.shape
            samples += len(inputs)
    return samples


def theirs(release: Release) -> int:
    """The same rows through the shuffle buffer of `datasets`."""
    stream = datasets.load_dataset(str(release.path), TASK, split="train", streaming=True)
    return sum(1 for _ in stream.shuffle(seed=0, buffer_size=1000))


def bare(columns: Columns) -> int:
    """The same columns, read and thrown away."""
    samples = 0
    names = ["sequence", *columns.inputs, *columns.targets]
    for path in columns.paths:
        shard = pq.ParquetFile(path)
        for group in range(shard.num_row_groups):
            samples += shard.read_row_group(group, columns=names, use_threads=False).num_rows
    return samples


class NextToFree(nn.Module):
    """One weight and one product."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return {"loss": self.weight * (inputs[0, 0, 0] + labels.shape[0])}


class Stopwatch(TrainerCallback):
    """Seconds from the first step to the last."""

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.started = time.perf_counter()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.seconds = time.perf_counter() - self.started


def through_trainer(dataset: Any, collator: Callable[[Any], dict[str, Tensor]], epochs: int) -> float:
    """Samples a second from a dataset through the Trainer."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, num_train_epochs=epochs, per_device_train_batch_size=BATCH, save_strategy="no",
            report_to="none", disable_tqdm=True, logging_strategy="no", use_cpu=True, remove_unused_columns=False,
            dataloader_pin_memory=False,
        )  # fmt: skip
        trainer = Trainer(NextToFree(), arguments, data_collator=collator, train_dataset=dataset, callbacks=[watch])
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return epochs * len(dataset) / watch.seconds


def stacked(columns: Columns) -> Callable[[list[dict[str, Tensor]]], dict[str, Tensor]]:
    """A collator for rows of single columns: stacked column by column, statics over the days."""

    def column(rows: list[dict[str, Tensor]], name: str) -> Tensor:
        values = torch.stack([row[name] for row in rows])
        return values[:, None].expand(-1, DAYS) if name in STATICS else values

    def collator(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        return {
            "inputs": torch.stack([column(rows, name) for name in columns.inputs], -1),
            "labels": torch.stack([column(rows, name) for name in columns.targets], -1),
        }

    return collator


def rates(ways: dict[str, Callable[[], int]], rounds: int) -> dict[str, float]:
    """Samples a second of each way, the median of several rounds in turn."""
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            samples = way()
            seen[name].append(samples / (time.perf_counter() - started))
    return {name: median(values) for name, values in seen.items()}


def main() -> None:
    """Measure, and say whether it holds."""
    keep_large_blocks()
    datasets.disable_progress_bars()
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        # Before anything is prepared: what `datasets` keeps goes with the folder.
        datasets.config.HF_DATASETS_CACHE = Path(folder, "cache")
        plan = Plan(Edition.OPEN, None, 0, make_secret(Edition.OPEN), (MadeUp(SITES),))
        release = build(plan, Path(folder, "made-up"), workers=1)
        whole = Columns.of(release, TASK, "train")
        shuffled, straight = Batches(whole, batch_size=BATCH, seed=0), Batches(whole, batch_size=BATCH)
        # One epoch of ours is a fifth of a second, too short to be a measure; one of theirs is seven.
        streamed = rates({"ours": lambda: ours(shuffled, epochs=5), "theirs": lambda: theirs(release)}, 3)
        ordered = rates({"ours": lambda: ours(straight), "bare": lambda: bare(whole)}, 9)

        wanted = Columns.of(release, TASK, "train", None, release.task(TASK).ranked_targets)
        mapped = Arrays.read(wanted, Path(folder, "arrays"))
        table = datasets.load_dataset(str(release.path), TASK, split="train", cache_dir=str(Path(folder, "cache")))
        table = table.select_columns([*wanted.inputs, *wanted.targets]).with_format("torch")
        fed, usual = [], []
        for _ in range(3):
            fed.append(through_trainer(mapped, collate, epochs=20))
            usual.append(through_trainer(table, stacked(wanted), epochs=2))

    ratios = {
        "streamed": (streamed["ours"] / streamed["theirs"], STREAMED_BAR),
        "bare": (ordered["ours"] / ordered["bare"], BARE_BAR),
        "trainer": (median(fed) / median(usual), TRAINER_BAR),
    }
    report(
        "batches",
        ratios["streamed"][0],
        STREAMED_BAR,
        at_most=False,
        rows=[
            ("rows, daily columns", f"{whole.rows:,}, {len(whole.inputs) + len(whole.targets) - len(STATICS)}"),
            ("streamed, shuffled: ours, samples/s", streamed["ours"]),
            ("streamed, shuffled: load_dataset().shuffle(1000), samples/s", streamed["theirs"]),
            ("in file order: ours, samples/s", ordered["ours"]),
            ("in file order: bare row groups, samples/s", ordered["bare"]),
            (f"in file order, ratio (bar: at least {BARE_BAR:g})", ratios["bare"][0]),
            ("through Trainer: materialised, samples/s", median(fed)),
            ('through Trainer: with_format("torch"), samples/s', median(usual)),
            (f"through Trainer, ratio (bar: at least {TRAINER_BAR:g})", ratios["trainer"][0]),
        ],
        others_hold=all(value >= bar for value, bar in ratios.values()),
    )


if __name__ == "__main__":
    main()
