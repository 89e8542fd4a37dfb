"""The command `agroflux-leaderboard`: one module of `leaderboard.commands` for each of its verbs."""

from __future__ import annotations

import typer

from agroflux_data import console
from leaderboard.commands.add import add
from leaderboard.commands.audit import audit
from leaderboard.commands.deploy import deploy
from leaderboard.commands.doctor import doctor
from leaderboard.commands.export import export
from leaderboard.commands.rescore import rescore
from leaderboard.commands.season import season
from leaderboard.commands.serve import serve
from leaderboard.commands.table import table
from leaderboard.commands.token import token
from leaderboard.commands.verify import verify

__all__ = ["app", "main"]

app = typer.Typer(
    help="Score submissions against hidden targets, and rank them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(deploy)
app.command()(add)
app.command()(table)
app.command()(rescore)
app.command()(audit)
app.command()(verify)
app.command()(export)
app.command()(doctor)
app.add_typer(token, name="token")
app.add_typer(season, name="season")


def main() -> None:
    """Entry point of `agroflux-leaderboard`."""
    console.run(app)


if __name__ == "__main__":
    main()
