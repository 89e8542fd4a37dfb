"""`agroflux-submit withdraw`."""

from __future__ import annotations

from submission.commands.arguments import Id, Json, TokenFile, Url
from submission.commands.connection import connect, show

__all__ = ["withdraw"]


def withdraw(id: Id, url: Url, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Hide one of your submissions from the board. The host keeps it, and it is not given back to your quota."""
    show(connect(url, token_file).withdraw(id), as_json)
