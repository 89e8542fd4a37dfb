"""LSTM: long short-term memory over the days of a year, a linear head on every day.

Hochreiter and Schmidhuber (1997), Long short-term memory, Neural Computation 9(8), 1735-1780,
doi:10.1162/neco.1997.9.8.1735. Sizes are those of the AgroFlux baselines (Cheng et al. 2026, arXiv 2602.01614): three
layers of 50 units, dropout of 0.2. Between layers and before the head dropout is applied here; the paper's released
code has none.
"""

from __future__ import annotations

from torch import Tensor, nn

from agroflux_data.errors import AgrofluxError
from baselines.base import FluxConfig, FluxModel

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

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        if self.hidden_size < 1 or self.num_layers < 1 or not 0 <= self.dropout < 1:
            raise AgrofluxError(
                "no such LSTM", expected="hidden_size and num_layers of at least 1, dropout from 0 to below 1",
                came=f"hidden_size {self.hidden_size}, num_layers {self.num_layers}, dropout {self.dropout}",
            )  # fmt: skip


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
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.hidden_size, len(config.targets))
        self.post_init()

    def network(self, inputs: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden, _ = self.lstm(inputs)
        return self.head(self.dropout(hidden)), (hidden,)
