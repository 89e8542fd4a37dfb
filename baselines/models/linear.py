"""Linear: a linear regression of each day's fluxes on the inputs up to that day, faded at several rates.

The least that a learned model can be; the AgroFlux paper has none. What a field does depends on its past, so a day is
described by each input on the day and by its exponentially weighted means over the days before it, which are to a
linear model what a state is to a recurrent one (a bank of leaky integrators: Mozer 1989, Complex Systems 3, 349-381).
It is fitted by the same gradient descent as the others, so that it differs from them in nothing but its form; that
descent is slow where features go together, as means over nearly the same days do, so each mean is given by how far it
departs from the next longer one.
"""

from __future__ import annotations

from dataclasses import field
from itertools import pairwise

import torch
from torch import Tensor

from .base import FluxConfig, FluxModel, ModelError

__all__ = ["LinearConfig", "LinearModel"]


class LinearConfig(FluxConfig):
    """Configuration of `LinearModel`.

    Attributes
    ----------
    memories : list of int
        Days after which what an input was has faded to about a third, for each of the means, ascending; without any,
        a day is regressed on its own inputs alone.
    """

    model_type = "agroflux-linear"

    memories: list[int] = field(default_factory=lambda: [2, 4, 8, 16, 32, 64, 128])

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        if any(not isinstance(days, int) or days < 2 for days in self.memories) or self.memories != sorted(
            self.memories
        ):
            raise ModelError("bad memories", "whole numbers of at least 2 days, ascending", self.memories)


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
        weights = [torch.where(age >= 0, (1 - 1 / days) ** age.clamp(min=0) / days, 0) for days in self.config.memories]
        means = [inputs, *(one @ inputs for one in weights)]
        found = [shorter - longer for shorter, longer in pairwise(means)] + means[-1:]
        # Times the root of the days, since the spread of a mean falls with it.
        found = [part * days**0.5 for part, days in zip(found, (1, *self.config.memories), strict=True)]
        return torch.cat(found, dim=-1), ()
