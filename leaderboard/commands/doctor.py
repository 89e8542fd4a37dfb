"""`agroflux-leaderboard doctor`."""

from __future__ import annotations

import typer

from agroflux_data import console
from leaderboard.commands.arguments import DATA, STORE, Data, Store, Targets
from leaderboard.doctor import Level, examine

__all__ = ["doctor"]

_STYLES = {Level.FINE: "green", Level.NOTE: "yellow", Level.MEND: "bold red"}


def doctor(data: Data = DATA, targets: Targets = None, store: Store = STORE) -> None:
    """Look at everything that a host could get wrong, and say what to do; exit code 1 if something must be mended.

    Reads every file of the release, its targets and the store, and changes nothing. Run it beside a server, or before.
    """
    worst = Level.FINE
    with console.messages.status("looking") as status:
        for finding in examine(data, targets, store, lambda work: status.update(f"looking: {work}")):
            console.output.print(f"{finding.level.value:5}", style=_STYLES[finding.level], end="")
            console.output.print(f" {finding.subject:12} {finding.said}", markup=False, soft_wrap=True)
            if finding.remedy:
                console.output.print(f"{'':19}-> {finding.remedy}", markup=False, soft_wrap=True)
            if finding.level is Level.MEND:
                worst = Level.MEND
    if worst is Level.MEND:
        raise typer.Exit(1)
