"""`agroflux-data inspect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from agroflux_data import console, overview
from agroflux_data.release import Release, Targets
from agroflux_data.survey import survey

__all__ = ["inspect"]


def inspect(
    release: Annotated[Path, typer.Argument(help="The public folder of a release.")],
    targets: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Its hidden targets, to look at hidden splits too.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Save figures there, as PNG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Show what a release holds: tasks, splits, rows, sites, years, share of days observed, bytes.

    Figures: a map of the sites by fold; seasons of the ranked targets, by source and crop; and for each source how the
    numbers of every variable differ between its splits. With --targets they show hidden outputs: keep them private.
    """
    opened = Release(release)
    hidden = None if targets is None else Targets.of(opened, targets)
    with console.bar("reading rows") as done:
        found = survey(opened, hidden, figures=plot is not None, told=done)
    if plot is not None:
        # Loading matplotlib takes longer than reading a small release.
        from agroflux_data.survey_figures import save as save_figures

        for figure in save_figures(found, plot):
            console.messages.print(f"saved {figure}", markup=False, soft_wrap=True)
    if as_json:
        print(json.dumps(found.to_json(), allow_nan=False))
        return
    console.output.print(overview.table(found.splits))
    console.output.print(
        f"{release} version {opened.version} revision {opened.revision}, {opened.edition} edition", soft_wrap=True
    )
