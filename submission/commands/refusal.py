"""How every command refuses a file that has faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from submission.child import Limits
from submission.codes import FaultyFileError
from submission.guarded import guarded
from submission.report import FaultsError, Report

__all__ = ["or_refused", "refuse"]


def or_refused(work: Callable[[], Any], report: Report, limits: Limits) -> tuple[Any, Report]:
    """What some work on a file gives, done in a child with limits, and the file's report; with faults it is None."""
    try:
        return guarded(work, report.path, limits), report
    except FaultsError as error:
        return None, error.report
    except FaultyFileError as error:
        return None, replace(report, faults=(error.fault,))


def refuse(report: Report, shown: bool) -> None:
    """End with exit code 2 if there are faults, listed with what to do unless they were shown already."""
    if report.ok:
        return
    if not shown:
        for fault in report.faults:
            # Never markup: column names come from the file.
            console.output.print(str(fault), markup=False, soft_wrap=True)
            console.output.print(f"      {fault.kind.remedy}", style="dim", markup=False, soft_wrap=True)
    raise AgrofluxError(
        "not a valid submission", expected="no faults", came=", ".join(fault.code for fault in report.faults),
        where=report.path,
    )  # fmt: skip
