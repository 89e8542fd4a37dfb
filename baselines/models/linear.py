"""Linear: a linear regression of each day's fluxes on the inputs up to that day, with coefficients of the season.

The least that a learned model can be; the AgroFlux paper has none. What a field does depends on its past, so a day is
described by each input on the day and by its exponentially weighted means over the days before it, which are to a
linear model what a state is to a recurrent one (a bank of leaky integrators: Mozer 1989, Complex Systems 3, 349-381).
It is fitted by the same gradient descent as the others, so that it differs from them in nothing but its form; that
descent is slow where features go together, as means over nearly the same days do, so each mean is given by how far it
departs from the next longer one.

What a warm day does depends on the season, so coefficients vary along the year (Hastie and Tibshirani 1993, J. R. Stat.
Soc. B 55, 757-796), as a few waves of it (Stolwijk et al. 1999, J. Epidemiol. Community Health 53, 235-238).
"""

from __future__ import annotations

from dataclasses import field
from itertools import pairwise

import torch
from torch import Tensor

from .base import FluxConfig, FluxModel, ModelError

__all__ = ["LinearConfig", "LinearModel"]

_YEAR = 365
"""Days."""


class LinearConfig(FluxConfig):
    """Configuration of `LinearModel`.

    Attributes
    ----------
    memories : list of int
        Days after which what an input was has faded to about a third, for each of the means, ascending; without any,
        a day is regressed on its own inputs alone.
    waves : list of int
        How many waves there are in 365 days, for each of those along which coefficients vary, ascending; without any,
        they stay what they are.
    """

    model_type = "agroflux-linear"

    memories: list[int] = field(default_factory=lambda: [2, 4, 8, 16, 32, 64, 128])
    waves: list[int] = field(default_factory=lambda: [1, 2])

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        for name, least in (("memories", 2), ("waves", 1)):
            numbers = getattr(self, name)
            if any(not isinstance(one, int) or one < least for one in numbers) or numbers != sorted(numbers):
                raise ModelError(f"bad {name}", f"whole numbers of at least {least}, ascending", numbers)


class LinearModel(FluxModel):
    """A linear layer on the inputs of a day and their fading means, each as it is and times the waves of the year."""

    config_class = LinearConfig
    config: LinearConfig

    def __init__(self, config: LinearConfig):
        super().__init__(config)
        self.post_init()

    @property
    def width(self) -> int:
        waves = 2 * len(self.config.waves)
        return len(self.config.inputs) * (1 + len(self.config.memories)) * (1 + waves) + waves

    def encode(self, inputs: Tensor, padding: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        day = torch.arange(inputs.shape[1], device=inputs.device)
        age = (day[:, None] - day).to(inputs.dtype)
        weights = [torch.where(age >= 0, (1 - 1 / days) ** age.clamp(min=0) / days, 0) for days in self.config.memories]
        means = [inputs, *(one @ inputs for one in weights)]
        found = [shorter - longer for shorter, longer in pairwise(means)] + means[-1:]
        # Times the root of the days, since the spread of a mean falls with it.
        found = [part * days**0.5 for part, days in zip(found, (1, *self.config.memories), strict=True)]
        known = torch.cat(found, dim=-1)
        angles = [2 * torch.pi * number * day.to(inputs.dtype) / _YEAR for number in self.config.waves]
        waves = [wave[:, None].expand_as(known[..., :1]) for angle in angles for wave in (angle.cos(), angle.sin())]
        return torch.cat([known, *(known * wave for wave in waves), *waves], dim=-1), ()
