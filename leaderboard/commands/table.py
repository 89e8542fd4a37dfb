"""`agroflux-leaderboard table`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from agroflux_data import console
from leaderboard import locations
from leaderboard.board import Board, shown
from leaderboard.commands.arguments import DATA, STORE, Data, Store
from leaderboard.store import open_store

__all__ = ["table"]


def table(
    task: Annotated[str, typer.Argument(help="Name of a task.", show_default=False)],
    data: Data = DATA,
    store: Store = STORE,
) -> None:
    """Print the board of a task."""
    release = locations.release(data)
    release.task(task)
    board = Board(open_store(store, existing=True), release)
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
