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
from submission.bootstrap import RESAMPLES, Interval
from submission.breakdown import PIECES, Breakdown, breakdown
from submission.commands.arguments import Data, File, Half, Json, Split, TargetsFolder
from submission.commands.refusal import refuse
from submission.guarded import reading_limits
from submission.metrics import Metrics
from submission.scoring import Scores, score_report
from submission.validation import validate

__all__ = ["score"]


def score(
    file: File,
    data: Data = Path("agroflux"),
    targets: TargetsFolder = None,
    half: Half = "all",
    split: Split = None,
    by: Annotated[
        str | None, typer.Option(help="Scores in pieces too: by site, year, month or scale (of time); JSON has all.")
    ] = None,
    resamples: Annotated[
        int, typer.Option(help="How often site-years are resampled for the 95 % intervals; 0 for none.", min=0)
    ] = RESAMPLES,
    as_json: Json = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw predicted against observed for one sequence into this PNG file.")
    ] = None,
    sequence: Annotated[int | None, typer.Option(help="Which one to draw; the best observed if not given.")] = None,
) -> None:
    """Score a file against the truth, where the truth is at hand: an open release, or a host with its targets."""
    if sequence is not None and plot is None:
        raise AgrofluxError("a sequence but no figure", expected="--plot with --sequence")
    if by is not None and by not in PIECES:
        raise AgrofluxError("nothing to score by", expected="one of " + ", ".join(PIECES), came=by)
    release = Release(data)
    report = validate(file, release, split=split, limits=reading_limits(file))
    if not report.ok and as_json:
        print(json.dumps(report.to_json(), indent=1, allow_nan=False))
    refuse(report, shown=as_json)
    scores = score_report(report, release, targets, half, resamples=resamples)
    pieces = breakdown(report, release, targets, half) if by is not None else None
    if as_json:
        found = scores.to_json() | ({"pieces": pieces.to_json()} if pieces is not None else {})
        print(json.dumps(found, indent=1, allow_nan=False))
    else:
        _print_scores(scores)
        if pieces is not None and by is not None:
            _print_pieces(pieces, by)
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
            _number(target.skill, "{:.3f}") + _between(target.intervals.get("skill")),
        )  # fmt: skip
    console.output.print(table)
    mean = _number(scores.skill, "{:.4f}") + _between(scores.skill_interval)
    console.output.print(f"* ranked; their mean skill against the climatology: {mean}")
    console.output.print(f"release {scores.revision}, scorer {scores.scorer}, SHA-256 {scores.sha256}", soft_wrap=True)


def _print_pieces(pieces: Breakdown, by: str) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for heading in ("target", by):
        table.add_column(heading, no_wrap=True)
    for heading in ("values" if by == "scale" else "days", "R2", "RMSE", "MAE", "bias"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, target in pieces.targets.items():
        for piece, one in target.by(by).items():
            table.add_row(name, str(piece), *_metrics(one))
    console.output.print(table)
    for name, target in pieces.targets.items():
        if (hot := target.metrics.hot_moments) is not None and (total := target.metrics.annual_total) is not None:
            console.output.print(
                f"{name}: {_number(100 * hot.share)} % of {hot.days} hot days caught; annual totals miss by "
                f"{_number(100 * total.relative)} % ({total.n} years)"
            )
    if pieces.closure is not None:
        console.output.print(f"closure |NEE - (RECO - GPP)|: {_number(pieces.closure.mean)} g C m-2 d-1 on average")


def _metrics(one: Metrics) -> tuple[str, ...]:
    return str(one.n), _number(one.r2, "{:.3f}"), _number(one.rmse), _number(one.mae), _number(one.bias)


def _between(interval: Interval | None) -> str:
    """The 95 % interval behind its number, where there is one."""
    return "" if interval is None or not math.isfinite(interval.low) else f" [{interval.low:.3f}, {interval.high:.3f}]"


def _number(value: float, form: str = "{:.3g}") -> str:
    return form.format(value) if math.isfinite(value) else "-"
