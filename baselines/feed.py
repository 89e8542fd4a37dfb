"""From rows to training batches: what a trainer iterates over, in memory or streamed, in one process or several."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from torch import Tensor

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Batch, Batches, Columns
from baselines.collator import collate

__all__ = ["Feed"]


class Feed:
    """The training batches of one process, epoch by epoch; the next one is gathered while one is in use.

    Every batch of the epoch is cut into one part for each process, as even as can be, so that together the processes
    see what one alone would. Rows in memory and rows streamed from the shards give the same batches for a seed.

    Parameters
    ----------
    rows : Arrays or Columns
        In memory, or to be read from the shards in each epoch.
    batch_size : int
        Of all processes together.
    seed : int
        The order of an epoch depends on (seed, epoch) alone, so that a resumed run draws what it would have.
    process, processes : int
        Which part of each batch, and of how many.
    """

    def __init__(self, rows: Arrays | Columns, *, batch_size: int, seed: int, process: int = 0, processes: int = 1):
        self.dataset = rows
        self.batch_size, self.seed, self.process, self.processes = batch_size, seed, process, processes
        self.rows = len(rows)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch that the next iteration gives; the trainer calls it."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches of an epoch, the last one smaller maybe."""
        return -(-self.rows // self.batch_size)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        batches = self._in_memory(self.dataset) if isinstance(self.dataset, Arrays) else self._streamed(self.dataset)
        with ThreadPoolExecutor(1, thread_name_prefix="feed") as executor:
            ahead = executor.submit(next, batches, None)
            while (batch := ahead.result()) is not None:
                ahead = executor.submit(next, batches, None)
                yield collate(batch)

    def _in_memory(self, rows: Arrays) -> Iterator[Batch]:
        order = rows.order(self.seed, self.epoch)
        for start in range(0, len(order), self.batch_size):
            whole = order[start : start + self.batch_size]
            own = self._part(len(whole))
            yield rows[whole[own]] if own.stop > own.start else _unobserved(rows[whole[:1]])

    def _streamed(self, columns: Columns) -> Iterator[Batch]:
        for whole in Batches(columns, batch_size=self.batch_size, seed=self.seed).epoch(self.epoch):
            own = self._part(len(whole))
            yield _cut(whole, own) if own.stop > own.start else _unobserved(_cut(whole, slice(0, 1)))

    def _part(self, rows: int) -> slice:
        bounds = [rows * one // self.processes for one in (self.process, self.process + 1)]
        return slice(*bounds)


def _cut(batch: Batch, rows: slice) -> Batch:
    return Batch(batch.inputs[rows], batch.labels[rows], batch.mask[rows], batch.sequence[rows])


def _unobserved(batch: Batch) -> Batch:
    """A row without labels, for a process that is left without any: it takes part in the step and moves nothing."""
    return Batch(batch.inputs, np.full_like(batch.labels, np.nan), np.zeros_like(batch.mask), batch.sequence)
