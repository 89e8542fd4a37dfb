"""Engines, each for real: processes of this machine, and a cluster of two dask workers on the loopback."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agroflux_data import blocks, engines
from agroflux_data.build import build, staging_folder
from agroflux_data.errors import AgrofluxError
from agroflux_data.plan import Plan
from agroflux_data.release import targets_folder
from agroflux_data.splits import Edition
from agroflux_data.staging import Staging
from tests.agroflux_data.patience import PatientSource, events, half_built
from tests.agroflux_data.test_build import content
from tests.conftest import TOY_SECRET

ROOT = Path(__file__).parents[2]


def patient_plan(log: Path = Path(os.devnull), seconds: float = 0.0, secret: bytes = TOY_SECRET) -> Plan:
    """Ten blocks of one site each."""
    source = PatientSource("daycent", 10, secret=secret, log=log, seconds=seconds)
    return Plan(Edition.SEALED, None, 0, secret, (source,))


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release of `patient_plan`, built in this process."""
    out = tmp_path_factory.mktemp("serial") / "agroflux"
    build(patient_plan(), out, workers=1)
    return out


def assert_same(out: Path, serial: Path) -> None:
    assert content(out) == content(serial)
    assert content(targets_folder(out)) == content(targets_folder(serial))
    assert not staging_folder(out).exists()


@contextmanager
def dask(*arguments: str, cwd: Path = ROOT, path: str = str(ROOT)) -> Iterator[subprocess.Popen[bytes]]:
    """One process of a cluster."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        cwd=cwd, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def scheduler() -> Iterator[str]:
    port = free_port()
    with dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-jupyter"):
        yield f"tcp://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster with one worker that no test kills."""
    with scheduler() as address, worker(address, tmp_path_factory.mktemp("scratch")):
        yield address


@contextmanager
def worker(address: str, scratch: Path) -> Iterator[subprocess.Popen[bytes]]:
    options = (
        "--host",
        "127.0.0.1",
        "--nthreads",
        "1",
        "--no-nanny",
        "--no-dashboard",
        "--local-directory",
        str(scratch),
    )
    with dask("worker", address, *options) as process:
        yield process


def wait_until(true: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_lost_worker_costs_nothing_but_its_block(serial, tmp_path):
    out, log = tmp_path / "agroflux", tmp_path / "log"
    log.touch()
    told, lost = [], []

    with scheduler() as address, worker(address, tmp_path) as first, worker(address, tmp_path) as second:

        def kill_one_half_way(done: int, total: int) -> None:
            told.append((done, total))
            if done == 5:
                # The one that is in the middle of a block, so that there is something to lose.
                wait_until(lambda: half_built(log))
                lost.extend(half_built(log)[:1])
                victim = {first.pid: first, second.pid: second}[lost[0][0]]
                victim.kill()
                victim.wait()

        build(patient_plan(log, 0.3), out, workers=1, scheduler=address, done=kill_one_half_way)
    assert told == [(done, 10) for done in range(11)]
    ((dead, site),) = lost
    ended = [(process, block) for what, process, block in events(log) if what == "ended"]
    assert sorted(block for _, block in ended) == sorted(f"daycent-{number}" for number in range(1, 11))
    assert {process for process, _ in ended} == {first.pid, second.pid}
    assert dict(map(reversed, ended))[site] == ({first.pid, second.pid} - {dead}).pop()
    assert_same(out, serial)


SCRIPT = """
import sys
from pathlib import Path
from agroflux_data.build import build
from tests.agroflux_data.test_engines import patient_plan
if __name__ == "__main__":
    out, log, workers, scheduler = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] or None
    build(patient_plan(log, 1.0), out, workers=workers, scheduler=scheduler)
"""


@pytest.mark.parametrize("on_the_cluster", [True, False])
def test_ctrl_c_leaves_finished_blocks(serial, cluster, tmp_path, on_the_cluster):
    out, log, script = tmp_path / "agroflux", tmp_path / "log", tmp_path / "script.py"
    log.touch()
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, script, out, log, "2", cluster if on_the_cluster else ""],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    wait_until(lambda: len(list(staging_folder(out).glob("records/*.json"))) >= 3)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate(timeout=20)
    assert process.returncode != 0
    assert b"KeyboardInterrupt" in said
    if on_the_cluster:  # whose workers end what they have begun
        wait_until(lambda: not list(staging_folder(out).glob("attempts/*")))
    finished = len(list(staging_folder(out).glob("records/*.json")))
    assert 3 <= finished < 10
    assert not out.exists()
    told: list[int] = []
    build(patient_plan(), out, workers=1, done=lambda done, total: told.append(done))
    assert told[0] == finished
    assert_same(out, serial)


def test_a_worker_that_shares_no_file_system_is_told_so(cluster, tmp_path):
    plan = patient_plan()
    elsewhere = Staging(tmp_path / "not mounted", "a plan")
    with pytest.raises(AgrofluxError, match="a file system that all workers share"):
        list(engines.cluster(blocks.jobs(plan), elsewhere, cluster))
    assert not elsewhere.path.exists()


def test_a_worker_that_lacks_a_package_is_told_so(tmp_path):
    with (
        scheduler() as address,
        dask(
            "worker",
            address,
            "--host",
            "127.0.0.1",
            "--no-nanny",
            "--no-dashboard",
            "--local-directory",
            str(tmp_path),
            cwd=tmp_path,
            path="",
        ),
        pytest.raises(AgrofluxError, match=r"a worker lacks a package.*No module named 'tests'"),
    ):
        build(patient_plan(), tmp_path / "agroflux", workers=1, scheduler=address)


def test_a_block_that_brings_workers_down_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    log = tmp_path / "log"
    log.touch()
    with scheduler() as address, worker(address, tmp_path) as only:

        def kill_it(done: int, total: int) -> None:
            if done == 1:
                wait_until(lambda: half_built(log))
                only.kill()

        with pytest.raises(AgrofluxError, match="brought one worker after the other down"):
            build(patient_plan(log, 0.3), tmp_path / "agroflux", workers=1, scheduler=address, done=kill_it)


def test_a_lost_scheduler_is_an_error_and_finished_blocks_stay(serial, tmp_path):
    out, port = tmp_path / "agroflux", free_port()
    address = f"tcp://127.0.0.1:{port}"
    with (
        dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-jupyter") as lost,
        worker(address, tmp_path),
        pytest.raises(AgrofluxError, match="the scheduler was lost"),
    ):
        build(
            patient_plan(seconds=0.3),
            out,
            workers=1,
            scheduler=address,
            done=lambda done, total: lost.kill() if done == 3 else None,
        )
    told: list[int] = []
    build(patient_plan(), out, workers=1, done=lambda done, total: told.append(done))
    assert told[0] >= 3
    assert_same(out, serial)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nonsense", "not the address of a dask scheduler: expected tcp://HOST:PORT, got 'nonsense'"),
        ("tcp://127.0.0.1:1", "no dask scheduler answers: expected tcp://HOST:PORT of a running one"),
    ],
)
def test_where_no_scheduler_answers_the_error_says_so(command, tmp_path, monkeypatch, address, said):
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "1s")
    options = ("--source", "mesocosm=embedded", "--scale", "tiny", "--scheduler", address)
    result = command("agroflux-data", "build", "agroflux", *options, cwd=tmp_path)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "agroflux").exists()


def test_without_dask_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(AgrofluxError, match=re.escape("pip install 'agroflux[distributed]'")):
        build(patient_plan(), tmp_path / "agroflux", workers=1, scheduler="tcp://127.0.0.1:1")


def test_a_killed_process_of_this_machine_is_an_error_and_finished_blocks_stay(serial, tmp_path):
    out, log = tmp_path / "agroflux", tmp_path / "log"
    log.touch()

    def kill_one(done: int, total: int) -> None:
        if done == 3:
            wait_until(lambda: half_built(log))
            os.kill(half_built(log)[0][0], signal.SIGKILL)

    with pytest.raises(AgrofluxError, match=r"was killed.*fewer --workers"):
        build(patient_plan(log, 0.3), out, workers=2, done=kill_one)
    told: list[int] = []
    build(patient_plan(), out, workers=1, done=lambda done, total: told.append(done))
    assert told[0] >= 3
    assert_same(out, serial)
