"""`FluxTrainer`: the library's trainer, made right for labels with gaps."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import EvalPrediction, PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from baselines.collator import collate
from baselines.feed import Feed
from baselines.models.base import FluxModel, count_observed
from submission.climatology import Climatology
from submission.metrics import RowSums, mse, skill

__all__ = ["FluxTrainer", "last_checkpoint", "metrics_of", "reference_errors"]


class FluxTrainer(Trainer):
    """Trains a `FluxModel` on rows in memory or streamed from the shards.

    The loss is the sum of squared errors over the observed labels of the whole batch, over all accumulation steps
    and processes, divided by their number: 1 process x batch 32, 2 x 16 and accumulation 4 x 8 give the same
    gradients, however the gaps are spread. Metrics are pooled over all observed days of the evaluation rows, where a
    mean over batches would weigh days by the gaps around them.

    Where the model's configuration asks for physical constraints, the log has each part of the loss by its name:
    ``loss_error``, ``loss_carbon_closure`` and so on, whose sum is ``loss``.

    Parameters
    ----------
    model : FluxModel
    args : transformers.TrainingArguments
    train_dataset : Arrays or Columns, optional
        In memory, or the rows of a release that are streamed from its shards.
    eval_dataset : Arrays, optional
    callbacks : list of TrainerCallback, optional
    reference : mapping of str to float, optional
        By target, the mean squared error of the climatology over the evaluation rows, from `reference_errors`.
        With it, metrics have the skill against it.
    learning_rates : mapping of str to float, optional
        By parameter its peak, where they differ; others do not move.
    targets : sequence of str, optional
        What the model predicts, by default all targets of its configuration.
    """

    model: FluxModel
    loss_is_scaled_for_ga = True  # `compute_loss` divides by the whole accumulated batch

    def __init__(
        self,
        model: FluxModel,
        args: TrainingArguments,
        train_dataset: Arrays | Columns | None = None,
        eval_dataset: Arrays | None = None,
        callbacks: list[TrainerCallback] | None = None,
        reference: Mapping[str, float] | None = None,
        learning_rates: Mapping[str, float] | None = None,
        targets: Sequence[str] | None = None,
    ):
        args.remove_unused_columns = False  # the collator gives no others, and the library would look for lists
        super().__init__(
            model=model,
            args=args,
            data_collator=collate,  # type: ignore[arg-type]
            train_dataset=train_dataset,
            eval_dataset=eval_dataset,
            compute_metrics=partial(_metrics, targets=tuple(targets or model.config.targets), reference=reference),
            callbacks=callbacks,
        )
        self.remove_callback(PrinterCallback)
        self._learning_rates = learning_rates
        if learning_rates is not None:
            for name, parameter in model.named_parameters():
                parameter.requires_grad_(name in learning_rates)
        self._terms: dict[str, Tensor] = {}
        self._steps_before = 0
        """Sums of the parts of the loss since they were last logged, and the steps that were done then."""

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        loss, outputs = super().compute_loss(model, inputs, True, num_items_in_batch)
        if model.training and len(outputs["terms"]) > 1:
            if not self._terms:
                self._steps_before = self.state.global_step
            for name, term in outputs["terms"].items():
                self._terms[name] = self._terms.get(name, 0) + term.detach()
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs and self._terms:
            steps = self.state.global_step - self._steps_before
            for name, term in self._terms.items():
                total = self.accelerator.gather(term).sum() if self.args.world_size > 1 else term
                logs[f"loss_{name}"] = float(total) / steps
            self._terms = {}
        super().log(logs, start_time)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        if self._learning_rates is None or self.optimizer is not None:
            return super().create_optimizer(model)
        parameters = dict(self.model.named_parameters())
        groups = [
            {"params": [parameters[name] for name, own in self._learning_rates.items() if own == rate], "lr": rate}
            for rate in sorted(set(self._learning_rates.values()))
        ]
        kind, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
        self.optimizer = kind(groups, **options | {"weight_decay": self.args.weight_decay})
        return self.optimizer

    def get_train_dataloader(self) -> Feed:  # type: ignore[override]
        return self._feed(self.train_dataset)

    def _feed(self, rows: Any) -> Feed:
        """The batches of this process: the library would repeat rows where processes do not divide a batch."""
        return Feed(
            rows,
            batch_size=self.args.train_batch_size * self.args.world_size,
            seed=self.args.seed,
            process=self.args.process_index,
            processes=self.args.world_size,
        )

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Tensor]], device: torch.device) -> Tensor | None:
        if not batch_samples:
            return None
        number = torch.stack([count_observed(batch["labels"]) for batch in batch_samples]).sum().to(device)
        if self.args.world_size > 1:
            number = self.accelerator.gather(number).sum()
        return number


def reference_errors(rows: Arrays, training: Sequence[str]) -> dict[str, float]:
    """The climatology's mean squared error for each target of some rows, in their order of splits.

    Parameters
    ----------
    rows : Arrays
    training : sequence of str
        The splits that the climatology is taken from.
    """
    columns = rows.columns
    climatology = Climatology.fit(columns.release, columns.task, training)
    blocks = [block for split in columns.splits for block in climatology.blocks(columns.release, split)]
    return {
        name: mse(rows.labels[:, number], np.concatenate([block[name] for block in blocks]))
        for number, name in enumerate(columns.targets)
        if name in climatology.means
    }


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint in a folder; one that a kill left half-written is passed over."""

    def whole(checkpoint: Path) -> bool:
        try:
            return bool(json.loads((checkpoint / "trainer_state.json").read_text()))  # written last
        except (OSError, ValueError):
            return False

    found = [path for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if whole(path)]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def metrics_of(
    truth: NDArray[np.floating], prediction: NDArray[np.floating], reference: float | None = None
) -> dict[str, float]:
    """``n``, ``r2``, ``rmse``, ``mae`` and ``bias`` of one target, pooled over all observed days.

    Parameters
    ----------
    truth, prediction : arrays (rows, days)
        NaN in the truth where nothing was observed.
    reference : float, optional
        Mean squared error of the climatology over the same days; with it, also ``skill``.
    """
    pooled = RowSums.of(truth, prediction).total()
    return asdict(pooled) | ({} if reference is None else {"skill": skill(pooled.mse, reference)})


def _metrics(
    result: EvalPrediction, targets: tuple[str, ...], reference: Mapping[str, float] | None
) -> dict[str, float]:
    """The metrics of each target as ``TARGET_r2`` and so on, and their means ``r2`` and ``skill``."""
    predictions, labels = np.asarray(result.predictions), np.asarray(result.label_ids)
    scores: dict[str, float] = {}
    for number, name in enumerate(targets):
        against = None if reference is None else reference.get(name, math.nan)
        own = metrics_of(labels[..., number], predictions[..., number], against)
        scores |= {f"{name}_{key}": value for key, value in own.items()}
    for key in ("r2", "skill") if reference is not None else ("r2",):
        defined = [value for name in targets if not math.isnan(value := scores[f"{name}_{key}"])]
        scores[key] = sum(defined) / len(defined) if defined else math.nan
    return scores
