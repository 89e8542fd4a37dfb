"""The server is killed again and again while participants send: what was acknowledged is scored, once."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Queue

import httpx
import pytest
from huggingface_hub import HfApi

from leaderboard.store import HubStore, LocalStore, State, Store
from leaderboard.store.hub import Pace
from leaderboard.tokens import Tokens
from tests.conftest import hub  # noqa: F401 - the whole Hub, not the one route of the others here
from tests.hub import Hub
from tests.leaderboard.conftest import FileMaker
from tests.leaderboard.writing import until

TASK = "towers_temporal"
Send = Callable[[str, Path], str | None]
"""Sends an owner's file: the id of its receipt, or None where the quota is used up. Raises while nobody answers."""


@dataclass
class Server:
    """A server that is started and killed, with all its children."""

    command: list[str]
    ready: str
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def start(self) -> Queue[str]:
        """Begin to run; its lines come in the queue."""
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env=os.environ | self.environment,
        )  # fmt: skip
        lines: Queue[str] = Queue()

        def read(stream=self.process.stdout) -> None:  # type: ignore[no-untyped-def]
            for line in stream:
                lines.put(line)

        threading.Thread(target=read, daemon=True).start()
        return lines

    def listen(self, lines: Queue[str], stop: float) -> bool:
        """Wait until it is ready, at most until a time."""
        while (left := stop - time.monotonic()) > 0:
            try:
                if self.ready in lines.get(timeout=left):
                    return True
            except Empty:
                break
        return False

    def kill(self) -> None:
        """End it as a machine does that loses its power."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Senders:
    """Participants who send one file after the other, and each until it has its receipt."""

    send: Send
    make_file: FileMaker
    owners: tuple[str, ...]
    quota: int
    pause: float
    receipts: dict[Path, tuple[str, str]] = field(default_factory=dict)
    """Owner and id, for each file."""
    refused: list[tuple[str, Path]] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _making: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def sending(self):  # type: ignore[no-untyped-def]
        """Send until the end of the block, and then until every file has an answer."""
        threads = [threading.Thread(target=self._work, args=(number,)) for number in range(len(self.owners))]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(timeout=1200)
        assert not any(thread.is_alive() for thread in threads), "somebody still waits for a receipt"
        assert self.failures == []

    def _work(self, number: int) -> None:
        owner, offset = self.owners[number], 0
        try:
            while not self._over.is_set():
                offset += 1
                with self._making:
                    file = self.make_file(task=TASK, offset=1e-3 * (1000 * number + offset))
                self._deliver(owner, file)
                self._over.wait(self.pause)
        except BaseException as error:
            self.failures.append(error)

    def _deliver(self, owner: str, file: Path) -> None:
        stop = time.monotonic() + 1200
        while True:
            try:
                id = self.send(owner, file)
                break
            except ConnectionError:
                assert time.monotonic() < stop, "nobody answered for twenty minutes"
                time.sleep(0.1)
        if id is None:
            self.refused.append((owner, file))
        else:
            self.receipts[file] = (owner, id)


def torment(server: Server, senders: Senders, kills: int, longest: float) -> None:
    """Kill the server at random moments under load; one of them is left running."""
    dice = random.Random(20260101)
    with senders.sending():
        for _ in range(kills):
            begun = time.monotonic()
            lines = server.start()
            if dice.random() < 0.2:
                # In the middle of its start, before anybody is served.
                server.listen(lines, begun + dice.uniform(0, 2 * longest))
            else:
                assert server.listen(lines, begun + 300), "the server did not come up"
                # On a busy machine everything takes longer than it would, and something has to be done between kills.
                time.sleep(dice.uniform(0, max(longest, time.monotonic() - begun)))
            server.kill()
        assert server.listen(server.start(), time.monotonic() + 300)


def check(store: Store, senders: Senders, began: datetime) -> None:
    """Every receipt is of one submission with one result, and there is nothing else."""
    until(lambda: store.waiting() == 0, 1800)
    entries = store.entries()
    assert Counter(entry.submission.id for entry in entries) == Counter(id for _, id in senders.receipts.values())
    assert {entry.state for entry in entries} == {State.SCORED}
    for file, (owner, id) in senders.receipts.items():
        entry = store.entry(id)
        assert entry is not None
        assert (entry.submission.owner, len(store.results(id))) == (owner, 1)
        assert store.path(entry.submission).read_bytes() == file.read_bytes()
    if datetime.now(UTC).date() == began.date():  # or a new day has given new quotas
        counts = Counter(owner for owner, _ in senders.receipts.values())
        assert all(store.used(owner, TASK) == counts[owner] for owner in senders.owners)
        assert all(counts[owner] == senders.quota for owner, _ in senders.refused), "refused only who had used all"


def left_running(targets: Path) -> list[str]:
    """Scoring children that are there."""
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return [command for command in commands if "submission.limited" in command and str(targets) in command]


def free_port() -> int:
    """A port that stays free while the server is down: none that the kernel gives to whoever connects somewhere."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def by_post(port: int) -> Send:
    """Sends to `tests.leaderboard.receiving`."""

    def send(owner: str, file: Path) -> str | None:
        try:
            answer = httpx.post(f"http://127.0.0.1:{port}/{owner}", content=file.read_bytes(), timeout=60)
        except httpx.TransportError:
            raise ConnectionError from None
        if answer.status_code == 503:
            raise ConnectionError
        if answer.status_code == 400:
            assert "quota" in answer.json()["error"], answer.text
            return None
        return str(answer.json()["id"])

    return send


def by_page(port: int, tokens: dict[str, str]) -> Send:
    """Sends to the page's endpoint for programs, without the long questions that a Gradio client begins with."""

    def send(owner: str, file: Path) -> str | None:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/gradio_api/", timeout=120) as client:
                uploaded = client.post("upload", files={"files": (file.name, file.read_bytes())})
                sent = {"path": uploaded.json()[0], "meta": {"_type": "gradio.FileData"}}
                asked = client.post("call/submit", json={"data": [sent, tokens[owner]]})
                answer = client.get(f"call/submit/{asked.json()['event_id']}").text
        except (httpx.HTTPError, ValueError, KeyError):
            # No answer, or one of a server that was in the midst of its start or end.
            raise ConnectionError from None
        data = [line.removeprefix("data: ") for line in answer.splitlines() if line.startswith("data: ")]
        if "event: complete" not in answer:
            raise ConnectionError
        return str(json.loads(data[-1])[0]["id"])

    return send


def receiving(data: Path, place: object, port: int, quota: int, **environment: str) -> Server:
    command = [sys.executable, "-m", "tests.leaderboard.receiving", str(data), str(place), str(port), str(quota)]
    return Server(command, "ready", environment)


def crash_local(
    toy_release: Path, store: Path, make_file: FileMaker, kills: int, quota: int, pause: float = 0.2
) -> None:
    port, began = free_port(), datetime.now(UTC)
    server = receiving(toy_release, store, port, quota)
    senders = Senders(by_post(port), make_file, tuple(f"owner-{n}" for n in range(4)), quota, pause)
    try:
        torment(server, senders, kills, longest=2.0)
        check(LocalStore(store), senders, began)
    finally:
        server.kill()
    files = {path.stem for path in (store / "files").rglob("*.parquet")}
    assert files == {entry.submission.sha256 for entry in LocalStore(store).entries()}, "no file without its record"
    until(lambda: not left_running(Path(f"{toy_release}-targets")), 60)


def crash_hub(
    running: Hub, toy_release: Path, folder: Path, make_file: FileMaker, kills: int, quota: int, pause: float = 0.2
) -> None:
    port, began, token = free_port(), datetime.now(UTC), running.account("ada", ("fluxes",))
    server = receiving(
        toy_release, "hf://datasets/fluxes/records", port, quota, HF_TOKEN=token, **running.environment(folder)
    )  # fmt: skip
    senders = Senders(by_post(port), make_file, tuple(f"owner-{n}" for n in range(4)), quota, pause)
    try:
        torment(server, senders, kills, longest=2.0)
        api = HfApi(endpoint=running.url, token=token)
        seen = HubStore("fluxes/records", api, Pace(look=0.5))
        try:
            check(seen, senders, began)
        finally:
            seen.close()
    finally:
        server.kill()


def test_of_a_server_killed_again_and_again_nothing_is_lost_and_nothing_scored_twice(
    toy_release: Path, tmp_path: Path, make_file: FileMaker
) -> None:
    crash_local(toy_release, tmp_path / "store", make_file, 5, quota=3)


def test_nor_with_a_store_on_the_hub(hub: Hub, toy_release: Path, tmp_path: Path, make_file: FileMaker) -> None:  # noqa: F811
    crash_hub(hub, toy_release, tmp_path, make_file, 3, quota=3)


@pytest.mark.slow
def test_nor_of_one_killed_fifty_times(toy_release: Path, tmp_path: Path, make_file: FileMaker) -> None:
    crash_local(toy_release, tmp_path / "store", make_file, 50, quota=20, pause=6.0)


@pytest.mark.slow
def test_nor_of_one_on_the_hub_in_twenty_kills(
    hub: Hub,  # noqa: F811
    toy_release: Path,
    tmp_path: Path,
    make_file: FileMaker,
) -> None:
    crash_hub(hub, toy_release, tmp_path, make_file, 20, quota=15, pause=3.0)


@pytest.mark.slow
def test_nor_of_the_served_page_in_ten_kills(toy_release: Path, tmp_path: Path, make_file: FileMaker) -> None:
    """The whole of ``agroflux-leaderboard serve``, over its endpoints for programs."""
    port, began, store = free_port(), datetime.now(UTC), tmp_path / "store"
    owners = tuple(f"owner-{n}" for n in range(4))
    tokens = {owner: Tokens(store).create(owner) for owner in owners}

    send = by_page(port, tokens)
    command = [
        sys.executable, "-m", "leaderboard.cli", "serve", "--data", str(toy_release), "--store", str(store),
        "--port", str(port), "--quota", "1000",
    ]  # fmt: skip
    server = Server(command, "http://")
    senders = Senders(send, make_file, owners, quota=1000, pause=1.0)
    try:
        torment(server, senders, 10, longest=5.0)
        assert len(senders.receipts) > 10
        check(LocalStore(store), senders, began)
    finally:
        server.kill()
