"""What was found out about a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agroflux_data.errors import AgrofluxError
from submission.codes import Fault
from submission.metadata import Metadata

__all__ = ["FaultsError", "Report"]


@dataclass(frozen=True)
class Report:
    """What `validate` found.

    Attributes
    ----------
    path : Path
    faults : tuple of Fault
        In the order of their codes; empty for a file that can be scored.
    metadata : Metadata or None
        None where it is unreadable.
    task, split : str or None
        What the file was held against; None where it names no task that the release has.
    targets : tuple of str
        The predicted targets whose columns are right.
    quantiles : dict of str to tuple of int
        The levels, in rising percent, of those targets that have quantiles.
    rows : int
    """

    path: Path
    faults: tuple[Fault, ...]
    metadata: Metadata | None = None
    task: str | None = None
    split: str | None = None
    targets: tuple[str, ...] = ()
    rows: int = 0
    quantiles: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.faults

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults) or "no faults"

    def raise_for_faults(self) -> None:
        """Raise a `FaultsError` that lists the faults, if there are any."""
        if self.faults:
            raise FaultsError(self)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "ok": self.ok,
            "task": self.task,
            "split": self.split,
            "targets": list(self.targets),
            "quantiles": {target: list(levels) for target, levels in self.quantiles.items()},
            "rows": self.rows,
            "metadata": None if self.metadata is None else self.metadata.to_json(),
            "faults": [fault.to_json() for fault in self.faults],
        }

    @classmethod
    def from_json(cls, path: Path, data: dict[str, Any]) -> Report:
        """What `to_json` gave for a file."""
        metadata = None if data["metadata"] is None else Metadata.from_json(data["metadata"])
        faults = tuple(Fault.from_json(fault) for fault in data["faults"])
        quantiles = {target: tuple(levels) for target, levels in data["quantiles"].items()}
        targets = tuple(data["targets"])
        return cls(path, faults, metadata, data["task"], data["split"], targets, data["rows"], quantiles)


class FaultsError(AgrofluxError):
    """A file is no valid submission; `report` says why."""

    def __init__(self, report: Report):
        count = f"{len(report.faults)} fault" + ("s" if len(report.faults) > 1 else "")
        super().__init__(f"not a valid submission, {count} in {report.path}:\n{report}")
        self.report = report
