"""Is a release what it says: whole, plausible, scaled by training rows alone, and silent about what it hides?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agroflux_data import sequences, shards, statistics
from agroflux_data.card import FIGURES, README, linked_figures
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import PROVENANCE, SECRET, STATISTICS, Release, Split, Targets, targets_folder
from agroflux_data.splits import Edition, assign_folds, place
from agroflux_data.statistics import Moments
from agroflux_data.tasks import Task
from agroflux_data.variables import STATICS, VARIABLES

__all__ = ["Finding", "check", "damage", "known_files"]

_EXAMPLES = 3
_HUB_FILES = (".git", ".gitattributes", ".cache")
"""What the Hub's own tools leave in a clone."""


@dataclass(frozen=True)
class Finding:
    """Something wrong with a release.

    Attributes
    ----------
    where : str
        File, or task and split.
    problem : str
        One sentence with a count and first examples.
    """

    where: str
    problem: str


def check(release: Release, targets: Path | None = None) -> Iterator[Finding]:
    """Everything that is wrong with a release, as it is found.

    Files are whole and known; schemas are the task's; keys are unique, ordered and in the split where they belong;
    inputs have no NaN, values are physical; scalers are those of the training rows; and no hidden row has an output
    value anywhere in the folder. With targets beside it, these are its hidden rows.

    Parameters
    ----------
    release : Release
    targets : Path, optional
        The private folder; by default the one beside the release, if it is there.
    """
    yield from damage(release)
    hidden: dict[str, set[int]] = {}
    revealed: dict[str, list[tuple[str, NDArray[np.int64]]]] = {}
    for name in release.tasks:
        task = release.task(name)
        yield from _places(release, task)
        for split, record in release.splits(name).items():
            where = f"{name}/{split}"
            try:
                found = _Rows(task, release.features(name).arrow_schema)
                for path in release.paths(name, split):
                    where = str(path.relative_to(release.path))
                    for rows in shards.read(path):
                        yield from found.look(rows, where)
            except AgrofluxError as error:
                yield Finding(where, str(error))
                continue
            where = f"{name}/{split}"
            yield from found.whole(where, record)
            if split in task.training_splits(release.edition):
                yield from _scalers(release, task, split, found.moments, where)
            revealed.setdefault(task.source, []).append((where, np.array(found.with_output, np.int64)))
            if record.hidden:
                hidden.setdefault(task.source, set()).update(found.keys)
    yield from _leaks(hidden, revealed)
    if release.edition is Edition.SEALED:
        folder = targets or targets_folder(release.path)
        if folder.exists() or targets is not None:
            yield from _targets(release, folder)


def _some(items: NDArray | list) -> str:
    """A count and the first examples."""
    first = ", ".join(str(item) for item in list(items)[:_EXAMPLES])
    return f"{len(items)} ({first}{', ...' if len(items) > _EXAMPLES else ''})"


def known_files(folder: Release | Targets) -> frozenset[str]:
    """The files that make up a folder of a release, by their paths in it with forward slashes."""
    papers = {PROVENANCE, SECRET} if isinstance(folder, Targets) else {README, *FIGURES, PROVENANCE, STATISTICS}
    return frozenset(papers | {shard.file for shard in folder.shards})


def damage(folder: Release | Targets) -> Iterator[Finding]:
    """Files that are missing, are not what was built, or do not belong there."""
    for shard in folder.shards:
        path = folder.path / shard.file
        if not path.is_file():
            yield Finding(shard.file, "missing shard")
        elif path.stat().st_size != shard.bytes:
            yield Finding(shard.file, f"expected {shard.bytes} bytes, got {path.stat().st_size}")
        elif shards.digest(path) != shard.sha256:
            yield Finding(shard.file, "content differs from what was built (SHA-256)")
    known = known_files(folder)
    for path in sorted(folder.path.rglob("*")):
        relative = path.relative_to(folder.path)
        if path.is_file() and relative.as_posix() not in known and relative.parts[0] not in _HUB_FILES:
            yield Finding(str(relative), "a file that the release does not know")
    if README in known and not (folder.path / README).is_file():
        yield Finding(README, "missing dataset card: load_dataset would not find the splits")
    for file in sorted(linked_figures(folder.path)):
        if not (folder.path / file).is_file():
            yield Finding(file, "missing figure: the dataset card shows it")


class _Rows:
    """What one split's rows show, gathered row group by row group."""

    def __init__(self, task: Task, schema: pa.Schema):
        self.task, self.schema = task, schema
        self.keys: list[int] = []
        self.sites: set[str] = set()
        self.with_output: list[int] = []
        self.moments: dict[str, Moments] = {}

    def look(self, rows: pa.Table, where: str) -> Iterator[Finding]:
        if not rows.schema.equals(self.schema):
            types = {field.name: str(field.type) for field in self.schema}
            odd = [field.name for field in rows.schema if types.get(field.name) != str(field.type)]
            lacking = [name for name in types if name not in rows.schema.names]
            if odd or lacking or rows.schema.names != self.schema.names:
                raise AgrofluxError("another schema than the task's", came=f"lacking {lacking}, odd {odd}", where=where)
        keys = rows["sequence"].to_numpy()
        self.keys += keys.tolist()
        self.sites |= set(rows["site"].unique().to_pylist())
        _, treatment, year = sequences.parts(keys)
        wrong = (treatment != rows["treatment"].to_numpy()) | (year != rows["year"].to_numpy())
        if wrong.any():
            yield Finding(where, f"sequences that do not spell their treatment and year: {_some(keys[wrong])}")
        self.moments = statistics.pool([self.moments, statistics.moments(rows)])
        observed = np.zeros(len(keys), bool)
        for name in (*self.task.inputs, *self.task.targets):
            values = rows[name].to_numpy()[:, None] if name in STATICS else sequences.values(rows[name])
            missing = np.isnan(values)
            if name in self.task.targets:
                observed |= ~missing.all(axis=1)
            elif missing.any():
                yield Finding(where, f"NaN in input {name}, sequences: {_some(keys[missing.any(axis=1)])}")
            variable = VARIABLES[name]
            with np.errstate(invalid="ignore"):
                odd_values = (values < variable.low) | (values > variable.high)
            if odd_values.any():
                rows_odd = odd_values.any(axis=1)
                yield Finding(
                    where,
                    f"{name} outside {variable.low:g} to {variable.high:g} {variable.unit} "
                    f"({np.nanmin(values):g} to {np.nanmax(values):g}), sequences: {_some(keys[rows_odd])}",
                )
        self.with_output += keys[observed].tolist()

    def whole(self, where: str, record: Split) -> Iterator[Finding]:
        if len(self.keys) != record.rows:
            yield Finding(where, f"expected {record.rows} rows, got {len(self.keys)}")
        unique, counts = np.unique(np.array(self.keys, np.int64), return_counts=True)
        if (counts > 1).any():
            yield Finding(where, f"sequences that stand there more than once: {_some(unique[counts > 1])}")
        if record.hidden and self.with_output:
            yield Finding(where, f"hidden rows with output values: {_some(self.with_output)}")


def _places(release: Release, task: Task) -> Iterator[Finding]:
    """Rows stand in the split where years and folds put them."""
    try:
        rows = {
            split: release.table(task.name, split, ["sequence", "site", "year"]) for split in release.splits(task.name)
        }
    except AgrofluxError:
        return  # the look at the rows says so, with the file
    folds = release.provenance.sources[task.source].folds
    if folds != assign_folds(list(folds), remainder=task.remainder):
        yield Finding(PROVENANCE, f"folds of {task.source} are not those of the published shuffle")
    for split, table in rows.items():
        keys, wrong = table["sequence"].to_numpy(), []
        pairs = zip(table["site"].to_pylist(), table["year"].to_pylist(), strict=True)
        for key, (site, year) in zip(keys, pairs, strict=True):
            fold = folds.get(site)
            at = None if fold is None else place(task.scenario, release.edition, fold, task.years.period(year))
            if at is None or at.split != split:
                wrong.append(int(key))
        if wrong:
            yield Finding(f"{task.name}/{split}", f"sequences that belong elsewhere: {_some(wrong)}")


def _scalers(release: Release, task: Task, split: str, found: dict[str, Moments], where: str) -> Iterator[Finding]:
    stated = release.statistics(task.name, [split])
    for name, moments in found.items():
        say = stated.get(name)
        close = say is not None and (
            say.n == moments.n == 0
            or (say.n == moments.n and np.allclose(
                [say.mean, say.sd, say.min, say.max], [moments.mean, moments.sd, moments.min, moments.max],
                rtol=1e-6, atol=1e-9 + 1e-6 * moments.sd,
            ))
        )  # fmt: skip
        if not close:
            yield Finding(STATISTICS, f"{where}: {name} is not that of the training rows: {say} against {moments}")


def _leaks(hidden: dict[str, set[int]], revealed: dict[str, list[tuple[str, NDArray[np.int64]]]]) -> Iterator[Finding]:
    """The invariant: no hidden (source, site, treatment, year) has an output value anywhere in the public folder."""
    for source, keys in hidden.items():
        secret = np.array(sorted(keys), np.int64)
        for where, shown in revealed[source]:
            both = np.intersect1d(shown, secret)
            if both.size:
                yield Finding(where, f"output values of rows that the release hides: {_some(both)}")


def _targets(release: Release, folder: Path) -> Iterator[Finding]:
    try:
        targets = Targets.of(release, folder)
        for found in damage(targets):
            yield Finding(f"{folder.name}/{found.where}", found.problem)
        for name in release.tasks:
            for split, record in release.splits(name).items():
                if not record.hidden:
                    continue
                where = f"{folder.name}/{name}/{split}"
                public, private = release.keys(name, split), targets.keys(name, split)
                if not np.array_equal(np.sort(public), np.sort(private)):
                    odd = np.setxor1d(public, private)
                    yield Finding(where, f"other sequences than the public folder's: {_some(odd)}")
                for path in targets.paths(name, split):
                    lacking = set(release.task(name).targets) - set(pq.read_schema(path).names)
                    if lacking:
                        yield Finding(where, f"outputs missing: {_some(sorted(lacking))}")
    except AgrofluxError as error:
        yield Finding(folder.name, str(error))
