"""From a run's choices to a trained model in its folder."""

from __future__ import annotations

import math
import shutil
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from rich.progress import Progress, TaskID
from transformers import (
    EarlyStoppingCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.variables import DAYS
from baselines.figures import save_curves
from baselines.models import model_class
from baselines.run import Run, RunFolder
from baselines.scalers import config_for
from baselines.trainer import FluxTrainer, last_checkpoint, reference_errors

__all__ = ["Outcome", "train"]

_IN_MEMORY = 2**32
"""Bytes of arrays above which they are kept in files of the run and mapped into memory."""
_WARM_UP = 0.05
_EVALUATION_BATCH = 256


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes
    ----------
    splits : tuple of str
        Where the metrics were computed: the validation splits, or without any the training splits.
    metrics : dict
        By target, then by metric.
    epoch : float
        The epoch whose weights were kept.
    parameters : int
        Trainable parameters.
    """

    splits: tuple[str, ...]
    metrics: dict[str, dict[str, float]]
    epoch: float
    parameters: int


class _Bar(TrainerCallback):
    """Moves a progress bar step by step and says the latest validation."""

    def __init__(self, bar: Progress):
        self.bar = bar
        self.line: TaskID = bar.add_task("training", total=None)

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.bar.update(self.line, total=state.max_steps, completed=state.global_step)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.bar.update(self.line, completed=state.global_step)

    def on_evaluate(self, args: Any, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        score = more["metrics"]["eval_skill"]
        self.bar.update(self.line, description=f"epoch {state.epoch:.0f}, validation skill {score:.3f}")


def _arrays(columns: Columns, folder: RunFolder) -> Arrays:
    size = columns.rows * (len(columns.inputs) + len(columns.targets)) * DAYS * 4
    return Arrays.read(columns, folder.arrays if size > _IN_MEMORY else None)


def train(run: Run, release: Release, folder: RunFolder, bar: Progress) -> Outcome:
    """Train a model, or go on with a run that was stopped, and leave everything in the folder.

    Parameters
    ----------
    run : Run
    release : Release
        Of the run's revision.
    folder : RunFolder
        New, or holding this very run unfinished: then its last whole checkpoint is gone on from.
    bar : rich.progress.Progress

    Returns
    -------
    Outcome
    """
    if release.revision != run.revision:
        raise AgrofluxError("another release", expected=f"revision {run.revision}", came=release.revision)
    kind, recipe = model_class(run.model), run.recipe
    columns = run.rows(release, run.training)
    config = config_for(kind.config_class, columns, input_noise=recipe.input_noise)
    judged = run.rows(release, run.validation) if run.validation else None
    rows = _arrays(columns, folder)
    validation = None if judged is None else _arrays(judged, folder)
    if validation is not None and np.isnan(validation.labels).all():
        raise AgrofluxError(
            "nothing to validate on", expected="observations in the validation rows", where="+".join(run.validation)
        )
    folder.begin(run)  # from here on there is something to resume
    set_seed(recipe.seed)
    model = kind(config)
    callbacks: list[TrainerCallback] = [_Bar(bar)]
    if recipe.patience is not None:
        callbacks.append(EarlyStoppingCallback(recipe.patience))
    trainer = FluxTrainer(
        model,
        _arguments(run, folder, len(rows)),
        train_dataset=rows,
        eval_dataset=validation,
        callbacks=callbacks,
        reference=reference_errors(rows if validation is None else validation, run.training),
    )
    checkpoint = last_checkpoint(folder.checkpoints)
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    return _finish(run, folder, trainer, rows if validation is None else validation)


def _arguments(run: Run, folder: RunFolder, rows: int) -> TrainingArguments:
    """The recipe in the words of the library: a checkpoint and a validation each epoch, silence otherwise."""
    recipe, validated = run.recipe, bool(run.validation)
    steps = recipe.epochs * -(-rows // recipe.batch_size)
    return TrainingArguments(
        output_dir=str(folder.checkpoints),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=_EVALUATION_BATCH,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=max(1, round(_WARM_UP * steps)),
        weight_decay=0.0,
        max_grad_norm=1.0,
        seed=recipe.seed,
        logging_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        eval_strategy="epoch" if validated else "no",
        load_best_model_at_end=validated,
        metric_for_best_model="eval_skill" if validated else None,
        greater_is_better=True if validated else None,
        restore_callback_states_from_checkpoint=True,
        dataloader_pin_memory=torch.cuda.is_available(),
        disable_tqdm=True,
        report_to="none",
    )


def _finish(run: Run, folder: RunFolder, trainer: FluxTrainer, judged: Arrays) -> Outcome:
    log = list(trainer.state.log_history)
    judgements = [entry for entry in log if not math.isnan(entry.get("eval_skill", math.nan))]
    best = max(judgements, key=lambda entry: entry["eval_skill"], default=log[-1])
    scores = trainer.evaluate(judged)  # type: ignore[arg-type]
    outcome = Outcome(
        splits=run.validation or run.training,
        metrics={
            target: {
                key.removeprefix(f"eval_{target}_"): value
                for key, value in scores.items()
                if key.startswith(f"eval_{target}_")
            }
            for target in run.targets
        },
        epoch=best["epoch"],
        parameters=trainer.model.num_parameters(only_trainable=True),
    )
    trainer.model.save_pretrained(folder.path)
    save_curves(log, run.targets, folder.path / "curves.png")
    folder.write("log.json", log)
    for leftover in (folder.checkpoints, folder.arrays):
        shutil.rmtree(leftover, ignore_errors=True)
    folder.write("metrics.json", asdict(outcome))
    return outcome
