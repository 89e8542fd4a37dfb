"""`agroflux-submit status`."""

from __future__ import annotations

from typing import Annotated

import typer

from agroflux_data import console
from submission.commands.arguments import Id, Json, TokenFile, Url
from submission.commands.connection import connect, show, verdict

__all__ = ["status"]


def status(
    id: Id,
    url: Url,
    token_file: TokenFile = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it is scored.")] = False,
    as_json: Json = False,
) -> None:
    """Say where one of your submissions stands; exit code 2 if it was rejected or scoring failed."""
    board = connect(url, token_file)
    if wait:
        with console.progress() as bar:
            line = bar.add_task("waiting", total=None)
            standing = board.wait(id, lambda state: bar.update(line, description=state))
    else:
        standing = board.status(id)
    show(standing, as_json)
    verdict(standing)
