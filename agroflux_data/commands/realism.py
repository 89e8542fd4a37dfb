"""`agroflux-data realism`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from agroflux_data import console, realism_tables
from agroflux_data.realism import measure as measure_realism
from agroflux_data.release import Release

__all__ = ["realism"]


def realism(
    release: Annotated[Path, typer.Argument(help="The public folder of a release; every source simulated.")],
    plot: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Save the figures there, as PNG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Compare a simulated release with the official moments and with observed fields: a report, not a check."""
    opened = Release(release)
    with console.bar("reading public rows") as done:
        found = measure_realism(opened, done)
    if plot is not None:
        # Loading matplotlib takes longer than reading a small release.
        from agroflux_data.realism_figures import save as save_figures

        for figure in save_figures(found, plot):
            console.messages.print(f"saved {figure}", markup=False, soft_wrap=True)
    if as_json:
        print(json.dumps(found.to_json(), allow_nan=False))
        return
    console.output.print(realism_tables.heading(found))
    for table in realism_tables.tables(found):
        console.output.print(table)
    console.output.print(realism_tables.summary(found), soft_wrap=True)
