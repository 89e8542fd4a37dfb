"""Whether a file is a submission: every fault in one pass, before anything is scored.

What costs nothing comes first, since a file may be hostile: its first and last bytes, the footer's schema, row count
and sizes, then the keys alone, then the values block by block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.tasks import Task
from agroflux_data.variables import DAYS, OUTPUTS
from submission.child import Limits
from submission.codes import Fault, FaultyFileError
from submission.file import BLOCK, metadata_of, open_file, subnormal
from submission.guarded import guarded
from submission.keys import compare
from submission.metadata import Metadata
from submission.quantiles import LEAST_LEVELS, MOST_COLUMNS, MOST_LEVELS, columns, crossing, levels, variable_of
from submission.report import Report

__all__ = ["predicted_split", "validate", "validate_rows", "within"]

_MARGIN = 1 << 20
"""Bytes that a column may have beside its values, and rows that a file may have beside those expected."""


def predicted_split(release: Release, task: str, split: str | None = None) -> str:
    """The split whose rows a submission predicts: the named one, else the test split.

    Raises
    ------
    AgrofluxError
        The task has no such split, or no test split (in the open edition of a spatial task) and none was named.
    """
    if split is not None:
        release.split(task, split)
        return split
    splits = release.splits(task)
    if "test" not in splits:
        raise AgrofluxError(f"{task} has no test split here", expected="--split with one of " + ", ".join(splits))
    return "test"


def validate(
    path: str | Path,
    release: Release | str | Path,
    task: str | None = None,
    split: str | None = None,
    limits: Limits | None = None,
) -> Report:
    """Everything that is wrong with a file.

    Parameters
    ----------
    path : str or Path
        A file of whatever content.
    release : Release, str or Path
        The public folder; hidden targets are not needed.
    task : str, optional
        The task it should be for; by default the one that its metadata name.
    split : str, optional
        The split whose rows it should predict, ``test`` by default.
    limits : Limits, optional
        Read the file in a child process with these limits, such as those of `reading_limits`: for a file of somebody
        else. By default it is read in this process, where a hostile one may take what memory there is; a process with
        other Python threads has no choice, as it cannot fork safely (a server starts `submission.child.run`).

    Returns
    -------
    Report
        `Report.ok` where nothing is wrong.

    Raises
    ------
    AgrofluxError
        There is no such file, release, task or split: faults of the call, not of the file. Or the child waited longer
        than its limit.
    """
    path = Path(path)
    release = release if isinstance(release, Release) else Release(release)
    if task is not None:
        predicted_split(release, task, split)
    return _report(path, release, task, split, limits)


def validate_rows(path: str | Path, release: Release, split: str | None = None, limits: Limits | None = None) -> Report:
    """What `validate` finds before it reads a value: faults of the file, its metadata, columns and rows.

    Whoever reads the values next checks them with `within`, and leaves it to `validate` to name their faults.
    """
    return _report(Path(path), release, None, split, limits, values=False)


def _report(
    path: Path, release: Release, task: str | None, split: str | None, limits: Limits | None, values: bool = True
) -> Report:
    if limits is None:
        return _examine(path, release, task, split, values)
    try:
        found = guarded(lambda: _examine(path, release, task, split, values).to_json(), path, limits)
    except FaultyFileError as error:
        return Report(path, (error.fault,), task=task)
    return Report.from_json(path, found)


def within(name: str, block: NDArray[np.float32]) -> bool:
    """Whether all values of a target or quantile are numbers in the target's physical range, and none subnormal."""
    variable = variable_of(name)
    # Comparing in float32: a value clipped to the bound is within. NaN compares as outside.
    inside = not block.size or bool(block.min() >= variable.low and block.max() <= variable.high)
    return inside and not subnormal(block).any()


def _examine(path: Path, release: Release, task: str | None, split: str | None, values: bool) -> Report:
    try:
        file = open_file(path)
    except FaultyFileError as error:
        return Report(path, (error.fault,), task=task)
    with file:
        return _Examination(path, file, release, task, split).report(values)


@dataclass
class _Tally:
    """One kind of fault of one column's values, counted over the blocks."""

    count: int = 0
    sequences: list[int] = field(default_factory=list)
    low: float = np.inf
    high: float = -np.inf

    def add(self, bad: NDArray[np.bool_], block: NDArray[np.floating], sequence: NDArray[np.int64] | None) -> None:
        self.count += int(bad.sum())
        with np.errstate(invalid="ignore"):
            self.low = min(self.low, float(block[bad].min()))
            self.high = max(self.high, float(block[bad].max()))
        if sequence is not None and len(self.sequences) < 5:
            self.sequences += sequence[bad.any(axis=1)][:5].tolist()


class _Examination:
    """One file, looked at in order."""

    def __init__(self, path: Path, file: pq.ParquetFile, release: Release, task: str | None, split: str | None):
        self.path, self.file, self.release = path, file, release
        self.faults: list[Fault] = []
        self.metadata = self._metadata(task)
        self.task = self._task(task)
        self.split = None if self.task is None else predicted_split(release, self.task.name, split)
        self.targets: list[str] = []
        self.quantiles: dict[str, tuple[int, ...]] = {}
        self.has_keys = False

    def report(self, values: bool) -> Report:
        try:
            self._schema()
            if self._sizes():
                self._keys()
                if values:
                    self._values()
        except MemoryError:  # whoever set the limit knows what it means
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            text = (str(error).splitlines() or [type(error).__name__])[0][:200]
            code = "AF202" if "Expected all lists to be of size" in text else "AF006"
            self._fault(code, text)
        faults = tuple(sorted(self.faults, key=lambda fault: fault.code))
        name = None if self.task is None else self.task.name
        targets, rows = tuple(self.targets), self.file.metadata.num_rows
        return Report(self.path, faults, self.metadata, name, self.split, targets, rows, self.quantiles)

    def _fault(self, code: str, message: str, *args: Any, **kwargs: Any) -> None:
        self.faults.append(Fault.of(code, message, *args, **kwargs))

    def _metadata(self, asked: str | None) -> Metadata | None:
        try:
            metadata = metadata_of(self.file)
        except FaultyFileError as error:
            self.faults.append(error.fault)
            return None
        if metadata.task not in self.release.tasks:
            self._fault("AF003", f"expected one of {', '.join(self.release.tasks)}, got {metadata.task!r}")
        elif asked is not None and metadata.task != asked:
            self._fault("AF005", f"expected {asked}, got {metadata.task!r}")
        if metadata.revision != self.release.revision:
            self._fault("AF004", f"expected {self.release.revision}, got {metadata.revision!r}")
        return metadata

    def _task(self, asked: str | None) -> Task | None:
        name = asked or (self.metadata.task if self.metadata else None)
        return self.release.task(name) if name in self.release.tasks else None

    def _schema(self) -> None:
        schema = self.file.schema_arrow
        allowed = OUTPUTS if self.task is None else self.task.targets
        names = Counter(schema.names)
        if twice := [name for name, count in names.items() if count > 1]:
            self._fault("AF205", f"{len(twice)} columns", len(twice), examples=[name[:60] for name in twice])
        quantiles = {target: found for target, found in levels(names).items() if target in allowed}
        several = {name for target, found in quantiles.items() for name in columns(target, found)}
        unknown = [name for name in names if name not in allowed and name not in several and name != "sequence"]
        if unknown:
            of = "the variables" if self.task is None else self.task.name
            message = (
                f"expected sequence, some of {', '.join(allowed)} ({of}) and their quantiles, got {len(unknown)} others"
            )
            self._fault("AF203", message, len(unknown), examples=[name[:60] for name in unknown])
        if "sequence" not in names:
            self._fault("AF104", f"{len(names)} columns, none of them sequence")
        given, right = [], []
        for name, count in names.items():
            if name == "sequence":
                kind = schema.field(schema.get_all_field_indices(name)[0]).type
                self.has_keys = kind == pa.int64() and count == 1
                if kind != pa.int64():
                    self._fault("AF201", f"expected int64, got {str(kind)[:80]}", column=name)
            elif name in allowed or name in several:
                given.append(name)
                field = schema.field(schema.get_all_field_indices(name)[0])
                kind = field.type
                if b"ARROW:extension:name" in (field.metadata or {}):  # else its type depends on what is installed
                    self._fault("AF201", f"expected fixed_size_list<float32>[{DAYS}], got an own type", column=name)
                elif not (pa.types.is_fixed_size_list(kind) and kind.value_type == pa.float32()):
                    message = f"expected fixed_size_list<float32>[{DAYS}], got {str(kind)[:80]}"
                    self._fault("AF201", message, column=name)
                elif kind.list_size != DAYS:
                    self._fault("AF202", f"expected {DAYS} values, got {kind.list_size}", column=name)
                elif count == 1:
                    right.append(name)
        self.targets = [name for name in right if name in allowed]
        self._quantiles(quantiles, given, levels(right))
        ranked = OUTPUTS if self.task is None else self.task.ranked_targets
        if not set(ranked) & set(given):
            self._fault("AF204", f"expected at least one of {', '.join(ranked)}")

    def _quantiles(
        self, found: dict[str, tuple[int, ...]], given: list[str], right: dict[str, tuple[int, ...]]
    ) -> None:
        """What is wrong with the quantiles of the file's schema; those whose columns are right are read."""
        if alone := [target for target in found if target not in given]:
            self._fault("AF206", f"quantiles of {', '.join(alone)}", len(alone), examples=alone)
        for target, several in found.items():
            if not LEAST_LEVELS <= len(several) <= MOST_LEVELS:
                message = f"expected {LEAST_LEVELS} to {MOST_LEVELS} of {target}, got {len(several)}"
                self._fault("AF207", message, len(several), target)
        if (count := sum(map(len, found.values()))) > MOST_COLUMNS:
            self._fault("AF007", f"expected at most {MOST_COLUMNS} quantiles, got {count}", count)
            return
        self.quantiles = {
            target: right[target] for target in found if target in right and len(right[target]) <= MOST_LEVELS
        }

    def _sizes(self) -> bool:
        """Whether the footer's numbers are those of a submission, so that the file may be read."""
        footer = self.file.metadata
        if self.task is not None and self.split is not None:
            expected = self.release.split(self.task.name, self.split).rows
        else:
            expected = max(
                (split.rows for task in self.release.tasks for split in self.release.splits(task).values()), default=0
            )
        most = 2 * expected + _MARGIN // DAYS
        if footer.num_rows > most:
            self._fault("AF007", f"expected {expected} rows, got {footer.num_rows}", footer.num_rows)
            return False
        if footer.num_rows < 0 or footer.num_row_groups > max(1, footer.num_rows):
            self._fault("AF006", f"{footer.num_rows} rows in {footer.num_row_groups} row groups")
            return False
        daily = [*self.targets, *(name for target, of in self.quantiles.items() for name in columns(target, of))]
        widths = ({"sequence": 1} if self.has_keys else {}) | {f"{name}.list.element": DAYS for name in daily}
        rows, bytes_, values = 0, Counter[str](), Counter[str]()
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            rows += group.num_rows
            for column in range(group.num_columns):
                chunk = group.column(column)
                if chunk.file_path:
                    self._fault("AF006", f"a column that should be in another file: {chunk.file_path[:60]}")
                    return False
                bytes_[chunk.path_in_schema] += chunk.total_uncompressed_size
                values[chunk.path_in_schema] += chunk.num_values
        if rows != footer.num_rows:
            self._fault("AF006", f"{footer.num_rows} rows in the footer, {rows} in its row groups")
            return False
        sound = True
        for leaf, width in widths.items():
            # A value takes 8 bytes at most (float32 in a dictionary, and its index), and its levels two more.
            largest = footer.num_rows * width * (16 if width == 1 else 10) + _MARGIN
            if bytes_[leaf] > largest or values[leaf] > footer.num_rows * width:
                message = f"{bytes_[leaf]} bytes and {values[leaf]} values for {footer.num_rows} rows"
                self._fault("AF007", message, column=leaf.partition(".")[0])
                sound = False
            # A list that is null is one value; but every other row of a column has all of its own.
            elif values[leaf] < footer.num_rows:
                self._fault("AF006", f"{values[leaf]} values for {footer.num_rows} rows", column=leaf.partition(".")[0])
                sound = False
        return sound

    def _keys(self) -> None:
        if not self.has_keys:
            return
        column = self.file.read(columns=["sequence"])["sequence"]
        if len(column) != self.file.metadata.num_rows:
            self._fault("AF006", f"{self.file.metadata.num_rows} rows in the footer, {len(column)} in the file")
        if column.null_count:
            self._fault("AF304", f"{column.null_count} rows without a sequence", column.null_count, "sequence")
            column = column.drop_null()
        keys = column.to_numpy()
        if self.task is None or self.split is None:
            unique, counts = np.unique(keys, return_counts=True)
            self._duplicates(unique[counts > 1])
            return
        expected = self.release.keys(self.task.name, self.split)
        found = compare(keys, expected)
        of = f"of the {len(expected)} in {self.task.name}/{self.split}"
        if len(found.missing):
            self._fault("AF101", f"{len(found.missing)} {of}", len(found.missing), examples=found.missing)
        if len(found.extra):
            hint = self._belongs(found.extra) if len(found.missing) == len(expected) else ""
            message = f"{len(found.extra)} that {self.task.name}/{self.split} does not have{hint}"
            self._fault("AF102", message, len(found.extra), examples=found.extra)
        self._duplicates(found.duplicate)

    def _duplicates(self, sequences: NDArray[np.int64]) -> None:
        if len(sequences):
            self._fault("AF103", f"{len(sequences)} given more than once", len(sequences), examples=sequences)

    def _belongs(self, keys: NDArray[np.int64]) -> str:
        """Where these keys stand instead, if one split has them all; the same source's tasks are asked first."""
        source = None if self.task is None else self.task.source
        for task in sorted(self.release.tasks, key=lambda name: self.release.task(name).source != source):
            for split, record in self.release.splits(task).items():
                if record.rows == len(keys) and np.array_equal(np.sort(self.release.keys(task, split)), keys):
                    return f"; they are those of {task}/{split}"
        return ""

    def _values(self) -> None:
        found: dict[tuple[str, str], _Tally] = {}
        # The quantiles of a target are read together, for they may cross; those of all would take too much memory.
        several = [(target, columns(target, of)) for target, of in self.quantiles.items()]
        for target, names in [(None, self.targets), *several]:
            for batch in self._batches(names):
                for one in batch:
                    self._look(one, found)
                if target is not None and not any(one.nulls for one in batch):  # rows that are null are left out
                    depth = crossing(target, [one.values for one in batch])
                    if (bad := depth > 0).any():
                        found.setdefault((target, "AF306"), _Tally()).add(bad, depth, batch[0].sequence)
        for (name, code), tally in found.items():
            variable = variable_of(name)
            message = f"{tally.count} values of {name}"
            if code == "AF303":
                message += (
                    f", expected {variable.low:g} to {variable.high:g} {variable.unit}, "
                    f"got {tally.low:g} to {tally.high:g}"
                )
            elif code == "AF306":
                message = f"on {tally.count} days of {name}, by up to {tally.high:g} {variable.unit}"
            self._fault(code, message, tally.count, name, tally.sequences)

    def _look(self, one: _Column, found: dict[tuple[str, str], _Tally]) -> None:
        """Count the faults of some rows of a column."""
        if one.nulls:
            found.setdefault((one.name, "AF304"), _Tally()).count += one.nulls
        if within(one.name, one.values):
            return
        variable, tiny = variable_of(one.name), subnormal(one.values)
        infinite = np.isinf(one.values)
        # Comparing in float32: a value clipped to the bound is within.
        outside = ((one.values < variable.low) | (one.values > variable.high)) & ~infinite & ~tiny
        for code, bad in (
            ("AF301", np.isnan(one.values)), ("AF302", infinite), ("AF303", outside), ("AF305", tiny)
        ):  # fmt: skip
            if bad.any():
                found.setdefault((one.name, code), _Tally()).add(bad, one.values, one.sequence)

    def _batches(self, names: list[str]) -> Iterator[list[_Column]]:
        """Some columns, some rows at a time."""
        if not names:
            return
        wanted = [*(["sequence"] if self.has_keys else []), *names]
        for rows in self.file.iter_batches(BLOCK, columns=wanted):
            keys = rows.column("sequence").to_numpy(zero_copy_only=False) if self.has_keys else None
            yield [_Column.of(name, rows.column(name), keys) for name in names]


@dataclass(frozen=True)
class _Column:
    """Some rows of a column: without those that are null their keys and values (rows, 365), and how many nulls."""

    name: str
    sequence: NDArray[np.int64] | None
    values: NDArray[np.float32]
    nulls: int

    @classmethod
    def of(cls, name: str, array: pa.FixedSizeListArray, keys: NDArray[np.int64] | None) -> _Column:
        nulls = array.null_count
        if nulls and keys is not None:
            keys = keys[array.is_valid().to_numpy(zero_copy_only=False)]
        flat = array.flatten()
        if flat.null_count:
            nulls += flat.null_count
            flat = flat.fill_null(0.0)
        return cls(name, keys, flat.to_numpy(zero_copy_only=False).reshape(-1, DAYS), nulls)
