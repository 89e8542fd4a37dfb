"""Quantile heads: the pinball loss, levels that never cross, and intervals that hold what they say."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
import torch
from torch import Tensor

from baselines.models import MODELS, ModelError
from baselines.models.linear import LinearModel
from baselines.models.lstm import LstmConfig, LstmModel
from tests.baselines.models.made import TARGETS, days, made

LEVELS = [0.05, 0.25, 0.5, 0.95]


def constant(levels: list[float], targets: tuple[str, ...] = ("GPP",), **options: object) -> LinearModel:
    """A model whose quantiles are those of the standard normal distribution, whatever comes in."""
    model = made(LinearModel, targets=targets, quantiles=levels, memories=[], **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    return model


@pytest.mark.parametrize("name", MODELS)
def test_quantiles_never_cross(name: str) -> None:
    model, inputs = made(MODELS[name], quantiles=LEVELS), days(3, 60)
    with torch.no_grad():
        torch.nn.init.normal_(model.quantile_head.weight, std=20.0)  # far from anything that training gives
        output = model(inputs)
        half = model(inputs, padding=torch.arange(60).expand(3, 60) >= 30)
    assert output.quantiles.shape == (3, 60, len(TARGETS), 4)
    assert (output.quantiles.diff(dim=-1) >= 0).all()
    assert output.quantiles.std() > 1
    assert half.quantiles[:, 30:].isnan().all()
    assert half.quantiles[:, :30].isfinite().all()


@pytest.mark.parametrize("name", MODELS)
def test_every_network_learns_its_quantiles(name: str) -> None:
    model, inputs = made(MODELS[name], quantiles=LEVELS).train(), days(2, 40)
    labels = torch.randn(2, 40, 3, generator=torch.Generator().manual_seed(2))
    labels[0, :20] = math.nan
    with torch.autocast("cpu", torch.bfloat16):
        half = model(inputs, labels)
    assert half.quantiles.dtype == torch.float32
    output = model(inputs, labels)
    assert set(output.terms) == {"error", "quantiles"}
    output.loss.backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_before_training_they_are_those_of_the_normal_distribution() -> None:
    quantiles = constant(LEVELS)(days(1, 5)).quantiles
    expected = torch.tensor([NormalDist().inv_cdf(level) for level in LEVELS])
    torch.testing.assert_close(quantiles[0, 2, 0], expected)


def test_pinball_loss_by_hand() -> None:
    """Koenker and Bassett: too low costs the level, too high one less it."""
    labels = torch.tensor([0.5, -1.0, math.nan, 3.0]).reshape(1, 4, 1)
    terms = constant([0.1, 0.5])(days(1, 4), labels).terms
    low = NormalDist().inv_cdf(0.1)  # -1.28
    of_low = 0.1 * ((0.5 - low) + (-1.0 - low) + (3.0 - low))
    of_median = 0.5 * (0.5 + 1.0 + 3.0)
    assert terms["quantiles"].item() == pytest.approx(2 * (of_low + of_median) / 2 / 3, rel=1e-5)
    heavy = constant([0.1, 0.5], target_weights=[3.0])(days(1, 4), labels).terms
    assert heavy["quantiles"].item() == pytest.approx(3 * terms["quantiles"].item(), rel=1e-5)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_its_gradient_is_the_share_below_less_the_level(level: float) -> None:
    model = constant([level])
    labels = torch.randn(1, 200, 1, generator=torch.Generator().manual_seed(3))
    model(days(1, 200), labels).terms["quantiles"].backward()
    below = (labels < NormalDist().inv_cdf(level)).float().mean().item()
    assert model.quantile_head.bias.grad.item() == pytest.approx(2 * (below - level), abs=1e-5)


def test_parts_of_a_batch_add_up() -> None:
    model, inputs = made(LstmModel, quantiles=LEVELS), days(4, 30)
    labels = torch.randn(4, 30, 3, generator=torch.Generator().manual_seed(4))
    labels[0] = math.nan
    whole = model(inputs, labels).terms["quantiles"].item()
    number = (~labels.isnan()).sum()
    parts = [
        model(inputs[rows], labels[rows], num_items_in_batch=number).terms["quantiles"] for rows in ([0, 1], [2, 3])
    ]
    assert sum(part.item() for part in parts) == pytest.approx(whole, rel=1e-5)


def noisy(rows: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, a flux that follows the first, and the spread of its noise, which follows the second."""
    inputs = days(rows, 64, seed=seed)
    spread = 0.2 + 0.8 * (inputs[..., 1] > 0).float()
    noise = torch.randn(spread.shape, generator=torch.Generator().manual_seed(seed + 100))
    inputs[..., 1] = spread
    return inputs, (2 * inputs[..., 0] + spread * noise)[..., None], spread


def test_intervals_hold_what_they_say_where_noise_is_small_and_where_it_is_large() -> None:
    model = made(LinearModel, targets=("GPP",), quantiles=[0.05, 0.5, 0.95], memories=[]).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 600)
    inputs, labels, _ = noisy(64, 5)
    for _ in range(600):
        optimizer.zero_grad()
        model(inputs, labels).loss.backward()
        optimizer.step()
        falling.step()
    inputs, labels, spread = noisy(64, 6)
    with torch.no_grad():
        low, _, high = model.eval()(inputs).quantiles[..., 0, :].unbind(-1)
    held = (labels[..., 0] >= low) & (labels[..., 0] <= high)
    for part in (spread < 0.5, spread > 0.5):
        assert held[part].float().mean().item() == pytest.approx(0.9, abs=0.03)
    assert (high - low)[spread > 0.5].mean() > 3 * (high - low)[spread < 0.5].mean()


def test_a_tiny_set_is_overfitted() -> None:
    model = made(LstmModel, quantiles=[0.05, 0.5, 0.95], dropout=0.0, hidden_size=24, num_layers=1).train()
    inputs = days(2, 30)
    labels = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(7))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(1500):
        output = model(inputs, labels)
        if output.terms["quantiles"] < 0.01:
            break
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
    assert output.terms["quantiles"] < 0.01, "noise is learned by heart"
    assert (output.quantiles[..., 2] - output.quantiles[..., 0]).mean() < 0.3


def test_levels_are_whole_percents_that_ascend() -> None:
    for levels in ([0.5, 0.5], [0.9, 0.1], [0.0], [1.0], [0.025], [True], ["0.5"], [math.nan]):
        with pytest.raises(ModelError, match="quantiles"):
            LstmConfig(quantiles=levels)
    assert LstmConfig(quantiles=[0.07, 0.29, 0.57]).quantiles == [0.07, 0.29, 0.57]
