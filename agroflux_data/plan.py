"""The plan of a release: every choice that decides its bytes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from agroflux_data.errors import AgrofluxError
from agroflux_data.partition import Partition
from agroflux_data.sources.source import Source
from agroflux_data.splits import Edition
from agroflux_data.versions import FIRST, Version

__all__ = ["Plan", "make_secret", "read_secret"]

_OPEN_SECRET = b"the open edition hides nothing"
_SHORTEST_SECRET = 16


@dataclass(frozen=True)
class Plan:
    """What to build.

    Attributes
    ----------
    edition : Edition
    scale : str or None
        Of the embedded sources; None where there are none.
    seed : int
        The public seed.
    secret : bytes
        What only the host knows.
    sources : tuple of Source
    version : Version
        What the host calls the release; its rows do not depend on it.
    """

    edition: Edition
    scale: str | None
    seed: int
    secret: bytes
    sources: tuple[Source, ...]
    version: Version = FIRST

    @cached_property
    def partitions(self) -> tuple[Partition, ...]:
        """Each source cut into the splits of the edition.

        Raises
        ------
        AgrofluxError
            A source without inputs, or one that no task can be made of.
        """
        for source in self.sources:
            if not source.inputs:
                raise AgrofluxError(
                    "a source without inputs", expected="weather, soils or management to predict from",
                    came="; ".join(source.warnings[-1:]) or None, where=source.name,
                )  # fmt: skip
        partitions = tuple(Partition(source, self.edition, self.secret) for source in self.sources)
        for partition in partitions:
            if not partition.tasks:
                years = partition.source.years
                raise AgrofluxError(
                    "no task can be made of a source", expected="years for training and for testing, or five sites",
                    came=f"{len(partition.folds)} sites, years {years.first}-{years.last}, tests from {years.test}",
                    where=partition.source.name,
                )  # fmt: skip
        return partitions


def make_secret(edition: Edition) -> bytes:
    """A new secret for a sealed release; the open edition, which hides nothing, always has the same."""
    return secrets.token_hex(32).encode() if edition is Edition.SEALED else _OPEN_SECRET


def read_secret(path: Path) -> bytes:
    """The secret in a file, surrounding white space aside; raises `AgrofluxError` for a missing or short one."""
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise AgrofluxError("unreadable secret", expected="a file", came=error.strerror, where=path) from None
    if len(secret) < _SHORTEST_SECRET:
        raise AgrofluxError(
            "secret too short to be one", expected=f"at least {_SHORTEST_SECRET} bytes, such as `openssl rand -hex 32`",
            came=f"{len(secret)} bytes", where=path,
        )  # fmt: skip
    return secret
