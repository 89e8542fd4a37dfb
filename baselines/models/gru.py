"""GRU: gated recurrent units over the days of a year, a linear head on every day.

Cho et al. (2014), Learning phrase representations using RNN encoder-decoder for statistical machine translation,
EMNLP 2014, 1724-1734, doi:10.3115/v1/D14-1179. The AgroFlux paper has no GRU; sizes and dropout are those of its LSTM.
"""

from __future__ import annotations

from torch import Tensor, nn

from .base import FluxConfig, FluxModel
from .dropout import Dropout

__all__ = ["GruConfig", "GruModel"]


class GruConfig(FluxConfig):
    """Configuration of `GruModel`.

    Attributes
    ----------
    hidden_size : int
        Units of a layer.
    num_layers : int
    dropout : float
        Share of units that are dropped in training, between layers and before the head.
    """

    model_type = "agroflux-gru"

    hidden_size: int = 50
    num_layers: int = 3
    dropout: float = 0.2


class GruModel(FluxModel):
    """A stack of GRU layers that reads a year once, from its first day to its last."""

    config_class = GruConfig
    config: GruConfig

    def __init__(self, config: GruConfig):
        super().__init__(config)
        self.gru = nn.GRU(
            len(config.inputs),
            config.hidden_size,
            config.num_layers,
            batch_first=True,
            dropout=config.dropout if config.num_layers > 1 else 0.0,
        )
        self.dropout = Dropout(config.dropout)
        self.post_init()

    @property
    def width(self) -> int:
        return self.config.hidden_size

    def encode(self, inputs: Tensor, padding: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden, _ = self.gru(inputs)  # days of padding come after all that is asked for
        return self.dropout(hidden), (hidden,)
