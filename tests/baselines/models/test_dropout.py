"""Dropout: the share that it drops, the expectation that it keeps, and nothing in evaluation."""

from __future__ import annotations

import pytest
import torch

from baselines.models.dropout import Dropout


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_share_and_expectation(share: float) -> None:
    torch.manual_seed(0)
    values = Dropout(share).train()(torch.ones(1001, 999))
    spread = (share * (1 - share) / values.numel()) ** 0.5
    assert (values == 0).double().mean().item() == pytest.approx(share, abs=5 * spread + 2**-16)
    assert values.double().mean().item() == pytest.approx(1, abs=0.01)
    # Neither neighbours nor the four values of a draw go together.
    kept = (values.flatten() != 0).double() - (1 - share)
    for apart in (1, 2, 3, 4, 999):
        correlation = (kept[apart:] * kept[:-apart]).mean() / (share * (1 - share))
        assert abs(correlation.item()) < 0.006


def test_gradients_pass_where_values_do() -> None:
    values = torch.randn(50, 7, requires_grad=True)
    dropped = Dropout(0.4).train()(values)
    dropped.sum().backward()
    torch.testing.assert_close(dropped, values * values.grad)


def test_nothing_in_evaluation_and_the_same_for_a_seed() -> None:
    values = torch.randn(5, 7)
    assert Dropout(0.4).eval()(values) is values
    assert Dropout(0.0).train()(values) is values
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append(Dropout(0.4).train()(values))
    assert torch.equal(*draws)
