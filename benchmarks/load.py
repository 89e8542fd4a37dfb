"""How the leaderboard bears a rush: ``python -m benchmarks.load``, ten minutes on two free cores.

200 participants submit within one minute, each through `submission.client`, to a real ``agroflux-leaderboard serve``
that scores meanwhile; all of them share two cores. The 99th percentile of the seconds until a participant is answered,
with a receipt or with when to try again, is to stay below 5; the memory of the server and the processes under it below
2 GiB; and every submission with a receipt is to be scored, once. An answer's seconds count from before the client
connects until its receipt, so they hold the page's configuration, the upload, the queue and the intake, and the
client's own work. ``--data`` takes a release that is there; otherwise a small one is built first.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agroflux_data.release import Release
from benchmarks.process_tree import resident
from benchmarks.report import report
from leaderboard.store import LocalStore, State
from leaderboard.tokens import Tokens
from submission import Metadata, write

__all__ = ["main"]

PARTICIPANTS, SECONDS, CORES, PROCESSES = 200, 60.0, 2, 4
BAR, MEMORY_BAR = 5.0, 2.0
GIBIBYTE = 1 << 30
TASK = "daycent_temporal"
_PATIENCE = 3600.0
"""Seconds that all may take to be scored."""


@dataclass
class Served:
    """A server, and the most memory that it was seen to have."""

    url: str
    peak: int = 0


@dataclass
class Story:
    """What happened to one participant.

    Attributes
    ----------
    answers : list of float
        Seconds until each answer: the receipt, and before it those that said when to try again.
    reasons : list of str
        Of those that came before.
    receipt : str
        The submission's name; empty where the participant gave up.
    """

    answers: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    receipt: str = ""


def main() -> None:
    """Measure, and say whether it holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description="A rush of submissions.")
    parser.add_argument("--data", type=Path, help="a sealed release; by default a small one is built")
    parser.add_argument("--participants", type=int, default=PARTICIPANTS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = given.data or _build(folder)
        _measure(data, folder, given.participants)


def _build(folder: Path) -> Path:
    command = [_script("agroflux-data"), "build", str(folder / "agroflux"), "--scale", "small"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return folder / "agroflux"


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _measure(data: Path, folder: Path, participants: int) -> None:
    release, store = Release(data), folder / "store"
    files = [_file(release, folder / f"{number}.parquet", number) for number in range(participants)]
    tokens = [Tokens(store).create(f"participant-{number}") for number in range(participants)]
    nothing = folder / "nothing.parquet"
    nothing.write_bytes(b"no submission")
    draw = random.Random(0)
    arrivals = sorted(draw.uniform(0, SECONDS) for _ in range(participants))
    with _serving(data, store) as served:
        with ProcessPoolExecutor(PROCESSES, initializer=_warm, initargs=(served.url, tokens[0], nothing)) as several:
            list(several.map(time.sleep, [1.0] * PROCESSES))  # by then each of them has loaded what it needs
            begin = time.time()
            tasks = [(served.url, token, file, begin + wait)
                     for token, file, wait in zip(tokens, files, arrivals, strict=True)]  # fmt: skip
            stories = [story for some in several.map(_several, [tasks[part::PROCESSES] for part in range(PROCESSES)])
                       for story in some]  # fmt: skip
        received = time.time() - begin
        records = LocalStore(store)
        while records.waiting() and time.time() - begin < _PATIENCE:
            time.sleep(2)
        scored = time.time() - begin
    entries = {entry.submission.id: entry for entry in records.entries()}
    receipts = [story.receipt for story in stories if story.receipt]
    done = [id for id in receipts if id in entries and entries[id].state is State.SCORED]
    twice = [id for id in entries if len(records.results(id)) > 1]
    answers = np.array([seconds for story in stories for seconds in story.answers])
    again = [reason for story in stories for reason in story.reasons]
    report(
        "load",
        float(np.percentile(answers, 99)),
        BAR,
        at_most=True,
        header=(f"{participants} participants in {SECONDS:g} s, {files[0].stat().st_size / 1e6:.1f} MB each", "value"),
        rows=[
            ("seconds until an answer: median", float(np.median(answers))),
            (f"99th percentile (bar {BAR:g})", float(np.percentile(answers, 99))),
            ("longest", float(answers.max())),
            ("answers that said when to try again", len(again)),
            *((f"  {reason}", again.count(reason)) for reason in sorted(set(again))),
            ("receipts (bar: all)", len(receipts)),
            ("seconds until the last receipt", received),
            ("scored, of those with a receipt (bar: all)", len(done)),
            ("scored twice (bar: 0)", len(twice)),
            ("seconds until the last was scored", scored),
            (f"GiB of the server's processes (bar {MEMORY_BAR:g})", served.peak / GIBIBYTE),
        ],
        others_hold=len(receipts) == len(done) == len(entries) == participants
        and not twice and served.peak < MEMORY_BAR * GIBIBYTE,
    )  # fmt: skip


def _file(release: Release, path: Path, number: int) -> Path:
    """A submission as large as a model's: values that do not compress to nothing."""
    keys, means = release.keys(TASK, "test"), release.statistics(TASK)
    draw = np.random.default_rng(number)
    values = {
        name: np.full((len(keys), 365), means[name].mean) * draw.uniform(0.5, 1.5, (len(keys), 365))
        for name in release.task(TASK).ranked_targets
    }
    return write({"sequence": keys, **values}, path, Metadata(TASK, release.revision, f"model {number}"))


def _warm(url: str, token: str, nothing: Path) -> None:
    """Load the client, as a participant's machine has done, and have the server refuse something, so that it is up."""
    from agroflux_data.errors import AgrofluxError
    from submission.client import Leaderboard

    with contextlib.suppress(AgrofluxError):
        Leaderboard(url, token).send(nothing)


def _several(tasks: list[tuple[str, str, Path, float]]) -> list[Story]:
    """Some of the participants, in a process of their own."""
    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(_participate, tasks))


def _participate(task: tuple[str, str, Path, float]) -> Story:
    from agroflux_data.errors import AgrofluxError
    from submission.client import Leaderboard

    url, token, file, when = task
    story = Story()
    time.sleep(max(0.0, when - time.time()))
    begun = time.monotonic()

    def again(reason: str, pause: float) -> None:
        nonlocal begun
        story.answers.append(time.monotonic() - begun)
        story.reasons.append(reason)
        begun = time.monotonic() + pause

    try:
        story.receipt = Leaderboard(url, token, again=again).send(file)["id"]
    except AgrofluxError as error:
        story.reasons.append(str(error))
    story.answers.append(time.monotonic() - begun)
    return story


@contextlib.contextmanager
def _serving(data: Path, store: Path) -> Iterator[Served]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [_script("agroflux-leaderboard"), "serve", "--data", str(data), "--store", str(store), "--port", port]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    stop = threading.Event()
    try:
        assert process.stdout is not None
        found = next((match for line in process.stdout if (match := re.search(r"http://\S+", line))), None)
        if found is None:
            raise RuntimeError("the leaderboard did not begin")
        served = Served(found.group())

        def look() -> None:
            while not stop.wait(0.5):
                served.peak = max(served.peak, resident(process.pid))

        watching = threading.Thread(target=look, daemon=True)
        watching.start()
        yield served
        stop.set()
        watching.join()
    finally:
        stop.set()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    main()
