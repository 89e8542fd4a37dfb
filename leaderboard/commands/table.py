"""`agroflux-leaderboard table`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from agroflux_data import console
from agroflux_data.release import Release
from leaderboard import locations
from leaderboard.board import Board, coarse, shown
from leaderboard.commands.arguments import DATA, STORE, Data, Store
from leaderboard.store import open_store

__all__ = ["table"]


def table(
    task: Annotated[str | None, typer.Argument(help="Name of a task; the board over all if not given.")] = None,
    data: Data = DATA,
    store: Store = STORE,
) -> None:
    """Print the board of a task, or the one over all tasks."""
    release = locations.release(data)
    if task is not None:
        release.task(task)
    board = Board(open_store(store, existing=True), release)
    if (season := board.seasons.current()) is not None:
        console.messages.print(f"season {season.name}: {season.phase()}", markup=False, soft_wrap=True)
    if task is None:
        _overall(board, release)
    else:
        _of_task(board, release, task)


def _of_task(board: Board, release: Release, task: str) -> None:
    table = Table(
        title=f"{task}: mean skill against climatology, public half of the hidden rows",
        caption=f"{release.origin(task)} data, release {release.revision}; not comparable with the paper's tables",
        box=box.SIMPLE_HEAD,
    )
    rows, headers = board.rows(task), board.headers(task)
    wide = console.output.width >= 110
    kept = [number for number, header in enumerate(headers)
            if wide or not header.endswith(("RMSE", "Pretraining", "Origin", "Date"))]  # fmt: skip
    for header in (headers[number] for number in kept):
        text = header in ("Model", "By", "Pretraining", "Origin", "Date")
        table.add_column(header.replace(" ", "\n"), justify="left" if text else "right", no_wrap=header != "Model")
    for cells in board.table(rows, task):
        table.add_row(*(escape(shown(cells[number], headers[number])) for number in kept))
    console.output.print(table)
    if not rows:
        console.output.print("Nobody has a score yet.")


def _overall(board: Board, release: Release) -> None:
    lines = board.overall()
    table = Table(
        title="all tasks: mean skill against climatology, public half of the hidden rows; more tasks first",
        caption=f"release {release.revision}; not comparable with the paper's tables",
        box=box.SIMPLE_HEAD,
    )
    for header in ("Rank", "Model", "By", "Skill", *(task.replace("_", "\n") for task in board.tasks)):
        table.add_column(header, justify="left" if header in ("Model", "By") else "right", no_wrap=header != "Model")
    for line in lines:
        if not line.rows:
            continue
        first = line.rows[0]
        skills = (shown(coarse(row and row.skill), "Skill") for row in line.tasks.values())
        table.add_row(
            shown(line.rank, "Rank"), escape(first.model), escape(first.submission.owner),
            shown(coarse(line.skill), "Skill"), *skills,
        )  # fmt: skip
    console.output.print(table)
    if not lines:
        console.output.print("Nobody has a score yet.")
