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
from baselines.distributed import this_process
from baselines.evaluation import evaluate, keep_tested
from baselines.figures.curves import save_boosting, save_curves
from baselines.fitted import Network
from baselines.models import FluxConfig, FluxModel, model_class
from baselines.recipe import Recipe, TreeRecipe
from baselines.run import QUANTILES, Run, RunFolder
from baselines.scalers import config_for
from baselines.trainer import FluxTrainer, last_checkpoint, reference_errors
from baselines.transfer.adversarial import AdversarialTrainer, DomainAdversarial
from baselines.transfer.fine_tuning import learning_rates
from baselines.transfer.matching import adapted_config, adapted_model, pretrained, reduced
from baselines.transfer.plan import Transfer
from baselines.trees import trees_class

__all__ = ["Outcome", "train"]

_IN_MEMORY = 2**32
"""Bytes of arrays above which rows are streamed from the shards."""
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
        The epoch whose weights were kept; of trees, the most rounds that a target kept.
    parameters : int
        How many numbers were fitted.
    tested : dict or None
        The metrics on the split that the run is tested on (`split_to_test`): read once training is over. By site they
        are in ``sites.csv``.
    """

    splits: tuple[str, ...]
    metrics: dict[str, dict[str, float]]
    epoch: float
    parameters: int
    tested: dict[str, dict[str, float]] | None = None


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


def train(run: Run, release: Release, folder: RunFolder, bar: Progress) -> Outcome:
    """Train a network or trees, or go on with a run that was stopped, and leave everything in the folder.

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
    fit = _train_network if isinstance(run.recipe, Recipe) else _train_trees
    return fit(run, run.recipe, release, folder, bar)  # type: ignore[arg-type]


def _rows(columns: Columns, recipe: Recipe) -> Arrays | Columns:
    size = columns.rows * (len(columns.inputs) + len(columns.targets)) * DAYS * 4
    return columns if recipe.streaming or size > _IN_MEMORY else Arrays.read(columns)


def _validation(run: Run, release: Release) -> Arrays | None:
    if not run.validation:
        return None
    rows = Arrays.read(run.rows(release, run.validation))
    if np.isnan(rows.labels).all():
        raise AgrofluxError(
            "nothing to validate on", expected="observations in the validation rows", where="+".join(run.validation)
        )
    return rows


def _train_network(run: Run, recipe: Recipe, release: Release, folder: RunFolder, bar: Progress) -> Outcome:
    """In each of the processes that torchrun or accelerate started, or in this one alone; the first one writes."""
    process = this_process()
    if recipe.batch_size % (recipe.accumulation * process.num_processes):
        raise AgrofluxError(
            "a batch that processes cannot share evenly", came=recipe.batch_size,
            expected=f"a multiple of {process.num_processes} processes x accumulation {recipe.accumulation}",
        )  # fmt: skip
    columns = run.rows(release, run.training)
    source = None if run.transfer is None else pretrained(run.transfer.source)
    kind = model_class(run.model)
    weights = [recipe.weights.get(name, 1.0) for name in run.targets] if recipe.weights else []
    options = {}
    if source is not None:
        options = {name: getattr(source.config, name) for name in (*source.config.options(), QUANTILES)}
    config = config_for(
        kind.config_class, columns, input_noise=recipe.input_noise, target_weights=weights, **options | run.options
    )
    rows = _rows(columns, recipe)
    validation = _validation(run, release)
    judged = validation
    if judged is None:
        judged = rows if isinstance(rows, Arrays) else Arrays.read(rows)
    process.wait_for_everyone()  # all have seen what the folder held before
    if process.is_main_process:
        folder.begin(run)  # from here on there is something to resume
    set_seed(recipe.seed)
    moves = run.transfer is None or run.transfer.method != "none"
    callbacks: list[TrainerCallback] = [_Bar(bar)] if moves else []
    if recipe.patience is not None:
        callbacks.append(EarlyStoppingCallback(recipe.patience))
    given: dict[str, Any] = {
        "args": _arguments(run, recipe, folder, columns.rows, process.num_processes),
        "train_dataset": rows,
        "eval_dataset": validation,
        "callbacks": callbacks,
        "reference": reference_errors(judged, run.training),
    }
    trainer = (
        FluxTrainer(kind(config), **given)
        if run.transfer is None or source is None
        else _adapting(run, recipe, run.transfer, release, source, config, given)
    )
    checkpoint = last_checkpoint(folder.checkpoints)
    process.wait_for_everyone()
    if moves:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    return _finish(run, release, folder, trainer, judged, bar)


def _adapting(
    run: Run, recipe: Recipe, transfer: Transfer, release: Release, source: FluxModel, config: FluxConfig,
    given: dict[str, Any],
) -> FluxTrainer:  # fmt: skip
    """The trainer of a pretrained network under the run's task; `config` is that of a network fitted to it alone."""
    adversarial = transfer.method == "adversarial"
    config = adapted_config(source.config, config, keep_targets=adversarial, as_it_is=transfer.method == "none")
    model = adapted_model(source, config)
    rates = learning_rates(model, transfer, recipe.learning_rate)
    if not adversarial:
        return FluxTrainer(model, learning_rates=rates, **given)
    assert transfer.source_task is not None  # checked when the run was planned
    has = release.task(transfer.source_task).targets
    known = [name for name in model.config.targets if name in has]
    rows = Columns.of(release, transfer.source_task, transfer.source_splits, model.config.inputs, known)
    both = DomainAdversarial(model, len(run.targets), [model.config.targets.index(name) for name in known])
    rates = {f"model.{name}": rate for name, rate in rates.items()}
    rates |= {f"discriminator.{name}": recipe.learning_rate for name, _ in both.discriminator.named_parameters()}
    return AdversarialTrainer(
        both, source_dataset=_rows(rows, recipe), domain_weight=transfer.domain_weight, learning_rates=rates, **given
    )


def _train_trees(run: Run, recipe: TreeRecipe, release: Release, folder: RunFolder, bar: Progress) -> Outcome:
    """Boosting takes minutes at most and has no checkpoints: what was stopped starts anew."""
    validation = _validation(run, release)  # refuses what cannot be judged before the work
    folder.begin(run)
    judged = run.rows(release, run.validation) if validation is not None else None
    trees, log = trees_class(run.model).fit(run.rows(release, run.training), judged, recipe, bar)
    trees.save(folder.path)
    save_boosting(log, folder.path / "curves.png")
    folder.write("log.json", log)
    splits = run.validation or run.training
    outcome = Outcome(
        splits=splits,
        metrics=evaluate(trees, run, release, splits, bar),
        epoch=float(max(trees.rounds)),
        parameters=trees.parameters or 0,
        tested=keep_tested(trees, run, release, folder, bar),
    )
    folder.write("metrics.json", asdict(outcome))
    return outcome


def _arguments(run: Run, recipe: Recipe, folder: RunFolder, rows: int, processes: int) -> TrainingArguments:
    """The recipe in the words of the library: a checkpoint and a validation each epoch, silence otherwise."""
    validated = bool(run.validation)
    steps = recipe.epochs * -(-rows // recipe.batch_size)
    warm_up = _WARM_UP if run.transfer is None else run.transfer.warm_up
    return TrainingArguments(
        output_dir=str(folder.checkpoints),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size // (processes * recipe.accumulation),
        gradient_accumulation_steps=recipe.accumulation,
        bf16=recipe.bf16,
        use_cpu=not torch.accelerator.is_available(),
        torch_compile=recipe.compile,
        per_device_eval_batch_size=_EVALUATION_BATCH,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=max(1, round(warm_up * steps)),
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


def _finish(
    run: Run, release: Release, folder: RunFolder, trainer: FluxTrainer, judged: Arrays, bar: Progress
) -> Outcome:
    log = list(trainer.state.log_history)
    scores = trainer.evaluate(judged)  # type: ignore[arg-type]
    if not log:  # nothing was trained
        log = [{"epoch": 0.0, "step": 0} | scores]
    judgements = [entry for entry in log if not math.isnan(entry.get("eval_skill", math.nan))]
    best = max(judgements, key=lambda entry: entry["eval_skill"], default=log[-1])
    process = this_process()
    model = reduced(trainer.model.model, run.targets) if isinstance(trainer, AdversarialTrainer) else trainer.model
    model.requires_grad_(True)  # what was held in adapting was fitted before
    fitted = Network(model)
    splits = run.validation or run.training
    metrics = {
        target: {
            key.removeprefix(f"eval_{target}_"): value
            for key, value in scores.items()
            if key.startswith(f"eval_{target}_")
        }
        for target in run.targets
    }
    if fitted.quantiles and process.is_main_process:
        metrics = {name: own | metrics[name] for name, own in evaluate(fitted, run, release, splits, bar).items()}
    outcome = Outcome(
        splits=splits,
        metrics=metrics,
        epoch=best["epoch"],
        parameters=model.num_parameters(only_trainable=True),
        tested=keep_tested(fitted, run, release, folder, bar) if process.is_main_process else None,
    )
    if process.is_main_process:
        model.save_pretrained(folder.path)
        save_curves(log, run.targets, folder.path / "curves.png")
        folder.write("log.json", log)
        shutil.rmtree(folder.checkpoints, ignore_errors=True)
        folder.write("metrics.json", asdict(outcome))
    process.wait_for_everyone()
    return outcome
