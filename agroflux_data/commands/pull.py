"""`agroflux-data pull`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from huggingface_hub import HfApi
from huggingface_hub.utils import disable_progress_bars

from agroflux_data import console
from agroflux_data.hub import Home
from agroflux_data.hub import pull as pull_release
from agroflux_data.release import targets_folder

__all__ = ["pull"]


def pull(
    repository: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The dataset repository of a release.")],
    out: Annotated[Path, typer.Argument(help="The public folder to make.")],
    revision: Annotated[
        str | None, typer.Option(help="A tag such as v1.0.0, a branch or a commit; the newest by default.")
    ] = None,
    targets: Annotated[
        str | None,
        typer.Option(metavar="ORG/NAME", help="The private repository of its hidden targets, for OUT-targets."),
    ] = None,
) -> None:
    """Bring a release back from the Hugging Face Hub, each file compared with its SHA-256.

    A pull that broke off goes on when it is run again. A private repository needs a token: hf auth login, or HF_TOKEN.
    """
    if not console.messages.is_terminal:
        disable_progress_bars()
    out = Path(os.path.abspath(out))  # not resolve(): a link stays a link
    api = HfApi()
    release = pull_release(
        Home(repository, api), out, revision=revision, vault=None if targets is None else Home(targets, api)
    )
    console.output.print(
        f"{release.path} version {release.version} revision {release.revision}"
        + (f"\n{targets_folder(out)} keep private" if targets else ""),
        soft_wrap=True,
    )
