"""The one error that a user of the kit meets for bad input, and how messages list names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["AgrofluxError", "listing"]


class AgrofluxError(Exception):
    """Bad input, said once and clearly; every command prints it and exits with code 2.

    Parameters
    ----------
    problem : str
        What is wrong, as a short phrase: ``"unknown task"``.
    expected : str, optional
        What would have been right.
    came : object, optional
        What came instead; shown with ``repr``-like quotes when it is text.
    where : str or Path, optional
        The file, column or argument that holds it.
    """

    def __init__(
        self, problem: str, *, expected: str | None = None, came: object = None, where: str | Path | None = None
    ):
        self.problem, self.expected, self.came, self.where = problem, expected, came, where
        text = problem
        if expected is not None:
            text += f": expected {expected}"
        if came is not None:
            text += (", " if expected is not None else ": ") + f"got {came!r}"
        if where is not None:
            text += f" (in {where})"
        super().__init__(text)


def listing(names: Iterable[object], longest: int = 5) -> str:
    """Some names in words: all of them, or the first and how many more.

    >>> listing("abcd", longest=2)
    'a, b and 2 more'
    """
    words = [str(name) for name in names]
    more = len(words) - longest
    return ", ".join(words) if more <= 0 else ", ".join(words[:longest]) + f" and {more} more"
