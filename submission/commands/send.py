"""`agroflux-submit send`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from agroflux_data import console
from agroflux_data.release import Release
from submission.commands.arguments import File, Json, TokenFile, Url
from submission.commands.connection import connect, show, verdict
from submission.commands.refusal import refuse
from submission.guarded import reading_limits
from submission.validation import validate

__all__ = ["send"]

_RELEASE = Path("agroflux")


def send(
    file: File,
    url: Url,
    token_file: TokenFile = None,
    data: Annotated[
        Path | None, typer.Option(help="The public folder of the release, to check the file first; agroflux if there.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it is scored, and show its scores.")] = False,
    as_json: Json = False,
) -> None:
    """Send a file to a leaderboard and print the receipt: the file is safe then, and will be scored.

    Tried again, more and more slowly, while the queue is full or the server out of reach. The same file sent twice
    counts once.
    """
    if data is not None or _RELEASE.is_dir():
        refuse(validate(file, Release(data or _RELEASE), limits=reading_limits(file)), shown=False)
    else:
        console.messages.print(f"not checked before sending: no release in {_RELEASE}", soft_wrap=True)
    board = connect(url, token_file)
    with console.progress() as bar:
        line = bar.add_task(f"sending {file.stat().st_size / 1e6:.1f} MB" if file.is_file() else "sending", total=None)
        receipt = board.send(file)
        bar.update(line, description="received", total=1, completed=1)
    if not (as_json and wait):
        _print(receipt, as_json)
    if wait:
        with console.progress() as bar:
            line = bar.add_task("received", total=None)
            standing = board.wait(receipt["id"], lambda state: bar.update(line, description=state))
        show(standing, as_json)
        verdict(standing)


def _print(receipt: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(receipt, indent=1, allow_nan=False))
        return
    quota = receipt["quota"]
    facts = {
        "receipt": receipt["id"],
        "task": receipt["task"],
        "model": receipt["model"],
        "SHA-256": receipt["sha256"],
        "received": receipt["received"] + ("" if receipt["new"] else ", the same file as before"),
        "left today": f"{quota['left']} of {quota['of']}, until {quota['resets']}",
    }
    for name, text in facts.items():
        # Never markup: the model's name comes from the file.
        console.output.print(f"{name:10}  {text}", markup=False, soft_wrap=True)
