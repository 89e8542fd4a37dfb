"""`agroflux-train tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.allocator import keep_large_blocks
from baselines.commands import choices
from baselines.run import LEARNED, RunFolder
from baselines.several import train_several
from baselines.tuning import default_space, judged, parse_space, plan_trials

__all__ = ["tune"]


def tune(
    task: choices.TaskName,
    model: choices.Model = "lstm",
    search: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=LOW:HIGH|VALUE,...",
            help="What to search, drawn evenly in the logarithm or from the list; repeatable. By default the step"
            " size and the size of the model.",
        ),
    ] = None,
    trials: Annotated[int, typer.Option(min=2, help="The first one takes the defaults.")] = 8,
    draw: Annotated[int, typer.Option(min=0, help="Seed of what is drawn.")] = 0,
    data: choices.Data = Path("agroflux"),
    output: Annotated[Path | None, typer.Option(help="Folder; by default runs/TASK-MODEL-tune.")] = None,
    epochs: choices.Epochs = None,
    batch_size: choices.BatchSize = None,
    patience: choices.Patience = None,
    seed: choices.Seed = 0,
    option: choices.Options = None,
    quantiles: choices.Quantiles = None,
    inputs: choices.InputsOption = choices.Inputs.ALL,
    targets: choices.Targets = "ranked",
    hold_out: Annotated[str | None, typer.Option(help="Training split to validate on, such as fold_0.")] = None,
    workers: choices.Workers = None,
    resume: choices.Resume = False,
) -> None:
    """Search for better choices by their skill on validation rows; test rows are never looked at.

    Each trial is a run with a folder, and can be predicted with. More --trials with --resume go on with a search.
    """
    keep_large_blocks()
    if model not in LEARNED:
        raise AgrofluxError("unknown model", expected="one of " + ", ".join(LEARNED), came=model)
    release, folder = Release(data), output or Path("runs") / f"{task}-{model}-tune"
    planned = plan_trials(
        release, task, model, folder, space=parse_space(search) if search else default_space(model), trials=trials,
        draw=draw, options=choices.options(option, quantiles), inputs=inputs.value, targets=targets,
        hold_out=hold_out, seed=seed, **choices.chosen(epochs=epochs, batch_size=batch_size, patience=patience),
    )  # fmt: skip
    with console.progress() as bar:
        train_several(
            [(trial.run, trial.folder) for trial in planned], release, resume=resume, workers=workers, bar=bar
        )
    found = judged(planned)
    RunFolder(folder).write(
        "tune.json",
        {
            "task": task, "model": model, "best": found[0][0].folder.name,
            "trials": [
                {"trial": trial.number, "choices": trial.choices, "skill": skill, "metrics": metrics}
                for trial, skill, metrics in found
            ],
        },
    )  # fmt: skip
    names = list(dict.fromkeys(name for trial in planned for name in trial.choices))
    table = Table("trial", *names, "skill", *(f"{target} skill" for target in planned[0].run.targets), box=box.SIMPLE)
    for trial, skill, metrics in found:
        cells = [str(trial.choices.get(name, "default")) for name in names]
        own = ("-" if one["skill"] is None else f"{one['skill']:.3g}" for one in metrics.values())
        table.add_row(str(trial.number), *cells, f"{skill:.3g}", *own)
    console.output.print(table)
    console.output.print(found[0][0].folder, soft_wrap=True)
