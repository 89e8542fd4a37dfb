from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agroflux_data import sequences
from agroflux_data.errors import AgrofluxError
from agroflux_data.sources.source import Site
from agroflux_data.tasks import TASKS
from agroflux_data.variables import DAYS


@given(st.integers(0, 10**9), st.integers(0, 99), st.integers(0, 9999))
def test_a_sequence_number_spells_its_parts(site, treatment, year):
    assert [int(part) for part in sequences.parts(np.int64(sequences.number(site, treatment, year)))] == [
        site, treatment, year,
    ]  # fmt: skip


def test_a_treatment_that_would_run_into_the_site_is_refused():
    with pytest.raises(ValueError, match="treatment 100"):
        sequences.number(1, 100, 2000)


def test_rows_are_sorted_by_site_year_treatment_and_keep_their_values():
    sites = [Site("b", 2, 41, -93), Site("a", 1, 40, -92), Site("a", 1, 40, -92), Site("a", 1, 40, -92)]
    treatments, years = np.array([0, 1, 0, 0]), np.array([2000, 2000, 2001, 2000])
    gpp = np.arange(4)[:, None] + np.zeros(DAYS)
    gpp[0, 3] = np.nan
    rows = sequences.table(sites, treatments, years, [("GPP", gpp), ("TSOC", np.arange(4.0))])
    assert rows["sequence"].to_pylist() == [1002000, 1012000, 1002001, 2002000]
    assert rows["TSOC"].to_pylist() == [3, 1, 2, 0]
    values = sequences.values(rows["GPP"])
    assert values[:, 0].tolist() == [3, 1, 2, 0]
    assert np.isnan(values[3, 3])
    assert rows["GPP"].null_count == 0


def test_daily_values_of_a_slice_are_those_of_the_slice():
    column = sequences.daily_array(np.arange(3.0)[:, None] + np.zeros(DAYS))
    assert sequences.values(column[1:])[:, 5].tolist() == [1, 2]
    assert sequences.values(pa.chunked_array([column, column]))[:, 0].tolist() == [0, 1, 2, 0, 1, 2]


def test_a_null_row_is_refused():
    column = pa.array([[0.0] * DAYS, None], pa.list_(pa.float32(), DAYS))
    with pytest.raises(AgrofluxError, match="null"):
        sequences.values(column)


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_features_have_every_column_of_the_task_once(task):
    names = list(sequences.task_features(task))
    assert len(names) == len(set(names))
    assert set(names) == {*sequences.KEYS, *task.inputs, *task.targets}
