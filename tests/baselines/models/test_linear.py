"""Linear: a superposition of inputs, with a memory that fades and coefficients that vary along the year."""

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
        both = model(2 * one - 3 * other).predictions
        none = model(0 * one).predictions  # the season alone
        parts = 2 * model(one).predictions - 3 * model(other).predictions + 2 * none
    torch.testing.assert_close(both, parts, rtol=1e-4, atol=1e-4)


def test_its_memory_is_the_running_mean_of_leaky_integrators() -> None:
    model, inputs = made(LinearModel, memories=[2, 30], waves=[]), days(2, 60)
    features, _ = model.encode(inputs)
    quick, slow, wanted = torch.zeros(2, 5), torch.zeros(2, 5), []
    for day in inputs.unbind(1):
        quick, slow = quick + (day - quick) / 2, slow + (day - slow) / 30
        wanted.append(torch.cat([day - quick, 2**0.5 * (quick - slow), 30**0.5 * slow], dim=-1))
    torch.testing.assert_close(features, torch.stack(wanted, dim=1), rtol=1e-4, atol=1e-5)


def test_without_memories_a_day_stands_alone() -> None:
    model, inputs = made(LinearModel, memories=[], waves=[]), days(2, 60)
    assert torch.equal(model.encode(inputs)[0], inputs)
    for name, numbers in (("memories", [1]), ("memories", [8, 4]), ("waves", [0]), ("waves", [2, 1])):
        with pytest.raises(ModelError, match=name):
            made(LinearModel, **{name: numbers})


def test_coefficients_vary_along_the_year_and_come_back() -> None:
    model, inputs = made(LinearModel, memories=[], waves=[1]), days(1, 1).expand(-1, 730, -1)
    features, _ = model.encode(inputs)
    torch.testing.assert_close(features[:, :365], features[:, 365:], rtol=0, atol=1e-4)
    quarter = torch.cat([inputs[0, 0], torch.zeros(5), inputs[0, 0], torch.tensor([0.0, 1.0])])  # day 91.25 is a sine
    assert (features[0, 91] - quarter).abs().max() < 0.01 * inputs.abs().max() + 0.01
    with torch.no_grad():
        effect = model(inputs + 1).predictions - model(inputs).predictions
    assert (effect[:, 0] - effect[:, 182]).abs().max() > 1e-3
