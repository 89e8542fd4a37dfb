"""The encoder layers of `torch` itself, with weights of ours."""

from __future__ import annotations

import torch
from torch import nn

from baselines.models.attention import EncoderLayer

__all__ = ["torch_encoder"]


def torch_encoder(layers: nn.ModuleList, heads: int, activation: str) -> nn.TransformerEncoder:
    """A stack of `nn.TransformerEncoderLayer` that holds the weights of our layers, in evaluation mode."""
    width, intermediate = layers[0].narrow.out_features, layers[0].wide.out_features
    one = nn.TransformerEncoderLayer(width, heads, intermediate, 0.2, activation, batch_first=True)
    stack = nn.TransformerEncoder(one, len(layers), enable_nested_tensor=False).eval()
    with torch.no_grad():
        for theirs, ours in zip(stack.layers, layers, strict=True):
            assert isinstance(ours, EncoderLayer)
            theirs.self_attn.in_proj_weight.copy_(ours.attention.into.weight)
            theirs.self_attn.in_proj_bias.copy_(ours.attention.into.bias)
            for layer, own in (
                (theirs.self_attn.out_proj, ours.attention.out),
                (theirs.linear1, ours.wide),
                (theirs.linear2, ours.narrow),
                (theirs.norm1, ours.norms[0]),
                (theirs.norm2, ours.norms[1]),
            ):
                layer.weight.copy_(own.weight)
                layer.bias.copy_(own.bias)
    return stack
