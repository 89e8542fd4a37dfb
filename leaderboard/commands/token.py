"""`agroflux-leaderboard token`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from agroflux_data import console
from leaderboard.commands.arguments import STORE, Store
from leaderboard.tokens import Tokens

__all__ = ["token"]

token = typer.Typer(no_args_is_help=True, help="Tokens of participants, for a leaderboard that is no Space.")
_Name = Annotated[str, typer.Argument(help="The participant.", show_default=False)]


@token.command()
def create(name: _Name, store: Store = STORE) -> None:
    """Issue a token to a participant; an earlier one of the same name is void."""
    issued = Tokens(store).create(name)
    console.messages.print(f"The token of {escape(name)}; it is shown this once, and only its hash is kept:")
    console.output.print(issued, soft_wrap=True)


@token.command("list")
def list_tokens(store: Store = STORE) -> None:
    """Say who has a token, and since when."""
    issued = Tokens(store).issued()
    for name, created in issued.items():
        console.output.print(f"{name:40}  {created:%Y-%m-%d %H:%M} UTC", markup=False, soft_wrap=True)
    if not issued:
        console.messages.print("Nobody has a token.")


@token.command()
def revoke(name: _Name, store: Store = STORE) -> None:
    """Make a participant's token void; what was submitted with it stays."""
    Tokens(store).revoke(name)
    console.output.print(f"the token of {name} is void", markup=False, soft_wrap=True)
