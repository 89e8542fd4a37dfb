"""A study: its plan is refused with one clear error, its cells are runs, and it goes on where it was stopped."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.evaluation import read_sites
from baselines.run import RunFolder
from baselines.study.cells import cells_of
from baselines.study.plan import Contestant, StudyPlan
from baselines.study.record import StudyFolder
from baselines.study.running import environment_of, run_cell
from tests.baselines.test_command import here
from tests.baselines.test_several import files

PLAN = """\
# Does a simulated world help where little is observed?
models:
  - lstm                                # by name, with the recipe that follows from the rows
  - model: lstm                         # or with options of its architecture and fields of its recipe
    options: {hidden_size: 128}
    epochs: 40
    learning_rate: 1e-3
  - model: lightgbm
    label: Trees
    rounds: 50
  - climatology
  - process:ecosys
tasks: [towers_spatial, ecosys_temporal]
folds: [0, fold_1]                      # or: all
seeds: [0, 1]
methods: [scratch, finetune]
sources: [ecosys_temporal]
transfer: {layers: [head], epochs: 5}
recipes:
  ecosys_temporal: {epochs: 6}
inputs: core
"""
QUICK = """\
models:
  - {model: lightgbm, rounds: 5, samples: 2000}
  - climatology
tasks: [towers_spatial]
inputs: core
folds: [FOLDS]
"""


def read(folder: Path, text: str) -> StudyPlan:
    (folder / "plan.yaml").write_text(text)
    return StudyPlan.read(folder / "plan.yaml")


def test_a_plan_names_what_is_compared(tmp_path: Path) -> None:
    plan = read(tmp_path, PLAN)
    assert [model.label for model in plan.models] == [
        "LSTM", "LSTM (hidden 128)", "Trees", "Climatology", "Process model (ecosys)",
    ]  # fmt: skip
    assert plan.models[1] == Contestant(
        "lstm", "LSTM (hidden 128)", {"hidden_size": 128}, {"epochs": 40, "learning_rate": 0.001}
    )
    assert plan.folds == ("fold_0", "fold_1")
    assert plan.transfer == {"layers": ("head",), "epochs": 5}
    assert read(tmp_path, PLAN.replace("[0, fold_1]", "all")).folds is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("models:", "modells:", r"unknown key.*models.*'modells' \(in .*plan.yaml, line 2, modells\)"),
        ("- lstm  ", "- gpt  ", r"unknown model.*'gpt' .*line 3, models\[0\]"),
        ("hidden_size", "hidden", r"unknown key.*hidden_size.*line 5, models\[1\].options.hidden"),
        ("    epochs: 40", "    epochs: ten", r"bad epochs: expected a whole number.*line 6, models\[1\].epochs"),
        ("    epochs: 40", "    rounds: 40", r"unknown key.*line 6, models\[1\].rounds"),
        ("label: Trees", "label: LSTM", r"two models of one name.*line 8"),
        ("- climatology", "- {model: climatology, epochs: 3}", r"unknown key.*no more keys.*line 11"),
        ("ecosys_temporal]\nfolds", "wheat]\nfolds", r"unknown tasks.*'wheat'.*line 13, tasks\[1\]"),
        ("[0, fold_1]", "[first]", r"not a fold.*line 14"),
        ("seeds: [0, 1]", "seeds: [0, 0]", r"stands there twice.*line 15, seeds\[1\]"),
        ("seeds: [0, 1]", "seeds: []", r"an empty list.*line 15"),
        ("seeds: [0, 1]", "seeds: [-1]", r"not a whole number.*line 15"),
        ("[scratch, finetune]", "[scratch, distil]", r"unknown methods.*'distil'.*line 16"),
        ("[scratch, finetune]", "[finetune]", r"lightgbm cannot be transferred.*line 8, models\[2\]"),
        ("sources: [ecosys_temporal]\n", "", r"transfer from where.*line 16"),
        ("methods: [scratch, finetune]\n", "", r"sources that nothing transfers from.*line 16"),
        ("layers: [head]", "warm_up: 2", r"bad warm-up.*line 18, transfer.warm_up"),
        ("{epochs: 6}", "{epoch: 6}", r"unknown key.*line 20, recipes.ecosys_temporal.epoch"),
        ("inputs: core", "inputs: core\ninputs: all", r"a key that stands there twice.*line 22"),
        ("inputs: core", "targets: [carbon, sugar]", r"unknown targets.*'sugar'.*line 21, targets\[1\]"),
        ("seeds: [0, 1]", "seeds: [0, 1", r"not YAML.*line 1[56]"),
    ],
)
def test_what_is_wrong_with_a_plan_is_said_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in PLAN
    with pytest.raises(AgrofluxError, match=said):
        read(tmp_path, PLAN.replace(old, new, 1))


def test_cells_are_named_and_pretrained_networks_are_shared(toy_open_release: Path, tmp_path: Path) -> None:
    release = Release(toy_open_release)
    cells = cells_of(read(tmp_path, PLAN), release)
    names = [cell.name for cell in cells]
    assert len(names) == len(set(names))
    # Of each seed: on towers 2 folds of 3 learned models and of 2 transferred ones, on simulations 3 models.
    assert len(names) == 2 * (2 * 3 + 2 * 2 + 3) + 2 * 2 + 2
    by_name = {cell.name: cell for cell in cells}
    one = by_name["towers_spatial/lstm-hidden-128/finetune-ecosys_temporal/fold_1/seed-1"]
    assert one.pretrained == "ecosys_temporal/lstm-hidden-128/scratch/seed-1"
    assert (one.recipe["epochs"], by_name[one.pretrained].recipe["epochs"]) == (5, 6)
    assert one.recipe["learning_rate"] == 0.001
    assert by_name["towers_spatial/climatology/fold_0"].seed is None
    for number, cell in enumerate(cells):
        assert cell.pretrained is None or names.index(cell.pretrained) < number
        if cell.learned and cell.pretrained is None:
            run = cell.plan(release, tmp_path)
            assert (run.left_out, run.recipe.seed) == (cell.fold, cell.seed)
    alone = cells_of(replace(read(tmp_path, PLAN), source_seed=7), release)
    assert {cell.pretrained for cell in alone if cell.pretrained} == {
        f"ecosys_temporal/{name}/scratch/seed-7" for name in ("lstm", "lstm-hidden-128")
    }


def test_what_a_release_lacks_is_said_before_the_work(
    toy_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for old, new, said in (
        ("fold_1]", "fold_4]", "towers_spatial has no such fold"),  # hidden in the sealed edition
        ("inputs: core", "targets: nitrogen", "towers_spatial has no nitrogen target"),
    ):
        (tmp_path / "plan.yaml").write_text(PLAN.replace(old, new))
        assert (
            here(monkeypatch, "study", tmp_path / "plan.yaml", "--data", toy_release, "--output", tmp_path / "s") == 2
        )
        assert said in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_processes_share_gpus_in_turn_and_cores_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [environment_of(number, 1, ["2", "5"]) for number in range(3)] == [
        {"CUDA_VISIBLE_DEVICES": device} for device in ("2", "5", "2")
    ]  # fmt: skip
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert environment_of(0, 4, []) == {"OMP_NUM_THREADS": "4"}
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert environment_of(0, 4, []) == {}, "who says how many is not gainsaid"


def test_a_failed_cell_stops_no_other_and_what_is_finished_is_left(
    toy_open_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    release, folder, plan = Release(toy_open_release), tmp_path / "study", tmp_path / "plan.yaml"
    cells = cells_of(read(tmp_path, QUICK.replace("FOLDS", "0")), release)
    StudyFolder.claim(folder, cells, release, resume=False)
    for cell in cells:
        run_cell(cell, folder, release)
    learned, usual = (
        folder / "towers_spatial/lightgbm/scratch/fold_0/seed-0",
        folder / "towers_spatial/climatology/fold_0",
    )
    assert RunFolder(learned).metrics()["tested"]["GPP"]["n"] > 0
    assert abs(RunFolder(usual).metrics()["tested"]["GPP"]["skill"]) < 1e-9
    assert {one.target for one in read_sites(usual)} == {"NEE", "GPP"}

    before = files(folder)
    plan.write_text(QUICK.replace("FOLDS", "0, 1, 2"))
    spoiled = folder / "towers_spatial/lightgbm/scratch/fold_1/seed-0"
    spoiled.mkdir(parents=True)
    (spoiled / "something").touch()
    command = ["study", plan, "--data", toy_open_release, "--output", folder, "--workers", "1"]
    assert here(monkeypatch, *command, "--dry-run") == 0
    listed = capsys.readouterr().out.splitlines()
    assert "towers_spatial/lightgbm/scratch/fold_0/seed-0  finished" in listed
    assert "towers_spatial/lightgbm/scratch/fold_2/seed-0  to do" in listed
    assert here(monkeypatch, *command) == 2, "a study lives there"
    capsys.readouterr()
    assert here(monkeypatch, *command, "--resume") == 1
    said = capsys.readouterr().err
    assert "failed: towers_spatial/lightgbm/scratch/fold_1/seed-0: not a run" in said
    assert "5 of 6 cells are finished, 2 were before" in said
    assert (folder / "towers_spatial/lightgbm/scratch/fold_2/seed-0/metrics.json").is_file()
    after = files(folder)
    assert all(after[path] == when for path, when in before.items() if path.name != "study.json")
    record = StudyFolder.read(folder)
    assert [name for name, done in record.done.items() if done.error] == [
        "towers_spatial/lightgbm/scratch/fold_1/seed-0"
    ]

    plan.write_text(QUICK.replace("FOLDS", "0").replace("rounds: 5", "rounds: 6"))
    assert here(monkeypatch, *command, "--resume") == 2
    assert "another cell lives there" in capsys.readouterr().err


@pytest.mark.slow
def test_a_study_of_transfer_becomes_tables(
    toy_open_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, folder = tmp_path / "plan.yaml", tmp_path / "study"
    plan.write_text(
        "models: [{model: lstm, label: LSTM, options: {hidden_size: 8}, epochs: 2}]\ntasks: [towers_spatial]\n"
        "folds: [0, 1]\nmethods: [scratch, none, finetune, adversarial]\nsources: [ecosys_temporal]\n"
    )
    command = ["study", plan, "--data", toy_open_release, "--output", folder, "--workers", "2"]
    assert here(monkeypatch, *command) == 0
    assert here(monkeypatch, "table", folder, "--paper", "--output", tmp_path / "tables") == 0
    with (tmp_path / "tables" / "tables.csv").open() as file:
        found = {(line["table"], line["row"], line["column"]): float(line["mean"]) for line in csv.DictReader(file)}
    runs = [f"towers_spatial/lstm/finetune-ecosys_temporal/fold_{fold}/seed-0" for fold in range(2)]
    by_fold = [RunFolder(folder / name).metrics()["tested"]["GPP"]["r2"] for name in runs]
    assert found["III", "LSTM", "Ecosys / spatial / GPP"] == pytest.approx(sum(by_fold) / 2, rel=1e-5)
    assert {table for table, _, _ in found} == {
        "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "XI", "XIII", "XV", "methods"
    }  # fmt: skip
    (folder / "ecosys_temporal/lstm/scratch/seed-0/model.safetensors").unlink()
    moved = RunFolder(folder / runs[0]).path / "metrics.json"
    moved.unlink()
    assert here(monkeypatch, *command, "--resume") == 1, "what it starts from is damaged"
    assert StudyFolder.read(folder).done[runs[0]].error


@pytest.mark.slow
def test_a_killed_study_leaves_no_process_and_goes_on(toy_open_release: Path, tmp_path: Path) -> None:
    plan, folder = tmp_path / "plan.yaml", tmp_path / "study"
    plan.write_text(QUICK.replace("FOLDS", "0, 1, 2").replace("rounds: 5", "rounds: 300"))
    command = [sys.executable, "-m", "baselines.cli", "study", str(plan), "--data", str(toy_open_release), "--output",
               str(folder), "--workers", "2"]  # fmt: skip
    for stop, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        resume = ["--resume"] if folder.exists() else []
        known = len(list(folder.rglob("metrics.json")))
        process = subprocess.Popen([*command, *resume], stderr=subprocess.PIPE, text=True, start_new_session=True)
        patience = time.monotonic() + 120
        while len(list(folder.rglob("metrics.json"))) <= known and time.monotonic() < patience:
            time.sleep(0.01)
        os.killpg(process.pid, stop) if stop == signal.SIGINT else process.send_signal(stop)
        _, said = process.communicate(timeout=120)  # until no process has the pipe any more
        assert process.returncode == code, said
    assert "--resume goes on" in said
    assert "Traceback" not in said
    ended = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr
    cells = json.loads((folder / "study.json").read_text())["cells"]
    assert len(cells) == len(list(folder.rglob("metrics.json"))) == 6


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "study").glob("*.yaml")), ids=lambda path: path.stem
)
def test_the_plans_that_are_shipped_are_plans(path: Path) -> None:
    plan = StudyPlan.read(path)
    assert plan.data == Path("study/agroflux")
    assert plan.models
    assert plan.tasks
