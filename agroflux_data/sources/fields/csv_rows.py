"""A small CSV file that a user wrote by hand: its rows as text, each with the number of its line.

Text in UTF-8, commas between the cells, a first line of column names in any order; blank lines do no harm.
"""

from __future__ import annotations

import csv
import datetime
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sources import text

__all__ = ["Row", "lines", "read"]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class Row:
    """One line of a file.

    Attributes
    ----------
    path : Path
    line : int
        Counted from 1; the header is 1.
    cells : dict of str to str
        By column, without blanks around; an optional column that the file lacks is empty.
    """

    path: Path
    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def error(self, problem: str, expected: str, column: str | None = None, came: object = None) -> AgrofluxError:
        """An error about this line, or about one of its cells."""
        where = f"{self.path}, line {self.line}" + (f", column {column}" if column else "")
        return AgrofluxError(problem, expected=expected, came=self[column] if column else came, where=where)

    def text(self, column: str, expected: str) -> str:
        """A cell that must hold something; raises `AgrofluxError` where it is empty."""
        if not self[column]:
            raise self.error("an empty cell", expected, column)
        return self[column]

    def number(self, column: str, low: float, high: float, unit: str) -> float:
        """A cell's number; raises `AgrofluxError` where it is none or is not within `low` to `high`."""
        try:
            number = float(self[column])
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            words = f"{low:g} to {high:g} {'' if unit == '-' else unit}".strip()
            raise self.error("a number out of range" if math.isfinite(number) else "no number", words, column)
        return number

    def date(self, column: str) -> datetime.date:
        """A cell's date; raises `AgrofluxError` where it is none written yyyy-mm-dd."""
        text = self.text(column, "yyyy-mm-dd")
        if _DATE.fullmatch(text):
            try:
                return datetime.date.fromisoformat(text)
            except ValueError:
                pass
        raise self.error("no date", "yyyy-mm-dd", column)


def read(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """The rows of a file.

    Parameters
    ----------
    path : Path
    required, optional : sequence of str
        The columns that the file must and may have; no others.

    Raises
    ------
    AgrofluxError
        The file cannot be read or holds no row, its header is another, or a line has more or fewer cells.
    """
    expected = "columns " + ",".join(required) + (f" and, where known, {','.join(optional)}" if optional else "")
    (first, names), *rest = lines(path, expected)
    if lacking := [name for name in required if name not in names]:
        raise AgrofluxError(
            f"no column {listing(lacking, 9)}", expected=f"{expected}, with commas between", came=",".join(names)[:80],
            where=f"{path}, line {first}",
        )  # fmt: skip
    if other := [name for name in names if name not in (*required, *optional)]:
        raise AgrofluxError("an unknown column", expected=expected, came=other[0], where=f"{path}, line {first}")
    if len(set(names)) < len(names):
        raise AgrofluxError("a column twice", expected=expected, came=",".join(names), where=f"{path}, line {first}")
    rows = [Row(path, line, dict.fromkeys(optional, "") | dict(zip(names, cells, strict=True))) for line, cells in rest]
    if not rows:
        raise AgrofluxError("no rows", expected="one or more below the header", came="none", where=path)
    return rows


def lines(path: Path, expected: str) -> list[tuple[int, list[str]]]:
    """The cells of each line that is not blank, with its number, the header first; all have as many cells.

    Parameters
    ----------
    path : Path
    expected : str
        What the header should be, for the errors.

    Raises
    ------
    AgrofluxError
        The file cannot be read, is empty, or a line has more or fewer cells than the first.
    """
    reader = csv.reader(io.StringIO(text.read(path, f"a file with {expected}"), newline=""), strict=True)
    found: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                found.append((reader.line_num, stripped))
    except csv.Error as error:
        raise AgrofluxError("not readable as CSV", came=str(error), where=f"{path}, line {reader.line_num}") from None
    if not found:
        raise AgrofluxError("empty file", expected=expected, where=path)
    wanted = len(found[0][1])
    for line, cells in found:
        if len(cells) != wanted:
            raise AgrofluxError(
                "broken line", expected=f"{wanted} cells", came=",".join(cells)[:80], where=f"{path}, line {line}"
            )
    return found
