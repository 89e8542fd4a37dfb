"""What every learned model shares: its configuration, normalisation inside, and the masked loss.

A model takes inputs and gives predictions in physical units; means and spreads of the training rows lie in its
configuration and go with it wherever it is saved.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from statistics import NormalDist
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.utils import ModelOutput

__all__ = ["FluxConfig", "FluxModel", "FluxOutput", "ModelError", "check_quantiles", "count_observed"]

# What `transformers` itself passes to a configuration beyond its fields, when it loads one.
_LIBRARY_ARGUMENTS = {
    "model_type", "transformers_version", "auto_map", "name_or_path", "torch_dtype", "attn_implementation",
    "experts_implementation", "output_attentions", "num_labels", "use_cache", "_commit_hash",
    "_attn_implementation_internal", "_experts_implementation_internal",
}  # fmt: skip


class ModelError(ValueError):
    """A configuration or input that a model cannot have, said once and clearly.

    Parameters
    ----------
    problem : str
        What is wrong, as a short phrase.
    expected : str
        What would have been right.
    came : object
        What came instead.
    """

    def __init__(self, problem: str, expected: str, came: object):
        super().__init__(f"{problem}: expected {expected}, got {came!r}")


def check_quantiles(levels: Sequence[float]) -> None:
    """Raise `ModelError` for levels that do not ascend or are no whole percents, by which files name them."""
    if (
        any(isinstance(level, bool) or not isinstance(level, int | float) for level in levels)
        or any(not 0 < level < 1 or abs(level * 100 - round(level * 100)) > 1e-9 for level in levels)
        or any(lower >= upper for lower, upper in pairwise(levels))
    ):
        raise ModelError("bad quantiles", "whole percents between 0 and 1, ascending, such as 0.05", levels)


class FluxConfig(PreTrainedConfig):
    """What a model reads and writes, and what it was fitted to; each architecture adds its own fields.

    Attributes
    ----------
    inputs, targets : list of str
        Names of the F inputs and D targets, in the order of the last axes.
    input_units, target_units : list of str
    input_means, input_sds, target_means, target_sds : list of float
        Scalers: moments of the training rows, in those units.
    task, revision, origin : str, optional
        The task, the revision of the release, and who made its numbers.
    training_splits : list of str
        The splits whose rows the model was fitted to.
    input_noise : float
        Spread of Gaussian noise that training adds to the normalised inputs; it acts as Tikhonov regularisation
        (Bishop 1995, Neural Computation 7:108).
    target_weights : list of float
        What each target counts in the loss; by default all 1.
    carbon_closure : float
        Weight in the loss of the squared carbon that is not closed, NEE - (RECO - GPP), in spreads of NEE.
    non_negative_gpp : float
        Weight in the loss of the square of what GPP is below zero, in spreads of GPP.
    quantiles : list of float
        Levels of the quantiles that the model gives beside its prediction: whole percents between 0 and 1, ascending.
        Without any it gives none.

    Raises
    ------
    ModelError
        A keyword that no field has, lists that do not fit together, or an impossible size.
    """

    model_type = "agroflux"
    keys_to_ignore_at_inference: ClassVar[list[str]] = ["quantiles", "hidden_states", "terms"]

    inputs: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    input_units: list[str] = field(default_factory=list)
    target_units: list[str] = field(default_factory=list)
    input_means: list[float] = field(default_factory=list)
    input_sds: list[float] = field(default_factory=list)
    target_means: list[float] = field(default_factory=list)
    target_sds: list[float] = field(default_factory=list)
    task: str | None = None
    revision: str | None = None
    origin: str | None = None
    training_splits: list[str] = field(default_factory=list)
    input_noise: float = 0.0
    target_weights: list[float] = field(default_factory=list)
    carbon_closure: float = 0.0
    non_negative_gpp: float = 0.0
    quantiles: list[float] = field(default_factory=list)

    def __post_init__(self, **kwargs: Any) -> None:
        kind = type(self).__name__
        # The library accepts any keyword in silence, and a misspelt option would change nothing.
        if unknown := sorted(set(kwargs) - _LIBRARY_ARGUMENTS):
            raise ModelError(f"unknown options of {kind}", "some of " + ", ".join(self.options()), ", ".join(unknown))
        for column, names in (("input", self.inputs), ("target", self.targets)):
            for what in ("units", "means", "sds"):
                if len(getattr(self, f"{column}_{what}")) != len(names):
                    expected = f"one for each of {', '.join(names) or 'no columns'}"
                    raise ModelError(f"{column}_{what} does not fit", expected, getattr(self, f"{column}_{what}"))
        if self.target_weights and len(self.target_weights) != len(self.targets):
            raise ModelError("target_weights does not fit", f"{len(self.targets)} numbers", self.target_weights)
        for name in ("input_sds", "target_sds", "target_weights"):
            if any(not value > 0 or math.isinf(value) for value in getattr(self, name)):
                raise ModelError(f"bad {name}", "positive numbers", getattr(self, name))
        self._check_sizes()
        check_quantiles(self.quantiles)
        for option, needed in (("carbon_closure", {"NEE", "RECO", "GPP"}), ("non_negative_gpp", {"GPP"})):
            if getattr(self, option) and not needed <= set(self.targets):
                raise ModelError(f"{option} needs other targets", ", ".join(sorted(needed)), ", ".join(self.targets))
        super().__post_init__(**kwargs)

    def _check_sizes(self) -> None:
        """Whole numbers count something, shares lie below one, other numbers are weights and spreads; heads fit."""
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name not in (*self.options(), "input_noise", "carbon_closure", "non_negative_gpp"):
                continue
            if one.type == "int" and (not isinstance(value, int) or value < 1):
                raise ModelError(f"bad {one.name}", "a whole number of at least 1", value)
            if one.type == "float" and not 0 <= value < (1 if one.name == "dropout" else math.inf):
                raise ModelError(f"bad {one.name}", f"at least 0{', below 1' * (one.name == 'dropout')}", value)
        width, heads = getattr(self, "hidden_size", 0), getattr(self, "num_heads", 1)
        if width % heads:
            raise ModelError("heads of unequal size", f"num_heads that divides {width}", heads)

    @classmethod
    def options(cls) -> tuple[str, ...]:
        """Names of the fields that this architecture adds: what a user may choose."""
        shared = {one.name for one in fields(FluxConfig)}
        return tuple(one.name for one in fields(cls) if one.name not in shared)


@dataclass
class FluxOutput(ModelOutput):
    """What a model gives.

    Attributes
    ----------
    loss : Tensor (), optional
        The sum of `terms`, where labels were given.
    predictions : Tensor (B, T, D)
        Physical units; NaN on days of padding.
    quantiles : Tensor (B, T, D, Q), optional
        Those of the configuration's levels, where it has any: physical units, never falling from level to level, NaN
        on days of padding.
    hidden_states : tuple of Tensor, optional
        What the layers gave that the architecture can show, and last the features (B, T, H) that the head reads;
        only when asked for.
    terms : dict of str to Tensor (), optional
        What the loss consists of: ``error``, the masked mean squared error of the normalised targets; where the
        configuration has levels ``quantiles``, twice their mean pinball loss; and each physical constraint that it
        asks for, by its name there and times its weight.
    """

    loss: Tensor | None = None
    predictions: Tensor | None = None
    quantiles: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    terms: dict[str, Tensor] | None = None


def count_observed(labels: Tensor) -> Tensor:
    """How many labels are not NaN, as a tensor ()."""
    return (~torch.isnan(labels)).sum()


class FluxModel(PreTrainedModel):
    """A model from daily inputs to daily fluxes: an encoder of days, and a linear head on every day.

    A subclass builds its encoder after ``super().__init__(config)``, calls ``self.post_init()`` last, and implements
    `width` and `encode`. The head has a row for each target, in the order of ``config.targets``; beside it, where
    ``config.quantiles`` has Q levels, ``quantile_head`` has Q rows for each target in the same order.

    Quantiles are those of linear quantile regression on the features, by the pinball loss (Koenker and Bassett 1978,
    Econometrica 46, 33-50, doi:10.2307/1913643). The level nearest to the median is a linear output; every other lies
    beyond its inner neighbour by a positive amount, so that they cannot cross (as the increments of Park et al. 2022,
    Learning quantile functions without quantile crossing for distribution-free time series forecasting, AISTATS,
    arXiv 2111.06581). An amount is a gap between quantiles of the standard normal distribution, times a factor that is
    about 1 before training.
    """

    config_class = FluxConfig
    config: FluxConfig
    main_input_name = "inputs"
    # Tells the library's trainer that `forward` divides by `num_items_in_batch` itself.
    accepts_loss_kwargs = True

    input_mean: Tensor
    input_sd: Tensor
    target_mean: Tensor
    target_sd: Tensor
    quantile_scores: Tensor

    def __init__(self, config: FluxConfig):
        super().__init__(config)
        if not config.inputs or not config.targets:
            raise ModelError(
                "a model without columns", "inputs and targets in its configuration",
                f"inputs {config.inputs}, targets {config.targets}",
            )  # fmt: skip
        # Persistent, though the configuration has them too: other buffers are uninitialised after `from_pretrained`.
        for name, numbers in (
            ("input_mean", config.input_means),
            ("input_sd", config.input_sds),
            ("target_mean", config.target_means),
            ("target_sd", config.target_sds),
        ):
            self.register_buffer(name, torch.tensor(numbers, dtype=torch.float32))
        self.head = nn.Linear(self.width, len(config.targets))
        if config.quantiles:
            self.quantile_head = nn.Linear(self.width, len(config.targets) * len(config.quantiles))
            scores = [NormalDist().inv_cdf(level) for level in config.quantiles]
            self.register_buffer("quantile_scores", torch.tensor(scores, dtype=torch.float32))

    @property
    @abstractmethod
    def width(self) -> int:
        """H, the number of features that `encode` gives for a day."""

    @abstractmethod
    def encode(self, inputs: Tensor, padding: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The architecture itself, on normalised numbers.

        Parameters
        ----------
        inputs : Tensor (B, T, F)
            Zero on days of padding.
        padding : Tensor (B, T) of bool, optional
            True on days that only fill a shorter sequence up; they come last.

        Returns
        -------
        features : Tensor (B, T, H)
            What the head reads.
        hidden_states : tuple of Tensor
            What the layers gave.
        """

    def forward(
        self,
        inputs: Tensor,
        labels: Tensor | None = None,
        padding: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        output_hidden_states: bool = False,
    ) -> FluxOutput:
        """Predict, and with labels also compute the loss.

        Parameters
        ----------
        inputs : Tensor (B, T, F)
            Physical units, no NaN.
        labels : Tensor (B, T, D), optional
            Physical units, NaN where nothing was observed.
        padding : Tensor (B, T) of bool, optional
            True on days after the end of a sequence that is shorter than its batch. What inputs and labels hold
            there, NaN or anything, changes nothing.
        num_items_in_batch : Tensor () or int, optional
            Observed labels of the whole batch of which these rows are a part, over accumulation steps and
            processes; by default those of `labels`.
        output_hidden_states : bool

        Returns
        -------
        FluxOutput

        Raises
        ------
        ModelError
            Inputs of another width, or with NaN, or padding that does not come last.
        """
        normalised = self.normalise(inputs, padding)
        if self.training and self.config.input_noise > 0:
            noise = self.config.input_noise * torch.randn_like(normalised)
            normalised = normalised + (noise if padding is None else noise.masked_fill(padding[..., None], 0))
        features, hidden_states = self.encode(normalised, padding)
        outputs = self.head(features).float()  # sums of squares lose too much in bfloat16
        levels = self._quantiles(features)
        predictions = outputs * self.target_sd + self.target_mean
        quantiles = None if levels is None else levels * self.target_sd[:, None] + self.target_mean[:, None]
        terms = None
        if padding is not None:
            predictions = predictions.masked_fill(padding[..., None], math.nan)
            if quantiles is not None:
                quantiles = quantiles.masked_fill(padding[..., None, None], math.nan)
        if labels is not None:
            if padding is not None:
                labels = labels.masked_fill(padding[..., None], math.nan)
            terms = self._terms(outputs, levels, labels, num_items_in_batch)
        return FluxOutput(
            loss=None if terms is None else torch.stack(list(terms.values())).sum(),
            predictions=predictions,
            quantiles=quantiles,
            hidden_states=(*hidden_states, features) if output_hidden_states else None,
            terms=terms,
        )

    def normalise(self, inputs: Tensor, padding: Tensor | None = None) -> Tensor:
        """Physical inputs as `encode` takes them; raises `ModelError` for what `forward` does."""
        names = self.config.inputs
        if inputs.ndim != 3 or inputs.shape[-1] != len(names):
            expected = f"(batch, days, {len(names)}): {', '.join(names)}"
            raise ModelError("inputs of another shape", expected, tuple(inputs.shape))
        if padding is not None:
            if padding.shape != inputs.shape[:2] or padding.dtype != torch.bool:
                raise ModelError("another padding", f"booleans {tuple(inputs.shape[:2])}", tuple(padding.shape))
            if padding[:, 0].any() or (padding[:, :-1] & ~padding[:, 1:]).any():
                raise ModelError("padding before days", "padding after the last day of a sequence", "days after it")
            # Means, so that what fills a sequence up is finite and, normalised, zero.
            inputs = torch.where(padding[..., None], self.input_mean.to(inputs.dtype), inputs)
        if not torch.isfinite(inputs).all():
            bad = ~torch.isfinite(inputs).flatten(0, 1).all(dim=0)
            columns = ", ".join(name for name, column in zip(names, bad.tolist(), strict=True) if column)
            raise ModelError(f"inputs of {columns}", "numbers on every day", "NaN or infinity")
        return (inputs.to(self.input_mean.dtype) - self.input_mean) / self.input_sd

    def _quantiles(self, features: Tensor) -> Tensor | None:
        """Normalised quantiles (B, T, D, Q), of levels that ascend; None for a model without levels."""
        levels = self.config.quantiles
        if not levels:
            return None
        raw = self.quantile_head(features).float().unflatten(-1, (len(self.config.targets), len(levels)))
        inner = min(range(len(levels)), key=lambda place: abs(levels[place] - 0.5))
        middle = raw[..., inner : inner + 1] + self.quantile_scores[inner]
        factors = F.softplus(torch.cat([raw[..., :inner], raw[..., inner + 1 :]], dim=-1)) / math.log(2)
        gaps = factors * self.quantile_scores.diff()
        below = middle - gaps[..., :inner].flip(-1).cumsum(-1).flip(-1)
        return torch.cat([below, middle, middle + gaps[..., inner:].cumsum(-1)], dim=-1)

    def _terms(
        self, outputs: Tensor, quantiles: Tensor | None, labels: Tensor, number: Tensor | int | None
    ) -> dict[str, Tensor]:
        observed = ~torch.isnan(labels)
        total = observed.sum() if number is None else torch.as_tensor(number, device=outputs.device)
        total = total.clamp(min=1)
        # NaN goes before the square: its gradient is a product, and zero times NaN is NaN.
        wanted = (labels.contiguous() - self.target_mean) / self.target_sd
        squares = torch.where(observed, outputs - wanted, 0).square()
        if self.config.target_weights:
            squares = squares * squares.new_tensor(self.config.target_weights)
        terms = {"error": squares.sum() / total}
        if quantiles is not None:
            levels = quantiles.new_tensor(self.config.quantiles)
            above = torch.where(observed[..., None], wanted[..., None] - quantiles, 0)
            # Twice the mean over levels: with many even ones it is the CRPS (Gneiting and Raftery 2007, JASA 102:359).
            pinball = 2 * torch.maximum(levels * above, (levels - 1) * above).mean(-1)
            if self.config.target_weights:
                pinball = pinball * pinball.new_tensor(self.config.target_weights)
            terms["quantiles"] = pinball.sum() / total
        for name, violation in self._violations(outputs):
            # Days with an observation, so that the parts of a batch add up to the whole, however they are cut.
            squares = torch.where(observed.any(-1), violation, 0).square()
            terms[name] = getattr(self.config, name) * squares.sum() / total
        return terms

    def _violations(self, outputs: Tensor) -> list[tuple[str, Tensor]]:
        """How far each constraint is from holding on each day, (B, T), in spreads of its flux."""
        config = self.config
        found: list[tuple[str, Tensor]] = []
        if not (config.carbon_closure or config.non_negative_gpp):
            return found
        flux = dict(zip(config.targets, (outputs * self.target_sd + self.target_mean).unbind(-1), strict=True))
        sd = dict(zip(config.targets, self.target_sd, strict=True))
        if config.carbon_closure:
            found.append(("carbon_closure", (flux["NEE"] - flux["RECO"] + flux["GPP"]) / sd["NEE"]))
        if config.non_negative_gpp:
            found.append(("non_negative_gpp", flux["GPP"].clamp(max=0) / sd["GPP"]))
        return found

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Start from the distributions of `torch`'s own layers; those of the library are for language models."""
        if isinstance(module, nn.Linear | nn.Conv1d):
            bound = 1 / math.sqrt(module.weight[0].numel())
            init.uniform_(module.weight, -bound, bound)
            if module.bias is not None:
                init.uniform_(module.bias, -bound, bound)
        elif isinstance(module, nn.RNNBase):
            bound = 1 / math.sqrt(module.hidden_size)
            for parameter in module.parameters():
                init.uniform_(parameter, -bound, bound)
        elif isinstance(module, nn.LayerNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)
