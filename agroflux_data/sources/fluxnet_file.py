"""Daily files in FLUXNET layout: which files of a folder they are, and the columns of one of them.

Layout: Pastorello et al. (2020), The FLUXNET2015 dataset and the ONEFlux processing pipeline, Scientific Data 7, 225.
One row a day, ``TIMESTAMP`` as yyyymmdd in local standard time, -9999 where a value is missing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing

__all__ = ["MISSING", "TIMESTAMP", "DailyFile", "daily_files", "header", "read"]

MISSING = -9999
"""What stands for a missing value in every column."""
TIMESTAMP = "TIMESTAMP"

_FIRST_YEAR, _LAST_YEAR = 1950, 2100
_NAME = re.compile(
    r"[^_]+_(?P<site>[A-Z]{2}-[A-Za-z0-9]+)_FLUXNET(2015)?_((FULLSET|SUBSET|FLUXMET)_)?(?P<resolution>[A-Z]{2})_.+\.csv",
    re.IGNORECASE,
)
_LONGEST_HEADER = 1 << 20


@dataclass(frozen=True)
class DailyFile:
    """One site's daily file."""

    path: Path
    site: str


def daily_files(folder: Path) -> tuple[list[DailyFile], list[Path]]:
    """The daily files under a folder, told by their names, and the other CSV files.

    Known names: ``FLX_US-Ne1_FLUXNET2015_SUBSET_DD_2001-2013_1-4.csv`` (FLUXNET2015; also FULLSET),
    ``AMF_US-Ne1_FLUXNET_FULLSET_DD_2001-2020_3-5.csv`` (AmeriFlux; also SUBSET) and
    ``AMF_US-Ne1_FLUXNET_FLUXMET_DD_2001-2024_v1.3_r1.csv`` (the network's name first).

    Returns
    -------
    daily : list of DailyFile
        Sorted by site.
    others : list of Path
        Other resolutions, reanalysis and metadata, sorted.

    Raises
    ------
    AgrofluxError
        There is no such folder, it holds no daily file, or two for one site.
    """
    if not folder.is_dir():
        came = "a file" if folder.exists() else "nothing there"
        raise AgrofluxError("no such folder", expected="a folder with daily FLUXNET files", came=came, where=folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    by_site: dict[str, DailyFile] = {}
    others: list[Path] = []
    for path in files:
        if path.suffix.lower() != ".csv":
            continue
        match = _NAME.fullmatch(path.name)
        if match is None or match["resolution"].upper() != "DD":
            others.append(path)
            continue
        site = match["site"]
        if site in by_site:
            raise AgrofluxError(
                f"two daily files of {site}", expected="one daily file a site",
                came=f"{by_site[site].path.relative_to(folder)} and {path.relative_to(folder)}", where=folder,
            )  # fmt: skip
        by_site[site] = DailyFile(path, site)
    if not by_site:
        raise AgrofluxError(
            "no daily file", expected="unpacked files such as AMF_US-Ne1_FLUXNET_SUBSET_DD_2001-2020_3-5.csv",
            came=listing(path.name for path in files) or "an empty folder", where=folder,
        )  # fmt: skip
    return [by_site[site] for site in sorted(by_site)], others


def header(path: Path) -> list[str]:
    """The column names of a file; raises `AgrofluxError` where its first line is no FLUXNET header."""
    expected = f"a first line of column names, with commas between them and {TIMESTAMP} among them"
    content = _content(path)
    if not content:
        raise AgrofluxError("empty file", expected=expected, where=path)
    line = re.split(r"[\r\n]", content[:_LONGEST_HEADER].decode("utf-8-sig", errors="ignore"), maxsplit=1)[0]
    names = [name.strip('"') for name in line.split(",")]
    if TIMESTAMP not in names:
        raise AgrofluxError("no FLUXNET header", expected=expected, came=line[:60], where=path)
    return names


def read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
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
    names = header(path)
    if twice := sorted({name for name in (TIMESTAMP, *columns) if names.count(name) > 1}):
        raise AgrofluxError("column twice", expected="each column once", came=", ".join(twice), where=path)
    table = _cells(path, [TIMESTAMP, *columns])
    if not table.num_rows:
        raise AgrofluxError("no days", expected="one line a day below the header", came="none", where=path)
    days = _days(path, table[TIMESTAMP].to_pylist())
    return pd.DataFrame({name: _numbers(path, name, table[name], days) for name in columns}, index=days)


def _content(path: Path) -> bytes:
    """A file's bytes; raises `AgrofluxError` where they are no text in UTF-8."""
    try:
        content = path.read_bytes()
        content.decode("utf-8")
    except OSError as error:
        raise AgrofluxError("unreadable file", came=error.strerror, where=path) from None
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise AgrofluxError(
            "no text in UTF-8", expected="a daily FLUXNET file", came=content[error.start : error.end],
            where=f"{path}, row {row}",
        ) from None  # fmt: skip
    return content


def _cells(path: Path, columns: list[str]) -> pa.Table:
    """Columns as text, so that a cell that is no number can be named."""
    ragged: list[pa.csv.InvalidRow] = []

    def collect(row: pa.csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    try:
        table = pa.csv.read_csv(
            pa.BufferReader(_content(path)),
            read_options=pa.csv.ReadOptions(use_threads=False),  # only then are the lines numbered
            parse_options=pa.csv.ParseOptions(invalid_row_handler=collect),
            convert_options=pa.csv.ConvertOptions(
                include_columns=columns, column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
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
    return table


def _days(path: Path, stamps: list[str]) -> pd.DatetimeIndex:
    """Days of the timestamps; raises `AgrofluxError` for the first that is none, and for days that come twice."""
    days = pd.to_datetime(pd.Series(stamps, dtype="object"), format="%Y%m%d", errors="coerce")
    wrong = [
        row
        for row, stamp in enumerate(stamps)
        if not (len(stamp) == 8 and stamp.isascii() and stamp.isdigit() and _FIRST_YEAR <= int(stamp[:4]) <= _LAST_YEAR)
        or days[row] is pd.NaT
    ]
    if wrong:
        raise AgrofluxError(
            "no date", expected=f"yyyymmdd, from {_FIRST_YEAR} to {_LAST_YEAR}", came=stamps[wrong[0]],
            where=f"{path}, column {TIMESTAMP}, day {wrong[0] + 1} below the header, {len(wrong)} such in all",
        )  # fmt: skip
    index = pd.DatetimeIndex(days)
    if index.has_duplicates:
        twice = [f"{day:%Y%m%d}" for day in index[index.duplicated()].unique()]
        raise AgrofluxError(
            "duplicate days", expected="one line a day", came=listing(twice, 3), where=f"{path}, column {TIMESTAMP}"
        )
    return index


def _numbers(path: Path, name: str, column: pa.ChunkedArray, days: pd.DatetimeIndex) -> NDArray[np.float64]:
    """A column's numbers; an empty cell is missing. Raises `AgrofluxError` for the first that is no number."""
    cells = pd.Series(column.to_pylist(), dtype="object").replace("", str(MISSING))
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64)
    wrong = [row for row in np.flatnonzero(np.isnan(numbers)) if cells[row].lower() != "nan"]
    if wrong:
        raise AgrofluxError(
            "no number", expected=f"a number, or {MISSING} where missing", came=cells[wrong[0]],
            where=f"{path}, column {name}, day {days[wrong[0]]:%Y%m%d}, {len(wrong)} such in all",
        )  # fmt: skip
    return np.where(numbers == MISSING, np.nan, numbers)
