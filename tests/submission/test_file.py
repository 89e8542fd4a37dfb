"""The file: what goes in comes out, whoever reads it, and nothing half-written stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, load_dataset

from agroflux_data.errors import AgrofluxError
from agroflux_data.variables import DAYS
from submission import Metadata, convert_csv, read, read_metadata, write

METADATA = Metadata(
    task="ecosys_temporal", revision="0123456789abcdef", model="LSTM µ", authors=("A. Author", "B. Author"),
    description="two\nlines", links=("https://example.org/paper",), parameters=12_345, pretraining="daycent",
    method="recurrent", external_data=True, external_data_used="soil maps", seeds=(1, 2, 3),
)  # fmt: skip


def arrays(rows: int = 3) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(rows)
    return {
        "sequence": np.arange(rows, dtype=np.int64)[::-1] * 10_000 + 2016,
        "GPP": draw.gamma(2, 2, (rows, DAYS)).astype(np.float32),
        "N2O": draw.random((rows, DAYS)).astype(np.float32),
    }


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert list(one) == list(other)
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])


def as_long(columns: dict[str, np.ndarray]) -> pd.DataFrame:
    rows = len(columns["sequence"])
    return pd.DataFrame(
        {"sequence": np.repeat(columns["sequence"], DAYS), "day": np.tile(np.arange(1, DAYS + 1), rows)}
        | {name: values.ravel() for name, values in columns.items() if name != "sequence"}
    )


def as_wide(columns: dict[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame({name: list(values) for name, values in columns.items()})


def as_dataset(columns: dict[str, np.ndarray]) -> Dataset:
    return Dataset.from_dict({name: values.tolist() for name, values in columns.items()})


@pytest.mark.parametrize("kind", [dict, as_long, as_wide, as_dataset], ids=lambda kind: kind.__name__)
def test_round_trip(kind: Any, tmp_path: Path) -> None:
    wanted = arrays()
    path = write(kind(wanted), tmp_path / "file.parquet", METADATA)
    same(read(path), wanted)
    assert read_metadata(path) == METADATA
    assert [item.name for item in tmp_path.iterdir()] == ["file.parquet"]


def test_written_from_a_file_read_back(tmp_path: Path) -> None:
    """A Dataset loaded from a submission holds fixed-size lists."""
    path = write(arrays(), tmp_path / "file.parquet", METADATA)
    loaded = load_dataset("parquet", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    same(read(write(loaded, tmp_path / "again.parquet", METADATA)), arrays())
    shuffled = loaded.select([2, 0])
    np.testing.assert_array_equal(
        read(write(shuffled, tmp_path / "some.parquet", METADATA))["GPP"], arrays()["GPP"][[2, 0]]
    )


def test_long_rows_in_any_order_and_with_gaps(tmp_path: Path) -> None:
    frame = as_long(arrays()).sample(frac=1, random_state=0)
    frame = frame[frame["day"] != 60]
    found = read(write(frame, tmp_path / "file.parquet", METADATA))
    order = [int(np.flatnonzero(arrays()["sequence"] == key)[0]) for key in found["sequence"]]
    wanted = arrays()["GPP"][order].copy()
    wanted[:, 59] = np.nan
    np.testing.assert_array_equal(found["GPP"], wanted)


def test_schema_as_documented(tmp_path: Path) -> None:
    path = write(arrays(), tmp_path / "file.parquet", METADATA)
    schema = pq.read_schema(path)
    assert schema.names == ["sequence", "GPP", "N2O"]
    assert schema.field("sequence").type == pa.int64()
    assert schema.field("GPP").type.value_type == pa.float32()
    assert schema.field("GPP").type.list_size == DAYS
    assert json.loads(schema.metadata[b"agroflux"])["pretraining"] == "daycent"
    assert pd.read_parquet(path)["GPP"][0].shape == (DAYS,)


def test_csv(tmp_path: Path) -> None:
    as_long(arrays()).to_csv(tmp_path / "file.csv", index=False)
    found = read(convert_csv(tmp_path / "file.csv", tmp_path / "file.parquet", METADATA))
    same(found, arrays())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "unreadable CSV"),
        ("sequence,GPP\n1,2\n", "missing columns"),
        ("sequence,day,GPP\n1,1,abc\n", "GPP|column #2"),
        ("sequence,day,GPP\n1,366,1\n", "366"),
        ("sequence,day,GPP\n1,0,1\n", "days that a year does not have"),
        ("sequence,day,GPP\n1,1,1\n1,1,2\n", "sequence 1 day 1"),
        ("sequence,day,GPP\n,1,1\n", "rows without sequence"),
        ("sequence,day,XYZ\n1,1,1\n", "XYZ"),
        ("sequence,day\n1,1\n", "without a target"),
        ("sequence,day,GPP\n1,1\n", "unreadable CSV"),
    ],
)
def test_bad_csv(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_text(text)
    with pytest.raises(AgrofluxError, match=problem):
        convert_csv(tmp_path / "file.csv", tmp_path / "file.parquet", METADATA)
    assert not (tmp_path / "file.parquet").exists()


def test_csv_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AgrofluxError, match="no such file"):
        convert_csv(tmp_path / "file.csv", tmp_path / "file.parquet", METADATA)


def test_overflow_in_csv_is_infinite_and_left_to_validation(tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_text("sequence,day,GPP\n1,1,1e200\n1,2,-1e999\n")
    found = read(convert_csv(tmp_path / "file.csv", tmp_path / "file.parquet", METADATA))
    assert found["GPP"][0, :2].tolist() == [np.inf, -np.inf]
    assert np.isnan(found["GPP"][0, 2:]).all()


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"sequence": np.arange(3)}, "without a target"),
        ({"GPP": np.ones((3, DAYS))}, "without a sequence"),
        ({"sequence": np.arange(3), "SMILES": np.ones((3, DAYS))}, "SMILES"),
        ({"sequence": np.arange(3.0), "GPP": np.ones((3, DAYS))}, "whole numbers"),
        ({"sequence": np.arange(3), "GPP": np.ones((2, DAYS))}, r"\(3, 365\)"),
        ({"sequence": np.arange(3), "GPP": np.ones((3, 366))}, r"\(3, 366\)"),
        ({"sequence": np.arange(3), "GPP": [[1.0] * DAYS, [1.0], [2.0]]}, "GPP"),
        ({"sequence": np.arange(3), "GPP": np.full((3, DAYS), "a")}, "GPP"),
        (pd.DataFrame({"sequence": [1], "day": [1.5], "GPP": [1.0]}), "day"),
        ([1, 2, 3], "list"),
    ],
)
def test_bad_predictions(columns: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(AgrofluxError, match=problem):
        write(columns, tmp_path / "file.parquet", METADATA)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", ""), ("model", "two\nlines"), ("model", "right\u202eleft"), ("model", "x" * 201), ("model", 3),
        ("authors", "A. Author"), ("authors", [1]), ("links", ["javascript:alert(1)"]), ("links", ["https://a b"]),
        ("parameters", -1), ("parameters", 1.5), ("parameters", True), ("pretraining", "magic"),
        ("external_data", "yes"), ("external_data", True), ("seeds", ["a"]), ("seeds", [1] * 101), ("surprise", 1),
    ],
)  # fmt: skip
def test_bad_metadata(field: str, value: Any) -> None:
    given = {"task": "ecosys_temporal", "revision": "0", "model": "m"}
    with pytest.raises(AgrofluxError, match=field):
        Metadata.from_json(given | {field: value})


def test_metadata_from_json_is_what_was_written() -> None:
    assert Metadata.from_json(json.loads(METADATA.to_bytes())) == METADATA
    with pytest.raises(AgrofluxError, match="revision"):
        Metadata.from_json({"task": "ecosys_temporal", "model": "m"})
