"""`agroflux-submit send` and its kin against a served leaderboard, directly and through a way with obstacles."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
from gradio_client.exceptions import AppError
from typer.testing import CliRunner, Result

from agroflux_data.errors import AgrofluxError
from leaderboard.store import Busy, LocalStore
from submission.cli import app
from submission.client import Leaderboard, read_token
from tests.leaderboard.conftest import FileMaker, Served


@pytest.fixture(scope="session")
def carol(served: Served) -> str:
    """The token of somebody whom no other test knows."""
    return served.token("carol")


class _Way(BaseHTTPRequestHandler):
    """Hands every request on to the leaderboard, or does with it what the test wants."""

    beyond: ClassVar[str]
    seen: ClassVar[list[tuple[str, dict[str, str], bytes]]]
    obstacle: ClassVar[Callable[[str], tuple[int, dict[str, str]] | None]]

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append((self.path, headers, body))
        if (answer := type(self).obstacle(self.path)) is not None:
            self.send_response(answer[0])
            for name, value in answer[1].items():
                self.send_header(name, value)
            self.end_headers()
            return
        kept = {name: value for name, value in headers.items() if name not in ("host", "connection", "accept-encoding")}
        url = self.beyond.rstrip("/") + self.path
        with httpx.stream(self.command, url, headers=kept, content=body, timeout=60) as found:
            self.send_response(found.status_code)
            for name, value in found.headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.end_headers()
            try:
                for chunk in found.iter_raw():
                    self.wfile.write(chunk)
            except OSError:
                return  # Whoever asked has gone.

    do_GET = do_POST = _hand_on

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def way(beyond: str, obstacle: Callable[[str], tuple[int, dict[str, str]] | None]) -> Iterator[tuple[str, list]]:
    """A server in front of another one: its address, and all requests that came."""
    seen: list[tuple[str, dict[str, str], bytes]] = []
    handler = type("Handler", (_Way,), {"beyond": beyond, "seen": seen, "obstacle": staticmethod(obstacle)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def submit(*arguments: object, token: str, url: str) -> Result:
    given = {"AGROFLUX_TOKEN": token, "AGROFLUX_URL": url, "COLUMNS": "200"}
    return CliRunner(env=given).invoke(app, [str(argument) for argument in arguments])


def test_from_sending_to_withdrawing(
    served: Served, carol: str, toy_release: Path, make_file: FileMaker, tmp_path: Path
) -> None:
    path = make_file(model="[red]carol's[/]", offset=0.11)
    told = submit("send", path, "--data", toy_release, "--wait", token=carol, url=served.url)
    assert told.exit_code == 0, told.exception
    receipt = told.stdout.splitlines()[0].split()[1]
    assert hashlib.sha256(path.read_bytes()).hexdigest() in told.stdout
    assert "[red]carol's[/]: scored" in told.stdout
    again = json.loads(submit("send", path, "--data", toy_release, "--json", token=carol, url=served.url).stdout)
    assert (again["id"], again["new"]) == (receipt, False)
    # The token from a file, whatever the environment says.
    (tmp_path / "token").write_text(carol + "\n")
    told = submit("status", receipt, "--json", "--token-file", tmp_path / "token", token="agf_other", url=served.url)
    assert json.loads(told.stdout)["scores"]["half"] == "public"
    told = submit("withdraw", receipt, token=carol, url=served.url)
    assert "scored, withdrawn" in told.stdout
    assert f"{receipt}" in submit("list", token=carol, url=served.url).stdout
    (mine,) = json.loads(submit("list", "--json", token=carol, url=served.url).stdout)
    assert mine["withdrawn"]
    for outcome in (told, again):
        assert carol not in str(outcome)


def test_faults_are_found_before_sending_and_after(
    served: Served, toy_release: Path, make_file: FileMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = served.token("dan")
    path = make_file(drop=2, offset=0.12)
    before = len(LocalStore(served.store).entries())
    told = submit("send", path, "--data", toy_release, token=token, url=served.url)
    assert "AF101" in told.stdout
    assert isinstance(told.exception, AgrofluxError)
    assert len(LocalStore(served.store).entries()) == before, "nothing was sent"
    monkeypatch.chdir(tmp_path)
    told = submit("send", path, "--wait", token=token, url=served.url)
    assert "not checked before sending" in told.stderr
    assert "AF101 missing sequences" in told.stdout
    assert "not scored: expected scored, got 'rejected'" in str(told.exception)


def test_what_the_leaderboard_refuses_is_said(served: Served, carol: str, tmp_path: Path) -> None:
    (tmp_path / "page.parquet").write_text("<html></html>")
    board = Leaderboard(served.url, carol)
    with pytest.raises(AgrofluxError, match="AF001 not a Parquet file: it looks like a web page"):
        board.send(tmp_path / "page.parquet")
    for ask in (board.status, board.withdraw):
        with pytest.raises(AgrofluxError, match="you have no such submission"):
            ask("20000101-0000000000")
    with pytest.raises(AgrofluxError, match="this token is not valid"):
        Leaderboard(served.url, "agf_guess").submissions()
    with pytest.raises(AgrofluxError, match="no such file"):
        board.send(tmp_path / "nothing")


def test_who_is_told_when_to_come_again_does(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Exception | dict[str, str]] = [AppError(str(Busy(1.2))), AppError(str(Busy(0.1))), {"id": "one"}]
    pauses: list[float] = []

    class Answering:
        def predict(self, *arguments: object, api_name: str) -> object:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    board = Leaderboard("http://127.0.0.1:1/", "agf_x", pause=0.01, again=lambda reason, pause: pauses.append(pause))
    monkeypatch.setattr(board, "_connected", Answering)
    assert board.status("one") == {"id": "one"}
    assert [int(pause) for pause in pauses] == [2, 1]


def test_a_full_queue_is_asked_again_more_slowly(served: Served, carol: str, make_file: FileMaker) -> None:
    refused, pauses = [], []

    def full(path: str) -> tuple[int, dict[str, str]] | None:
        if "queue/join" in path and len(refused) < 3:
            refused.append(path)
            return 503, {}
        return None

    with way(served.url, full) as (url, _):
        board = Leaderboard(url, carol, pause=0.02, again=lambda reason, pause: pauses.append((reason, pause)))
        path = make_file(offset=0.13)
        assert board.send(path)["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [reason for reason, _ in pauses] == ["the queue is full"] * 3
    for number, (_, pause) in enumerate(pauses):
        assert 0.75 * 0.02 * 2**number <= pause <= 1.25 * 0.02 * 2**number
    assert [one["sha256"] for one in board_of(served, carol)].count(hashlib.sha256(path.read_bytes()).hexdigest()) == 1


def board_of(served: Served, token: str) -> list[dict]:
    return Leaderboard(served.url, token).submissions()


def test_a_server_that_stays_away_is_given_up(served: Served, carol: str) -> None:
    with way(served.url, lambda path: (503, {})) as (url, seen):
        with pytest.raises(AgrofluxError, match="the server answers 503, after 3 attempts"):
            Leaderboard(url, carol, attempts=3, pause=0.01).submissions()
        assert len(seen) == 3
    with pytest.raises(AgrofluxError, match=r"out of reach \(ConnectError\), after 2 attempts"):
        Leaderboard(url, carol, attempts=2, pause=0.01).submissions()


def test_a_token_goes_nowhere_else(
    served: Served, carol: str, make_file: FileMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither after a redirect, of the page or of an upload or a call, nor does the machine's own token go anywhere."""
    monkeypatch.setenv("HF_TOKEN", "hf_of_this_machine")
    with way(served.url, lambda path: None) as (elsewhere, arrived):
        for part in ("config", "upload", "queue/join"):

            def turned(path: str, part: str = part) -> tuple[int, dict[str, str]] | None:
                return (307, {"location": elsewhere.rstrip("/") + path}) if part in path else None

            with way(served.url, turned) as (url, seen), pytest.raises(AgrofluxError):
                Leaderboard(url, carol, attempts=1).send(make_file(offset=0.14))
            assert any(part in path for path, _, _ in seen)
        assert arrived == []
    with way(served.url, lambda path: None) as (url, seen):
        Leaderboard(url, carol).submissions()
    carrying = [path for path, headers, body in seen if carol in f"{path} {headers} {body!r}"]
    assert ["queue/join" in path for path in carrying] == [True], "in the body of the call alone"
    assert "hf_of_this_machine" not in str(seen)


def test_a_hugging_face_token_is_for_hugging_face(served: Served) -> None:
    for url in ("https://example.org", "http://org-board.hf.space", "https://hf.space.example.org"):
        with pytest.raises(AgrofluxError, match="a Hugging Face token for another host"):
            Leaderboard(url, "hf_secret")
    assert Leaderboard("https://org-board.hf.space/", "hf_secret").encrypted
    assert not Leaderboard("http://example.org/", "agf_secret").encrypted
    with way(served.url, lambda path: None) as (url, seen):
        with pytest.raises(AgrofluxError, match="no token"):
            Leaderboard(url, "hf_secret").submissions()
        fields = [json.loads(body)["data"] for path, _, body in seen if "queue/join" in path]
        assert fields == [[""]], "not in a field, where a page could keep it"


@pytest.mark.parametrize("url", ["example.org", "ftp://example.org", "http://", "http://user:word@example.org"])
def test_addresses(url: str) -> None:
    with pytest.raises(AgrofluxError, match="not an address"):
        Leaderboard(url, "agf_secret")


def test_not_a_leaderboard(carol: str, served: Served) -> None:
    with way(served.url, lambda path: (200, {"content-type": "text/html"})) as (url, _):  # noqa: SIM117
        with pytest.raises(AgrofluxError, match="not a leaderboard"):
            Leaderboard(url, carol, attempts=1).submissions()


def test_without_gradios_client_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio_client", None)
    monkeypatch.delitem(sys.modules, "submission.client")
    told = submit("list", token="agf_secret", url="https://example.org")
    assert str(told.exception) == "gradio_client is not installed: expected pip install 'agroflux[client]'"


def test_where_a_token_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGROFLUX_TOKEN", " agf_environment\n")
    assert read_token() == "agf_environment"
    (tmp_path / "token").write_text("agf_file\n")
    assert read_token(tmp_path / "token") == "agf_file"
    for content in (b"", b"two words", b"agf_\xc3\xa9", b"\x00\x01", b"a" * 10_000):
        (tmp_path / "token").write_bytes(content)
        with pytest.raises(AgrofluxError, match="token"):
            read_token(tmp_path / "token")
    with pytest.raises(AgrofluxError, match="unreadable token"):
        read_token(tmp_path / "nothing")
    monkeypatch.delenv("AGROFLUX_TOKEN")
    with pytest.raises(AgrofluxError, match="AGROFLUX_TOKEN"):
        read_token()
