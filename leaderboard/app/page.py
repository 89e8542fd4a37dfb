"""The page as a whole: its tabs, the endpoints for programs, and how it is served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from agroflux_data.release import Release
from leaderboard.app import cards
from leaderboard.app.about import about
from leaderboard.app.actions import Actions
from leaderboard.app.boards import Boards
from leaderboard.app.endpoints import Endpoints
from leaderboard.app.mine import Mine
from leaderboard.app.standings import Standings
from leaderboard.app.submit import Submit
from leaderboard.app.theme import CSS, HEAD, theme
from leaderboard.board import Board
from leaderboard.guard import Guard, limit_connections
from leaderboard.identity import Identity
from leaderboard.intake import Intake
from leaderboard.store import Store

__all__ = ["App"]

_QUEUE = 256
"""Events that may wait; who comes after them is told to try again."""
_AT_ONCE = 8


class App:
    """The Gradio app over a store.

    Parameters
    ----------
    release : Release
    store : Store
    intake : Intake
    identity : Identity
    received : callable
        Called when a submission came in: it wakes the worker.
    """

    def __init__(
        self, release: Release, store: Store, intake: Intake, identity: Identity, received: Callable[[], None]
    ):
        self._largest, self._space = intake.largest, identity.oauth
        actions = Actions(store, intake, identity, received)
        standings = Standings(store, release)
        origins = sorted({release.origin(task) for task in intake.tasks})
        with gr.Blocks(title="AgroFlux leaderboard", analytics_enabled=False, delete_cache=(3600, 3600)) as self.blocks:
            gr.HTML(cards.header(" and ".join(origins), release.revision))
            with gr.Tab("Leaderboard") as first:
                Boards(self.blocks, first, release, intake.tasks, standings, actions)
            with gr.Tab("Submit"):
                submit = Submit(self.blocks, store, actions, standings, intake.largest, identity.oauth)
            with gr.Tab("My submissions") as own:
                mine = Mine(self.blocks, own, actions, standings, identity.oauth)
            with gr.Tab("About"):
                gr.Markdown(about(release, intake), elem_id="about")
            mine.sign_in.same_as(submit.sign_in)
            Endpoints(actions, Board(store, release))

    def launch(self, host: str, port: int) -> str:
        """Begin to serve the page, and return its address."""
        self.blocks.queue(max_size=_QUEUE, default_concurrency_limit=_AT_ONCE)
        _, url, _ = self.blocks.launch(
            server_name=host, server_port=port, share=False, inbrowser=False, quiet=True, prevent_thread_lock=True,
            max_file_size=self._largest, show_error=False, ssr_mode=False, enable_monitoring=False, pwa=False,
            # A browser's history of runs would keep tokens.
            run_history=False, footer_links=["api"], theme=theme(), css=CSS, head=HEAD,
            app_kwargs={"middleware": [Middleware(Guard, largest=self._largest, folder=Path(get_upload_folder()),
                                                  space=self._space)]},
        )  # fmt: skip
        limit_connections(self.blocks.server)
        return str(url)
