"""`agroflux-submit compare`."""

from __future__ import annotations

import calendar
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from agroflux_data import console
from agroflux_data.release import Release
from agroflux_data.variables import VARIABLES
from submission.commands.arguments import Data, Half, Json, Split, TargetsFolder
from submission.commands.refusal import refuse
from submission.comparison import RESAMPLES
from submission.comparison import compare as compare_reports
from submission.guarded import guarded, reading_limits, working_limits
from submission.validation import validate

__all__ = ["compare"]

_LABELS = {"r2": "R2", "rmse": "RMSE", "skill": "skill", "crps": "CRPS"}


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="A submission.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another one to the same task.")],
    data: Data = Path("agroflux"),
    targets: TargetsFolder = None,
    half: Half = "all",
    split: Split = None,
    only: Annotated[
        str | None, typer.Option(help="Targets to compare, with commas between; all that both predict if not given.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=1, help="Draws of the bootstrap.")] = RESAMPLES,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    as_json: Json = False,
    plot: Annotated[Path | None, typer.Option(help="Draw differences, months and sites into this PNG file.")] = None,
) -> None:
    """Say which of two files is better, how sure that is, and on which days, months and sites they differ most.

    Needs the truth: an open release, the validation split, or a host with its targets. The interval is that of a
    paired bootstrap over site-years.
    """
    release = Release(data)
    reports = [validate(file, release, split=split, limits=reading_limits(file)) for file in (first, second)]
    for report in reports:
        refuse(report, shown=False)
    wanted = None if only is None else [name.strip() for name in only.split(",")]

    def work() -> dict[str, Any]:
        found = compare_reports(reports[0], reports[1], release, targets, half, wanted, resamples, seed)
        if plot is not None:
            # Drawing loads matplotlib, which takes longer than comparing small files.
            from submission.comparison_figure import plot as draw

            draw(found, plot)
        return found.to_json()

    found = guarded(work, first, working_limits(reports[0]))
    if as_json:
        print(json.dumps(found, indent=1, allow_nan=False))
    else:
        _print(found)
    if plot is not None:
        console.messages.print(f"figure: {plot}", markup=False, soft_wrap=True)


def _print(found: dict[str, Any]) -> None:
    rows = "" if found["half"] == "all" else f", {found['half']} half"
    console.output.print(f"{found['task']}/{found['split']}{rows}, origin {found['origin']}", style="bold")
    for letter, model in zip("AB", found["models"], strict=True):
        console.output.print(f"{letter}  {model}", markup=False, soft_wrap=True)
    table = _table("target", "unit", "metric", numbers=("A", "B", "A - B", "95 % interval", "A better in"))
    for name, target in found["targets"].items():
        for metric, difference in target["differences"].items():
            unit = VARIABLES[name].unit if metric in ("rmse", "crps") else ""
            table.add_row(name, unit, _LABELS[metric], *_cells(difference))
    console.output.print(table)
    console.output.print(
        f"paired bootstrap over site-years, {found['resamples']} resamples, seed {found['seed']}; "
        f"release {found['revision']}"
    )
    for name, target in found["targets"].items():
        _print_where(name, target)


def _cells(difference: dict[str, float | None]) -> list[str]:
    low, high, better = (difference[name] for name in ("low", "high", "better"))
    interval = "-" if low is None else f"{_number(low)} to {_number(high)}"
    return [
        *(_number(difference[name]) for name in ("a", "b", "value")), interval,
        "-" if better is None else f"{better:.1%}",
    ]  # fmt: skip


def _print_where(name: str, target: dict[str, Any]) -> None:
    if not target["days"]:
        return
    unit = VARIABLES[name].unit
    console.output.print(f"\n{name}: where they differ most, {unit}", style="bold")
    days = _table("site", "treatment", "year", "day", numbers=("observed", "A", "B"))
    for day in target["days"]:
        # Never markup: names of sites come from files.
        where = (str(day[name]) for name in ("treatment", "year", "day"))
        days.add_row(Text(day["site"]), *where, *(_number(day[name]) for name in ("observed", "a", "b")))
    console.output.print(days)
    groups = _table("site or month", numbers=("days", "RMSE of A", "RMSE of B", "better"))
    for site in target["sites"]:
        _row(groups, site["name"], site)
    for month in sorted(target["months"], key=lambda one: -abs(one["gain"]))[:3]:
        if month["gain"]:
            _row(groups, calendar.month_name[int(month["name"])], month)
    console.output.print(groups)


def _row(table: Table, name: str, group: dict[str, Any]) -> None:
    better = "A" if group["gain"] > 0 else "B"
    table.add_row(Text(name), str(group["days"]), _number(group["rmse_a"]), _number(group["rmse_b"]), better)


def _table(*texts: str, numbers: tuple[str, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for heading in texts:
        table.add_column(heading, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
