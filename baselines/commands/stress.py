"""`agroflux-train stress`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.allocator import keep_large_blocks
from baselines.commands import choices
from baselines.figures.sheet import save
from baselines.figures.stress import Stresses
from baselines.process import PROCESS, PROCESS_MODELS
from baselines.saved import open_saved
from baselines.stress import Line, default_perturbations, stressed, stressed_process, table
from baselines.stress import stress as stress_one

__all__ = ["stress"]

_MODELS = "Folders of runs or ensembles, ORG/NAME on the Hub, or any of " + ", ".join(PROCESS_MODELS) + "."


class Filled(StrEnum):
    """climatology: the usual weather of each day; last: that of the last day before the spell."""

    CLIMATOLOGY = "climatology"
    LAST = "last"


def stress(
    models: Annotated[list[str], typer.Argument(help=_MODELS)],
    data: choices.Data = Path("agroflux"),
    task: Annotated[str | None, typer.Option(help="Task of process models; others have their own.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Rows with public values, as validation+test; by default those of validation.")
    ] = None,
    noise: Annotated[
        str, typer.Option(metavar="SHARE,...", help="Noise on the weather, in its standard deviations.")
    ] = "0.1,0.25,0.5",
    spells: Annotated[
        str, typer.Option(metavar="DAYS,...", help="Missing spells, in the middle of each season.")
    ] = "7,30,90",
    filled: Annotated[Filled, typer.Option(help="What missing weather is replaced by.")] = Filled.CLIMATOLOGY,
    draws: Annotated[int, typer.Option(min=1, help="Of noise, and of another year's weather; averaged.")] = 5,
    seed: choices.Seed = 0,
    output: Annotated[Path, typer.Option(help="All numbers, in long form.")] = Path("stress.csv"),
    plot: Annotated[Path | None, typer.Option(help="Also a figure of the skill, a PNG.")] = None,
) -> None:
    """Try how robust models are: noisy weather, missing spells, the weather of another year; skill by month and year.

    Management and soil stay as they are. Rows are those with public values; a loss is that of the same model on the
    same rows, with a 95 % interval over site-years.
    """
    keep_large_blocks()
    release = Release(data)
    splits = None if split is None else tuple(split.split("+"))
    perturbations = default_perturbations(
        noise=_several(noise, float), spells=_several(spells, int), filled=filled.value, draws=draws, seed=seed
    )
    lines: list[Line] = []
    with console.progress() as bar:
        for model in models:
            if model.startswith(PROCESS):
                tried = stressed_process(model, release, task, splits)
            else:
                tried = stressed(open_saved(model), release, splits)
            lines += stress_one(tried, release, perturbations, bar)
    for model in dict.fromkeys(line.model for line in lines):
        own = [line for line in lines if line.model == model]
        console.output.print(f"{model} on {own[0].task}, {own[0].split} ({own[0].origin} data)", markup=False)
        console.output.print(_table(own))
    temporary = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        table(lines).to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
        os.replace(temporary, output)
    except OSError as error:
        raise AgrofluxError("no place for the numbers", came=error.strerror, where=output) from None
    finally:
        temporary.unlink(missing_ok=True)
    written = [output, *(save(Stresses(tuple(lines)), plot) if plot is not None else [])]
    for path in written:
        console.output.print(path, soft_wrap=True)


def _several(text: str, kind: type) -> list:
    try:
        return [kind(one) for one in text.split(",") if one.strip()]
    except ValueError:
        raise AgrofluxError("bad numbers", expected="numbers with commas between", came=text) from None


def _table(lines: Sequence[Line]) -> Table:
    """A line for each perturbation and target: the metrics, and by how much its skill is less."""
    shown = Table("inputs or days", "target", "R²", "RMSE", "skill", "skill lost", "95 %", box=box.SIMPLE)
    by_place: dict[tuple[str, str, str, str], dict[str, Line]] = {}
    for line in lines:
        by_place.setdefault((line.kind, line.level, line.position, line.target), {})[line.metric] = line
    for (kind, level, position, target), metrics in by_place.items():
        one = metrics["skill"]
        lost = ("-", "-") if one.loss != one.loss else (f"{one.loss:.3f}", f"{one.loss_low:.3f} to {one.loss_high:.3f}")
        place = " ".join(word for word in (kind.replace("_", " "), level, position) if word)
        shown.add_row(place, target, *(f"{metrics[name].value:.3g}" for name in ("r2", "rmse", "skill")), *lost)
    return shown
