"""Transfer: what a planned one keeps, what each method leaves, and that no row of a test is ever read."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.progress import Progress
from transformers import set_seed

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.build import build
from agroflux_data.errors import AgrofluxError
from agroflux_data.plan import Plan
from agroflux_data.release import Release
from agroflux_data.sources.embedded import Embedded
from agroflux_data.splits import Edition
from agroflux_data.variables import DAYS, STATICS
from baselines.model_card import card
from baselines.models import MODELS
from baselines.run import Run, RunFolder
from baselines.saved import open_saved
from baselines.scalers import config_for
from baselines.training import Outcome, train
from baselines.transfer.plan import METHODS, Transfer
from submission.file import read_metadata
from tests.baselines.test_command import here


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


QUICK = {("lstm", "finetune"), ("itransformer", "finetune"), ("lstm", "adversarial"), ("transformer", "adversarial")}


@pytest.mark.parametrize(
    ("model", "method"),
    [
        pytest.param(*one, marks=() if one in QUICK or one[1] == "none" else pytest.mark.slow)
        for one in itertools.product(MODELS, METHODS)
    ],
)
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


def poisoned(release: Path, folder: Path, tested: dict[str, str]) -> Release:
    """A copy of a release whose tested splits, by task, have wild inputs, no observed target and no moments."""
    shutil.copytree(release, folder)
    copy = Release(folder)
    moments = json.loads((folder / "statistics.json").read_text())
    for task, split in tested.items():
        known = copy.task(task)
        for path in copy.paths(task, split):
            table = pq.read_table(path)
            for name in (*known.inputs, *known.targets):
                column = table[name].combine_chunks()
                wild = 1e3 if name in known.inputs else np.nan
                flat = pa.array(np.full(len(table) * (1 if name in STATICS else DAYS), wild, np.float32))
                column = flat if name in STATICS else pa.FixedSizeListArray.from_arrays(flat, type=column.type)
                table = table.set_column(table.column_names.index(name), table.schema.field(name), column)
            pq.write_table(table, path)
        for own in moments[task].get(split, {}).values():
            own |= {"n": 10**9, "mean": 1e6, "sd": 1e6}
    (folder / "statistics.json").write_text(json.dumps(moments))
    return Release(folder)


TESTED = {"towers_temporal": "test", "towers_spatial": "fold_0"}


@pytest.fixture(scope="session")
def poisoned_release(toy_open_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:
    return poisoned(toy_open_release, tmp_path_factory.mktemp("poisoned") / "agroflux", TESTED)


@pytest.mark.parametrize(
    ("task", "method"),
    [
        ("towers_temporal", "adversarial"),
        ("towers_spatial", "scratch"),
        ("towers_spatial", "finetune"),
        *(pytest.param(*one, marks=pytest.mark.slow) for one in (
            ("towers_temporal", "scratch"), ("towers_temporal", "none"), ("towers_temporal", "finetune"),
            ("towers_spatial", "none"), ("towers_spatial", "adversarial"),
        )),
    ],
)  # fmt: skip
def test_no_row_of_a_test_is_read_in_training(
    toy_open_release: Path, poisoned_release: Release, sources: dict[str, str], tmp_path: Path, task: str, method: str
) -> None:
    """Whatever the tested rows hold, and be it nonsense, the weights are the same to the last bit."""
    chosen: dict[str, Any] = {"options": SMALL["lstm"]}
    if method != "scratch":
        chosen["transfer"] = Transfer(method, sources["lstm"])
    weights, seen = [], []
    for name, release in (("clean", Release(toy_open_release)), ("poisoned", poisoned_release)):
        run = Run.plan(release, task, "lstm", epochs=1, batch_size=16, **chosen)
        assert TESTED[task] not in (*run.training, *run.validation)
        seen.append(trained(run, release, tmp_path / name).tested or {})
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]
    assert seen[0]["GPP"]["n"] > 0 == seen[1]["GPP"]["n"], "the test itself does read them"


def test_poison_works_where_it_is_read(toy_open_release: Path, poisoned_release: Release, tmp_path: Path) -> None:
    """Trained on the fold that is poisoned, nothing stays as it was: else the test above would prove nothing."""
    weights = []
    for name, release in (("clean", Release(toy_open_release)), ("poisoned", poisoned_release)):
        run = Run.plan(release, "towers_spatial", "lstm", hold_out="fold_4", left_out="fold_1", epochs=1,
                       batch_size=16, options=SMALL["lstm"])  # fmt: skip
        assert TESTED["towers_spatial"] in run.training
        trained(run, release, tmp_path / name)
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert weights[0] != weights[1]


def test_the_command_pretrains_and_adapts(
    toy_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    command = ["transfer", "--from", "daycent_temporal", "--to", "mesocosm_spatial", "--data", toy_release, "--output",
               folder, "--source-epochs", "1", "--source-targets", "GPP,N2O", "--epochs", "1", "--layers", "last",
               "--set", "hidden_size=4", "--set", "num_layers=2", "--inputs", "core"]  # fmt: skip
    assert here(monkeypatch, *command) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "pretraining: lstm on daycent_temporal" in said
    assert here(monkeypatch, *command) == 2
    assert "--resume" in capsys.readouterr().err
    assert here(monkeypatch, *command, "--resume") == 0
    source = RunFolder(folder / "source").read()
    run = RunFolder(folder).read()
    assert source is not None
    assert run is not None
    assert (source.task, source.targets, source.inputs) == ("daycent_temporal", ("GPP", "N2O"), run.inputs)
    assert run.transfer is not None
    assert run.transfer.source_task == "daycent_temporal"
    assert run.transfer.layers == ("last",)

    # A network that was pretrained elsewhere, with inputs left out and a new target.
    command = ["transfer", "--from", folder / "source", "--to", "towers_temporal", "--data", toy_release, "--output",
               tmp_path / "other", "--targets", "ET,GPP", "--method", "adversarial", "--epochs", "1"]  # fmt: skip
    assert here(monkeypatch, *command) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "does not read them: RADN, HMAX, HMIN, WIND" in said
    assert "new to the pretrained network: ET" in said
    assert here(monkeypatch, "predict", tmp_path / "other", "--data", toy_release, "--output",
                tmp_path / "test.parquet") == 0  # fmt: skip
    assert read_metadata(tmp_path / "test.parquet").pretraining == "daycent"
    text = card(open_saved(tmp_path / "other"), RunFolder(tmp_path / "other").metrics(), "org/x", licence=None,
                dataset=None)  # fmt: skip
    assert "pretrained on `daycent_temporal`" in text
    assert "agroflux-train transfer --from" in text
    assert "--method adversarial" in text


def test_bad_transfers_end_with_one_error(
    toy_release: Path, sources: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    output = tmp_path / "run"
    usual = ["transfer", "--data", toy_release, "--output", output]
    for arguments, said in [
        (["--from", sources["gru"], "--to", "wheat_temporal"], "wheat_temporal"),
        (["--from", tmp_path / "nothing", "--to", "towers_temporal"], "not a model"),
        (["--from", sources["gru"], "--to", "towers_temporal", "--method", "magic"], "none, finetune, adversarial"),
        (["--from", sources["gru"], "--to", "towers_temporal", "--model", "lstm"], "another model"),
        (["--from", sources["gru"], "--to", "towers_temporal", "--layers", "attention"], "no such layers"),
        (["--from", "towers_temporal", "--to", "towers_spatial"], "may have seen"),
        (["--from", "daycent_temporal", "--to", "towers_spatial", "--model", "xgboost"], "unknown model"),
    ]:
        assert here(monkeypatch, *usual, *arguments) == 2
        assert said in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.slow
def test_a_simulation_is_worth_more_than_nothing(tmp_path: Path) -> None:
    """On a fold of towers that no training sees, a fine-tuned network beats one that starts from nothing.

    Both see the same 33 years of towers four times; the mean over targets and three seeds decides. In two worlds it was
    0.18 and 0.58 against -0.05 and 0.04.
    """
    secret = b"the world of this test"
    sources = tuple(Embedded(name, "tiny", 0, secret) for name in ("daycent", "towers"))
    build(Plan(Edition.OPEN, "tiny", 0, secret, sources), tmp_path / "agroflux", workers=1)
    release = Release(tmp_path / "agroflux")
    options = {"hidden_size": 16, "num_layers": 1, "dropout": 0.0}
    source = Run.plan(release, "daycent_temporal", "lstm", inputs="core", targets="NEE,GPP", epochs=12, batch_size=16,
                      learning_rate=1e-2, options=options)  # fmt: skip
    trained(source, release, tmp_path / "source")
    r2 = {}
    for method, chosen in {
        "scratch": {"options": options, "inputs": "core"},
        "finetune": {"transfer": Transfer("finetune", str(tmp_path / "source"))},
    }.items():
        seeds = [
            trained(
                Run.plan(release, "towers_spatial", "lstm", epochs=4, batch_size=8, seed=seed, **chosen),  # type: ignore[arg-type]
                release, tmp_path / f"{method}-{seed}",
            ).tested or {}
            for seed in range(3)
        ]  # fmt: skip
        r2[method] = np.mean([scores["r2"] for tested in seeds for scores in tested.values()])
    assert r2["finetune"] > r2["scratch"] + 0.1, r2
