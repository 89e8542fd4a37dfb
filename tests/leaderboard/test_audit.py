"""Near-duplicates between owners are found, others are not, and nothing but a note comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from leaderboard import likeness
from leaderboard.audit import audit
from leaderboard.intake import Intake
from leaderboard.likeness import likenesses
from leaderboard.store import LocalStore, Result, State
from submission import Metadata, write
from tests.leaderboard.conftest import Command

TASK = "towers_temporal"
Maker = Callable[..., Path]


@pytest.fixture
def flux(release: Release, tmp_path: Path) -> Maker:
    """A file of a model with its own ways: a season that all share, and departures that a seed draws."""

    def make(seed: int, *, noise: float = 0.0, scale: float = 1.0, flat: bool = False, shuffle: bool = False) -> Path:
        keys, chance = release.keys(TASK, "test"), np.random.default_rng(seed)
        season = -8 * np.sin(np.linspace(0, np.pi, 365)) ** 4
        own = chance.normal(size=(len(keys), 1)) * season / 4 + chance.normal(size=(len(keys), 365))
        own = own * (not flat)
        values = {name: scale * (season * sign + own) for name, sign in (("NEE", 1), ("GPP", -1))}
        other = np.random.default_rng(1000 + int(1e4 * noise))
        values = {name: array + noise * array.std() * other.normal(size=array.shape) for name, array in values.items()}
        values["GPP"] = values["GPP"] + 30.0
        order = other.permutation(len(keys)) if shuffle else np.arange(len(keys))
        path = tmp_path / f"{len(list(tmp_path.glob('*.parquet')))}.parquet"
        rows = {"sequence": keys[order]} | {name: array[order] for name, array in values.items()}
        return write(rows, path, Metadata(TASK, release.revision, f"<b>seed {seed}</b>"))

    return make


def sampled(release: Release) -> tuple[np.ndarray, np.ndarray]:
    return np.sort(release.keys(TASK, "test")), np.arange(0, 365, 5)


def test_copies_are_alike_whatever_was_done_to_them_and_models_that_share_the_season_are_not(
    release: Release, flux: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [
        flux(1), flux(2), flux(1, noise=0.05, shuffle=True), flux(1, scale=1.3), flux(3), flux(1),
        flux(9, flat=True), flux(8, flat=True),
    ]  # fmt: skip
    owners = ["ann", "bob", "cid", "dan", "eve", "ann", "fay", "gus"]
    sequences, days = sampled(release)
    found = {}
    for block in (256, 3):
        monkeypatch.setattr(likeness, "_BLOCK", block)
        found[block] = likenesses(files, owners, ["NEE", "GPP"], sequences, days, 0.99)
    assert found[256] == found[3], "in whatever blocks they are compared"
    pairs = {(owners[one.a], owners[one.b]) for one in found[256] if one.target == "NEE"}
    assert {tuple(sorted(pair)) for pair in pairs} == {("ann", "cid"), ("ann", "dan"), ("cid", "dan"), ("fay", "gus")}
    of = {(owners[one.a], owners[one.b], one.target): one for one in found[256]}
    assert of["ann", "dan", "NEE"].correlation == pytest.approx(1.0)
    assert of["ann", "cid", "NEE"].pairs == 2, "both of ann's are the same"
    assert of["ann", "cid", "NEE"].distance > 0.01
    assert (of["fay", "gus", "NEE"].correlation, of["fay", "gus", "NEE"].distance) == (pytest.approx(1.0), 0.0)


def test_a_target_that_a_file_lacks_is_not_compared(release: Release, flux: Maker, make_file) -> None:
    files = [make_file(targets=("GPP",)), make_file(targets=("GPP",), offset=1.0), flux(1)]
    sequences, days = sampled(release)
    found = likenesses(files, ["ann", "bob", "cid"], ["NEE", "GPP"], sequences, days, 0.99)
    assert {one.target for one in found} <= {"GPP"}


def test_an_audit_is_noted_and_changes_nothing(
    store: LocalStore, release: Release, flux: Maker, command: Command
) -> None:
    intake = Intake(store, release)
    ids = [intake.receive(flux(*seed), owner).id for owner, seed in (("ann", (1,)), ("bob", (2,)))]
    ids.append(intake.receive(flux(1, noise=0.02), "cid").id)
    while (lease := store.lease(60)) is not None:
        store.finish(lease, Result(State.SCORED, release.revision, "t", scores={"targets": {}}))
    before = store.entries()
    found = audit(store, release, TASK)
    assert [(pair.a, pair.b) for pair in found.pairs] == [(ids[0], ids[2])] * 2
    assert store.entries() == before
    code, out, _ = command("audit", TASK, "--data", release.path, "--store", store.folder)
    assert (code, "2 alike" in out, "cid: <b>seed 1</b>" in out) == (0, True, True)
    first, second = store.events("audit")
    assert first.data == second.data, "the same store, the same sample, the same answer"
    assert first.data["pairs"][0]["correlation"] == found.pairs[0].correlation
    assert json.dumps(first.data)


def test_a_damaged_file_is_said_to_be_one(store: LocalStore, release: Release, flux: Maker) -> None:
    intake = Intake(store, release)
    for owner, seed in (("ann", 1), ("bob", 2)):
        intake.receive(flux(seed), owner)
    while (lease := store.lease(60)) is not None:
        store.finish(lease, Result(State.SCORED, release.revision, "t", scores={"targets": {}}))
    store.path(store.entries()[0].submission).write_bytes(b"PAR1 no more PAR1")
    with pytest.raises(AgrofluxError, match="cannot be compared"):
        audit(store, release, TASK)
    assert not store.events("audit")
