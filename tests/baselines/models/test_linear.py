"""Linear: a superposition of inputs, with a memory that fades."""

from __future__ import annotations

import pytest
import torch

from baselines.models import ModelError
from baselines.models.linear import LinearModel
from tests.baselines.models.made import days, made


def test_what_inputs_do_adds_up() -> None:
    model = made(LinearModel)
    one, other = days(2, 100, seed=1), days(2, 100, seed=2)
    with torch.no_grad():
        model.head.bias.zero_()
        both = model(2 * one - 3 * other).predictions
        parts = 2 * model(one).predictions - 3 * model(other).predictions
    torch.testing.assert_close(both, parts, rtol=1e-4, atol=1e-4)


def test_its_memory_is_the_running_mean_of_leaky_integrators() -> None:
    model, inputs = made(LinearModel, memories=[2, 30]), days(2, 60)
    features, _ = model.encode(inputs)
    for number, memory in enumerate((2, 30), start=1):
        state = torch.zeros(2, 5)
        for day in range(60):
            state = state + (inputs[:, day] - state) / memory
            kept = features[:, day, 5 * number : 5 * number + 5] / memory**0.5
            torch.testing.assert_close(kept, state, rtol=1e-4, atol=1e-5)


def test_without_memories_a_day_stands_alone() -> None:
    model, inputs = made(LinearModel, memories=[]), days(2, 60)
    assert torch.equal(model.encode(inputs)[0], inputs)
    with pytest.raises(ModelError, match="memories"):
        made(LinearModel, memories=[1])
