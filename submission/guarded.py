"""Read a file of somebody else in a child with limits; what is wrong with it is said as if it had been read here."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agroflux_data.errors import AgrofluxError
from agroflux_data.variables import DAYS
from submission.child import OUT_OF_MEMORY, Limits, TookTooLongError, apart
from submission.codes import Fault, FaultyFileError
from submission.report import FaultsError, Report

__all__ = ["answer", "guarded", "reading_limits", "scoring_limits", "taken", "text_limits", "working_limits"]


def reading_limits(path: str | Path) -> Limits:
    """What reading a file may take: 256 MiB, and 2 s of processor time and one more for every 32 MiB of it.

    With the interpreter and its libraries that is less than 512 MiB in a command or a server's child.

    A submission is read 256 rows at a time, so its size matters for the time alone; a valid one needs about a tenth.
    """
    try:
        size = Path(path).stat().st_size
    except OSError:
        size = 0
    cpu = 2 + size // (32 << 20)
    return Limits(memory=256 << 20, cpu=cpu, wall=60 + 30 * cpu)


def scoring_limits(report: Report, resamples: int) -> Limits:
    """What scoring a file may take whose rows are right: as for reading, and what the truth of these rows takes."""
    reading, observed = reading_limits(report.path), report.rows * DAYS * len(report.targets)
    quantiles = sum(map(len, report.quantiles.values()))
    columns = report.rows * (len(report.targets) + quantiles)
    # The truth lies beside the file, whose rows may have any order; the sums are a tenth of it.
    memory = reading.memory + 6 * observed + 24 * report.rows * quantiles
    cpu = reading.cpu + DAYS * columns // 4_000_000 + resamples * columns // 10_000_000
    return Limits(memory, cpu, wall=60 + 30 * cpu)


def working_limits(report: Report) -> Limits:
    """What more work on a file may take when all of it was read within its limits: pieces, figures, a comparison."""
    scoring = scoring_limits(report, resamples=0)
    return Limits(3 * scoring.memory + (1 << 30), 60 + 20 * scoring.cpu, wall=1800 + 60 * scoring.cpu)


def text_limits(path: str | Path) -> Limits:
    """What converting a CSV file may take: its numbers are held twice in memory, so its size matters."""
    reading = reading_limits(path)
    size = Path(path).stat().st_size if Path(path).is_file() else 0
    cpu = 10 + size // (2 << 20)
    return Limits(reading.memory + 20 * size, cpu, wall=60 + 30 * cpu)


def guarded(work: Callable[[], Any], path: str | Path, limits: Limits) -> Any:
    """Do some work on a file in a fork of this process, which must have no other Python threads.

    Parameters
    ----------
    work : callable
        Gives values of JSON, NaN among them; nothing else is taken from a child that a file may have spoiled.
    path : str or Path
        The file, for the message.
    limits : Limits

    Returns
    -------
    Any
        What the work gave.

    Raises
    ------
    AgrofluxError
        What the work raised; or it waited longer than its limit.
    FaultyFileError
        AF009 where the child reached its limits, AF006 where it broke down.
    """
    try:
        ended = apart(lambda: answer(work), limits)
    except TookTooLongError:
        raise AgrofluxError("reading the file took too long here", expected=f"at most {limits.wall:.0f} s") from None
    if ended.code == 0:
        return taken(ended.output, path)
    if ended.code == OUT_OF_MEMORY:
        fault = Fault.of("AF009", f"more than {limits.memory >> 20} MiB of memory")
    elif ended.code == -signal.SIGXCPU:
        fault = Fault.of("AF009", f"more than {limits.cpu} s of processor time")
    else:
        fault = Fault.of("AF006", f"reading it ended with signal {-ended.code}")
    raise FaultyFileError(fault, path)


def answer(work: Callable[[], Any]) -> bytes:
    """What some work gave, or the `AgrofluxError` that it raised, as JSON for `taken`."""
    try:
        found = {"value": work()}
    except FaultsError as error:
        found = {"report": error.report.to_json()}
    except FaultyFileError as error:
        found = {"fault": error.fault.to_json()}
    except AgrofluxError as error:
        found = {"error": str(error)}
    return json.dumps(found).encode()


def taken(found: bytes, path: str | Path) -> Any:
    """The value in an `answer`; raises the error in it, which speaks of the file by this path."""
    [(kind, value)] = json.loads(found).items()
    if kind == "report":
        raise FaultsError(Report.from_json(Path(path), value))
    if kind == "fault":
        raise FaultyFileError(Fault.from_json(value), path)
    if kind == "error":
        raise AgrofluxError(value)
    return value
