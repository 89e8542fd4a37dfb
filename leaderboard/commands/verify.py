"""`agroflux-leaderboard verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from agroflux_data import console
from leaderboard import locations
from leaderboard.commands.arguments import DATA, STORE, Data, Id, Store
from leaderboard.store import open_store
from leaderboard.verification import TOLERANCE
from leaderboard.verification import verify as verify_submission

__all__ = ["verify"]


def verify(
    id: Id,
    model: Annotated[
        str | None, typer.Option(help="A folder, or ORG/NAME on the Hub; by default what the submission links to.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Most difference, as a share of the predictions' own spread.", min=0.0)
    ] = TOLERANCE,
    data: Data = DATA,
    store: Store = STORE,
) -> None:
    """Run a submission's model again and compare; exit code 1 if it says something else.

    It must be one of our architectures, with its weights as safetensors. What is found is written into the journal, and
    the board shows who is verified. Needs agroflux[train].
    """
    release, records = locations.release(data), open_store(store, existing=True)
    with console.messages.status("verifying") as status:
        found = verify_submission(records, release, id, model=model, tolerance=tolerance, told=status.update)
    console.output.print(f"{id}: {found.model}", markup=False, soft_wrap=True)
    for target, value in found.differences.items():
        said = "nothing to compare with" if value is None else f"{value:.2e} of its spread"
        console.output.print(f"  {target:6} {said}", soft_wrap=True)
    agrees = "verified" if found.agrees else "not verified"
    console.output.print(f"{agrees} (tolerance {found.tolerance:g})")
    if not found.agrees:
        raise typer.Exit(1)
