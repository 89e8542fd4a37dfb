"""The arguments that several commands take, the same for each."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["DATA", "STORE", "Data", "Id", "Store", "Targets"]

Data = Annotated[str, typer.Option(help="The release: a folder, or hf://datasets/ORG/NAME@REVISION.")]
Targets = Annotated[
    str | None, typer.Option(help="Its hidden targets, likewise; by default those beside it, NAME-targets.")
]
Store = Annotated[str, typer.Option(help="Submissions and results: a folder, or hf://datasets/ORG/NAME.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The submission's, from its receipt.", show_default=False)]
DATA, STORE = "agroflux", "leaderboard-store"
