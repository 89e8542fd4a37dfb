"""A materialised part of a release: plain arrays, in memory or mapped from ``.npy`` files, with any batch at hand."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agroflux_data.batches import Batch, Batches, Columns, epoch_order, row_groups
from agroflux_data.variables import DAYS

__all__ = ["Arrays"]

_NAMES = ("inputs", "labels", "sequence")


class Arrays:
    """The sequences of some splits of a task, by position; a map-style dataset for `torch` and `transformers`.

    `__getitems__` gathers a whole batch at once, so that a data loader neither loops over samples nor stacks them.

    Attributes
    ----------
    columns : Columns
    inputs : float32 array (N, F, 365)
        Series by series; statics are repeated over the days.
    labels : float32 array (N, D, 365)
    sequence : int64 array (N,)
    groups : tuple of int
        The rows of each row group that they were read from: what `order` shuffles by. By default one of all rows.

    Examples
    --------
    >>> rows = Arrays.read(Columns.of(Release("agroflux"), "ecosys_temporal", "train"))   # doctest: +SKIP
    >>> rows[[0, 5, 7]].inputs.shape                                                      # doctest: +SKIP
    (3, 365, 15)
    """

    def __init__(
        self,
        columns: Columns,
        inputs: NDArray[np.float32],
        labels: NDArray[np.float32],
        sequence: NDArray[np.int64],
        groups: Sequence[int] | None = None,
    ):
        self.columns, self.inputs, self.labels, self.sequence = columns, inputs, labels, sequence
        self.groups = (len(sequence),) if groups is None else tuple(groups)

    @classmethod
    def read(cls, columns: Columns, folder: Path | None = None) -> Arrays:
        """Read the shards once.

        Parameters
        ----------
        columns : Columns
        folder : Path, optional
            Where to keep the arrays as files and map them into memory: for what does not fit, and to skip the
            reading the next time. They are kept under the release's revision, so another release never gets them.

        Raises
        ------
        AgrofluxError
            A shard is missing or damaged.
        """
        rows = columns.rows
        shapes: dict[str, tuple[int, ...]] = {
            "inputs": (rows, len(columns.inputs), DAYS),
            "labels": (rows, len(columns.targets), DAYS),
            "sequence": (rows,),
        }
        if folder is None:
            arrays = {name: np.empty(shape, _kind(name)) for name, shape in shapes.items()}
            _fill(columns, arrays)
            return cls(columns, **arrays, groups=row_groups(columns))
        kept = folder / _key(columns)
        if not kept.is_dir():
            building = folder / f".{kept.name}.{os.getpid()}.tmp"
            building.mkdir(parents=True)
            try:
                mapped = {
                    name: np.lib.format.open_memmap(building / f"{name}.npy", "w+", dtype=_kind(name), shape=shape)
                    for name, shape in shapes.items()
                }
                _fill(columns, mapped)
                for array in mapped.values():
                    array.flush()
                if not kept.is_dir():  # another process may have been faster
                    building.rename(kept)
            finally:
                shutil.rmtree(building, ignore_errors=True)
        mapped = {name: np.load(kept / f"{name}.npy", mmap_mode="r") for name in _NAMES}
        return cls(columns, **mapped, groups=row_groups(columns))

    def __len__(self) -> int:
        return len(self.sequence)

    def __getitem__(self, rows: int | slice | Sequence[int] | NDArray[np.integer]) -> Batch:
        """Some rows as a batch; a single number gives a batch of one."""
        wanted = rows if isinstance(rows, slice) else np.atleast_1d(np.asarray(rows, np.int64))
        labels = self.labels[wanted]
        return Batch(
            self.inputs[wanted].transpose(0, 2, 1),
            labels.transpose(0, 2, 1),
            (labels == labels).transpose(0, 2, 1),
            self.sequence[wanted],
        )

    def order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        """The order of an epoch, (N,): that in which `Batches` of the same seed streams these rows from the shards."""
        return epoch_order(self.groups, seed, epoch)

    def __getitems__(self, rows: Sequence[int]) -> Batch:
        return self[rows]


def _kind(name: str) -> type[np.generic]:
    return np.int64 if name == "sequence" else np.float32


def _key(columns: Columns) -> str:
    """A folder name that stands for the release's rows and for the wanted columns in their order."""
    choice = json.dumps([columns.release.revision, columns.task, columns.splits, columns.inputs, columns.targets])
    return f"{columns.task}-{hashlib.sha256(choice.encode()).hexdigest()[:16]}"


def _fill(columns: Columns, arrays: Mapping[str, NDArray]) -> None:
    start = 0
    for batch in Batches(columns).epoch():
        stop = start + len(batch)
        arrays["inputs"][start:stop] = batch.inputs.transpose(0, 2, 1)
        arrays["labels"][start:stop] = batch.labels.transpose(0, 2, 1)
        arrays["sequence"][start:stop] = batch.sequence
        start = stop
