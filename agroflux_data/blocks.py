"""A block's way from its source to shards: the task that every engine runs."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from datasets.utils.logging import disable_progress_bar

from agroflux_data import shards, statistics
from agroflux_data.builder import AgrofluxBuilder
from agroflux_data.partition import Partition
from agroflux_data.plan import Plan
from agroflux_data.shards import Shard
from agroflux_data.staging import PUBLIC, TARGETS, Piece, Staging
from agroflux_data.statistics import Moments

__all__ = ["Job", "build_block", "jobs"]


@dataclass(frozen=True)
class Job:
    """One block of a source to be built.

    Attributes
    ----------
    partition : Partition
    number : int
        Of the block, in `Partition.blocks`.
    """

    partition: Partition
    number: int

    @property
    def name(self) -> str:
        """The block's name in the staging folder."""
        return f"{self.partition.source.name}-{self.number:05d}"


def jobs(plan: Plan) -> list[Job]:
    """Every block of a plan: source by source, block by block."""
    return [Job(partition, number) for partition in plan.partitions for number in range(len(partition.blocks))]


def build_block(job: Job, staging: Staging) -> None:
    """Drain the builder of each task for one block into shards, and record the block as finished.

    Does nothing for a block that is finished, so it may be run twice, and by two processes at once.

    Raises
    ------
    AgrofluxError
        The staging folder is not to be seen from here.
    """
    staging.check_seen()
    if staging.finished(job.name) is not None:
        return
    disable_progress_bar()
    partition, number = job.partition, job.number
    block, pieces = partition.blocks[number], []
    with staging.attempt() as attempt:
        for task in partition.tasks.values():
            builder = AgrofluxBuilder(config_name=task.name, partition=partition, cache_dir=str(attempt / "cache"))
            training = task.training_splits(partition.edition)
            for split in partition.splits(task):
                tables = [table for _, table in builder._generate_tables(split, [block])]
                if not tables:
                    continue
                rows = pa.concat_tables(tables)
                file = f"{task.name}/{split}-block-{number:05d}.parquet"
                shard = shards.write(rows, attempt / PUBLIC / file, file)
                moments = statistics.moments(rows) if split in training else None
                pieces.append(_piece(PUBLIC, task.name, split, shard, rows, moments))
                if partition.hides(split):
                    hidden = partition.hidden(task, block)
                    sites = hidden["site"].to_pylist()
                    shard = shards.write(hidden.drop_columns("site"), attempt / TARGETS / file, file, sites)
                    pieces.append(_piece(TARGETS, task.name, split, shard, rows, None))
        staging.finish(job.name, attempt, pieces)


def _piece(
    folder: str, task: str, split: str, shard: Shard, rows: pa.Table, moments: dict[str, Moments] | None
) -> Piece:
    years = rows["year"].to_numpy()
    sites = len(rows["site"].unique())
    return Piece(folder, task, split, shard, sites, int(years.min()), int(years.max()), moments)
