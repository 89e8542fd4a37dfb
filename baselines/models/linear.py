"""Linear: a linear regression of each day's fluxes on the inputs up to that day, faded at several rates.

The least that a learned model can be; the AgroFlux paper has none. What a field does depends on its past, so a day is
described by each input on the day and by its exponentially weighted means over the days before it, which are to a
linear model what a state is to a recurrent one (a bank of leaky integrators: Mozer 1989, Complex Systems 3, 349-381).
It is fitted by the same gradient descent as the others, so that it differs from them in nothing but its form.
"""

from __future__ import annotations

from dataclasses import field

import torch
from torch import Tensor

from .base import FluxConfig, FluxModel, ModelError

__all__ = ["LinearConfig", "LinearModel"]


class LinearConfig(FluxConfig):
    """Configuration of `LinearModel`.

    Attributes
    ----------
    memories : list of int
        Days after which what an input was has faded to about a third, for each of the means; without any, a day is
        regressed on its own inputs alone.
    """

    model_type = "agroflux-linear"

    memories: list[int] = field(default_factory=lambda: [2, 4, 8, 16, 32, 64, 128])

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        if any(not isinstance(days, int) or days < 2 for days in self.memories):
            raise ModelError("bad memories", "whole numbers of at least 2 days", self.memories)


class LinearModel(FluxModel):
    """A linear layer on the inputs of a day and on their fading means."""

    config_class = LinearConfig
    config: LinearConfig

    def __init__(self, config: LinearConfig):
        super().__init__(config)
        self.post_init()

    @property
    def width(self) -> int:
        return len(self.config.inputs) * (1 + len(self.config.memories))

    def encode(self, inputs: Tensor, padding: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        day = torch.arange(inputs.shape[1], device=inputs.device)
        age = (day[:, None] - day).to(inputs.dtype)
        found = [inputs]
        for days in self.config.memories:
            # Times the root of the days, since the spread of a mean falls with it: all features then learn alike.
            weights = torch.where(age >= 0, (1 - 1 / days) ** age.clamp(min=0) * days**-0.5, 0)
            found.append(weights @ inputs)
        return torch.cat(found, dim=-1), ()
