"""Columns of quantiles: which names are some, what a file may have, and what is wrong with it otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.sequences import daily_array
from agroflux_data.variables import VARIABLES
from submission import Metadata, convert_csv, read, validate, write
from submission.description import describe
from submission.quantiles import MOST_COLUMNS, MOST_LEVELS, column, columns, crossing, levels, of_column
from submission.report import Report
from tests.submission.conftest import TASK, Arrays
from tests.submission.test_validation import arrow, codes, raw

Submit = Callable[..., Path]


def around(truth: Arrays, target: str, wanted: tuple[int, ...] = (5, 50, 95)) -> Arrays:
    """Quantiles of a target within its range, rising with their level."""
    low, high = VARIABLES[target].low, VARIABLES[target].high
    spread = float(np.nanstd(truth[target])) / 50
    return {
        column(target, level): np.clip(truth[target] + (level - 50) * spread, low, high).astype(np.float32)
        for level in wanted
    }


@pytest.mark.parametrize("name", ["GPP_q5", "GPP_q100", "GPP_q00", "_q05", "GPP_Q05", "GPP_q05 ", "GPPq05", "GPP_q٠٥"])
def test_names_that_are_no_quantiles(name: str) -> None:
    assert of_column(name) is None


def test_names() -> None:
    assert of_column("NH4_L1_q07") == ("NH4_L1", 7)
    assert of_column("GPP_q05_q95") == ("GPP_q05", 95)
    assert column("NEE", 1) == "NEE_q01"
    assert levels(["NEE_q50", "GPP_q95", "GPP", "GPP_q05", "day"]) == {"NEE": (50,), "GPP": (5, 95)}


def test_a_file_with_quantiles(submit: Submit, truth: Arrays, release: Release, tmp_path: Path) -> None:
    more = around(truth, "GPP") | around(truth, "N2O", (10, 90))
    # The order of columns does not matter, and neither does that of rows.
    order = np.random.default_rng(0).permutation(len(truth["sequence"]))
    file = submit(columns={name: more[name] for name in sorted(more, reverse=True)})
    report = validate(file, release)
    assert str(report) == "no faults"
    assert report.targets == ("NEE", "GPP", "N2O")
    assert report.quantiles == {"GPP": (5, 50, 95), "N2O": (10, 90)}
    assert Report.from_json(file, report.to_json()) == report
    shuffled = write({name: values[order] for name, values in (truth | more).items()}, tmp_path / "shuffled.parquet",
                     Metadata(TASK, release.revision, "a model"))  # fmt: skip
    assert validate(shuffled, release).quantiles == report.quantiles
    back = read(file)
    for name, values in more.items():
        np.testing.assert_array_equal(back[name], values)
    told = describe(file)
    assert list(told.targets) == list(back)[1:]
    assert told.targets["GPP_q05"].low == pytest.approx(float(more["GPP_q05"].min()))
    assert told.rows == len(order)


def test_long_form_and_csv(truth: Arrays, release: Release, tmp_path: Path) -> None:
    some = {"sequence": truth["sequence"][:2]} | {
        name: values[:2] for name, values in (truth | around(truth, "GPP")).items() if name.startswith("GPP")
    }
    frame = pd.DataFrame(
        {"sequence": np.repeat(some["sequence"], 365), "day": np.tile(np.arange(1, 366), 2)}
        | {name: values.ravel() for name, values in some.items() if name != "sequence"}
    )
    # A column that begins with whole numbers is one of numbers all the same.
    frame.loc[:99, "GPP_q95"] = 9
    metadata = Metadata(TASK, release.revision, "a model")
    frame.to_csv(tmp_path / "file.csv", index=False)
    of_csv = read(convert_csv(tmp_path / "file.csv", tmp_path / "csv.parquet", metadata))
    of_frame = read(write(frame, tmp_path / "frame.parquet", metadata))
    assert list(of_csv) == list(some)
    for name, values in of_frame.items():
        np.testing.assert_array_equal(of_csv[name], values)


def test_what_cannot_be_written(truth: Arrays, metadata: Metadata, tmp_path: Path) -> None:
    several = around(truth, "GPP", tuple(range(1, 2 + MOST_LEVELS)))
    bad = {
        "columns that": {"GPP_q5": truth["GPP"], "GPP": truth["GPP"]},
        "not predicted": {"NEE": truth["NEE"]} | around(truth, "GPP"),
        "quantiles of GPP": {"GPP": truth["GPP"], "GPP_q05": truth["GPP"]},
        f"2 to {MOST_LEVELS} levels": {"GPP": truth["GPP"]} | several,
        "too many quantiles": {
            name: truth["GPP"] for target in ("GPP", "NEE", "N2O", "RECO")
            for name in (target, *columns(target, range(1, 1 + MOST_LEVELS)))
        },
    }  # fmt: skip
    for words, arrays in bad.items():
        with pytest.raises(AgrofluxError, match=words):
            write({"sequence": truth["sequence"]} | arrays, tmp_path / "file.parquet", metadata)
    assert list(tmp_path.iterdir()) == []


def test_faults_of_columns(truth: Arrays, metadata: Metadata, release: Release, tmp_path: Path) -> None:
    right = arrow(truth)
    q = daily_array(truth["GPP"])

    def found(**more: object) -> list[str]:
        return codes(raw(tmp_path / "file.parquet", right | more, metadata), release)

    for name in ("GPP_q5", "GPP_q100", "_q05", "XYZ_q05", "GPP_q00", "sequence_q05", "GPP_q05_q95"):
        assert found(**{name: q}) == ["AF203"], name
    assert found(GPP_q05=q) == ["AF207"]
    assert found(**dict.fromkeys(columns("GPP", range(10, 11 + MOST_LEVELS)), q)) == ["AF207"]
    assert found(GPP_q05=right["sequence"], GPP_q95=q) == ["AF201"]
    assert found(GPP_q05=q, GPP_q95=q) == []
    del right["GPP"]
    assert found(GPP_q05=q, GPP_q95=q) == ["AF206"]
    many = {name: q for target in ("NEE", "N2O", "RECO") for name in columns(target, range(1, 41))}
    assert len(many) > MOST_COLUMNS
    assert found(**many) == ["AF007", "AF206", "AF207", "AF207", "AF207"]
    # Quantiles alone are no prediction of what is ranked.
    file = raw(tmp_path / "file.parquet", {"sequence": right["sequence"], "GPP_q05": q, "GPP_q95": q}, metadata)
    assert codes(file, release) == ["AF204", "AF206"]


def test_faults_of_values(submit: Submit, truth: Arrays, release: Release) -> None:
    more = around(truth, "GPP")
    more["GPP_q05"][3, 7] = np.nan
    more["GPP_q50"][4, 1] = np.inf
    more["GPP_q95"][5, 2] = 51
    found = {(fault.code, fault.column): fault for fault in validate(submit(columns=more), release).faults}
    keys = truth["sequence"].tolist()
    assert set(found) == {("AF301", "GPP_q05"), ("AF302", "GPP_q50"), ("AF303", "GPP_q95"), ("AF306", "GPP")}
    assert found["AF303", "GPP_q95"].examples == (keys[5],)
    assert "-15 to 50 g C m-2 d-1, got 51 to 51" in found["AF303", "GPP_q95"].message
    # An infinite median is above the 95 % quantile of its day.
    assert found["AF306", "GPP"].examples == (keys[4],)


def test_quantiles_that_cross(submit: Submit, truth: Arrays, release: Release) -> None:
    more = around(truth, "GPP")
    more["GPP_q50"][3, :2] = more["GPP_q95"][3, :2] + 2
    more["GPP_q50"][6, 9] = more["GPP_q95"][6, 9] + 3.5
    [fault] = validate(submit(columns=more), release).faults
    keys = truth["sequence"].tolist()
    assert (fault.code, fault.column, fault.count, fault.examples) == ("AF306", "GPP", 3, (keys[3], keys[6]))
    assert "on 3 days of GPP, by up to 3.5 g C m-2 d-1" in fault.message


def test_rounding_is_no_crossing() -> None:
    """An equal pair, and one that float32 turned about; across levels such steps do not add up to a licence."""
    low = np.full((1, 365), 10, np.float32)
    assert not crossing("GPP", [low, low]).any()
    assert not crossing("GPP", [np.nextafter(low, np.float32(99)), low]).any()
    assert crossing("GPP", [low, low - np.float32(1e-3)]).all()
    falling = [low - np.float32(5e-5) * step for step in range(4)]
    assert not crossing("GPP", falling[:2]).any()
    assert crossing("GPP", falling).all(), "the last is well below the first"


def test_the_most_that_a_file_may_have(submit: Submit, truth: Arrays, release: Release) -> None:
    """Three targets with 21 levels; its footer stays small at any size of a task."""
    wanted = (1, *range(5, 100, 5), 99)
    more = {name: values for target in ("NEE", "GPP", "N2O") for name, values in around(truth, target, wanted).items()}
    file = submit(columns=more)
    assert validate(file, release).quantiles == dict.fromkeys(("NEE", "GPP", "N2O"), wanted)
    footer = pq.ParquetFile(file).metadata
    # The test split of DayCent at full size, 215,208 rows, in groups of 1024.
    assert footer.serialized_size / footer.num_row_groups * (215_208 / 1024) < 4 << 20
