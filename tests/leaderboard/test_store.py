"""The store: durable, append-only, and one owner for each piece of work."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from agroflux_data.errors import AgrofluxError
from leaderboard.store import Half, HubStore, LocalStore, QuotaExceeded, Result, State, Store, next_day
from leaderboard.store.budget import Budget
from leaderboard.store.hub import Pace
from tests.conftest import hub  # noqa: F401 - the whole Hub, not the one route of the others here
from tests.hub import Hub
from tests.leaderboard.writing import LIMIT, finish, put, scored, serve

Reopen = Callable[[], Store]


@pytest.fixture(params=["local", "hub"])
def store(request: pytest.FixtureRequest, reopen: Reopen) -> Store:
    """A new store, in each of its homes."""
    return reopen()


@pytest.fixture
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reopen]:
    """Opens the test's store as another process would."""
    if request.node.callspec.params["store"] == "local":
        yield lambda: LocalStore(tmp_path / "store")
        return
    running: Hub = request.getfixturevalue("hub")
    api = HfApi(endpoint=running.url, token=running.account("ada", ("fluxes",)))
    opened: list[HubStore] = []

    def open_one() -> Store:
        opened.append(HubStore("fluxes/records", api, Pace(gather=0, results=0), Budget(burst=1000)))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def test_a_record_and_its_file_come_back_as_they_went_in(store: Store, reopen: Reopen) -> None:
    submission, new = put(store, b"some bytes")
    assert new
    again = reopen()
    entry = again.entry(submission.id)
    assert entry is not None
    assert entry.submission == submission
    assert (entry.state, entry.result, entry.withdrawn) == (State.RECEIVED, None, False)
    assert again.path(submission).read_bytes() == b"some bytes"
    assert submission.metadata == {"seeds": [1]}
    assert again.entry("nothing") is None


def test_files_and_folders_are_closed_to_others(store: Store) -> None:
    submission, _ = put(store, b"private")
    assert store.path(submission).stat().st_mode & 0o077 == 0
    assert store.path(submission).parent.stat().st_mode & 0o077 == 0


def test_a_staged_file_that_was_not_taken_is_gone(store: Store) -> None:
    with store.stage(io.BytesIO(b"x"), LIMIT) as staged:
        assert staged.path.read_bytes() == b"x"
    assert not staged.path.exists()


def test_the_same_bytes_are_one_submission(store: Store) -> None:
    first, _ = put(store, b"a")
    again, new = put(store, b"a")
    assert (again.id, new) == (first.id, False)
    other, new = put(store, b"a", owner="bob")
    assert new
    assert other.id != first.id
    assert len(store.entries()) == 2


def test_what_failed_or_was_withdrawn_may_be_sent_again(store: Store) -> None:
    first, _ = put(store, b"a")
    lease = store.lease(600)
    assert lease is not None
    assert finish(store, lease, Result(State.FAILED, "r", "1", "our fault"))
    second, new = put(store, b"a")
    assert new
    store.withdraw(second.id)
    assert put(store, b"a")[1]
    assert [entry.withdrawn for entry in store.entries()] == [False, True, False]
    assert store.entries()[0].submission.id == first.id


def test_quota_is_counted_by_owner_task_and_day_and_refunded_for_our_faults(store: Store) -> None:
    for number in range(2):
        put(store, b"%d" % number, quota=2)
    with pytest.raises(QuotaExceeded, match="at most 2 submissions a day"):
        put(store, b"more", quota=2)
    assert put(store, b"0", quota=2)[1] is False, "a repeated receipt takes nothing from the quota"
    put(store, b"more", quota=2, owner="bob")
    put(store, b"more", quota=2, task="towers_spatial")
    lease = store.lease(600)
    assert lease is not None
    finish(store, lease, Result(State.FAILED, "r", "1"))
    assert store.used("ann", "towers_temporal") == 1
    put(store, b"more", quota=2)
    lease = store.lease(600)
    assert lease is not None
    finish(store, lease, Result(State.REJECTED, "r", "1"))
    assert store.used("ann", "towers_temporal") == 2, "a rejected file counts"


def test_a_quota_begins_anew_at_midnight_utc() -> None:
    assert next_day(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_race_for_the_last_of_the_quota_has_one_winner(store: Store) -> None:
    put(store, b"first", quota=2)
    outcomes: list[bool] = []

    def race(number: int) -> None:
        try:
            put(store, b"racer %d" % number, quota=2)
            outcomes.append(True)
        except QuotaExceeded:
            outcomes.append(False)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 7 + [True]
    assert store.used("ann", "towers_temporal") == 2


def test_a_lease_is_held_by_one(store: Store) -> None:
    submission, _ = put(store, b"a")
    lease = store.lease(600)
    assert lease is not None
    assert lease.submission == submission
    assert store.lease(600) is None
    entry = store.entry(submission.id)
    assert entry is not None
    assert entry.state is State.SCORING


def test_of_many_workers_each_submission_is_leased_once(store: Store) -> None:
    for number in range(20):
        put(store, b"%d" % number)
    taken: list[str] = []

    def work() -> None:
        while (lease := store.lease(600)) is not None:
            taken.append(lease.submission.id)
            finish(store, lease, scored())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(entry.submission.id for entry in store.entries())
    assert len(set(taken)) == 20


def test_an_expired_lease_is_requeued_and_its_holder_cannot_write(store: Store) -> None:
    submission, _ = put(store, b"a")
    slow = store.lease(0.05)
    assert slow is not None
    time.sleep(0.1)
    quick = store.lease(600)
    assert quick is not None
    assert (quick.submission, quick.attempt) == (submission, 2)
    assert not store.renew(slow, 60)
    assert not finish(store, slow, Result(State.FAILED, "r", "1"))
    assert finish(store, quick, scored())
    assert not finish(store, quick, scored()), "a lease is good for one result"
    entry = store.entry(submission.id)
    assert entry is not None
    assert entry.state is State.SCORED
    assert store.lease(600) is None


def test_a_renewed_lease_holds(store: Store) -> None:
    put(store, b"a")
    lease = store.lease(0.2)
    assert lease is not None
    assert store.renew(lease, 600)
    time.sleep(0.3)
    assert store.lease(600) is None


def test_what_broke_off_before_does_not_hold_up_the_others(store: Store) -> None:
    bad, _ = put(store, b"bad")
    good, _ = put(store, b"good")
    assert store.lease(0.0) is not None
    following = store.lease(600)
    assert following is not None
    assert following.submission == good
    after = store.lease(600)
    assert after is not None
    assert (after.submission, after.attempt) == (bad, 2)


def test_a_lease_given_back_is_free_at_once(store: Store) -> None:
    put(store, b"a")
    lease = store.lease(600)
    assert lease is not None
    store.release(lease)
    again = store.lease(600)
    assert again is not None
    assert again.attempt == 1


def test_a_submission_scored_again_keeps_its_result_until_the_new_one_is_there(store: Store) -> None:
    submission, _ = put(store, b"a")
    serve(store, scored(0.5))
    assert store.waiting() == 0
    assert store.request([submission.id]) == 1
    assert store.request([submission.id]) == 0, "it waits already"
    assert store.waiting() == 1
    entry = store.entry(submission.id)
    assert entry is not None
    assert (entry.state, entry.result) == (State.SCORED, store.results(submission.id)[0])
    serve(store, scored(0.6, "2"))
    assert store.lease(600) is None, "a request is served once"
    entry = store.entry(submission.id)
    assert entry is not None
    assert entry.result is not None
    assert entry.result.scorer == "2"
    assert [result.scorer for result in store.results(submission.id)] == ["1", "2"]
    with pytest.raises(AgrofluxError, match="no such submission: got 'nothing'"):
        store.request([submission.id, "nothing"])
    assert store.waiting() == 0, "all or none"


def test_what_failed_when_scored_again_does_not_take_the_place_of_a_score(store: Store) -> None:
    submission, _ = put(store, b"a")
    serve(store, scored(scorer="1"))
    store.request([submission.id])
    serve(store, Result(State.FAILED, "r", "2"))
    entry = store.entry(submission.id)
    assert entry is not None
    assert entry.result is not None
    assert (entry.state, entry.result.scorer) == (State.SCORED, "1")
    assert store.used("ann", "towers_temporal") == 1
    store.request([submission.id])
    serve(store, Result(State.REJECTED, "r", "3"))
    assert [result.state for result in store.results(submission.id)] == [State.SCORED, State.FAILED, State.REJECTED]
    assert [entry.state for entry in store.entries()] == [State.REJECTED]


def test_the_halves_are_asked_for_and_kept_apart(store: Store) -> None:
    submission, _ = put(store, b"a")
    assert store.request([submission.id], Half.PRIVATE) == 1
    public, private = store.lease(600), store.lease(600)
    assert public is not None
    assert private is not None
    assert (public.half, private.half, private.submission) == (Half.PUBLIC, Half.PRIVATE, submission)
    with pytest.raises(ValueError, match="a result of the public half for a lease of the private half"):
        finish(store, private, scored())
    assert finish(store, private, scored(0.1, half=Half.PRIVATE))
    entry = store.entry(submission.id)
    assert entry is not None
    assert (entry.state, entry.result) == (State.SCORING, None), "the private half decides nothing"
    assert finish(store, public, scored(0.2))
    (entry,) = store.entries()
    assert entry.private is not None
    assert entry.result is not None
    assert (entry.result.half, entry.private.half) == (Half.PUBLIC, Half.PRIVATE)
    assert entry.private.scores == {"targets": {"NEE": {"skill": 0.1}}}
    assert [result.half for result in store.results(submission.id)] == [Half.PRIVATE, Half.PUBLIC]


def test_new_submissions_come_before_those_scored_again(store: Store) -> None:
    old, _ = put(store, b"old")
    serve(store, scored())
    store.request([old.id])
    new, _ = put(store, b"new")
    assert [serve(store, scored()), serve(store, scored())] == [new.id, old.id]


def test_a_withdrawn_submission_waits_for_nothing(store: Store) -> None:
    submission, _ = put(store, b"a")
    store.withdraw(submission.id)
    assert store.waiting() == 0


def test_metadata_are_edited_and_what_they_were_is_kept(store: Store) -> None:
    first = {"task": "towers_temporal", "revision": "r", "model": "m", "links": []}
    submission, _ = put(store, b"a", metadata=first)
    later = first | {"model": "better name", "links": ["https://example.org"]}
    edit = store.edit(submission.id, later)
    last = store.edit(submission.id, later | {"links": []})
    assert store.edits(submission.id) == [edit, last]
    (entry,) = store.entries()
    assert entry.metadata == last.metadata
    assert entry.model == "better name"
    assert entry.submission.metadata == first
    for name, value in (("task", "ecosys_temporal"), ("revision", "s"), ("format", 2)):
        with pytest.raises(AgrofluxError, match=f"the {name} of a submission cannot be edited"):
            store.edit(submission.id, later | {name: value})
    with pytest.raises(AgrofluxError, match="no such submission"):
        store.edit("nothing", first)
    assert len(store.edits(submission.id)) == 2


def test_the_hosts_acts_are_written_down_in_order(store: Store, reopen: Reopen) -> None:
    submission, _ = put(store, b"a")
    opened = store.record("season opened", {"name": "2027"})
    verified = store.record("verification", {"holds": True}, submission.id)
    closed = store.record("season closed", {"name": "2027"})
    assert store.events() == reopen().events() == [opened, verified, closed]
    assert store.events("verification") == store.events(submission=submission.id) == [verified]
    assert (opened.submission, verified.submission) == (None, submission.id)
    assert store.events("verification", "another") == []
    with pytest.raises(AgrofluxError, match="no such submission"):
        store.record("verification", {}, "nothing")
    with pytest.raises(ValueError, match="JSON"):
        store.record("audit", {"similarity": float("nan")})
    assert len(store.events()) == 3


def test_the_version_is_another_after_everything_that_is_written(store: Store, reopen: Reopen) -> None:
    seen = [store.version()]

    def moved() -> bool:
        seen.append(reopen().version())
        assert store.version() == seen[-1]
        return seen[-1] not in seen[:-1]

    submission, _ = put(store, b"a", metadata={"model": "m"})
    assert moved()
    lease = store.lease(600)
    assert lease is not None
    assert not moved(), "who scores it is on no board"
    finish(store, lease, scored())
    assert moved()
    store.edit(submission.id, {"model": "n"})
    assert moved()
    store.record("season opened", {})
    assert moved()
    store.withdraw(submission.id)
    assert moved()
    store.withdraw(submission.id)
    assert not moved()


def test_a_withdrawn_submission_is_not_scored(store: Store) -> None:
    submission, _ = put(store, b"a")
    store.withdraw(submission.id)
    store.withdraw(submission.id)
    assert store.lease(600) is None


def test_numbers_that_json_does_not_have_are_refused(store: Store) -> None:
    put(store, b"a")
    lease = store.lease(600)
    assert lease is not None
    with pytest.raises(ValueError, match="JSON"):
        finish(store, lease, Result(State.SCORED, "r", "1", scores={"x": float("nan")}))
    assert finish(store, lease, scored()), "the lease is still held"
