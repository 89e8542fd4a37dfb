"""TCN: dilated causal convolutions over the days of a year, in residual blocks.

Lea et al. (2016), Temporal convolutional networks: a unified approach to action segmentation, ECCV 2016 Workshops,
47-54, doi:10.1007/978-3-319-49409-8_7, and in this form Bai, Kolter and Koltun (2018), An empirical evaluation of
generic convolutional and recurrent networks for sequence modeling, arXiv 1803.01271: each block has two causal
convolutions with weight normalisation (Salimans and Kingma 2016, arXiv 1602.07868), ReLU and spatial dropout (whole
channels), and a residual connection; the dilation grows by a factor from block to block. They double it, with as many
blocks as the history of a task needs. Three blocks of kernel 5, the AgroFlux paper's size, would then see 57 days, less
than lie between planting and harvest; with a factor of 4 they see 169.

The AgroFlux paper's released code takes the days for channels of a sequence of length one, so that each day sees all
others, later ones too, through 44 million weights. Here the convolution runs over time, and a day sees itself and the
days before it.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from .base import FluxConfig, FluxModel

__all__ = ["TcnConfig", "TcnModel"]


class TcnConfig(FluxConfig):
    """Configuration of `TcnModel`.

    Attributes
    ----------
    hidden_size : int
        Channels.
    num_layers : int
        Residual blocks, of two convolutions each.
    kernel_size : int
        Days that a convolution looks at.
    dilation_factor : int
        How many times farther apart these days are in a block than in the block before.
    dropout : float
        Share of channels that are dropped in training, after each convolution.
    """

    model_type = "agroflux-tcn"

    hidden_size: int = 50
    num_layers: int = 3
    kernel_size: int = 5
    dilation_factor: int = 4
    dropout: float = 0.2

    @property
    def receptive_field(self) -> int:
        """Days that a prediction depends on, its own included."""
        dilations = sum(self.dilation_factor**block for block in range(self.num_layers))
        return 1 + 2 * (self.kernel_size - 1) * dilations


class CausalConvolution(nn.Module):
    """A convolution over the days up to each day, with normalised weights: (B, C_in, T) to (B, C_out, T)."""

    def __init__(self, channels_in: int, channels_out: int, kernel_size: int, dilation: int):
        super().__init__()
        self.dilation = dilation
        self.direction = nn.Parameter(torch.empty(channels_out, channels_in, kernel_size))
        self.length = nn.Parameter(torch.empty(channels_out, 1, 1))
        self.bias = nn.Parameter(torch.empty(channels_out))

    def forward(self, values: Tensor) -> Tensor:
        weight = self.direction * (self.length / self.direction.norm(dim=(1, 2), keepdim=True))
        before = self.dilation * (weight.shape[-1] - 1)
        return F.conv1d(F.pad(values, (before, 0)), weight, self.bias, dilation=self.dilation)


class Block(nn.Module):
    """Two causal convolutions of one dilation beside what comes in."""

    def __init__(self, channels_in: int, channels_out: int, kernel_size: int, dilation: int, dropout: float):
        super().__init__()
        self.first = CausalConvolution(channels_in, channels_out, kernel_size, dilation)
        self.second = CausalConvolution(channels_out, channels_out, kernel_size, dilation)
        self.dropout = nn.Dropout1d(dropout)
        self.beside = nn.Identity() if channels_in == channels_out else nn.Conv1d(channels_in, channels_out, 1)

    def forward(self, values: Tensor) -> Tensor:
        changed = self.dropout(self.first(values).relu())
        changed = self.dropout(self.second(changed).relu())
        return (changed + self.beside(values)).relu()


class TcnModel(FluxModel):
    """Residual blocks of causal convolutions with growing dilation."""

    config_class = TcnConfig
    config: TcnConfig

    def __init__(self, config: TcnConfig):
        super().__init__(config)
        channels = [len(config.inputs)] + [config.hidden_size] * config.num_layers
        self.blocks = nn.ModuleList(
            Block(before, after, config.kernel_size, config.dilation_factor**number, config.dropout)
            for number, (before, after) in enumerate(pairwise(channels))
        )
        self.post_init()

    @property
    def width(self) -> int:
        return self.config.hidden_size

    def encode(self, inputs: Tensor, padding: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        values, shown = inputs.transpose(1, 2), []
        for block in self.blocks:
            values = block(values)  # days of padding come after all that is asked for
            shown.append(values.transpose(1, 2))
        return shown[-1], tuple(shown)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, CausalConvolution):
            bound = 1 / math.sqrt(module.direction[0].numel())
            init.uniform_(module.direction, -bound, bound)
            init.copy_(module.length, module.direction.norm(dim=(1, 2), keepdim=True))
            init.uniform_(module.bias, -bound, bound)
