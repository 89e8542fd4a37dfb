"""A guard before the app: a list of what may be asked, a size and a time for every body, and uploads for nobody else.

Gradio offers many routes that this app has no use for: some serve files, fetch addresses for a visitor or edit code.
What is not in `_ROUTES` is closed, so that a route that a later Gradio brings is closed too. Addresses of visitors are
neither kept nor logged.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from pathlib import Path
from typing import Any

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from leaderboard.uploads import NoRoomError, Uploads

__all__ = ["Guard", "limit_connections"]

_WORD = r"[A-Za-z0-9_-]{1,128}"
_ROUTES = {
    "GET": re.compile(
        r"/|/config/?|/favicon\.ico|/robots\.txt|/manifest\.json|/theme\.css|/gradio_api/theme\.css"
        # The program's own files: a name begins with no dot, so there is no way up.
        r"|/(?:assets|static|svelte)(?:/[A-Za-z0-9_@-][A-Za-z0-9_.@-]*)+"
        r"|/gradio_api/(?:info/?|openapi\.json|startup-events|queue/data|upload_progress)"
        rf"|/gradio_api/heartbeat/{_WORD}|/gradio_api/call/{_WORD}/{_WORD}"
    ),
    "POST": re.compile(rf"/gradio_api/(?:upload|queue/join|cancel|reset/?|call/{_WORD}/?)"),
}
_LOGIN = re.compile(r"/login/huggingface|/login/callback|/logout")
_UPLOAD, _PROGRESS = "/gradio_api/upload", "/gradio_api/upload_progress"
"""The page asks how far its upload is; a browser knows that itself, so there is nothing to tell."""

_SMALL = 1 << 20
"""Bytes that a request may have which is no upload."""
_MULTIPART = 1 << 16
"""Bytes of an upload that are not its file."""
_SECONDS, _SLOWEST = 30.0, 50_000
"""A body may take so many seconds, and one more for each so many bytes."""
_AT_ONCE = 32
"""Uploads that may be on their way at once."""
_CONNECTIONS, _SILENT = 2000, 15.0
"""Connections that may be open, and the seconds that one may be silent without having asked for anything."""
_AGAIN = {"retry-after": "3"}

_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
# Gradio builds its HTML blocks from templates by evaluation; a script or handler in the page itself is not evaluated.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
    "worker-src 'self' blob:; form-action 'self'; base-uri 'self'; object-src 'none'; frame-ancestors {frames}"
)

_log = logging.getLogger(__name__)


class _Refused(Exception):
    """A request that is answered here, and why."""

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status, self.reason = status, reason

    def answer(self) -> Response:
        # A program of Gradio reads "detail".
        return JSONResponse({"detail": self.reason}, self.status, _AGAIN if self.status == 503 else None)


class Guard:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGI application
    largest : int
        Bytes that an uploaded file may have.
    folder : Path
        Of uploads, where Gradio looks for them.
    space : bool
        Whether this is a Space: visitors log in with Hugging Face then, and its site may frame the page.
    """

    def __init__(self, app: ASGIApp, largest: int, folder: Path, space: bool):
        self._app, self._largest, self._space = app, largest, space
        self._uploads = Uploads(folder, 8 * largest + (256 << 20))
        self._coming = 0
        self._frames = "https://huggingface.co https://*.huggingface.co" if space else "'self'"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, self._covered(scope, send))
        else:
            await send({"type": "websocket.close"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            self._check(scope)
            if scope["path"] == _PROGRESS:
                await Response(media_type="text/event-stream")(scope, receive, noted)
            elif scope["method"] != "POST":
                await self._app(scope, receive, noted)
            elif scope["path"] == _UPLOAD:
                answer = await self._upload(scope, receive)
                await answer(scope, receive, noted)
            else:
                body = self._checked(await _body(scope, receive))
                await self._app(scope, _replay(body, receive), noted)
        except _Refused as refused:
            # Quoted, since it is a stranger's text; and no query, which may hold anything.
            _log.info("refused %s %.80r: %s", scope["method"], scope["path"], refused.reason)
            if not begun:
                await refused.answer()(scope, receive, send)
        except ClientDisconnect:
            _log.info("a sender broke off")

    def _check(self, scope: Scope) -> None:
        method, path = scope["method"], scope["path"]
        allowed = _ROUTES.get("GET" if method == "HEAD" else method)
        login = self._space and method == "GET" and _LOGIN.fullmatch(path)
        if not login and (allowed is None or not allowed.fullmatch(path)):
            raise _Refused(404, "not here")
        if method == "POST" and Headers(scope=scope).get("sec-fetch-site", "none") not in ("same-origin", "none"):
            # A browser says that another site's page sends this, with the visitor's login.
            raise _Refused(403, "sent by another site")

    async def _upload(self, scope: Scope, receive: Receive) -> Response:
        most = self._largest + _MULTIPART
        size = _declared(scope, most)
        if self._coming >= _AT_ONCE:
            raise _Refused(503, "too many uploads at once; try again in a few seconds")
        self._coming += 1
        try:
            with self._uploads.reserve(size) as place:
                request = Request(scope, _limited(receive, size))
                # Until it is whole, a file has no name on this machine, and goes with its connection.
                async with request.form(max_files=1, max_fields=4, max_part_size=1 << 10) as form:
                    file = form.get("files")
                    if not isinstance(file, UploadFile):
                        raise _Refused(400, "no file")
                    if (file.size or 0) > self._largest:
                        raise _too_large(self._largest)
                    path = await run_in_threadpool(self._uploads.keep, place, file.file, file.filename or "")
                    return JSONResponse([str(path)])
        except NoRoomError:
            raise _Refused(503, "too many uploads are waiting; try again in a few seconds") from None
        except (HTTPException, MultiPartException):
            raise _Refused(400, "not an upload of one file") from None
        finally:
            self._coming -= 1

    def _checked(self, body: bytes) -> bytes:
        """The body of a call, whose files were uploaded here: no addresses, and no other file of this machine."""
        try:
            call = json.loads(body)
            # Written anew, so that nobody after us can read something else in it.
            written = json.dumps(call).encode()
        except (ValueError, RecursionError):
            raise _Refused(400, "not JSON") from None
        left = [call]
        while left:
            value = left.pop()
            if isinstance(value, dict):
                if "path" in value and not self._uploads.has(value["path"]):
                    raise _Refused(400, "no such upload; send the file again")
                left.extend(value.values())
            elif isinstance(value, list):
                left.extend(value)
        return written

    def _covered(self, scope: Scope, send: Send) -> Send:
        """Sends with our headers; scripts of the page's own HTML get the one word that lets them run."""
        nonce, start, page = secrets.token_urlsafe(16), None, bytearray()

        async def covered(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                headers.update(_HEADERS)
                headers["content-security-policy"] = _POLICY.format(nonce=nonce, frames=self._frames)
                if scope["path"].startswith("/gradio_api/"):
                    headers["cache-control"] = "no-store"
                if headers.get("content-type", "").startswith("text/html"):
                    start = message
                    return
            elif start is not None and message["type"] == "http.response.body":
                page.extend(message.get("body", b""))
                if message.get("more_body"):
                    return
                # Gradio escapes "<" in all that it writes into the page, so these are its own.
                whole = bytes(page).replace(b"<script", b'<script nonce="%b"' % nonce.encode())
                headers = MutableHeaders(raw=start["headers"])
                if scope["method"] != "HEAD":
                    headers["content-length"] = str(len(whole))
                headers["cache-control"] = "no-store"
                await send(start)
                message = {"type": "http.response.body", "body": whole}
            await send(message)

        return covered


def _too_large(limit: int) -> _Refused:
    return _Refused(413, f"larger than the {limit} bytes allowed here")


def _declared(scope: Scope, limit: int) -> int:
    """The bytes that a body says it has; the most that it may have where it says nothing."""
    declared = Headers(scope=scope).get("content-length")
    if declared is None:
        return limit
    if not (declared.isascii() and declared.isdigit()) or len(declared) > 15 or int(declared) > limit:
        raise _too_large(limit)
    return int(declared)


def _limited(receive: Receive, size: int) -> Receive:
    """Receives a body of so many bytes, if it comes in time."""
    received, stop = 0, asyncio.get_running_loop().time() + _SECONDS + size / _SLOWEST

    async def limited() -> Message:
        nonlocal received
        try:
            async with asyncio.timeout_at(stop):
                message = await receive()
        except TimeoutError:
            raise _Refused(408, "this took too long") from None
        received += len(message.get("body", b""))
        if received > size:
            raise _too_large(size)
        return message

    return limited


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole of a small body."""
    limited, body = _limited(receive, _declared(scope, _SMALL)), bytearray()
    while True:
        message = await limited()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body.extend(message.get("body", b""))
        if not message.get("more_body"):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Receives a body that was read already, and then what else comes."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


class _Impatient(H11Protocol):
    """Closes a connection that is silent, or does not come to the end of its headers; uvicorn waits for ever."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._asked: object = None
        self.loop.call_later(_SILENT, self._look)

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        busy = self.cycle is not None and not self.cycle.response_complete
        if not busy and self._asked is self.cycle:
            self.transport.close()
            return
        self._asked = self.cycle
        self.loop.call_later(_SILENT, self._look)


def limit_connections(server: uvicorn.Server) -> None:
    """Have a running server, which Gradio begins without limits, close silent connections, and hold only so many."""
    server.config.http_protocol_class = _Impatient
    server.config.limit_concurrency = _CONNECTIONS
