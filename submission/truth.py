"""The truth of a split, row group by row group, and what is known of it before any submission comes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agroflux_data import shards
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets
from agroflux_data.sequences import values
from agroflux_data.tasks import Task
from agroflux_data.variables import DAYS
from submission.climatology import CROP, Climatology, crops
from submission.keys import positions
from submission.metrics import RowSums

__all__ = ["HALVES", "Truth", "Window"]

HALVES = ("all", "public", "private")
"""Which hidden rows are scored: all of them, those scored before the season closes, or the others."""

_AHEAD = 1024
"""Rows of a submission whose truth is read before they come."""


@dataclass(frozen=True)
class _Group:
    """A row group of a shard: the rows ``start`` to ``stop`` of the split."""

    shard: int
    number: int
    start: int
    stop: int


class Truth:
    """The observations of a split, and the climatology of the same rows.

    The observations stay on disk; what is kept are a few sums for each row and target, taken when a row group is first
    read. One truth serves for many submissions, and the first pays for the sums.

    Parameters
    ----------
    release : Release
    task : str
    split : str
    targets : iterable of str
        Which of the task's targets are wanted.
    hidden : Targets, str or Path, optional
        Where a sealed release keeps its hidden targets; beside it by default. Not opened for a public split.

    Attributes
    ----------
    release : Release
    task, split : str
    targets : tuple of str
    sequence : int64 array (N,)
        The rows, in their order on disk.
    public : bool array (N,)
        Whether a row is in the half that is scored before the season closes; all are in a public split.

    Raises
    ------
    AgrofluxError
        No targets there, or those of another revision.
    """

    def __init__(
        self,
        release: Release,
        task: str,
        split: str,
        targets: Iterable[str],
        hidden: Targets | str | Path | None = None,
    ):
        self.release = release
        self.task, self.split, self.targets = task, split, tuple(targets)
        self.hidden = release.split(task, split).hidden
        home: Release | Targets = release
        if self.hidden:
            home = hidden if isinstance(hidden, Targets) else Targets.of(release, hidden)
        keys = home.table(task, split, ["sequence", *(["public"] if self.hidden else [])])
        self.sequence: NDArray[np.int64] = keys["sequence"].to_numpy()
        self.public: NDArray[np.bool_] = keys["public"].to_numpy() if self.hidden else np.ones(len(keys), np.bool_)
        self._paths = home.paths(task, split)
        self._shards = [shards.open_shard(path) for path in self._paths]
        self._reading = threading.Lock()  # a reader must not be shared between threads
        self._groups = list(_groups(self._shards))
        self._starts = np.array([group.start for group in self._groups], np.int64)
        known = release.task(task)
        self._crops = _crops_of(release, known, split, self.sequence)
        self._climatology = Climatology.kept(release, task, _others(release, known, split))
        self._usual = {
            name: RowSums(np.zeros(len(keys), np.int64), *(np.zeros(len(keys)) for _ in range(5)))
            for name in self.targets
        }
        self._summed = {name: np.zeros(len(self._groups), np.bool_) for name in self.targets}

    def observed(self, target: str, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """The truth of some rows by their position, (rows, 365); NaN where nothing was observed."""
        found = np.empty((len(rows), DAYS), np.float32)
        of_row = self.groups(rows)
        for group in np.unique(of_row):
            here = of_row == group
            found[here] = self.read(int(group), [target])[target][rows[here] - self._starts[group]]
        return found

    def climatology(self, target: str, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """The climatology of some rows by their position, (rows, 365)."""
        return self._climatology.of(target, self._crops[rows])

    def usual(self, target: str) -> RowSums:
        """The sums of the climatology's errors over the observed days of each row, (N,); not to be changed."""
        for group in np.flatnonzero(~self._summed[target]):
            self.sum(int(group), self.read(int(group), [target]))
        return self._usual[target]

    def counted(self, half: str) -> NDArray[np.bool_]:
        """Whether each row is scored, (N,); raises `AgrofluxError` for a half that the split does not have."""
        if half not in HALVES:
            raise AgrofluxError("unknown half", expected="one of " + ", ".join(HALVES), came=half)
        if half == "all":
            return np.ones(len(self.sequence), np.bool_)
        if not self.hidden:
            raise AgrofluxError("a public split has no hidden half", expected="half all", came=half)
        return self.public if half == "public" else ~self.public

    def groups(self, rows: NDArray[np.integer]) -> NDArray[np.int64]:
        """The row group of each row, (rows,)."""
        return np.searchsorted(self._starts, rows, side="right") - 1

    @property
    def bounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where each row group begins and ends."""
        return self._starts, np.array([group.stop for group in self._groups], np.int64)

    def read(self, group: int, targets: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """The observations of a row group by target, (rows, 365)."""
        where = self._groups[group]
        with self._reading:
            table = shards.row_group(self._shards[where.shard], where.number, targets, self._paths[where.shard])
        return {name: values(table[name]) for name in targets}

    def sum(self, group: int, observed: dict[str, NDArray[np.float32]]) -> None:
        """Keep the sums of a row group that was read, unless they are known."""
        rows = slice(self._groups[group].start, self._groups[group].stop)
        for name, truth in observed.items():
            if self._summed[name][group]:
                continue
            sums = RowSums.of(truth, self._climatology.of(name, self._crops[rows]))
            for column in RowSums.__dataclass_fields__:
                getattr(self._usual[name], column)[rows] = getattr(sums, column)
            self._summed[name][group] = True


class Window:
    """The truth beside a submission that is read from its first row to its last.

    A row group is read shortly before its first row comes and let go after its last one, so it is read once whatever
    the order, and in the file's own order a few of them are in memory at a time. All of them lie in one array for
    each target, of which only what was written takes memory.

    Parameters
    ----------
    truth : Truth
    rows : int array (M,)
        The position in the truth of each row of the submission, in the submission's order.
    targets : sequence of str
    executor : Executor
        Reads; it must run what it is given in order, since what waits for a row group is given after it.
    """

    def __init__(self, truth: Truth, rows: NDArray[np.int64], targets: Sequence[str], executor: Executor):
        self._truth, self._rows, self._targets, self._executor = truth, rows, targets, executor
        self._of_row = truth.groups(rows)
        starts, stops = truth.bounds
        self._first, self._last = np.full(len(starts), len(rows)), np.full(len(starts), -1)
        number = np.arange(len(rows))
        np.minimum.at(self._first, self._of_row, number)
        np.maximum.at(self._last, self._of_row, number)
        self._order = np.argsort(self._first, kind="stable")
        self._begun = self._freed = 0
        self._leaving = np.argsort(self._last, kind="stable")
        self._leaving = self._leaving[self._last[self._leaving] >= 0]
        self._size = int((stops - starts).max(initial=0))
        self._free = list(range(len(starts)))[::-1]
        self._slot = np.zeros(len(starts), np.int64)
        self._starts = starts
        self._places = {name: np.empty((len(starts) * self._size, DAYS), np.float32) for name in targets}
        self._reading: dict[int, Future[None]] = {}

    def advance(self, stop: int) -> None:
        """Begin to read what the rows before ``stop``, and a few more, need."""
        while self._begun < len(self._order) and self._first[self._order[self._begun]] < min(
            stop + _AHEAD, len(self._rows)
        ):
            group = int(self._order[self._begun])
            self._slot[group] = self._free.pop()
            self._reading[group] = self._executor.submit(self._read, group)
            self._begun += 1

    def _read(self, group: int) -> None:
        observed = self._truth.read(group, self._targets)
        self._truth.sum(group, observed)
        start = self._slot[group] * self._size
        for name, array in observed.items():
            self._places[name][start : start + len(array)] = array

    def observed(self, start: int, stop: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """The truth of some rows of the submission, target by target, once it is there."""
        groups = self._of_row[start:stop]
        for group in np.unique(groups):
            self._reading[int(group)].result()
        place = self._slot[groups] * self._size + self._rows[start:stop] - self._starts[groups]
        for name in self._targets:
            yield name, self._places[name][place]

    def leave(self, stop: int) -> None:
        """Let go what only the rows before ``stop`` needed; nobody looks at them any more."""
        while self._freed < len(self._leaving) and self._last[self._leaving[self._freed]] < stop:
            group = int(self._leaving[self._freed])
            del self._reading[group]
            self._free.append(int(self._slot[group]))
            self._freed += 1


def _groups(files: Sequence[pq.ParquetFile]) -> Iterator[_Group]:
    start = 0
    for shard, file in enumerate(files):
        for number in range(file.num_row_groups):
            stop = start + file.metadata.row_group(number).num_rows
            if stop > start:
                yield _Group(shard, number, start, stop)
            start = stop


def _crops_of(release: Release, task: Task, split: str, sequence: NDArray[np.int64]) -> NDArray[np.int64]:
    """The crop of each row, (rows,)."""
    rows = release.split(task.name, split).rows
    keys, found = np.empty(rows, np.int64), np.zeros(rows, np.int64)
    start = 0
    for group in release.read(task.name, split, ["sequence", *([CROP] if CROP in task.inputs else [])]):
        stop = start + group.num_rows
        keys[start:stop], found[start:stop] = group["sequence"].to_numpy(), crops(group)
        start = stop
    return found[positions(sequence, keys)]


def _others(release: Release, task: Task, split: str) -> list[str]:
    """The training splits that a prediction of this split may use."""
    return [
        name for name in task.training_splits(release.edition) if name in release.splits(task.name) and name != split
    ]
