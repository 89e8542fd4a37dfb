"""A store, submission files, and a served leaderboard."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from agroflux_data.release import Release
from leaderboard import cli
from leaderboard.store import LocalStore
from submission import Metadata, write

FileMaker = Callable[..., Path]
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def release(toy_release: Path) -> Release:
    return Release(toy_release)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture(scope="session")
def make_file(toy_release: Path, tmp_path_factory: pytest.TempPathFactory) -> FileMaker:
    """Write a submission that predicts the training mean plus an offset, and quantiles; other options spoil it."""
    folder, known = tmp_path_factory.mktemp("submissions"), Release(toy_release)

    def make(
        task: str = "towers_temporal", model: str = "the mean", offset: float = 0.0, drop: int = 0,
        revision: str | None = None, targets: tuple[str, ...] | None = None, levels: tuple[int, ...] = (),
    ) -> Path:  # fmt: skip
        keys = known.keys(task, "test")
        keys = keys[: len(keys) - drop]
        means = known.statistics(task)
        wanted = known.task(task).ranked_targets if targets is None else targets
        arrays = {name: np.full((len(keys), 365), means[name].mean + offset) for name in wanted}
        for name in wanted if levels else ():
            arrays |= {f"{name}_q{level:02d}": arrays[name] + (level / 50 - 1) * means[name].sd for level in levels}
        path = folder / f"{len(list(folder.iterdir()))}.parquet"
        return write({"sequence": keys} | arrays, path, Metadata(task, revision or known.revision, model))

    return make


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command in this process: exit code, output, messages."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["agroflux-leaderboard", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@dataclass(frozen=True)
class Served:
    """A leaderboard that is being served by another process."""

    url: str
    store: Path
    process: subprocess.Popen[str]
    log: list[str]

    def token(self, name: str) -> str:
        """A token that the host issued."""
        made = subprocess.run(
            [*_COMMAND, "token", "create", name, "--store", str(self.store)], capture_output=True, text=True, check=True
        )
        return made.stdout.strip()


_COMMAND = [sys.executable, "-m", "leaderboard.cli"]


@contextmanager
def serving(data: Path, store: Path, environment: dict[str, str] | None = None) -> Iterator[Served]:
    """Serve a leaderboard until the end of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [*_COMMAND, "serve", "--data", str(data), "--store", str(store), "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | (environment or {}),
    )  # fmt: skip
    log: list[str] = []
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            log.append(line)
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        while True:
            line = lines.get(timeout=300)
            assert line is not None, "the server ended: " + "".join(log)
            if found := re.search(r"http://\S+", line):
                break
        yield Served(found.group(), store, process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(timeout=5)


@pytest.fixture(scope="session")
def served(toy_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One leaderboard for all tests that only add to it."""
    with serving(toy_release, tmp_path_factory.mktemp("served") / "store") as running:
        yield running


class _Hub(BaseHTTPRequestHandler):
    """The one route of the Hub that is asked."""

    accounts: ClassVar[dict[str, dict[str, str]]] = {
        "Bearer hf_ann": {"type": "user", "name": "ann", "fullname": "Somebody Else"},
        "Bearer hf_org": {"type": "org", "name": "a-company"},
    }

    def do_GET(self) -> None:
        account = self.accounts.get(self.headers.get("authorization", "")) if self.path == "/api/whoami-v2" else None
        self.send_response(200 if account else 401)
        self.end_headers()
        self.wfile.write(json.dumps(account or {"error": "Invalid credentials"}).encode())

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
