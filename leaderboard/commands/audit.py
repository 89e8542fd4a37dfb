"""`agroflux-leaderboard audit`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from agroflux_data import console
from leaderboard import locations
from leaderboard.audit import THRESHOLD, Audit
from leaderboard.audit import audit as audit_task
from leaderboard.commands.arguments import DATA, STORE, Data, Store
from leaderboard.store import Store as Records
from leaderboard.store import open_store

__all__ = ["audit"]


def audit(
    task: Annotated[str | None, typer.Argument(help="The task; all if not given.", show_default=False)] = None,
    threshold: Annotated[
        float, typer.Option(help="Least correlation, beyond the seasons, that is listed.", min=0.0, max=1.0)
    ] = THRESHOLD,
    data: Data = DATA,
    store: Store = STORE,
) -> None:
    """List submissions of different participants that are near-duplicates.

    It is written into the journal, and nothing is done to anybody: public baselines are alike for good reasons.
    """
    release, records = locations.release(data), open_store(store, existing=True)
    for name in release.hidden_tasks if task is None else (task,):
        with console.messages.status(f"comparing submissions to {name}"):
            found = audit_task(records, release, name, threshold)
        _show(found, records)


def _show(found: Audit, records: Records) -> None:
    console.output.print(
        f"{found.task}: {found.submissions} submissions on {found.sequences} sequences and {found.days} days each, "
        f"{len(found.pairs)} alike (correlation {found.threshold:g} or more)", soft_wrap=True,
    )  # fmt: skip
    if not found.pairs:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in ("target", "correlation", "distance", "pairs", "earlier", "later"):
        table.add_column(header, justify="right" if header in ("correlation", "distance", "pairs") else "left")
    for pair in found.pairs:
        table.add_row(
            pair.target, f"{pair.correlation:.4f}", f"{pair.distance:.4f}", str(pair.pairs),
            _named(records, pair.a), _named(records, pair.b),
        )  # fmt: skip
    console.output.print(table)


def _named(records: Records, id: str) -> Text:
    entry = records.entry(id)
    assert entry is not None
    # Never markup: the model's name comes from a file.
    return Text(f"{entry.submission.owner}: {entry.model}\n{id}, {entry.submission.received:%Y-%m-%d %H:%M}")
