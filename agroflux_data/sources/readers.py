"""Which reader opens which files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from agroflux_data.errors import AgrofluxError
from agroflux_data.sources.chambers.source import MIN_HOURS, Chambers
from agroflux_data.sources.embedded import SCALES, Embedded
from agroflux_data.sources.fields.fields import Fields
from agroflux_data.sources.fluxnet.ameriflux import AmeriFlux
from agroflux_data.sources.fluxnet.site import MIN_QC
from agroflux_data.sources.model_runs.daycent_output import DayCentOutput
from agroflux_data.sources.model_runs.ecosys_output import EcosysOutput
from agroflux_data.sources.official import source as official
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
        Tables of `agroflux_data.sources.fields`: see `soils_table`, `management_table` and, for chambers,
        `weather_table` there.
    """

    test_from: int | None = None
    min_qc: float | None = MIN_QC
    min_hours: int = MIN_HOURS
    soils: Path | None = None
    management: Path | None = None
    weather: Path | None = None


@dataclass(frozen=True)
class Reader:
    """How one kind of files is opened.

    Attributes
    ----------
    open : callable
        (path, reading) -> the sources that are there.
    takes : frozenset of str
        The options of `Reading` that it takes, beside `test_from`, which all take.
    """

    open: Callable[[Path, Reading], tuple[Source, ...]]
    takes: frozenset[str]


def _ameriflux(path: Path, reading: Reading) -> tuple[Source, ...]:
    tables = Fields.read(reading.soils, reading.management)
    return (AmeriFlux.open(path, test_from=reading.test_from, min_qc=reading.min_qc, fields=tables),)


def _chambers(path: Path, reading: Reading) -> tuple[Source, ...]:
    tables = Fields.read(reading.soils, reading.management, reading.weather)
    return (Chambers.open(path, test_from=reading.test_from, min_hours=reading.min_hours, fields=tables),)


def _daycent(path: Path, reading: Reading) -> tuple[Source, ...]:
    tables = Fields.read(reading.soils, reading.management)
    return (DayCentOutput.open(path, test_from=reading.test_from, fields=tables),)


def _ecosys(path: Path, reading: Reading) -> tuple[Source, ...]:
    tables = Fields.read(reading.soils, reading.management)
    return (EcosysOutput.open(path, test_from=reading.test_from, fields=tables),)


def _official(path: Path, reading: Reading) -> tuple[Source, ...]:
    return official.read(path, test_from=reading.test_from)


READERS = {
    "ameriflux": Reader(_ameriflux, frozenset({"min_qc", "soils", "management"})),
    "chambers": Reader(_chambers, frozenset({"min_hours", "soils", "management", "weather"})),
    "daycent": Reader(_daycent, frozenset({"soils", "management"})),
    "ecosys": Reader(_ecosys, frozenset({"soils", "management"})),
    "official": Reader(_official, frozenset()),
}
"""The readers of users' files by name."""

_READER_OF = {"towers": "ameriflux", "mesocosm": "chambers"}
"""The reader of a source's own files, where ``SOURCE=PATH`` names only the source."""


def read(reader: str, path: Path, reading: Reading) -> tuple[Source, ...]:
    """The sources that a reader finds at a path.

    Raises
    ------
    AgrofluxError
        An unknown reader, an option that it does not take, or files that cannot be read.
    """
    _refuse_idle(reading, [reader])
    return READERS[reader].open(path, reading)


def _refuse_idle(reading: Reading, readers: Iterable[str]) -> None:
    """An option that no reader takes would be dropped in silence."""
    for reader in readers:
        if reader not in READERS:
            raise AgrofluxError("unknown reader", expected="one of " + ", ".join(READERS), came=reader)
    taken = {"test_from"}.union(*(READERS[reader].takes for reader in readers))
    for option in fields(Reading):
        if option.name not in taken and getattr(reading, option.name) != option.default:
            takers = [name for name, reader in READERS.items() if option.name in reader.takes]
            raise AgrofluxError(
                "an option that nothing takes", expected=f"files of {' or '.join(takers)} to read with it",
                came=f"{option.name} {getattr(reading, option.name)}",
            )  # fmt: skip


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
    wanted = named or dict.fromkeys(SOURCES, EMBEDDED)
    if unknown := [name for name in wanted if name not in SOURCES and name not in READERS]:
        known = dict.fromkeys((*SOURCES, *READERS))
        raise AgrofluxError("unknown source", expected="one of " + ", ".join(known), came=unknown[0])
    _refuse_idle(reading, [_READER_OF.get(name, name) for name, path in wanted.items() if path != EMBEDDED])
    opened: list[Source] = []
    for name, path in wanted.items():
        if path == EMBEDDED:
            if name not in SOURCES:
                raise AgrofluxError("nothing embedded of this name", expected=", ".join(SOURCES), came=name)
            opened.append(Embedded(name, scale, seed, secret))
        else:
            opened += READERS[_READER_OF.get(name, name)].open(Path(path), reading)
    names = [source.name for source in opened]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise AgrofluxError("a source given twice", expected="each source once", came=", ".join(twice))
    return tuple(opened)
