"""`agroflux-leaderboard deploy`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from huggingface_hub import HfApi
from huggingface_hub.utils import disable_progress_bars

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from leaderboard.intake import QUOTA
from leaderboard.locations import Address
from leaderboard.space import Plan
from leaderboard.space import deploy as deploy_space

__all__ = ["deploy"]

_TOKEN = "AGROFLUX_SPACE_TOKEN"
_NAME = "ORG/NAME[@REVISION]"


def deploy(
    space: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The Space.", show_default=False)],
    data: Annotated[
        str | None, typer.Option(metavar=_NAME, help="The release, pushed before; by default agroflux of the same ORG.")
    ] = None,
    targets: Annotated[
        str | None, typer.Option(metavar=_NAME, help="Its hidden targets; by default the release's NAME-targets.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(metavar=_NAME, help="The submissions; made, private, if need be. By default NAME-store."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help=f"File with the token that the Space gets as a secret; {_TOKEN} if not given."),
    ] = None,
    quota: Annotated[int, typer.Option(help="Submissions a participant has a day for each task.", min=1)] = QUOTA,
    title: Annotated[str, typer.Option(help="Of the Space.")] = Plan.title,
    private: Annotated[bool, typer.Option("--private", help="Make the Space visible to its owners alone.")] = False,
    bucket: Annotated[
        str | None,
        typer.Option(metavar="ORG/NAME", help="Storage bucket that keeps the release when the Space restarts."),
    ] = None,
) -> None:
    """Make a Space of this leaderboard, or bring it up to date.

    Release and targets are pinned to the commits that stand there now. The Space runs the code that is installed
    here, at the versions that are installed here. Its token should be a fine-grained one that may read the two and
    write to the store, and nothing else; it becomes the secret HF_TOKEN and is shown nowhere.

    Needs a token of yours with the right to write: hf auth login, or HF_TOKEN.
    """
    if not console.messages.is_terminal:
        disable_progress_bars()
    release = Address.from_text(data or f"{space.split('/')[0]}/agroflux")
    hidden = Address(release.id + "-targets") if targets is None else Address.from_text(targets)
    records = Address(release.id + "-store") if store is None else Address.from_text(store)
    plan = Plan(space, release, hidden, records, quota, title, private, bucket)
    url = deploy_space(plan, HfApi(), _token(token_file), lambda work: console.messages.print(
        work, markup=False, soft_wrap=True))  # fmt: skip
    console.output.print(f"the Space is being built: {url}", soft_wrap=True)


def _token(file: Path | None) -> str | None:
    """The Space's own token, never taken from a command line that others can see."""
    if file is None:
        return os.environ.get(_TOKEN, "").strip() or None
    try:
        found = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise AgrofluxError("no token there", expected="a file with a token", came=str(error), where=file) from None
    if not found or len(found.split()) != 1:
        raise AgrofluxError("no token there", expected="a file with one token and nothing else", where=file)
    return found
