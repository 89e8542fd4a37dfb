"""`agroflux-train run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agroflux_data import console
from agroflux_data.release import Release
from baselines.allocator import keep_large_blocks
from baselines.commands import choices
from baselines.commands.metrics import metrics_table
from baselines.distributed import this_process
from baselines.run import Run, RunFolder
from baselines.training import train

__all__ = ["run"]


def run(
    task: choices.TaskName,
    model: choices.Model = "lstm",
    data: choices.Data = Path("agroflux"),
    output: Annotated[Path | None, typer.Option(help="Folder of the run; by default runs/TASK-MODEL-SEED.")] = None,
    epochs: choices.Epochs = None,
    batch_size: choices.BatchSize = None,
    learning_rate: choices.LearningRate = None,
    patience: choices.Patience = None,
    seed: choices.Seed = 0,
    accumulation: choices.Accumulation = None,
    weights: choices.Weights = None,
    input_noise: choices.InputNoise = None,
    bf16: choices.Bf16 = False,
    compile: choices.Compile = False,
    streaming: choices.Streaming = False,
    option: choices.Options = None,
    quantiles: choices.Quantiles = None,
    inputs: choices.InputsOption = choices.Inputs.ALL,
    targets: choices.Targets = "ranked",
    hold_out: Annotated[str | None, typer.Option(help="Training split to validate on, such as fold_0.")] = None,
    resume: choices.Resume = False,
) -> None:
    """Train a model and keep it in a folder with its metrics and curves.

    Under torchrun or accelerate launch the rows of each step are shared among the processes, and the result is that
    of one process: torchrun --nproc-per-node 4 -m baselines.cli run --task ecosys_temporal.
    """
    keep_large_blocks()
    release = Release(data)
    plan = Run.plan(
        release, task, model, inputs=inputs.value, targets=targets, hold_out=hold_out, seed=seed,
        options=choices.options(option, quantiles),
        **choices.chosen(
            epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, patience=patience,
            accumulation=accumulation, weights=weights, input_noise=input_noise, bf16=bf16, compile=compile,
            streaming=streaming,
        ),
    )  # fmt: skip
    folder = RunFolder(output or Path("runs") / f"{task}-{model}-{seed}")
    first = this_process().is_main_process
    console.messages.quiet = console.output.quiet = not first  # one of several processes speaks
    if not folder.claim(plan, resume):
        console.messages.print(f"{folder.path} is finished")
        return
    rows = sum(release.split(task, split).rows for split in plan.training)
    recipe = ", ".join(f"{name} {value}" for name, value in plan.to_json()["recipe"].items() if value)
    console.messages.print(
        f"{model} on {task} ({plan.origin} data), {rows:,} sequences of {'+'.join(plan.training)}: "
        f"{len(plan.inputs)} inputs, targets {', '.join(plan.targets)}; {recipe}",
        markup=False,
        soft_wrap=True,
    )
    with console.progress() as bar:
        outcome = train(plan, release, folder, bar)
    console.messages.print(f"the best of epoch {outcome.epoch:.0f}, on {'+'.join(outcome.splits)}:")
    console.output.print(metrics_table(outcome.metrics))
    console.output.print(folder.path, soft_wrap=True)
