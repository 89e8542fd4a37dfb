"""`agroflux-data export`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.export import export_official
from agroflux_data.release import Release, Targets

__all__ = ["export"]


def export(
    layout: Annotated[str, typer.Argument(metavar="LAYOUT", help="official: the AgroFlux release's .npy arrays.")],
    out: Annotated[Path, typer.Argument(help="The folder to make.")],
    data: Annotated[Path, typer.Option(help="The public folder of a release.")] = Path("agroflux"),
    targets: Annotated[
        Path | None, typer.Option(help="Its hidden targets, to write them too; then keep OUT private.")
    ] = None,
) -> None:
    """Write a release in another layout, for code that was made for that one.

    official: arrays t0_mw, t0_dc, t1_n2o and t1_co2, scaled by training rows alone, with the AgroFlux release's own
    names, signs and order. Outputs that the release hides are NaN, unless --targets are given. A file agroflux.json
    says what the arrays cannot: origin, sites, treatments and years; "import official" reads it back.
    """
    if layout != "official":
        raise AgrofluxError("unknown layout", expected="official", came=layout)
    release = Release(data)
    hidden = None if targets is None else Targets.of(release, targets)
    with console.bar("writing sequences") as done:
        notes = export_official(release, Path(os.path.abspath(out)), targets=hidden, done=done)
    for note in notes:
        console.messages.print("[yellow]note:[/]", end=" ")
        console.messages.print(note, markup=False, soft_wrap=True)
    console.output.print(
        f"{out} revision {release.revision}" + (", with hidden targets: keep private" if hidden else "")
    )
