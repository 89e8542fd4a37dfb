"""The command `agroflux-submit`: one module of `submission.commands` for each of its verbs."""

from __future__ import annotations

import typer

from agroflux_data import console
from submission.commands.convert import convert
from submission.commands.score import score
from submission.commands.validate import validate

__all__ = ["app", "main"]

app = typer.Typer(
    help="Convert, validate and score a submission to the AgroFlux benchmark.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(validate)
app.command()(score)
app.command()(convert)


def main() -> None:
    """Entry point of `agroflux-submit`."""
    console.run(app)


if __name__ == "__main__":
    main()
