"""Domain-adversarial training: features of days that tell fluxes, and not which of two worlds a day is from.

Ganin et al. (2016), Domain-adversarial training of neural networks, JMLR 17(59), 1-35, arXiv 1505.07818. A small
network, the discriminator, learns to tell days of the source task from days of the target task by the features that
the head reads. On its way back to the encoder its gradient is turned round, so that the encoder learns to make it
fail, more and more as training goes on (their section 5.2.2). The encoder and the head learn the fluxes of both tasks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from baselines.feed import Feed
from baselines.models import FluxModel, FluxOutput
from baselines.models.base import count_observed
from baselines.trainer import FluxTrainer

__all__ = ["AdversarialOutput", "AdversarialTrainer", "DomainAdversarial", "DomainFeed", "reverse", "strength_at"]

_WIDTH = 64
"""Units of the discriminator's two hidden layers."""
_STEEPNESS = 10.0
"""gamma of the paper's schedule."""


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, strength: Tensor) -> Tensor:
        ctx.save_for_backward(strength)
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (strength,) = ctx.saved_tensors
        return -strength * gradients[0], None


def reverse(values: Tensor, strength: Tensor) -> Tensor:
    """The same values, whose gradient comes back times minus the strength, a tensor ()."""
    return _Reversal.apply(values, strength)


def strength_at(progress: float, most: float = 1.0) -> float:
    """What the reversed gradient counts: ``most * (2 / (1 + exp(-10 p)) - 1)``, equation 14 of the paper.

    Parameters
    ----------
    progress : float
        p, the share of the training that is done, from 0 to 1.
    most : float
        What it comes near to at the end.

    Examples
    --------
    >>> [round(strength_at(progress), 3) for progress in (0, 0.1, 0.5, 1)]
    [0.0, 0.462, 0.987, 1.0]
    """
    return most * (2 / (1 + math.exp(-_STEEPNESS * progress)) - 1)


@dataclass
class AdversarialOutput(FluxOutput):
    """What a step of both domains gives.

    Attributes
    ----------
    accuracy : Tensor ()
        The share of days whose domain was told, the mean of both domains.
    """

    accuracy: Tensor | None = None


class DomainAdversarial(nn.Module):
    """A network and a discriminator of the days of two tasks.

    Parameters
    ----------
    model : FluxModel
        Over the targets of the target task, first, and those that only the source task has.
    targets : int
        How many of its targets are those of the target task.
    source_places : sequence of int
        Where the source task's targets are among those of the model.

    Attributes
    ----------
    strength : Tensor ()
        What the reversed gradient counts; set before each step.
    """

    accepts_loss_kwargs = True
    strength: Tensor

    def __init__(self, model: FluxModel, targets: int, source_places: Sequence[int]):
        super().__init__()
        self.model, self.targets, self.source_places = model, targets, list(source_places)
        self.config = model.config
        self.discriminator = nn.Sequential(
            nn.Linear(model.width, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, 1)
        )
        self.register_buffer("strength", torch.zeros(()), persistent=False)

    def forward(
        self,
        inputs: Tensor,
        labels: Tensor | None = None,
        padding: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        source: dict[str, Tensor] | None = None,
    ) -> FluxOutput:
        """Predict days of the target task, and with rows of the source task beside them the loss of a step.

        Parameters
        ----------
        inputs, labels, padding
            Of the target task, as of `FluxModel.forward`.
        num_items_in_batch : Tensor (4,) or (), or int, optional
            Of the whole batch: observed labels of target and source, days of target and source. Without `source` the
            first alone.
        source : dict of str to Tensor, optional
            ``inputs``, ``labels`` and maybe ``padding`` of rows of the source task.

        Returns
        -------
        FluxOutput
            Of the target task. In a step the terms of its loss are joined by ``source``, the loss of the source task,
            and ``domain``, the discriminator's cross-entropy, the mean of both domains: ln 2 where it cannot tell.
        """
        if labels is not None:
            labels = self._placed(labels, range(self.targets))
        if source is None:
            output = self.model(inputs, labels, padding, num_items_in_batch)
            output.predictions = output.predictions[..., : self.targets]
            if output.quantiles is not None:
                output.quantiles = output.quantiles[..., : self.targets, :]
            return output
        counts: Sequence[Tensor | None] = [None] * 4
        if isinstance(num_items_in_batch, Tensor) and num_items_in_batch.ndim:
            counts = num_items_in_batch.unbind()
        own = self.model(inputs, labels, padding, counts[0], True)
        theirs = self._placed(source["labels"], self.source_places)
        other = self.model(source["inputs"], theirs, source.get("padding"), counts[1], True)
        losses, right = [], []
        for output, hidden, days, is_source in (
            (own, padding, counts[2], 0.0), (other, source.get("padding"), counts[3], 1.0),
        ):  # fmt: skip
            features = output.hidden_states[-1].float()
            features = features.flatten(0, 1) if hidden is None else features[~hidden]
            logits = self.discriminator(reverse(features, self.strength)).squeeze(-1)
            entropy = F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, is_source), reduction="sum")
            losses.append(entropy / (len(logits) if days is None else days))
            right.append(((logits > 0) == bool(is_source)).float().mean())
        terms = own.terms | {"source": other.loss, "domain": torch.stack(losses).mean()}
        return AdversarialOutput(
            loss=torch.stack(list(terms.values())).sum(),
            predictions=own.predictions[..., : self.targets],
            terms=terms,
            accuracy=torch.stack(right).mean().detach(),
        )

    def _placed(self, labels: Tensor, places: Sequence[int]) -> Tensor:
        """Labels of a task among all targets of the model; NaN where the task has none."""
        whole = labels.new_full((*labels.shape[:2], len(self.config.targets)), math.nan)
        whole[..., list(places)] = labels
        return whole


class DomainFeed:
    """Batches of the target task, each with one of the source task beside it as ``source``.

    An epoch is one of the target task; the source's batches go on from epoch to epoch, and begin anew, in another
    order, when they are through. What lies beside what depends on the seed and the epoch alone.

    Parameters
    ----------
    target, source : Feed
    """

    def __init__(self, target: Feed, source: Feed):
        self.target, self.source = target, source
        self.dataset, self.batch_size = target.dataset, target.batch_size
        self._beside: Iterator[dict[str, Tensor]] = iter(())
        self._next: int | None = None
        """Which of all batches of the source comes next."""

    def set_epoch(self, epoch: int) -> None:
        """The epoch that the next iteration gives; the trainer calls it."""
        self.target.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.target)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        place = self.target.epoch * len(self.target)
        if place != self._next:
            self._beside = self._source_from(place)
        for batch in self.target:
            place += 1
            self._next = place
            yield batch | {"source": next(self._beside)}

    def _source_from(self, place: int) -> Iterator[dict[str, Tensor]]:
        epoch, skipped = divmod(place, len(self.source))
        while True:
            self.source.set_epoch(epoch)
            yield from itertools.islice(self.source, skipped, None)
            epoch, skipped = epoch + 1, 0


class AdversarialTrainer(FluxTrainer):
    """Trains a `DomainAdversarial`; the log has ``domain_accuracy`` and ``domain_strength`` beside the losses.

    Parameters
    ----------
    model : DomainAdversarial
    *args, **kwargs
        As of `FluxTrainer`.
    source_dataset : Arrays or Columns
        Training rows of the source task, with the inputs of the model and the targets at its ``source_places``.
    domain_weight : float
        `most` of `strength_at`.
    """

    model: DomainAdversarial  # type: ignore[assignment]

    def __init__(
        self,
        model: DomainAdversarial,
        *args: Any,
        source_dataset: Arrays | Columns,
        domain_weight: float,
        **kwargs: Any,
    ):
        predicted = model.config.targets[: model.targets]
        super().__init__(model, *args, targets=predicted, **kwargs)  # type: ignore[arg-type, misc]
        self.source_dataset, self.domain_weight = source_dataset, domain_weight
        self._accuracies: list[Tensor] = []

    def get_train_dataloader(self) -> DomainFeed:  # type: ignore[override]
        return DomainFeed(self._feed(self.train_dataset), self._feed(self.source_dataset))

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        strength = strength_at(self.state.global_step / max(1, self.state.max_steps), self.domain_weight)
        self.model.strength.fill_(strength)
        loss, outputs = super().compute_loss(model, inputs, True, num_items_in_batch)
        if "source" in inputs:
            self._accuracies.append(outputs["accuracy"])
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs and self._accuracies:
            accuracy = torch.stack(self._accuracies).mean()
            total = self.accelerator.gather(accuracy).mean() if self.args.world_size > 1 else accuracy
            logs["domain_accuracy"] = float(total)
            logs["domain_strength"] = float(self.model.strength)
            self._accuracies = []
        super().log(logs, start_time)

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Any]], device: torch.device) -> Tensor | None:
        if not batch_samples or "source" not in batch_samples[0]:
            return super()._get_num_items_in_batch(batch_samples, device)
        counts = []
        for batch in batch_samples:
            parts = (batch, batch["source"])
            days = [torch.tensor(part["inputs"].shape[:2].numel()) for part in parts]
            counts.append(torch.stack([*(count_observed(part["labels"]) for part in parts), *days]))
        number = torch.stack(counts).sum(0).to(device)
        if self.args.world_size > 1:
            number = self.accelerator.gather(number[None]).sum(0)
        return number
