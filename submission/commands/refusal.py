"""How every command refuses a file that has faults."""

from __future__ import annotations

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from submission.report import Report

__all__ = ["refuse"]


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
