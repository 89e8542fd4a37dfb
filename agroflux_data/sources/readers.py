"""Which reader opens which files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agroflux_data.errors import AgrofluxError
from agroflux_data.sources.ameriflux import AmeriFlux
from agroflux_data.sources.embedded import SCALES, Embedded
from agroflux_data.sources.source import Source
from agroflux_data.tasks import SOURCES

__all__ = ["EMBEDDED", "open_sources"]

EMBEDDED = "embedded"
"""The word that stands for the embedded process models where a path could stand."""


def open_sources(
    named: Mapping[str, str], *, scale: str, seed: int, secret: bytes, test_from: int | None = None
) -> tuple[Source, ...]:
    """The sources of a release.

    Parameters
    ----------
    named : mapping of str to str
        Source name -> folder of the user's own files, or ``embedded``. When empty, all sources are embedded.
    scale : {"tiny", "small", "paper"}
    seed : int
    secret : bytes
    test_from : int, optional
        First test year of the user's own files, in place of the benchmark's.
    """
    if scale not in SCALES:
        raise AgrofluxError("unknown scale", expected="one of " + ", ".join(SCALES), came=scale)
    opened: list[Source] = []
    for name, path in (named or dict.fromkeys(SOURCES, EMBEDDED)).items():
        if name not in SOURCES:
            raise AgrofluxError("unknown source", expected="one of " + ", ".join(SOURCES), came=name)
        if path == EMBEDDED:
            opened.append(Embedded(name, scale, seed, secret))
        elif name == "towers":
            opened.append(AmeriFlux.open(Path(path), test_from=test_from))
        else:
            raise AgrofluxError(f"no reader for {name} files yet", expected="towers=FOLDER", came=f"{name}={path}")
    return tuple(opened)
