"""A source cut into the splits of an edition: which of its rows are public, and where, and which are hidden."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa
from datasets import Features

from agroflux_data import sequences
from agroflux_data.randomness import stream
from agroflux_data.sources.source import Site, Source
from agroflux_data.splits import Edition, Place, assign_folds, place
from agroflux_data.tasks import TASKS, Task
from agroflux_data.variables import DAYS

__all__ = ["Block", "Partition"]

Block = tuple[Site, ...]
"""Sites that are simulated or read together; every split of every task takes its share of their rows."""


class Partition:
    """The rows of a source, task by task and split by split.

    Parameters
    ----------
    source : Source
    edition : Edition
    secret : bytes
        Chooses, in the sealed edition, which hidden rows are scored before the season closes.
    """

    def __init__(self, source: Source, edition: Edition, secret: bytes = b""):
        self.source, self.edition, self.secret = source, edition, secret
        self._last: tuple[Block, pa.Table] | None = None

    def __reduce__(self) -> tuple[type[Partition], tuple[Source, Edition, bytes]]:
        # Pickled for workers, and by `datasets` for the name of a cache: without all sites, and a block's rows.
        return Partition, (self.source, self.edition, self.secret)

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The source's tasks by name, with its own columns and years; those that its sites and years can fill."""
        own = [
            task.narrowed(inputs=self.source.inputs, targets=self.source.targets, years=self.source.years)
            for task in TASKS.values()
            if task.source == self.source.name
        ]
        return {task.name: task for task in own if len(self.splits(task)) > 1}

    @cached_property
    def folds(self) -> dict[str, int]:
        """The fold of each site by name."""
        remainder = next(task for task in TASKS.values() if task.source == self.source.name).remainder
        return assign_folds([site.name for site in self.source.sites], remainder=remainder)

    def _place(self, task: Task, site: str, year: int) -> Place | None:
        return place(task.scenario, self.edition, self.folds[site], task.years.period(year))

    def splits(self, task: Task) -> tuple[str, ...]:
        """The splits that the sites and years of the source fill, in order."""
        filled = {at.split for site in self.folds for year in task.years.all if (at := self._place(task, site, year))}
        return tuple(name for name in task.splits(self.edition) if name in filled)

    def hides(self, split: str) -> bool:
        """Whether the outputs of a split are hidden."""
        return self.edition is Edition.SEALED and split == "test"

    def features(self, task: Task) -> Features:
        """The `datasets.Features` of a task's rows."""
        return sequences.task_features(task)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The sites in near-equal blocks of about `Source.block_sites`, folds mixed in each."""
        by_name = {site.name: site for site in self.source.sites}
        shuffled = list(self.folds)
        count = max(1, -(-len(shuffled) // self.source.block_sites))
        bounds = np.linspace(0, len(shuffled), count + 1).astype(int)
        return tuple(
            tuple(sorted((by_name[name] for name in shuffled[low:high]), key=lambda site: site.number))
            for low, high in pairwise(bounds)
        )

    def parts(self, task: Task, split: str) -> Sequence[Block]:
        """What `read` takes one by one: the blocks."""
        return self.blocks

    def _all_rows(self, block: Block) -> pa.Table:
        # Both tasks of a source, and all their splits, take their rows from one simulation of a block.
        if self._last is None or self._last[0] != block:
            self._last = None  # the old table may be half of the memory
            self._last = (block, self.source.sequences(block))
        return self._last[1]

    def _rows(self, task: Task, split: str, block: Block) -> pa.Table:
        rows = self._all_rows(block)
        sites, years = rows["site"].to_pylist(), rows["year"].to_pylist()
        mine = {
            (site, year)
            for site, year in set(zip(sites, years, strict=True))
            if (at := self._place(task, site, year)) is not None and at.split == split
        }
        wanted = np.array([site_year in mine for site_year in zip(sites, years, strict=True)], bool)
        # Runs of rows are shown where they lie; a filter would copy them.
        bounds = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]]).astype(np.int8))).reshape(-1, 2)
        runs = [rows.slice(start, stop - start) for start, stop in bounds.tolist()]
        return pa.concat_tables(runs) if runs else rows.slice(0, 0)

    def read(self, task: Task, split: str, block: Block) -> Iterator[pa.Table]:
        """The public rows of a block in a split, as one table if there are any; hidden outputs are NaN."""
        rows = self._rows(task, split, block)
        if rows.num_rows == 0:
            return
        schema = self.features(task).arrow_schema
        rows = rows.select(schema.names).cast(schema)
        if self.hides(split):
            blank = sequences.daily_array(np.full((rows.num_rows, DAYS), np.nan, np.float32))
            for name in task.targets:
                rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), blank)
        yield rows

    def hidden(self, task: Task, block: Block) -> pa.Table:
        """The hidden rows of a block: ``sequence``, ``public`` and the outputs; none in the open edition."""
        rows = self._rows(task, "test", block)
        if not self.hides("test"):
            rows = rows.slice(0, 0)
        public = [
            self._public(task, site, year)
            for site, year in zip(rows["site"].to_pylist(), rows["year"].to_pylist(), strict=True)
        ]
        rows = rows.select(["sequence", "site", *task.targets])
        return rows.add_column(2, "public", pa.array(public, pa.bool_()))

    @cached_property
    def _site_order(self) -> dict[str, int]:
        drawn = {site: stream(self.secret, "public half", self.source.name, site).random() for site in self.folds}
        return {site: number for number, site in enumerate(sorted(drawn, key=drawn.__getitem__))}

    def _public(self, task: Task, site: str, year: int) -> bool:
        """Alternating over sites and years in a secret order: both halves hold every site and every year, nearly."""
        years = list(task.years.all if task.scenario == "spatial" else task.years.of("test"))
        stream(self.secret, "public half", task.name, site).shuffle(years)
        return (self._site_order[site] + years.index(year)) % 2 == 0
