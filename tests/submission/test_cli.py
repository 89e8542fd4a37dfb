"""The real command: readable, exit code 2 with the faults for a bad file, JSON for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from agroflux_data.release import Release
from submission import read, read_metadata, write
from tests.submission.conftest import TASK, Arrays, metadata_for, truth_of


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "submission.cli", *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=cwd, timeout=120,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "100", "NO_COLOR": "1"},
    )  # fmt: skip


def test_validate_and_score_where_the_release_lies(perfect: Path, release: Release) -> None:
    """The defaults: ./agroflux, and ./agroflux-targets beside it."""
    found = run("validate", perfect, cwd=release.path.parent)
    assert (found.returncode, found.stderr) == (0, "")
    assert f"valid, 42 sequences of {TASK}/test, NEE, GPP, N2O" in found.stdout
    found = run("score", perfect, "--half", "public", cwd=release.path.parent)
    assert found.returncode == 0
    assert "origin embedded" in found.stdout
    assert "public half" in found.stdout
    assert "skill against the climatology: 1.0000" in found.stdout
    assert [line.split()[0] for line in found.stdout.splitlines() if " * " in line] == ["NEE", "GPP", "N2O"]


def test_score_for_programs(perfect: Path, release: Release) -> None:
    found = run("score", perfect, "--data", release.path, "--json")
    assert found.returncode == 0
    scores = json.loads(found.stdout)
    assert scores["targets"]["GPP"]["r2"] == 1
    assert scores["revision"] == release.revision


def test_score_in_pieces(perfect: Path, release: Release) -> None:
    found = run("score", perfect, "--data", release.path, "--by", "scale")
    assert (found.returncode, found.stderr) == (0, "")
    assert any(line.split()[:2] == ["NEE", "weekly"] for line in found.stdout.splitlines())
    assert "N2O: 100 % of" in found.stdout
    found = run("score", perfect, "--data", release.path, "--by", "month", "--json")
    pieces = json.loads(found.stdout)["pieces"]["targets"]["GPP"]
    assert pieces["month"]["7"]["rmse"] == pieces["scales"]["weekly"]["rmse"] == 0
    found = run("score", perfect, "--data", release.path, "--by", "day")
    assert found.returncode == 2
    assert "site, year, month, scale" in found.stderr


@pytest.mark.parametrize("command", ["validate", "score"])
def test_bad_files(command: str, truth: Arrays, release: Release, tmp_path: Path) -> None:
    (tmp_path / "table.parquet").write_text("sequence,day,GPP\n1,1,2.0\n")
    (tmp_path / "empty.parquet").write_bytes(b"")
    other = truth_of(release, "towers_temporal")
    write(
        {name: np.nan_to_num(values) for name, values in other.items()},
        tmp_path / "other.parquet",
        metadata_for(release),
    )
    gpp = truth["GPP"].copy()
    gpp[0, 0] = np.nan
    write(truth | {"GPP": gpp}, tmp_path / "nan.parquet", metadata_for(release, revision="0"))
    for name, codes in {
        "table": ["AF001"],
        "empty": ["AF001"],
        "other": ["AF101", "AF102"],
        "nan": ["AF004", "AF301"],
    }.items():
        file = tmp_path / f"{name}.parquet"
        found = run(command, file, "--data", release.path)
        assert found.returncode == 2
        assert [line[:5] for line in found.stdout.splitlines() if line.startswith("AF")] == codes
        assert (
            found.stderr == f"error: not a valid submission: expected no faults, got '{', '.join(codes)}' (in {file})\n"
        )
    found = run(command, file, "--data", release.path, "--json")
    assert found.returncode == 2
    assert [fault["code"] for fault in json.loads(found.stdout)["faults"]] == codes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "nowhere"], "no such release"),
        (["--half", "secret"], "unknown half"),
        (["--split", "fold_9"], "no such split"),
        (["--targets", "nowhere"], "no such release"),
        (["--sequence", "5"], "expected --plot"),
    ],
)
def test_bad_calls(options: list[str], message: str, perfect: Path, release: Release) -> None:
    found = run("score", perfect, *options, cwd=release.path.parent)
    assert found.returncode == 2
    assert found.stderr.startswith("error: ")
    assert message in found.stderr
    assert "Traceback" not in found.stderr
    assert found.stdout == ""


def test_names_from_a_file_are_no_markup(truth: Arrays, release: Release, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = write(truth, tmp_path / "file.parquet", metadata_for(release))
    table = pq.read_table(file)
    pq.write_table(table.append_column("[bold red]x[/]", pa.array(truth["sequence"])), file)
    found = run("validate", file, "--data", release.path)
    assert found.returncode == 2
    assert "[bold red]x[/]" in found.stdout


def test_convert(truth: Arrays, release: Release, tmp_path: Path) -> None:
    rows = [
        f"{key},{day + 1},{value!r}"
        for key, values in zip(truth["sequence"], truth["GPP"].tolist(), strict=True)
        for day, value in enumerate(values)
    ]
    (tmp_path / "file.csv").write_text("\n".join(["sequence,day,GPP", *rows]))
    (tmp_path / "more.json").write_text('{"authors": ["A. Author"], "pretraining": "daycent"}')
    found = run(
        "convert", tmp_path / "file.csv", tmp_path / "file.parquet", "--task", TASK, "--model", "m",
        "--data", release.path, "--metadata", tmp_path / "more.json",
    )  # fmt: skip
    assert (found.returncode, found.stderr) == (0, "")
    np.testing.assert_array_equal(read(tmp_path / "file.parquet")["GPP"], truth["GPP"])
    metadata = read_metadata(tmp_path / "file.parquet")
    assert (metadata.revision, metadata.authors, metadata.pretraining) == (release.revision, ("A. Author",), "daycent")
    assert run("score", tmp_path / "file.parquet", "--data", release.path).returncode == 0


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return tmp_path / "figure.png"


def test_plot(perfect: Path, truth: Arrays, release: Release, picture: Path) -> None:
    found = run("score", perfect, "--data", release.path, "--plot", picture)
    assert found.returncode == 0, found.stderr
    pixels = image.imread(picture)
    assert pixels.shape[:2] > (900, 1200)
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 50
    key = int(truth["sequence"][5])
    assert run("score", perfect, "--data", release.path, "--plot", picture, "--sequence", key).returncode == 0
    before = picture.read_bytes()
    found = run("score", perfect, "--data", release.path, "--plot", picture, "--sequence", 1)
    assert found.returncode == 2
    assert "no such sequence" in found.stderr
    assert picture.read_bytes() == before


def test_json_and_plot_at_once(perfect: Path, release: Release, picture: Path, submit: Callable[..., Path]) -> None:
    found = run("score", perfect, "--data", release.path, "--json", "--plot", picture)
    assert json.loads(found.stdout)["skill"] == 1
    assert picture.is_file()
