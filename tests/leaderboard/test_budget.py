"""Commits are rationed: quickly while there are many, and never more than the Hub takes in an hour."""

from __future__ import annotations

import pytest

from leaderboard.store.budget import BURST, EVERY, Budget

HUB = 128
"""Commits that the Hub takes in an hour for a repository."""


def test_a_burst_is_free_and_then_one_at_a_time() -> None:
    budget = Budget(burst=3, every=10)
    assert (budget.left(0), budget.free(0)) == (3, 0)
    for left in (2, 1, 0):
        budget.spend(0)
        assert budget.left(0) == left
    assert budget.free(0) == 10
    assert [budget.left(now) for now in (9.9, 10, 29.9, 30, 1000)] == [0, 1, 2, 3, 3]


def test_who_takes_all_there_is_stays_below_what_the_hub_takes_in_any_hour() -> None:
    budget, now, made = Budget(), 1e9, []
    while now < 1e9 + 5 * 3600:
        now = budget.free(now)
        budget.spend(now)
        made.append(now)
    for begin in made:
        assert sum(begin <= time < begin + 3600 for time in made) < HUB
    assert len(made) == pytest.approx(BURST + 5 * 3600 / EVERY, abs=2), "nor is any of it given away"


def test_commits_of_before_count() -> None:
    budget = Budget(burst=2, every=100)
    budget.spend(-1000)
    assert budget.left(0) == 2
    budget.spend(-50)
    assert (budget.left(0), budget.left(50)) == (1, 2)


def test_nothing_is_free_while_the_hub_says_no() -> None:
    budget = Budget(burst=2, every=100)
    budget.block(60)
    budget.block(30)
    assert (budget.left(59), budget.free(0)) == (0, 60)
    assert (budget.left(60), budget.free(61)) == (2, 61)
