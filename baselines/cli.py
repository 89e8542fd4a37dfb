"""``agroflux-train``: fit a baseline to a release, and predict with it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import transformers
import typer
from rich import box
from rich.table import Table

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.variables import VARIABLES
from baselines.allocator import keep_large_blocks
from baselines.models import MODELS, ModelError, model_class
from baselines.prediction import write_prediction
from baselines.process import PROCESS_MODELS
from baselines.run import Recipe, Run, RunFolder, choose_inputs, choose_splits, choose_targets
from baselines.training import train

__all__ = ["app", "main"]

app = typer.Typer(
    help="Fit a baseline of the AgroFlux benchmark to a release, and predict with it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Inputs(StrEnum):
    """core: the paper's eleven features; all: also radiation, humidity and wind."""

    CORE = "core"
    ALL = "all"


_DATA = typer.Option(help="Folder of a release (agroflux-data build).")
_TASK = typer.Option(help="Task, such as ecosys_temporal.")
_PREDICTORS = "Folder of a run, or one of climatology, " + ", ".join(PROCESS_MODELS) + "."


@app.command()
def run(
    task: Annotated[str, _TASK],
    model: Annotated[str, typer.Option(help="One of " + ", ".join(MODELS) + ".")] = "lstm",
    data: Annotated[Path, _DATA] = Path("agroflux"),
    output: Annotated[Path | None, typer.Option(help="Folder of the run; by default runs/TASK-MODEL-SEED.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="At most; by default from the number of rows.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="By default from the number of rows.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="Of Adam, its peak.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, dropout and the order of rows.")] = 0,
    inputs: Annotated[
        Inputs, typer.Option(help="The paper's core features, or all that the release has.")
    ] = Inputs.ALL,
    targets: Annotated[str, typer.Option(help="ranked, all, or names with commas between.")] = "ranked",
    hold_out: Annotated[str | None, typer.Option(help="Training split to validate on, such as fold_0.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where this run was stopped; a finished one is left as it is.")
    ] = False,
) -> None:
    """Train a model and keep it in a folder with its metrics and curves."""
    keep_large_blocks()
    model_class(model)
    release = Release(data)
    training, validation, left_out = choose_splits(release, task, hold_out)
    rows = sum(release.split(task, split).rows for split in training)
    plan = Run(
        task=task,
        model=model,
        revision=release.revision,
        origin=release.origin(task),
        training=training,
        validation=validation,
        left_out=left_out,
        inputs=choose_inputs(release, task, inputs.value),
        targets=choose_targets(release, task, training, targets),
        recipe=Recipe.for_rows(
            rows,
            validated=bool(validation),
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
        ),
    )
    folder = RunFolder(output or Path("runs") / f"{task}-{model}-{seed}")
    before = folder.read()
    if before is not None:
        if not resume:
            raise AgrofluxError("a run lives there", expected="a new folder, or --resume", where=folder.path)
        if before != plan:
            old, new = before.to_json(), plan.to_json()
            raise AgrofluxError(
                "another run lives there", expected="the same choices, or a new folder",
                came=", ".join(f"{key} {new[key]} instead of {old[key]}" for key in new if old[key] != new[key]),
                where=folder.path,
            )  # fmt: skip
        if folder.finished:
            console.messages.print(f"{folder.path} is finished")
            return
    console.messages.print(
        f"{model} on {task} ({plan.origin} data), {rows:,} sequences of {'+'.join(training)}: "
        f"{len(plan.inputs)} inputs, targets {', '.join(plan.targets)}; "
        f"at most {plan.recipe.epochs} epochs in batches of {plan.recipe.batch_size}",
        soft_wrap=True,
    )
    with console.progress() as bar:
        outcome = train(plan, release, folder, bar)
    console.messages.print(f"the weights of epoch {outcome.epoch:.0f}, on {'+'.join(outcome.splits)}:")
    table = Table("target", "unit", "R²", "RMSE", "MAE", "bias", "skill", box=box.SIMPLE)
    for target, scores in outcome.metrics.items():
        cells = (f"{scores[name]:.3g}" for name in ("r2", "rmse", "mae", "bias", "skill"))
        table.add_row(target, VARIABLES[target].unit, *cells)
    console.output.print(table)
    console.output.print(folder.path, soft_wrap=True)


@app.command()
def predict(
    model: Annotated[str | None, typer.Argument(help=_PREDICTORS)] = None,
    named: Annotated[str | None, typer.Option("--model", help="The same, by name.")] = None,
    task: Annotated[str | None, typer.Option(help="Task; by default the one that the model was trained on.")] = None,
    data: Annotated[Path, _DATA] = Path("agroflux"),
    split: Annotated[str | None, typer.Option(help="Split; by default test, or the fold left out.")] = None,
    output: Annotated[Path | None, typer.Option(help="By default TASK-MODEL.parquet.")] = None,
) -> None:
    """Predict a split, by default the hidden one, as a file to submit."""
    if (chosen := model or named) is None or (model and named):
        raise AgrofluxError("predict with what?", expected="one model, as an argument or as --model")
    keep_large_blocks()
    with console.progress() as bar:
        path = write_prediction(chosen, Release(data), task=task, split=split, output=output, bar=bar)
    console.output.print(path, soft_wrap=True)


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
