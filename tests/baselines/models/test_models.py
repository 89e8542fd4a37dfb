"""Models: physical units in and out, gaps that change nothing, and the same numbers after saving and loading."""

from __future__ import annotations

import inspect
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.models import MODELS, FluxModel, ModelError, load
from baselines.models.lstm import LstmConfig, LstmModel
from baselines.scalers import config_for
from tests.baselines.models.made import days, made

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
    return kind(config_for(kind.config_class, columns, **options))


def without_dropout(name: str) -> dict[str, float]:
    return {"dropout": 0.0} if "dropout" in MODELS[name].config_class.options() else {}


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
    other = {"hidden_size": 12, "num_layers": 2, "num_heads": 3, "intermediate_size": 20, "bottleneck_size": 5,
             "spans": [2, 7], "neighbours": 2, "kernel_size": 3, "dilation_factor": 4, "days": 100, "memories": [3, 9],
             "waves": [1, 3], "statics": ["PLANTT", "TCSAND"], "dropout": 0.4}  # fmt: skip
    options = MODELS[name].config_class.options()
    assert set(options) <= set(other)
    model = make(name, columns, **{option: other[option] for option in options}).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01)  # so that no layer is merely initialised alike
    inputs, labels = tensors(columns, slice(3))
    model.save_pretrained(tmp_path)
    own = Path(inspect.getfile(type(model))).name
    names = {path.name for path in tmp_path.iterdir()}
    assert {"config.json", "model.safetensors", "base.py", own} <= names
    assert names <= {"config.json", "model.safetensors", "base.py", own, "attention.py", "dropout.py"}
    again = load(tmp_path)
    assert type(again) is type(model)
    first, second = ({**one.config.to_dict(), "_name_or_path": ""} for one in (model, again))
    assert first == second
    with torch.no_grad():
        before, after = model(inputs, labels), again(inputs, labels)
    assert torch.equal(before.predictions, after.predictions)
    assert torch.equal(before.loss, after.loss)


ELSEWHERE = """
import sys

class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("agroflux_data", "submission", "baselines"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
import torch
from transformers import AutoConfig, AutoModel

torch.set_num_threads(1)
for folder in sys.argv[1:]:
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    model = AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
    assert type(model).__module__.startswith("transformers_modules."), type(model)
    assert type(model.config) is type(config) and config.targets == ["NEE", "GPP", "N2O"]
    inputs, predictions, quantiles = torch.load(folder + "-numbers.pt")
    with torch.no_grad():
        assert torch.equal(model(inputs).predictions, predictions), folder
        assert torch.equal(model(inputs).quantiles, quantiles), folder
    model.save_pretrained(folder + "-again")
    again = AutoModel.from_pretrained(folder + "-again", trust_remote_code=True).eval()
    with torch.no_grad():
        assert torch.equal(again(inputs).quantiles, quantiles), folder
"""


def test_models_load_where_the_package_is_not_installed(toy_release: Path, tmp_path: Path) -> None:
    columns = columns_of(toy_release)
    inputs, _ = tensors(columns, slice(3))
    folders = [tmp_path / f"elsewhere-{name}" for name in MODELS]
    for folder, name in zip(folders, MODELS, strict=True):
        model = make(name, columns, quantiles=[0.05, 0.5, 0.95]).eval()
        with torch.no_grad():
            output = model(inputs)
            torch.save((inputs, output.predictions, output.quantiles), f"{folder}-numbers.pt")
        model.save_pretrained(tmp_path / "saved")
        shutil.move(tmp_path / "saved", folder)
    program = [sys.executable, "-I", "-c", ELSEWHERE, *map(str, folders)]
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(program, capture_output=True, text=True, check=False, env=environment, timeout=600)
    assert ran.returncode == 0, ran.stderr


def test_code_beside_the_weights_is_not_run(toy_release: Path, tmp_path: Path) -> None:
    make("lstm", columns_of(toy_release)).save_pretrained(tmp_path)
    for path in tmp_path.glob("*.py"):
        path.write_text("raise SystemExit('run')")
    assert type(load(tmp_path)) is LstmModel
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "agroflux-other"}))
    with pytest.raises(AgrofluxError, match="agroflux-other"):
        load(tmp_path)


def test_what_fills_a_sequence_up_changes_nothing(toy_release: Path, name: str) -> None:
    columns = columns_of(toy_release)
    model = make(name, columns).eval()
    inputs, labels = tensors(columns, slice(4))
    lasts = (365, 301, 90, 1)
    padding = torch.stack([torch.arange(365) >= last for last in lasts])
    filled, gone = inputs.clone(), labels.clone()
    filled[padding], gone[padding] = math.nan, 1e6
    with torch.no_grad():
        together = model(filled, gone, padding)
        alone = [model(inputs[row : row + 1, :last]).predictions[0] for row, last in enumerate(lasts)]
        for row, last in enumerate(lasts):
            torch.testing.assert_close(together.predictions[row, :last], alone[row], rtol=1e-4, atol=1e-5)
            assert together.predictions[row, last:].isnan().all()
        # None of it is no padding.
        torch.testing.assert_close(
            model(inputs, padding=torch.zeros_like(padding)).predictions, model(inputs).predictions
        )
        gone[padding] = math.nan
        assert together.loss.item() == pytest.approx(model(filled, gone, padding).loss.item())
    model.train()(filled, gone, padding).loss.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())
    for wrong in (~padding, padding.float(), padding[:, :300]):
        with pytest.raises(ModelError, match="padding"):
            model(inputs, padding=wrong)


def test_any_length_of_sequence(toy_release: Path, name: str) -> None:
    columns = columns_of(toy_release)
    model = make(name, columns).eval()
    inputs, _ = tensors(columns, slice(2))
    with torch.no_grad():
        for sequence in (inputs[:, :1], inputs[:, :50], torch.cat([inputs, inputs[:, :100]], 1)):
            predictions = model(sequence).predictions
            assert predictions.shape == (2, sequence.shape[1], 3)
            assert predictions.isfinite().all()


def test_features_and_head_are_the_predictions(toy_release: Path, name: str) -> None:
    columns = columns_of(toy_release)
    model = make(name, columns).eval()
    inputs, _ = tensors(columns, slice(2))
    with torch.no_grad():
        features, _ = model.encode(model.normalise(inputs))
        assert features.shape == (2, 365, model.head.in_features)
        model.head.weight[1] = 0  # the row of GPP
        model.head.bias[1] = 2
        before = model(inputs).predictions
    config = model.config
    gpp = config.targets.index("GPP")
    torch.testing.assert_close(
        before[..., gpp], torch.full((2, 365), config.target_means[1] + 2 * config.target_sds[1])
    )


def test_constraints_are_reported_by_name(toy_release: Path) -> None:
    release = Release(toy_release)
    columns = Columns.of(release, "ecosys_temporal", "train", INPUTS, ("RECO", "GPP", "N2O", "NEE"))
    model = make("lstm", columns, carbon_closure=0.5, non_negative_gpp=2.0).eval()
    inputs, labels = tensors(columns, slice(3))
    labels[:, ::2] = math.nan  # days without any observation
    labels[:, 1::4, 0] = math.nan  # and days without RECO alone
    with torch.no_grad():
        model.head.bias[1] = -3.0
        output = model(inputs, labels)
        reco, gpp, _, nee = output.predictions[:, 1::2].unbind(-1)
        _, sd_gpp, _, sd_nee = model.config.target_sds
        number = (~labels.isnan()).sum()
        closure = 0.5 * (((nee - reco + gpp) / sd_nee) ** 2).sum() / number
        below = 2.0 * ((gpp.clamp(max=0) / sd_gpp) ** 2).sum() / number
        assert set(output.terms) == {"error", "carbon_closure", "non_negative_gpp"}
        assert output.terms["carbon_closure"].item() == pytest.approx(closure.item(), rel=1e-4)
        assert output.terms["non_negative_gpp"].item() == pytest.approx(below.item(), rel=1e-4)
        assert output.loss.item() == pytest.approx(sum(term.item() for term in output.terms.values()), rel=1e-5)
        # In two parts of an accumulated batch it is the same loss.
        parts = [model(inputs[rows], labels[rows], num_items_in_batch=number).loss for rows in ([0], [1, 2])]
        assert sum(part.item() for part in parts) == pytest.approx(output.loss.item(), rel=1e-5)
    for option, targets in (("carbon_closure", ("NEE", "GPP")), ("non_negative_gpp", ("NEE",))):
        few = Columns.of(release, "ecosys_temporal", "train", INPUTS, targets)
        with pytest.raises(ModelError, match=option):
            config_for(LstmConfig, few, **{option: 1.0})


def test_targets_weigh_what_they_are_given(toy_release: Path) -> None:
    columns = columns_of(toy_release)
    inputs, labels = tensors(columns, slice(3))
    plain, heavy = make("lstm", columns).eval(), make("lstm", columns, target_weights=[1.0, 3.0, 1.0]).eval()
    with torch.no_grad():
        sds = torch.tensor(plain.config.target_sds)
        errors = (((plain(inputs).predictions - labels) / sds) ** 2).mean((0, 1))
        expected = (errors[0] + 3 * errors[1] + errors[2]) / 3
        assert heavy(inputs, labels).loss.item() == pytest.approx(expected.item(), rel=1e-4)


def test_gaps_move_neither_loss_nor_gradient(toy_release: Path, name: str) -> None:
    columns = columns_of(toy_release)
    model = make(name, columns, **without_dropout(name))
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


def test_in_bfloat16_it_says_nearly_the_same(name: str) -> None:
    model, inputs = made(MODELS[name]), days(3, 90)
    labels = torch.randn(3, 90, 3, generator=torch.Generator().manual_seed(2))
    whole = model(inputs, labels)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(inputs, labels)
    half.loss.backward()
    assert half.predictions.dtype == torch.float32
    torch.testing.assert_close(half.predictions, whole.predictions, rtol=0, atol=0.1)
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


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


@pytest.mark.parametrize("causal", ["lstm", "ea-lstm", "tcn", "gru", "linear"])
def test_later_days_do_not_move_earlier_ones(toy_release: Path, causal: str) -> None:
    columns = columns_of(toy_release)
    model = make(causal, columns).eval()
    inputs, _ = tensors(columns, slice(2))
    later = inputs.clone()
    later[:, 200:] += 5
    with torch.no_grad():
        before, after = model(inputs).predictions, model(later).predictions
    torch.testing.assert_close(before[:, :200], after[:, :200], rtol=0, atol=0)
    assert not torch.equal(before[:, 200:], after[:, 200:])


def test_a_tiny_set_is_overfitted(name: str) -> None:
    kind = MODELS[name]
    wanted = {"dropout": 0.0, "days": 64}
    model = made(kind, **{key: wanted[key] for key in wanted if key in kind.config_class.options()}).train()
    inputs = days(2, 64)
    # Fluxes that follow the weather of a day, and remember that of days and weeks.
    quick, slow, fluxes = torch.zeros(2, 5), torch.zeros(2, 5), []
    for day in inputs.unbind(1):
        quick, slow = quick + (day - quick) / 4, slow + (day - slow) / 16
        fluxes.append(
            torch.stack([4 * slow[:, 1] + day[:, 0], 2 * quick[:, 0] - slow[:, 2], day[:, 4] + quick[:, 3]], -1)
        )
    labels = torch.stack(fluxes, dim=1)
    spread = labels.var((0, 1), unbiased=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    r2 = torch.zeros(3)
    for _ in range(3_000):
        output = model(inputs, labels)
        r2 = 1 - (output.predictions.detach() - labels).square().mean((0, 1)) / spread
        if r2.min() > 0.99:
            break
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
    assert r2.min() > 0.99


def test_a_column_that_never_varies_stays_finite(toy_release: Path) -> None:
    release = Release(toy_release)
    columns = Columns.of(release, "ecosys_temporal", "train", ("TMAX", "TPH"), ("GPP", "LAI"))
    config = config_for(LstmConfig, columns)
    assert config.input_sds[1] == 1, "the toy's pH is the same everywhere"
    assert torch.isfinite(LstmModel(config)(*tensors(columns, slice(2))).loss)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_bad_inputs_are_named(toy_release: Path, value: float) -> None:
    columns = columns_of(toy_release)
    model = make("lstm", columns)
    inputs, _ = tensors(columns, slice(2))
    inputs[1, 7, 2] = value
    with pytest.raises(ModelError, match="FERTZR_N"):
        model(inputs)
    with pytest.raises(ModelError, match="TMAX, PREC"):
        model(inputs[..., :3])


def test_unknown_and_impossible_options_are_refused(toy_release: Path) -> None:
    columns = columns_of(toy_release)
    for options in (
        {"hiden_size": 10}, {"dropout": 1.0}, {"num_layers": 0}, {"num_layers": 1.5}, {"input_means": [1.0]},
        {"carbon_closure": 1.0}, {"non_negative_gpp": -1.0}, {"target_weights": [1.0]},
    ):  # fmt: skip
        with pytest.raises(ModelError):
            LstmConfig(**options)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="hiden_size"):
        config_for(LstmConfig, columns, hiden_size=10)
    with pytest.raises(ModelError, match="without columns"):
        LstmModel(LstmConfig())


def test_scalers_come_from_the_rows_that_are_fitted(toy_release: Path) -> None:
    columns = Columns.of(Release(toy_release), "towers_spatial", "fold_0+fold_2", ("TMAX",), ("GPP",))
    config = config_for(LstmConfig, columns)
    labels = Arrays.read(columns).labels
    assert config.target_means[0] == pytest.approx(np.nanmean(labels), rel=1e-4)
    assert config.target_sds[0] == pytest.approx(np.nanstd(labels), rel=1e-4)
    with pytest.raises(AgrofluxError, match="test"):
        config_for(LstmConfig, Columns.of(columns.release, "towers_spatial", "test", ("TMAX",), ("GPP",)))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgrofluxError, match="not a model"):
        load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(AgrofluxError):
        load(tmp_path)
    LstmConfig().save_pretrained(tmp_path)
    with pytest.raises(AgrofluxError):
        load(tmp_path)
