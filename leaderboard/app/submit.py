"""The tab Submit: a drop zone, the metadata of the file, what is left of the quota, and the receipt."""

from __future__ import annotations

from typing import Any

import gradio as gr

from agroflux_data.errors import AgrofluxError
from leaderboard.app import cards
from leaderboard.app.actions import Actions, own_faults
from leaderboard.app.form import Form
from leaderboard.app.sign_in import SignIn
from leaderboard.app.standings import Standings
from leaderboard.intake import Receipt
from leaderboard.store import Store

__all__ = ["Submit"]

_HINT = "Your receipt, and the report on your file, will stand here."


class Submit:
    """The tab, inside a `gradio.Blocks`.

    Parameters
    ----------
    blocks : gradio.Blocks
    store : Store
    actions : Actions
    standings : Standings
    largest : int
        Bytes that a file may have.
    oauth : bool
        Whether visitors log in with Hugging Face.
    """

    def __init__(
        self, blocks: gr.Blocks, store: Store, actions: Actions, standings: Standings, largest: int, oauth: bool
    ):  # fmt: skip
        self._store, self._actions, self._standings = store, actions, standings
        with gr.Row(equal_height=False):
            with gr.Column(scale=6, min_width=320):
                gr.HTML(cards.how_to_submit(largest))
                self.sign_in = SignIn(blocks, oauth, "token")
                file = gr.File(
                    label="Prediction file (Parquet)", file_count="single", type="filepath", height=150, elem_id="file"
                )
                with gr.Group(visible=False, elem_id="metadata") as about_it:
                    gr.HTML(
                        "<div class='af-form'><h3>What the file says of itself</h3><p class='af-small'>Change what "
                        "should read otherwise on the board. The change is kept beside the file, which stays as it is."
                        "</p></div>"
                    )
                    form = Form()
                send = gr.Button("Submit", variant="primary", elem_id="send")
            with gr.Column(scale=5, min_width=320):
                answer = gr.HTML(cards.waiting(_HINT), elem_id="answer")
                left = gr.HTML("", elem_id="quota")
        watched: gr.State = gr.State(None)
        # The upload that the form was filled from: an empty form is no wish for empty metadata.
        filled: gr.State = gr.State(None)
        timer = gr.Timer(2.0, active=False)
        own: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        file.upload(self._look, file, [about_it, *form.fields, answer, filled], **own)
        file.clear(lambda: gr.update(visible=False), None, about_it, **own)
        self.sign_in.given(self._left, left)
        send.click(
            self._send, [file, self.sign_in.token, filled, *form.fields],
            [answer, watched, file, about_it, timer, left],
            **own | {"show_progress": "minimal"},
        )  # fmt: skip
        timer.tick(self._follow, watched, [answer, timer], **own)

    def _look(self, file: str | None) -> tuple[Any, ...]:
        """What an uploaded file says of itself; the values are looked at when it is scored."""
        blank = [gr.skip()] * len(Form.filled({}))
        if not file:
            return gr.update(visible=False), *blank, cards.waiting(_HINT), None
        try:
            with own_faults():
                metadata = self._actions.metadata(file)
        except AgrofluxError as error:
            return gr.update(visible=False), *blank, cards.problem(error, "Not a submission"), None
        ready = f"{metadata.model} for {metadata.task}: ready to be sent."
        return gr.update(visible=True), *Form.filled(metadata.to_json()), cards.waiting(ready), file

    def _send(
        self, file: str | None, token: str, oauth: gr.OAuthToken | None, filled: str | None, *given: Any
    ) -> tuple[Any, ...]:
        hidden = gr.update(visible=False)
        try:
            with own_faults():
                edited = Form.read(given) if file and file == filled else None
                receipt = self._actions.receive(file, token, oauth, edited)
        except AgrofluxError as error:
            return cards.problem(error), None, None, hidden, gr.update(active=False), gr.skip()
        entry = self._store.entry(receipt.id)
        assert entry is not None
        left = self._left(token, oauth)
        return cards.progress(entry, receipt), (receipt.id, receipt), None, hidden, gr.update(active=True), left

    def _follow(self, watched: tuple[str, Receipt] | None) -> tuple[str, dict[str, Any]]:
        entry = None if watched is None else self._store.entry(watched[0])
        if entry is None or watched is None:
            return cards.waiting(_HINT), gr.update(active=False)
        line = self._standings.line(entry.submission.id) if entry.state.final else None
        return cards.progress(entry, watched[1], line), gr.update(active=not entry.state.final)

    def _left(self, token: str, oauth: gr.OAuthToken | None) -> str:
        """What is left of the quota, for whoever may submit."""
        try:
            with own_faults():
                owner = self._actions.owner(token, oauth)
                return cards.quotas(owner, self._actions.quotas(owner))
        except AgrofluxError:
            return ""
