"""Training: gradients that do not depend on how a batch is cut, learning, and resuming after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.progress import Progress
from safetensors.torch import load_file
from torch import Tensor
from transformers import TrainingArguments, set_seed

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.variables import GROUPS
from baselines.models.lstm import LstmConfig, LstmModel
from baselines.recipe import Recipe, TreeRecipe
from baselines.run import Run, RunFolder, choose_splits, choose_targets
from baselines.scalers import config_for
from baselines.trainer import FluxTrainer, last_checkpoint, reference_errors
from baselines.training import train
from submission.climatology import Climatology
from submission.metrics import r2

INPUTS = ("TMAX", "TMIN", "PREC", "PLANTT", "RADN")


def arguments(folder: Path, **more: object) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder), report_to="none", disable_tqdm=True, save_strategy="no", use_cpu=True,
        dataloader_pin_memory=False, **more,
    )  # type: ignore[arg-type]  # fmt: skip


def rows_with_gaps(release: Path, rows: int) -> Arrays:
    """Tower rows, each with gaps of its own size: then a mean of means is not the mean."""
    arrays = Arrays.read(Columns.of(Release(release), "towers_temporal", "train+validation", INPUTS, ("NEE", "GPP")))
    draws = np.random.default_rng(0)
    labels = arrays.labels[:rows].copy()
    labels[draws.random(labels.shape) < draws.random((rows, 1, 1))] = np.nan
    return Arrays(arrays.columns, arrays.inputs[:rows], labels, arrays.sequence[:rows])


def untrained(arrays: Arrays) -> LstmModel:
    set_seed(0)
    columns = replace(arrays.columns, splits=("train",))
    return LstmModel(config_for(LstmConfig, columns, hidden_size=8, num_layers=1, dropout=0.0))


def one_step(arrays: Arrays, folder: Path, batch: int, accumulation: int) -> dict[str, Tensor]:
    """The weights after one step of plain gradient descent."""
    model = untrained(arrays)
    trainer = FluxTrainer(
        model,
        arguments(folder, per_device_train_batch_size=batch, gradient_accumulation_steps=accumulation, max_steps=1,
                  optim="sgd", learning_rate=0.1, lr_scheduler_type="constant", max_grad_norm=0.0),
        arrays,
    )  # fmt: skip
    trainer.train()
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_accumulation_gives_the_gradients_of_the_whole_batch(toy_release: Path, tmp_path: Path) -> None:
    arrays = rows_with_gaps(toy_release, 32)
    assert len(arrays) == 32
    whole = one_step(arrays, tmp_path, 32, 1)
    parts = one_step(arrays, tmp_path, 8, 4)
    start = untrained(arrays).state_dict()
    moved = max(float((whole[name] - start[name]).abs().max()) for name in whole)
    apart = max(float((whole[name] - parts[name]).abs().max()) for name in whole)
    assert moved > 1e-3
    assert apart < 1e-5 * moved


def test_two_processes_give_the_gradients_of_one(toy_release: Path, tmp_path: Path) -> None:
    """torchrun with two CPU processes, 16 rows in each: the weights after a step are those of one with 32."""
    file = tmp_path / "two.safetensors"
    started = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--rdzv-backend=c10d",
         "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1", "-m", "tests.baselines.sgd_step",
         str(toy_release), str(file), "16", "1"],
        capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert started.returncode == 0, started.stderr
    arrays = rows_with_gaps(toy_release, 32)
    one = one_step(arrays, tmp_path, 32, 1)
    two = load_file(file)
    start = untrained(arrays).state_dict()
    moved = max(float((one[name] - start[name]).abs().max()) for name in one)
    apart = max(float((one[name] - two[name]).abs().max()) for name in one)
    assert moved > 1e-3
    assert apart < 1e-5 * moved


def test_parts_of_the_loss_are_logged_by_name(toy_release: Path, tmp_path: Path) -> None:
    columns = Columns.of(Release(toy_release), "ecosys_temporal", "train", INPUTS, ("NEE", "RECO", "GPP"))
    rows = Arrays.read(columns)
    logs = []
    for batch, accumulation in ((8, 1), (2, 4)):
        set_seed(0)
        model = LstmModel(config_for(LstmConfig, columns, hidden_size=8, num_layers=1, dropout=0.0, carbon_closure=0.5))
        trainer = FluxTrainer(
            model,
            arguments(tmp_path, per_device_train_batch_size=batch, gradient_accumulation_steps=accumulation,
                      max_steps=4, logging_steps=2),
            rows,
        )  # fmt: skip
        trainer.train()
        logs.append([entry for entry in trainer.state.log_history if "loss" in entry])
    for whole, parts in zip(*logs, strict=True):
        assert whole["loss_carbon_closure"] > 0
        assert whole["loss"] == pytest.approx(whole["loss_error"] + whole["loss_carbon_closure"], rel=1e-4)
        for name in ("loss", "loss_error", "loss_carbon_closure"):
            assert parts[name] == pytest.approx(whole[name], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "launcher",
    [
        ["torch.distributed.run", "--nproc-per-node=2", "--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0",
         "--local-addr=127.0.0.1"],
        # Its launcher for the CPU takes mpirun; that for GPUs starts processes that are told to leave them alone.
        ["accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1", "--mixed_precision=no",
         "--dynamo_backend=no", "--main_process_port=0"],
    ],
    ids=["torchrun", "accelerate"],
)  # fmt: skip
def test_a_run_of_two_processes_leaves_what_one_leaves(toy_release: Path, tmp_path: Path, launcher: list[str]) -> None:
    """The command under a launcher: one folder, one voice, and metrics that differ by rounding alone."""
    options = ["run", "--task", "ecosys_temporal", "--data", str(toy_release), "--epochs", "2", "--batch-size", "8",
               "--set", "hidden_size=8", "--set", "num_layers=1", "--set", "dropout=0", "--inputs", "core"]  # fmt: skip
    alone = [sys.executable, "-m", "baselines.cli", *options, "--output", str(tmp_path / "one")]
    together = [
        sys.executable, "-m", *launcher, "-m", "baselines.cli", *options, "--output", str(tmp_path / "two")
    ]  # fmt: skip
    environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    for command in (alone, together):
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)
        assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("NEE") == 1, "one of the processes speaks"
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=1e-5)
    metrics = [RunFolder(tmp_path / name).metrics()["metrics"] for name in ("one", "two")]
    for target, scores in metrics[0].items():
        assert metrics[1][target]["r2"] == pytest.approx(scores["r2"], abs=1e-4)
    assert {path.name for path in (tmp_path / "two").iterdir()} == {path.name for path in (tmp_path / "one").iterdir()}


@pytest.mark.parametrize(
    "options",
    [
        {"bf16": True},
        {"streaming": True},
        {"accumulation": 2, "weights": {"NEE": 3.0}},
        pytest.param({"compile": True}, marks=pytest.mark.slow),
    ],
    ids=["bf16", "streaming", "accumulation", "compile"],
)
def test_options_of_the_recipe_train_to_nearly_the_same(
    toy_release: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    release = Release(toy_release)
    sizes = {"hidden_size": 8, "num_layers": 1, "dropout": 0.0}
    chosen = {"epochs": 2, "batch_size": 8, "inputs": "core", "targets": "NEE,GPP", "options": sizes}
    plain = Run.plan(release, "ecosys_temporal", "lstm", **chosen)
    special = Run.plan(release, "ecosys_temporal", "lstm", **chosen, **options)
    assert special != plain
    with Progress(disable=True) as bar:
        usual = train(plain, release, RunFolder(tmp_path / "plain"), bar).metrics["NEE"]["r2"]
        other = train(special, release, RunFolder(tmp_path / "special"), bar).metrics["NEE"]["r2"]
    assert other == pytest.approx(usual, abs=0.1 if "bf16" in options or "weights" in options else 1e-4)
    if "weights" in options:
        assert json.loads((tmp_path / "special" / "config.json").read_text())["target_weights"] == [3.0, 1.0]
        assert other != usual


def test_metrics_are_pooled_over_days(toy_release: Path, tmp_path: Path) -> None:
    arrays = rows_with_gaps(toy_release, 9)
    columns = replace(arrays.columns, splits=("train",))
    model = LstmModel(config_for(LstmConfig, columns, hidden_size=8, num_layers=1))
    trainer = FluxTrainer(model, arguments(tmp_path, per_device_eval_batch_size=2), eval_dataset=arrays,
                          reference={"NEE": 1.0, "GPP": 4.0})  # fmt: skip
    scores = trainer.evaluate()
    with torch.no_grad():
        predictions = model.eval()(torch.from_numpy(arrays[:].inputs)).predictions.numpy()
    for number, name in enumerate(("NEE", "GPP")):
        truth, guess = arrays.labels[:, number], predictions[..., number]
        assert scores[f"eval_{name}_r2"] == pytest.approx(r2(truth, guess), rel=1e-4)
        mse = np.nanmean((truth - guess) ** 2)
        assert scores[f"eval_{name}_skill"] == pytest.approx(1 - mse / (1.0, 4.0)[number], rel=1e-4)
    assert scores["eval_skill"] == pytest.approx((scores["eval_NEE_skill"] + scores["eval_GPP_skill"]) / 2)


def test_the_climatology_has_no_skill_against_itself(toy_release: Path) -> None:
    release = Release(toy_release)
    rows = Arrays.read(Columns.of(release, "ecosys_spatial", "fold_3+fold_0", INPUTS, ("NEE", "GPP")))
    errors = reference_errors(rows, ["fold_1", "fold_2"])
    climatology = Climatology.fit(release, "ecosys_spatial", ["fold_1", "fold_2"])
    known = {
        key: row
        for split in ("fold_0", "fold_3")
        for prediction in [climatology.predict(release, "ecosys_spatial", split)]
        for key, row in zip(prediction["sequence"].tolist(), prediction["GPP"], strict=True)
    }
    guess = np.stack([known[key] for key in rows.sequence.tolist()])
    assert errors["GPP"] == pytest.approx(np.mean((guess - rows.labels[:, 1]) ** 2))


def test_a_tiny_set_is_overfitted(toy_release: Path, tmp_path: Path) -> None:
    columns = Columns.of(Release(toy_release), "ecosys_temporal", "train", INPUTS, ("NEE", "GPP"))
    whole = Arrays.read(columns)
    tiny = Arrays(columns, whole.inputs[:2], whole.labels[:2], whole.sequence[:2])
    set_seed(0)
    model = LstmModel(config_for(LstmConfig, columns, hidden_size=48, num_layers=1, dropout=0.0))
    trainer = FluxTrainer(
        model,
        arguments(tmp_path, max_steps=400, per_device_train_batch_size=2, learning_rate=2e-2, warmup_steps=20,
                  lr_scheduler_type="cosine"),
        tiny,
        tiny,
    )  # fmt: skip
    trainer.train()
    scores = trainer.evaluate()
    assert scores["eval_NEE_r2"] > 0.99
    assert scores["eval_GPP_r2"] > 0.99


def a_run(release: Release, **more: object) -> Run:
    recipe = Recipe(epochs=6, batch_size=8, learning_rate=3e-3, patience=4, seed=3)
    return replace(
        Run("ecosys_temporal", "lstm", release.revision, "embedded", ("train",), ("validation",), None, INPUTS,
            ("NEE",), recipe),
        **more,
    )  # type: ignore[arg-type]  # fmt: skip


def test_a_killed_run_goes_on_to_the_same_weights(toy_release: Path, tmp_path: Path) -> None:
    options = ["--task", "ecosys_temporal", "--data", str(toy_release), "--epochs", "6", "--batch-size", "8",
               "--learning-rate", "3e-3", "--targets", "NEE", "--inputs", "core", "--seed", "3"]  # fmt: skip
    stopped, straight = RunFolder(tmp_path / "stopped"), RunFolder(tmp_path / "straight")
    command = [sys.executable, "-m", "baselines.cli", "run", *options]
    process = subprocess.Popen([*command, "--output", str(stopped.path)], stderr=subprocess.DEVNULL)
    patience = time.monotonic() + 120
    while last_checkpoint(stopped.checkpoints) is None and process.poll() is None and time.monotonic() < patience:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert last_checkpoint(stopped.checkpoints) is not None
    assert not stopped.finished, "the kill came too late"
    run = stopped.read()
    assert run is not None
    # What a kill in the middle of saving leaves: a newer checkpoint without its last file.
    (stopped.checkpoints / "checkpoint-9999").mkdir()

    again = subprocess.run([*command, "--output", str(stopped.path)], capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "--resume" in again.stderr
    release = Release(toy_release)
    with Progress(disable=True) as bar:
        train(run, release, stopped, bar)
        train(run, release, straight, bar)
    first, second = (load_file(folder.path / "model.safetensors") for folder in (stopped, straight))
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name
    assert {path.name for path in stopped.path.iterdir()} == {
        "run.json", "config.json", "model.safetensors", "metrics.json", "log.json", "curves.png",
        "base.py", "dropout.py", "lstm.py",
    }  # fmt: skip
    log = json.loads((straight.path / "log.json").read_text())
    best = max((entry for entry in log if "eval_skill" in entry), key=lambda entry: entry["eval_skill"])
    metrics = json.loads((straight.path / "metrics.json").read_text())
    assert metrics["epoch"] == best["epoch"]
    assert metrics["metrics"]["NEE"]["skill"] == pytest.approx(best["eval_NEE_skill"])


def test_without_validation_the_last_epoch_is_kept(toy_release: Path, tmp_path: Path) -> None:
    release = Release(toy_release)
    recipe = Recipe.for_rows(3, model="lstm", validated=False, epochs=2, batch_size=None, learning_rate=None)
    assert recipe.patience is None
    assert recipe.input_noise > 0, "three rows are learned by heart"
    run = a_run(release, task="mesocosm_temporal", validation=(), targets=("N2O",), recipe=recipe)
    with Progress(disable=True) as bar:
        outcome = train(run, release, RunFolder(tmp_path / "run"), bar)
    assert outcome.epoch == 2
    assert outcome.splits == ("train",)


def test_splits_are_chosen_by_edition_and_scenario(toy_release: Path, toy_open_release: Path) -> None:
    sealed, open_release = Release(toy_release), Release(toy_open_release)
    assert choose_splits(sealed, "towers_temporal") == (("train",), ("validation",), None)
    training, validation, left_out = choose_splits(sealed, "towers_spatial")
    assert (validation, left_out) == (("fold_3",), None)
    assert set(training) == {"fold_0", "fold_1", "fold_2", "always_train"}
    training, validation, left_out = choose_splits(sealed, "ecosys_spatial", "fold_1")
    assert validation == ("fold_1",)
    assert "fold_1" not in training
    training, validation, left_out = choose_splits(open_release, "ecosys_spatial")
    assert (validation, left_out) == (("fold_4",), "fold_0")
    assert set(training) == {"fold_1", "fold_2", "fold_3"}
    with pytest.raises(AgrofluxError, match="fold_9"):
        choose_splits(sealed, "ecosys_spatial", "fold_9")


def test_targets_are_asked_for_by_name_and_by_group(toy_release: Path) -> None:
    release = Release(toy_release)

    def chosen(task: str, asked: str) -> tuple[str, ...]:
        return choose_targets(release, task, ("train",), asked)

    assert chosen("towers_temporal", "ranked") == ("NEE", "GPP")
    assert chosen("towers_temporal", "carbon") == ("GPP", "RECO", "NEE")
    assert chosen("ecosys_temporal", "thermal") == GROUPS["thermal"]
    assert chosen("ecosys_temporal", "carbon,nitrogen,water,thermal") == chosen("ecosys_temporal", "all")
    assert chosen("ecosys_temporal", "N2O, carbon, GPP") == ("N2O", *GROUPS["carbon"]), "each once"
    with pytest.raises(AgrofluxError, match="towers_temporal has no nitrogen target with training data"):
        chosen("towers_temporal", "carbon,nitrogen")


def test_fewer_rows_get_smaller_batches_and_more_epochs() -> None:
    recipes = [Recipe.for_rows(rows, model="lstm", validated=True) for rows in (3, 1_500, 3_000, 100_000)]
    assert [recipe.batch_size for recipe in recipes] == sorted({recipe.batch_size for recipe in recipes})
    assert [recipe.epochs for recipe in recipes] == sorted((recipe.epochs for recipe in recipes), reverse=True)
    assert recipes[-1].batch_size == 256
    assert recipes[-1].learning_rate == 1e-3


def test_the_papers_batches_are_those_of_many_rows() -> None:
    sizes = {name: Recipe.for_rows(30_000, model=name, validated=True).batch_size for name in ("lstm", "itransformer")}
    assert sizes == {"lstm": 256, "itransformer": 10}


def test_a_recipe_refuses_what_it_does_not_have() -> None:
    with pytest.raises(AgrofluxError, match=r"recipe of lstm has no such field.*leaves"):
        Recipe.for_rows(300, model="lstm", validated=True, leaves=7)
    with pytest.raises(AgrofluxError, match=r"recipe of xgboost has no such field.*epochs"):
        TreeRecipe.for_rows(300, model="xgboost", validated=True, epochs=7)
    with pytest.raises(AgrofluxError, match="multiple of accumulation 3"):
        Recipe.for_rows(300, model="lstm", validated=True, batch_size=8, accumulation=3)
