"""Predictions for a split of a release, as arrays and as a file to submit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from agroflux_data.batches import Batches, Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.tasks import Task
from agroflux_data.variables import DAYS
from baselines.fitted import Fitted
from baselines.process import PROCESS, predict_process, process_model
from baselines.saved import Saved, open_saved
from submission.file import write
from submission.metadata import Metadata, Pretraining
from submission.quantiles import column
from submission.template import CLIMATOLOGY, write_climatology
from submission.validation import predicted_split

__all__ = ["predict", "quantile_columns", "refuse_without_quantiles", "write_fitted", "write_prediction"]

_BATCH = 256


def predict(fitted: Fitted, columns: Columns, bar: Progress | None = None) -> dict[str, NDArray]:
    """What something fitted predicts for some rows.

    Parameters
    ----------
    fitted : Fitted
    columns : Columns
        The rows, with its inputs in its order; targets are not looked at.
    bar : rich.progress.Progress, optional

    Returns
    -------
    dict
        ``sequence`` (N,) int64 and each of its targets (N, 365) float32, in physical units; of a model that has
        quantiles also those of each target, as ``GPP_q05``.
    """
    sequence = np.empty(columns.rows, np.int64)
    names = [*fitted.targets, *(column for target in fitted.targets for column in quantile_columns(fitted, target))]
    fluxes = {name: np.empty((columns.rows, DAYS), np.float32) for name in names}
    line = None if bar is None else bar.add_task("predicting", total=columns.rows)
    start = 0
    for batch in Batches(columns, batch_size=_BATCH).epoch():
        stop = start + len(batch)
        output, quantiles = fitted.with_quantiles(batch.inputs)
        sequence[start:stop] = batch.sequence
        together = np.concatenate([output, quantiles.reshape(*output.shape[:2], -1)], axis=-1)
        for number, flux in enumerate(fluxes.values()):
            flux[start:stop] = together[..., number]
        start = stop
        if bar is not None and line is not None:
            bar.update(line, completed=stop)
    return {"sequence": sequence} | fluxes


def quantile_columns(fitted: Fitted, target: str) -> list[str]:
    """The columns of a target's quantiles, by rising level; none of a model without quantiles."""
    return [column(target, round(level * 100)) for level in fitted.quantiles]


def write_prediction(
    model: str | Path,
    release: Release,
    *,
    task: str | None = None,
    split: str | None = None,
    output: Path | None = None,
    quantiles: bool | None = None,
    bar: Progress | None = None,
) -> Path:
    """Predict a split with a saved model, a process model or the climatology, and write the file to submit.

    Parameters
    ----------
    model : str or Path
        What `open_saved` opens, ``"climatology"``, or one of `PROCESS_MODELS`.
    release : Release
    task : str, optional
        By default the one that the model was trained on.
    split : str, optional
        By default ``test``, or the fold that the run left out of this task.
    output : Path, optional
        By default ``TASK-MODEL.parquet`` in the working directory.
    quantiles : bool, optional
        Whether to write the quantiles of each target too; by default those that the model has.
    bar : rich.progress.Progress, optional

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AgrofluxError
        No such model, task or split, the task lacks an input or every target of the model, or the model has not the
        quantiles that are asked for.
    """
    if quantiles and (str(model) == CLIMATOLOGY or str(model).startswith(PROCESS)):
        raise _without_quantiles(str(model))
    if str(model) == CLIMATOLOGY:
        if task is None:
            raise AgrofluxError("climatology of which task?", expected="--task, one of " + ", ".join(release.tasks))
        return write_climatology(release, task, split, output)
    if str(model).startswith(PROCESS):
        return _write_process(str(model), release, task, split, output, bar)
    saved = open_saved(model)
    return write_fitted(saved, release, task=task, split=split, output=output, quantiles=quantiles, bar=bar)


def refuse_without_quantiles(saved: Saved) -> None:
    """Raise `AgrofluxError` for a model that has no quantiles."""
    if not saved.fitted.quantiles:
        raise _without_quantiles(saved.name)


def _without_quantiles(model: str) -> AgrofluxError:
    return AgrofluxError(
        "a model without quantiles", came=model,
        expected="one that was trained with --quantiles, or an ensemble that was calibrated on validation rows",
    )  # fmt: skip


def write_fitted(
    saved: Saved,
    release: Release,
    *,
    task: str | None = None,
    split: str | None = None,
    output: Path | None = None,
    quantiles: bool | None = None,
    bar: Progress | None = None,
) -> Path:
    """Predict a split with what was fitted, and write the file; arguments and errors as of `write_prediction`.

    It may predict another task than the one it was trained on, as it is: those of its targets that the task has too.
    """
    fitted = saved.fitted
    if quantiles:
        refuse_without_quantiles(saved)
    name = task or fitted.task
    if name is None:
        raise AgrofluxError("a model that names no task", expected="--task", where=saved.name)
    known = release.task(name)
    shared = [target for target in fitted.targets if target in known.targets]
    if not shared:
        raise AgrofluxError(
            f"{name} has no target of this model", expected="one of " + ", ".join(known.targets),
            came=", ".join(fitted.targets), where=saved.name,
        )  # fmt: skip
    left_out = saved.left_out if name == fitted.task else None
    columns = Columns.of(release, name, split or left_out or predicted_split(release, name), fitted.inputs, ())
    predictions = predict(fitted, columns, bar)
    if quantiles is not False:
        shared += [one for target in shared for one in quantile_columns(fitted, target)]
    return write(
        {name: predictions[name] for name in ("sequence", *shared)},
        output or Path(f"{name}-{fitted.kind}.parquet"),
        Metadata(
            task=name,
            revision=release.revision,
            model=fitted.kind,
            parameters=fitted.parameters,
            pretraining=_pretraining(saved, known),
            method=fitted.method,
            seeds=saved.seeds,
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


def _pretraining(saved: Saved, task: Task) -> Pretraining:
    """What a model learned from that is not the task's own source."""
    trained = saved.fitted.task
    if saved.runs and saved.runs[0].transfer is not None:
        trained = saved.runs[0].transfer.source_task
        if trained is None:
            return "external"
    if trained is None or (source := Task.from_name(trained).source) == task.source:
        return "none"
    return "ecosys" if source == "ecosys" else "daycent" if source == "daycent" else "external"
