"""The command `agroflux-train`: one module of `baselines.commands` for each of its verbs."""

from __future__ import annotations

import transformers
import typer

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from baselines.commands.cv import cv
from baselines.commands.ensemble import ensemble
from baselines.commands.figures import figures
from baselines.commands.models import models
from baselines.commands.predict import predict
from baselines.commands.push import push
from baselines.commands.run import run
from baselines.commands.stress import stress
from baselines.commands.study import study
from baselines.commands.table import table
from baselines.commands.transfer import transfer
from baselines.commands.tune import tune
from baselines.models import ModelError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Fit baselines of the AgroFlux benchmark to a release, compare them, publish them and predict with them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(run)
app.command()(transfer)
app.command()(cv)
app.command()(ensemble)
app.command()(tune)
app.command()(predict)
app.command()(push)
app.command()(models)
app.command()(table)
app.command()(study)
app.add_typer(figures, name="figures")
app.command()(stress)


def main() -> None:
    """Run the command."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    console.run(_with_models)


def _with_models() -> None:
    # Saved models carry their code to where this package is not installed, so they have an error of their own.
    try:
        app()
    except ModelError as error:
        raise AgrofluxError(str(error)) from error


if __name__ == "__main__":
    main()
