"""Transformer: attention over the days of a row, which positions tell apart, and the numbers of torch's own encoder."""

from __future__ import annotations

import math

import pytest
import torch

from baselines.models import ModelError
from baselines.models.attention import positions
from baselines.models.transformer import TransformerModel
from tests.baselines.models.encoders import torch_encoder
from tests.baselines.models.made import days, made


def test_torch_has_the_same_numbers() -> None:
    model, inputs = made(TransformerModel), days(3, 120)
    padding = torch.stack([torch.arange(120) >= last for last in (120, 77, 30)])
    other = torch_encoder(model.layers, 5, "relu")
    with torch.no_grad():
        for hidden in (None, padding):
            tokens = model.embedding(inputs) + positions(120, 50, inputs)
            wanted = other(tokens, src_key_padding_mask=hidden)
            found = model.encode(inputs, hidden)[0]
            seen = ~padding if hidden is not None else torch.ones_like(padding)
            torch.testing.assert_close(found[seen], wanted[seen], rtol=1e-4, atol=1e-5)


def test_positions_are_those_of_the_paper() -> None:
    found = positions(400, 50, torch.zeros(()))
    for day, column in ((0, 0), (7, 4), (364, 31), (399, 49)):
        angle = day / 10_000 ** (2 * (column // 2) / 50)
        wanted = math.cos(angle) if column % 2 else math.sin(angle)
        assert found[day, column].item() == pytest.approx(wanted, abs=2e-5)
    assert positions(10, 7, torch.zeros(())).shape == (10, 7)


def test_days_are_told_apart_and_see_each_other() -> None:
    model = made(TransformerModel)
    inputs = days(1, 90)
    with torch.no_grad():
        model(inputs)
        order = torch.randperm(90, generator=torch.Generator().manual_seed(0))
        before, shuffled = model(inputs).predictions, model(inputs[:, order]).predictions
        assert not torch.allclose(before[:, order], shuffled, atol=1e-3), "the order of days matters"
        later = inputs.clone()
        later[:, 80] += 2
        assert (model(later).predictions - before)[:, :80].abs().max() > 1e-4, "a day sees the days after it"


def test_heads_have_to_divide_the_width() -> None:
    with pytest.raises(ModelError, match="heads"):
        made(TransformerModel, hidden_size=50, num_heads=4)
