"""What moves in fine-tuning is what was asked for, at the rate that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.progress import Progress
from safetensors.torch import load_file

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.run import Run, RunFolder
from baselines.training import train
from baselines.transfer.fine_tuning import learning_rates, moving
from baselines.transfer.matching import pretrained
from baselines.transfer.plan import Transfer
from tests.baselines.test_transfer import saved


@pytest.mark.parametrize(
    ("model", "layers", "moves", "stays"),
    [
        ("lstm", "head", "head.weight", "lstm.weight_ih_l1"),
        ("lstm", "last", "lstm.weight_hh_l1", "lstm.weight_ih_l0"),
        ("lstm", "lstm.*_l0", "lstm.bias_hh_l0", "lstm.bias_hh_l1"),
        ("gru", "last", "gru.weight_hh_l1", "gru.weight_ih_l0"),
        ("tcn", "last", "blocks.1.second.bias", "blocks.0.first.bias"),
        ("tcn", "blocks.0", "blocks.0.first.bias", "blocks.1.first.bias"),
        ("transformer", "last", "layers.1.attention.into.weight", "embedding.weight"),
        ("itransformer", "last", "projection.weight", "layers.0.attention.into.weight"),
        ("pyraformer", "layers.1,embedding", "embedding.weight", "construction.up.weight"),
        ("ea-lstm", "last", "from_state.weight", None),
        ("linear", "all", "head.weight", None),
    ],
)  # fmt: skip
def test_layers_are_chosen_by_name(
    toy_release: Path, tmp_path: Path, model: str, layers: str, moves: str, stays: str | None
) -> None:
    network = pretrained(saved(Release(toy_release), model, tmp_path))
    names = {name for name, _ in network.named_parameters()}
    assert {moves, stays} <= names | {None}
    found = set(moving(network, layers.split(",")))
    assert {"head.weight", "head.bias", moves} <= found <= names
    assert stays not in found
    assert (found == names) == (stays is None)


def test_a_pattern_of_nothing_is_refused(toy_release: Path, tmp_path: Path) -> None:
    network = pretrained(saved(Release(toy_release), "lstm", tmp_path))
    with pytest.raises(AgrofluxError, match=r"patterns of head, lstm.*attention"):
        moving(network, ("head", "attention"))
    rates = learning_rates(network, Transfer("finetune", "", encoder_learning_rate=1e-4), 1e-2)
    assert (rates["head.bias"], rates["lstm.bias_ih_l0"]) == (1e-2, 1e-4)


def test_what_is_held_stays_and_what_moves_slowly_moves_less(toy_release: Path, tmp_path: Path) -> None:
    release = Release(toy_release)
    source = saved(release, "lstm", tmp_path / "source", targets=("NEE", "GPP"))
    before = load_file(tmp_path / "source" / "model.safetensors")
    for name, choice in {
        "head": {"layers": ("head",)},
        "slow": {"encoder_learning_rate": 1e-5},
        "fast": {"encoder_learning_rate": 1e-2},
    }.items():
        run = Run.plan(release, "towers_temporal", "lstm", epochs=1, batch_size=16,
                       transfer=Transfer("finetune", source, **choice))  # type: ignore[arg-type]  # fmt: skip
        with Progress(disable=True) as bar:
            outcome = train(run, release, RunFolder(tmp_path / name), bar)
    assert outcome.parameters == sum(
        value.numel() for name, value in before.items() if not name.endswith(("mean", "sd"))
    )

    def moved(name: str, layer: str = "lstm.weight_hh_l0") -> float:
        return float((load_file(tmp_path / name / "model.safetensors")[layer] - before[layer]).abs().max())

    assert moved("head") == 0
    assert 0 < moved("slow") < 1e-3 < moved("fast")
    assert moved("head", "head.weight") > 0
