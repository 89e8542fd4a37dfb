"""Which reader opens which files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agroflux_data.errors import AgrofluxError
from agroflux_data.sources import official
from agroflux_data.sources.ameriflux import AmeriFlux
from agroflux_data.sources.chambers import MIN_HOURS, Chambers
from agroflux_data.sources.daycent_output import DayCentOutput
from agroflux_data.sources.ecosys_output import EcosysOutput
from agroflux_data.sources.embedded import SCALES, Embedded
from agroflux_data.sources.fields import Fields
from agroflux_data.sources.fluxnet_site import MIN_QC
from agroflux_data.sources.source import Source
from agroflux_data.tasks import SOURCES

__all__ = ["EMBEDDED", "READERS", "Reading", "open_sources", "read"]

EMBEDDED = "embedded"
"""The word that stands for the embedded process models where a path could stand."""


@dataclass(frozen=True)
class Reading:
    """How a user's own files are read; each reader takes what concerns it.

    Attributes
    ----------
    test_from : int, optional
        First test year, in place of the benchmark's.
    min_qc : float, optional
        Least quality flag, 0 to 1, of a tower's flux that counts; None keeps every flux.
    min_hours : int
        Least hours with a measurement, 1 to 24, of a chamber's day that counts.
    soils, management, weather : Path, optional
        Tables of the fields: see `agroflux_data.sources.soils_table`, `agroflux_data.sources.management_table` and,
        for chambers, `agroflux_data.sources.weather_table`.
    """

    test_from: int | None = None
    min_qc: float | None = MIN_QC
    min_hours: int = MIN_HOURS
    soils: Path | None = None
    management: Path | None = None
    weather: Path | None = None


def _ameriflux(path: Path, reading: Reading) -> tuple[Source, ...]:
    fields = Fields.read(reading.soils, reading.management)
    return (AmeriFlux.open(path, test_from=reading.test_from, min_qc=reading.min_qc, fields=fields),)


def _chambers(path: Path, reading: Reading) -> tuple[Source, ...]:
    fields = Fields.read(reading.soils, reading.management, reading.weather)
    return (Chambers.open(path, test_from=reading.test_from, min_hours=reading.min_hours, fields=fields),)


def _daycent(path: Path, reading: Reading) -> tuple[Source, ...]:
    return (DayCentOutput.open(path, test_from=reading.test_from, fields=reading.fields()),)


def _ecosys(path: Path, reading: Reading) -> tuple[Source, ...]:
    return (EcosysOutput.open(path, test_from=reading.test_from, fields=reading.fields()),)


def _official(path: Path, reading: Reading) -> tuple[Source, ...]:
    return official.read(path, test_from=reading.test_from)


READERS: dict[str, Callable[[Path, Reading], tuple[Source, ...]]] = {
    "ameriflux": _ameriflux,
    "chambers": _chambers,
    "daycent": _daycent,
    "ecosys": _ecosys,
    "official": _official,
}
"""The readers of users' files by name: each opens the sources that it finds at a path."""

_READER_OF = {"towers": "ameriflux", "mesocosm": "chambers"}
"""The reader of a source's own files, where ``SOURCE=PATH`` names only the source."""


def read(reader: str, path: Path, reading: Reading) -> tuple[Source, ...]:
    """The sources that a reader finds at a path; raises `AgrofluxError` for an unknown reader or unreadable files."""
    if reader not in READERS:
        raise AgrofluxError("unknown reader", expected="one of " + ", ".join(READERS), came=reader)
    return READERS[reader](path, reading)


def open_sources(
    named: Mapping[str, str], *, scale: str, seed: int, secret: bytes, reading: Reading = Reading()
) -> tuple[Source, ...]:
    """The sources of a release.

    Parameters
    ----------
    named : mapping of str to str
        Source or reader name -> path of the user's own files; source name -> ``embedded``. When empty, all sources
        are embedded.
    scale : {"tiny", "small", "paper"}
    seed : int
    secret : bytes
    reading : Reading
        How the user's own files are read.

    Raises
    ------
    AgrofluxError
        An unknown name or scale, files that cannot be read, or two names that give the same source.
    """
    if scale not in SCALES:
        raise AgrofluxError("unknown scale", expected="one of " + ", ".join(SCALES), came=scale)
    opened: list[Source] = []
    for name, path in (named or dict.fromkeys(SOURCES, EMBEDDED)).items():
        if name not in SOURCES and name not in READERS:
            known = dict.fromkeys((*SOURCES, *READERS))
            raise AgrofluxError("unknown source", expected="one of " + ", ".join(known), came=name)
        if path == EMBEDDED:
            if name not in SOURCES:
                raise AgrofluxError("nothing embedded of this name", expected=", ".join(SOURCES), came=name)
            opened.append(Embedded(name, scale, seed, secret))
        else:
            opened += read(_READER_OF.get(name, name), Path(path), reading)
    names = [source.name for source in opened]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise AgrofluxError("a source given twice", expected="each source once", came=", ".join(twice))
    return tuple(opened)
