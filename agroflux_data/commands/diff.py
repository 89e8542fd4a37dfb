"""`agroflux-data diff`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from agroflux_data import console
from agroflux_data.diff import Difference, TaskDifference
from agroflux_data.diff import diff as diff_releases
from agroflux_data.errors import listing
from agroflux_data.release import Release, Targets, targets_folder
from agroflux_data.splits import Edition
from agroflux_data.versions import Change

__all__ = ["diff"]

_DIFFER = 1
_COLUMNS = 6
"""Columns named in a line; --json names all."""


def diff(
    first: Annotated[Path, typer.Argument(metavar="A", help="The public folder of a release.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="That of another one, the later.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Compare two releases: rows added, removed, changed and moved, columns, and what each says of itself.

    Says which version B should have after A: major where models, submissions or scores of A do not hold for B, minor
    where B has more to learn from, patch where the rows are the same. Hidden outputs are compared where both have
    their targets beside them.

    Exit code 0 where the releases are equal, 1 where they differ, 2 where one cannot be read.
    """
    releases = Release(first), Release(second)
    targets = None
    if all(release.edition is Edition.SEALED for release in releases):
        if all(targets_folder(release.path).is_dir() for release in releases):
            targets = Targets.of(releases[0]), Targets.of(releases[1])
        else:
            console.messages.print("hidden outputs are not compared: targets are not beside both releases")
    with console.bar("comparing tasks") as done:
        found = diff_releases(*releases, targets, done)
    if as_json:
        print(json.dumps(found.to_json(), allow_nan=False))
    else:
        _print(found)
    if found.change is not Change.NONE:
        raise typer.Exit(_DIFFER)


def _print(found: Difference) -> None:
    (one, other), (before, after) = found.versions, found.revisions
    heading = f"version {one} revision {before} -> version {other} revision {after}"
    if found.change is Change.NONE:
        console.output.print(f"{heading}: equal")
        return
    console.output.print(heading)
    if found.tasks_added:
        console.output.print("tasks added: " + ", ".join(found.tasks_added), soft_wrap=True)
    if found.tasks_removed:
        console.output.print("tasks removed: " + ", ".join(found.tasks_removed), soft_wrap=True)
    if found.tasks or found.targets:
        table = Table("task", "what", "where", box=SIMPLE)
        table.add_column("rows", justify="right")
        for task, difference in found.tasks.items():
            _rows(table, task, difference)
        for task, difference in found.targets.items():
            _rows(table, f"{task}, hidden outputs", difference)
        console.output.print(table)
    for what, (old, new) in found.metadata.items():
        console.output.print(f"{what}: {_short(old)} -> {_short(new)}", markup=False, soft_wrap=True)
    change = found.change.name.lower()
    if other >= found.next_version:
        console.output.print(f"a {change} change: version {other} says so")
    else:
        console.output.print(f"a {change} change: B should have version {found.next_version} or a higher one")


def _rows(table: Table, task: str, difference: TaskDifference) -> None:
    for what in ("added", "removed", "moved", "changed"):
        for where, rows in getattr(difference, what).items():
            table.add_row(task, what, where, str(rows))
    if difference.columns:
        most = sorted(difference.columns.items(), key=lambda item: -item[1])
        table.add_row(task, "other values", listing((f"{column} {rows}" for column, rows in most), _COLUMNS), "")
    for what in ("hidden", "revealed"):
        if rows := getattr(difference, what):
            table.add_row(task, what, "", str(rows))
    for what, columns in (("added", difference.columns_added), ("removed", difference.columns_removed)):
        if columns:
            table.add_row(task, f"columns {what}", listing(columns, _COLUMNS), "")


def _short(value: object) -> str:
    """A value in a line: the text of long ones is cut."""
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 100 else text[:97] + "..."
