"""`agroflux-data push`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from huggingface_hub import HfApi
from huggingface_hub.utils import disable_progress_bars

from agroflux_data import console
from agroflux_data.hub import Home
from agroflux_data.hub import push as push_release
from agroflux_data.release import Release, Targets

__all__ = ["push"]


def push(
    release: Annotated[Path, typer.Argument(help="The public folder of a release.")],
    repository: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The dataset repository; made if need be.")],
    targets: Annotated[
        tuple[Path, str] | None,
        typer.Option(metavar="FOLDER ORG/NAME", help="The hidden targets and their repository, which must be private."),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make the release's own repository private too.")] = False,
    message: Annotated[str | None, typer.Option(help="Of the commits; version and revision by default.")] = None,
) -> None:
    """Publish a release on the Hugging Face Hub, as the dataset repository ORG/NAME.

    Checks it first, and sends nothing if anything is wrong. The version becomes a tag, such as v1.0.0, at which
    load_dataset(..., revision=TAG) finds it for good. A push that broke off goes on when it is run again.

    Needs a token with the right to write: hf auth login, or HF_TOKEN.
    """
    if not console.messages.is_terminal:
        disable_progress_bars()
    api = HfApi()
    opened, home = Release(release), Home(repository, api)
    hidden = None if targets is None else (Targets.of(opened, targets[0]), Home(targets[1], api))
    push_release(
        opened, home, targets=hidden, private=private, message=message,
        told=lambda work: console.messages.print(work, markup=False, soft_wrap=True),
    )  # fmt: skip
    for folder, place in ((opened, home), *([hidden] if hidden else [])):
        console.output.print(
            f"{folder.path} is at {api.endpoint}/datasets/{place.id}, tag {folder.version.tag},"
            f" revision {folder.revision}",
            soft_wrap=True,
        )
