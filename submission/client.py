"""A leaderboard, as a program meets it: the endpoints of its Gradio app.

Needs the extra ``client``. A token goes to the host that was named and to no other: redirects are not followed, files
that an answer points to are not fetched, and the machine's own Hugging Face token is never sent.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio_client
import httpx
from gradio_client.exceptions import AppError
from gradio_client.utils import QueueError, TooManyRequestsError

from agroflux_data.errors import AgrofluxError
from agroflux_data.shards import digest

__all__ = ["ATTEMPTS", "Leaderboard", "read_token"]

ATTEMPTS = 8
TOKEN = "AGROFLUX_TOKEN"
_LONGEST_PAUSE = 60.0
_POLL = 2.0
"""Seconds."""
_TIMEOUT = httpx.Timeout(60, read=300)
_BUSY = (429, 502, 503, 504)
_COME_AGAIN = re.compile(r"try again in (\d{1,3}) s\b")
"""What a leaderboard says that can take nothing just now."""
_OF_HUGGING_FACE = "hf_"
_LONGEST_TOKEN = 4096


def read_token(file: Path | None = None) -> str:
    """The participant's token: from a file, else from the environment variable ``AGROFLUX_TOKEN``.

    Raises
    ------
    AgrofluxError
        There is none, or what is there cannot be one.
    """
    where: str | Path = TOKEN if file is None else file
    try:
        text = os.environ.get(TOKEN, "") if file is None else file.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        # Not the error's text: it could quote the file.
        raise AgrofluxError("unreadable token", expected="a text file", came=type(error).__name__, where=file) from None
    token = text.strip()
    if not token:
        raise AgrofluxError("no token", expected=f"--token-file, or the environment variable {TOKEN}", where=file)
    if len(token) > _LONGEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise AgrofluxError("not a token", expected="one word", where=where)
    return token


class Leaderboard:
    """The submissions of one participant on one leaderboard.

    Parameters
    ----------
    url : str
        Address of the leaderboard's page.
    token : str
        What its host gave to the participant; or, for a Space, an access token of Hugging Face (``hf_...``), for
        which one without any permission is enough.
    attempts : int
        How often a call is tried while the queue is full or the server out of reach. No call does anything twice:
        the same file sent again gets the same receipt.
    pause : float
        Seconds before the second attempt; each next pause is twice as long, up to a minute.
    again : callable, optional
        Called before each pause with the reason and the seconds.

    Raises
    ------
    AgrofluxError
        No address of a web page, or a token of Hugging Face for a host that is not of Hugging Face.
    """

    def __init__(
        self, url: str, token: str, *, attempts: int = ATTEMPTS, pause: float = 1.0,
        again: Callable[[str, float], None] | None = None,
    ):  # fmt: skip
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise AgrofluxError("not an address", expected="http(s)://HOST/", came=url)
        local = parts.hostname in ("127.0.0.1", "localhost", "::1")
        self._url = url
        self._of_hugging_face = token.startswith(_OF_HUGGING_FACE)
        if self._of_hugging_face and not (local or (parts.scheme == "https" and parts.hostname.endswith(".hf.space"))):
            raise AgrofluxError(
                "a Hugging Face token for another host", expected="https://....hf.space, or a token of this host",
                came=f"{parts.scheme}://{parts.netloc}",
            )  # fmt: skip
        self.encrypted = parts.scheme == "https" or local
        """Whether nobody on the way can read the token."""
        self._token, self._attempts, self._pause, self._again = token, attempts, pause, again
        self._client: gradio_client.Client | None = None

    def send(self, file: str | Path) -> dict[str, Any]:
        """Send a file and get its receipt: it is safe then, and will be scored.

        Returns
        -------
        dict
            ``id``, ``task``, ``model``, ``sha256``, ``received``, ``new`` (false where these bytes had been received
            before) and ``quota`` (``left``, ``of``, ``resets``).

        Raises
        ------
        AgrofluxError
            The file was refused, the quota is used up, the server cannot be reached, or the receipt is for other bytes.
        """
        path = Path(file)
        if not path.is_file():
            raise AgrofluxError("no such file", expected="a submission", where=path)
        receipt = self._call("submit", gradio_client.handle_file(path), self._host_token)
        if receipt.get("sha256") != (here := digest(path)):
            raise AgrofluxError("a receipt for other bytes; send it again", expected=here, came=receipt.get("sha256"))
        return receipt

    def status(self, id: str) -> dict[str, Any]:
        """Where a submission stands; raises `AgrofluxError` for one that is not the participant's."""
        return self._call("status", id, self._host_token)

    def submissions(self) -> list[dict[str, Any]]:
        """All submissions of the participant, in the order they came."""
        return self._call("list", self._host_token)

    def withdraw(self, id: str) -> dict[str, Any]:
        """Hide a submission from the board, and say where it stands then."""
        return self._call("withdraw", id, self._host_token)

    def wait(self, id: str, moved: Callable[[str], None] | None = None) -> dict[str, Any]:
        """Ask until a submission is scored, rejected or failed; `moved` is called with each state on the way."""
        while (standing := self.status(id))["state"] in ("received", "scoring"):
            if moved is not None:
                moved(standing["state"])
            time.sleep(_POLL)
        return standing

    @property
    def _host_token(self) -> str:
        # Hugging Face's goes where Gradio takes it, never into a field.
        return "" if self._of_hugging_face else self._token

    def _call(self, endpoint: str, *arguments: Any) -> Any:
        for attempt in range(1, self._attempts + 1):
            least = 0.0
            try:
                answer = self._connected().predict(*arguments, api_name=f"/{endpoint}")
                break
            except (QueueError, TooManyRequestsError):
                reason = "the queue is full"
            except httpx.HTTPStatusError as error:
                reason = f"the server answers {error.response.status_code}"
                if error.response.status_code not in _BUSY:
                    raise AgrofluxError(reason, where=self._url) from None
            except (httpx.TransportError, OSError) as error:
                reason = f"out of reach ({type(error).__name__})"
                self._client = None
            except AppError as error:
                reason = _plain(str(error))
                come_again = _COME_AGAIN.search(reason)
                if come_again is None:
                    raise AgrofluxError(reason) from None
                least = float(come_again[1])
            except (ValueError, KeyError, TypeError) as error:
                raise AgrofluxError("not a leaderboard", came=_plain(str(error))[:200], where=self._url) from None
            if attempt == self._attempts:
                raise AgrofluxError(f"{reason}, after {attempt} attempts; try again later", where=self._url)
            # Not all at the same moment: those who were turned away together come back apart.
            pause = least + min(_LONGEST_PAUSE, self._pause * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25)
            if self._again is not None:
                self._again(reason, pause)
            time.sleep(pause)
        wanted = list if endpoint == "list" else dict
        if not isinstance(answer, wanted):
            raise AgrofluxError("not a leaderboard", expected="an answer in JSON", where=self._url)
        return _plain(answer)

    def _connected(self) -> gradio_client.Client:
        if self._client is None:
            found = httpx.get(self._url.rstrip("/") + "/config", timeout=_TIMEOUT, follow_redirects=False)
            if found.is_redirect:
                raise AgrofluxError(
                    "the address leads elsewhere; nothing was sent", expected="the leaderboard's own address",
                    came=_plain(found.headers.get("location", "")), where=self._url,
                )  # fmt: skip
            found.raise_for_status()
            # Gradio would tell its makers which page is used.
            os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
            client = gradio_client.Client(
                self._url,
                token=False,
                oauth_token=self._token if self._of_hugging_face else None,
                verbose=False,
                download_files=False,
                analytics_enabled=False,
                httpx_kwargs={"timeout": _TIMEOUT, "follow_redirects": False},
            )
            # The page's own configuration says where its endpoints are.
            if urlsplit(client.src_prefixed)[:2] != urlsplit(self._url)[:2]:
                raise AgrofluxError("endpoints on another host", came=client.src_prefixed, where=self._url)
            self._client = client
        return self._client


def _plain(answer: Any) -> Any:
    """An answer whose text has nothing that could steer a terminal."""
    if isinstance(answer, str):
        return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in answer)
    if isinstance(answer, Mapping):
        return {_plain(name): _plain(value) for name, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [_plain(value) for value in answer]
    return answer
