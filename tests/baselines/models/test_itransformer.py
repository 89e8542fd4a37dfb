"""iTransformer: variables are tokens, whose order does not matter, and the numbers of torch's own encoder."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from baselines.models.itransformer import ITransformerModel
from tests.baselines.models.encoders import torch_encoder
from tests.baselines.models.made import days, made


def test_the_order_of_variables_is_the_order_of_features() -> None:
    model, inputs = made(ITransformerModel), days(3, 365)
    order = torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        before, after = model.encode(inputs)[0], model.encode(inputs[..., order])[0]
    torch.testing.assert_close(before[..., order], after, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(before, after, atol=1e-3)


def test_variables_see_each_other() -> None:
    model, inputs = made(ITransformerModel), days(2, 365)
    other = inputs.clone()
    other[..., 1] += 1
    with torch.no_grad():
        moved = (model.encode(inputs)[0] - model.encode(other)[0]).abs().amax((0, 1))
    assert (moved > 1e-4).all()


def test_torch_has_the_same_numbers() -> None:
    model, inputs = made(ITransformerModel), days(3, 365)
    other = torch_encoder(model.layers, 5, "gelu")
    with torch.no_grad():
        tokens = F.linear(inputs.transpose(1, 2), model.embedding.weight, model.embedding.bias)
        wanted = model.projection(model.norm(other(tokens))).transpose(1, 2)
        torch.testing.assert_close(model.encode(inputs)[0], wanted, rtol=1e-4, atol=1e-5)


def test_a_longer_sequence_is_a_row_of_years() -> None:
    model, inputs = made(ITransformerModel), days(2, 800)
    with torch.no_grad():
        whole = model(inputs).predictions
        for first, last in ((0, 365), (365, 730), (730, 800)):
            part = model(inputs[:, first:last]).predictions
            torch.testing.assert_close(whole[:, first:last], part, rtol=1e-4, atol=1e-5)
