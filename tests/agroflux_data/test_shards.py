from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest

from agroflux_data import shards
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from tests.toy import ToySource


@pytest.fixture(scope="module")
def rows():
    source = ToySource("daycent", 6, treatments=12)
    return source.sequences(source.sites)


def test_a_shard_gives_back_what_went_in(rows, tmp_path):
    shards.write(rows, tmp_path / "a.parquet", "a.parquet")
    assert pq.read_table(tmp_path / "a.parquet").equals(rows)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.parquet"]


def test_row_groups_hold_whole_sites(rows, tmp_path):
    shards.write(rows, tmp_path / "a.parquet", "a.parquet")
    groups = [set(table["site"].to_pylist()) for table in shards.read(tmp_path / "a.parquet", ["site"])]
    assert len(groups) > 1
    assert sum(len(group) for group in groups) == len(set().union(*groups))


def test_units_are_in_the_file(rows, tmp_path):
    shards.write(rows, tmp_path / "a.parquet", "a.parquet")
    assert pq.read_schema(tmp_path / "a.parquet").field("GPP").metadata[b"unit"] == b"g C m-2 d-1"


@pytest.mark.parametrize("sites", [1, 3, 40])
def test_row_groups_cover_every_row_once(sites):
    names = np.repeat([f"s{number:02d}" for number in range(sites)], 37)
    bounds = shards.row_groups(names)
    assert bounds[0][0] == 0
    assert bounds[-1][1] == len(names)
    assert all(before[1] == after[0] for before, after in pairwise(bounds))


def test_a_failed_write_leaves_nothing(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(pq.ParquetWriter, "write_table", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        shards.write(rows, tmp_path / "a.parquet", "a.parquet")
    assert list(tmp_path.iterdir()) == []


def test_missing_columns_are_named(toy_release):
    path = Release(toy_release).paths("towers_temporal", "train")[0]
    with pytest.raises(AgrofluxError, match="expected N2O"):
        list(shards.read(path, ["sequence", "N2O"]))


def test_a_flipped_byte_is_an_error_and_not_a_number(rows, tmp_path):
    path = tmp_path / "a.parquet"
    shards.write(rows, path, "a.parquet")
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 3] ^= 0x10
    path.write_bytes(whole)
    with pytest.raises(AgrofluxError, match=r"a\.parquet"):
        list(shards.read(path))
