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
    quick, slow, wanted = torch.zeros(2, 5), torch.zeros(2, 5), []
    for day in inputs.unbind(1):
        quick, slow = quick + (day - quick) / 2, slow + (day - slow) / 30
        wanted.append(torch.cat([day - quick, 2**0.5 * (quick - slow), 30**0.5 * slow], dim=-1))
    torch.testing.assert_close(features, torch.stack(wanted, dim=1), rtol=1e-4, atol=1e-5)


def test_without_memories_a_day_stands_alone() -> None:
    model, inputs = made(LinearModel, memories=[]), days(2, 60)
    assert torch.equal(model.encode(inputs)[0], inputs)
    for memories in ([1], [8, 4]):
        with pytest.raises(ModelError, match="memories"):
            made(LinearModel, memories=memories)
