"""EA-LSTM: an LSTM whose input gate is opened by what does not change about a place.

Kratzert et al. (2019), Towards learning universal, regional, and local hydrological behaviors via machine learning
applied to large-sample datasets, Hydrology and Earth System Sciences 23, 5089-5110, doi:10.5194/hess-23-5089-2019,
equations 7 to 12. With statics x_s and the dynamic inputs x_t of a day::

    i   = sigmoid(W_i x_s + b_i)                    once for all days
    f_t = sigmoid(W_f x_t + U_f h_{t-1} + b_f)
    g_t = tanh   (W_g x_t + U_g h_{t-1} + b_g)
    o_t = sigmoid(W_o x_t + U_o h_{t-1} + b_o)
    c_t = f_t * c_{t-1} + i * g_t
    h_t = o_t * tanh(c_t)

It has one layer, as there: a second one would have no statics of its own. The forget gates start open, as in that
paper's code, so that the first gradients reach back over months.

The AgroFlux paper cites an evolutionary-attention LSTM (Li et al. 2018) under this abbreviation; its released code is
of the kind above, but takes ten of its eleven inputs, weather among them, as statics from 1 January, and only the
content of organic carbon, which never changes, as dynamic. Here soil properties are the statics, and weather and
management are dynamic.
"""

from __future__ import annotations

import math
from dataclasses import field

import torch
from torch import Tensor, nn
from transformers import initialization as init

from .base import FluxConfig, FluxModel, ModelError
from .dropout import Dropout

__all__ = ["EaLstmConfig", "EaLstmModel"]

_OPEN = 3.0
"""Bias of the forget gates at the start."""


class EaLstmConfig(FluxConfig):
    """Configuration of `EaLstmModel`.

    Attributes
    ----------
    hidden_size : int
    dropout : float
        Share of units that are dropped in training before the head.
    statics : list of str
        Names of inputs that do not change within a sequence; those among the model's inputs open its input gate, and
        their values are taken from the first day.
    """

    model_type = "agroflux-ea-lstm"

    hidden_size: int = 50
    dropout: float = 0.2
    statics: list[str] = field(default_factory=lambda: ["TBKDS", "TCSAND", "TCSILT", "TPH", "TSOC"])


class EaLstmModel(FluxModel):
    """One entity-aware LSTM layer that reads a year once, from its first day to its last.

    It is an ordinary LSTM on (x_s, x_t) whose matrices have zeros where an equation lacks a term. The matrices are put
    together in each pass and given to the fused kernel of `torch`, which takes a fraction of the time of a loop over
    days, and gives the same numbers.
    """

    config_class = EaLstmConfig
    config: EaLstmConfig

    static_columns: Tensor
    dynamic_columns: Tensor

    def __init__(self, config: EaLstmConfig):
        super().__init__(config)
        places: dict[bool, list[int]] = {True: [], False: []}
        for place, name in enumerate(config.inputs):
            places[name in config.statics].append(place)
        if not places[True] or not places[False]:
            expected = f"inputs that change and some of {', '.join(config.statics)}"
            raise ModelError("an EA-LSTM of other inputs", expected, ", ".join(config.inputs))
        # Persistent for the same reason as the scalers.
        self.register_buffer("static_columns", torch.tensor(places[True]))
        self.register_buffer("dynamic_columns", torch.tensor(places[False]))
        size = config.hidden_size
        self.input_gate = nn.Linear(len(places[True]), size)
        self.from_inputs = nn.Linear(len(places[False]), 3 * size)
        self.from_state = nn.Linear(size, 3 * size, bias=False)
        self.dropout = Dropout(config.dropout)
        self.post_init()

    @property
    def width(self) -> int:
        return self.config.hidden_size

    def encode(self, inputs: Tensor, padding: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        size = self.config.hidden_size
        statics = inputs[:, :1].index_select(-1, self.static_columns).expand(-1, inputs.shape[1], -1)
        both = torch.cat([statics, inputs.index_select(-1, self.dynamic_columns)], dim=-1)
        # Rows in the order of `torch`: input gate, forget gate, cell, output gate.
        recurrent = self.from_state.weight
        weights = [
            torch.block_diag(self.input_gate.weight, self.from_inputs.weight),
            torch.cat([recurrent.new_zeros(size, size), recurrent]),
            torch.cat([self.input_gate.bias, self.from_inputs.bias]),
            recurrent.new_zeros(4 * size),
        ]
        start = inputs.new_zeros(1, len(inputs), size)
        hidden, _, _ = torch.lstm(both, (start, start), weights, True, 1, 0.0, self.training, False, True)
        return self.dropout(hidden), (hidden,)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        size = self.config.hidden_size
        bound = 1 / math.sqrt(size)  # as in `torch`'s own LSTM
        if module is self.from_state:
            init.uniform_(module.weight, -bound, bound)
        elif module is self.from_inputs:
            init.uniform_(module.weight, -bound, bound)
            bias = torch.empty_like(module.bias).uniform_(-bound, bound)
            bias[:size] += _OPEN
            init.copy_(module.bias, bias)
