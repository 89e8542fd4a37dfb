"""Transfer: what a planned one keeps, what each method leaves, and that no row of a test is ever read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.progress import Progress
from transformers import set_seed

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.models import MODELS
from baselines.run import Run, RunFolder
from baselines.saved import open_saved
from baselines.scalers import config_for
from baselines.training import Outcome, train
from baselines.transfer import METHODS, Transfer


def test_a_run_keeps_its_transfer(toy_release: Path) -> None:
    run = Run.plan(Release(toy_release), "towers_temporal", "lstm")
    assert run.transfer is None
    moved = replace(run, transfer=Transfer("finetune", "runs/source", layers=("head", "lstm.*_l2")))
    for one in (run, moved):
        assert Run.from_json(json.loads(json.dumps(one.to_json()))) == one
    old = run.to_json()
    del old["transfer"]  # as runs had it before there were any
    assert Run.from_json(old) == run


@pytest.mark.parametrize(
    ("choice", "said"),
    [({"method": "magic"}, "none, finetune, adversarial"), ({"layers": ()}, "nothing moves"),
     ({"warm_up": 1.0}, "warm"),
     ({"domain_weight": -1.0}, "domain_weight"), ({"encoder_learning_rate": float("nan")}, "encoder_learning_rate")],
)  # fmt: skip
def test_impossible_choices_are_refused(choice: dict[str, object], said: str) -> None:
    with pytest.raises(AgrofluxError, match=said):
        Transfer(**{"method": "finetune", "source": "runs/source"} | choice)  # type: ignore[arg-type]


SMALL: dict[str, dict[str, Any]] = {
    "linear": {"memories": [4, 16]},
    "gru": {"hidden_size": 6, "num_layers": 2},
    "lstm": {"hidden_size": 6, "num_layers": 2},
    "ea-lstm": {"hidden_size": 6},
    "tcn": {"hidden_size": 6, "num_layers": 2, "kernel_size": 3},
    "transformer": {"hidden_size": 8, "num_layers": 2, "num_heads": 2, "intermediate_size": 8},
    "itransformer": {"hidden_size": 8, "num_layers": 2, "num_heads": 2, "intermediate_size": 8},
    "pyraformer": {"hidden_size": 8, "num_layers": 2, "num_heads": 2, "intermediate_size": 8, "bottleneck_size": 4},
}


def trained(run: Run, release: Release, folder: Path) -> Outcome:
    with Progress(disable=True) as bar:
        return train(run, release, RunFolder(folder), bar)


def saved(release: Release, model: str, folder: Path, targets: tuple[str, ...] = ("NEE", "GPP", "N2O")) -> str:
    """A network of a simulation, which need not have learned anything to be adapted."""
    task, kind = release.task("daycent_temporal"), MODELS[model]
    columns = Columns.of(release, task.name, "train", task.core_inputs, targets)
    set_seed(0)
    kind(config_for(kind.config_class, columns, **SMALL[model])).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def sources(toy_release: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A network of every kind."""
    folder = tmp_path_factory.mktemp("pretrained")
    return {model: saved(Release(toy_release), model, folder / model) for model in MODELS}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", MODELS)
def test_every_network_takes_every_method(
    toy_release: Path, sources: dict[str, str], tmp_path: Path, model: str, method: str
) -> None:
    release = Release(toy_release)
    run = Run.plan(release, "towers_temporal", model, transfer=Transfer(method, sources[model]), targets="ET,GPP,NEE"
                   if method != "none" else "ranked", epochs=1, batch_size=16)  # fmt: skip
    outcome = trained(run, release, tmp_path / "run")
    before, after = open_saved(sources[model]), open_saved(tmp_path / "run")
    assert after.runs == (run,)
    assert after.fitted.targets == run.targets
    assert set(outcome.metrics) == set(run.targets)
    assert (tmp_path / "run" / "curves.png").is_file()
    rows = Arrays.read(Columns.of(release, "towers_temporal", "validation", run.inputs, ()))[:].inputs
    columns = [before.fitted.targets.index(name) for name in ("NEE", "GPP")]
    old = before.fitted.fluxes(rows)[..., columns]
    new = after.fitted.fluxes(rows)[..., [run.targets.index(name) for name in ("NEE", "GPP")]]
    if method == "none":
        np.testing.assert_allclose(new, old, rtol=1e-4, atol=1e-4)
    else:
        assert np.abs(new - old).max() > 1e-4
