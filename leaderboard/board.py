"""The boards, from the store to rows that a page, a terminal or a program can show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agroflux_data.release import Release
from leaderboard.ranking import DECIMALS, OverallRow, Row, overall, rank
from leaderboard.seasons import Seasons
from leaderboard.store import Store
from leaderboard.verification import verified

__all__ = ["Board", "coarse", "shown"]


class Board:
    """The boards of a release's tasks, by the public half of the hidden rows.

    Where there are seasons, those of the one that has opened last: a new season begins with empty boards.

    Parameters
    ----------
    store : Store
    release : Release
        Only submissions for its revision stand on its boards: others were scored on other rows.
    """

    def __init__(self, store: Store, release: Release):
        self._store, self._release = store, release
        self.seasons = Seasons(store)

    def targets(self, task: str) -> tuple[str, ...]:
        """The ranked targets of a task."""
        return self._release.task(task).ranked_targets

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks that have hidden rows, so that they have a board."""
        return self._release.hidden_tasks

    def rows(self, task: str) -> list[Row]:
        """The ranked submissions of a task; raises `AgrofluxError` for an unknown one."""
        targets = self.targets(task)
        season = self.seasons.current()
        entries = self._store.entries(task=task, revision=self._release.revision)
        inside = entries if season is None else filter(season.holds, entries)
        return rank(inside, targets, verified=verified(self._store))

    def overall(self) -> list[OverallRow]:
        """All tasks in one board: a line for each participant's model, by its name."""
        return overall({task: self.rows(task) for task in self.tasks}, lambda row: (row.submission.owner, row.model))

    def verified(self, id: str) -> bool:
        """Whether the host ran a submission's model again and found the same predictions."""
        return id in verified(self._store)

    def headers(self, task: str) -> list[str]:
        """Names of the columns of `table`."""
        scores = [f"{target} {what}" for target in self.targets(task) for what in ("R²", "RMSE")]
        return ["Rank", "Model", "Skill", "By", *scores, "Pretraining", "Origin", "Date"]

    def table(self, rows: Sequence[Row], task: str) -> list[list[Any]]:
        """Rows as cells under `headers`; None where there is no number."""
        origin = self._release.origin(task)
        return [
            [
                row.rank, row.model, _decimals(row.skill), row.submission.owner,
                *(value for target in self.targets(task)
                  for value in (_decimals(row.targets[target].r2), coarse(row.targets[target].rmse))),
                str(row.entry.metadata.get("pretraining") or "-"), origin, f"{row.submission.received:%Y-%m-%d}",
            ]
            for row in rows
        ]  # fmt: skip


def coarse(value: Any) -> Any:
    """JSON values with every number that is not whole rounded to four significant digits, R2 and skill to decimals too.

    Finer ones would tell more about the hidden values than about the model: near 0, as that of a constant is, four
    digits of an R2 would be as fine as the scorer's own.
    """
    if isinstance(value, dict):
        return {name: _decimals(item) if name in ("r2", "skill") else coarse(item) for name, item in value.items()}
    if isinstance(value, list):
        return [coarse(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _decimals(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _decimals(item) for name, item in value.items()}
    return round(coarse(value), DECIMALS) if isinstance(value, float) else value


def shown(cell: Any, header: str) -> str:
    """A cell of `Board.table` as text, with as many decimals as its column needs."""
    if cell is None:
        return "–"
    if not isinstance(cell, float):
        return str(cell)
    # N2O is a thousand times smaller than the carbon fluxes.
    return f"{cell:z.5f}" if header == "N2O RMSE" else f"{cell:z.3f}"
