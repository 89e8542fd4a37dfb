"""TCN: causal and dilated, with the receptive field of the formula, and the numbers of pytorch-tcn."""

from __future__ import annotations

import pytest
import torch

from baselines.models.tcn import CausalConvolution, TcnModel
from tests.baselines.models.made import days, made


@pytest.mark.parametrize(("kernel", "factor", "field"), [(5, 2, 57), (3, 2, 29), (2, 4, 43)])
def test_a_day_depends_on_the_receptive_field_alone(kernel: int, factor: int, field: int) -> None:
    model = made(TcnModel, kernel_size=kernel, dilation_factor=factor, hidden_size=8)
    assert model.config.receptive_field == field
    inputs = days(1, 150).requires_grad_()
    model(inputs).predictions[0, 120].sum().backward()
    reached = inputs.grad[0].abs().sum(-1).nonzero().flatten()
    assert reached.max() == 120
    assert reached.min() >= 121 - field
    # ReLU may close single paths; over many rows the farthest day is reached.
    many = days(200, 150).requires_grad_()
    model(many).predictions[:, 120].sum().backward()
    assert many.grad.abs().sum((0, 2)).nonzero().min() == 121 - field


def test_by_default_a_growing_season_is_seen() -> None:
    assert made(TcnModel).config.receptive_field == 169


def test_weights_are_normalised() -> None:
    model, inputs = made(TcnModel), days(2, 80)
    before = model(inputs).predictions
    lengths = []
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, CausalConvolution):
                lengths.append(module.direction.norm(dim=(1, 2)) / module.length.flatten())
                module.direction *= 3
    torch.testing.assert_close(torch.cat(lengths), torch.ones(300))
    torch.testing.assert_close(model(inputs).predictions, before)


def test_whole_channels_are_dropped() -> None:
    model = made(TcnModel, num_layers=1, dropout=0.5).train()
    values = model.blocks[0].dropout(torch.ones(4, 50, 30))
    assert torch.equal(values.amin(-1), values.amax(-1))
    assert {0.0, 2.0} == set(values.unique().tolist())


def test_pytorch_tcn_has_the_same_numbers() -> None:
    theirs = pytest.importorskip("pytorch_tcn")
    model, inputs = made(TcnModel), days(3, 200)
    other = theirs.TCN(5, [50, 50, 50], kernel_size=5, dilations=[1, 4, 16], dropout=0.2, causal=True,
                       use_norm="weight_norm", activation="relu", input_shape="NLC").eval()  # fmt: skip
    with torch.no_grad():
        for block, own in zip(other.network, model.blocks, strict=True):
            for convolution, mine in ((block.conv1, own.first), (block.conv2, own.second)):
                convolution.bias.copy_(mine.bias)
                weight = convolution.parametrizations.weight
                weight.original0.copy_(mine.length)
                weight.original1.copy_(mine.direction)
        other.network[0].downsample.weight.copy_(model.blocks[0].beside.weight)
        other.network[0].downsample.bias.copy_(model.blocks[0].beside.bias)
        torch.testing.assert_close(model.encode(inputs)[0], other(inputs), rtol=1e-4, atol=1e-5)
