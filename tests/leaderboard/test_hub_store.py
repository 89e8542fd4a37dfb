"""The store on the Hub: few commits for many, nothing lost and nothing twice whatever the Hub does."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from agroflux_data.errors import AgrofluxError
from leaderboard.store import Busy, HubStore, LocalStore, QuotaExceeded, State, Submission, journal, open_store
from leaderboard.store.budget import Budget
from leaderboard.store.hub import Pace
from leaderboard.store.tables import Line, Writer
from tests.conftest import hub  # noqa: F401 - the whole Hub, not the one route of the others here
from tests.hub import Hub, Request
from tests.leaderboard.writing import finish, put, scored, serve, until

NAME = "fluxes/records"
QUICK = Pace(gather=0.0, results=0.0, late=0.0)


@dataclass
class Home:
    """A Hub with a member of the organization that keeps a store there."""

    hub: Hub
    token: str
    opened: list[HubStore]

    def open(self, pace: Pace = QUICK, budget: Budget | None = None) -> HubStore:
        api = HfApi(endpoint=self.hub.url, token=self.token)
        self.opened.append(HubStore(NAME, api, pace, budget or Budget(burst=1000)))
        return self.opened[-1]

    @property
    def commits(self) -> int:
        """How many were asked for."""
        return len(self.hub.sent("POST", "/commit/"))

    @property
    def lines(self) -> list[dict]:
        """All that the journal says."""
        files = self.hub.repository(NAME).files
        text = b"".join(files[name] for name in sorted(files) if name.startswith("journal/"))
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def home(hub: Hub) -> Iterator[Home]:  # noqa: F811
    made = Home(hub, hub.account("ada", ("fluxes",)), [])
    yield made
    hub.fault = hub.lost = None
    for store in made.opened:
        store.close()


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each gave or raised, done in threads of their own."""
    found: list[object] = [None] * len(acts)

    def do(number: int) -> None:
        try:
            found[number] = acts[number]()
        except AgrofluxError as error:
            found[number] = error

    threads = [threading.Thread(target=do, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_the_repository_is_made_private_and_holds_the_file_and_the_record(home: Home) -> None:
    submission, _ = put(home.open(), b"some bytes")
    repository = home.hub.repository(NAME)
    assert repository.private
    assert repository.files[f"files/{submission.sha256[:2]}/{submission.sha256}.parquet"] == b"some bytes"
    commit, line = home.lines
    assert (commit["line"], line["line"], line["id"]) == ("commit", "submission", submission.id)
    again = home.open()
    assert again.path(submission).read_bytes() == b"some bytes", "fetched, since it is not on this disk"
    assert again.path(submission).stat().st_mode & 0o022 == 0


def test_a_public_repository_is_no_home(home: Home) -> None:
    HfApi(endpoint=home.hub.url, token=home.token).create_repo(NAME, repo_type="dataset", private=False)
    with pytest.raises(AgrofluxError, match="a public repository: expected a private one"):
        home.open()


def test_who_come_at_once_share_a_commit(home: Home) -> None:
    store = home.open(Pace(gather=2.0))
    receipts = at_once(*(lambda number=number: put(store, b"%d" % number) for number in range(20)))
    assert all(isinstance(receipt, tuple) for receipt in receipts)
    assert len({entry.submission.id for entry in home.open().entries()}) == 20
    assert home.commits <= 5


def test_results_wait_for_company_and_are_there_only_once_they_are_safe(home: Home) -> None:
    store = home.open(Pace(gather=0.0, results=600.0, late=600.0))
    first, second = put(store, b"1")[0], put(store, b"2")[0]
    for _ in range(2):
        lease = store.lease(600)
        assert lease is not None
        assert store.finish(lease, scored())
        assert not store.finish(lease, scored()), "a lease is good for one result"
    assert store.lease(600) is None, "what is held back is not scored again"
    assert [entry.state for entry in store.entries()] == [State.SCORING] * 2
    assert [entry.state for entry in home.open().entries()] == [State.RECEIVED] * 2, "nothing of it is safe yet"
    before = home.commits
    put(store, b"3")
    assert home.commits == before + 1
    assert [store.entry(one.id).state for one in (first, second)] == [State.SCORED] * 2  # type: ignore[union-attr]
    lease = store.lease(600)
    assert lease is not None
    store.finish(lease, scored())
    store.close(300)
    assert [entry.state for entry in home.open().entries()] == [State.SCORED] * 3, "the end of a server writes them"
    with pytest.raises(Busy):
        put(store, b"4")


def test_two_processes_that_write_at_once_lose_nothing(home: Home) -> None:
    stores = [home.open(), home.open()]
    acts = [lambda store=store, n=n: put(store, b"%d" % n) for n in range(10) for store in stores]
    receipts = at_once(*acts)
    ids = [receipt[0].id for receipt in receipts if isinstance(receipt, tuple)]
    assert len(ids) == 20
    entries = home.open().entries()
    assert sorted(entry.submission.sha256 for entry in entries) == sorted({e.submission.sha256 for e in entries})
    assert len(entries) == 10, "the same bytes are one submission, whoever took them"
    assert set(ids) == {entry.submission.id for entry in entries}


def test_a_race_of_two_processes_for_the_last_of_the_quota_has_one_winner(home: Home) -> None:
    stores = [home.open(), home.open()]
    found = at_once(*(lambda n=n: put(stores[n % 2], b"%d" % n, quota=1) for n in range(4)))
    assert sorted(isinstance(one, QuotaExceeded) for one in found) == [False, True, True, True]
    assert len(home.open().entries()) == 1


def test_of_two_processes_that_score_the_same_one_is_heard(home: Home) -> None:
    one = home.open()
    submission, _ = put(one, b"a")
    other = home.open()
    leases = one.lease(600), other.lease(600)
    assert leases[0] is not None
    assert leases[1] is not None
    assert finish(one, leases[0], scored(0.1))
    assert other.finish(leases[1], scored(0.2)), "it cannot know yet"
    until(lambda: other.results(submission.id))
    other.close()
    (result,) = home.open().results(submission.id)
    assert result.scores == {"targets": {"NEE": {"skill": 0.1}}}


def test_what_another_process_wrote_is_seen(home: Home) -> None:
    server, command = home.open(Pace(look=0.1)), home.open()
    submission, _ = put(command, b"a")
    until(lambda: server.entry(submission.id))
    lease = server.lease(600)
    assert lease is not None
    assert lease.submission == submission


def test_a_commit_whose_answer_was_lost_is_made_once(home: Home) -> None:
    store = home.open()
    lost: list[Request] = []

    def lose_the_first(request: Request) -> bool:
        if "/commit/" not in request.path or lost:
            return False
        lost.append(request)
        return True

    home.hub.lost = lose_the_first
    submission, new = put(store, b"a")
    assert (new, len(lost)) == (True, 1)
    assert [entry.submission for entry in home.open().entries()] == [submission]
    assert [line["line"] for line in home.lines] == ["commit", "submission"]


def test_without_an_answer_nobody_waits_and_nothing_is_lost(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    store = home.open()
    scored_later, _ = put(store, b"a")
    lease = store.lease(600)
    assert lease is not None
    home.hub.fault = lambda request: 503 if "/commit/" in request.path else None
    with pytest.raises(Busy, match=r"try again in \d s"):
        put(store, b"b")
    assert store.finish(lease, scored())
    assert len(store.entries()) == 1
    home.hub.fault = None
    # After the pause that the sender was told of; the result goes on its own.
    until(lambda: store.results(scored_later.id))
    again, new = put(store, b"b")
    assert new
    assert [entry.submission.id for entry in home.open().entries()] == [scored_later.id, again.id]
    assert "the Hub does not answer: it answered 503" in caplog.text


def test_too_many_commits_are_answered_by_when_to_come_again(home: Home) -> None:
    store = home.open()
    home.hub.fault = lambda request: 429 if "/commit/" in request.path else None
    with pytest.raises(Busy) as refused:
        put(store, b"a")
    assert 50 < refused.value.seconds <= 60
    asked = home.commits
    home.hub.fault = None
    for _ in range(3):
        with pytest.raises(Busy):
            put(store, b"a")
    assert home.commits == asked, "the Hub is left alone meanwhile"
    assert store.entries() == []


def test_the_budget_is_kept_over_restarts_and_told_to_senders(home: Home) -> None:
    def budget() -> Budget:
        return Budget(burst=3, every=3600)

    store = home.open(budget=budget())
    for number in range(2):
        put(store, b"%d" % number)
    again = home.open(budget=budget())
    put(again, b"2")
    for one in (again, home.open(budget=budget())):
        with pytest.raises(Busy) as refused:
            put(one, b"3")
        assert 3000 < refused.value.seconds <= 3600
        assert put(one, b"1")[1] is False, "who has a receipt gets it again"
    assert home.commits == 3


def test_who_comes_shortly_before_the_next_commit_waits_for_it(home: Home) -> None:
    store = home.open(Pace(gather=0.0, patience=600.0), Budget(burst=1, every=3.0))
    for number in range(3):
        assert put(store, b"%d" % number)[1]
    times = [line["at"] for line in home.lines if line["line"] == "commit"]
    assert len(times) == 3


def test_who_waits_too_long_for_a_commit_is_told_to_come_again(home: Home) -> None:
    store = home.open(Pace(gather=0.0, answer=0.2))
    opened = threading.Event()

    def slow(request: Request) -> int | None:
        if "/commit/" in request.path:
            opened.wait(60)
        return None

    home.hub.fault = slow
    with pytest.raises(Busy):
        put(store, b"a")
    opened.set()
    until(store.entries)
    assert put(store, b"a")[1] is False, "the same file gets its receipt"


def test_the_journal_is_cut_into_segments(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_SEGMENT", 1500)
    store = home.open()
    submissions: list[Submission] = [put(store, b"%d" % number)[0] for number in range(12)]
    names = [name for name in home.hub.repository(NAME).files if name.startswith("journal/")]
    assert 3 <= len(names) <= 6
    other = home.open()
    assert [entry.submission for entry in other.entries()] == submissions
    serve(other, scored())
    put(store, b"more")
    assert len(store.entries()) == 13
    assert store.entries()[0].state is State.SCORED, "read from the middle of a segment on"


def test_reading_that_broke_off_in_the_middle_is_done_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_SEGMENT", 10)
    store, other = home.open(), home.open()
    for number in range(4):
        put(other, b"%d" % number)
    home.hub.fault = lambda request: 403 if request.path.endswith("3.jsonl") else None
    with pytest.raises(Busy):
        put(store, b"mine")
    home.hub.fault = None
    until(lambda: store._budget.left(time.time()))  # after the pause that the sender was told of
    put(store, b"mine")
    assert store.entries() == home.open().entries()
    assert len(store.entries()) == 5


def test_what_the_copy_could_not_take_it_takes_the_next_time(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    store = home.open()

    def full(self: Writer, line: Line) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    catch_up, tries = store._catch_up, []

    def once(self: HubStore = store) -> None:
        tries.append(len(store._behind))
        with monkeypatch.context() as patch:
            if tries[-1] and tries.count(1) == 1:
                patch.setattr(Writer, "apply", full)
            catch_up()

    monkeypatch.setattr(store, "_catch_up", once)
    with pytest.raises(Busy):
        put(store, b"a")
    assert store.entries() == []
    until(lambda: store._budget.left(time.time()))
    assert put(store, b"a")[1] is False, "it was in the repository"
    assert store.entries() == home.open().entries()


@pytest.mark.parametrize("damage", ["changed", "missing", "garbage"])
def test_a_damaged_journal_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setattr(journal, "_SEGMENT", 10)
    store = home.open()
    for number in range(3):
        put(store, b"%d" % number)
    names = [f"journal/{number:08d}.jsonl" for number in (1, 2, 3)]
    changes = {"changed": {names[0]: b""}, "missing": {names[1]: None}, "garbage": {names[2]: b"\xff\n"}}[damage]
    if damage == "changed":
        changes = {names[2]: b'{"line": "commit", "name": "another", "at": "2026-01-01T00:00:00+00:00"}\n'}
    home.hub.repository(NAME).commit("main", "damage", changes)
    if damage == "changed":
        with pytest.raises(Busy):
            put(store, b"more")
        return
    with pytest.raises(AgrofluxError, match="not a store"):
        home.open()


def test_a_token_that_may_not_write_is_said_so(hub: Hub) -> None:  # noqa: F811
    reader = HfApi(endpoint=hub.url, token=hub.account("eve", ("fluxes",), writes=False))
    with pytest.raises(AgrofluxError, match="403"):
        HubStore(NAME, reader)


def test_the_token_is_in_no_log_and_no_file(
    home: Home, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    store = home.open()
    put(store, b"a")
    home.hub.fault = lambda request: 503 if "/commit/" in request.path else None
    with pytest.raises(Busy) as refused:
        put(store, b"b")
    said = caplog.text + "".join(capfd.readouterr()) + repr(refused.value)
    assert "the Hub does not answer" in said
    assert home.token not in said
    assert all(home.token.encode() not in content for content in home.hub.repository(NAME).files.values())


def test_a_store_is_opened_where_its_name_says(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", home.token)
    on_hub = open_store(f"hf://datasets/{NAME}")
    assert isinstance(on_hub, HubStore)
    assert on_hub.repository == NAME
    on_hub.close()
    assert isinstance(open_store(tmp_path / "store"), LocalStore)
    for text, refusal in (
        ("hf://spaces/a/b", "not an address"), ("hf://datasets/a", "not an address"),
        (f"hf://datasets/{NAME}@main", "a store at a revision"), ("hf://datasets/a/b/c", "not an address"),
    ):  # fmt: skip
        with pytest.raises(AgrofluxError, match=refusal):
            open_store(text)


def test_a_copy_of_the_repository_is_the_store(home: Home, tmp_path: Path) -> None:
    store = home.open()
    submission, _ = put(store, b"some bytes")
    serve(store, scored())
    api = HfApi(endpoint=home.hub.url, token=home.token)
    api.snapshot_download(NAME, repo_type="dataset", local_dir=tmp_path / "backup")
    api.create_repo("fluxes/restored", repo_type="dataset", private=True)
    api.upload_folder(repo_id="fluxes/restored", repo_type="dataset", folder_path=tmp_path / "backup")
    restored = HubStore("fluxes/restored", api, QUICK)
    home.opened.append(restored)
    assert restored.entries() == store.entries()
    assert restored.path(submission).read_bytes() == b"some bytes"
    assert put(restored, b"after the restore")[1]


def test_reading_takes_few_requests_however_much_there_is(home: Home) -> None:
    store = home.open()
    for number in range(15):
        put(store, b"%d" % number)
    before = len(home.hub.requests)
    home.open()
    assert len(home.hub.requests) - before < 12


def test_results_are_not_put_off_for_ever_by_a_stream_of_them(home: Home) -> None:
    store = home.open(Pace(gather=0.0, results=0.3, late=0.3))
    for number in range(6):
        put(store, b"%d" % number)
    before = home.commits
    began = time.monotonic()
    while (lease := store.lease(600)) is not None:
        store.finish(lease, scored())
        time.sleep(0.1)
    until(lambda: store.waiting() == 0)
    assert home.commits - before <= 1 + (time.monotonic() - began) / 0.3
