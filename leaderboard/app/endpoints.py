"""The actions as endpoints for programs: JSON in and out, and an error's text instead of a card."""

from __future__ import annotations

from typing import Any

import gradio as gr

from agroflux_data.errors import AgrofluxError
from leaderboard.app.actions import Actions, spoken
from leaderboard.board import Board

__all__ = ["Endpoints"]


class Endpoints:
    """Endpoints of the app, to be added inside a `gradio.Blocks`.

    Parameters
    ----------
    actions : Actions
    board : Board
    """

    def __init__(self, actions: Actions, board: Board):
        self._actions, self._board = actions, board
        file, answer = gr.File(visible=False, label="file"), gr.JSON(visible=False)
        token, id = gr.Textbox("", visible=False, label="token"), gr.Textbox("", visible=False, label="id")
        task, metadata = gr.Textbox("", visible=False, label="task"), gr.JSON({}, visible=False, label="metadata")
        for name, action, inputs in (
            ("submit", self.submit, [file, token]),
            ("status", self.status, [id, token]),
            ("list", self.submissions, [token]),
            ("withdraw", self.withdraw, [id, token]),
            ("edit", self.edit, [id, metadata, token]),
            ("board", self.board, [task]),
        ):
            gr.Button(visible=False).click(action, inputs, answer, api_name=name)

    def submit(self, file: str | None, token: str, oauth: gr.OAuthToken | None) -> dict[str, Any]:
        """Send a file; answers with a receipt once the file is safe."""
        with spoken():
            return self._actions.receive(file, token, oauth).to_json()

    def status(self, id: str, token: str, oauth: gr.OAuthToken | None) -> dict[str, Any]:
        """Where one of your submissions stands."""
        with spoken():
            return Actions.plain(self._actions.own(id, self._actions.owner(token, oauth)))

    def submissions(self, token: str, oauth: gr.OAuthToken | None) -> list[dict[str, Any]]:
        """All your submissions, in the order they came."""
        with spoken():
            return [Actions.plain(entry) for entry in self._actions.all_of(self._actions.owner(token, oauth))]

    def withdraw(self, id: str, token: str, oauth: gr.OAuthToken | None) -> dict[str, Any]:
        """Hide one of your submissions from the board."""
        with spoken():
            return Actions.plain(self._actions.withdraw(id, self._actions.owner(token, oauth)))

    def edit(self, id: str, metadata: dict[str, Any], token: str, oauth: gr.OAuthToken | None) -> dict[str, Any]:
        """Change some of the metadata of one of your submissions; what they were is kept."""
        with spoken():
            if not isinstance(metadata, dict):
                raise AgrofluxError("metadata: not an object", expected="a JSON object", came=type(metadata).__name__)
            return Actions.plain(self._actions.edit(id, metadata, self._actions.owner(token, oauth)))

    def board(self, task: str) -> list[dict[str, Any]]:
        """The board of a task."""
        with spoken():
            headers = self._board.headers(task)
            return [dict(zip(headers, cells, strict=True)) for cells in self._board.table(self._board.rows(task), task)]
