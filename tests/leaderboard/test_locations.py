"""A release and its targets on the Hub, brought to a private folder and used from there."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

from agroflux_data.build import build
from agroflux_data.errors import AgrofluxError
from agroflux_data.hub import Home, push
from agroflux_data.plan import Plan
from agroflux_data.release import Release, Targets
from agroflux_data.splits import Edition
from leaderboard import locations
from leaderboard.locations import Address
from tests.conftest import TOY_SECRET, hub  # noqa: F401 - the whole Hub, not the one route of the others here
from tests.hub import Hub
from tests.toy import ToySource


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> Release:
    source = ToySource("towers", 11, secret=TOY_SECRET)
    plan = Plan(Edition.SEALED, None, 0, TOY_SECRET, (source,))
    return build(plan, tmp_path_factory.mktemp("towers") / "agroflux", workers=1)


@pytest.fixture
def published(
    towers: Release,
    hub: Hub,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Hub:
    """A Hub with a release and its targets, and a token in the environment as on a Space."""
    token = hub.account("ada", ("fluxes",))
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "cache"))
    api = HfApi(token=token)
    push(towers, Home("fluxes/agroflux", api),
         targets=(Targets.of(towers), Home("fluxes/agroflux-targets", api)))  # fmt: skip
    return hub


def test_an_address_is_a_repository_perhaps_at_a_revision() -> None:
    assert Address.from_text("hf://datasets/a/b@v1.0.0") == Address("a/b", "v1.0.0")
    assert Address.from_text("a/b") == Address("a/b")
    assert str(Address("a/b")) == "hf://datasets/a/b"
    for text in ("hf://models/a/b", "hf://datasets/a", "hf://datasets/a/b/c", "a/b@", "agroflux", "a/b @c"):
        with pytest.raises(AgrofluxError, match="not an address"):
            Address.from_text(text)


def test_release_and_targets_come_from_the_hub_into_a_private_folder(published: Hub, towers: Release) -> None:
    place = "hf://datasets/fluxes/agroflux"
    release = locations.release(place)
    hidden = locations.hidden_targets(release, place, None)
    assert (release.revision, hidden.revision) == (towers.revision, towers.revision)
    for shard in hidden.shards:
        assert (hidden.path / shard.file).read_bytes() == (Targets.of(towers).path / shard.file).read_bytes()
    cache = Path(constants.HF_HOME) / "agroflux"
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert hidden.path.is_relative_to(cache)
    # At the tag of the version, though the repository moved on.
    published.repository("fluxes/agroflux-targets").commit("main", "later", {"provenance.json": b"{}"})
    assert locations.hidden_targets(release, place, None).path == hidden.path


def test_a_commit_that_is_there_needs_no_connection(published: Hub, towers: Release) -> None:
    commit = published.repository("fluxes/agroflux-targets").head.oid
    place = f"hf://datasets/fluxes/agroflux-targets@{commit}"
    first = locations.hidden_targets(towers, towers.path, place)
    asked = len(published.requests)
    published.fault = lambda request: 503
    assert locations.hidden_targets(towers, towers.path, place).path == first.path
    assert len(published.requests) == asked


def test_public_targets_and_other_peoples_are_refused(
    published: Hub, towers: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = "hf://datasets/fluxes/agroflux-targets"
    with monkeypatch.context() as patch:
        patch.setenv("HF_TOKEN", published.account("eve"))
        with pytest.raises(AgrofluxError, match="no such repository"):
            locations.hidden_targets(towers, towers.path, place)
    published.repository("fluxes/agroflux-targets").private = False
    with pytest.raises(AgrofluxError, match="a public repository"):
        locations.hidden_targets(towers, towers.path, place)
    assert not list(Path(constants.HF_HOME).rglob("secret"))


def test_what_came_damaged_is_not_used(published: Hub, towers: Release) -> None:
    repository = published.repository("fluxes/agroflux")
    shard = next(path for path in repository.files if path.endswith(".parquet"))
    repository.commit("main", "flipped", {shard: repository.files[shard][:-9] + b"x" * 9})
    with pytest.raises(AgrofluxError, match="not what was built"):
        locations.release("hf://datasets/fluxes/agroflux")
