"""`agroflux-train figures`: a verb for each kind of figure."""

from __future__ import annotations

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
from baselines.extrapolation import BINS, measure
from baselines.figures import distributions as spreads
from baselines.figures import series as daily
from baselines.figures import sites
from baselines.figures.distance import ByDistance
from baselines.figures.gain import pair
from baselines.figures.groups import compare
from baselines.figures.sheet import Shown, origin_of, rounded, save
from baselines.predicted import gather

__all__ = ["figures"]

figures = typer.Typer(
    help="Draw what runs and studies came to: series, maps, distributions, groups of targets, the gain from transfer,"
    " skill by distance from training.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Models = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...",
        help="Folders of runs or ensembles, folders that hold such, ORG/NAME on the Hub, files of predictions,"
        " climatology, or process:NAME.",
    ),
]
_Folders = Annotated[
    list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs, or folders that hold such.")
]
_Output = Annotated[Path, typer.Option(help="The figure, a PNG.")]
_Csv = Annotated[Path | None, typer.Option(help="Also what it shows, as CSV.")]
_Task = Annotated[str | None, typer.Option(help="Which task, where the runs are of several.")]
_Split = Annotated[str | None, typer.Option(help="Split; by default what a run was tested on, or its validation rows.")]
_Hidden = Annotated[Path | None, typer.Option("--targets", help="Folder of the hidden targets of a sealed release.")]


@figures.command()
def series(
    runs: _Models,
    data: choices.Data = Path("agroflux"),
    task: _Task = None,
    split: _Split = None,
    targets: _Hidden = None,
    site: Annotated[list[str] | None, typer.Option(help="Repeatable; by default the one with the median R2.")] = None,
    years: Annotated[str | None, typer.Option(help="With commas between; by default three.")] = None,
    treatment: Annotated[int | None, typer.Option(help="By default the one with the median R2.")] = None,
    output: _Output = Path("series.png"),
    csv: _Csv = None,
) -> None:
    """Predicted and observed daily fluxes."""
    keep_large_blocks()
    release = Release(data)
    with console.progress() as bar:
        tested = gather(runs, release, task=task, split=split, hidden=targets, bar=bar)
    _write(daily.choose(tested, release, sites=site or (), years=_numbers(years), treatment=treatment), output, csv)


@figures.command("map")
def site_map(
    runs: _Models,
    data: choices.Data = Path("agroflux"),
    task: _Task = None,
    split: _Split = None,
    targets: _Hidden = None,
    metric: Annotated[str, typer.Option(help="One of " + ", ".join(sites.METRICS) + ".")] = "r2",
    target: Annotated[str | None, typer.Option(help="Names with commas between; by default those ranked.")] = None,
    output: _Output = Path("map.png"),
    csv: _Csv = None,
) -> None:
    """Error by county or site on a map; a column for each task and model."""
    keep_large_blocks()
    release = Release(data)
    with console.progress() as bar:
        tested = gather(runs, release, task=task, split=split, hidden=targets, several_tasks=True, bar=bar)
    _write(sites.measure(tested, release, metric, _names(target)), output, csv)


@figures.command()
def distributions(
    data: choices.Data = Path("agroflux"),
    kind: Annotated[str, typer.Option("--of", help="inputs, or outputs: the ranked targets.")] = "outputs",
    variables: Annotated[str | None, typer.Option(help="Only these, with commas between.")] = None,
    output: _Output = Path("distributions.png"),
    csv: _Csv = None,
) -> None:
    """How inputs or outputs are distributed in each source."""
    _write(spreads.collect(Release(data), kind, _names(variables)), output, csv)


@figures.command()
def groups(runs: _Folders, output: _Output = Path("groups.png"), csv: _Csv = None) -> None:
    """Models for targets of several groups against one for each group (run --targets carbon)."""
    _write(compare(runs), output, csv)


@figures.command()
def gain(
    runs: _Folders,
    metric: Annotated[str, typer.Option(help="r2, or rmse: by how many percent it is smaller.")] = "r2",
    output: _Output = Path("gain.png"),
    csv: _Csv = None,
) -> None:
    """The gain from transfer by target, against the same model from scratch."""
    _write(pair(runs, metric), output, csv)


@figures.command()
def extrapolation(
    runs: _Models,
    data: choices.Data = Path("agroflux"),
    task: _Task = None,
    split: _Split = None,
    targets: _Hidden = None,
    target: Annotated[str | None, typer.Option(help="Names with commas between; by default those ranked.")] = None,
    bins: Annotated[int, typer.Option(min=1, help="Each with the same number of rows.")] = BINS,
    output: _Output = Path("extrapolation.png"),
    csv: _Csv = None,
) -> None:
    """Skill by the distance of the tested inputs from training, as a table and a figure."""
    keep_large_blocks()
    release = Release(data)
    with console.progress() as bar:
        tested = gather(runs, release, task=task, split=split, hidden=targets, bar=bar)
        found = measure(tested, release, bins=bins, targets=_names(target))
    table = Table("model", "target", "bin", "rows", "distance", "beyond", "skill", "95 %", "R2", "95 %", box=box.SIMPLE)
    for one in found.bins:
        scores = (
            text
            for metric in ("skill", "r2")
            for text in (
                rounded(one.metrics[metric]),
                f"{rounded(one.intervals[metric].low)} .. {rounded(one.intervals[metric].high)}",
            )
        )
        table.add_row(
            one.model, one.target, str(one.number), f"{one.rows:,}", rounded(one.middle), f"{one.beyond:.0%}", *scores
        )
    console.output.print(table)
    _write(ByDistance(found, origin_of(release, found.task)), output, csv)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",")) if text else ()


def _numbers(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(",")) if text else ()
    except ValueError:
        raise AgrofluxError("not years", expected="such as 2016,2017", came=text) from None


def _write(shown: Shown, output: Path, csv: Path | None) -> None:
    for path in save(shown, output, csv):
        console.output.print(path, soft_wrap=True)
