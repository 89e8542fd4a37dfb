"""Pyraformer: attention along a pyramid of days, and spans of 4, 16 and 64 days; a linear head on every day.

Liu et al. (2022), Pyraformer: low-complexity pyramidal attention for long-range time series modeling and forecasting,
ICLR 2022. Convolutions whose stride is their width make the coarser nodes, after a bottleneck (their coarser-scale
construction module). In each layer a node attends to its neighbours at its own scale, to the nodes that it was made
of, and to the one that it is part of, eight nodes at most, so that the cost grows with the number of days and not with
its square, and a few layers connect days that are far apart (their pyramidal attention module). A day is predicted
from its own node and those that it is part of, as they predict from the last nodes of all scales.

Their convolutions have batch normalisation, left out here: a row would depend on its batch. Days are embedded by
a linear layer and sinusoidal positions.

The AgroFlux paper's released code predicts all days of a year from the last node, and has neither the residual
connection nor the normalisation around attention.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import EncoderLayer, positions
from .base import FluxConfig, FluxModel, ModelError
from .dropout import Dropout

__all__ = ["PyraformerConfig", "PyraformerModel"]


class PyraformerConfig(FluxConfig):
    """Configuration of `PyraformerModel`.

    Attributes
    ----------
    hidden_size : int
        Width of a node.
    num_layers : int
    num_heads : int
        Has to divide `hidden_size`.
    intermediate_size : int
        Width between the two linear layers of an encoder layer.
    bottleneck_size : int
        Width of what the coarser nodes are made of.
    spans : list of int
        How many nodes of a scale make one of the next, from days upwards.
    neighbours : int
        Nodes on either side that a node attends to at its own scale.
    dropout : float
    """

    model_type = "agroflux-pyraformer"

    hidden_size: int = 50
    num_layers: int = 3
    num_heads: int = 5
    intermediate_size: int = 200
    bottleneck_size: int = 25
    spans: list[int] = field(default_factory=lambda: [4, 4, 4])
    neighbours: int = 1
    dropout: float = 0.2

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        if not self.spans or any(not isinstance(span, int) or span < 2 for span in self.spans):
            raise ModelError("bad spans", "whole numbers of at least 2", self.spans)


class Construction(nn.Module):
    """From days (B, T, H) to all nodes (B, N, H), scale by scale, days first."""

    def __init__(self, width: int, bottleneck: int, spans: list[int]):
        super().__init__()
        self.down, self.up = nn.Linear(width, bottleneck), nn.Linear(bottleneck, width)
        self.convolutions = nn.ModuleList(nn.Conv1d(bottleneck, bottleneck, span, span) for span in spans)
        self.norm = nn.LayerNorm(width)

    def forward(self, days: Tensor, absent: list[Tensor]) -> Tensor:
        """Nodes that `absent` (B, L) marks at a scale, where True, have no day in them and weigh nothing."""
        nodes = self.down(days).masked_fill(absent[0][..., None], 0).transpose(1, 2)
        coarser = []
        for convolution, none in zip(self.convolutions, absent[1:], strict=True):
            nodes = F.elu(convolution(nodes)).masked_fill(none[:, None], 0)
            coarser.append(nodes)
        return self.norm(torch.cat([days, self.up(torch.cat(coarser, dim=-1).transpose(1, 2))], dim=1))


class PyramidalAttention(nn.Module):
    """Multi-head attention of each node on its neighbours, its parts and its whole.

    Keys and values of these are slices, regroupings and repetitions of those of a scale, with the nodes on the last
    axis: no product with all nodes, and no copy through an index, whose gradient would be a slow sum.
    """

    def __init__(self, width: int, heads: int, spans: list[int], neighbours: int):
        super().__init__()
        self.heads, self.spans, self.neighbours = heads, spans, neighbours
        self.into = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, nodes: Tensor, absent: list[Tensor]) -> Tensor:
        """Attend; nodes that `absent` (B, L) marks at their scale are not attended to."""
        lengths = [none.shape[-1] for none in absent]
        parts = self.into(nodes).transpose(1, 2).contiguous().unflatten(1, (3, self.heads, -1))
        query, key, value = (part.split(lengths, dim=-1) for part in parts.unbind(1))
        hidden = [none[:, None, None] for none in absent]
        given = []
        for scale in range(len(lengths)):
            asked = query[scale] * query[scale].shape[2] ** -0.5
            scores = torch.stack([(asked * one).sum(2) for one in self._around(key, scale, 0.0)], dim=2)
            mask = torch.cat(self._around(hidden, scale, True), dim=2)
            mask[:, :, self.neighbours] = False  # itself, or a node that stands alone would have no sum of weights
            weights = scores.masked_fill(mask, -math.inf).softmax(dim=2).unsqueeze(2).unbind(3)
            first, *others = zip(weights, self._around(value, scale, 0.0), strict=True)
            mixed = first[0] * first[1]
            for weight, one in others:
                mixed = torch.addcmul(mixed, weight, one)
            given.append(mixed)
        return self.out(torch.cat(given, dim=-1).flatten(1, 2).transpose(1, 2))

    def _around(self, scales: Sequence[Tensor], scale: int, beyond: float | bool) -> list[Tensor]:
        """What lies around each node of a scale, (..., L) each: neighbours in their order, parts, the whole."""
        own = scales[scale]
        length = own.shape[-1]
        wider = F.pad(own, (self.neighbours, self.neighbours), value=beyond)
        found = [wider[..., first : first + length] for first in range(2 * self.neighbours + 1)]
        if scale > 0:
            found += scales[scale - 1].unflatten(-1, (length, -1)).unbind(-1)
        if scale + 1 < len(scales):
            found.append(scales[scale + 1].repeat_interleave(self.spans[scale], dim=-1))
        return found


class PyraformerModel(FluxModel):
    """An encoder of days and coarser spans, with pyramidal attention."""

    config_class = PyraformerConfig
    config: PyraformerConfig

    def __init__(self, config: PyraformerConfig):
        super().__init__(config)
        self.embedding = nn.Linear(len(config.inputs), config.hidden_size)
        self.dropout = Dropout(config.dropout)
        self.construction = Construction(config.hidden_size, config.bottleneck_size, config.spans)
        self.layers = nn.ModuleList(
            EncoderLayer(
                PyramidalAttention(config.hidden_size, config.num_heads, config.spans, config.neighbours),
                config.hidden_size,
                config.intermediate_size,
                config.dropout,
                F.gelu,
            )
            for _ in range(config.num_layers)
        )
        self.post_init()

    @property
    def width(self) -> int:
        return self.config.hidden_size * (len(self.config.spans) + 1)

    def encode(self, inputs: Tensor, padding: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        days, spans = inputs.shape[1], self.config.spans
        more = -days % math.prod(spans)  # so that every node has a whole
        inputs = F.pad(inputs, (0, 0, 0, more))
        if padding is None:
            padding = torch.zeros(1, days, dtype=torch.bool, device=inputs.device)
        absent = [F.pad(padding, (0, more), value=True)]
        for span in spans:
            absent.append(absent[-1].unflatten(-1, (-1, span)).all(-1))
        tokens = self.embedding(inputs)
        tokens = self.dropout(tokens + positions(tokens.shape[1], tokens.shape[2], tokens))
        nodes, shown = self.construction(tokens, absent), []
        for layer in self.layers:
            nodes = layer(nodes, absent)
            shown.append(nodes[:, :days])
        scales = nodes.split([none.shape[-1] for none in absent], dim=1)
        wholes = [scale.repeat_interleave(tokens.shape[1] // scale.shape[1], dim=1) for scale in scales]
        return torch.cat(wholes, dim=-1)[:, :days], tuple(shown)
