"""Files to begin with, and what `describe` says of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from submission import read, score, validate
from submission.cli import app
from submission.description import describe
from submission.template import write_climatology, write_empty
from tests.submission.conftest import TASK, Arrays


def test_an_empty_file_lacks_nothing_but_values(release: Release, tmp_path: Path) -> None:
    path = write_empty(release, TASK, output=tmp_path / "empty.parquet", model="mine")
    arrays = read(path)
    assert list(arrays) == ["sequence", *release.task(TASK).ranked_targets]
    np.testing.assert_array_equal(arrays["sequence"], release.keys(TASK, "test"))
    report = validate(path, release)
    assert {fault.code for fault in report.faults} == {"AF301"}
    assert report.metadata is not None
    assert report.metadata.model == "mine"


def test_the_climatology_is_valid_and_has_no_skill(release: Release, tmp_path: Path) -> None:
    found = score(write_climatology(release, TASK, output=tmp_path / "usual.parquet"), release)
    assert set(release.task(TASK).ranked_targets) <= set(found.targets)
    assert found.skill == pytest.approx(0, abs=1e-12)


def test_the_predicted_fold_is_not_learned_from(open_release: Release, tmp_path: Path) -> None:
    """A split that is predicted gives nothing to the climatology of it."""
    task = "ecosys_spatial"
    with pytest.raises(AgrofluxError, match="no test split here"):
        write_climatology(open_release, task, output=tmp_path / "usual.parquet")
    one, other = (
        read(write_climatology(open_release, task, f"fold_{fold}", tmp_path / f"{fold}.parquet")) for fold in (0, 1)
    )
    assert not np.array_equal(np.unique(one["GPP"], axis=0), np.unique(other["GPP"], axis=0))


def test_template_as_a_command(release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["template", TASK, "--data", str(release.path)])
    assert told.exit_code == 0
    assert "NaN, which is not accepted" in told.stderr
    assert (tmp_path / f"{TASK}-empty.parquet").is_file()
    told = CliRunner().invoke(app, ["template", TASK, "--data", str(release.path), "--fill", "climatology"])
    assert "a valid submission" in told.stdout
    assert validate(tmp_path / f"{TASK}-climatology.parquet", release).ok
    for wrong in (["no_task"], [TASK, "--split", "fold_9"], [TASK, "--fill", "climatology", "--model", "x"]):
        told = CliRunner().invoke(app, ["template", *wrong, "--data", str(release.path)])
        assert isinstance(told.exception, AgrofluxError)


def test_describe_says_what_is_there(truth: Arrays, release: Release, submit: Callable[..., Path]) -> None:
    gpp = truth["GPP"].copy()
    gpp[0, :73] = np.nan
    gpp[1, 0] = np.inf
    path = submit(columns={"GPP": gpp}, description="[bold]no markup[/]")
    found = describe(path)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found.rows, found.sites, found.years) == (42, 7, (2016, 2018))
    assert found.targets["GPP"].finite == 1 - 74 / gpp.size
    finite = gpp[np.isfinite(gpp)]
    assert (found.targets["GPP"].low, found.targets["GPP"].high) == (finite.min(), finite.max())
    assert found.targets["GPP"].mean == pytest.approx(finite.mean(dtype=float))
    told = CliRunner().invoke(app, ["describe", str(path)])
    assert "[bold]no markup[/]" in told.stdout
    assert "99.5 %" in told.stdout
    plain = json.loads(CliRunner().invoke(app, ["describe", str(path), "--json"]).stdout)
    assert plain["sha256"] == found.sha256
    assert plain["metadata"]["revision"] == release.revision


def test_describe_of_an_empty_file_has_no_ranges(release: Release, tmp_path: Path) -> None:
    path = write_empty(release, TASK, output=tmp_path / "empty.parquet")
    plain = json.loads(CliRunner().invoke(app, ["describe", str(path), "--json"]).stdout)
    assert plain["targets"]["GPP"] == {"finite": 0, "low": None, "mean": None, "high": None}


def test_describe_refuses_what_is_no_submission(submit: Callable[..., Path], tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "page.parquet").write_text("<html></html>")
    with pytest.raises(AgrofluxError, match="it looks like a web page"):
        describe(tmp_path / "page.parquet")
    path = submit()
    table = pq.read_table(path)
    for wrong, said in (
        (table.append_column("GPP", table["GPP"]), "each once"),
        (table.append_column("note", pa.array(["x"] * len(table))), "note string"),
        (table.set_column(0, "sequence", table["sequence"].cast(pa.int32())), "sequence int32"),
        (table.drop_columns("sequence"), "no sequence column"),
    ):
        pq.write_table(wrong, path)
        with pytest.raises(AgrofluxError, match=said):
            describe(path)
    whole = submit().read_bytes()
    path.write_bytes(whole[:200] + bytes(2000) + whole[2200:])
    with pytest.raises(AgrofluxError, match="damaged"):
        describe(path)
