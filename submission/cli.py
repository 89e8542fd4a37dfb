"""The command `agroflux-submit`: one module of `submission.commands` for each of its verbs."""

from __future__ import annotations

import os

# Before Arrow is loaded: its own allocator reserves a gigabyte at once, which a hostile file could fill in a child that
# is limited in what it may reserve.
os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"

import typer

from agroflux_data import console
from submission.commands.compare import compare
from submission.commands.convert import convert
from submission.commands.describe import describe
from submission.commands.list import list_submissions
from submission.commands.score import score
from submission.commands.send import send
from submission.commands.status import status
from submission.commands.template import template
from submission.commands.validate import validate
from submission.commands.withdraw import withdraw

__all__ = ["app", "main"]

app = typer.Typer(
    help="Make, check, score, compare and send submissions to the AgroFlux benchmark.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(template)
app.command()(describe)
app.command()(validate)
app.command()(score)
app.command()(compare)
app.command()(convert)
app.command()(send)
app.command()(status)
app.command("list")(list_submissions)
app.command()(withdraw)


def main() -> None:
    """Entry point of `agroflux-submit`."""
    console.run(app)


if __name__ == "__main__":
    main()
