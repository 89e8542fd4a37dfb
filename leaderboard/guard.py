"""A guard before the app: bodies have a size, and nobody fetches a file that somebody uploaded."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard"]

_CLOSED = ("/gradio_api/file=", "/gradio_api/file/", "/gradio_api/proxy=", "/gradio_api/stream/", "/monitoring")
"""Routes of Gradio that serve files or fetch for others; this app needs none of them."""
_SMALL = 1 << 20
"""Bytes that a request may have which is no upload."""


class _TooMuch(Exception):
    pass


class Guard:
    """ASGI middleware.

    Gradio limits each file of an upload but not their number, and serves uploads to whoever knows their path.

    Parameters
    ----------
    app : ASGI application
    largest : int
        Bytes that an upload may have in all.
    """

    def __init__(self, app: ASGIApp, largest: int):
        self._app, self._largest = app, largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path.startswith(_CLOSED):
            await PlainTextResponse("not here", 404)(scope, receive, send)
            return
        limit = self._largest + _SMALL if path.startswith("/gradio_api/upload") else _SMALL
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > limit:
            await PlainTextResponse(f"larger than the {limit} bytes allowed here", 413)(scope, receive, send)
            return
        received, begun = 0, False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _TooMuch
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooMuch:
            if not begun:
                await PlainTextResponse(f"larger than the {limit} bytes allowed here", 413)(scope, receive, send)
