"""`agroflux-leaderboard add`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from agroflux_data import console
from leaderboard import locations
from leaderboard.board import Board
from leaderboard.commands.arguments import DATA, STORE, Data, Store, Targets
from leaderboard.intake import Intake
from leaderboard.store import Entry, State, open_store
from leaderboard.tokens import check_name
from leaderboard.worker import Worker

__all__ = ["add"]


def add(
    file: Annotated[Path, typer.Argument(help="A submission file.", show_default=False)],
    owner: Annotated[str, typer.Option(help="In whose name.", show_default=False)],
    wait: Annotated[bool, typer.Option("--wait", help="Score it before returning.")] = False,
    data: Data = DATA,
    targets: Targets = None,
    store: Store = STORE,
) -> None:
    """Enter a submission, as the host; the quota does not hold for it."""
    release = locations.release(data)
    hidden = locations.hidden_targets(release, data, targets)
    records = open_store(store)
    receipt = Intake(records, release).receive(file, check_name(owner), limited=False)
    again = "" if receipt.new else " (it had been received before)"
    console.output.print(f"received {receipt.id}: {escape(receipt.model)} for {receipt.task}{again}", soft_wrap=True)
    if not wait:
        return
    with console.messages.status("scoring"):
        entry = Worker(records, release, hidden).finish(receipt.id)
    if entry.state is not State.SCORED:
        _explain(entry)
        raise typer.Exit(2)
    rows = Board(records, release).rows(receipt.task)
    place = next((row for row in rows if row.submission.id == receipt.id), None)
    standing = (
        "withdrawn"
        if place is None
        else "without a rank"
        if place.rank is None
        else (f"mean skill {place.skill:.3f}, rank {place.rank} of {len(rows)}")
    )
    console.output.print(f"{receipt.id}: scored, {standing}")


def _explain(entry: Entry) -> None:
    console.output.print(f"{entry.submission.id}: {entry.state.value}")
    if entry.result is not None:
        console.output.print(entry.result.reason or "", markup=False, soft_wrap=True)
        for fault in entry.result.faults:
            console.output.print(f"- {fault.get('code')}: {fault.get('message')}", markup=False, soft_wrap=True)
