"""Training batches streamed from a release's shards, without a detour through Python lists.

Rows of a row group are neighbours (one site, one weather), so an epoch draws the order of the row groups, pools a few
of them and shuffles the rows inside the pool: nearly as mixed as a full shuffle, and each byte is read once. Threads
decode the row groups ahead (Parquet decoding lets go of the interpreter) and write each row to the place that it will
have in its batch, so a batch is a view of its pool and is not copied again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agroflux_data import shards
from agroflux_data.errors import AgrofluxError
from agroflux_data.randomness import stream
from agroflux_data.release import Release
from agroflux_data.sequences import values
from agroflux_data.variables import DAYS, STATICS

__all__ = ["POOL", "Batch", "Batches", "Columns", "epoch_order", "row_groups"]

POOL = 8
"""Row groups whose rows are shuffled together: about 2,000 rows."""
_THREADS = 2


@dataclass(frozen=True)
class Batch:
    """Some sequences, ready to train on.

    The arrays are views of (B, columns, 365) buffers, in which each series is contiguous: as cheap for `torch` as a
    copy in the order of their axes, and without that copy.

    Attributes
    ----------
    inputs : float32 array (B, 365, F)
        Physical units; a static is repeated over the days.
    labels : float32 array (B, 365, D)
        Physical units, NaN where nothing was observed.
    mask : bool array (B, 365, D)
        True where a label was observed.
    sequence : int64 array (B,)
    """

    inputs: NDArray[np.float32]
    labels: NDArray[np.float32]
    mask: NDArray[np.bool_]
    sequence: NDArray[np.int64]

    @classmethod
    def of(cls, rows: pa.Table, inputs: Sequence[str], targets: Sequence[str]) -> Batch:
        """Rows of an Arrow table as a batch, such as those that a streaming dataset gives in the ``arrow`` format.

        Parameters
        ----------
        rows : pyarrow.Table
            Rows of a task.
        inputs, targets : sequence of str
            Columns, in the order in which the batch shall have them.
        """
        pool = _Pool(rows.num_rows, inputs, targets)
        pool.put(rows, slice(None))
        pool.finish()
        return pool.batch(0, rows.num_rows)

    def __len__(self) -> int:
        return len(self.sequence)


@dataclass(frozen=True)
class Columns:
    """Which rows and columns of a release are wanted, checked against what it has.

    Attributes
    ----------
    release : Release
    task : str
    splits : tuple of str
    inputs, targets : tuple of str
    """

    release: Release
    task: str
    splits: tuple[str, ...]
    inputs: tuple[str, ...]
    targets: tuple[str, ...]

    @classmethod
    def of(
        cls,
        release: Release,
        task: str,
        splits: str | Iterable[str],
        inputs: Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
    ) -> Columns:
        """The wanted rows and columns.

        Parameters
        ----------
        release : Release
        task : str
        splits : str or iterable of str
            One split, several as ``"fold_1+fold_2"``, or their names.
        inputs, targets : sequence of str, optional
            Any subset in any order; by default all that the release has.

        Raises
        ------
        AgrofluxError
            The release lacks the task, a split or a column.
        """
        names = tuple(splits.split("+")) if isinstance(splits, str) else tuple(splits)
        for name in names:
            release.split(task, name)
        if len(set(names)) < len(names):
            raise AgrofluxError("a split is asked for twice", expected="each split once", came="+".join(names))
        known = release.task(task)
        wanted = []
        for kind, asked, has in (("input", inputs, known.inputs), ("target", targets, known.targets)):
            chosen = has if asked is None else tuple(asked)
            if lacking := [name for name in chosen if name not in has]:
                raise AgrofluxError(
                    f"no such {kind} of {task}", expected="some of " + ", ".join(has), came=", ".join(lacking)
                )
            wanted.append(chosen)
        return cls(release, task, names, wanted[0], wanted[1])

    @property
    def paths(self) -> list[Path]:
        """The files that hold the rows, split by split."""
        return [path for split in self.splits for path in self.release.paths(self.task, split)]

    @property
    def rows(self) -> int:
        return sum(self.release.split(self.task, split).rows for split in self.splits)

    def __len__(self) -> int:
        """The number of rows: what a trainer asks a dataset for."""
        return self.rows


@dataclass(frozen=True)
class _RowGroup:
    path: Path
    number: int
    rows: int

    @classmethod
    def all_of(cls, path: Path) -> list[_RowGroup]:
        shard = shards.open_shard(path)
        return [cls(path, number, shard.metadata.row_group(number).num_rows) for number in range(shard.num_row_groups)]

    def read(self, columns: Sequence[str]) -> pa.Table:
        try:
            # Opened each time, since a reader must not be shared between threads. Buffering ahead and Arrow's own
            # threads cost a tenth here: other row groups are being read at the same time anyway.
            shard = pq.ParquetFile(self.path, pre_buffer=False)
            return shard.read_row_group(self.number, columns=list(columns), use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise AgrofluxError(
                "damaged shard", expected="readable row groups", came=f"row group {self.number}: {error}",
                where=self.path,
            ) from None  # fmt: skip


class _Pool:
    """Rows in the order in which batches take them, series by series: (rows, columns, 365)."""

    def __init__(self, rows: int, inputs: Sequence[str], targets: Sequence[str]):
        self.names = (tuple(inputs), tuple(targets))
        self.inputs = np.empty((rows, len(inputs), DAYS), np.float32)
        self.labels = np.empty((rows, len(targets), DAYS), np.float32)
        self.mask = np.empty(self.labels.shape, np.bool_)
        self.sequence = np.empty(rows, np.int64)

    def fill(self, group: _RowGroup, places: slice | NDArray[np.int64]) -> None:
        """Read a row group and put its rows where they belong."""
        self.put(group.read(["sequence", *itertools.chain(*self.names)]), places)

    def put(self, rows: pa.Table, places: slice | NDArray[np.int64]) -> None:
        """Put rows where they belong."""
        inputs, targets = self.names
        self.sequence[places] = rows["sequence"].to_numpy()
        for number, name in enumerate(inputs):
            static = name in STATICS
            self.inputs[places, number] = rows[name].to_numpy()[:, None] if static else values(rows[name])
        for number, name in enumerate(targets):
            self.labels[places, number] = values(rows[name])

    def finish(self) -> None:
        """Mark what was observed, once all rows are there."""
        np.equal(self.labels, self.labels, out=self.mask)  # NaN alone differs from itself

    def batch(self, start: int, stop: int) -> Batch:
        return Batch(
            self.inputs[start:stop].transpose(0, 2, 1),
            self.labels[start:stop].transpose(0, 2, 1),
            self.mask[start:stop].transpose(0, 2, 1),
            self.sequence[start:stop],
        )

    def __len__(self) -> int:
        return len(self.sequence)


def _joined(first: Batch, second: Batch) -> Batch:
    """Two batches as one, in the same layout."""

    def join(one: NDArray, other: NDArray) -> NDArray:
        return np.concatenate([one.transpose(0, 2, 1), other.transpose(0, 2, 1)]).transpose(0, 2, 1)

    return Batch(
        join(first.inputs, second.inputs),
        join(first.labels, second.labels),
        join(first.mask, second.mask),
        np.concatenate([first.sequence, second.sequence]),
    )


def _drawn(
    groups: Sequence[int], seed: int | None, epoch: int, pool: int
) -> Iterator[tuple[list[int], NDArray[np.int64] | None]]:
    """The row groups of each pool, and the place in it of each of their rows, None where all stay in order."""
    draws = None if seed is None else stream(seed, "batches", epoch)
    order = list(range(len(groups))) if draws is None else draws.permutation(len(groups)).tolist()
    for first in range(0, len(order), pool):
        chunk = order[first : first + pool]
        yield chunk, None if draws is None else draws.permutation(sum(groups[number] for number in chunk))


def row_groups(columns: Columns) -> tuple[int, ...]:
    """The rows of each row group, in the order of the files."""
    return tuple(group.rows for path in columns.paths for group in _RowGroup.all_of(path))


def epoch_order(groups: Sequence[int], seed: int | None, epoch: int, pool: int = POOL) -> NDArray[np.int64]:
    """The rows in the order in which the batches of an epoch take them.

    Parameters
    ----------
    groups : sequence of int
        The rows of each row group, in the order of the files (`row_groups`).
    seed, epoch, pool : int
        As of `Batches`.

    Returns
    -------
    int64 array (rows,)
        Positions in the order of the files.
    """
    starts = np.concatenate([[0], np.cumsum(groups)]).astype(np.int64)
    pools = [np.empty(0, np.int64)]
    for chunk, shuffled in _drawn(groups, seed, epoch, pool):
        rows = np.concatenate([np.arange(starts[number], starts[number + 1]) for number in chunk])
        taken = np.empty_like(rows)
        taken[slice(None) if shuffled is None else shuffled] = rows
        pools.append(taken)
    return np.concatenate(pools)


class Batches:
    """Batches of some splits of a task, every row exactly once an epoch; the last one may be smaller.

    Parameters
    ----------
    columns : Columns
        Which rows, inputs and targets.
    batch_size : int
    seed : int, optional
        Shuffles; the order depends on (seed, epoch) alone. Without it rows come in the order of the files.
    pool : int
        Row groups that are shuffled together. Two pools are in memory at a time.

    Examples
    --------
    >>> wanted = Columns.of(Release("agroflux"), "towers_spatial", "fold_0+fold_1")     # doctest: +SKIP
    >>> for batch in Batches(wanted, batch_size=64, seed=1).epoch(0):                    # doctest: +SKIP
    ...     batch.inputs.shape
    (64, 365, 15)
    """

    def __init__(self, columns: Columns, *, batch_size: int = 256, seed: int | None = None, pool: int = POOL):
        if batch_size < 1 or pool < 1:
            raise AgrofluxError(
                "no such batches", expected="batch_size and pool of at least 1", came=(batch_size, pool)
            )
        self.columns, self.batch_size, self.seed, self.pool = columns, batch_size, seed, pool
        self._groups = [group for path in columns.paths for group in _RowGroup.all_of(path)]
        self.rows = sum(group.rows for group in self._groups)

    def __len__(self) -> int:
        """Batches of an epoch."""
        return -(-self.rows // self.batch_size)

    def epoch(self, number: int = 0) -> Iterator[Batch]:
        """The batches of one epoch.

        Parameters
        ----------
        number : int
            Which epoch: another number is another order, where a seed is given.

        Raises
        ------
        AgrofluxError
            A shard is missing or damaged.
        """
        left: Batch | None = None
        for pool in self._pools(number):
            start = 0
            if left is not None:
                start = min(self.batch_size - len(left), len(pool))
                left = _joined(left, pool.batch(0, start))
                if len(left) < self.batch_size:
                    continue
                yield left
                left = None
            while start + self.batch_size <= len(pool):
                yield pool.batch(start, start + self.batch_size)
                start += self.batch_size
            if start < len(pool):
                left = pool.batch(start, len(pool))
        if left is not None:
            yield left

    def _pools(self, epoch: int) -> Iterator[_Pool]:
        """Filled pools, the next one being read while one is in use."""
        drawn = _drawn([group.rows for group in self._groups], self.seed, epoch, self.pool)
        executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="batches")

        def begin(chunk: Sequence[int], shuffled: NDArray[np.int64] | None) -> tuple[_Pool, list[Future[None]]]:
            groups = [self._groups[number] for number in chunk]
            pool = _Pool(sum(group.rows for group in groups), self.columns.inputs, self.columns.targets)
            reads, first = [], 0
            for group in groups:
                last = first + group.rows
                places = slice(first, last) if shuffled is None else shuffled[first:last]
                reads.append(executor.submit(pool.fill, group, places))
                first = last
            return pool, reads

        try:
            ahead = begin(*first) if (first := next(drawn, None)) else None
            while ahead is not None:
                pool, reads = ahead
                ahead = begin(*following) if (following := next(drawn, None)) else None
                for read in reads:
                    read.result()
                pool.finish()
                yield pool
        finally:
            executor.shutdown(cancel_futures=True)
