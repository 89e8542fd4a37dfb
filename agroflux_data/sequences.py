"""A row of the data: one sequence, which is one (site, treatment, year) of 365 days."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from datasets import Features, List, Value
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.sources.source import Site
from agroflux_data.tasks import Task
from agroflux_data.variables import DAYS, INPUTS, OUTPUTS, STATICS

__all__ = ["KEYS", "daily_array", "features", "number", "parts", "table", "task_features", "values"]

KEYS: dict[str, str] = {
    "sequence": "int64",
    "site": "string",
    "treatment": "int16",
    "year": "int16",
    "lat": "float32",
    "lon": "float32",
}
"""The columns that name a row, and their types."""

_SITE, _TREATMENT = 1_000_000, 10_000


def number(site: int, treatment: int, year: int) -> int:
    """The sequence number: ``site * 1_000_000 + treatment * 10_000 + year``.

    >>> number(17019, 3, 2016)
    17019032016
    """
    if not (0 <= treatment < 100 and 0 <= year < _TREATMENT and site >= 0):
        raise ValueError(f"no sequence number for site {site}, treatment {treatment}, year {year}")
    return site * _SITE + treatment * _TREATMENT + year


def parts(sequence: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Site number, treatment and year of sequence numbers, each of the same shape.

    >>> [int(part) for part in parts(np.int64(17019032016))]
    [17019, 3, 2016]
    """
    return sequence // _SITE, sequence % _SITE // _TREATMENT, sequence % _TREATMENT


def features(inputs: Iterable[str], targets: Iterable[str]) -> Features:
    """The `datasets.Features` of a row with these columns, keys first, then statics, daily inputs and outputs."""
    wanted = {*inputs, *targets}
    columns: dict[str, object] = {name: Value(kind) for name, kind in KEYS.items()}
    columns |= {name: Value("float32") for name in STATICS if name in wanted}
    columns |= {
        name: List(Value("float32"), length=DAYS) for name in INPUTS + OUTPUTS if name in wanted and name not in STATICS
    }
    return Features(columns)


def task_features(task: Task) -> Features:
    """`features` of a task's columns."""
    return features(task.inputs, task.targets)


def daily_array(values: NDArray[np.floating]) -> pa.FixedSizeListArray:
    """(rows, 365) numbers as the Arrow type of a daily column; NaN stays NaN and is never null."""
    if values.ndim != 2 or values.shape[1] != DAYS:
        raise ValueError(f"a daily column has shape (rows, {DAYS}), not {values.shape}")
    flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, DAYS)


def values(column: pa.ChunkedArray | pa.Array) -> NDArray[np.float32]:
    """A daily column of an Arrow table as a (rows, 365) array; zero-copy for a single chunk."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    # `.values` of a sliced array ignores the slice, and `.flatten()` drops null rows: nulls are refused first.
    for chunk in chunks:
        if chunk.null_count:
            raise AgrofluxError("a daily column holds nulls", expected="NaN where a value is missing")
    arrays = [chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, DAYS) for chunk in chunks]
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.empty((0, DAYS), np.float32)


def table(
    sites: Iterable[Site],
    treatments: NDArray[np.integer],
    years: NDArray[np.integer],
    columns: Iterable[tuple[str, NDArray[np.floating]]],
) -> pa.Table:
    """Rows as an Arrow table, sorted by (site, year, treatment).

    Parameters
    ----------
    sites : iterable of Site
        The site of each row.
    treatments, years : integer arrays (rows,)
    columns : iterable of (str, array)
        Each variable: (rows,) for statics, (rows, 365) for daily inputs and outputs. Taken one by one, so a generator
        need never hold more than one of them.
    """
    sites = list(sites)
    numbers = np.array([site.number for site in sites], np.int64)
    order = np.lexsort((treatments, years, numbers))
    keys: dict[str, pa.Array] = {
        "sequence": pa.array(
            [number(int(numbers[row]), int(treatments[row]), int(years[row])) for row in order], pa.int64()
        ),
        "site": pa.array([sites[row].name for row in order], pa.string()),
        "treatment": pa.array(np.asarray(treatments)[order].astype(np.int16)),
        "year": pa.array(np.asarray(years)[order].astype(np.int16)),
        "lat": pa.array(np.array([sites[row].lat for row in order], np.float32)),
        "lon": pa.array(np.array([sites[row].lon for row in order], np.float32)),
    }
    data = {
        name: pa.array(array[order].astype(np.float32)) if name in STATICS else daily_array(array[order])
        for name, array in columns
    }
    schema = features(data, ()).arrow_schema
    return pa.table(keys | data).select(schema.names).cast(schema)
