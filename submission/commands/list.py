"""`agroflux-submit list`."""

from __future__ import annotations

import json

from rich import box
from rich.table import Table
from rich.text import Text

from agroflux_data import console
from submission.commands.arguments import Json, TokenFile, Url
from submission.commands.connection import connect

__all__ = ["list_submissions"]


def list_submissions(url: Url, token_file: TokenFile = None, as_json: Json = False) -> None:
    """List all your submissions, in the order they came."""
    found = connect(url, token_file).submissions()
    if as_json:
        print(json.dumps(found, indent=1, allow_nan=False))
        return
    table = Table("id", "received", "task", "model", "state", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("skill", justify="right")
    for one in found:
        skill = (one.get("scores") or {}).get("skill")
        state = str(one["state"]) + (", withdrawn" if one.get("withdrawn") else "")
        # Never markup: the model's name comes from the file.
        cells = (Text(str(cell)) for cell in (one["id"], one["received"], one["task"], one["model"], state))
        table.add_row(*cells, "-" if skill is None else f"{skill:.4g}")
    console.output.print(table)
