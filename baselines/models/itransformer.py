"""iTransformer: attention of variables on each other, each variable's whole year being one token.

Liu et al. (2024), iTransformer: inverted transformers are effective for time series forecasting, ICLR 2024, arXiv
2310.06625. A linear layer over the days makes a token of each variable, encoder layers relate the tokens, and a linear
layer makes a series of days of each token again. There, that series is the variable's own future. Here, inputs and
targets are different variables of the same days: the head mixes the F series that the tokens give into the D fluxes of
a day. The statistics that the paper takes from each single series are those of the training rows here, since the level
of a series (of soil carbon, of temperature) is what fluxes depend on.

The AgroFlux paper's released code ends in a ReLU on normalised fluxes, which cannot say anything below the mean.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .attention import EncoderLayer, SelfAttention
from .base import FluxConfig, FluxModel
from .dropout import Dropout

__all__ = ["ITransformerConfig", "ITransformerModel"]


class ITransformerConfig(FluxConfig):
    """Configuration of `ITransformerModel`.

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
    days : int
        Length of the series that a token stands for. A longer sequence is cut into such series, one after the
        other; a shorter one is filled up with means.
    """

    model_type = "agroflux-itransformer"

    hidden_size: int = 50
    num_layers: int = 3
    num_heads: int = 5
    intermediate_size: int = 200
    dropout: float = 0.2
    days: int = 365


class ITransformerModel(FluxModel):
    """An encoder whose tokens are variables."""

    config_class = ITransformerConfig
    config: ITransformerConfig

    def __init__(self, config: ITransformerConfig):
        super().__init__(config)
        self.embedding = nn.Linear(config.days, config.hidden_size)
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(
            EncoderLayer(
                SelfAttention(config.hidden_size, config.num_heads),
                config.hidden_size,
                config.intermediate_size,
                config.dropout,
                F.gelu,
            )
            for _ in range(config.num_layers)
        )
        self.norm = nn.LayerNorm(config.hidden_size)
        self.projection = nn.Linear(config.hidden_size, config.days)
        self.post_init()

    @property
    def width(self) -> int:
        return len(self.config.inputs)

    def encode(self, inputs: Tensor, padding: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        rows, days, _ = inputs.shape
        length = self.config.days
        # Padding is zero in `inputs`, as what is added here, and weighs nothing in a token.
        series = F.pad(inputs, (0, 0, 0, -days % length)).unflatten(1, (-1, length)).flatten(0, 1).transpose(1, 2)
        tokens = self.dropout(self.embedding(series))
        shown = []
        for layer in self.layers:
            tokens = layer(tokens)
            shown.append(tokens)
        features = self.projection(self.norm(tokens)).transpose(1, 2).unflatten(0, (rows, -1)).flatten(1, 2)
        return features[:, :days], tuple(shown)
