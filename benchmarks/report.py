"""How every benchmark speaks: a readable table, one JSON line, and an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

__all__ = ["report"]


def report(
    name: str,
    value: float,
    bar: float,
    at_most: bool,
    rows: Iterable[Sequence[object]],
    *,
    header: Sequence[str] = ("measured", "value"),
    others_hold: bool = True,
) -> None:
    """Print the table of `rows`, then ``{"name", "value", "bar", "holds"}`` as the last line.

    Parameters
    ----------
    name : str
        The benchmark.
    value, bar : float
        The measured main ratio and what it must reach.
    at_most : bool
        True where the ratio may not exceed the bar, False where it may not fall short of it.
    rows : iterable of sequences
        The cells of the table; numbers are shortened.
    header : sequence of str
        Titles of its columns.
    others_hold : bool
        Whether the benchmark's further bars, if it has any, hold as well.

    Raises
    ------
    SystemExit
        With code 1 when a bar does not hold.
    """
    holds = bool(value <= bar if at_most else value >= bar) and others_hold
    table = Table(title=name)
    for number, title in enumerate(header):
        table.add_column(title, justify="right" if number else "left")
    for row in rows:
        table.add_row(*(f"{cell:,.4g}" if isinstance(cell, float) else str(cell) for cell in row))
    Console().print(table)
    print(json.dumps({"name": name, "value": round(float(value), 4), "bar": bar, "holds": holds}), flush=True)
    if not holds:
        sys.exit(1)
