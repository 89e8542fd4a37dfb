"""Transformer: attention of the days of a year on each other, with positions; a linear head on every day.

Vaswani et al. (2017), Attention is all you need, NeurIPS 30, arXiv 1706.03762: the encoder, with sinusoidal
positions. There is no decoder: fluxes of a day are read off the day's own token, and a day sees the whole year of
weather and management, the days after it too. Weights of attention are not dropped (`attention.SelfAttention`).

In the AgroFlux paper's released code attention runs over the rows of a batch instead of the days, and nothing tells
the days apart.
"""

from __future__ import annotations

from torch import Tensor, nn

from .attention import EncoderLayer, SelfAttention, positions
from .base import FluxConfig, FluxModel
from .dropout import Dropout

__all__ = ["TransformerConfig", "TransformerModel"]


class TransformerConfig(FluxConfig):
    """Configuration of `TransformerModel`.

    Attributes
    ----------
    hidden_size : int
        Width of a token.
    num_layers : int
    num_heads : int
        Has to divide `hidden_size`.
    intermediate_size : int
        Width between the two linear layers of an encoder layer.
    dropout : float
    """

    model_type = "agroflux-transformer"

    hidden_size: int = 50
    num_layers: int = 3
    num_heads: int = 5
    intermediate_size: int = 200
    dropout: float = 0.2


class TransformerModel(FluxModel):
    """An encoder whose tokens are days."""

    config_class = TransformerConfig
    config: TransformerConfig

    def __init__(self, config: TransformerConfig):
        super().__init__(config)
        self.embedding = nn.Linear(len(config.inputs), config.hidden_size)
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(
            EncoderLayer(
                SelfAttention(config.hidden_size, config.num_heads),
                config.hidden_size,
                config.intermediate_size,
                config.dropout,
            )
            for _ in range(config.num_layers)
        )
        self.post_init()

    @property
    def width(self) -> int:
        return self.config.hidden_size

    def encode(self, inputs: Tensor, padding: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        tokens = self.embedding(inputs)
        tokens = self.dropout(tokens + positions(inputs.shape[1], self.width, tokens))
        shown = []
        for layer in self.layers:
            tokens = layer(tokens, padding)
            shown.append(tokens)
        return tokens, tuple(shown)
