"""`FluxPredictor` gives the same fluxes for the same rows, whatever holds them."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.sequences import values
from agroflux_data.variables import STATICS
from baselines.predictor import FluxPredictor
from submission.file import read
from submission.validation import validate
from tests.baselines.test_prediction import untrained


@pytest.fixture(scope="module")
def predictor(toy_release: Path, tmp_path_factory: pytest.TempPathFactory) -> FluxPredictor:
    folder = untrained(Release(toy_release), "ecosys_temporal", tmp_path_factory.mktemp("run"), ("NEE", "GPP"))
    return FluxPredictor.from_pretrained(folder)


@pytest.fixture(scope="module")
def rows(toy_release: Path, tmp_path_factory: pytest.TempPathFactory) -> datasets.Dataset:
    cache = str(tmp_path_factory.mktemp("cache"))
    return datasets.load_dataset(str(toy_release), "ecosys_temporal", split="test", cache_dir=cache).select(range(5))


def test_a_release_gives_a_valid_file(predictor: FluxPredictor, toy_release: Path, tmp_path: Path) -> None:
    path = predictor(toy_release, split="validation", output=tmp_path / "validation.parquet")
    assert validate(path, Release(toy_release), split="validation").ok


def test_all_holders_of_rows_give_the_same(
    predictor: FluxPredictor, rows: datasets.Dataset, toy_release: Path, tmp_path: Path
) -> None:
    found = predictor(rows)
    assert found["sequence"].tolist() == rows["sequence"][:]
    file = read(predictor(Release(toy_release), output=tmp_path / "test.parquet"))
    place = {key: row for row, key in enumerate(file["sequence"].tolist())}
    several = predictor(list(rows))
    frame = predictor(rows.to_pandas())
    assert frame["sequence"].tolist() == rows["sequence"][:]
    for name in ("NEE", "GPP"):
        assert found[name].shape == (5, 365)
        np.testing.assert_allclose(found[name], file[name][[place[key] for key in rows["sequence"]]], atol=1e-6)
        np.testing.assert_array_equal(several[name], found[name])
        np.testing.assert_array_equal(np.stack(frame[name]), found[name])
        np.testing.assert_allclose(predictor(rows[1])[name], found[name][1], atol=1e-6)


def test_a_long_frame_in_any_order(predictor: FluxPredictor, rows: datasets.Dataset) -> None:
    table = rows.with_format("arrow")[:]
    columns = {
        name: np.repeat(table[name].to_numpy(), 365) if name in STATICS else values(table[name]).reshape(-1)
        for name in predictor.inputs
    }
    key, day = np.repeat(table["sequence"].to_numpy(), 365), np.tile(np.arange(1, 366), len(rows))
    long = pd.DataFrame({"sequence": key, "day": day} | columns).sample(frac=1, random_state=0)
    found = predictor(long)
    assert found.index.equals(long.index)
    expected = predictor(rows)
    back = found.sort_values(["sequence", "day"])
    order = np.argsort(expected["sequence"])
    np.testing.assert_allclose(back["GPP"].to_numpy().reshape(5, 365), expected["GPP"][order], atol=1e-6)
    # A frame without sequence numbers is one sequence, of any length.
    one = pd.DataFrame({name: column[:100] for name, column in columns.items()})
    np.testing.assert_allclose(predictor(one)["NEE"], expected["NEE"][0, :100], atol=1e-6)


def test_rows_that_do_not_fit_are_named(predictor: FluxPredictor, rows: datasets.Dataset) -> None:
    row = rows[0]
    for change, said in (
        ({"TMAX": row["TMAX"][:300]}, "different lengths"),
        ({"TMAX": [float("nan")] * 365}, "NaN or infinite"),
        ({"TMAX": ["warm"] * 365}, "bad values of TMAX"),
    ):
        with pytest.raises(AgrofluxError, match=said):
            predictor(row | change)
    del row["PREC"]
    with pytest.raises(AgrofluxError, match="no PREC"):
        predictor(row)
    with pytest.raises(AgrofluxError, match="no PREC"):
        predictor(rows.remove_columns("PREC"))
    with pytest.raises(AgrofluxError, match="at least one"):
        predictor([])
    with pytest.raises(AgrofluxError, match="for a release"):
        predictor(rows, split="test")
