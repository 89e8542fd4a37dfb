"""The columns of one file in FLUXNET layout.

Layout: Pastorello et al. (2020), The FLUXNET2015 dataset and the ONEFlux processing pipeline, Scientific Data 7, 225.
Times are local standard time, -9999 stands where a value is missing. A record of half hours has some 200 columns and
hundreds of megabytes: only the wanted columns are ever in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing

__all__ = ["MISSING", "TIMESTAMP", "Times", "header", "numbers", "read_daily", "read_texts", "times"]

MISSING = -9999
"""What stands for a missing value in every column."""
TIMESTAMP = "TIMESTAMP"

_FIRST_YEAR, _LAST_YEAR = 1950, 2100
_MISSING_WORDS = ["", "NA", "NAN", str(MISSING)]
_LONGEST_HEADER = 1 << 20
_FORMS = {8: "yyyymmdd", 12: "yyyymmddHHMM"}
_MINUTES = 24 * 60


@dataclass(frozen=True)
class Times:
    """A column of timestamps.

    Attributes
    ----------
    days : DatetimeIndex (rows,)
    minutes : int64 array (rows,)
        Since midnight; 0 for days.
    """

    days: pd.DatetimeIndex
    minutes: NDArray[np.int64]


def header(path: Path, stamps: Sequence[str] = (TIMESTAMP,)) -> list[str]:
    """The column names of a file; raises `AgrofluxError` where its first line is no header with `stamps`."""
    expected = f"a first line of column names, with commas between them and {' and '.join(stamps)} among them"
    try:
        with path.open("rb") as file:
            content = file.readline(_LONGEST_HEADER)
    except OSError as error:
        raise AgrofluxError("unreadable file", came=error.strerror, where=path) from None
    if not content:
        raise AgrofluxError("empty file", expected=expected, where=path)
    try:
        line = content.decode("utf-8-sig").rstrip("\r\n").split("\r")[0]
    except UnicodeDecodeError as error:
        raise _not_text(path, 1, error) from None
    names = [name.strip('"') for name in line.split(",")]
    if not {*stamps} <= {*names}:
        raise AgrofluxError("no FLUXNET header", expected=expected, came=line[:60], where=path)
    return names


def read_daily(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a daily file.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        Which of `header`; without ``TIMESTAMP``.

    Returns
    -------
    pandas.DataFrame
        float64, NaN where missing; the index holds each row's day, unique, in the order of the file.

    Raises
    ------
    AgrofluxError
        The file cannot be parsed: named with the line, or the column and the day.
    """
    table = read_texts(path, (TIMESTAMP,), columns)
    index = times(path, TIMESTAMP, table[TIMESTAMP], 8).days
    if index.has_duplicates:
        twice = [f"{day:%Y%m%d}" for day in index[index.duplicated()].unique()]
        raise AgrofluxError(
            "duplicate days", expected="one line a day", came=listing(twice, 3), where=f"{path}, column {TIMESTAMP}"
        )
    return pd.DataFrame({name: numbers(path, name, table[name], table[TIMESTAMP]) for name in columns}, index=index)


def read_texts(path: Path, stamps: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """Columns as text, so that a cell that is no number can be named; raises `AgrofluxError` for a broken file."""
    wanted = [*stamps, *columns]
    names = header(path, stamps)
    if twice := sorted({name for name in wanted if names.count(name) > 1}):
        raise AgrofluxError("column twice", expected="each column once", came=", ".join(twice), where=path)
    _check_text(path)
    ragged: list[pa.csv.InvalidRow] = []

    def collect(row: pa.csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    try:
        table = pa.csv.read_csv(
            path,
            read_options=pa.csv.ReadOptions(use_threads=False),  # only then are the lines numbered
            parse_options=pa.csv.ParseOptions(invalid_row_handler=collect),
            convert_options=pa.csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise AgrofluxError("not readable as CSV", came=str(error), where=path) from None
    if ragged:
        row = ragged[0]
        raise AgrofluxError(
            "broken line", expected=f"{row.expected_columns} cells", came=f"{row.actual_columns}: {row.text[:40]}...",
            where=f"{path}, row {row.number}, {len(ragged)} such in all",
        )  # fmt: skip
    if not table.num_rows:
        raise AgrofluxError("no days", expected="lines of values below the header", came="none", where=path)
    return table


def times(path: Path, name: str, column: pa.ChunkedArray, digits: int) -> Times:
    """A column of timestamps of 8 (yyyymmdd) or 12 digits; raises `AgrofluxError` for the first that is none."""
    right = pc.match_substring_regex(column, rf"^[0-9]{{{digits}}}$").to_numpy(zero_copy_only=False).astype(bool)
    stamps = np.zeros(len(column), np.int64)
    stamps[right] = pc.cast(column.filter(pa.array(right)), pa.int64()).to_numpy()
    dates, clocks = (stamps, np.zeros_like(stamps)) if digits == 8 else np.divmod(stamps, 10_000)
    # A few thousand days, however many half hours they have.
    unique, which = np.unique(dates, return_inverse=True)
    known = (unique >= _FIRST_YEAR * 10_000) & (unique < (_LAST_YEAR + 1) * 10_000)
    days = pd.DatetimeIndex(
        pd.to_datetime(pd.Series(np.where(known, unique, 0)).astype(str), format="%Y%m%d", errors="coerce")
    )
    hours, rest = np.divmod(clocks, 100)
    minutes = hours * 60 + rest
    wrong = np.flatnonzero(~right | days.isna()[which] | (rest >= 60) | (minutes >= _MINUTES))
    if len(wrong):
        first = int(wrong[0])
        raise AgrofluxError(
            "no date", expected=f"{_FORMS[digits]}, from {_FIRST_YEAR} to {_LAST_YEAR}", came=column[first].as_py(),
            where=f"{path}, column {name}, line {first + 1} below the header, {len(wrong)} such in all",
        )  # fmt: skip
    return Times(days[which], minutes)


def numbers(path: Path, name: str, column: pa.ChunkedArray, stamps: pa.ChunkedArray) -> NDArray[np.float64]:
    """A column's numbers, NaN where missing: -9999, an empty cell, NA or NaN.

    Raises `AgrofluxError` for the first cell that is no number, named with its timestamp.
    """
    cells = pc.utf8_trim_whitespace(column)
    missing = pc.is_in(pc.utf8_upper(cells), pa.array(_MISSING_WORDS))
    cells = pc.if_else(missing, pa.scalar(None, pa.string()), cells)
    try:
        values = pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        values = pd.to_numeric(pd.Series(cells.to_pylist(), dtype="object"), errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(values) & ~missing.to_numpy(zero_copy_only=False).astype(bool))
    if len(wrong):
        first = int(wrong[0])
        raise AgrofluxError(
            "no number", expected=f"a number, or {MISSING} where missing", came=column[first].as_py(),
            where=f"{path}, column {name}, at {stamps[first]}, {len(wrong)} such in all",
        )  # fmt: skip
    return np.where(values == MISSING, np.nan, values)


def _check_text(path: Path) -> None:
    """Raises `AgrofluxError` for the first row that is no UTF-8."""
    with path.open("rb") as file:
        for row, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise _not_text(path, row, error) from None


def _not_text(path: Path, row: int, error: UnicodeDecodeError) -> AgrofluxError:
    return AgrofluxError(
        "no text in UTF-8", expected="a FLUXNET file", came=error.object[error.start : error.end],
        where=f"{path}, row {row}",
    )  # fmt: skip
