"""`agroflux-submit score`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.variables import VARIABLES
from submission.bootstrap import RESAMPLES
from submission.breakdown import PIECES, breakdown, summarised
from submission.commands.arguments import Data, File, Half, Json, Split, TargetsFolder
from submission.commands.refusal import or_refused, refuse
from submission.guarded import guarded, reading_limits, scoring_limits, working_limits
from submission.report import Report
from submission.scoring import score_report
from submission.truth import Truth
from submission.validation import validate, validate_rows

__all__ = ["score"]


def score(
    file: File,
    data: Data = Path("agroflux"),
    targets: TargetsFolder = None,
    half: Half = "all",
    split: Split = None,
    by: Annotated[
        str | None, typer.Option(help="The ranked targets by site, year, month or scale (of time) too; JSON has all.")
    ] = None,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary",
            help="With --json: the ranked targets by time scale and as quantiles over sites, hot moments, annual "
            "totals and closure too, and of no single site.",
        ),
    ] = False,
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
    report = validate_rows(file, release, split, reading_limits(file))
    if report.ok:
        found, report = _scored(report, release, targets, half, resamples)
    else:  # its values may have faults, too
        found, report = None, validate(file, release, split=split, limits=reading_limits(file))
    if not report.ok and as_json:
        print(json.dumps(report.to_json(), indent=1, allow_nan=False))
    refuse(report, shown=as_json)
    assert found is not None
    # What was read within its limits is read again at leisure.
    more = working_limits(report)
    if by is not None:
        found["pieces"] = guarded(lambda: breakdown(report, release, targets, half).to_json(), file, more)
    elif summary:
        for target in found["targets"].values():
            # Each level would be one more question to the hidden values.
            target.get("uncertainty", {}).pop("pinball", None)
        found["pieces"] = guarded(lambda: summarised(report, release, targets, half), file, more)
    if as_json:
        print(json.dumps(found, indent=1, allow_nan=False))
    else:
        _print_scores(found)
        if by is not None:
            _print_pieces(found["pieces"], by, found["ranked"])
    if plot is not None:
        guarded(lambda: _plot(report, release, targets, half, sequence, plot), file, more)
        console.messages.print(f"figure: {plot}", markup=False, soft_wrap=True)


def _scored(
    report: Report, release: Release, targets: Path | None, half: str, resamples: int
) -> tuple[dict[str, Any] | None, Report]:
    """The scores as JSON, or the report with the faults that reading the values found."""
    assert report.task is not None
    assert report.split is not None
    # Of the release alone, so the limits are not for it: its climatology may take minutes the first time.
    truth = Truth(release, report.task, report.split, report.targets, targets)

    def work() -> dict[str, Any]:
        return score_report(report, release, targets, half, truth, resamples).to_json()

    return or_refused(work, report, scoring_limits(report, resamples))


def _plot(report: Report, release: Release, targets: Path | None, half: str, sequence: int | None, path: Path) -> None:
    # Drawing loads matplotlib, which takes longer than scoring a small file.
    from submission import figures

    figures.plot(figures.site_year(report, release, targets, half, sequence), path)


def _print_scores(scores: dict[str, Any]) -> None:
    rows = "" if scores["half"] == "all" else f", {scores['half']} half"
    console.output.print(
        f"{scores['task']}/{scores['split']}{rows}: {scores['sequences']} sequences, origin {scores['origin']}",
        style="bold",
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for heading in ("target", "unit"):
        table.add_column(heading, no_wrap=True)
    for heading in ("days", "R2", "RMSE", "MAE", "bias", "skill"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, target in scores["targets"].items():
        table.add_row(
            name + (" *" if name in scores["ranked"] else ""), VARIABLES[name].unit, *_metrics(target),
            _number(target["skill"], "{:.3f}") + _between(target["intervals"].get("skill")),
        )  # fmt: skip
    console.output.print(table)
    if any("uncertainty" in target for target in scores["targets"].values()):
        _print_uncertainty(scores["targets"])
    mean = _number(scores["skill"], "{:.4f}") + _between(scores["skill_interval"])
    console.output.print(f"* ranked; their mean skill against the climatology: {mean}")
    console.output.print(
        f"release {scores['revision']}, scorer {scores['scorer']}, SHA-256 {scores['sha256']}", soft_wrap=True
    )


def _print_uncertainty(targets: dict[str, Any]) -> None:
    """What the quantiles are worth: a line for each central interval."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("target", no_wrap=True)
    for heading in ("levels", "CRPS", "interval", "inside", "width"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, target in targets.items():
        if (found := target.get("uncertainty")) is None:
            continue
        between = found["intervals"]
        crps = _number(found["crps"]) + _between(between.get("crps"), "{:.3g}")
        first = (name, str(len(found["levels"])), crps)
        for place, (percent, one) in enumerate((found["central"] or {"-": {}}).items()):
            inside = _percent(one.get("coverage")) + (" %" if one else "")
            table.add_row(
                *(first if place == 0 else ("", "", "")), f"{percent} %" if one else "-",
                inside + _between(between.get(f"coverage_{percent}"), "{:.1f}", 100), _number(one.get("width")),
            )  # fmt: skip
    console.output.print(table)


def _print_pieces(pieces: dict[str, Any], by: str, ranked: list[str]) -> None:
    """The pieces of the ranked targets: a file may predict two dozen, and JSON has them all."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for heading in ("target", by):
        table.add_column(heading, no_wrap=True)
    for heading in ("values" if by == "scale" else "days", "R2", "RMSE", "MAE", "bias"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name in (one for one in pieces["targets"] if one in ranked):
        target = pieces["targets"][name]
        for piece, one in target["scales" if by == "scale" else by].items():
            # Never markup: names of sites come from files.
            table.add_row(name, Text(piece), *_metrics(one))
    console.output.print(table)
    for name, target in pieces["targets"].items():
        hot, total = target.get("hot_moments"), target.get("annual_total")
        if hot is not None and total is not None:
            console.output.print(
                f"{name}: {_percent(hot['share'])} % of {hot['days']} hot days caught; annual totals miss by "
                f"{_percent(total['relative'])} % ({total['n']} years)"
            )
    if pieces["closure"] is not None:
        console.output.print(
            f"closure |NEE - (RECO - GPP)|: {_number(pieces['closure']['mean'])} g C m-2 d-1 on average"
        )


def _metrics(one: dict[str, Any]) -> tuple[str, ...]:
    return str(one["n"]), _number(one["r2"], "{:.3f}"), *(_number(one[name]) for name in ("rmse", "mae", "bias"))


def _between(interval: dict[str, float | None] | None, form: str = "{:.3f}", factor: float = 1) -> str:
    """The 95 % interval behind its number, where there is one."""
    if interval is None or interval["low"] is None or interval["high"] is None:
        return ""
    return f" [{form.format(factor * interval['low'])}, {form.format(factor * interval['high'])}]"


def _percent(share: float | None) -> str:
    return _number(None if share is None else 100 * share)


def _number(value: float | None, form: str = "{:.3g}") -> str:
    return "-" if value is None else form.format(value)
