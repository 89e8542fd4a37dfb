"""Boards as files: numbers that are numbers, texts that stay texts, and results that the Hub's own library reads."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub.hf_api import parse_eval_result_entries

from agroflux_data.release import Release
from leaderboard.intake import Intake
from leaderboard.seasons import Seasons
from leaderboard.store import Half, LocalStore, Result, State
from tests.leaderboard.conftest import Command, FileMaker

FORMULAS = ('=HYPERLINK("http://x","y")', "+1+1", "-2+3", "@SUM(A1)", " =1+1")

UNCERTAINTY = {"crps": 1.23456789, "central": {"50": {"coverage": 0.4}, "90": {"coverage": 0.876543}}, "levels": []}


@pytest.fixture
def home(store: LocalStore, release: Release, make_file: FileMaker) -> tuple[str, ...]:
    """A store with scored submissions whose names are formulas; the first has a skill that is no number."""
    intake = Intake(store, release)
    for number, name in enumerate(FORMULAS):
        id = intake.receive(make_file(model=name, offset=0.01 * number), f"owner{number}").id
        edited = {"authors": ["=A", "Ö, \"B\""], "links": [f"https://huggingface.co/org{number % 2}/model"],
                  "method": "@LSTM"}  # fmt: skip
        intake.edit(id, edited)
        lease = store.lease(60)
        assert lease is not None
        skill = None if number == 0 else 0.123456789 * number
        scores: dict[str, Any] = {
            "targets": {"NEE": {"skill": skill, "r2": -0.00012345, "rmse": 1.23456e-7}, "GPP": {"skill": skill}},
            "skill_interval": {"low": -0.1, "high": 0.2},
        }
        if number == 4:
            scores["targets"]["NEE"]["uncertainty"] = UNCERTAINTY
        assert store.finish(lease, Result(State.SCORED, release.revision, "7", scores=scores))
    store.record("verification", {"agrees": True}, store.entries()[2].submission.id)
    return ("--data", str(release.path), "--store", str(store.folder))


def test_a_spreadsheet_finds_no_formula(command: Command, home: tuple[str, ...], tmp_path: Path) -> None:
    out = tmp_path / "boards.csv"
    code, said, _ = command("export", out, *home)
    assert (code, f"{len(FORMULAS)} rows of 8 boards" in said) == (0, True)
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["'" + name for name in (*FORMULAS[:0:-1], FORMULAS[0])]
    for row in rows:
        assert not any(cell.lstrip(" ").startswith(("=", "+", "@", "\t", "\r")) for cell in row.values())
        assert row["authors"] == '\'=A; Ö, "B"'
    assert (rows[0]["NEE_r2"], rows[0]["NEE_rmse"]) == ("-0.0001", "1.235e-07"), "as coarse as on the page"
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", ""]
    frame = pd.read_csv(out)
    assert frame["skill"].tolist()[:2] == [0.4938, 0.3704]
    assert frame["half"].unique().tolist() == ["public"]


def test_json_and_parquet_say_the_same(command: Command, home: tuple[str, ...], tmp_path: Path) -> None:
    for name in ("boards.json", "boards.parquet"):
        assert command("export", tmp_path / name, "--task", "towers_temporal", *home)[0] == 0

    def refuse(name: str) -> None:
        raise ValueError(name)

    plain = json.loads((tmp_path / "boards.json").read_text(), parse_constant=refuse)
    table = pq.read_table(tmp_path / "boards.parquet")
    assert json.loads(table.schema.metadata[b"agroflux"])["revision"] == plain["revision"]
    assert (plain["half"], plain["origins"], len(plain["rows"])) == ("public", ["embedded"], 5)
    for row, typed in zip(plain["rows"], table.to_pylist(), strict=True):
        assert row | {"received": None} == typed | {"received": None}
        assert row["received"] == typed["received"].isoformat(timespec="seconds")
    assert plain["rows"][-1]["model"] == FORMULAS[0]
    assert (plain["rows"][-1]["skill"], plain["rows"][0]["NEE_rmse"]) == (None, 1.235e-07)
    assert [row["verified"] for row in plain["rows"]] == [False, False, True, False, False]
    first, *others = ([row[f"NEE_{name}"] for name in ("crps", "central", "coverage")] for row in plain["rows"])
    assert first == [1.235, 90, 0.8765], "of the widest interval"
    assert others == [[None] * 3] * 4
    assert str(table.schema.field("NEE_central").type) == "int64"


def test_an_empty_board_has_columns(command: Command, home: tuple[str, ...], tmp_path: Path) -> None:
    for name in ("none.csv", "none.parquet", "none.json"):
        assert command("export", tmp_path / name, "--task", "mesocosm_spatial", *home)[0] == 0
    assert pd.read_csv(tmp_path / "none.csv").columns.tolist() == pq.read_table(tmp_path / "none.parquet").column_names
    assert "N2O_skill" in (tmp_path / "none.csv").read_text()


def test_evaluation_results_are_those_that_the_hub_reads(
    command: Command, home: tuple[str, ...], tmp_path: Path, store: LocalStore
) -> None:
    out = tmp_path / "results"
    wanted = ("export", out, "--format", "eval-results", "--source", "https://example.org/board")
    code, said, _ = command(*wanted, "--dataset", "fluxes/agroflux", *home)
    assert code == 0
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.yaml"))
    assert files == ["org0/model/.eval_results/agroflux.yaml", "org1/model/.eval_results/agroflux.yaml"]
    assert all(file in said for file in files)
    (entry,) = parse_eval_result_entries(yaml.safe_load((out / files[0]).read_text()))
    assert (entry.dataset_id, entry.task_id, entry.value) == ("fluxes/agroflux", "towers_temporal", 0.4938)
    assert (entry.source_url, entry.date is not None) == ("https://example.org/board", True)
    assert store.entries()[4].submission.id in (entry.notes or ""), "the best of two of one model"
    assert "embedded data" in (entry.notes or "")
    code, _, err = command(*wanted, *home)
    assert (code, "which dataset" in err) == (2, True)


def test_a_standing_is_exported_as_it_was_recorded(
    command: Command, home: tuple[str, ...], tmp_path: Path, store: LocalStore, release: Release
) -> None:
    seasons, out = Seasons(store), tmp_path / "standing.json"
    seasons.open("one", release)
    code, _, err = command("export", out, "--season", "one", *home)
    assert (code, "no standing yet" in err) == (2, True)
    seasons.freeze("one")
    seasons.settle("one", release)
    while (lease := store.lease(60)) is not None:
        known = {"skill": 0.25, "r2": 0.5, "rmse": 1.0, "uncertainty": UNCERTAINTY}
        scores = {"targets": dict.fromkeys(("NEE", "GPP"), known)}
        store.finish(lease, Result(State.SCORED, release.revision, "7", scores=scores, half=Half.PRIVATE))
    assert seasons.settle("one", release).standing is not None
    assert command("export", out, "--season", "one", *home)[0] == 0
    rows = json.loads(out.read_text())["rows"]
    assert {(row["rank"], row["skill"], row["half"], row["season"]) for row in rows} == {(1, 0.25, "private", "one")}
    assert {(row["GPP_crps"], row["GPP_central"], row["GPP_coverage"]) for row in rows} == {(1.235, 90, 0.8765)}


def test_what_cannot_be_written_is_said(command: Command, home: tuple[str, ...], tmp_path: Path) -> None:
    for arguments, said in (
        ((tmp_path / "boards.xlsx",), "write what?"), ((tmp_path / "gone" / "b.csv",), "cannot write there"),
        ((tmp_path / "b.csv", "--task", "x"), "unknown task"),
        ((tmp_path / "b.csv", "--season", "x"), "no such season"),
    ):  # fmt: skip
        code, _, err = command("export", *arguments, *home)
        assert (code, said in err) == (2, True), err
    assert not list(tmp_path.glob(".*"))
