"""The quota by owner, task and day, and in the long run, whatever the clock does."""

from __future__ import annotations

import io
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leaderboard.store import LONG_DAYS, LONG_RUN, LocalStore, QuotaExceeded, reads, tables


class Clock(datetime):
    """The time that the store takes for the present."""

    present = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return cls.present


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    monkeypatch.setattr(Clock, "present", datetime(2026, 5, 4, 12, 0, tzinfo=UTC))
    for module in (tables, reads):
        monkeypatch.setattr(module, "datetime", Clock)
    return Clock


_NUMBER = iter(range(1_000_000))


def put(store: LocalStore, owner: str = "ann", task: str = "towers_temporal", quota: int = 5) -> None:
    """Another file."""
    with store.stage(io.BytesIO(b"%d" % next(_NUMBER)), 100) as staged:
        store.add(staged, owner=owner, task=task, model="m", metadata={}, revision="r", quota=quota)


def test_a_day_ends_at_midnight_utc(store: LocalStore, clock: type[Clock]) -> None:
    clock.present = datetime(2026, 5, 4, 23, 59, 59, tzinfo=UTC)
    for _ in range(5):
        put(store)
    with pytest.raises(QuotaExceeded, match=r"at most 5 submissions a day .* begins anew at 2026-05-05 00:00 UTC"):
        put(store)
    clock.present += timedelta(seconds=1)
    put(store)
    assert store.used("ann", "towers_temporal") == 1


def test_a_clock_that_is_set_back_gives_nothing(store: LocalStore, clock: type[Clock]) -> None:
    for _ in range(5):
        put(store)
    for hours in (1, 24, 24 * 30):
        clock.present = datetime(2026, 5, 4, 12, 0, tzinfo=UTC) - timedelta(hours=hours)
        with pytest.raises(QuotaExceeded):
            put(store)


def test_the_long_run_has_an_end_too(store: LocalStore, clock: type[Clock]) -> None:
    first = clock.present
    for _ in range(LONG_RUN):
        for _ in range(5):
            put(store)
        clock.present += timedelta(days=1)
    most = 5 * LONG_RUN
    with pytest.raises(QuotaExceeded, match=f"at most {most} submissions in {LONG_DAYS} days .* 2026-08-02 00:00 UTC"):
        put(store)
    put(store, owner="bob")
    put(store, task="towers_spatial")
    clock.present = datetime(2026, 8, 1, 23, 59, 59, tzinfo=UTC)
    with pytest.raises(QuotaExceeded):
        put(store)
    clock.present = datetime(2026, 8, 2, tzinfo=UTC)
    assert clock.present.date() - first.date() == timedelta(days=LONG_DAYS)
    for _ in range(5):
        put(store)
    with pytest.raises(QuotaExceeded, match="a day"):
        put(store)


def test_many_at_once_do_not_exceed_it(store: LocalStore) -> None:
    taken: list[bool] = []
    gate = threading.Barrier(16)

    def race() -> None:
        gate.wait(60)
        try:
            put(store, quota=3)
            taken.append(True)
        except QuotaExceeded:
            taken.append(False)

    threads = [threading.Thread(target=race) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == [False] * 13 + [True] * 3
    assert len(store.entries()) == 3


@pytest.mark.parametrize("owner", ["' OR '1'='1", "ann'; DROP TABLE submissions; --", "%", "_nn", "ANN", "ann "])
def test_a_name_is_a_name_and_no_query(store: LocalStore, owner: str) -> None:
    put(store)
    assert store.used(owner, "towers_temporal") == 0
    assert store.entries(owner=owner) == store.entries(task=owner) == store.entries(revision=owner) == []
    assert store.entry(owner) is None
    put(store, owner=owner, task=owner)
    assert [entry.submission.owner for entry in store.entries()] == ["ann", owner]
