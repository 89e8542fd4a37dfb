"""The semantic version of a release, and what kind of change asks for which next one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from agroflux_data.errors import AgrofluxError

__all__ = ["FIRST", "Change", "Version"]


class Change(IntEnum):
    """What one release does to the users of another, the least first.

    NONE: nothing. PATCH: other words about the same rows. MINOR: more to learn from; what was made for the old release
    holds. MAJOR: models, predictions or scores of the old release do not hold any more.
    """

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


@dataclass(frozen=True, order=True)
class Version:
    """A version as semver.org spells it: major.minor.patch, without pre-releases.

    Examples
    --------
    >>> str(Version.from_text("1.4.2").after(Change.MINOR))
    '1.5.0'
    >>> Version.from_text("1.10.0") > Version.from_text("1.9.3")
    True
    """

    major: int
    minor: int
    patch: int

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The version that a text spells; raises `AgrofluxError` for one that is none."""
        number = "(0|[1-9][0-9]*)"
        match = re.fullmatch(rf"{number}\.{number}\.{number}", text)
        if match is None:
            raise AgrofluxError("not a version", expected="MAJOR.MINOR.PATCH, such as 1.0.0", came=text)
        return cls(*map(int, match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def tag(self) -> str:
        """The name under which the Hub keeps it: ``v1.0.0``."""
        return f"v{self}"

    def after(self, change: Change) -> Version:
        """The least version for a release that changes this one so."""
        match change:
            case Change.MAJOR:
                return Version(self.major + 1, 0, 0)
            case Change.MINOR:
                return Version(self.major, self.minor + 1, 0)
            case Change.PATCH:
                return Version(self.major, self.minor, self.patch + 1)
            case Change.NONE:
                return self


FIRST = Version(1, 0, 0)
"""The version of a release whose host names none."""
