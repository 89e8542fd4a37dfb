"""What may be asked of the app, how large and how slow it may be, and who reaches an upload."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import psutil
import pytest
import uvicorn
from gradio.routes import App
from starlette.routing import BaseRoute, Route

from leaderboard import guard, uploads
from leaderboard.guard import Guard, limit_connections
from leaderboard.uploads import NoRoomError, Uploads
from tests.leaderboard.conftest import FileMaker, Served

OPEN = {
    "GET": {
        "/", "/config", "/config/", "/favicon.ico", "/robots.txt", "/manifest.json", "/theme.css",
        "/gradio_api/theme.css", "/assets/a.js", "/static/a.js", "/svelte/a.js", "/gradio_api/info",
        "/gradio_api/info/", "/gradio_api/openapi.json", "/gradio_api/startup-events", "/gradio_api/queue/data",
        "/gradio_api/upload_progress", "/gradio_api/heartbeat/a", "/gradio_api/call/a/a",
    },
    "POST": {
        "/gradio_api/upload", "/gradio_api/queue/join", "/gradio_api/cancel", "/gradio_api/reset",
        "/gradio_api/reset/", "/gradio_api/call/a", "/gradio_api/call/a/",
    },
}  # fmt: skip
"""All of Gradio's routes that this app needs."""


async def _reached(scope: Any, receive: Any, send: Any) -> None:
    """An app that answers whatever gets through."""
    body = (await receive()).get("body", b"")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"reached " + body})


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., httpx.Response]:
    """Ask something of a guarded app that lets everything through."""
    (tmp_path / "uploads").mkdir()
    guarded = Guard(_reached, 1000, tmp_path / "uploads", space=False)
    on_space = Guard(_reached, 1000, tmp_path / "uploads", space=True)

    def ask(method: str, url: str, space: bool = False, **options: Any) -> httpx.Response:
        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(on_space if space else guarded)
            async with httpx.AsyncClient(transport=transport, base_url="http://board") as client:
                return await client.request(method, url, **options)

        return asyncio.run(one())

    return ask


def _routes(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(route, Route):
            for method in route.methods or ():
                yield method, re.sub(r"\{path:path\}", "a.js", route.path)
        else:
            yield from _routes(getattr(getattr(route, "original_router", None), "routes", None) or [])


def test_of_gradios_routes_only_those_are_open_that_the_app_needs(ask: Callable[..., httpx.Response]) -> None:
    with gr.Blocks() as blocks:
        gr.File()
    known = {(method, re.sub(r"\{[^}]*\}", "a", path)) for method, path in _routes(App.create_app(blocks).routes)}
    assert len(known) > 60, "Gradio lists its routes elsewhere"
    assert ("GET", "/gradio_api/file=a") in known
    for method, path in known:
        expected = path in OPEN.get("GET" if method == "HEAD" else method, ())
        answer = ask(method, path, json={} if method == "POST" and "upload" not in path else None)
        assert (answer.status_code != 404) == expected, f"{method} {path}"
    assert {path for paths in OPEN.values() for path in paths} <= {path for _, path in known}


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd", "/gradio_api/file=http://127.0.0.1/", "/file=/etc/passwd", "/file/etc/passwd",
        "/gradio_api/file/etc/passwd", "/gradio_api//file=/etc/passwd", "//gradio_api/file=/etc/passwd",
        "/gradio_api/./file=/etc/passwd", "/gradio_api/info/../file=/etc/passwd", "/GRADIO_API/file=/etc/passwd",
        "/gradio_api/file%3D/etc/passwd", "/gradio_api%2Ffile=/etc/passwd", "/gradio_api/proxy=http://127.0.0.1/",
        "/gradio_api/stream/a/b/1/playlist-file", "/gradio_api/stream/a/b/1/playlist.m3u8", "/monitoring",
        "/monitoring/summary", "/gradio_api/runs", "/gradio_api/deep_link?session_hash=a", "/gradio_api/vibe-code",
        "/gradio_api/component_server", "/gradio_api/custom_component/a/client/a/a", "/gradio_api/dev/reload",
        "/gradio_api/token", "/gradio_api/user", "/gradio_api/app_id", "/pwa_icon", "/login", "/gradio_api/mcp/",
        "/static/..%2f..%2f..%2fetc/passwd", "/static/%2e%2e/%2e%2e/etc/passwd", "/static/../../etc/passwd",
        "/assets/..%5c..%5cetc", "/assets//etc/passwd", "/static/a%00.js", "/static/", "/assets/.hidden",
        "/svelte/%252e%252e/a", "/theme.css%00", "/config/../gradio_api/file=/etc/passwd", "/docs", "/openapi.json",
    ],
)  # fmt: skip
def test_what_is_not_on_the_list_is_not_there(served: Served, path: str) -> None:
    # Raw, since a client would tidy the path.
    url = httpx.URL(served.url)
    with socket.create_connection((url.host, url.port), timeout=60) as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: {url.host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: wire.recv(1 << 16), b""))
    assert answer.startswith(b"HTTP/1.1 404 "), answer[:200]
    assert b"root:" not in answer


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_closed(ask: Callable[..., httpx.Response], method: str) -> None:
    assert ask(method, "/").status_code == 404


def test_the_login_is_there_on_a_space_alone(ask: Callable[..., httpx.Response]) -> None:
    for path in ("/login/huggingface", "/login/callback", "/logout"):
        assert (ask("GET", path).status_code, ask("GET", path, space=True).status_code) == (404, 200)


def test_another_sites_page_cannot_use_a_visitors_login(ask: Callable[..., httpx.Response]) -> None:
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        headers = {"sec-fetch-site": site, "content-type": "text/plain"}
        assert ask("POST", "/gradio_api/queue/join", content=b"{}", headers=headers).status_code == status
    assert ask("POST", "/gradio_api/queue/join", json={}).status_code == 200, "a program says nothing of sites"


def test_every_answer_says_what_a_browser_may_do(served: Served, ask: Callable[..., httpx.Response]) -> None:
    for answer in (
        httpx.get(served.url),
        httpx.get(served.url + "gradio_api/file=a"),
        httpx.get(served.url + "config"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self' 'unsafe-eval' 'nonce-" in policy, "no script in the page without the nonce"
        assert "frame-ancestors 'self'" in policy
    page = httpx.get(served.url)
    nonce = re.findall(r"'nonce-([^']+)'", page.headers["content-security-policy"])
    assert set(re.findall(r"<script[^>]*?nonce=\"([^\"]+)\"", page.text)) == set(nonce)
    assert page.text.count("<script") == page.text.count('<script nonce="')
    assert httpx.get(served.url).headers["content-security-policy"] != page.headers["content-security-policy"]
    assert "frame-ancestors https://huggingface.co" in ask("GET", "/", space=True).headers["content-security-policy"]


# Uploads.


def upload(url: str, content: bytes, name: str = "mine.parquet", copies: int = 1) -> httpx.Response:
    return httpx.post(f"{url}gradio_api/upload", files=[("files", (name, content))] * copies, timeout=60)


def waiting(served: Served) -> int:
    return sum(path.is_file() for path in (served.store / "uploads").rglob("*"))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("predictions.parquet", "predictions.parquet"), ("../../../etc/cron.d/x", "x"), ("/etc/passwd", "passwd"),
        ("..", "predictions"), ("...", "predictions"), ("C:\\windows\\x.parquet", "x.parquet"),
        (".ssh", "ssh"), ("a\u202eteuqrap.exe", "a_teuqrap.exe"), ("<img src=x onerror=y>", "_img src_x onerror_y_"),
        ("é" * 300 + ".parquet", "é" * 52 + ".parquet"), ("a;rm -rf *", "a_rm -rf _"), ("x\x1b[31m", "x__31m"),
    ],
)  # fmt: skip
def test_names_of_uploads_cannot_mislead(tmp_path: Path, name: str, kept: str) -> None:
    place = Uploads(tmp_path, 1 << 20)
    with place.reserve(10) as free:
        source = tmp_path / "source"
        source.write_bytes(b"0123456789")
        with open(source, "rb") as file:
            path = place.keep(free, file, name)
    assert path.name == kept
    assert path.parent.parent == tmp_path.resolve()
    assert path.read_bytes() == b"0123456789"
    assert path.stat().st_mode & 0o077 == 0, "the host's other users do not read it"


@pytest.mark.parametrize("name", ["../../../up.parquet", "a\0b", "x" * 5000, "..", "/etc/passwd", "%2e%2e%2fx"])
def test_an_upload_stays_in_its_place(served: Served, name: str) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="' + name.encode() + b'"\r\n\r\nx\r\n--b--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = httpx.post(f"{served.url}gradio_api/upload", content=body, headers=headers)
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        (path,) = map(Path, answer.json())
        assert path.parent.parent == served.store.resolve() / "uploads"
        assert re.fullmatch(r"[0-9a-f]{32}", path.parent.name), "a place that nobody guesses"


def test_the_same_bytes_twice_lie_apart(served: Served, make_file: FileMaker) -> None:
    content = make_file(offset=2.1).read_bytes()
    first, second = (upload(served.url, content).json()[0] for _ in range(2))
    assert first != second
    Path(first).unlink()
    assert Path(second).is_file(), "what becomes of one is nothing to the other"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "multipart/form-data; boundary=b"), (b"--b--\r\n", "multipart/form-data; boundary=b"),
        (b"x" * 100, "multipart/form-data; boundary=b"), (b"x", "multipart/form-data"), (b"x", "text/plain"),
        (b'--b\r\nContent-Disposition: form-data; name="files"\r\n\r\nno file\r\n--b--\r\n',
         "multipart/form-data; boundary=b"),
        (b'--b\r\nContent-Disposition: form-data; filename="a"\r\n\r\nx\r\n--b--\r\n',
         "multipart/form-data; boundary=b"),
        (b"".join(b'--b\r\nContent-Disposition: form-data; name="files"; filename="%d"\r\n\r\nx\r\n' % number
                  for number in range(3)) + b"--b--\r\n", "multipart/form-data; boundary=b"),
    ],
)  # fmt: skip
def test_what_is_no_upload_of_one_file_leaves_nothing(served: Served, content: bytes, kind: str) -> None:
    before = waiting(served)
    answer = httpx.post(f"{served.url}gradio_api/upload", content=content, headers={"content-type": kind})
    assert answer.status_code == 400
    assert waiting(served) == before


def test_uploads_that_break_off_leave_nothing(served: Served) -> None:
    before, url = waiting(served), httpx.URL(served.url)
    head = b"POST /gradio_api/upload HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + b"x" * 100_000
    for _ in range(5):
        with socket.create_connection((url.host, url.port), timeout=60) as wire:
            wire.sendall(head + b"Content-Length: 1000000\r\n\r\n" + part)
    assert upload(served.url, b"whole").status_code == 200
    assert waiting(served) == before + 1


def test_a_call_takes_only_files_that_were_uploaded_here(served: Served, make_file: FileMaker) -> None:
    token = served.token("gus")
    (good,) = upload(served.url, make_file(offset=2.2).read_bytes()).json()
    folder, name = str(Path(good).parent), Path(good).name
    meta, client = {"_type": "gradio.FileData"}, httpx.Client(timeout=60)
    for path in (
        "/etc/passwd", served.url, "http://169.254.169.254/latest", "https://huggingface.co/x", "file:///etc/passwd",
        str(served.store / "tokens.sqlite"), folder, f"{folder}/", f"{folder}/../{Path(folder).name}/{name}",
        f"{folder}//{name}", f"{folder}/./{name}", f"{good}\0", f"{folder}/other", "", None, 7, [good], {"path": good},
    ):  # fmt: skip
        for argument in ({"path": path, "meta": meta}, [{"path": path, "meta": meta}], {"path": path, "url": good}):
            for route, extra in (("call/submit", {}), ("queue/join", {"fn_index": 0, "session_hash": "gus"})):
                body = {"data": [argument, token], **extra}
                answer = client.post(f"{served.url}gradio_api/{route}", json=body)
                assert answer.status_code == 400, path
                assert answer.json()["detail"] == "no such upload; send the file again"
    assert Path(good).is_file()
    assert Path("/etc/passwd").is_file()


@pytest.mark.parametrize(
    "body", [b"", b"x", b"[" * 100_000, b'{"data":' * 20_000, b'{"fn_index": ' + b"9" * 10_000 + b"}", b"\xff\xfe\x00"]
)  # fmt: skip
def test_a_call_is_json(served: Served, body: bytes) -> None:
    answer = httpx.post(
        f"{served.url}gradio_api/queue/join", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json() == {"detail": "not JSON"}


def test_a_name_given_twice_does_not_hide_a_path(ask: Callable[..., httpx.Response]) -> None:
    body = b'{"data": [{"path": "/etc/passwd", "path": "/etc/passwd"}]}'
    assert ask("POST", "/gradio_api/queue/join", content=body).status_code == 400
    hidden = b'{"data": [1], "data": [2]}'
    assert ask("POST", "/gradio_api/queue/join", content=hidden).content == b'reached {"data": [2]}'


def test_too_much_is_refused_before_it_is_read(ask: Callable[..., httpx.Response]) -> None:
    for path, size in (("/gradio_api/upload", 1000 + 70_000), ("/gradio_api/queue/join", (1 << 20) + 1)):
        for length in (str(size), "1" + "0" * 30, "-1", "1e3", "٣"):
            headers = [(b"content-length", length.encode())]
            assert ask("POST", path, content=b"x", headers=headers).status_code == 413, (path, length)
    assert ask("POST", "/gradio_api/upload", files={"files": ("a", b"x" * 1001)}).status_code == 413
    assert ask("POST", "/gradio_api/upload", files={"files": ("a", b"x" * 1000)}).status_code == 200


def test_more_than_was_declared_is_refused(ask: Callable[..., httpx.Response]) -> None:
    async def more() -> Any:
        for _ in range(100):
            yield b"x" * 1000

    for headers in ({"content-length": "2000"}, {}):
        assert ask("POST", "/gradio_api/upload", content=more(), headers={
            "content-type": "multipart/form-data; boundary=b", **headers}).status_code in (400, 413)  # fmt: skip


def test_what_comes_too_slowly_is_refused(ask: Callable[..., httpx.Response], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_SECONDS", 0.2)

    async def never() -> Any:
        yield b"--b\r\n"
        await asyncio.Event().wait()

    kind = {"content-type": "multipart/form-data; boundary=b", "content-length": "50"}
    assert ask("POST", "/gradio_api/upload", content=never(), headers=kind).status_code == 408
    assert ask("POST", "/gradio_api/queue/join", content=never(), headers={"content-length": "50"}).status_code == 408


def test_too_many_at_once_are_told_to_come_again(
    ask: Callable[..., httpx.Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = {"files": ("a", b"x")}
    monkeypatch.setattr(guard, "_AT_ONCE", 0)
    answer = ask("POST", "/gradio_api/upload", files=file)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert "try again" in answer.json()["detail"]
    monkeypatch.setattr(guard, "_AT_ONCE", 1)
    monkeypatch.setattr(uploads, "_MOST", 2)
    assert [ask("POST", "/gradio_api/upload", files=file).status_code for _ in range(4)] == [200, 200, 503, 503]


def test_uploads_that_wait_have_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, source = Uploads(tmp_path / "uploads", 100), tmp_path / "source"
    (tmp_path / "uploads").mkdir()
    source.write_bytes(b"x" * 40)

    def take() -> Path:
        with place.reserve(40) as free, open(source, "rb") as file:
            return place.keep(free, file, "a")

    first, second = take(), take()
    with pytest.raises(NoRoomError):
        take()
    second.unlink()
    second.parent.rmdir()
    third = take()
    assert (place.has(str(first)), place.has(str(second)), place.has(str(third))) == (True, False, True)
    with place.reserve(20), pytest.raises(NoRoomError):
        take()
    # Whoever left a file lying makes room for others after a while.
    monkeypatch.setattr(uploads, "_KEPT_IN_NEED", 0.0)
    take()
    assert not first.exists()
    monkeypatch.setattr(uploads, "_KEPT", 0.0)
    with place.reserve(1):
        assert list((tmp_path / "uploads").iterdir()) == []


# Connections.


def test_silent_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that say nothing, and those that never come to the end of their headers."""
    monkeypatch.setattr(guard, "_SILENT", 0.3)
    server = uvicorn.Server(uvicorn.Config(_reached, port=0, log_level="warning"))
    running = threading.Thread(target=server.run, daemon=True)
    running.start()
    stop = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < stop
        time.sleep(0.01)
    limit_connections(server)
    try:
        address = server.servers[0].sockets[0].getsockname()
        for said in (b"", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "):
            with socket.create_connection(address, timeout=60) as wire:
                wire.sendall(said)
                assert b"200 OK" not in b"".join(iter(lambda: wire.recv(1 << 16), b""))
        with socket.create_connection(address, timeout=60) as wire:
            wire.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert b"reached" in b"".join(iter(lambda: wire.recv(1 << 16), b""))
    finally:
        server.should_exit = True
        running.join(timeout=60)


def test_a_thousand_calls_at_once_are_answered(served: Served) -> None:
    token, process = served.token("mob"), psutil.Process(served.process.pid)
    before = process.memory_info().rss
    with httpx.Client(timeout=120, limits=httpx.Limits(max_connections=50)) as client:

        def join(number: int) -> int:
            return client.post(f"{served.url}gradio_api/call/list", json={"data": [token]}).status_code

        with ThreadPoolExecutor(50) as several:
            answers = list(several.map(join, range(1000)))
    assert set(answers) <= {200, 503}
    assert process.memory_info().rss - before < 300 << 20
    begun = httpx.post(f"{served.url}gradio_api/call/list", json={"data": [token]}, timeout=120)
    said = httpx.get(f"{served.url}gradio_api/call/list/{begun.json()['event_id']}", timeout=120).text
    assert "event: complete" in said, "and it goes on"


def test_the_log_has_the_reason_and_no_secret(served: Served) -> None:
    token = served.token("lea")
    httpx.get(f"{served.url}gradio_api/file=/etc/passwd?token={token}", headers={"authorization": f"Bearer {token}"})
    httpx.post(f"{served.url}gradio_api/queue/join", content=f"{{{token}".encode())
    httpx.get(f"{served.url}monitoring/%1b[31m%0aforged line")
    stop = time.monotonic() + 60
    while not any("forged" in line for line in served.log):
        assert time.monotonic() < stop
        time.sleep(0.05)
    log = "".join(served.log)
    assert token not in log
    assert "refused GET '/gradio_api/file=/etc/passwd': not here" in log
    assert "refused POST '/gradio_api/queue/join': not JSON" in log
    assert "\x1b" not in log
    assert not any(line.startswith("forged") for line in served.log)
