"""The paper's tables, from runs whose numbers are known."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path

import pytest

from agroflux_data.errors import AgrofluxError
from baselines.paper.layout import LAYOUTS, ROWS
from baselines.paper.published import known_cells, read_published
from baselines.paper.results import gather
from baselines.paper.table import fill, fill_methods, value_of_seeds
from baselines.paper.text import as_latex, as_markdown
from baselines.run import RunFolder
from baselines.study.cells import Cell
from baselines.study.plan import title_of
from tests.baselines.test_command import here

TASKS = [f"{source}_{scenario}" for source in ("ecosys", "daycent", "towers", "mesocosm")
         for scenario in ("spatial", "temporal")]  # fmt: skip


def study(folder: Path, cells: list[tuple[dict, float | None]], origin: str = "embedded") -> Path:
    """A study's folder with runs whose R2 of NEE is given; RMSE is 1 - R2, and None is an unfinished one."""
    record = []
    for number, (choices, r2) in enumerate(cells):
        model = choices.get("model", "lstm")
        cell = Cell(**{"name": f"cell-{number}", "model": model, "label": title_of(model)} | choices)
        record.append({"cell": cell.to_json(), "done": None})
        if r2 is not None:
            scores = {"n": 9, "r2": r2, "rmse": 1 - r2, "mae": 0.1, "bias": 0.0, "skill": r2}
            (folder / cell.name).mkdir(parents=True)
            RunFolder(folder / cell.name).write("metrics.json", {"tested": {"NEE": scores}})
    release = {"revision": "abc", "edition": "open", "scale": "tiny", "origins": dict.fromkeys(TASKS, origin)}
    folder.mkdir(exist_ok=True)
    (folder / "study.json").write_text(json.dumps({"release": release, "cells": record}))
    return folder


def towers(r2: float | None, **more: object) -> tuple[dict, float | None]:
    return {"task": "towers_spatial", "seed": 0, "fold": "fold_0"} | more, r2


def test_the_layout_is_that_of_the_paper() -> None:
    assert ROWS == ("EALSTM", "LSTM", "Pyraformer", "TCN", "Transformer", "iTransformer")
    assert [len(layout.columns) for layout in LAYOUTS.values()] == [12, 6, 12, 12, 12, 12, 6, 6, *[6] * 8]
    assert [column.name for column in LAYOUTS["I"].columns[:4]] == [
        "Ecosys / spatial / CO2", "Ecosys / spatial / GPP", "Ecosys / spatial / N2O", "Ecosys / temporal / CO2",
    ]  # fmt: skip
    assert [layout.title for layout in list(LAYOUTS.values())[8:12]] == [
        f"{metric} on observed data, {scenario}, transferred by fine-tuning"
        for metric in ("RMSE", "MAE") for scenario in ("spatial", "temporal")
    ]  # fmt: skip
    assert {column.method for column in LAYOUTS["XVI"].columns} == {"adversarial"}


def test_folds_are_averaged_and_seeds_have_an_interval(tmp_path: Path) -> None:
    numbers = [(0.2, 0.4), (0.3, 0.5), (0.7, 0.5)]
    cells = [
        towers(r2, fold=f"fold_{fold}", seed=seed)
        for seed, folds in enumerate(numbers)
        for fold, r2 in enumerate(folds)
    ]
    cells += [towers(0.9, model="tcn")]  # of one fold alone, the easier one
    cells += [towers(0.45, model="linear", fold=f"fold_{fold}") for fold in range(2)]
    cells += [towers(None, model="gru")]
    results = gather([study(tmp_path / "study", cells)])
    assert results.unfinished == 1
    table = fill(LAYOUTS["II"], results)
    value = table.values["LSTM", "CO2 / spatial"]
    # Means over folds 0.3, 0.4 and 0.6: their sd is 0.15275, and t of two degrees of freedom is 4.30265.
    assert value.mean == pytest.approx(1.3 / 3)
    assert value.half == pytest.approx(4.302653 * 0.1527525 / math.sqrt(3), rel=1e-6)
    assert (value.seeds, value.folds) == (3, 2)
    assert ("TCN", "CO2 / spatial") not in table.values, "other folds are another test"
    assert table.rows == (*ROWS, "Linear")
    lines = as_markdown(table).splitlines()
    assert "| LSTM | - | - | 0.433 ± 0.379 | - | - | - |" in lines
    assert "| Linear | - | - | **0.450** | - | - | - |" in lines
    assert lines.index("| *other models* | | | | | | |") > lines.index("| iTransformer | - | - | - | - | - | - |")
    errors = fill(LAYOUTS["VII"], results)
    assert errors.best(LAYOUTS["VII"].columns[2]) == "Linear", "the smallest error"
    assert value_of_seeds([0.5], 1).half is None


def test_a_caption_says_whose_numbers_they_are(tmp_path: Path) -> None:
    (embedded, official) = (
        fill(LAYOUTS["VII"], gather([study(tmp_path / origin, [towers(0.5)], origin)])).caption
        for origin in ("embedded", "official")
    )
    assert "origin embedded, scale tiny, release revision abc." in embedded
    assert "cannot be compared with those of the paper" in embedded
    assert "cannot be compared" not in official
    assert "RMSE in g N m-2 d-1 (N2O), g C m-2 d-1 (CO2, GPP)." in official


def test_transfer_is_by_method_and_source(tmp_path: Path) -> None:
    moved = {"method": "finetune", "source": "ecosys_temporal"}
    cells = [
        towers(0.1), towers(0.2, **moved), towers(0.3, **moved | {"source": "ecosys_spatial"}),
        towers(0.4, **moved | {"source": "daycent_temporal"}), towers(0.5, **moved | {"method": "adversarial"}),
        towers(0.6, targets="carbon"),
    ]  # fmt: skip
    results = gather([study(tmp_path / "study", cells)])
    fine, adversarial = fill(LAYOUTS["III"], results), fill(LAYOUTS["IV"], results)
    assert fine.values["LSTM", "Ecosys / spatial / CO2"].mean == 0.3, "pretrained on the target's scenario"
    assert fine.values["LSTM", "DayCent / spatial / CO2"].mean == 0.4
    assert adversarial.values["LSTM", "Ecosys / spatial / CO2"].mean == 0.5
    assert "Pretrained on daycent_temporal, ecosys_spatial." in fine.caption
    scratch = fill(LAYOUTS["II"], results)
    assert scratch.values["LSTM", "CO2 / spatial"].mean == 0.1
    assert scratch.values["LSTM [carbon]", "CO2 / spatial"].mean == 0.6
    methods = fill_methods(results)
    assert {row: methods.values[row, "towers_spatial / NEE"].mean for row in methods.rows} == {
        "LSTM": 0.1, "LSTM, fine-tuned, daycent_temporal": 0.4, "LSTM, fine-tuned, ecosys_spatial": 0.3,
        "LSTM, fine-tuned, ecosys_temporal": 0.2, "LSTM, adversarial, ecosys_temporal": 0.5, "LSTM [carbon]": 0.6,
    }  # fmt: skip


def test_latex_is_well_formed(tmp_path: Path) -> None:
    cells = [towers(-0.5, label="50 % of a_b & c {d}"), towers(0.2)]
    results = gather([study(tmp_path / "study", cells)])
    text = as_latex([fill(layout, results) for layout in LAYOUTS.values()])
    assert re.sub(r"\\[{}]", "", text).count("{") == re.sub(r"\\[{}]", "", text).count("}")
    assert text.count("\\begin{") == text.count("\\end{")
    assert "50 \\% of a\\_b \\& c \\{d\\} & - & - & $-$0.500 & - & - & -" in text
    assert "\\textbf{0.200}" in text
    assert "g C m$^{-2}$ d$^{-1}$ (CO$_2$, GPP)" in text
    assert text.isascii()
    for part in text.split("\\begin{tabular}")[1:]:
        width = len(re.match(r"\{(l?r+)\}", part).group(1))  # type: ignore[union-attr]
        for line in part.split("\\end{tabular}")[0].splitlines():
            if line.endswith("\\\\"):
                spans = [int(span) for span in re.findall(r"\\multicolumn\{(\d+)\}", line)]
                assert len(re.split(r"(?<!\\)&", line)) + sum(spans) - len(spans) == width


def test_published_values_stand_beside_official_data_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tmp_path / "published.csv"
    known.write_text("table,row,column,value,source\nII,LSTM,CO2 / spatial,0.25,somewhere\n")
    folders = {origin: study(tmp_path / origin, [towers(0.5)], origin) for origin in ("embedded", "official")}
    command = ["--paper", "--compare", "paper", "--published", known, "--output", tmp_path / "tables"]
    assert here(monkeypatch, "table", folders["embedded"], *command) == 2
    assert "cannot be compared with those of the paper" in capsys.readouterr().err
    assert not (tmp_path / "tables").exists()
    assert here(monkeypatch, "table", folders["official"], *command) == 0
    assert f"1 of the paper's {known_cells()} values are known" in capsys.readouterr().err
    assert "| LSTM | - | - | **0.500** (0.25) | - | - | - |" in (tmp_path / "tables" / "tables.md").read_text()
    with (tmp_path / "tables" / "tables.csv").open() as file:
        one = next(line for line in csv.DictReader(file) if line["table"] == "II")
    assert (one["mean"], one["published"], one["best"], one["unit"]) == ("0.5", "0.25", "yes", "-")
    assert here(monkeypatch, "table", folders["official"], "--paper", "--table", "XVII") == 2
    assert here(monkeypatch, "table", folders["official"], "--compare", "paper") == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("XX,LSTM,CO2 / spatial,0.25,here", "no such table.*line 2"),
        ("II,GRU,CO2 / spatial,0.25,here", "no such row.*line 2"),
        ("II,LSTM,CO2,0.25,here", "no such column.*line 2"),
        ("II,LSTM,CO2 / spatial,high,here", "not a value.*'high'.*line 2"),
        ("II,LSTM,CO2 / spatial,0.25,", "a value from nowhere.*line 2"),
        ("II,LSTM,CO2 / spatial,0.25", "a line of other columns.*line 2"),
        ("II,LSTM,CO2 / spatial,0.25,a\nII,LSTM,CO2 / spatial,0.25,a", "stands there twice.*line 3"),
    ],
)
def test_a_wrong_file_of_published_values_is_refused(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "published.csv"
    path.write_text(f"table,row,column,value,source\n{line}\n")
    with pytest.raises(AgrofluxError, match=said):
        read_published(path)


def test_the_packaged_values_can_be_read() -> None:
    assert all(math.isfinite(value) for value in read_published().values())


def test_runs_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    one, two = study(tmp_path / "one", [towers(0.5)]), study(tmp_path / "two", [towers(0.6, recipe={"epochs": 3})])
    same = study(tmp_path / "same", [towers(0.5), towers(0.4, model="gru")])
    assert len(gather([one, same]).runs) == 2, "studies may share a run"
    with pytest.raises(AgrofluxError, match="two runs of the same kind"):
        gather([one, two])
    (two / "study.json").write_text((two / "study.json").read_text().replace("abc", "def"))
    with pytest.raises(AgrofluxError, match="runs of several releases"):
        gather([one, two])
    with pytest.raises(AgrofluxError, match="no runs that were tested"):
        gather([study(tmp_path / "three", [towers(None)])])
