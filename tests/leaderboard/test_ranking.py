"""The order of a board."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.board import coarse, shown
from leaderboard.ranking import Row, overall, rank
from leaderboard.store import Entry, Half, Result, State, Submission

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TARGETS = ("NEE", "GPP")


def entry(
    number: int, *skills: float | None, state: State = State.SCORED, withdrawn: bool = False, model: str = ""
) -> Entry:
    submission = Submission(
        f"id-{number}", "ann", "towers_temporal", "0" * 64, 1, model or f"model {number}", {}, "r",
        BEGIN + timedelta(seconds=number),
    )  # fmt: skip
    by_target = dict(zip(TARGETS, skills, strict=False))
    scores = {"targets": {name: {"skill": skill, "r2": 0.5, "rmse": 1.0} for name, skill in by_target.items()}}
    return Entry(submission, state, Result(state, "r", "1", scores=scores), withdrawn)


def order(rows: list[Row]) -> list[tuple[int | None, str]]:
    return [(row.rank, row.submission.id) for row in rows]


def test_the_best_mean_over_the_ranked_targets_is_first() -> None:
    rows = rank([entry(1, 0.1, 0.2), entry(2, 0.9, 0.1), entry(3, 0.3, 0.3)], TARGETS)
    assert order(rows) == [(1, "id-2"), (2, "id-3"), (3, "id-1")]
    assert rows[0].skill == pytest.approx(0.5)


def test_ties_share_a_rank_the_earlier_first_and_the_next_counts_them() -> None:
    entries = [entry(1, 0.2, 0.2), entry(2, 0.5, 0.5), entry(3, 0.500001, 0.5), entry(4, 0.3, 0.7)]
    for shuffled in permutations(entries):
        assert order(rank(shuffled, TARGETS)) == [(1, "id-2"), (1, "id-3"), (1, "id-4"), (4, "id-1")]


@pytest.mark.parametrize("lacking", [None, math.nan, math.inf, -math.inf, "0.9", True])
def test_what_has_no_score_sorts_last_and_has_no_rank(lacking: float | None) -> None:
    rows = rank([entry(1, 0.9, lacking), entry(2, -5.0, -5.0), entry(3, 0.9)], TARGETS)
    assert rows[0].submission.id == "id-2"
    assert [row.rank for row in rows] == [1, None, None]
    assert rows[1].targets["NEE"].skill == 0.9, "its other scores are still shown"


def test_withdrawn_and_unscored_are_left_out() -> None:
    entries = [
        entry(1, 0.5, 0.5, withdrawn=True), entry(2, 0.5, 0.5, state=State.REJECTED),
        entry(3, 0.5, 0.5, state=State.RECEIVED), entry(4, 0.1, 0.1),
    ]  # fmt: skip
    assert order(rank(entries, TARGETS)) == [(1, "id-4")]
    assert rank([], TARGETS) == []


def test_the_overall_board_puts_who_has_more_tasks_first_and_shows_what_is_missing() -> None:
    boards = {
        "a": rank([entry(1, 0.9, 0.9, model="all"), entry(2, 0.95, 0.95, model="one"), entry(3, 0.2, 0.2, model="all")],
                  TARGETS),
        "b": rank([entry(4, 0.1, 0.1, model="all"), entry(5, 0.5, 0.5, model="same"), entry(6, 0.7, None, model="no")],
                  TARGETS),
        "c": rank([entry(7, 0.8, 0.8, model="all"), entry(8, 0.5, 0.5, model="same")], TARGETS),
        "d": rank([entry(9, 0.5, 0.5, model="other"), entry(10, 0.5, 0.5, model="same")], TARGETS),
        "e": rank([entry(11, 0.5, 0.5, model="other")], TARGETS),
        "f": rank([entry(12, 0.5, 0.5, model="other")], TARGETS),
    }  # fmt: skip
    lines = overall(boards, lambda row: row.model)
    found = [(line.rank, line.rows[0].model if line.rows else "-", line.done, line.skill) for line in lines]
    assert found == [
        (1, "all", 3, pytest.approx(0.6)), (2, "same", 3, 0.5), (2, "other", 3, 0.5), (4, "one", 1, 0.95),
        (None, "-", 0, None),
    ]  # fmt: skip
    best = lines[0].tasks["a"]
    assert best is not None
    assert best.submission.id == "id-1"
    assert lines[3].tasks == {"a": lines[3].tasks["a"], "b": None, "c": None, "d": None, "e": None, "f": None}


def test_the_private_half_ranks_by_its_own_scores() -> None:
    def private(one: Entry, *skills: float) -> Entry:
        of_target = {name: {"skill": skill} for name, skill in zip(TARGETS, skills, strict=True)}
        return replace(one, private=Result(State.SCORED, "r", "1", scores={"targets": of_target}, half=Half.PRIVATE))

    entries = [private(entry(1, 0.9, 0.9), 0.1, 0.1), private(entry(2, 0.2, 0.2), 0.3, 0.3), entry(3, 0.5, 0.5)]
    assert order(rank(entries, TARGETS, Half.PRIVATE)) == [(1, "id-2"), (2, "id-1"), (None, "id-3")]


@given(st.lists(st.none() | st.floats(-2, 1), max_size=12))
def test_ranks_follow_skills_whatever_comes(skills: list[float | None]) -> None:
    rows = rank([entry(number, skill, skill) for number, skill in enumerate(skills)], TARGETS)
    assert len(rows) == len(skills)
    ranked = [row for row in rows if row.rank is not None]
    assert rows[: len(ranked)] == ranked
    for row in ranked:
        assert row.rank == 1 + sum(other.skill > row.skill for other in ranked)


def test_numbers_that_are_shown_are_coarse() -> None:
    fine = {"targets": {"NEE": {"rmse": 1.23456789, "n": 7320}}, "list": [0.000123456], "none": None}
    assert coarse(fine) == {"targets": {"NEE": {"rmse": 1.235, "n": 7320}}, "list": [0.0001235], "none": None}
    near = {"r2": -1.57732e-6, "skill": 0.00740412, "intervals": {"r2": {"low": -1.57732e-6, "high": 0.123456}}}
    coarser = {"r2": 0.0, "skill": 0.0074, "intervals": {"r2": {"low": 0.0, "high": 0.1235}}}
    assert coarse(near) == coarser, "the R² of a constant is near 0, where four digits would be exact"
    assert shown(-0.00001, "NEE R²") == "0.000"
    assert shown(0.0001235, "N2O RMSE") == "0.00012"
    assert shown(None, "Skill") == "–"
