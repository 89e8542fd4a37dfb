"""A part of a release: some of its blocks, to be built by one of several machines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from agroflux_data.errors import AgrofluxError

__all__ = ["Part"]

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """Shares `first` to `stop` - 1 of `count` near-equal shares of a list.

    Share k of n in a list of m items holds those at positions ``k * m // n`` to ``(k + 1) * m // n - 1``, counted from
    0: every item is in one share, and sizes differ by one at most. With fewer items than shares, some are empty.

    Raises
    ------
    AgrofluxError
        Bounds that name no share.

    Examples
    --------
    >>> Part.from_text("0:2/4").of(list("abcdefghij"))
    ['a', 'b', 'c', 'd', 'e']
    >>> [len(Part(k, k + 1, 4).of(range(10))) for k in range(4)]
    [2, 3, 2, 3]
    """

    first: int
    stop: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.first < self.stop <= self.count:
            raise AgrofluxError(
                "no such part", expected="FIRST:STOP/COUNT with 0 <= FIRST < STOP <= COUNT", came=str(self)
            )

    def __str__(self) -> str:
        return f"{self.first}:{self.stop}/{self.count}"

    @classmethod
    def from_text(cls, text: str) -> Part:
        """The part that a text such as ``0:8/512`` names."""
        match = re.fullmatch(r"(\d+):(\d+)/(\d+)", text, re.ASCII)
        if match is None:
            raise AgrofluxError("not a part", expected="FIRST:STOP/COUNT, such as 0:8/512", came=text)
        return cls(*map(int, match.groups()))

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """The items of a list that are in this part."""
        return items[self.first * len(items) // self.count : self.stop * len(items) // self.count]
