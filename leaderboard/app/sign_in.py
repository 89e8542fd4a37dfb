"""How visitors say who they are: a login with Hugging Face on a Space, else the token that the host gave them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

__all__ = ["SignIn"]

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


class SignIn:
    """The field or the button, inside a `gradio.Blocks`.

    The token is in the memory of the page alone: it is sent with what is asked for, and forgotten with the page.

    Parameters
    ----------
    blocks : gradio.Blocks
        The page.
    oauth : bool
        Whether visitors log in with Hugging Face.
    id : str
        Of the field on the page.

    Attributes
    ----------
    token : gradio.Textbox
        Empty where visitors log in.
    """

    def __init__(self, blocks: gr.Blocks, oauth: bool, id: str):
        self._blocks, self._oauth = blocks, oauth
        if oauth:
            gr.LoginButton(icon=None)  # its icon would be one of the files that the guard keeps closed
        self.token = gr.Textbox(
            label="Your token", type="password", placeholder="agf_…", visible=not oauth, elem_id=id,
            info="The host of this leaderboard gave it to you. It says who you are, and is not kept.",
            html_attributes=gr.InputHTMLAttributes(autocomplete="off", autocapitalize="none", spellcheck=False),
        )  # fmt: skip

    def given(self, action: Callable[..., Any], outputs: Any) -> None:
        """Call an action with the token and the login, once somebody may be known."""
        if self._oauth:
            self._blocks.load(action, self.token, outputs, **_PRIVATE)
        else:
            gr.on([self.token.blur, self.token.submit], action, self.token, outputs, **_PRIVATE)

    def same_as(self, other: SignIn) -> None:
        """What is typed into one of two fields stands in the other as well."""
        for one, two in ((self.token, other.token), (other.token, self.token)):
            one.change(None, one, two, js="(token) => token", **_PRIVATE)  # also after pasting
