"""Predictions for a split of a release, as arrays and as a file to submit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress

from agroflux_data.batches import Batches, Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.tasks import Task
from agroflux_data.variables import DAYS, VARIABLES
from baselines.models import load
from baselines.models.base import FluxModel
from baselines.process import PROCESS, predict_process, process_model
from baselines.run import Run, RunFolder
from submission.file import write
from submission.metadata import Metadata, Pretraining
from submission.template import CLIMATOLOGY, write_climatology
from submission.validation import predicted_split

__all__ = ["predict", "write_prediction"]

_BATCH = 256


def predict(model: FluxModel, columns: Columns, bar: Progress | None = None) -> dict[str, NDArray]:
    """What a model predicts for some rows.

    Parameters
    ----------
    model : FluxModel
    columns : Columns
        The rows, with the model's inputs in its order; its targets are not looked at.
    bar : rich.progress.Progress, optional

    Returns
    -------
    dict
        ``sequence`` (N,) int64 and each target of the model (N, 365) float32, in physical units. Values outside
        what is physically possible are moved to its edge: a submission with such values is refused.
    """
    model.eval()
    sequence = np.empty(columns.rows, np.int64)
    fluxes = {name: np.empty((columns.rows, DAYS), np.float32) for name in model.config.targets}
    line = None if bar is None else bar.add_task("predicting", total=columns.rows)
    start = 0
    with torch.inference_mode():
        for batch in Batches(columns, batch_size=_BATCH).epoch():
            stop = start + len(batch)
            output = model(torch.from_numpy(batch.inputs).to(model.device)).predictions.cpu().numpy()
            sequence[start:stop] = batch.sequence
            for number, (name, flux) in enumerate(fluxes.items()):
                flux[start:stop] = output[..., number].clip(VARIABLES[name].low, VARIABLES[name].high)
            start = stop
            if bar is not None and line is not None:
                bar.update(line, completed=stop)
    return {"sequence": sequence} | fluxes


def write_prediction(
    model: str | Path,
    release: Release,
    *,
    task: str | None = None,
    split: str | None = None,
    output: Path | None = None,
    bar: Progress | None = None,
) -> Path:
    """Predict a split with a saved model, a process model or the climatology, and write the file to submit.

    A learned model may predict another task than the one it was trained on, as it is: those of its targets that the
    task has too.

    Parameters
    ----------
    model : str or Path
        Folder of a run or of any saved `FluxModel`, ``"climatology"``, or one of `PROCESS_MODELS`.
    release : Release
    task : str, optional
        By default the one that the model was trained on.
    split : str, optional
        By default ``test``, or the fold that the run left out of this task.
    output : Path, optional
        By default ``TASK-MODEL.parquet`` in the working directory.
    bar : rich.progress.Progress, optional

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AgrofluxError
        No such model, task or split, or the task lacks an input or every target of the model.
    """
    if str(model) == CLIMATOLOGY:
        if task is None:
            raise AgrofluxError("climatology of which task?", expected="--task, one of " + ", ".join(release.tasks))
        return write_climatology(release, task, split, output)
    if str(model).startswith(PROCESS):
        return _write_process(str(model), release, task, split, output, bar)
    learned = load(model)
    config = learned.config
    name = task or config.task
    if name is None:
        raise AgrofluxError("a model that names no task", expected="--task", where=model)
    run = _run_of(Path(model))
    known = release.task(name)
    shared = [target for target in config.targets if target in known.targets]
    if not shared:
        raise AgrofluxError(
            f"{name} has no target of this model", expected="one of " + ", ".join(known.targets),
            came=", ".join(config.targets), where=model,
        )  # fmt: skip
    left_out = run.left_out if run and name == run.task else None
    wanted = split or left_out or predicted_split(release, name)
    columns = Columns.of(release, name, wanted, config.inputs, ())
    kind = run.model if run else config.model_type.removeprefix("agroflux-")
    predictions = predict(learned, columns, bar)
    return write(
        {column: predictions[column] for column in ("sequence", *shared)},
        output or Path(f"{name}-{kind}.parquet"),
        Metadata(
            task=name,
            revision=release.revision,
            model=kind,
            parameters=learned.num_parameters(only_trainable=True),
            pretraining=_pretraining(config.task, known),
            method=type(learned).__name__.removesuffix("Model").upper(),
            seeds=(run.recipe.seed,) if run else (),
        ),
    )


def _write_process(
    model: str, release: Release, task: str | None, split: str | None, output: Path | None, bar: Progress | None
) -> Path:
    simulator = process_model(model)
    if task is None:
        raise AgrofluxError(f"{model} of which task?", expected="--task, one of " + ", ".join(release.tasks))
    wanted = split or predicted_split(release, task)
    return write(
        predict_process(simulator, release, task, wanted, bar),
        output or Path(f"{task}-process-{simulator.name}.parquet"),
        Metadata(
            task=task,
            revision=release.revision,
            model=model,
            description="A simulation with public parameters, driven by the inputs of the release; nothing is fitted.",
            parameters=0,
            method="process model",
        ),
    )


def _pretraining(trained: str | None, task: Task) -> Pretraining:
    """What a model learned from that is not the task's own source."""
    if trained is None or (source := Task.from_name(trained).source) == task.source:
        return "none"
    return "ecosys" if source == "ecosys" else "daycent" if source == "daycent" else "external"


def _run_of(folder: Path) -> Run | None:
    """The run that made a saved model, where the folder says so."""
    return RunFolder(folder).read() if (folder / "run.json").is_file() else None
