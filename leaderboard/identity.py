"""Who is asking. The name comes from Hugging Face or from a token that the host issued, never from a form."""

from __future__ import annotations

import hashlib
import logging
import time
from typing import Protocol

from gradio import OAuthToken
from gradio.utils import get_space
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from agroflux_data.errors import AgrofluxError
from leaderboard.tokens import Tokens

__all__ = ["HostTokens", "HuggingFace", "Identity", "Unknown", "on_space"]

_BELIEVED = 120.0
"""Seconds for which an answer of Hugging Face is not asked for again."""

_log = logging.getLogger(__name__)


class Unknown(AgrofluxError):
    """Nobody that may submit."""


def on_space() -> bool:
    """Whether this is a Space, by the very test that decides whether Gradio's login is the real one.

    Anywhere else Gradio offers a mock login that makes any visitor the host, so it is never used there.
    """
    return get_space() is not None


class Identity(Protocol):
    """A way to know who is asking."""

    oauth: bool
    """Whether visitors log in with Hugging Face; if not, they give a token of the host."""

    def owner(self, oauth: OAuthToken | None, token: str) -> str:
        """The name of who is asking; raises `Unknown` where that cannot be told."""
        ...


class HuggingFace:
    """On a Space: Hugging Face says who the bearer of the login's token is.

    What it said is believed for two minutes, since a participant who waits for a score asks every few seconds and
    Hugging Face limits such questions. Kept in memory, under the token's hash alone.
    """

    oauth = True

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, float]] = {}

    def owner(self, oauth: OAuthToken | None, token: str) -> str:
        """See `Identity.owner`; the host's tokens count for nothing here."""
        if oauth is None:
            raise Unknown("not logged in", expected="a login with Hugging Face")
        key, now = hashlib.sha256(oauth.token.encode()).hexdigest(), time.monotonic()
        name, until = self._known.get(key, ("", 0.0))
        if now < until:
            return name
        name = self._ask(oauth.token)
        self._known = {other: found for other, found in self._known.items() if now < found[1]}
        self._known[key] = (name, now + _BELIEVED)
        return name

    def _ask(self, token: str) -> str:
        try:
            account = HfApi().whoami(token=token)
        except (HfHubHTTPError, OSError, ValueError) as error:
            # The message could carry the request with its token: only the kind of error is written down.
            answer = getattr(error, "response", None)
            status = getattr(answer, "status_code", None)
            _log.warning("whoami refused a login: %s %s", type(error).__name__, status or "")
            if isinstance(error, OSError) and (status is None or status == 429 or status >= 500):
                raise Unknown(
                    "Hugging Face does not say now who you are", expected="another attempt in a minute", came=status
                ) from None
            raise Unknown(
                "Hugging Face does not confirm this login", expected="a login that is still valid; log in again"
            ) from None
        if account.get("type") != "user":
            raise Unknown("not a person's account", expected="a login of a user", came=account.get("type"))
        return str(account["name"])


class HostTokens:
    """Self-hosted: the host's tokens say who is asking. A Hugging Face token in the request counts for nothing."""

    oauth = False

    def __init__(self, tokens: Tokens):
        self._tokens = tokens

    def owner(self, oauth: OAuthToken | None, token: str) -> str:
        """See `Identity.owner`."""
        if not token.strip():
            raise Unknown("no token", expected="the token that the host of this leaderboard gave you")
        name = self._tokens.owner(token)
        if name is None:
            _log.warning("a token was refused")
            raise Unknown("this token is not valid", expected="the token that the host of this leaderboard gave you")
        return name
