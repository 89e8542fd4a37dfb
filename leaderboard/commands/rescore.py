"""`agroflux-leaderboard rescore`."""

from __future__ import annotations

from typing import Annotated

import typer

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from leaderboard import locations
from leaderboard.board import Board
from leaderboard.commands.arguments import DATA, STORE, Data, Store, Targets
from leaderboard.ranking import Row
from leaderboard.store import Entry, Half, open_store
from leaderboard.store import Store as Records
from leaderboard.worker import Worker
from submission.scoring import SCORER

__all__ = ["rescore"]


def rescore(
    id: Annotated[str | None, typer.Option(help="One submission.", show_default=False)] = None,
    task: Annotated[str | None, typer.Option(help="All submissions to a task.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="All submissions.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Score them here, and show what has changed.")] = False,
    data: Data = DATA,
    targets: Targets = None,
    store: Store = STORE,
) -> None:
    """Score submissions again, after the scorer has changed or a fault was mended.

    The worker of a running server does it, or this command with --wait. Boards show the old results until the new ones
    are there; all results are kept, and a season's standing stays as it was recorded. Submissions to another release
    cannot be scored on this one: they predict other rows.
    """
    if sum([id is not None, task is not None, everything]) != 1:
        raise AgrofluxError("score which again?", expected="one of --id, --task and --all")
    release, records = locations.release(data), open_store(store, existing=True)
    hidden = locations.hidden_targets(release, data, targets) if wait else None
    entries = _chosen(records, release, id, task)
    before = _rows(records, release)
    new = records.request([entry.submission.id for entry in entries])
    new += records.request([entry.submission.id for entry in entries if entry.private is not None], Half.PRIVATE)
    console.output.print(
        f"{len(entries)} submissions, scorer {SCORER}: {new} new requests, {records.waiting()} waiting in all",
        soft_wrap=True,
    )
    if hidden is None:
        console.messages.print("The worker of a running server does it, or run this again with --wait.")
        return
    worker, total = Worker(records, release, hidden), records.waiting()
    with console.bar("scoring") as moved:
        moved(0, total)
        while worker.step():
            moved(total - records.waiting(), total)
    records.flush()
    _changes(before, _rows(records, release), entries)


def _chosen(records: Records, release: Release, id: str | None, task: str | None) -> list[Entry]:
    if id is not None:
        entry = records.entry(id)
        if entry is None:
            raise AgrofluxError("no such submission", came=id)
        found = [entry]
    else:
        found = records.entries(task=None if task is None else release.task(task).name)
    here = [entry for entry in found if entry.submission.revision == release.revision and not entry.withdrawn]
    if others := sum(entry.submission.revision != release.revision for entry in found):
        console.messages.print(
            f"{others} submissions are to another release than {release.revision} and stay as they are", soft_wrap=True
        )
    if not here:
        raise AgrofluxError("nothing to score again", expected=f"submissions to release {release.revision}")
    return here


def _rows(records: Records, release: Release) -> dict[str, Row]:
    board = Board(records, release)
    return {row.submission.id: row for task in board.tasks for row in board.rows(task)}


def _changes(before: dict[str, Row], after: dict[str, Row], entries: list[Entry]) -> None:
    changed = 0
    for id in (entry.submission.id for entry in entries):
        old, new = before.get(id), after.get(id)
        if (old and old.skill) != (new and new.skill):
            changed += 1
            said = " -> ".join(
                "none" if row is None or row.skill is None else f"{row.skill:z.4f}" for row in (old, new)
            )
            console.output.print(f"{id}: mean skill {said}", soft_wrap=True)
    console.output.print(f"{changed} of {len(entries)} mean skills on the board have changed", soft_wrap=True)


def _skill(row: Row | None) -> str:
    return "none" if row is None or row.skill is None else f"{row.skill:z.4f}"
