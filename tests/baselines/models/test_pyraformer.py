"""Pyraformer: each node attends to its neighbours, its parts and its whole, which a dense mask says as well."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.models import ModelError
from baselines.models.pyraformer import PyraformerModel, PyramidalAttention
from tests.baselines.models.made import days, made


def neighbourhood(lengths: list[int], spans: list[int], neighbours: int, absent: Tensor) -> Tensor:
    """Who may attend to whom (N, N), node by node as the paper's section 3.1 says."""
    starts = [sum(lengths[:scale]) for scale in range(len(lengths) + 1)]
    allowed = torch.zeros(starts[-1], starts[-1], dtype=torch.bool)
    for scale, length in enumerate(lengths):
        for node in range(length):
            own = starts[scale] + node
            for other in range(max(0, node - neighbours), min(length, node + neighbours + 1)):
                allowed[own, starts[scale] + other] = True
            if scale + 1 < len(lengths):
                whole = starts[scale + 1] + node // spans[scale]
                allowed[own, whole] = allowed[whole, own] = True
    allowed &= ~absent
    return allowed | torch.eye(len(allowed), dtype=torch.bool)


@pytest.mark.parametrize(("spans", "neighbours", "last"), [([4, 4], 1, 32), ([4, 4], 1, 21), ([2, 3], 2, 17)])
def test_pyramidal_attention_is_dense_attention_with_a_mask(spans: list[int], neighbours: int, last: int) -> None:
    torch.manual_seed(0)
    attention = PyramidalAttention(20, 2, spans, neighbours)
    lengths = [spans[0] * spans[1] * 2, spans[1] * 2, 2]
    absent = [torch.arange(lengths[0])[None] >= last]
    for span in spans:
        absent.append(absent[-1].unflatten(-1, (-1, span)).all(-1))
    nodes = torch.randn(3, sum(lengths), 20)
    allowed = neighbourhood(lengths, spans, neighbours, torch.cat(absent, -1)[0])
    query, key, value = attention.into(nodes).unflatten(-1, (3, 2, 10)).permute(2, 0, 3, 1, 4)
    dense = F.scaled_dot_product_attention(query, key, value, allowed)
    wanted = attention.out(dense.transpose(1, 2).flatten(2))
    torch.testing.assert_close(attention(nodes, absent), wanted, rtol=1e-4, atol=1e-5)


def test_a_node_has_few_neighbours_and_days_far_apart_are_near() -> None:
    allowed = neighbourhood([384, 96, 24, 6], [4, 4, 4], 1, torch.zeros(510, dtype=torch.bool))
    assert allowed.sum(1).max() == 8
    model = made(PyraformerModel)
    inputs = days(1, 365).requires_grad_()
    model(inputs).predictions[0, 20].sum().backward()
    assert inputs.grad[0, 180].abs().max() > 0, "half a year is reached in three layers"


def test_every_day_is_predicted_from_its_own_node_and_its_wholes() -> None:
    model, inputs = made(PyraformerModel), days(2, 100)
    with torch.no_grad():
        features, shown = model.encode(inputs)
    assert features.shape == (2, 100, 200)
    torch.testing.assert_close(features[..., :50], shown[-1])
    for number, span in enumerate((4, 16, 64), start=1):
        part = features[..., 50 * number : 50 * number + 50]
        assert torch.equal(part[:, 0], part[:, span - 1])
        assert not torch.equal(part[:, span - 1], part[:, span])


def test_impossible_pyramids_are_refused() -> None:
    for spans in ([], [4, 1], [2.5]):
        with pytest.raises(ModelError, match="spans"):
            made(PyraformerModel, spans=spans)
