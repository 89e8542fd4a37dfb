"""What every learned model shares: its configuration, normalisation inside, and the masked loss.

A model takes inputs and gives predictions in physical units; means and spreads of the training rows lie in its
configuration and go with it wherever it is saved.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.utils import ModelOutput

from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.variables import VARIABLES

__all__ = ["FluxConfig", "FluxModel", "FluxOutput", "count_observed"]

# What `transformers` itself passes to a configuration beyond its fields, when it loads one.
_LIBRARY_ARGUMENTS = {
    "model_type", "transformers_version", "auto_map", "name_or_path", "torch_dtype", "attn_implementation",
    "experts_implementation", "output_attentions", "num_labels", "use_cache", "_commit_hash",
    "_attn_implementation_internal", "_experts_implementation_internal",
}  # fmt: skip


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

    Raises
    ------
    AgrofluxError
        A keyword that no field has, or lists that do not fit together.
    """

    model_type = "agroflux"
    keys_to_ignore_at_inference: ClassVar[list[str]] = ["hidden_states"]

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

    def __post_init__(self, **kwargs: Any) -> None:
        # The library accepts any keyword in silence, and a misspelt option would change nothing.
        if unknown := sorted(set(kwargs) - _LIBRARY_ARGUMENTS):
            raise AgrofluxError(
                f"unknown options of {type(self).__name__}", expected="some of " + ", ".join(self.options()),
                came=", ".join(unknown),
            )  # fmt: skip
        for kind, names in (("input", self.inputs), ("target", self.targets)):
            for what in ("units", "means", "sds"):
                if len(getattr(self, f"{kind}_{what}")) != len(names):
                    raise AgrofluxError(
                        f"{kind}_{what} does not fit", expected=f"one for each of {', '.join(names) or 'no columns'}",
                        came=getattr(self, f"{kind}_{what}"),
                    )  # fmt: skip
        for name in ("input_sds", "target_sds"):
            if any(not value > 0 or math.isinf(value) for value in getattr(self, name)):
                raise AgrofluxError(f"bad {name}", expected="positive numbers", came=getattr(self, name))
        super().__post_init__(**kwargs)

    @classmethod
    def options(cls) -> tuple[str, ...]:
        """Names of the fields that this architecture adds: what a user may choose."""
        shared = {one.name for one in fields(FluxConfig)}
        return tuple(one.name for one in fields(cls) if one.name not in shared)

    @classmethod
    def for_rows(cls, columns: Columns, **options: Any) -> Self:
        """The configuration of a model that is fitted to some rows of a release.

        Parameters
        ----------
        columns : Columns
            The training rows; only training splits have scalers.
        **options
            Fields of the architecture, such as ``hidden_size``.

        Raises
        ------
        AgrofluxError
            A split is no training data, a target was never observed in it, or an option does not exist.
        """
        release, task = columns.release, columns.task
        moments = release.statistics(task, columns.splits)
        for name in (*columns.inputs, *columns.targets):
            if name not in moments or moments[name].n == 0:
                raise AgrofluxError(f"{name} was never observed in the training rows", where="+".join(columns.splits))

        def sds(names: Sequence[str]) -> list[float]:
            # A column that never varies in training (the soil of a single site) is centred and left at its scale.
            return [moments[name].sd if moments[name].sd > 1e-6 * abs(moments[name].mean) else 1.0 for name in names]

        return cls(
            inputs=list(columns.inputs),
            targets=list(columns.targets),
            input_units=[VARIABLES[name].unit for name in columns.inputs],
            target_units=[VARIABLES[name].unit for name in columns.targets],
            input_means=[moments[name].mean for name in columns.inputs],
            input_sds=sds(columns.inputs),
            target_means=[moments[name].mean for name in columns.targets],
            target_sds=sds(columns.targets),
            task=task,
            revision=release.revision,
            origin=release.origin(task),
            training_splits=list(columns.splits),
            **options,
        )


@dataclass
class FluxOutput(ModelOutput):
    """What a model gives.

    Attributes
    ----------
    loss : Tensor (), optional
        Masked mean squared error of the normalised targets, where labels were given.
    predictions : Tensor (B, T, D)
        Physical units.
    hidden_states : tuple of Tensor, optional
        What the layers that the architecture can show gave, the last one last; only when asked for.
    """

    loss: Tensor | None = None
    predictions: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None


def count_observed(labels: Tensor) -> Tensor:
    """How many labels are not NaN, as a tensor ()."""
    return (~torch.isnan(labels)).sum()


class FluxModel(PreTrainedModel):
    """A model from daily inputs to daily fluxes.

    A subclass builds its layers after ``super().__init__(config)``, calls ``self.post_init()`` last, and implements
    `network`.
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

    def __init__(self, config: FluxConfig):
        super().__init__(config)
        if not config.inputs or not config.targets:
            raise AgrofluxError(
                "a model without columns", expected="inputs and targets in its configuration",
                came=f"inputs {config.inputs}, targets {config.targets}",
            )  # fmt: skip
        # Persistent, though the configuration has them too: other buffers are uninitialised after `from_pretrained`.
        for name, numbers in (
            ("input_mean", config.input_means),
            ("input_sd", config.input_sds),
            ("target_mean", config.target_means),
            ("target_sd", config.target_sds),
        ):
            self.register_buffer(name, torch.tensor(numbers, dtype=torch.float32))

    @abstractmethod
    def network(self, inputs: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The architecture itself, on normalised numbers.

        Parameters
        ----------
        inputs : Tensor (B, T, F)

        Returns
        -------
        predictions : Tensor (B, T, D)
        hidden_states : tuple of Tensor
        """

    def forward(
        self,
        inputs: Tensor,
        labels: Tensor | None = None,
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
        num_items_in_batch : Tensor () or int, optional
            Observed labels of the whole batch of which these rows are a part, over accumulation steps and
            processes; by default those of `labels`.
        output_hidden_states : bool

        Returns
        -------
        FluxOutput

        Raises
        ------
        AgrofluxError
            Inputs of another width, or with NaN.
        """
        self._check(inputs)
        normalised = (inputs.to(self.input_mean.dtype) - self.input_mean) / self.input_sd
        if self.training and self.config.input_noise > 0:
            normalised = normalised + self.config.input_noise * torch.randn_like(normalised)
        outputs, hidden_states = self.network(normalised)
        outputs = outputs.float()  # sums of squares lose too much in bfloat16
        return FluxOutput(
            loss=None if labels is None else self._loss(outputs, labels, num_items_in_batch),
            predictions=outputs * self.target_sd + self.target_mean,
            hidden_states=hidden_states if output_hidden_states else None,
        )

    def _loss(self, outputs: Tensor, labels: Tensor, number: Tensor | int | None) -> Tensor:
        observed = ~torch.isnan(labels)
        # NaN is replaced before any arithmetic: a masked NaN would still make every gradient NaN.
        wanted = (torch.where(observed, labels, self.target_mean) - self.target_mean) / self.target_sd
        squares = torch.where(observed, outputs - wanted, 0).square().sum()
        total = observed.sum() if number is None else torch.as_tensor(number, device=squares.device)
        return squares / total.clamp(min=1)

    def _check(self, inputs: Tensor) -> None:
        names = self.config.inputs
        if inputs.ndim != 3 or inputs.shape[-1] != len(names):
            raise AgrofluxError(
                "inputs of another shape", expected=f"(batch, days, {len(names)}): {', '.join(names)}",
                came=tuple(inputs.shape),
            )  # fmt: skip
        if not torch.isfinite(inputs).all():
            bad = ~torch.isfinite(inputs).flatten(0, 1).all(dim=0)
            raise AgrofluxError(
                "inputs that are NaN or infinite", expected="numbers in every column",
                where=", ".join(name for name, column in zip(names, bad.tolist(), strict=True) if column),
            )  # fmt: skip

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
