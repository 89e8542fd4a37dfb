"""Tables of numbers that Fortran and C programs write: columns between blanks or commas, a line a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sources import text

__all__ = ["TextTable", "lines"]

_MISSING = {"", "na", "n/a", "nan", "-nan", "nan(ind)", "-nan(ind)", "null", "inf", "-inf", "infinity", "-infinity"}


def lines(path: Path) -> list[str]:
    """The lines of a text file; raises `AgrofluxError` for one that is empty, unreadable or not UTF-8."""
    content = text.read(path, "a table of numbers")
    if not content.strip():
        raise AgrofluxError("empty file", expected="a table of numbers", where=path)
    return content.split("\n")


@dataclass(frozen=True)
class TextTable:
    """Cells of a table as text, so that one that is no number can be named.

    Attributes
    ----------
    path : Path
    names : tuple of str
        Column names; more cells may follow in a row than there are names.
    cells : list of list of str
        Rows of equal length.
    numbers : list of int
        The line of each row in the file.
    """

    path: Path
    names: tuple[str, ...]
    cells: list[list[str]]
    numbers: list[int]

    @classmethod
    def parse(cls, path: Path, names: Sequence[str], rows: Sequence[tuple[int, list[str]]], *, width: int) -> TextTable:
        """Rows of one width; raises `AgrofluxError` where there is none, or for the first of another width."""
        if not rows:
            raise AgrofluxError("no days", expected="a line for each day", came="none", where=path)
        ragged = [(number, len(row)) for number, row in rows if len(row) != width]
        if ragged:
            number, came = ragged[0]
            raise AgrofluxError(
                "broken line", expected=f"{width} cells", came=came,
                where=f"{path}, line {number}, {len(ragged)} such in all",
            )  # fmt: skip
        return cls(path, tuple(names), [row for _, row in rows], [number for number, _ in rows])

    def place(self, name: str) -> int:
        """The position of a column; raises `AgrofluxError` where it lacks or stands twice."""
        if self.names.count(name) != 1:
            raise AgrofluxError(
                f"no column {name}" if name not in self.names else f"column {name} twice",
                expected=f"one column {name}", came=listing(self.names, 8), where=self.path,
            )  # fmt: skip
        return self.names.index(name)

    def text(self, name: str) -> list[str]:
        """A column as it stands there, without quotes."""
        place = self.place(name)
        return [row[place].strip().strip("'\"").strip() for row in self.cells]

    def column(self, place: int, notes: list[str], what: str) -> NDArray[np.float64]:
        """A column's numbers, NaN where missing or, as asterisks, too wide for the program that wrote them.

        Parameters
        ----------
        place : int
        notes : list of str
            Gets a line where something is missing.
        what : str
            The name of the column in that line.

        Raises
        ------
        AgrofluxError
            The first cell that is no number.
        """
        cells = [row[place] for row in self.cells]
        try:
            numbers = np.array(cells, np.float64)
        except ValueError:
            numbers = np.array([self._number(cell, row, what) for row, cell in enumerate(cells)])
        missing = ~np.isfinite(numbers)
        if missing.any():
            first = int(np.flatnonzero(missing)[0])
            came = cells[first].strip() or "a blank"
            notes.append(f"{what}: {missing.sum()} values missing, the first {came} in line {self.numbers[first]}")
        return np.where(missing, np.nan, numbers)

    def _number(self, cell: str, row: int, what: str) -> float:
        plain = cell.strip().lower()
        if plain in _MISSING or (plain and not plain.strip("*")):
            return np.nan
        try:
            return float(plain)
        except ValueError:
            raise AgrofluxError(
                "no number", expected="a number", came=cell.strip()[:40],
                where=f"{self.path}, line {self.numbers[row]}, column {what}",
            ) from None  # fmt: skip
