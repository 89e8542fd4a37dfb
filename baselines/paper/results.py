"""What runs came to on the rows that they were tested on, gathered from their folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agroflux_data.errors import AgrofluxError
from baselines.run import Run, RunFolder
from baselines.study.plan import SCRATCH, title_of
from baselines.study.record import STUDY_FILE, StudyFolder

__all__ = ["Result", "Results", "gather"]


@dataclass(frozen=True)
class Result:
    """One finished run.

    Attributes
    ----------
    label, task, method : str
    source : str or None
        The task that its network was pretrained on.
    fold : str or None
    seed : int or None
        None for what is not learned.
    tested : dict
        The metrics on the tested rows, by target.
    choices : dict
        All that it follows from.
    """

    label: str
    task: str
    method: str
    source: str | None
    fold: str | None
    seed: int | None
    tested: Mapping[str, Mapping[str, float | None]]
    choices: Mapping[str, Any]

    @property
    def kind(self) -> tuple[str | int | None, ...]:
        """What no two runs of a table have in common."""
        return self.label, self.task, self.method, self.source, self.fold, self.seed


@dataclass
class Results:
    """The finished runs of one release.

    Attributes
    ----------
    runs : list of Result
    revision : str
    scale : str or None
        Where it is known.
    origins : dict of str to str
        By task.
    unfinished : int
        Cells of studies that are not.
    untested : int
        Runs without public rows to be tested on.
    """

    revision: str = ""
    scale: str | None = None
    origins: dict[str, str] = field(default_factory=dict)
    runs: list[Result] = field(default_factory=list)
    unfinished: int = 0
    untested: int = 0

    def add(self, result: Result, revision: str, origin: str, where: Path) -> None:
        """Add a run, where it is not there yet: studies may share networks that others start from.

        Raises
        ------
        AgrofluxError
            It is of another release, or one of its kind with other choices is there.
        """
        self.revision = self.revision or revision
        if revision != self.revision:
            raise AgrofluxError(
                "runs of several releases", expected=f"revision {self.revision}", came=revision, where=where
            )
        if not result.tested:
            self.untested += 1
            return
        for one in self.runs:
            if one.kind == result.kind and one.choices == result.choices:
                return
            if one.kind == result.kind:
                raise AgrofluxError(
                    "two runs of the same kind", expected="one of each model, task, method, fold and seed",
                    came=", ".join(str(part) for part in result.kind if part is not None), where=where,
                )  # fmt: skip
        self.origins[result.task] = origin
        self.runs.append(result)


def gather(folders: Iterable[Path]) -> Results:
    """The finished runs in some folders: studies, or any folders that hold runs.

    Raises
    ------
    AgrofluxError
        None is there that was tested, or they do not belong together.
    """
    found, folders = Results(), list(folders)
    for folder in folders:
        if (folder / STUDY_FILE).is_file():
            _of_study(found, folder)
        else:
            _of_runs(found, folder)
    if not found.runs:
        raise AgrofluxError(
            "no runs that were tested",
            expected="finished runs on spatial tasks, or on an open release",
            where=folders[0],
        )
    return found


def _of_study(found: Results, folder: Path) -> None:
    study = StudyFolder.read(folder)
    found.scale = study.release["scale"]
    found.origins |= study.release["origins"]
    for cell in study.cells.values():
        if not study.finished(cell):
            found.unfinished += 1
            continue
        tested = RunFolder(folder / cell.name).metrics().get("tested") or {}
        result = Result(
            _labelled(cell.label, cell.targets), cell.task, cell.method, cell.source, cell.fold, cell.seed, tested,
            cell.to_json(),
        )  # fmt: skip
        origin = study.release["origins"][cell.task]
        found.add(result, study.release["revision"], origin, folder / cell.name)


def _of_runs(found: Results, folder: Path) -> None:
    for path in sorted(folder.rglob("run.json")):
        run, home = RunFolder(path.parent).read(), RunFolder(path.parent)
        if run is None or not home.finished:
            found.unfinished += 1
            continue
        found.add(_of_run(run, home), run.revision, run.origin, path.parent)


def _of_run(run: Run, home: RunFolder) -> Result:
    return Result(
        title_of(run.model, run.options), run.task, SCRATCH if run.transfer is None else run.transfer.method,
        None if run.transfer is None else run.transfer.source_task, run.left_out, run.recipe.seed,
        home.metrics().get("tested") or {}, run.to_json(),
    )  # fmt: skip


def _labelled(label: str, targets: str) -> str:
    """A model that is fitted to one group of targets is another one."""
    return label if targets == "ranked" else f"{label} [{targets}]"
