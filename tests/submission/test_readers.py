"""A submission is an ordinary table for whatever reads Parquet, and comes back from it unharmed."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq

from agroflux_data.release import Release
from agroflux_data.sequences import values
from submission import Metadata, read, write
from tests.submission.conftest import SHOWN, Arrays


def test_pyarrow(perfect: Path, truth: Arrays) -> None:
    table = pq.read_table(perfect)
    assert table.column_names == ["sequence", *SHOWN]
    np.testing.assert_array_equal(values(table["NEE"]), truth["NEE"])


def test_pandas(perfect: Path, truth: Arrays, metadata: Metadata, tmp_path: Path) -> None:
    frame = pd.read_parquet(perfect)
    np.testing.assert_array_equal(frame["sequence"], truth["sequence"])
    np.testing.assert_array_equal(np.stack(frame["GPP"]), truth["GPP"])
    again = read(write(frame, tmp_path / "again.parquet", metadata))
    np.testing.assert_array_equal(again["N2O"], truth["N2O"])


def test_polars(perfect: Path, truth: Arrays, release: Release) -> None:
    frame = pl.read_parquet(perfect)
    assert frame.schema["GPP"] == pl.Array(pl.Float32, 365)
    np.testing.assert_array_equal(frame["GPP"].to_numpy(), truth["GPP"])
    joined = frame.join(pl.from_arrow(release.table("ecosys_temporal", "test", ["sequence", "site"])), on="sequence")
    assert len(joined) == len(frame)


def test_duckdb(perfect: Path, truth: Arrays) -> None:
    key, days, highest = duckdb.sql(
        f"SELECT sequence, len(GPP), list_max(GPP::FLOAT[]) FROM '{perfect}' ORDER BY sequence LIMIT 1"
    ).fetchall()[0]
    first = int(np.argmin(truth["sequence"]))
    assert (key, days, highest) == (truth["sequence"][first], 365, truth["GPP"][first].max())
