"""Options that several commands share, and how they become the choices of a run."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from agroflux_data.errors import AgrofluxError
from agroflux_data.variables import GROUPS
from baselines.run import LEARNED, QUANTILES, value_of

__all__ = [
    "Accumulation",
    "BatchSize",
    "Bf16",
    "Compile",
    "Data",
    "Epochs",
    "InputNoise",
    "Inputs",
    "InputsOption",
    "LearningRate",
    "Model",
    "Options",
    "Patience",
    "Quantiles",
    "Resume",
    "Seed",
    "Streaming",
    "Targets",
    "TaskName",
    "Weights",
    "Workers",
    "chosen",
    "numbers",
    "options",
]


class Inputs(StrEnum):
    """core: the paper's eleven features; all: also radiation, humidity and wind."""

    CORE = "core"
    ALL = "all"


Data = Annotated[Path, typer.Option(help="Folder of a release (agroflux-data build).")]
TaskName = Annotated[str, typer.Option("--task", help="Task, such as ecosys_temporal.")]
Model = Annotated[str, typer.Option(help="One of " + ", ".join(LEARNED) + ".")]
InputsOption = Annotated[
    Inputs, typer.Option("--inputs", help="The paper's core features, or all that the release has.")
]
Targets = Annotated[
    str, typer.Option(help="ranked, all, a group (" + ", ".join(GROUPS) + "), names, or several with commas between.")
]
Epochs = Annotated[int | None, typer.Option(min=1, help="At most; by default from the number of rows.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="By default from the number of rows.")]
LearningRate = Annotated[float | None, typer.Option(min=0, help="Of Adam, its peak; of trees, what each counts.")]
Patience = Annotated[
    int | None, typer.Option(min=1, help="Epochs without a better validation skill, after which training ends.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of weights, dropout and the order of rows.")]
Accumulation = Annotated[int | None, typer.Option(min=1, help="Parts in which the rows of a step are computed.")]
Weights = Annotated[str | None, typer.Option(metavar="NAME=WEIGHT,...", help="What targets count in the loss.")]
InputNoise = Annotated[float | None, typer.Option(min=0, help="Spread of noise on the normalised inputs.")]
Bf16 = Annotated[bool, typer.Option("--bf16", help="Layers compute in bfloat16.")]
Compile = Annotated[bool, typer.Option("--compile", help="Compile the model with torch.compile.")]
Streaming = Annotated[bool, typer.Option("--streaming", help="Read rows from the shards in each epoch.")]
Options = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="An option of the model, such as hidden_size=100; repeatable."),
]
Quantiles = Annotated[
    str | None,
    typer.Option(metavar="LEVEL,...", help="Quantiles to give beside the prediction, such as 0.05,0.5,0.95."),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Runs at a time, each in a process of its own; by default one for each core.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on where this was stopped; what is finished is left as it is.")
]


def options(given: Sequence[str] | None, quantiles: str | None = None) -> dict[str, Any]:
    """``NAME=VALUE`` texts by name, and levels of quantiles; numbers, true and false are what they look like.

    >>> options(["hidden_size=100", "dropout=0.1"], "0.05,0.95")
    {'hidden_size': 100, 'dropout': 0.1, 'quantiles': [0.05, 0.95]}
    """
    named = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise AgrofluxError("an option without a value", expected="--set NAME=VALUE", came=text)
        named[name] = value_of(value)
    if quantiles is not None:
        try:
            named[QUANTILES] = [float(level) for level in quantiles.split(",")]
        except ValueError:
            raise AgrofluxError("bad quantiles", expected="LEVEL,... such as 0.05,0.5,0.95", came=quantiles) from None
    return named


def numbers(text: str | None) -> dict[str, float] | None:
    """``NAME=NUMBER,...`` by name; raises `AgrofluxError` for anything else."""
    if text is None:
        return None
    try:
        return {name.strip(): float(value) for name, value in (one.split("=") for one in text.split(","))}
    except ValueError:
        raise AgrofluxError("bad weights", expected="NAME=WEIGHT,...", came=text) from None


def chosen(
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    patience: int | None = None,
    accumulation: int | None = None,
    weights: str | None = None,
    input_noise: float | None = None,
    bf16: bool = False,
    compile: bool = False,
    streaming: bool = False,
) -> dict[str, Any]:
    """The fields of the recipe that a user has chosen; those left alone are None, so that trees are not asked."""
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "patience": patience,
        "accumulation": accumulation,
        "weights": numbers(weights),
        "input_noise": input_noise,
        "bf16": bf16 or None,
        "compile": compile or None,
        "streaming": streaming or None,
    }
