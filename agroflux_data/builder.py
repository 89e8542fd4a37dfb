"""The `datasets` builder: the rows of a task, split by split, from a source or from a release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import datasets
import pyarrow as pa
from datasets import Features
from datasets.builder import Key

from agroflux_data import shards
from agroflux_data.errors import AgrofluxError
from agroflux_data.partition import Partition
from agroflux_data.release import Release
from agroflux_data.tasks import Task

__all__ = ["AgrofluxBuilder", "AgrofluxConfig"]


class _Rows(Protocol):
    """Anything that has a task's rows: a cut source, or the shards of a release."""

    def splits(self, task: Task) -> Sequence[str]: ...

    def features(self, task: Task) -> Features: ...

    def parts(self, task: Task, split: str) -> Sequence[Any]: ...

    def read(self, task: Task, split: str, part: Any) -> Iterator[pa.Table]: ...


class _ReleaseRows:
    """The shards of a release as `_Rows`."""

    def __init__(self, release: Release):
        self.release = release

    def splits(self, task: Task) -> Sequence[str]:
        return tuple(self.release.splits(task.name))

    def features(self, task: Task) -> Features:
        return self.release.features(task.name)

    def parts(self, task: Task, split: str) -> Sequence[Path]:
        return self.release.paths(task.name, split)

    def read(self, task: Task, split: str, part: Path) -> Iterator[pa.Table]:
        return shards.read(part, self.features(task).arrow_schema.names)


@dataclass
class AgrofluxConfig(datasets.BuilderConfig):
    """A task (the config's name), and where its rows come from: exactly one of the two.

    Attributes
    ----------
    release : str, optional
        Folder of a release.
    partition : Partition, optional
        A source, embedded or a user's own files, cut into splits.
    """

    release: str | None = None
    partition: Partition | None = None


class AgrofluxBuilder(datasets.ArrowBasedBuilder):
    """Rows of one task as Arrow tables: what the shard writer drains, and what can stream straight into training.

    Examples
    --------
    >>> builder = AgrofluxBuilder(config_name="towers_temporal", release="agroflux")     # doctest: +SKIP
    >>> rows = builder.as_streaming_dataset("train").with_format("arrow")                # doctest: +SKIP
    >>> for table in rows.iter(batch_size=64):                                           # doctest: +SKIP
    ...     batch = Batch.of(table, builder.task.core_inputs, builder.task.ranked_targets)
    """

    BUILDER_CONFIG_CLASS = AgrofluxConfig
    config: AgrofluxConfig

    def _info(self) -> datasets.DatasetInfo:
        if (self.config.release is None) == (self.config.partition is None):
            raise AgrofluxError("where do the rows come from", expected="either release=FOLDER or partition=Partition")
        if self.config.release is not None:
            release = Release(self.config.release)
            self.rows: _Rows = _ReleaseRows(release)
            self.task = release.task(self.config.name)
        else:
            assert self.config.partition is not None
            partition = self.rows = self.config.partition
            name = Task.from_name(self.config.name).name
            if name not in partition.tasks:
                raise AgrofluxError("the source has no such task", expected=", ".join(partition.tasks), came=name)
            self.task = partition.tasks[name]
        return datasets.DatasetInfo(features=self.rows.features(self.task))

    def _split_generators(self, dl_manager: object) -> list[datasets.SplitGenerator]:
        return [
            # A list in gen_kwargs is what `datasets` spreads over processes and streaming workers.
            datasets.SplitGenerator(
                name=split, gen_kwargs={"split": split, "parts": list(self.rows.parts(self.task, split))}
            )
            for split in self.rows.splits(self.task)
        ]

    def _generate_tables(self, split: str, parts: list[Any]) -> Iterator[tuple[Key, pa.Table]]:
        for number, part in enumerate(parts):
            for index, table in enumerate(self.rows.read(self.task, split, part)):
                yield Key(number, index), table
