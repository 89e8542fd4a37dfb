"""The metrics of finished runs, side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agroflux_data.errors import AgrofluxError
from baselines.predicted import folders_of
from baselines.run import Run, RunFolder

__all__ = ["Scored", "origins", "scored"]


@dataclass(frozen=True)
class Scored:
    """A finished run and its metrics.

    Attributes
    ----------
    run : Run
    rows : str
        ``tested``, or ``validation`` where a run of these was not tested.
    metrics : dict
        By target, then by metric; None where it is not defined.
    """

    run: Run
    rows: str
    metrics: dict[str, dict[str, Any]]

    def value(self, target: str, metric: str) -> float:
        """One metric; NaN where it is not defined or the target was not predicted."""
        value = self.metrics.get(target, {}).get(metric)
        return math.nan if value is None else float(value)


def scored(paths: Iterable[Path]) -> list[Scored]:
    """The finished runs in some folders, at any depth, each once where it lies in several; ensembles are left out.

    Raises
    ------
    AgrofluxError
        None is there, or they are of several releases.
    """
    by_choices: dict[str, tuple[Run, dict[str, Any]]] = {}
    for folder in folders_of(paths):
        run = RunFolder(folder).read() if (folder / "run.json").is_file() else None
        if run is not None:
            by_choices.setdefault(json.dumps(run.to_json(), sort_keys=True), (run, RunFolder(folder).metrics()))
    found = list(by_choices.values())
    if revisions := sorted({run.revision for run, _ in found})[1:]:
        raise AgrofluxError("runs of several releases", expected="one revision", came=", ".join(revisions))
    rows = "tested" if all(metrics.get("tested") for _, metrics in found) else "validation"
    return [Scored(run, rows, metrics["tested" if rows == "tested" else "metrics"]) for run, metrics in found]


def origins(several: Sequence[Scored]) -> str:
    """The sentence that says who made the numbers, and which rows they are of."""
    named = ", ".join(sorted({one.run.origin for one in several}))
    rows = "Scores are of the rows that the runs were tested on."
    if several[0].rows == "validation":
        rows = "Scores are of validation rows, which also chose the epoch: not all runs were tested."
    return f"{rows}\nOrigin of the numbers: {named}. Revision {several[0].run.revision}."
