"""Attention, and the encoder layer around it: Vaswani et al. (2017), Attention is all you need, arXiv 1706.03762."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .dropout import Dropout

__all__ = ["EncoderLayer", "SelfAttention", "positions"]

_ALIGNED = 16
"""Kernels are up to twice as fast where the width of a head is a multiple of this."""


def positions(days: int, width: int, like: Tensor) -> Tensor:
    """Sines and cosines of the day at wavelengths from 2 pi to 10,000 * 2 pi, section 3.5: (days, width).

    Computed and not stored, so that a sequence may have any length.
    """
    rates = torch.exp(torch.arange(0, width, 2, device=like.device) * (-math.log(10_000.0) / width))
    angles = torch.arange(days, device=like.device)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width].to(like.dtype)


class SelfAttention(nn.Module):
    """Multi-head attention of tokens on each other: (B, N, H) to (B, N, H).

    Weights of attention are not dropped in training: that would keep `torch` from its fused kernels, at three times
    the cost. The encoder layer drops what attention gives.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.into = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor, padding: Tensor | None = None) -> Tensor:
        """Attend; tokens of `padding` (B, N), where True, are not attended to."""
        parts = self.into(tokens).unflatten(-1, (3, self.heads, -1))
        width = parts.shape[-1]
        # Zeros change no product.
        query, key, value = F.pad(parts, (0, -width % _ALIGNED)).permute(2, 0, 3, 1, 4)
        mask = None if padding is None else ~padding[:, None, None, :]
        given = F.scaled_dot_product_attention(query, key, value, mask, scale=width**-0.5)
        return self.out(given[..., :width].transpose(1, 2).flatten(2))


class EncoderLayer(nn.Module):
    """Attention, then two linear layers on each token, each beside what comes in and normalised after.

    Parameters
    ----------
    attention : nn.Module
        From tokens and padding to tokens.
    width, intermediate : int
        Of a token, and between the two linear layers.
    dropout : float
    activation : callable
    """

    def __init__(
        self,
        attention: nn.Module,
        width: int,
        intermediate: int,
        dropout: float,
        activation: Callable[[Tensor], Tensor] = torch.relu,
    ):
        super().__init__()
        self.attention = attention
        self.wide, self.narrow = nn.Linear(width, intermediate), nn.Linear(intermediate, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.dropout = Dropout(dropout)
        self.activation = activation

    def forward(self, tokens: Tensor, padding: Tensor | list[Tensor] | None = None) -> Tensor:
        tokens = self.norms[0](tokens + self.dropout(self.attention(tokens, padding)))
        changed = self.narrow(self.dropout(self.activation(self.wide(tokens))))
        return self.norms[1](tokens + self.dropout(changed))
