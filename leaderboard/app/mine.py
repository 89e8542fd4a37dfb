"""The tab My submissions: their states with times and reasons, and what can be done with each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from markupsafe import Markup

from agroflux_data.errors import AgrofluxError
from leaderboard.app import cards
from leaderboard.app.actions import Actions, own_faults
from leaderboard.app.form import Form
from leaderboard.app.pick import PICK
from leaderboard.app.sign_in import SignIn
from leaderboard.app.standings import Standings
from leaderboard.store import Entry

__all__ = ["Mine"]

_HINT = "Say who you are, and your submissions will stand here."


class Mine:
    """The tab, inside a `gradio.Blocks`.

    Parameters
    ----------
    blocks : gradio.Blocks
    tab : gradio.Tab
        Where it stands; what is shown is fresh whenever it is selected.
    actions : Actions
    standings : Standings
    oauth : bool
        Whether visitors log in with Hugging Face.
    """

    def __init__(self, blocks: gr.Blocks, tab: gr.Tab, actions: Actions, standings: Standings, oauth: bool):
        self._actions, self._standings = actions, standings
        with gr.Row(equal_height=False):
            with gr.Column(scale=4, min_width=280):
                self.sign_in = SignIn(blocks, oauth, "my-token")
            with gr.Column(scale=1, min_width=160):
                show = gr.Button("Show my submissions", elem_id="show")
        table = gr.HTML(cards.waiting(_HINT), elem_id="mine", js_on_load=PICK)
        with gr.Column(visible=False, elem_id="chosen") as opened:
            card = gr.HTML(elem_id="standing")
            with gr.Accordion("Edit what it says of itself", open=False, elem_id="edit"):
                form = Form()
                save = gr.Button("Save the changes", elem_id="save")
                changes = gr.HTML()
            with gr.Row():
                withdraw = gr.Button("Withdraw this submission", variant="stop", elem_id="withdraw")
                sure = gr.Button("Yes, take it off the board", variant="stop", visible=False, elem_id="sure")
                keep = gr.Button("No, leave it", visible=False, elem_id="keep")
        said = gr.HTML(elem_id="said")
        chosen: gr.State = gr.State(None)
        timer = gr.Timer(3.0, active=False)
        own: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        token, asked = self.sign_in.token, [withdraw, sure, keep]
        fresh = [table, card, changes, timer]
        self.sign_in.given(self._list, [*fresh, said])
        for event in (show.click, tab.select):
            event(self._refreshed, [token, chosen], [*fresh, said], **own)
        timer.tick(self._refreshed, [token, chosen], [*fresh, said], **own)
        table.pick(self._open, token, [chosen, opened, *fresh, said, *asked, *form.fields], **own)
        save.click(self._save, [token, chosen, *form.fields], [*fresh, said], **own)
        withdraw.click(lambda: _ask(True), None, asked, **own)
        keep.click(lambda: _ask(False), None, asked, **own)
        sure.click(self._withdraw, [token, chosen], [*fresh, said, *asked], **own)

    def _list(self, token: str, oauth: gr.OAuthToken | None) -> tuple[Any, ...]:
        return self._refreshed(token, None, oauth)

    def _refreshed(self, token: str, chosen: str | None, oauth: gr.OAuthToken | None) -> tuple[Any, ...]:
        """The list, the card and the changes as they stand now, and what went wrong."""
        if not token and oauth is None:
            return cards.waiting(_HINT), gr.skip(), gr.skip(), gr.update(active=False), ""
        return self._answered(lambda: self._actions.owner(token, oauth), chosen, "")

    def _answered(self, act: Callable[[], str], chosen: str | None, done: str) -> tuple[Any, ...]:
        """Do something that gives the owner, and show what has become of the owner's submissions."""
        try:
            with own_faults():
                return self._shown(act(), chosen, done)
        except AgrofluxError as error:
            return gr.skip(), gr.skip(), gr.skip(), gr.update(active=False), cards.problem(error, "Not done")

    def _shown(self, owner: str, chosen: str | None, done: str) -> tuple[Any, ...]:
        entries = self._actions.all_of(owner)
        table = cards.mine(entries, chosen)
        entry = next((one for one in entries if one.submission.id == chosen), None)
        waits = gr.update(active=any(not one.state.final and not one.withdrawn for one in entries))
        return table, *self._card(entry), waits, done

    def _card(self, entry: Entry | None) -> tuple[str, str]:
        if entry is None:
            return "", ""
        id = entry.submission.id
        changes = cards.history(entry.submission.metadata, self._actions.edits(id))
        return cards.progress(entry, line=self._standings.line(id)), changes

    def _open(self, token: str, oauth: gr.OAuthToken | None, event: gr.EventData) -> tuple[Any, ...]:
        """Show one of the submissions, its form filled with what it says of itself now."""
        id = str(event.open)
        try:
            with own_faults():
                owner = self._actions.owner(token, oauth)
                entry = self._actions.own(id, owner)
                shown = self._shown(owner, id, "")
        except AgrofluxError as error:
            left = [gr.skip()] * (4 + len(Form.filled({})))
            return gr.skip(), gr.skip(), *left[:4], cards.problem(error, "Not done"), *_ask(False), *left[4:]
        withdraw, *others = _ask(False)
        withdraw = gr.update(visible=not entry.withdrawn)
        return id, gr.update(visible=True), *shown, withdraw, *others, *Form.filled(entry.metadata)

    def _save(self, token: str, chosen: str | None, oauth: gr.OAuthToken | None, *given: Any) -> tuple[Any, ...]:
        def act() -> str:
            owner = self._actions.owner(token, oauth)
            self._actions.edit(chosen or "", Form.read(given), owner)
            return owner

        return self._answered(act, chosen, _done("Saved. What it said before is kept."))

    def _withdraw(self, token: str, chosen: str | None, oauth: gr.OAuthToken | None) -> tuple[Any, ...]:
        def act() -> str:
            owner = self._actions.owner(token, oauth)
            self._actions.withdraw(chosen or "", owner)
            return owner

        hidden = gr.update(visible=False)
        return *self._answered(act, chosen, _done("Withdrawn. It is hidden, not deleted.")), hidden, hidden, hidden


def _ask(sure: bool) -> list[dict[str, Any]]:
    """Withdrawing takes two presses of two buttons."""
    return [gr.update(visible=not sure), gr.update(visible=sure), gr.update(visible=sure)]


def _done(text: str) -> str:
    return Markup('<div class="af-card af-good" role="status"><p>{}</p></div>').format(text)
