"""The command `agroflux-data`: one module of `agroflux_data.commands` for each of its verbs."""

from __future__ import annotations

import typer

from agroflux_data import console
from agroflux_data.commands.build import build
from agroflux_data.commands.check import check
from agroflux_data.commands.diff import diff
from agroflux_data.commands.export import export
from agroflux_data.commands.inspect import inspect
from agroflux_data.commands.pull import pull
from agroflux_data.commands.push import push
from agroflux_data.commands.read import read
from agroflux_data.commands.realism import realism

__all__ = ["app", "main"]

app = typer.Typer(
    help="Build, check, compare and publish releases of the AgroFlux benchmark.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(build)
app.command()(check)
app.command()(inspect)
app.command()(export)
app.command("import")(read)
app.command()(realism)
app.command()(diff)
app.command()(push)
app.command()(pull)


def main() -> None:
    """Entry point of `agroflux-data`."""
    console.run(app)
