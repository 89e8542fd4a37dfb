"""Seasons: what is taken when, who competes, and a standing that never changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from leaderboard.board import Board
from leaderboard.intake import Intake
from leaderboard.seasons import ClosedError, Phase, Seasons
from leaderboard.store import Half, LocalStore, Result, State
from tests.conftest import hub  # noqa: F401 - the whole Hub, not the one route of the others here
from tests.hub import Hub
from tests.leaderboard.conftest import Command, FileMaker

TASK, TARGETS = "towers_temporal", ("NEE", "GPP")


@pytest.fixture
def seasons(store: LocalStore) -> Seasons:
    return Seasons(store)


def scores(skill: float) -> dict[str, Any]:
    return {"targets": {name: {"skill": skill, "r2": skill, "rmse": 1.0} for name in TARGETS}}


def settle_all(store: LocalStore, release: Release, skills: dict[tuple[str, Half], float | State]) -> None:
    """Do the worker's part with given scores, by submission and half."""
    while (lease := store.lease(60)) is not None:
        found = skills[lease.submission.id, lease.half]
        state = found if isinstance(found, State) else State.SCORED
        known = None if isinstance(found, State) else scores(found)
        assert store.finish(lease, Result(state, release.revision, "t", scores=known, half=lease.half))


@pytest.fixture
def send(store: LocalStore, release: Release, make_file: FileMaker):
    """Receive a file of an owner: its id."""
    intake, sent = Intake(store, release), iter(range(1000))

    def receive(owner: str, model: str = "m") -> str:
        return intake.receive(make_file(offset=0.001 * next(sent), model=model), owner, limited=False).id

    return receive


def order(rows) -> list[tuple[int | None, str, float | None]]:
    return [(row.rank, row.submission.owner, row.skill) for row in rows]


def test_without_any_season_everything_is_taken(seasons: Seasons, send) -> None:
    seasons.check_open()
    assert seasons.current() is None
    send("ann")


def test_a_season_has_its_times(seasons: Seasons, release: Release) -> None:
    now = datetime.now(UTC)
    opens, freezes = now + timedelta(days=1), now + timedelta(days=2)
    season = seasons.open("2027", release, opens, freezes)
    assert seasons.current() == season
    for at, phase in ((now, Phase.ANNOUNCED), (opens, Phase.OPEN), (freezes - timedelta(seconds=1), Phase.OPEN),
                      (freezes, Phase.FROZEN)):  # fmt: skip
        assert season.phase(at) is phase
    with pytest.raises(ClosedError, match=f"taken yet: expected season '2027', which opens at {opens:%Y}"):
        seasons.check_open()
    seasons.check_open(opens)
    with pytest.raises(ClosedError, match="season '2027' ended at"):
        seasons.check_open(freezes)
    following = seasons.open("2028", release, freezes + timedelta(days=1))
    assert following.begins == freezes
    with pytest.raises(ClosedError, match=r"'2027' ended at .*: expected season '2028', which opens at"):
        seasons.check_open(freezes)


def test_a_season_that_cannot_be_is_refused(seasons: Seasons, release: Release) -> None:
    now = datetime.now(UTC)
    for name, opens, freezes, said in (
        ("<b>", None, None, "not a name"),
        ("a", now + timedelta(2), now + timedelta(1), "ends before it begins"),
        ("a", None, now - timedelta(1), "ends before it begins"),
    ):
        with pytest.raises(AgrofluxError, match=said):
            seasons.open(name, release, opens, freezes)
    seasons.open("a", release)
    with pytest.raises(AgrofluxError, match="was a season of that name"):
        seasons.open("a", release)
    with pytest.raises(AgrofluxError, match="a season is open"):
        seasons.open("b", release)
    seasons.freeze("a")
    with pytest.raises(AgrofluxError, match="overlap"):
        seasons.open("b", release, now - timedelta(1))
    with pytest.raises(AgrofluxError, match="no such season: expected a, got 'c'"):
        seasons.freeze("c")


def test_each_participants_best_or_chosen_one_is_ranked_by_the_private_half(
    store: LocalStore, seasons: Seasons, release: Release, send
) -> None:
    season = seasons.open("one", release)
    ann = [send("ann") for _ in range(3)]
    bob, cid = [send("bob") for _ in range(2)], [send("cid")]
    public, private = Half.PUBLIC, Half.PRIVATE
    skills: dict[tuple[str, Half], float | State] = {
        (ann[0], public): 0.9, (ann[0], private): 0.1,
        (ann[1], public): 0.5, (ann[1], private): 0.99,
        (ann[2], public): 0.9, (ann[2], private): 0.98,
        (bob[0], public): 0.8, (bob[0], private): 0.2,
        (bob[1], public): 0.3, (bob[1], private): 0.6,
        (cid[0], public): 0.7, (cid[0], private): 0.2,
    }  # fmt: skip
    settle_all(store, release, skills)
    seasons.choose(bob[1])
    frozen = seasons.freeze("one")
    assert frozen.phase() is Phase.FROZEN
    with pytest.raises(ClosedError, match=r"season 'one' ended at .* when it opens is not known yet"):
        send("dan")
    progress = seasons.settle("one", release)
    assert (progress.candidates, progress.waiting, progress.standing) == (3, 3, None)
    assert store.waiting() == 3
    assert seasons.settle("one", release).waiting == 3
    assert store.waiting() == 3, "asked for once"
    settle_all(store, release, skills)
    standing = seasons.settle("one", release).standing
    assert standing is not None
    # ann's best is the earlier of two equals; bob's choice counts, though it was his worse one.
    assert order(standing.tasks[TASK]) == [(1, "bob", 0.6), (2, "cid", 0.2), (3, "ann", 0.1)]
    assert [row.submission.id for row in standing.tasks[TASK]] == [bob[1], cid[0], ann[0]]
    assert [entry.private is None for entry in store.entries()] == [False, True, True, True, False, False]
    assert season.holds(store.entries()[0])
    # The board goes on showing the public half.
    assert order(Board(store, release).rows(TASK))[0] == (1, "ann", 0.9)


def test_a_standing_never_changes(store: LocalStore, seasons: Seasons, release: Release, send) -> None:
    seasons.open("one", release)
    ids = [send("ann", "first name"), send("bob")]
    skills: dict[tuple[str, Half], float | State] = {(id, half): 0.5 for id in ids for half in Half}
    settle_all(store, release, skills)
    seasons.freeze("one")
    seasons.settle("one", release)
    settle_all(store, release, skills)
    before = seasons.settle("one", release).standing
    assert before is not None
    store.withdraw(ids[1])
    store.edit(ids[0], store.entries()[0].metadata | {"model": "another name"})
    store.request(ids, Half.PRIVATE)
    settle_all(store, release, dict.fromkeys(skills, 0.1))
    seasons.freeze("one")
    after = seasons.settle("one", release).standing
    assert after is not None
    assert order(after.tasks[TASK]) == order(before.tasks[TASK]) == [(1, "ann", 0.5), (1, "bob", 0.5)]
    assert after.tasks[TASK][0].model == "first name"
    assert len(store.events("season standing")) == 1


def test_what_came_after_the_freeze_belongs_to_the_next_season(
    store: LocalStore, seasons: Seasons, release: Release, send
) -> None:
    early = send("ann")
    seasons.open("one", release)
    first = send("ann")
    seasons.freeze("one")
    seasons.open("two", release)
    second = send("bob")
    settle_all(store, release, {(id, Half.PUBLIC): 0.5 for id in (early, first, second)})
    held = {season.name: [entry.submission.id for entry in store.entries() if season.holds(entry)]
            for season in seasons.all()}  # fmt: skip
    assert held == {"one": [early, first], "two": [second]}
    assert [row.submission.id for row in Board(store, release).rows(TASK)] == [second]
    assert [entry.submission.id for entry in seasons.candidates(seasons.named("one"), release)[TASK]] == [early]
    with pytest.raises(AgrofluxError, match="not a scored submission of season two"):
        seasons.choose(first)
    with pytest.raises(AgrofluxError, match="has not ended"):
        seasons.settle("two", release)


def test_nothing_is_settled_before_all_is_scored_and_our_faults_are_tried_again(
    store: LocalStore, seasons: Seasons, release: Release, send
) -> None:
    seasons.open("one", release)
    id, withdrawn = send("ann"), send("bob")
    store.withdraw(withdrawn)
    seasons.freeze("one")
    assert seasons.settle("one", release).unscored == 1
    settle_all(store, release, {(id, Half.PUBLIC): 0.5})
    assert seasons.settle("one", release).waiting == 1
    settle_all(store, release, {(id, Half.PRIVATE): State.FAILED})
    assert seasons.settle("one", release, again=False).failed == (id,)
    assert store.waiting() == 0
    assert seasons.settle("one", release).failed == (id,)
    settle_all(store, release, {(id, Half.PRIVATE): 0.4})
    standing = seasons.settle("one", release).standing
    assert standing is not None
    assert order(standing.tasks[TASK]) == [(1, "ann", 0.4)]
    (line,) = standing.overall
    assert (line.rank, line.done, len(line.tasks)) == (1, 1, len(release.hidden_tasks))


def test_a_season_is_closed_by_the_command(
    command: Command, toy_release: Path, tmp_path: Path, make_file: FileMaker
) -> None:
    home = ("--data", toy_release, "--store", tmp_path / "store")
    assert "Winter 26: open; release" in command("season", "open", "Winter 26", *home)[1]
    for owner, offset in (("ann", 0.0), ("bob", 0.3)):
        assert command("add", make_file(offset=offset, model=f"[b]{owner}[/]"), "--owner", owner, *home)[0] == 0
    code, out, err = command("season", "close", "Winter 26", *home)
    assert (code, "2 submissions wait for their score" in err) == (0, True)
    assert "frozen" in out
    code, _, err = command("add", make_file(offset=0.4), "--owner", "cid", *home)
    assert (code, "season 'Winter 26' ended at" in err) == (2, True)
    code, out, err = command("season", "close", "Winter 26", "--wait", *home)
    assert code == 0, err
    assert "private half of the hidden rows" in out
    assert "[b]ann[/]" in out
    assert "1 of 8" in out
    again = command("season", "standing", "Winter 26", *home)[1]
    assert again.split("\n", 1)[1] in out
    assert "Winter 26: closed" in command("season", "list", "--store", tmp_path / "store")[1]
    code, _, err = command("season", "open", "Next", *home)
    assert (code, "a new release" in err) == (0, True)


def test_a_season_of_a_store_on_the_hub_waits_for_what_is_on_its_way(
    command: Command,
    toy_release: Path,
    hub: Hub,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.account("ada", ("fluxes",)))
    home = ("--data", toy_release, "--store", "hf://datasets/fluxes/store")
    waited: list[str] = []
    monkeypatch.setattr("leaderboard.commands.season._wait_for_others", lambda season: waited.append(season.name))
    assert command("season", "open", "one", *home)[0] == 0
    code, _, err = command("season", "close", "one", *home)
    assert code == 0, err
    assert "one: closed" in command("season", "list", "--store", home[-1])[1]
    assert command("season", "close", "one", *home)[0] == 0
    assert waited == ["one"], "once it is closed there is nothing to wait for"
