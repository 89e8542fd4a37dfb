"""`agroflux-submit score`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.variables import VARIABLES
from submission.commands.arguments import Data, File, Half, Json, Split, TargetsFolder
from submission.commands.refusal import refuse
from submission.scoring import Scores, score_report
from submission.validation import validate

__all__ = ["score"]


def score(
    file: File,
    data: Data = Path("agroflux"),
    targets: TargetsFolder = None,
    half: Half = "all",
    split: Split = None,
    as_json: Json = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw predicted against observed for one sequence into this PNG file.")
    ] = None,
    sequence: Annotated[int | None, typer.Option(help="Which one to draw; the best observed if not given.")] = None,
) -> None:
    """Score a file against the truth, where the truth is at hand: an open release, or a host with its targets."""
    if sequence is not None and plot is None:
        raise AgrofluxError("a sequence but no figure", expected="--plot with --sequence")
    release = Release(data)
    report = validate(file, release, split=split)
    if not report.ok and as_json:
        print(json.dumps(report.to_json(), indent=1, allow_nan=False))
    refuse(report, shown=as_json)
    scores = score_report(report, release, targets, half)
    if as_json:
        print(json.dumps(scores.to_json(), indent=1, allow_nan=False))
    else:
        _print_scores(scores)
    if plot is not None:
        # Drawing loads matplotlib, which takes longer than scoring a small file.
        from submission import figures

        figures.plot(figures.site_year(report, release, targets, half, sequence), plot)
        console.messages.print(f"figure: {plot}", markup=False, soft_wrap=True)


def _print_scores(scores: Scores) -> None:
    rows = "" if scores.half == "all" else f", {scores.half} half"
    console.output.print(
        f"{scores.task}/{scores.split}{rows}: {scores.sequences} sequences, origin {scores.origin}", style="bold"
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for heading in ("target", "unit"):
        table.add_column(heading, no_wrap=True)
    for heading in ("days", "R2", "RMSE", "MAE", "bias", "skill"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, target in scores.targets.items():
        table.add_row(
            name + (" *" if name in scores.ranked else ""), VARIABLES[name].unit, str(target.n),
            _number(target.r2, "{:.3f}"), _number(target.rmse), _number(target.mae), _number(target.bias),
            _number(target.skill, "{:.3f}"),
        )  # fmt: skip
    console.output.print(table)
    mean = _number(scores.skill, "{:.4f}")
    console.output.print(f"* ranked; their mean skill against the climatology: {mean}")
    console.output.print(f"release {scores.revision}, scorer {scores.scorer}, SHA-256 {scores.sha256}", soft_wrap=True)


def _number(value: float, form: str = "{:.3g}") -> str:
    return form.format(value) if math.isfinite(value) else "-"
