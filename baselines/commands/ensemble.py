"""`agroflux-train ensemble`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.allocator import keep_large_blocks
from baselines.commands import choices
from baselines.commands.metrics import metrics_table
from baselines.ensemble import finish_ensemble, plan_ensemble
from baselines.several import train_several

__all__ = ["ensemble"]


def ensemble(
    task: choices.TaskName,
    model: choices.Model = "lstm",
    seeds: Annotated[str, typer.Option(help="With commas between.")] = "0,1,2",
    data: choices.Data = Path("agroflux"),
    output: Annotated[Path | None, typer.Option(help="Folder; by default runs/TASK-MODEL-ensemble.")] = None,
    epochs: choices.Epochs = None,
    batch_size: choices.BatchSize = None,
    learning_rate: choices.LearningRate = None,
    patience: choices.Patience = None,
    option: choices.Options = None,
    quantiles: choices.Quantiles = None,
    inputs: choices.InputsOption = choices.Inputs.ALL,
    targets: choices.Targets = "ranked",
    workers: choices.Workers = None,
    resume: choices.Resume = False,
) -> None:
    """Train a model with several seeds; their folder predicts as one, with the mean of what they say."""
    keep_large_blocks()
    try:
        wanted = [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise AgrofluxError("bad seeds", expected="whole numbers with commas between", came=seeds) from None
    release, folder = Release(data), output or Path("runs") / f"{task}-{model}-ensemble"
    members = plan_ensemble(
        release, task, model, folder, wanted, inputs=inputs.value, targets=targets,
        options=choices.options(option, quantiles),
        **choices.chosen(epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, patience=patience),
    )  # fmt: skip
    with console.progress() as bar:
        train_several(members, release, resume=resume, workers=workers, bar=bar)
        metrics = finish_ensemble(members, release, folder, bar)
    console.output.print(metrics_table(metrics))
    console.output.print(folder, soft_wrap=True)
