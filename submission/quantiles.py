"""The optional columns of predictive uncertainty: ``GPP_q05`` is the 5 % quantile of what is predicted for GPP.

A quantile has the unit, the range and the type of its target, whose own column must be there too: it stays what is
ranked. At least two levels make an interval; they need not be symmetric.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from agroflux_data.variables import VARIABLES, Variable

__all__ = [
    "LEAST_LEVELS",
    "MOST_COLUMNS",
    "MOST_LEVELS",
    "column",
    "columns",
    "crossing",
    "levels",
    "of_column",
    "variable_of",
]

LEAST_LEVELS = 2
MOST_LEVELS = 21
"""Levels of one target: every fifth percent, and 1 and 99 %. Each is one more question to the hidden values."""
MOST_COLUMNS = 63
"""Quantiles in a file: as many levels of three targets."""

_NAME = re.compile(r"(.+)_q(\d\d)", re.ASCII)
_ROUNDING = 1e-6
"""Share of a variable's range by which quantiles may cross: float32 holds seven digits."""


def column(target: str, level: int) -> str:
    """The name of a column.

    >>> column("GPP", 5)
    'GPP_q05'
    """
    return f"{target}_q{level:02d}"


def of_column(name: str) -> tuple[str, int] | None:
    """The target and the level, 1 to 99 percent, of a quantile's column; None for any other name.

    >>> of_column("NH4_L1_q95")
    ('NH4_L1', 95)
    """
    match = _NAME.fullmatch(name)
    if match is None or match[2] == "00":
        return None
    return match[1], int(match[2])


def variable_of(name: str) -> Variable:
    """The variable that a target's column is of, or a quantile's."""
    known = of_column(name)
    return VARIABLES[name if known is None else known[0]]


def levels(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """The levels of each target among names of columns, rising; targets in the order of their first column.

    >>> levels(["sequence", "GPP", "GPP_q95", "GPP_q05"])
    {'GPP': (5, 95)}
    """
    found: dict[str, list[int]] = {}
    for name in names:
        if (known := of_column(name)) is not None:
            found.setdefault(known[0], []).append(known[1])
    return {target: tuple(sorted(several)) for target, several in found.items()}


def columns(target: str, levels: Iterable[int]) -> list[str]:
    """The names of some columns of a target."""
    return [column(target, level) for level in levels]


def crossing(target: str, blocks: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """By how much a quantile of each day is below one of a lower level, (rows, 365); 0 up to rounding.

    Parameters
    ----------
    target : str
    blocks : sequence of arrays (rows, 365)
        Its quantiles, by rising level.
    """
    variable = VARIABLES[target]
    depth, highest = np.zeros_like(blocks[0]), blocks[0]
    with np.errstate(invalid="ignore"):
        for block in blocks[1:]:
            np.fmax(depth, highest - block, out=depth)
            highest = np.fmax(highest, block)
    return np.where(depth > _ROUNDING * (variable.high - variable.low), depth, np.float32(0))
