"""Models: physical units in and out, gaps that change nothing, and the same numbers after saving and loading."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.base import FluxModel
from baselines.lstm import LstmConfig, LstmModel
from baselines.models import MODELS, load

INPUTS, TARGETS = ("TMAX", "PREC", "FERTZR_N", "TCSAND", "PLANTT"), ("NEE", "GPP", "N2O")


def columns_of(release: Path, splits: str = "train", task: str = "ecosys_temporal") -> Columns:
    known = Release(release)
    return Columns.of(known, task, splits, INPUTS, [name for name in TARGETS if name in known.task(task).targets])


def tensors(columns: Columns, rows: slice = slice(None)) -> tuple[Tensor, Tensor]:
    batch = Arrays.read(columns)[rows]
    return torch.from_numpy(batch.inputs.copy()), torch.from_numpy(batch.labels.copy())


def make(name: str, columns: Columns, **options: object) -> FluxModel:
    torch.manual_seed(0)
    kind = MODELS[name]
    return kind(kind.config_class.for_rows(columns, **options))


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_physical_units_in_and_out(toy_release: Path, name: str) -> None:
    columns = columns_of(toy_release)
    model = make(name, columns).eval()
    inputs, labels = tensors(columns, slice(4))
    with torch.no_grad():
        output = model(inputs, labels, output_hidden_states=True)
        moments = columns.release.statistics(columns.task, columns.splits)
        for number, target in enumerate(columns.targets):
            # An untrained network gives small numbers, which are near the mean in physical units.
            flux = output.predictions[..., number]
            assert abs(flux.mean() - moments[target].mean) < 2 * moments[target].sd
        # The loss is that of the normalised targets, recomputed here from the physical ones.
        sds = torch.tensor([moments[target].sd for target in columns.targets])
        expected = (((output.predictions - labels) / sds) ** 2).mean()
    assert output.predictions.shape == labels.shape
    assert output.hidden_states[-1].shape[:2] == labels.shape[:2]
    assert output.loss.item() == pytest.approx(expected.item(), rel=1e-4)
    assert model.config.input_units == ["degC", "mm d-1", "g N m-2 d-1", "g kg-1", "-"]


def test_saved_and_loaded_it_gives_the_same(toy_release: Path, tmp_path: Path, name: str) -> None:
    columns = columns_of(toy_release)
    model = make(name, columns).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01)  # so that no layer is merely initialised alike
    inputs, labels = tensors(columns, slice(3))
    model.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    again = load(tmp_path)
    assert type(again) is type(model)
    first, second = ({**one.config.to_dict(), "_name_or_path": ""} for one in (model, again))
    assert first == second
    with torch.no_grad():
        before, after = model(inputs, labels), again(inputs, labels)
    assert torch.equal(before.predictions, after.predictions)
    assert torch.equal(before.loss, after.loss)


def test_gaps_move_neither_loss_nor_gradient(toy_release: Path, name: str) -> None:
    columns = columns_of(toy_release)
    model = make(name, columns, dropout=0.0)
    inputs, labels = tensors(columns, slice(4))
    gap = torch.rand(labels.shape, generator=torch.Generator().manual_seed(1)) < 0.4
    labels[gap] = math.nan
    model(inputs, labels).loss.backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert any(gradient.abs().sum() > 0 for gradient in gradients)

    # The same by hand, over the observed labels alone.
    model.zero_grad()
    sds = torch.tensor(model.config.target_sds)
    error = ((model(inputs).predictions - labels) / sds)[~gap]
    (error**2).mean().backward()
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-6)

    nothing = model(inputs, torch.full_like(labels, math.nan)).loss
    nothing.backward()
    assert nothing.item() == 0


def test_every_parameter_learns(toy_release: Path, name: str) -> None:
    columns = columns_of(toy_release)
    model = make(name, columns)
    model(*tensors(columns, slice(4))).loss.backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


def test_rows_and_their_order_do_not_mix(toy_release: Path, name: str) -> None:
    columns = columns_of(toy_release)
    model = make(name, columns).eval()
    inputs, _ = tensors(columns, slice(5))
    order = torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        torch.testing.assert_close(
            model(inputs).predictions[order], model(inputs[order]).predictions, rtol=1e-4, atol=1e-5
        )


def test_an_lstm_does_not_see_the_future(toy_release: Path) -> None:
    columns = columns_of(toy_release)
    model = make("lstm", columns).eval()
    inputs, _ = tensors(columns, slice(2))
    later = inputs.clone()
    later[:, 200:] += 5
    with torch.no_grad():
        before, after = model(inputs).predictions, model(later).predictions
    assert torch.equal(before[:, :200], after[:, :200])
    assert not torch.equal(before[:, 200:], after[:, 200:])


def test_a_column_that_never_varies_stays_finite(toy_release: Path) -> None:
    release = Release(toy_release)
    columns = Columns.of(release, "ecosys_temporal", "train", ("TMAX", "TPH"), ("GPP", "LAI"))
    config = LstmConfig.for_rows(columns)
    assert config.input_sds[1] == 1, "the toy's pH is the same everywhere"
    assert torch.isfinite(LstmModel(config)(*tensors(columns, slice(2))).loss)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_bad_inputs_are_named(toy_release: Path, value: float) -> None:
    columns = columns_of(toy_release)
    model = make("lstm", columns)
    inputs, _ = tensors(columns, slice(2))
    inputs[1, 7, 2] = value
    with pytest.raises(AgrofluxError, match="FERTZR_N"):
        model(inputs)
    with pytest.raises(AgrofluxError, match="TMAX, PREC"):
        model(inputs[..., :3])


def test_unknown_and_impossible_options_are_refused(toy_release: Path) -> None:
    columns = columns_of(toy_release)
    for options in ({"hiden_size": 10}, {"dropout": 1.0}, {"num_layers": 0}, {"input_means": [1.0]}):
        with pytest.raises(AgrofluxError):
            LstmConfig(**options)  # type: ignore[arg-type]
    with pytest.raises(AgrofluxError, match="hiden_size"):
        LstmConfig.for_rows(columns, hiden_size=10)
    with pytest.raises(AgrofluxError, match="without columns"):
        LstmModel(LstmConfig())


def test_scalers_come_from_the_rows_that_are_fitted(toy_release: Path) -> None:
    columns = Columns.of(Release(toy_release), "towers_spatial", "fold_0+fold_2", ("TMAX",), ("GPP",))
    config = LstmConfig.for_rows(columns)
    labels = Arrays.read(columns).labels
    assert config.target_means[0] == pytest.approx(np.nanmean(labels), rel=1e-4)
    assert config.target_sds[0] == pytest.approx(np.nanstd(labels), rel=1e-4)
    with pytest.raises(AgrofluxError, match="test"):
        LstmConfig.for_rows(Columns.of(columns.release, "towers_spatial", "test", ("TMAX",), ("GPP",)))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgrofluxError, match="not a model"):
        load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(AgrofluxError):
        load(tmp_path)
    LstmConfig().save_pretrained(tmp_path)
    with pytest.raises(AgrofluxError):
        load(tmp_path)
