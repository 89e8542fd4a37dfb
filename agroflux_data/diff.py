"""Two releases compared: rows added, removed, changed and moved, columns, and what each says of itself.

Keys are compared as a whole, 8 bytes a row; values row group by row group, and not at all in files whose SHA-256 is
the same. From the difference follows what the second release should be called, by what it does to those who use the
first:

- major: what was made for the first release does not hold for the second. A submission does not fit or is scored
  against other numbers, a model was fitted to rows that are hidden now, or a column that code reads is gone: rows
  removed, changed, moved, hidden or revealed; rows added to a split that is tested; columns or tasks removed; another
  edition, or other hidden outputs.
- minor: there is more to learn from, and what was made before holds: rows added to training splits that are no test,
  columns or tasks added.
- patch: the rows are the same; the card, the scalers or what the release says of its making differ.
"""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data import sequences, shards
from agroflux_data.card import README, renamed
from agroflux_data.release import STATISTICS, Release, Targets
from agroflux_data.shards import Shard
from agroflux_data.splits import Edition
from agroflux_data.versions import Change, Version

__all__ = ["Difference", "TaskDifference", "diff"]

_KEPT_GROUPS = 4
"""Row groups of the second release held at once, about 10 MB each: rows of a block stand together in both."""

Told = Callable[[int, int], None]


@dataclass
class TaskDifference:
    """How one task differs; counts of rows.

    Attributes
    ----------
    added, removed : dict of str to int
        By split.
    changed : dict of str to int
        Rows with other values, by split (of the second release); hidden outputs aside.
    columns : dict of str to int
        Rows with another value in a column, by column.
    moved : dict of str to int
        Rows in another split, by "from -> to".
    hidden, revealed : int
        Rows whose outputs are hidden now, or are public now.
    columns_added, columns_removed : tuple of str
    """

    added: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)
    hidden: int = 0
    revealed: int = 0
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()


@dataclass
class Difference:
    """How a release differs from another one.

    Attributes
    ----------
    versions, revisions : tuple of (str, str)
        Of the first and the second release.
    tasks_added, tasks_removed : tuple of str
    tasks : dict of str to TaskDifference
        Of the tasks that both have; those that are equal are left out.
    targets : dict of str to TaskDifference
        The same of the hidden outputs, where both releases have them beside them.
    metadata : dict of str to (object, object)
        What each release says of itself, where they differ; version and revision aside.
    change : Change
        What kind of version the difference asks for.
    """

    versions: tuple[Version, Version]
    revisions: tuple[str, str]
    tasks_added: tuple[str, ...]
    tasks_removed: tuple[str, ...]
    tasks: dict[str, TaskDifference]
    targets: dict[str, TaskDifference]
    metadata: dict[str, tuple[Any, Any]]
    change: Change

    @property
    def next_version(self) -> Version:
        """The least version that the second release should have."""
        return self.versions[0].after(self.change)

    def to_json(self) -> dict[str, Any]:
        """The difference as JSON values."""
        return asdict(self) | {
            "versions": [str(version) for version in self.versions], "change": self.change.name.lower(),
            "next_version": str(self.next_version),
        }  # fmt: skip


def diff(
    first: Release,
    second: Release,
    targets: tuple[Targets, Targets] | None = None,
    told: Told = lambda done, total: None,
) -> Difference:
    """Compare two releases.

    Parameters
    ----------
    first, second : Release
    targets : tuple of (Targets, Targets), optional
        The hidden outputs of both.
    told : callable
        Told (tasks done, tasks in all).
    """
    common = [name for name in first.tasks if name in second.tasks]
    hiding = [] if targets is None else [name for name in common if all(name in folder.tasks for folder in targets)]
    total = len(common) + len(hiding)
    tasks, hidden = {}, {}
    for number, name in enumerate(common):
        told(number, total)
        if (task := _compare(_Rows(first, name), _Rows(second, name))) != TaskDifference():
            tasks[name] = task
    for number, name in enumerate(hiding, start=len(common)):
        told(number, total)
        if (task := _compare(*(_Rows(folder, name) for folder in targets or ()))) != TaskDifference():
            hidden[name] = task
    told(total, total)
    tasks_added = tuple(name for name in second.tasks if name not in first.tasks)
    tasks_removed = tuple(name for name in first.tasks if name not in second.tasks)
    metadata = _metadata(first, second)
    changes = [_change(task, _tested(first, name)) for name, task in tasks.items()]
    if hidden or tasks_removed or first.edition != second.edition:
        changes.append(Change.MAJOR)
    if tasks_added:
        changes.append(Change.MINOR)
    if metadata:
        changes.append(Change.PATCH)
    return Difference(
        (first.version, second.version), (first.revision, second.revision), tasks_added, tasks_removed, tasks, hidden,
        metadata, max(changes, default=Change.NONE),
    )  # fmt: skip


def _tested(release: Release, name: str) -> frozenset[str]:
    """The splits that models are tested on."""
    if release.edition is Edition.OPEN and release.task(name).scenario == "spatial":
        return frozenset(release.splits(name))
    return frozenset(["test"])


def _change(task: TaskDifference, tested: frozenset[str]) -> Change:
    """What the difference of one task asks for."""
    lost = task.removed or task.changed or task.moved or task.hidden or task.revealed or task.columns_removed
    if lost or tested & task.added.keys():
        return Change.MAJOR
    return Change.MINOR if task.added or task.columns_added else Change.NONE


class _Rows:
    """Where each row of a task stands in a folder, and the row groups that were read last.

    Attributes
    ----------
    splits : list of str
    hides : bool array (splits,)
        Whether the outputs of a split are hidden.
    targets : tuple of str
    columns : list of str
    files : list of Shard
        The file of each row group.
    keys, split, group, position : integer arrays (rows,)
        Of each row: its sequence, and the number of its split, of its row group, and of itself in this.
    """

    def __init__(self, folder: Release | Targets, task: str):
        records = folder.splits(task)
        self.splits = list(records)
        self.hides = np.array([record.hidden for record in records.values()], bool)
        self.targets = folder.task(task).targets
        self.columns: list[str] = []
        self.files: list[Shard] = []
        self._groups: list[tuple[Path, int]] = []
        self._kept: OrderedDict[int, pa.Table] = OrderedDict()
        keys, splits = [], []
        for number, record in enumerate(records.values()):
            for shard in record.shards:
                path = folder.path / shard.file
                self.columns = self.columns or shards.open_shard(path).schema_arrow.names
                for group, rows in enumerate(shards.read(path, ["sequence"])):
                    keys.append(rows["sequence"].to_numpy())
                    splits.append(number)
                    self.files.append(shard)
                    self._groups.append((path, group))
        sizes = [len(some) for some in keys]
        self.keys = np.concatenate(keys)
        self.group = np.repeat(np.arange(len(sizes)), sizes)
        self.split = np.array(splits, np.int64)[self.group]
        self.position = np.concatenate([np.arange(size) for size in sizes])

    def read(self, group: int, columns: Sequence[str]) -> pa.Table:
        """A row group; always ask for the same columns."""
        if group not in self._kept:
            if len(self._kept) >= _KEPT_GROUPS:
                self._kept.popitem(last=False)
            self._kept[group] = shards.read_group(*self._groups[group], columns)
        self._kept.move_to_end(group)
        return self._kept[group]


def _compare(first: _Rows, second: _Rows) -> TaskDifference:
    _, one, other = np.intersect1d(first.keys, second.keys, return_indices=True)
    from_split = np.array(first.splits)[first.split[one]]
    to_split = np.array(second.splits)[second.split[other]]
    moves = from_split != to_split
    was_hidden, is_hidden = first.hides[first.split[one]], second.hides[second.split[other]]
    changed, columns = _values(first, second, one, other, was_hidden != is_hidden)
    return TaskDifference(
        added=_count(second, np.delete(np.arange(len(second.keys)), other)),
        removed=_count(first, np.delete(np.arange(len(first.keys)), one)),
        changed=_count(second, other[changed]),
        columns=columns,
        moved=dict(Counter(f"{old} -> {new}" for old, new in zip(from_split[moves], to_split[moves], strict=True))),
        hidden=int((is_hidden & ~was_hidden).sum()),
        revealed=int((was_hidden & ~is_hidden).sum()),
        columns_added=tuple(name for name in second.columns if name not in first.columns),
        columns_removed=tuple(name for name in first.columns if name not in second.columns),
    )


def _count(rows: _Rows, some: NDArray[np.integer]) -> dict[str, int]:
    return {rows.splits[split]: number for split, number in sorted(Counter(rows.split[some].tolist()).items())}


def _values(
    first: _Rows,
    second: _Rows,
    one: NDArray[np.integer],
    other: NDArray[np.integer],
    unlike: NDArray[np.bool_],
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Which rows that both have differ in a value, and in how many each column does.

    Parameters
    ----------
    first, second : _Rows
    one, other : integer arrays (rows,)
        The same rows in both.
    unlike : bool array (rows,)
        Hidden in one release and public in the other: their outputs have nothing to be compared with.
    """
    changed, columns = np.zeros(len(one), bool), Counter[str]()
    names = [name for name in first.columns if name in second.columns and name != "sequence"]
    pairs = first.group[one] * len(second.files) + second.group[other]
    order = np.argsort(pairs, kind="stable")
    # Rows that share a row group in both releases are compared together, in the order of the first release.
    for rows in np.split(order, np.flatnonzero(np.diff(pairs[order])) + 1):
        if not len(rows):
            continue
        old, new = first.group[one[rows[0]]], second.group[other[rows[0]]]
        if first.files[old].sha256 == second.files[new].sha256:
            continue
        before = first.read(old, names).take(first.position[one[rows]])
        after = second.read(new, names).take(second.position[other[rows]])
        for name in names:
            differs = _differs(before[name], after[name])
            if name in first.targets:
                differs &= ~unlike[rows]
            changed[rows] |= differs
            columns[name] += int(differs.sum())
    return changed, {name: columns[name] for name in names if columns[name]}


def _differs(before: pa.ChunkedArray, after: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Row by row, whether two columns differ; a missing observation is equal to another."""
    if pa.types.is_fixed_size_list(before.type) != pa.types.is_fixed_size_list(after.type):
        return np.ones(len(before), bool)
    if not pa.types.is_fixed_size_list(before.type):
        old, new = before.to_numpy(), after.to_numpy()
        return (old != new) & ~((old != old) & (new != new))
    old, new = sequences.values(before), sequences.values(after)
    return ((old != new) & ~(np.isnan(old) & np.isnan(new))).any(axis=1)


def _metadata(first: Release, second: Release) -> dict[str, tuple[Any, Any]]:
    """What two releases say of themselves, where they differ."""
    one, other = _said(first), _said(second)
    names = [*one, *(name for name in other if name not in one)]
    return {name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}


def _said(release: Release) -> dict[str, Any]:
    made = release.provenance
    said: dict[str, Any] = {
        "made_with": made.made_with, "edition": str(made.edition), "scale": made.scale, "seed": made.seed
    }  # fmt: skip
    for name, source in made.sources.items():
        said |= {f"{name}.{what}": value for what, value in asdict(source).items()}
    for file in (STATISTICS, README):
        path = release.path / file
        # Under whichever name it is known, here or on the Hub, the card is the same.
        said[file] = _digest(renamed(path.read_text(encoding="utf-8"), "")) if path.is_file() else None
    return said


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
