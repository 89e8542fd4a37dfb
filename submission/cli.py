"""The command `agroflux-submit`: convert, validate and score a submission."""

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
from submission.file import convert_csv
from submission.metadata import Metadata
from submission.scoring import Scores, score_report
from submission.validation import Report
from submission.validation import validate as validate_file

__all__ = ["app", "main"]

app = typer.Typer(
    help="Convert, validate and score a submission to the AgroFlux benchmark.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

File = Annotated[Path, typer.Argument(help="The submission, a Parquet file.")]
Data = Annotated[Path, typer.Option(help="The public folder of the release.")]
Split = Annotated[
    str | None,
    typer.Option(help="The split that it predicts, if not test: validation, or in the open edition the fold left out."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@app.command()
def validate(
    file: File,
    data: Data = Path("agroflux"),
    task: Annotated[str | None, typer.Option(help="The task that it should be for; else what it says itself.")] = None,
    split: Split = None,
    as_json: Json = False,
) -> None:
    """Say everything that is wrong with a file; exit code 2 if anything is."""
    report = validate_file(file, Release(data), task, split)
    if as_json:
        _print_json(report.to_json())
    elif report.ok:
        console.output.print(
            f"{file}: valid, {report.rows} sequences of {report.task}/{report.split}, {', '.join(report.targets)}",
            markup=False,
            soft_wrap=True,
        )
    _refuse(report, shown=as_json)


@app.command()
def score(
    file: File,
    data: Data = Path("agroflux"),
    targets: Annotated[
        Path | None, typer.Option(help="The hidden targets of a sealed release; DATA-targets if not given.")
    ] = None,
    half: Annotated[str, typer.Option(help="Which of the hidden rows: all, public or private.")] = "all",
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
    report = validate_file(file, release, split=split)
    if not report.ok and as_json:
        _print_json(report.to_json())
    _refuse(report, shown=as_json)
    scores = score_report(report, release, targets, half)
    if as_json:
        _print_json(scores.to_json())
    else:
        _print_scores(scores)
    if plot is not None:
        # Drawing loads matplotlib, which takes longer than scoring a small file.
        from submission import figures

        figures.plot(figures.site_year(report, release, targets, half, sequence), plot)
        console.messages.print(f"figure: {plot}", markup=False, soft_wrap=True)


@app.command()
def convert(
    csv: Annotated[Path, typer.Argument(help="CSV in long form: sequence, day (1 to 365), one column a target.")],
    out: Annotated[Path, typer.Argument(help="The Parquet file to write.")],
    task: Annotated[str, typer.Option(help="The task that it predicts.")],
    model: Annotated[str, typer.Option(help="The name that a leaderboard shows.")],
    data: Data = Path("agroflux"),
    metadata: Annotated[
        Path | None, typer.Option(help="JSON file with more: authors, description, links, parameters, method, ...")
    ] = None,
) -> None:
    """Convert CSV to a submission."""
    release = Release(data)
    given = {} if metadata is None else _read_json(metadata)
    facts = given | {"task": release.task(task).name, "revision": release.revision, "model": model}
    convert_csv(csv, out, Metadata.from_json(facts))
    console.output.print(f"{out} written; check it with: agroflux-submit validate {out}", markup=False, soft_wrap=True)


def _read_json(path: Path) -> dict:
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise AgrofluxError("unreadable metadata", expected="a JSON file", came=str(error), where=path) from None
    if not isinstance(data, dict):
        raise AgrofluxError("unreadable metadata", expected="a JSON object", came=type(data).__name__, where=path)
    return data


def _print_json(data: dict) -> None:
    print(json.dumps(data, indent=1, allow_nan=False))


def _refuse(report: Report, shown: bool) -> None:
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


def main() -> None:
    """Entry point of `agroflux-submit`."""
    console.run(app)


if __name__ == "__main__":
    main()
