"""A submission's model is run again: what agrees is verified, and what could run a stranger's code is not touched."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi

from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from leaderboard.agreement import differences
from leaderboard.board import Board
from leaderboard.intake import Intake
from leaderboard.store import Entry, LocalStore, Result, State
from leaderboard.verification import hub_model, verify
from submission.file import read, read_metadata, write
from tests.conftest import hub  # noqa: F401 - the whole Hub, not the one route of the others here
from tests.hub import Hub
from tests.leaderboard.conftest import Command, FileMaker

TASK = "towers_temporal"


@pytest.fixture(scope="module")
def model(toy_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model of ours, as it is before training."""
    from baselines.models.lstm import LstmConfig, LstmModel
    from baselines.scalers import config_for

    release, folder = Release(toy_release), tmp_path_factory.mktemp("model") / "lstm"
    task = release.task(TASK)
    columns = Columns.of(release, TASK, ("train",), task.core_inputs, task.ranked_targets)
    LstmModel(config_for(LstmConfig, columns, hidden_size=4)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def predicted(model: Path, toy_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the model predicts, linked to a repository, its rows in another order."""
    from baselines.prediction import write_prediction

    output = tmp_path_factory.mktemp("predicted") / "a.parquet"
    path = write_prediction(model, Release(toy_release), task=TASK, output=output)
    rows = {name: np.ascontiguousarray(values[::-1]) for name, values in read(path).items()}
    links = ("https://arxiv.org/abs/1", "https://huggingface.co/fluxes/lstm")
    return write(rows, path, replace(read_metadata(path), links=links))


def enter(store: LocalStore, release: Release, path: Path, owner: str = "ann") -> str:
    id = Intake(store, release).receive(path, owner).id
    lease = store.lease(60)
    assert lease is not None
    store.finish(lease, Result(State.SCORED, release.revision, "t", scores={"targets": {}}))
    return id


def test_the_model_behind_a_submission_is_taken_from_the_hub_and_run_again(
    store: LocalStore, release: Release, model: Path, predicted: Path, hub: Hub,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    token = hub.account("ada", ("fluxes",))
    monkeypatch.setenv("HF_TOKEN", token)
    api = HfApi(token=token)
    api.create_repo("fluxes/lstm")
    api.upload_folder(repo_id="fluxes/lstm", folder_path=model)
    for name in ("pytorch_model.bin", "modeling_evil.py", "sub/model.safetensors"):
        api.upload_file(repo_id="fluxes/lstm", path_or_fileobj=b"nothing good", path_in_repo=name)
    id = enter(store, release, predicted)
    found = verify(store, release, id)
    assert found.agrees
    assert set(found.differences) == {"NEE", "GPP"}
    assert all(value is not None and value < 1e-5 for value in found.differences.values())
    assert found.model == f"fluxes/lstm@{hub.repository('fluxes/lstm', 'model').head.oid}"
    taken = {Path(request.path).name for request in hub.sent("GET", "/resolve/")}
    assert taken <= {"config.json", "model.safetensors"}
    board = Board(store, release)
    assert board.verified(id)
    assert [row.verified for row in board.rows(TASK)] == [True]
    (event,) = store.events("verification", id)
    assert (event.data["agrees"], event.data["model"]) == (True, found.model)


@pytest.mark.slow
def test_another_model_is_found_out_and_takes_the_badge(
    store: LocalStore, release: Release, model: Path, predicted: Path, make_file: FileMaker, command: Command
) -> None:
    id = enter(store, release, make_file())
    store.record("verification", {"agrees": True}, id)
    assert Board(store, release).verified(id)
    home = ("--data", release.path, "--store", store.folder)
    code, out, _ = command("verify", id, "--model", model, *home)
    assert (code, "not verified" in out) == (1, True)
    assert not Board(store, release).verified(id)


def test_pickles_and_other_architectures_are_never_loaded(
    store: LocalStore, release: Release, make_file: FileMaker, tmp_path: Path
) -> None:
    id, hit = enter(store, release, make_file()), tmp_path / "hit"

    class Evil:
        def __reduce__(self):
            return (Path.touch, (hit,))

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
    (folder / "config.json").write_text('{"model_type": "agroflux-lstm"}')
    with pytest.raises(AgrofluxError, match="pickles are never opened"):
        verify(store, release, id, model=str(folder))
    (folder / "model.safetensors").write_bytes(b"")
    for config, said in (
        ('{"model_type": "bert"}', "none of our architectures"),
        ("[]", "unreadable config"),
    ):
        (folder / "config.json").write_text(config)
        with pytest.raises(AgrofluxError, match=said):
            verify(store, release, id, model=str(folder))
    assert not hit.exists()
    assert not store.events("verification")


@pytest.mark.slow
def test_code_that_comes_with_a_model_is_not_run(
    store: LocalStore, release: Release, make_file: FileMaker, model: Path, tmp_path: Path
) -> None:
    id, hit, folder = enter(store, release, make_file()), tmp_path / "hit", tmp_path / "model"
    shutil.copytree(model, folder)
    config = json.loads((folder / "config.json").read_text()) | {"auto_map": {"AutoModel": "evil.Evil"}}
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "agroflux-unheard-of"}))
    (folder / "evil.py").write_text(f"open({str(hit)!r}, 'w')")
    with pytest.raises(AgrofluxError, match="does not run here"):
        verify(store, release, id, model=str(folder))
    (folder / "config.json").write_text(json.dumps(config))
    assert not verify(store, release, id, model=str(folder)).agrees
    assert not hit.exists()


def test_what_cannot_be_verified_is_said(store: LocalStore, release: Release, make_file: FileMaker) -> None:
    id = enter(store, release, make_file())
    for which, model, said in (
        ("nothing", None, "a scored submission"), (id, None, "name no model on the Hub"), (id, "a/b", "no such model")
    ):  # fmt: skip
        with pytest.raises(AgrofluxError, match=said):
            verify(store, release, which, model=model)


@pytest.mark.parametrize(
    ("link", "named"),
    [
        ("https://huggingface.co/a/b", "a/b"),
        ("https://huggingface.co/a/b.c-d/tree/main?x=1#y", "a/b.c-d"),
        ("https://hf.co/a/b/", "a/b"),
        ("https://huggingface.co/datasets/a/b", None),
        ("https://huggingface.co/spaces/a/b", None),
        ("https://huggingface.co/a", None),
        ("https://example.org/huggingface.co/a/b", None),
        ("https://huggingface.co.example.org/a/b", None),
        ("https://huggingface.co/../../b", None),
    ],
)
def test_a_link_names_a_model_or_it_does_not(store: LocalStore, release: Release, make_file, link, named) -> None:
    id = Intake(store, release).receive(make_file(), "ann").id
    entry = store.entry(id)
    assert entry is not None
    assert hub_model(Entry(entry.submission, entry.state, edited={"links": [link]})) == named


def test_differences_are_told_by_key_and_by_the_spread(release: Release, make_file: FileMaker, tmp_path: Path) -> None:
    keys, chance = release.keys(TASK, "test"), np.random.default_rng(0)
    metadata = read_metadata(make_file())
    values = chance.normal(size=(len(keys), 365))
    first = write({"sequence": keys, "NEE": values, "GPP": values + 9}, tmp_path / "1.parquet", metadata)
    again = {"sequence": keys[::-1], "NEE": values[::-1] + 0.5, "RECO": values}
    second = write(again, tmp_path / "2.parquet", metadata)
    found = differences(first, second)
    assert found == {"NEE": pytest.approx(0.5, rel=0.02), "GPP": float("inf")}
    assert differences(first, first) == {"NEE": 0.0, "GPP": 0.0}
    quantiles = {"NEE_q05": values - 1, "NEE_q95": values + 1}
    sure = write({"sequence": keys, "NEE": values} | quantiles, tmp_path / "4.parquet", metadata)
    other = write({"sequence": keys, "NEE": values} | quantiles | {"NEE_q95": values + 1.2}, tmp_path / "5.parquet",
                  metadata)  # fmt: skip
    assert differences(sure, other) == {"NEE": 0, "NEE_q05": 0, "NEE_q95": pytest.approx(0.2, rel=0.02)}
    assert differences(sure, second)["NEE_q05"] == float("inf"), "a model that says nothing of its quantiles"
    fewer = write({"sequence": keys[1:], "NEE": values[1:]}, tmp_path / "3.parquet", metadata)
    with pytest.raises(AgrofluxError, match="other sequences"):
        differences(first, fewer)
