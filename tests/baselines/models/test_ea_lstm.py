"""EA-LSTM: the equations of the paper, a gate that only statics open, and the numbers of NeuralHydrology."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from agroflux_data.variables import STATICS
from baselines.models import ModelError
from baselines.models.ea_lstm import EaLstmConfig, EaLstmModel
from tests.baselines.models.made import days, made


def by_the_day(model: EaLstmModel, inputs: Tensor) -> Tensor:
    """Equations 7 to 12 as they stand, one after the other."""
    size = model.config.hidden_size
    w_f, w_g, w_o = model.from_inputs.weight.split(size)
    b_f, b_g, b_o = model.from_inputs.bias.split(size)
    u_f, u_g, u_o = model.from_state.weight.split(size)
    x_s, x_d = inputs[:, 0, [2, 4]], inputs[:, :, [0, 1, 3]]
    i = torch.sigmoid(x_s @ model.input_gate.weight.T + model.input_gate.bias)
    h = c = torch.zeros(len(inputs), size)
    states = []
    for t in range(inputs.shape[1]):
        f = torch.sigmoid(x_d[:, t] @ w_f.T + h @ u_f.T + b_f)
        g = torch.tanh(x_d[:, t] @ w_g.T + h @ u_g.T + b_g)
        o = torch.sigmoid(x_d[:, t] @ w_o.T + h @ u_o.T + b_o)
        c = f * c + i * g
        h = o * torch.tanh(c)
        states.append(h)
    return torch.stack(states, dim=1)


def test_it_is_a_loop_over_the_equations() -> None:
    model, inputs = made(EaLstmModel), days(3, 200)
    fused, _ = model.encode(inputs)
    looped = by_the_day(model, inputs)
    torch.testing.assert_close(fused, looped, rtol=1e-5, atol=1e-6)
    weights = torch.randn_like(fused)
    parameters = [one for name, one in model.named_parameters() if not name.startswith("head")]
    gradients = [torch.autograd.grad((states * weights).sum(), parameters) for states in (fused, looped)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_the_gate_ignores_what_changes() -> None:
    model, inputs = made(EaLstmModel), days(2, 50)
    # With all gates but the input gate at what biases make them, the state depends on inputs through that gate alone.
    with torch.no_grad():
        model.from_inputs.weight.zero_()
    weather, soil = inputs.clone(), inputs.clone()
    weather[:, :, [0, 1, 3]] += 3
    soil[:, :, [2, 4]] += 3
    with torch.no_grad():
        before, other_weather, other_soil = (model.encode(x)[0] for x in (inputs, weather, soil))
    assert torch.equal(before, other_weather)
    assert not torch.allclose(before, other_soil)


def test_statics_act_through_the_gate_alone() -> None:
    model, inputs = made(EaLstmModel), days(2, 50)
    with torch.no_grad():
        model.input_gate.weight.zero_()
        before = model.encode(inputs)[0]
        inputs[:, :, [2, 4]] += 3
        assert torch.equal(before, model.encode(inputs)[0])


def test_statics_are_those_of_the_benchmark_or_as_asked() -> None:
    assert tuple(EaLstmConfig().statics) == STATICS
    model = made(EaLstmModel, statics=["PLANTT"])
    assert model.static_columns.tolist() == [3]
    for inputs in (("TMAX", "PREC"), ("TPH", "TSOC")):
        with pytest.raises(ModelError, match="EA-LSTM"):
            made(EaLstmModel, inputs)


def test_neuralhydrology_has_the_same_numbers() -> None:
    theirs = pytest.importorskip("neuralhydrology.modelzoo.ealstm")
    config = pytest.importorskip("neuralhydrology.utils.config")
    settings = {
        "model": "ealstm", "head": "regression", "hidden_size": 50, "output_dropout": 0.0,
        "output_activation": "linear", "initial_forget_bias": 3, "dynamic_inputs": ["TMAX", "PREC", "PLANTT"],
        "static_attributes": ["TCSAND", "TPH"], "target_variables": ["NEE", "GPP", "RECO"], "use_frequencies": [],
        "seq_length": 120, "predict_last_n": 120,
    }  # fmt: skip
    other = theirs.EALSTM(config.Config(settings)).eval()
    model, inputs = made(EaLstmModel), days(3, 120)
    data = {
        "x_d": {name: inputs[..., [column]] for column, name in ((0, "TMAX"), (1, "PREC"), (3, "PLANTT"))},
        "x_s": inputs[:, 0, [2, 4]],
    }
    gate = torch.arange(50)
    places = torch.cat([gate, gate + 100, gate + 50])  # forget gate, output gate, cell
    with torch.no_grad():
        other.input_gate.load_state_dict(model.input_gate.state_dict())
        other.head.net[0].load_state_dict(model.head.state_dict())
        other.dynamic_gates.weight_hh.copy_(model.from_state.weight[places].T)
        other.dynamic_gates.weight_ih.copy_(model.from_inputs.weight[places].T)
        other.dynamic_gates.bias.copy_(model.from_inputs.bias[places])
        torch.testing.assert_close(model(inputs).predictions, other(data)["y_hat"], rtol=1e-4, atol=1e-5)
