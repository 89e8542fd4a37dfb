"""A release as it lies on disk: the public folder, and beside it the hidden targets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from datasets import Features
from numpy.typing import NDArray

from agroflux_data import shards, statistics
from agroflux_data.errors import AgrofluxError
from agroflux_data.sequences import task_features
from agroflux_data.shards import Shard
from agroflux_data.splits import Edition, Years
from agroflux_data.statistics import Moments
from agroflux_data.tasks import Task
from agroflux_data.versions import FIRST, Version

__all__ = ["FORMAT", "PROVENANCE", "SECRET", "STATISTICS", "Provenance", "Release", "SourceRecord", "Split", "Targets",
           "TaskRecord", "targets_folder"]  # fmt: skip

FORMAT = 1
"""Version of the folder's layout; a reader refuses another one."""
PROVENANCE, STATISTICS, SECRET = "provenance.json", "statistics.json", "secret"


def targets_folder(release: Path) -> Path:
    """Where the hidden targets of a release are by default: ``agroflux`` has ``agroflux-targets`` beside it."""
    return release.with_name(release.name + "-targets")


@dataclass(frozen=True)
class Split:
    """One split of a task: its shards, and the size of what is in them."""

    rows: int
    sites: int
    first_year: int
    last_year: int
    shards: tuple[Shard, ...]
    hidden: bool = False


@dataclass(frozen=True)
class TaskRecord:
    """What a release says of one task."""

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    splits: dict[str, Split]


@dataclass(frozen=True)
class SourceRecord:
    """What a release says of one source.

    Attributes
    ----------
    origin : str
        Who made the numbers: ``embedded``, ``official``, ``ameriflux``, ``daycent``, ``ecosys``.
    content : str
        What the rows were made from: scale and seed, or a hash over the files that were read.
    years : Years
    folds : dict of str to int
        The fold of every site by name, `ALWAYS_TRAIN` for one that is in none.
    warnings : tuple of str
        What was derived or left out when it was read.
    """

    origin: str
    content: str
    years: Years
    folds: dict[str, int]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Provenance:
    """``provenance.json``: how a release came about and what is in it.

    Attributes
    ----------
    revision : str
        16 hex digits over the content of all shards: two releases with the same revision hold the same rows.
    made_with : str
        Version of agroflux that built it.
    edition : Edition
    scale : str or None
        tiny, small or paper for embedded sources.
    seed : int
        The public seed: weather, soils and management of embedded sources.
    sources : dict of str to SourceRecord
    tasks : dict of str to TaskRecord
    version : Version
        Semantic, named by the host (`agroflux_data.versions`). A release that was built before there were any is the
        first.
    """

    revision: str
    made_with: str
    edition: Edition
    scale: str | None
    seed: int
    sources: dict[str, SourceRecord]
    tasks: dict[str, TaskRecord]
    version: Version = FIRST
    format: int = field(default=FORMAT)

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"version": str(self.version)}, indent=1) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read ``provenance.json`` of a folder; raises `AgrofluxError` where it is no release."""
        path = folder / PROVENANCE
        if not folder.is_dir():
            raise AgrofluxError("no such release", expected="a folder", came="nothing there", where=folder)
        if not path.is_file():
            raise AgrofluxError(
                "not a release", expected=f"a folder with {PROVENANCE} (made by agroflux-data build)", where=folder
            )
        try:
            data: dict[str, Any] = json.loads(path.read_text())
            if data.get("format") != FORMAT:
                raise AgrofluxError(
                    "another layout of release", expected=f"format {FORMAT}", came=data.get("format"), where=path
                )
            return cls(
                **data
                | {
                    "edition": Edition(data["edition"]),
                    "version": Version.from_text(data.get("version", str(FIRST))),
                    "sources": {
                        name: SourceRecord(
                            **source | {"years": Years(**source["years"]), "warnings": tuple(source["warnings"])}
                        )
                        for name, source in data["sources"].items()
                    },
                    "tasks": {
                        name: TaskRecord(
                            tuple(task["inputs"]),
                            tuple(task["targets"]),
                            {
                                split: Split(**record | {"shards": tuple(Shard(**shard) for shard in record["shards"])})
                                for split, record in task["splits"].items()
                            },
                        )
                        for name, task in data["tasks"].items()
                    },
                }
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise AgrofluxError(
                "damaged provenance", expected="what build wrote", came=str(error), where=path
            ) from None


class _Folder:
    """A folder of shards with its provenance."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.provenance = Provenance.read(self.path)

    @property
    def revision(self) -> str:
        return self.provenance.revision

    @property
    def version(self) -> Version:
        return self.provenance.version

    @property
    def edition(self) -> Edition:
        return self.provenance.edition

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks in this folder."""
        return tuple(self.provenance.tasks)

    def task(self, name: str) -> Task:
        """The task with the columns and years that this release has.

        Raises
        ------
        AgrofluxError
            No such task, or this release does not have it.
        """
        task = Task.from_name(name)
        record = self.provenance.tasks.get(name)
        if record is None:
            raise AgrofluxError(
                "task not in this release", expected="one of " + ", ".join(self.tasks), came=name, where=self.path
            )
        return task.narrowed(
            inputs=record.inputs, targets=record.targets, years=self.provenance.sources[task.source].years
        )

    def origin(self, task: str) -> str:
        """Who made the task's numbers."""
        return self.provenance.sources[self.task(task).source].origin

    def splits(self, task: str) -> dict[str, Split]:
        """The splits of a task by name, in order."""
        self.task(task)
        return self.provenance.tasks[task].splits

    @property
    def hidden_tasks(self) -> tuple[str, ...]:
        """Names of the tasks that have rows whose outputs are hidden."""
        return tuple(
            name for name in self.tasks if any(split.hidden and split.rows for split in self.splits(name).values())
        )

    def split(self, task: str, name: str) -> Split:
        """One split; raises `AgrofluxError` where the task lacks it."""
        splits = self.splits(task)
        if name not in splits:
            raise AgrofluxError(f"{task} has no such split", expected="one of " + ", ".join(splits), came=name)
        return splits[name]

    @property
    def shards(self) -> tuple[Shard, ...]:
        """Every shard of every task, in order."""
        records = self.provenance.tasks.values()
        return tuple(shard for task in records for split in task.splits.values() for shard in split.shards)

    def paths(self, task: str, split: str) -> list[Path]:
        """The Parquet files of a split, in order."""
        return [self.path / shard.file for shard in self.split(task, split).shards]

    def read(self, task: str, split: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The row groups of a split, one by one, in the order of the files."""
        for path in self.paths(task, split):
            yield from shards.read(path, columns)

    def table(self, task: str, split: str, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of a split as one table (in memory)."""
        return pa.concat_tables(shards.table(path, columns) for path in self.paths(task, split))

    def keys(self, task: str, split: str) -> NDArray[np.int64]:
        """The sequence numbers of a split, (rows,), in the order of the files."""
        return self.table(task, split, ["sequence"])["sequence"].to_numpy()


class Release(_Folder):
    """The public folder of a release.

    Examples
    --------
    >>> release = Release("agroflux")                                        # doctest: +SKIP
    >>> task = release.task("ecosys_temporal")                               # doctest: +SKIP
    >>> rows = release.table(task.name, "train", ["sequence", "GPP"])        # doctest: +SKIP
    """

    def features(self, task: str) -> Features:
        """The `datasets.Features` of a task's rows."""
        return task_features(self.task(task))

    @cached_property
    def _moments(self) -> dict[str, dict[str, dict[str, Moments]]]:
        path = self.path / STATISTICS
        try:
            data = json.loads(path.read_text())
            return {
                task: {
                    split: {name: Moments.from_json(value) for name, value in variables.items()}
                    for split, variables in by_split.items()
                }
                for task, by_split in data.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise AgrofluxError(
                "damaged statistics", expected="what build wrote", came=str(error), where=path
            ) from None

    def statistics(self, task: str, splits: Iterable[str] | None = None) -> dict[str, Moments]:
        """Moments of every input and target over training rows.

        Parameters
        ----------
        task : str
        splits : iterable of str, optional
            Which training splits to pool: the ones a model is fitted to. By default all that
            `Task.training_splits` lists.

        Raises
        ------
        AgrofluxError
            A split is not training data, or the release lacks it.
        """
        by_split = self._moments.get(self.task(task).name, {})
        wanted = list(by_split) if splits is None else list(splits)
        if lacking := [name for name in wanted if name not in by_split]:
            raise AgrofluxError(
                f"no statistics for these splits of {task}", expected="training splits: " + ", ".join(by_split),
                came=", ".join(lacking), where=self.path / STATISTICS,
            )  # fmt: skip
        return statistics.pool(by_split[name] for name in wanted)


class Targets(_Folder):
    """The private folder of a sealed release: hidden outputs by task, and the secret.

    Its rows are ``sequence``, ``public`` (bool: in the half that is scored before the season closes) and the
    task's outputs; its only split is ``test``.
    """

    @classmethod
    def of(cls, release: Release, path: str | Path | None = None) -> Self:
        """The targets of a release; raises `AgrofluxError` where they belong to another revision."""
        targets = cls(targets_folder(release.path) if path is None else path)
        if targets.revision != release.revision:
            raise AgrofluxError(
                "targets of another release", expected=f"revision {release.revision}", came=targets.revision,
                where=targets.path,
            )  # fmt: skip
        return targets
