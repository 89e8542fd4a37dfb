"""What a release holds in short: its splits one by one, and the sites of its sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from agroflux_data import sequences
from agroflux_data.release import Release
from agroflux_data.sources.source import Site
from agroflux_data.tasks import TASKS

__all__ = ["SplitOverview", "sites", "splits", "table"]


@dataclass(frozen=True)
class SplitOverview:
    """One split of a task in short.

    Attributes
    ----------
    task, split : str
    rows, sites : int
    first_year, last_year : int
    hidden : bool
        Whether its outputs are.
    bytes : int
        Of its files.
    observed : dict of str to float
        Share of days with a value, by ranked target; empty where nobody looked, or nobody may.
    """

    task: str
    split: str
    rows: int
    sites: int
    first_year: int
    last_year: int
    hidden: bool
    bytes: int
    observed: dict[str, float] = field(default_factory=dict)

    @property
    def cells(self) -> dict[str, Any]:
        """What a table shows, by the names of its columns; shares aside."""
        return {
            "task": self.task, "split": self.split, "sequences": f"{self.rows:,}", "sites": f"{self.sites:,}",
            "years": f"{self.first_year}-{self.last_year}", "targets": "hidden" if self.hidden else "public",
            "MB": f"{self.bytes / 1e6:,.2f}",
        }  # fmt: skip


def splits(release: Release) -> tuple[SplitOverview, ...]:
    """Every split of every task, as the release states it."""
    return tuple(
        SplitOverview(
            task=task, split=split, rows=record.rows, sites=record.sites, first_year=record.first_year,
            last_year=record.last_year, hidden=record.hidden, bytes=sum(shard.bytes for shard in record.shards),
        )
        for task in release.tasks
        for split, record in release.splits(task).items()
    )  # fmt: skip


def table(rows: Iterable[SplitOverview]) -> Table:
    """A table for the terminal; with the share of days that were observed, where somebody looked."""
    rows = list(rows)
    ranked = list(dict.fromkeys(name for row in rows for name in row.observed))
    shown = Table(box=SIMPLE)
    for name in rows[0].cells if rows else ():
        shown.add_column(name, justify="left" if name in ("task", "split") else "right", no_wrap=True)
    for name in ranked:
        shown.add_column(f"{name} observed", justify="right")
    for row in rows:
        shown.add_row(*row.cells.values(), *(_share(row, name) for name in ranked))
    return shown


def _share(row: SplitOverview, target: str) -> str:
    if target in row.observed:
        return f"{100 * row.observed[target]:.1f} %"
    return "hidden" if row.hidden and target in TASKS[row.task].targets else ""


def sites(release: Release, source: str) -> tuple[Site, ...]:
    """The sites of a source that have a row, in the order of their numbers; from the columns of keys alone."""
    # The spatial task has every site; the temporal one, in the sealed edition, those of fold 4 not.
    task = next(task for task in reversed(release.tasks) if release.task(task).source == source)
    found: dict[int, Site] = {}
    for split in release.splits(task):
        for rows in release.read(task, split, ["sequence", "site", "lat", "lon"]):
            numbers, _, _ = sequences.parts(rows["sequence"].to_numpy())
            for number, row in zip(*np.unique(numbers, return_index=True), strict=True):
                one = rows.slice(row, 1).to_pylist()[0]
                found[int(number)] = Site(one["site"], int(number), one["lat"], one["lon"])
    return tuple(found[number] for number in sorted(found))
