"""Domain-adversarial training: the reversed gradient, what the discriminator can and cannot tell, and going on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.progress import Progress
from torch import Tensor
from transformers import TrainingArguments, set_seed

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.release import Release
from baselines.feed import Feed
from baselines.models.lstm import LstmConfig, LstmModel
from baselines.run import Run, RunFolder
from baselines.scalers import config_for
from baselines.trainer import last_checkpoint
from baselines.training import train
from baselines.transfer.adversarial import AdversarialTrainer, DomainAdversarial, DomainFeed, reverse, strength_at
from baselines.transfer.plan import Transfer
from tests.baselines.test_transfer import saved

INPUTS = ("TMAX", "PREC", "PLANTT")


@pytest.fixture(scope="module")
def towers(toy_release: Path) -> Arrays:
    return Arrays.read(Columns.of(Release(toy_release), "towers_temporal", "train", INPUTS, ("GPP", "NEE")))


def both(rows: Arrays, places: tuple[int, ...] = (0, 1), targets: int = 2) -> DomainAdversarial:
    set_seed(0)
    return DomainAdversarial(
        LstmModel(config_for(LstmConfig, rows.columns, hidden_size=8, num_layers=1, dropout=0.0)), targets, places
    )


def test_the_gradient_comes_back_reversed() -> None:
    values = torch.tensor([1.0, -2.0], requires_grad=True)
    turned = reverse(values, torch.tensor(0.3))
    assert torch.equal(turned, values)
    (turned * torch.tensor([10.0, 20.0])).sum().backward()
    torch.testing.assert_close(values.grad, torch.tensor([-3.0, -6.0]))


def test_its_strength_rises_from_nothing_to_the_most() -> None:
    assert strength_at(0.0, 5.0) == 0
    strengths = [strength_at(step / 10) for step in range(11)]
    assert strengths == sorted(strengths)
    assert strengths[5] == pytest.approx(2 / (1 + math.exp(-5)) - 1)
    assert 5 * strengths[10] == strength_at(1.0, 5.0) == pytest.approx(5, rel=1e-3)


def test_the_discriminator_learns_and_the_encoder_unlearns(towers: Arrays) -> None:
    """Their gradients of one loss, the discriminator's, point opposite ways."""
    batch = towers[:4]
    inputs, nothing = torch.from_numpy(batch.inputs.copy()), torch.full((4, 365, 2), math.nan)
    gradients = {}
    for strength in (0.5, 1.0):
        network = both(towers)
        network.strength.fill_(strength)
        output = network(inputs, nothing, source={"inputs": inputs + 1, "labels": nothing})
        output.loss.backward()
        torch.testing.assert_close(output.loss, output.terms["domain"])
        gradients[strength] = (network.model.lstm.weight_ih_l0.grad, network.discriminator[0].weight.grad)
        with torch.no_grad():  # a step down this gradient of the encoder makes the discriminator worse
            before = output.terms["domain"].item()
            network.model.lstm.weight_ih_l0 -= 0.01 * gradients[strength][0] / gradients[strength][0].norm()
            after = network(inputs, nothing, source={"inputs": inputs + 1, "labels": nothing})
            assert after.terms["domain"].item() > before
    torch.testing.assert_close(gradients[1.0][0], 2 * gradients[0.5][0])
    torch.testing.assert_close(gradients[1.0][1], gradients[0.5][1])


def test_days_of_padding_are_left_out(towers: Arrays) -> None:
    network = both(towers).eval()
    batch = towers[:4]
    inputs, labels = torch.from_numpy(batch.inputs.copy()), torch.from_numpy(batch.labels.copy())
    short = network(inputs[:, :200], labels[:, :200], source={"inputs": inputs, "labels": labels})
    padding = torch.zeros(4, 365, dtype=torch.bool)
    padding[:, 200:] = True
    whole = network(inputs, labels, padding, source={"inputs": inputs, "labels": labels})
    torch.testing.assert_close(whole.terms, short.terms)
    torch.testing.assert_close(whole.accuracy, short.accuracy)


def test_labels_are_where_their_target_is(towers: Arrays) -> None:
    """The target task has GPP alone, the source task NEE alone: each loss is that of its own column."""
    network = both(towers, places=(1,), targets=1).eval()
    batch = towers[:4]
    inputs, labels = torch.from_numpy(batch.inputs.copy()), torch.from_numpy(batch.labels.copy())
    output = network(inputs, labels[..., :1], source={"inputs": inputs, "labels": labels[..., 1:]})
    gpp, nee = (labels.masked_fill(torch.tensor([one == 1, one == 0]), math.nan) for one in (0, 1))
    torch.testing.assert_close(output.terms["error"], network.model(inputs, gpp).loss)
    torch.testing.assert_close(output.terms["source"], network.model(inputs, nee).loss)
    assert output.predictions.shape == (4, 365, 1)


def trained(network: DomainAdversarial, target: Arrays, source: Arrays, weight: float, folder: Path) -> dict[str, Any]:
    """The log of the last of several epochs."""
    arguments = TrainingArguments(
        output_dir=str(folder), report_to="none", disable_tqdm=True, save_strategy="no", use_cpu=True,
        dataloader_pin_memory=False, num_train_epochs=6, per_device_train_batch_size=8, learning_rate=1e-2,
        logging_strategy="epoch",
    )  # fmt: skip
    trainer = AdversarialTrainer(network, arguments, target, source_dataset=source, domain_weight=weight)
    trainer.train()
    return [entry for entry in trainer.state.log_history if "domain_accuracy" in entry][-1]


def test_equal_domains_cannot_be_told_apart_and_others_can(towers: Arrays, tmp_path: Path) -> None:
    same = trained(both(towers), towers, towers, 1.0, tmp_path)
    assert same["domain_accuracy"] == pytest.approx(0.5, abs=0.1)
    assert same["loss_domain"] == pytest.approx(math.log(2), abs=0.05)
    assert same["domain_strength"] > 0.9
    hot = towers.inputs.copy()
    hot[:, 0] += 60
    other = trained(both(towers), towers, Arrays(towers.columns, hot, towers.labels, towers.sequence), 0.0, tmp_path)
    assert other["domain_accuracy"] > 0.9
    assert other["loss_domain"] < 0.5
    assert other["loss"] == pytest.approx(other["loss_error"] + other["loss_source"] + other["loss_domain"], rel=1e-3)


def test_what_lies_beside_what_depends_on_seed_and_epoch_alone(toy_release: Path, towers: Arrays) -> None:
    source = Columns.of(Release(toy_release), "mesocosm_temporal", "train+validation", INPUTS, ())
    rows = Arrays.read(source)

    def epoch(feed: DomainFeed, number: int) -> list[Tensor]:
        feed.set_epoch(number)
        return [batch["source"]["inputs"] for batch in feed]

    def feed(beside: Arrays | Columns) -> DomainFeed:
        return DomainFeed(Feed(towers, batch_size=8, seed=3), Feed(beside, batch_size=8, seed=3))

    straight = feed(rows)
    first, second = epoch(straight, 0), epoch(straight, 1)
    assert len(first) == len(straight) == len(second)
    assert {batch[0, 0, 0].item() for batch in first} != {batch[0, 0, 0].item() for batch in second}
    for beside in (rows, source):
        for one, other in zip(second, epoch(feed(beside), 1), strict=True):
            assert torch.equal(one, other)


class Stopped(Progress):
    """Stops a training once there is something to go on from."""

    def __init__(self, folder: RunFolder):
        super().__init__(disable=True)
        self.folder = folder

    def update(self, *args: Any, **kwargs: Any) -> None:
        if last_checkpoint(self.folder.checkpoints) is not None:
            raise KeyboardInterrupt
        super().update(*args, **kwargs)


def test_a_stopped_training_goes_on_to_the_same_weights(toy_release: Path, tmp_path: Path) -> None:
    release = Release(toy_release)
    source = saved(release, "lstm", tmp_path / "source")
    run = Run.plan(release, "mesocosm_temporal", "lstm", transfer=Transfer("adversarial", source), epochs=3,
                   batch_size=4, seed=2)  # fmt: skip
    stopped, straight = RunFolder(tmp_path / "stopped"), RunFolder(tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt), Stopped(stopped) as bar:
        train(run, release, stopped, bar)
    assert not stopped.finished
    kept = last_checkpoint(stopped.checkpoints)
    assert kept is not None
    assert stopped.claim(run, resume=True)
    with Progress(disable=True) as bar:
        train(run, release, stopped, bar)
        train(run, release, straight, bar)
    first, second = ((folder.path / "model.safetensors").read_bytes() for folder in (stopped, straight))
    assert first == second
    logs = [json.loads((folder.path / "log.json").read_text()) for folder in (stopped, straight)]
    for key in ("loss_domain", "domain_accuracy", "domain_strength", "loss_source"):
        values = [[entry[key] for entry in log if key in entry] for log in logs]
        assert len(values[0]) == 3
        np.testing.assert_allclose(*values)
    config = json.loads((stopped.path / "config.json").read_text())
    assert config["targets"] == ["N2O"], "NEE and GPP were learned from the source alone"
    assert b"discriminator" not in first
