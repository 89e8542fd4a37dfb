"""`agroflux-train push`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from huggingface_hub import HfApi
from huggingface_hub.utils import disable_progress_bars

from agroflux_data import console
from agroflux_data.hub import Home
from baselines.hub import push as push_model
from baselines.saved import open_saved

__all__ = ["push"]


def push(
    model: Annotated[Path, typer.Argument(help="Folder of a finished run or ensemble.")],
    repository: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The model repository; made if need be.")],
    private: Annotated[bool, typer.Option("--private", help="Make the repository private.")] = False,
    licence: Annotated[
        str | None, typer.Option("--license", help="The Hub's identifier; by default that of the data.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(metavar="ORG/NAME", help="The release on the Hub; with it results go along in the Hub's form."),
    ] = None,
    dataset_revision: Annotated[str | None, typer.Option(help="Its commit.")] = None,
    message: Annotated[str | None, typer.Option(help="Of the commit.")] = None,
) -> None:
    """Publish a model on the Hugging Face Hub, with a card that says task, release, metrics, licence and command.

    Weights are safetensors, trees the text of their libraries: nothing is pickled. Needs a token with the right to
    write: hf auth login, or HF_TOKEN.
    """
    if not console.messages.is_terminal:
        disable_progress_bars()
    api = HfApi()
    commit = push_model(
        open_saved(model), Home(repository, api), private=private, licence=licence, dataset=dataset,
        dataset_revision=dataset_revision, message=message,
    )  # fmt: skip
    console.output.print(f"{model} is at {api.endpoint}/{repository}, commit {commit}", soft_wrap=True)
