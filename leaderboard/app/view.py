"""What a visitor chose to see of a board: search, filters, columns, order and page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from leaderboard.app.standings import METRICS, Line

__all__ = ["ANY", "OPTIONAL", "PAGE", "USUAL", "Column", "View", "columns"]

ANY = "any"
PAGE = 50
"""Lines of a page."""

_HEADINGS = {"skill": "skill", "r2": "R²", "rmse": "RMSE", "mae": "MAE", "bias": "bias"}


def _words(name: str) -> str:
    return _HEADINGS[name][0].upper() + _HEADINGS[name][1:]


OPTIONAL = (
    ("By", "owner"), ("95 % interval", "interval"), *((f"{_words(name)} by target", name) for name in METRICS),
    ("Pretraining", "pretraining"), ("External data", "external"), ("Method", "method"), ("Parameters", "parameters"),
    ("Verified", "verified"), ("Origin", "origin"), ("Received", "date"),
)  # fmt: skip
"""The columns that may be left out, with the names that the page gives them."""
USUAL = ("owner", "interval", "r2", "rmse", "pretraining", "verified", "date")
"""Those that are shown at first."""


@dataclass(frozen=True)
class Column:
    """One column of a board.

    Attributes
    ----------
    key : str
        Names the column when it is sorted by.
    heading : str
    title : str
        The heading in full, for those who cannot see it in its place.
    kind : str
        ``rank``, ``name``, ``text``, ``flag``, ``date``, ``count``, ``interval``, ``done`` or the name of a metric.
    of : callable
        The column's value of a line; None where there is none.
    target : str or None
        The target whose metric it is.
    """

    key: str
    heading: str
    title: str
    kind: str
    of: Callable[[Line], Any]
    target: str | None = None

    @property
    def numeric(self) -> bool:
        return self.kind not in ("name", "text", "flag", "date")


def _metric(target: str, name: str) -> Column:
    heading = f"{target} {_HEADINGS[name]}"
    return Column(f"{target}.{name}", heading, heading, name, lambda line: line.targets[target][name], target)


def _task(task: str) -> Column:
    def skill(line: Line) -> float | None:
        found = line.tasks.get(task)
        return None if found is None else found.skill

    source, scenario = task.rsplit("_", 1)
    return Column(f"{task}.skill", f"{source} {scenario}", f"skill in {task}", "skill", skill, task)


def columns(chosen: Sequence[str], targets: Sequence[str] = (), tasks: Sequence[str] = ()) -> list[Column]:
    """The columns of a board: of a task with these targets, or over these tasks.

    Parameters
    ----------
    chosen : sequence of str
        Names of `OPTIONAL` columns.
    targets : sequence of str
        Of a task's board: its ranked targets.
    tasks : sequence of str
        Of an overall board.
    """
    found = [
        Column("rank", "Rank", "rank", "rank", lambda line: line.rank),
        Column("model", "Model", "model", "name", lambda line: line.model.casefold()),
        Column("skill", "Skill", "mean skill", "skill", lambda line: line.skill),
    ]
    if "interval" in chosen and not tasks:
        found.append(Column("interval", "95 %", "95 % interval of the mean skill", "interval", lambda line: line.low))
    if "owner" in chosen:
        found.append(Column("owner", "By", "participant", "text", lambda line: line.owner.casefold()))
    if tasks:
        found.append(Column("done", "Tasks", "tasks submitted to", "done", lambda line: line.done))
    found += [_task(task) for task in tasks]
    found += [_metric(target, name) for target in targets for name in METRICS if name in chosen]
    found += [
        column
        for column in (
            Column("pretraining", "Pretraining", "pretraining", "text", lambda line: line.pretraining),
            Column("external", "External data", "external data", "flag", lambda line: line.external),
            Column("method", "Method", "kind of method", "text", lambda line: line.method.casefold() or None),
            Column("parameters", "Parameters", "number of parameters", "count", lambda line: line.parameters),
            Column("verified", "Verified", "verified by the host", "flag", lambda line: line.verified),
            Column("origin", "Origin", "origin of the data", "text", lambda line: line.origin),
            Column("date", "Received", "day it was received", "date", lambda line: line.date),
        )
        if column.key in chosen
    ]
    return found


@dataclass(frozen=True)
class View:
    """How a board is to be shown. Every value may come from a browser: what is not known counts as not chosen.

    Attributes
    ----------
    search : str
        Words that must all stand in a line.
    pretraining, origin : str
        `ANY`, or the one to show.
    external, verified : str
        `ANY`, ``yes`` or ``no``.
    chosen : tuple of str
        Names of `OPTIONAL` columns.
    sort : str
        Key of a column.
    descending : bool
    page : int
        From 0.
    """

    search: str = ""
    pretraining: str = ANY
    external: str = ANY
    verified: str = ANY
    origin: str = ANY
    chosen: tuple[str, ...] = USUAL
    sort: str = "rank"
    descending: bool = False
    page: int = 0

    def sorted_by(self, column: Column) -> View:
        """Sorted by a column: as is useful at first, the other way round the second time."""
        first = column.kind in ("skill", "r2", "flag", "date", "interval", "done")
        turned = not self.descending if column.key == self.sort else first
        return replace(self, sort=column.key, descending=turned, page=0)

    def lines(self, board: Sequence[Line], shown: Sequence[Column]) -> list[Line]:
        """The lines that pass the filters, in the order wanted; what has no value stands last either way."""
        words = self.search.casefold().split()
        left = [line for line in board if self._passes(line) and all(word in line.words for word in words)]
        column = next((one for one in shown if one.key == self.sort), None)
        if column is None or (column.key == "rank" and not self.descending):
            return left  # as the board is ordered
        known = [line for line in left if column.of(line) is not None]
        known.sort(key=column.of, reverse=self.descending)
        return known + [line for line in left if column.of(line) is None]

    def _passes(self, line: Line) -> bool:
        return (
            (self.pretraining == ANY or self.pretraining in line.pretraining.split(", "))
            and (self.origin == ANY or self.origin in line.origin.split(", "))
            and (self.external == ANY or line.external == (self.external == "yes"))
            and (self.verified == ANY or line.verified == (self.verified == "yes"))
        )

    def cut(self, lines: Sequence[Line]) -> tuple[list[Line], int, int]:
        """The lines of the page, its number within the pages that there are, and how many these are."""
        pages = max(1, -(-len(lines) // PAGE))
        page = min(max(0, self.page), pages - 1)
        return list(lines[page * PAGE : (page + 1) * PAGE]), page, pages
