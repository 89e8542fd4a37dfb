"""`agroflux-train cv`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from agroflux_data import console
from agroflux_data.release import Release
from agroflux_data.variables import VARIABLES
from baselines.allocator import keep_large_blocks
from baselines.commands import choices
from baselines.cross_validation import plan_folds, summary
from baselines.run import RunFolder
from baselines.several import train_several

__all__ = ["cv"]


def cv(
    task: choices.TaskName,
    model: choices.Model = "lstm",
    data: choices.Data = Path("agroflux"),
    output: Annotated[Path | None, typer.Option(help="Folder; by default runs/TASK-MODEL-SEED-cv.")] = None,
    epochs: choices.Epochs = None,
    batch_size: choices.BatchSize = None,
    learning_rate: choices.LearningRate = None,
    patience: choices.Patience = None,
    seed: choices.Seed = 0,
    option: choices.Options = None,
    quantiles: choices.Quantiles = None,
    inputs: choices.InputsOption = choices.Inputs.ALL,
    targets: choices.Targets = "ranked",
    workers: choices.Workers = None,
    resume: choices.Resume = False,
) -> None:
    """Cross-validate over the folds of a spatial task: train a model for each, test it on the fold that it never saw.

    The fold after it chooses the epoch. Each run has a folder; what is finished is not trained again (--resume).
    """
    keep_large_blocks()
    release, folder = Release(data), output or Path("runs") / f"{task}-{model}-{seed}-cv"
    planned = plan_folds(
        release, task, model, folder, inputs=inputs.value, targets=targets, seed=seed,
        options=choices.options(option, quantiles),
        **choices.chosen(epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, patience=patience),
    )  # fmt: skip
    with console.progress() as bar:
        train_several(list(planned.values()), release, resume=resume, workers=workers, bar=bar)
    wanted = next(iter(planned.values()))[0].targets
    found = summary({fold: path for fold, (_, path) in planned.items()}, wanted)
    RunFolder(folder).write("cv.json", {"task": task, "model": model, "folds": list(planned), "metrics": found})
    table = Table("target", "unit", "metric", "mean", "sd", *planned, box=box.SIMPLE)
    for target, metrics in found.items():
        for metric in ("r2", "rmse", "skill"):
            table.add_row(
                target, VARIABLES[target].unit if metric == "rmse" else "-", metric,
                *(f"{value:.3g}" for value in metrics[metric].values()),
            )  # fmt: skip
    console.output.print(table)
    console.output.print(folder, soft_wrap=True)
