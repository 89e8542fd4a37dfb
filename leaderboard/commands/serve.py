"""`agroflux-leaderboard serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from leaderboard.commands.arguments import DATA, STORE, Data, Store, Targets
from leaderboard.intake import QUOTA
from leaderboard.server import serve as serve_page

__all__ = ["serve"]


def serve(
    data: Data = DATA,
    targets: Targets = None,
    store: Store = STORE,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 7860,
    quota: Annotated[int, typer.Option(help="Submissions a participant has a day for each task.", min=1)] = QUOTA,
) -> None:
    """Serve the page, and score what comes in, until interrupted."""
    serve_page(data, targets, store, host=host, port=port, quota=quota)
