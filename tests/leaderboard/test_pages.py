"""What the page is made of: boards as tables, details, figures and links, whatever strangers write."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from leaderboard.app import cards, figures
from leaderboard.app.actions import changed
from leaderboard.app.details import over_tasks, scored, told
from leaderboard.app.form import Form
from leaderboard.app.links import address
from leaderboard.app.numbers import count, number
from leaderboard.app.standings import Line, Standings
from leaderboard.app.table import table
from leaderboard.app.view import USUAL, View, columns
from leaderboard.store import Edit, Half, LocalStore, Result, State
from submission import Metadata

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"
QUANTILES = {"10": -3.0, "25": 0.1, "50": 0.4, "75": 0.6, "90": 0.8}


def scores(*skills: float, half: str = "public") -> dict[str, Any]:
    names = ("NEE", "GPP")
    targets = {
        name: {"n": 100, "r2": skill / 2, "rmse": 1.0, "mae": 0.5, "bias": 0.1, "skill": skill,
               "intervals": {"skill": {"low": skill - 0.1, "high": skill + 0.1}}}
        for name, skill in zip(names, skills, strict=True)
    }  # fmt: skip
    pieces = {
        name: {"sites": 8, "scales": {"daily": {"r2": 0.3, "sites": {"r2": QUANTILES}}, "weekly": {"r2": None}}}
        for name in names
    }
    closure = {"n": 9, "mean": 0.25, "largest": 2.5}
    return {"half": half, "ranked": list(names), "skill": sum(skills) / 2, "targets": targets,
            "skill_interval": {"low": sum(skills) / 2 - 0.1, "high": sum(skills) / 2 + 0.1},
            "pieces": {"targets": pieces, "closure": closure}}  # fmt: skip


def enter(store: LocalStore, release: Release, model: str, *skills: float, owner: str = "ann",
          task: str = "towers_temporal", **said: Any) -> str:  # fmt: skip
    """A scored submission; its id."""
    metadata = Metadata(task, release.revision, model, **said).to_json()
    content = f"{model} {owner} {task}".encode()
    with store.stage(io.BytesIO(content), 1 << 20) as staged:
        kept, _ = store.add(
            staged, owner=owner, task=task, model=model, metadata=metadata, revision=release.revision, quota=None
        )
    lease = store.lease(60)
    assert lease is not None
    assert store.finish(lease, Result(State.SCORED, release.revision, "3", scores=scores(*skills)))
    return kept.id


@pytest.fixture
def board(store: LocalStore, release: Release) -> list[Line]:
    enter(store, release, "best", 0.9, 0.7, parameters=10**6, method="LSTM")
    enter(store, release, MARKUP, 0.5, 0.5, owner="bob", pretraining="ecosys", description=MARKUP, authors=(MARKUP,))
    enter(store, release, "last", 0.1, -0.3, external_data=True, external_data_used="weather")
    return Standings(store, release).task("towers_temporal")


def shown(board: list[Line], **wanted: Any) -> list[str]:
    view = View(**wanted)
    return [line.model for line in view.lines(board, columns(USUAL, targets=("NEE", "GPP")))]


def test_lines_are_searched_filtered_and_sorted(board: list[Line]) -> None:
    assert shown(board) == ["best", MARKUP, "last"]
    assert shown(board, search="LSTM best") == ["best"]
    assert shown(board, search="BOB") == [MARKUP]
    assert shown(board, pretraining="ecosys") == [MARKUP]
    assert shown(board, external="yes") == ["last"]
    assert shown(board, external="no", verified="no") == ["best", MARKUP]
    assert shown(board, verified="yes") == shown(board, origin="official") == []
    assert shown(board, sort="model") == [MARKUP, "best", "last"]
    assert shown(board, sort="rank", descending=True) == ["last", MARKUP, "best"]
    assert shown(board, sort="nothing", pretraining="any") == ["best", MARKUP, "last"]
    by_size = View(sort="parameters")
    for view in (by_size, View(sort="parameters", descending=True)):
        lines = view.lines(board, columns(("parameters",), targets=("NEE", "GPP")))
        assert lines[0].model == "best", "what has no number stands last either way"


def test_pages_of_a_board(board: list[Line]) -> None:
    many = [board[0]] * 120
    for page, found in ((0, 50), (1, 50), (2, 20), (7, 20), (-3, 50)):
        assert len(View(page=page).cut(many)[0]) == found
    text = table(many, columns(USUAL, targets=("NEE", "GPP")), View(page=1), "Board")
    assert "51–100 of 120 submissions" in text
    assert 'data-page="0"' in text
    assert 'data-page="2"' in text


def test_strangers_text_is_text_everywhere(board: list[Line]) -> None:
    line = next(line for line in board if line.owner == "bob")
    assert line.entry is not None
    edit = Edit(datetime(2026, 1, 1, tzinfo=UTC), line.entry.metadata | {"method": MARKUP})
    pieces = [
        table(board, columns(USUAL, targets=("NEE", "GPP")), View(), "Board"),
        scored(line), told(line, [edit]), cards.progress(line.entry, line=line), cards.mine([line.entry], None),
        cards.history(line.entry.metadata, [edit]),
        cards.problem(AgrofluxError("bad", came=MARKUP, where=MARKUP)), cards.waiting(MARKUP),
    ]  # fmt: skip
    for piece in pieces:
        assert "&lt;script&gt;" in piece or "&lt;img" in piece
        assert not re.search(r"<(script|img)", piece)
    drawings = [figures.ranks(board), figures.by_target(board, ("NEE", "GPP")), figures.sizes(board),
                figures.sites_of_models(board, "NEE"), figures.sites(line), figures.by_scale(line)]  # fmt: skip
    assert any("&lt;script&gt;" in figure.to_json() or "\\u0026lt;" in figure.to_json() for figure in drawings)
    for figure in drawings:
        assert not re.search(r"<(script|img)|\\u003c(script|img)", figure.to_json())


def test_details_say_all_that_is_known(board: list[Line]) -> None:
    text = scored(board[0])
    assert '0.900 <span class="af-between">[0.800, 1.000]' in text
    assert "public half" in text
    assert "0.25 g C m⁻² d⁻¹" in text
    assert "g C m⁻² d⁻¹" in text
    assert "-3.000" in text
    said = told(board[2], [])
    assert "weather" in said


def test_what_lies_far_below_is_drawn_at_the_edge(board: list[Line]) -> None:
    (box,) = figures.sites_of_models(board[:1], "NEE").data
    assert list(box.lowerfence) == [-1.0]
    assert list(box.median) == [0.4]
    assert figures.by_scale(board[0]).data[0].y == (0.3, None)
    assert figures.nothing("why").layout.annotations[0].text == "why"


def test_over_tasks_a_missing_one_is_shown_as_such(store: LocalStore, release: Release) -> None:
    enter(store, release, "both", 0.2, 0.2)
    enter(store, release, "both", 0.4, 0.4, task="towers_spatial")
    enter(store, release, "one", 0.9, 0.9)
    standings = Standings(store, release)
    lines = standings.overall(("towers_temporal", "towers_spatial"))
    assert [(line.model, line.rank, line.skill, line.done) for line in lines] == [
        ("both", 1, 0.3, 2), ("one", 2, 0.9, 1)
    ]  # fmt: skip
    assert "missing" in over_tasks(lines[1])
    assert "1 of 2" in table(lines, columns(USUAL, tasks=("towers_temporal", "towers_spatial")), View(), "Board")
    assert standings.overall(("towers_temporal", "towers_spatial"), Half.PRIVATE) == []


def test_boards_are_computed_anew_after_a_change_alone(store: LocalStore, release: Release) -> None:
    id = enter(store, release, "first", 0.2, 0.2)
    standings = Standings(store, release)
    (line,) = standings.task("towers_temporal")
    assert standings.task("towers_temporal")[0] is line
    store.edit(id, line.entry.metadata | {"model": "renamed"} if line.entry else {})
    assert [one.model for one in standings.task("towers_temporal")] == ["renamed"]
    store.withdraw(id)
    assert standings.task("towers_temporal") == []
    assert standings.line(id) is None


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("https://github.com/an/example", "https://github.com/an/example"),
        ("http://www.github.com/an/example/", "https://github.com/an/example"),
        ("https://huggingface.co/an/model-1.2", "https://huggingface.co/an/model-1.2"),
        ("https://arxiv.org/abs/2602.01614v2", "https://arxiv.org/abs/2602.01614v2"),
        ("https://doi.org/10.5194/gmd-1-2#here", "https://doi.org/10.5194/gmd-1-2"),
        ("https://openreview.net/forum?id=aBc-12_x&more=1", "https://openreview.net/forum?id=aBc-12_x"),
        ("https://github.com@example.org/an/example", None),
        ("https://me:word@github.com/an/example", None),
        ("https://github.com:8443/an/example", None),
        ("https://github.com.example.org/an/example", None),
        ("https://github.com/an/../../example", None),
        ('https://github.com/an/"onmouseover=alert(1)', None),
        ("javascript:alert(1)//github.com/an/example", None),
        ("https://example.org/", None),
        ("https://[", None),
    ],
)
def test_only_links_that_we_build(given: str, found: str | None) -> None:
    assert address(given) == found


def test_the_form_gives_back_what_it_was_filled_with(release: Release) -> None:
    before = Metadata(
        "towers_temporal", release.revision, "model", authors=("A", "B"), description="x\ny", parameters=12,
        links=("https://github.com/an/example",), pretraining="ecosys", method="LSTM", seeds=(1, -2),
        external_data=True, external_data_used="weather",
    )  # fmt: skip
    assert changed(before, Form.read(tuple(Form.filled(before.to_json())))) == before
    bare = Metadata("towers_temporal", release.revision, "model")
    assert changed(bare, Form.read(tuple(Form.filled(bare.to_json())))) == bare
    with pytest.raises(AgrofluxError, match="not to be edited"):
        changed(before, {"task": "towers_spatial"})
    values = Form.filled(before.to_json())
    for place, wrong in enumerate(values):
        if wrong == "12":
            with pytest.raises(AgrofluxError, match="bad parameters"):
                Form.read((*values[:place], "many", *values[place + 1 :]))


def test_numbers() -> None:
    assert [count(value) for value in (0, 950, 12_300, 1_900_000)] == ["0", "950", "12.3 k", "1.9 M"]
    assert [number(None), number(float("nan")), number(-1e-9), number(1e-3, "N2O")] == ["–", "–", "0.000", "0.00100"]


def test_the_style_sheet_goes_with_the_package() -> None:
    from leaderboard.app.theme import CSS

    assert ".af-board" in CSS
    assert (Path(cards.__file__).parent / "page.css").is_file()


def test_quantiles_have_a_table_of_their_own(store: LocalStore, release: Release) -> None:
    def line(**uncertainty: Any) -> str:
        id = enter(store, release, f"model {len(store.entries())}", 0.5, 0.5)
        entry = store.entry(id)
        assert entry is not None
        assert entry.result is not None
        known = scores(0.5, 0.5)
        for name, of in uncertainty.items():
            known["targets"][name]["uncertainty"] = of
        store.request([id])
        lease = store.lease(60)
        assert lease is not None
        assert store.finish(lease, Result(State.SCORED, release.revision, "4", scores=known))
        found = Standings(store, release).line(id)
        assert found is not None
        return scored(found)

    assert "Uncertainty" not in line()
    levels = [1, *range(5, 100, 5), 99]
    wide = {"90": {"coverage": 0.8761, "width": 4.2}, "50": {"coverage": 0.6, "width": 1.5}}
    text = line(
        NEE={"levels": [5, 25, 50, 75, 95], "crps": 1.23456, "central": wide,
             "intervals": {"crps": {"low": 1.1, "high": 1.4}}},
        GPP={"levels": levels, "crps": None, "central": {"98": {"coverage": None, "width": None}}, "intervals": {}},
    )  # fmt: skip
    assert "<h3>Uncertainty</h3>" in text
    heads = re.findall(r"Days in \d+ %", text)
    assert heads == ["Days in 98 %", "Days in 90 %", "Days in 50 %"]
    for words in ("1.235 <span", "[1.100, 1.400]", "87.6 % <span", "width 4.200", "5, 25, 50, 75, 95 %",
                  "21 from 1 to 99 %"):  # fmt: skip
        assert words in text
