"""`agroflux-train study`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.commands import choices
from baselines.run import RunFolder
from baselines.study.cells import Cell, cells_of
from baselines.study.plan import StudyPlan
from baselines.study.record import Done, StudyFolder
from baselines.study.running import run_study

__all__ = ["study"]

_INTERRUPTED = 130


def study(
    plan: Annotated[Path, typer.Argument(help="YAML file: models, tasks, folds, seeds, methods and so on.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder of all runs; by default studies/NAME of the plan.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of a release; by default that of the plan.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Runs at a time, each in a process of its own; by default one a GPU, or one a core."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Name the cells and what became of them; run none.")
    ] = False,
    resume: choices.Resume = False,
) -> None:
    """Run a grid of models, tasks, folds, seeds and methods: each cell is the folder of a run.

    Networks that others start from are pretrained first, each once. A cell that fails stops no other: it is named at
    the end with its error, and the exit code is 1. What was stopped goes on with --resume: what is finished is left.
    """
    asked, folder = StudyPlan.read(plan), output or Path("studies") / plan.stem
    release = Release(data or asked.data or Path("agroflux"))
    cells = cells_of(asked, release)
    if dry_run:
        for cell in cells:
            finished = RunFolder(folder / cell.name).finished
            console.output.print(f"{cell.name}  {'finished' if finished else 'to do'}", soft_wrap=True, markup=False)
        console.messages.print(f"{len(cells)} cells")
        return
    found = StudyFolder.claim(folder, cells, release, resume)
    before = sum(found.finished(cell) for cell in cells)
    done = before
    with console.progress() as bar:
        line = bar.add_task("cells", total=len(cells), completed=before)

        def told(cell: Cell, ended: Done) -> None:
            nonlocal done
            done += 1
            bar.update(line, completed=done)
            said = "failed" if ended.error else f"{ended.seconds:.0f} s{_skill(found, cell)}"
            console.messages.print(f"{done}/{len(cells)} {cell.name}: {said}", soft_wrap=True, markup=False)

        try:
            failed = run_study(cells, found, release, workers=workers, told=told)
        except KeyboardInterrupt:
            console.messages.print(f"stopped after {done} of {len(cells)} cells; --resume goes on")
            raise typer.Exit(_INTERRUPTED) from None
    console.messages.print(f"{len(cells) - len(failed)} of {len(cells)} cells are finished, {before} were before")
    console.output.print(folder, soft_wrap=True)
    for cell, ended in failed:
        console.messages.print(f"failed: {cell.name}: {ended.error}", soft_wrap=True, markup=False)
    if failed:
        raise typer.Exit(1)


def _skill(study: StudyFolder, cell: Cell) -> str:
    """The mean skill on the tested rows, to see early what goes wrong."""
    try:
        tested = RunFolder(study.path / cell.name).metrics().get("tested") or {}
    except AgrofluxError:
        return ""
    skills = [one["skill"] for one in tested.values() if one["skill"] is not None]
    return f", skill {sum(skills) / len(skills):.3f}" if skills else ""
