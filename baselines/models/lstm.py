"""LSTM: long short-term memory over the days of a year, a linear head on every day.

Hochreiter and Schmidhuber (1997), Long short-term memory, Neural Computation 9(8), 1735-1780,
doi:10.1162/neco.1997.9.8.1735. Sizes are those of the AgroFlux baselines (Cheng et al. 2026, arXiv 2602.01614): three
layers of 50 units, dropout of 0.2. Between layers and before the head dropout is applied here; the paper's released
code has none.
"""

from __future__ import annotations

from torch import Tensor, nn

from .base import FluxConfig, FluxModel
from .dropout import Dropout

__all__ = ["LstmConfig", "LstmModel"]


class LstmConfig(FluxConfig):
    """Configuration of `LstmModel`.

    Attributes
    ----------
    hidden_size : int
        Units of a layer.
    num_layers : int
    dropout : float
        Share of units that are dropped in training, between layers and before the head.
    """

    model_type = "agroflux-lstm"

    hidden_size: int = 50
    num_layers: int = 3
    dropout: float = 0.2


class LstmModel(FluxModel):
    """A stack of LSTM layers that reads a year once, from its first day to its last."""

    config_class = LstmConfig
    config: LstmConfig

    def __init__(self, config: LstmConfig):
        super().__init__(config)
        self.lstm = nn.LSTM(
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
        hidden, _ = self.lstm(inputs)  # days of padding come after all that is asked for
        return self.dropout(hidden), (hidden,)
