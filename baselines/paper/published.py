"""The paper's own numbers, as far as they are known: ``published.csv``, or a file of a user in its format.

Columns ``table`` (I to XVI), ``row`` (a model as the paper calls it), ``column`` (its heading from the outermost to
the innermost, as ``Ecosys / spatial / CO2``), ``value``, and ``source``: where the number was read, such as ``arXiv
2602.01614v1, Table I``. A number that nobody has read there does not belong here.
"""

from __future__ import annotations

import csv
import math
from importlib.resources import as_file, files
from pathlib import Path

from agroflux_data.errors import AgrofluxError
from baselines.paper.layout import LAYOUTS, ROWS
from baselines.paper.results import Results

__all__ = ["OFFICIAL", "known_cells", "published_beside", "read_published"]

OFFICIAL = "official"

_HEAD = ["table", "row", "column", "value", "source"]


def known_cells() -> int:
    """How many numbers Tables I to XVI have."""
    return sum(len(layout.columns) * len(ROWS) for layout in LAYOUTS.values())


def read_published(path: Path | None = None) -> dict[tuple[str, str, str], float]:
    """The paper's values by table, row and column.

    Parameters
    ----------
    path : Path, optional
        A file of a user, instead of the one in this package.

    Raises
    ------
    AgrofluxError
        What is wrong with the file, and in which line.
    """
    if path is not None:
        return _read(path)
    with as_file(files("baselines.paper") / "published.csv") as packaged:
        return _read(packaged)


def published_beside(results: Results, path: Path | None = None) -> dict[tuple[str, str, str], float]:
    """The paper's values to stand beside some results.

    Raises
    ------
    AgrofluxError
        The results are not of the official data alone, or the file is wrong.
    """
    if others := sorted({origin for origin in results.origins.values() if origin != OFFICIAL}):
        raise AgrofluxError(
            "numbers of other data cannot be compared with those of the paper",
            expected=f"runs on data of origin {OFFICIAL}, the release of the AgroFlux authors", came=", ".join(others),
        )  # fmt: skip
    return read_published(path)


def _read(path: Path) -> dict[tuple[str, str, str], float]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AgrofluxError("no published values", expected="a CSV file", came=str(error)) from None
    rows = csv.reader(text.splitlines())
    if (head := next(rows, [])) != _HEAD:
        raise AgrofluxError(
            "not published values", expected=",".join(_HEAD), came=",".join(head), where=f"{path}, line 1"
        )
    found: dict[tuple[str, str, str], float] = {}
    for row in rows:
        where = f"{path}, line {rows.line_num}"
        if not row:
            continue
        if len(row) != len(_HEAD):
            raise AgrofluxError("a line of other columns", expected=",".join(_HEAD), came=",".join(row), where=where)
        table, model, column, value, source = (cell.strip() for cell in row)
        _known("table", table, tuple(LAYOUTS), where)
        _known("row", model, ROWS, where)
        _known("column", column, tuple(one.name for one in LAYOUTS[table].columns), where)
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise AgrofluxError("not a value", expected="a number", came=value, where=where)
        if not source:
            raise AgrofluxError("a value from nowhere", expected="where it was read", where=where)
        if (table, model, column) in found:
            raise AgrofluxError("a value that stands there twice", came=f"{table}, {model}, {column}", where=where)
        found[table, model, column] = number
    return found


def _known(what: str, came: str, known: tuple[str, ...], where: str) -> None:
    if came not in known:
        raise AgrofluxError(
            f"no such {what} of the paper", expected="one of " + ", ".join(known), came=came, where=where
        )
