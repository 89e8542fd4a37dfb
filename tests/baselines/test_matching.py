"""Columns meet by name and unit: nothing changes before training but what has no counterpart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import set_seed

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.models import FluxModel
from baselines.models.lstm import LstmConfig, LstmModel
from baselines.run import Run
from baselines.scalers import config_for
from baselines.transfer.matching import adapted_config, adapted_model, matched_inputs, pretrained, reduced
from baselines.transfer.plan import Transfer

INPUTS = ("TMAX", "TCSAND", "PREC", "TMIN")


@pytest.fixture(scope="module")
def target(toy_release: Path) -> LstmConfig:
    """What a network that is fitted to towers alone would have."""
    columns = Columns.of(Release(toy_release), "towers_temporal", "train", INPUTS, ("ET", "GPP", "NEE"))
    return config_for(LstmConfig, columns, hidden_size=6, num_layers=1)


@pytest.fixture(scope="module")
def rows(toy_release: Path) -> Tensor:
    columns = Columns.of(Release(toy_release), "towers_temporal", "train", INPUTS, ())
    return torch.from_numpy(Arrays.read(columns)[:4].inputs)


def network(release: Path, **options: object) -> LstmModel:
    """A network of a simulation, with weights at random."""
    columns = Columns.of(Release(release), "daycent_temporal", "train", INPUTS, ("NEE", "N2O", "GPP"))
    set_seed(1)
    return LstmModel(config_for(LstmConfig, columns, hidden_size=6, num_layers=1, **options)).eval()


def predictions(model: FluxModel, rows: Tensor) -> dict[str, np.ndarray]:
    with torch.no_grad():
        found = model.eval()(rows)
    named = {name: found.predictions[..., place].numpy() for place, name in enumerate(model.config.targets)}
    if found.quantiles is not None:
        named |= {
            f"{name}_q": found.quantiles[..., place, :].numpy() for place, name in enumerate(model.config.targets)
        }
    return named


def test_rows_of_the_head_are_copied_by_name(toy_release: Path, target: LstmConfig, rows: Tensor) -> None:
    source = network(toy_release)
    config = adapted_config(source.config, target)
    assert (config.targets, config.task) == (["ET", "GPP", "NEE"], "towers_temporal")
    assert config.target_means == target.target_means
    assert config.input_means == source.config.input_means != target.input_means
    set_seed(2)
    before, after = predictions(source, rows), predictions(adapted_model(source, config), rows)
    for name in ("NEE", "GPP"):
        np.testing.assert_allclose(after[name], before[name], rtol=1e-4, atol=1e-4)
    set_seed(3)
    assert np.abs(predictions(adapted_model(source, config), rows)["ET"] - after["ET"]).max() > 1e-3, "a fresh row"


def test_units_are_folded_into_scalers(toy_release: Path, target: LstmConfig, rows: Tensor) -> None:
    """The same network in other units says the same."""
    source = network(toy_release)
    wanted = predictions(source, rows)
    config = source.config
    for place, (unit, factor, offset) in enumerate(
        [("K", 1, 273.15), ("%", 0.1, 0), ("cm d-1", 0.1, 0), ("degF", 1.8, 32)]
    ):
        config.input_units[place] = unit
        config.input_means[place] = factor * config.input_means[place] + offset
        config.input_sds[place] *= factor
    for place, (unit, factor) in enumerate(
        [("umol CO2 m-2 s-1", 1 / 1.03772448), ("kg N ha-1 d-1", 10), ("mg C m-2 s-1", 1 / 86.4)]
    ):
        config.target_units[place] = unit
        config.target_means[place] *= factor
        config.target_sds[place] *= factor
    for as_it_is in (False, True):
        task = replace_targets(target, ["GPP", "NEE"]) if as_it_is else target
        model = adapted_model(source, adapted_config(config, task, as_it_is=as_it_is))
        found = predictions(model, rows)
        for name in ("NEE", "GPP"):
            np.testing.assert_allclose(found[name], wanted[name], rtol=1e-3, atol=1e-3)


def replace_targets(config: LstmConfig, names: list[str]) -> LstmConfig:
    places = [config.targets.index(name) for name in names]
    lists = {key: [getattr(config, key)[place] for place in places]
             for key in ("targets", "target_units", "target_means", "target_sds")}  # fmt: skip
    return LstmConfig(**config.to_diff_dict() | lists)


@pytest.mark.parametrize("as_it_is", [True, False])
def test_quantiles_come_along(toy_release: Path, target: LstmConfig, rows: Tensor, as_it_is: bool) -> None:
    source = network(toy_release, quantiles=[0.05, 0.5, 0.95])
    task = LstmConfig(**replace_targets(target, ["GPP", "NEE"]).to_diff_dict() | {"quantiles": [0.05, 0.5, 0.95]})
    model = adapted_model(source, adapted_config(source.config, task, as_it_is=as_it_is))
    before, after = predictions(source, rows), predictions(model, rows)
    for name in ("NEE", "GPP"):
        same = slice(None) if as_it_is else slice(1, 2)  # gaps between levels are in spreads of the target
        np.testing.assert_allclose(after[f"{name}_q"][..., same], before[f"{name}_q"][..., same], rtol=1e-4, atol=1e-4)


def test_a_reduced_network_says_the_same_of_what_is_left(toy_release: Path, rows: Tensor) -> None:
    source = network(toy_release, quantiles=[0.1, 0.9], target_weights=[1.0, 2.0, 3.0])
    smaller = reduced(source, ["GPP", "NEE"])
    assert (smaller.config.targets, smaller.config.target_weights) == (["GPP", "NEE"], [3.0, 1.0])
    before, after = predictions(source, rows), predictions(smaller, rows)
    assert after.keys() == {"GPP", "NEE", "GPP_q", "NEE_q"}
    for name, values in after.items():
        np.testing.assert_allclose(values, before[name], rtol=1e-5, atol=1e-5)


def test_what_cannot_be_matched_names_both_sides(toy_release: Path) -> None:
    config = network(toy_release).config
    assert matched_inputs(config, ("WIND", *reversed(INPUTS)), "towers_temporal") == INPUTS
    with pytest.raises(
        AgrofluxError, match=r"lacks: TCSAND.*TMAX \[degC\], TCSAND.*got 'TMAX \[degC\], PREC"
    ) as lacking:
        matched_inputs(config, ("TMAX", "PREC", "TMIN"), "towers_temporal")
    assert "towers_temporal" in str(lacking.value)
    config.input_units[2] = "furlong"
    with pytest.raises(AgrofluxError, match=r"cannot be converted: PREC.*PREC \[furlong\].*PREC \[mm d-1\]"):
        matched_inputs(config, INPUTS, "towers_temporal")


def test_what_does_not_fit_is_refused_when_it_is_planned(toy_release: Path, tmp_path: Path) -> None:
    release = Release(toy_release)
    folder = tmp_path / "network"
    network(toy_release).save_pretrained(folder)
    one = Transfer("finetune", str(folder))
    none = replace(one, method="none")
    for task, model, choice, said in [
        ("towers_temporal", "gru", {"transfer": one}, "another model: expected 'gru'|another model: expected gru"),
        ("towers_temporal", "xgboost", {"transfer": one}, "trees have no layers"),
        ("towers_temporal", "lstm", {"transfer": one, "options": {"hidden_size": 7}}, "hidden_size 6"),
        ("towers_temporal", "lstm", {"transfer": none, "options": {"quantiles": [0.5]}}, "quantiles"),
        ("towers_temporal", "lstm", {"transfer": none, "targets": "ET,GPP"}, "NEE, N2O, GPP"),
        ("towers_temporal", "lstm", {"transfer": replace(one, source=str(tmp_path))}, "not a model"),
        ("daycent_spatial", "lstm", {"transfer": one}, "may have seen"),
    ]:  # fmt: skip
        with pytest.raises(AgrofluxError, match=said):
            Run.plan(release, task, model, **choice)  # type: ignore[arg-type]
    known = Run.plan(release, "towers_temporal", "lstm", transfer=none)
    assert (known.inputs, known.targets) == (INPUTS, ("NEE", "GPP"))
    (tmp_path / "ensemble.json").write_text("{}")
    with pytest.raises(AgrofluxError, match="an ensemble"):
        pretrained(str(tmp_path))
