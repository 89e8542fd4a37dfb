"""`agroflux-train predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.allocator import keep_large_blocks
from baselines.commands import choices
from baselines.prediction import write_prediction
from baselines.process import PROCESS_MODELS

__all__ = ["predict"]

_PREDICTORS = (
    "Folder of a run or an ensemble, ORG/NAME[@REVISION] on the Hub, or one of climatology, "
    + ", ".join(PROCESS_MODELS)
    + "."
)


def predict(
    model: Annotated[str | None, typer.Argument(help=_PREDICTORS)] = None,
    named: Annotated[str | None, typer.Option("--model", help="The same, by name.")] = None,
    task: Annotated[str | None, typer.Option(help="Task; by default the one that the model was trained on.")] = None,
    data: choices.Data = Path("agroflux"),
    split: Annotated[str | None, typer.Option(help="Split; by default test, or the fold left out.")] = None,
    output: Annotated[Path | None, typer.Option(help="By default TASK-MODEL.parquet.")] = None,
    quantiles: Annotated[
        bool | None,
        typer.Option(
            "--quantiles/--no-quantiles",
            help="Columns such as GPP_q05 for each target, or none; by default where the model has them.",
        ),
    ] = None,
) -> None:
    """Predict a split, by default the hidden one, as a file to submit."""
    if (chosen := model or named) is None or (model and named):
        raise AgrofluxError("predict with what?", expected="one model, as an argument or as --model")
    keep_large_blocks()
    with console.progress() as bar:
        path = write_prediction(
            chosen, Release(data), task=task, split=split, output=output, quantiles=quantiles, bar=bar
        )
    console.output.print(path, soft_wrap=True)
