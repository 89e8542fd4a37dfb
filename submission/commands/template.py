"""`agroflux-submit template`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from submission.commands.arguments import Data, Split
from submission.template import CLIMATOLOGY, write_climatology, write_empty

__all__ = ["template"]


class Fill(StrEnum):
    """What stands in the rows."""

    CLIMATOLOGY = CLIMATOLOGY


def template(
    task: Annotated[str, typer.Argument(help="The task, such as ecosys_temporal.")],
    data: Data = Path("agroflux"),
    split: Split = None,
    fill: Annotated[
        Fill | None, typer.Option(help="Predictions to put in: the mean of the training years. Empty if not given.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The name that a leaderboard will show; for an empty file.")] = None,
    quantiles: Annotated[
        str | None,
        typer.Option(help="Quantiles of each ranked target too, by their percent: 5,25,50,75,95; for an empty file."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The file to write; by default TASK-empty.parquet or TASK-climatology.parquet.")
    ] = None,
) -> None:
    """Write a file with the right rows and targets, empty or with the climatology's predictions."""
    release = Release(data)
    if fill is Fill.CLIMATOLOGY:
        if model is not None:
            raise AgrofluxError("a name for the climatology, which has one", expected="--model without --fill")
        if quantiles is not None:
            raise AgrofluxError("quantiles of the climatology, which is a mean", expected="--quantiles without --fill")
        path = write_climatology(release, task, split, output)
        console.output.print(f"{path} written, a valid submission", markup=False, soft_wrap=True)
        return
    named = {} if model is None else {"model": model}
    path = write_empty(release, task, split, output, levels=_levels(quantiles), **named)
    console.output.print(f"{path} written", markup=False, soft_wrap=True)
    console.messages.print(
        "every day of it is NaN, which is not accepted: fill them all, then agroflux-submit validate", soft_wrap=True
    )


def _levels(given: str | None) -> list[int]:
    """Whole percents with commas between them."""
    try:
        return [] if given is None else [int(one) for one in given.split(",")]
    except ValueError:
        raise AgrofluxError("no levels of quantiles", expected="whole percents, such as 5,50,95", came=given) from None
