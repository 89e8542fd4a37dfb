"""Work in a child process with limits on memory and time, for files that may be anything."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import platform
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pyarrow as pa

__all__ = ["OUT_OF_MEMORY", "Ended", "Limits", "TookTooLongError", "apart", "environment", "impose", "run"]

OUT_OF_MEMORY = 77
"""Exit code of a child that reached its memory limit."""
_LARGEST_ANSWER = 16 << 20
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "HF_HOME")
_PR_SET_PDEATHSIG = 1
_M_MMAP_THRESHOLD = -3
_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system counts the most memory that a process held."""


@dataclass(frozen=True)
class Limits:
    """What a child process may take.

    Attributes
    ----------
    memory : int
        Bytes that it may take beside what it holds at its beginning: the interpreter and its libraries, about 160 MiB.
        Held on Linux alone.
    cpu : int
        Seconds of processor time.
    wall : float
        Seconds of waiting.
    """

    memory: int
    cpu: int
    wall: float


@dataclass(frozen=True)
class Ended:
    """A child that came to an end by itself.

    Attributes
    ----------
    code : int
        Its exit code; below zero the signal that ended it.
    output : bytes
        What it wrote, the first 16 MiB.
    """

    code: int
    output: bytes


class TookTooLongError(Exception):
    """A child was ended because its limit of waiting was over: the machine was busy, or it waited itself."""


def impose(parent: int, memory: int, cpu: int) -> None:
    """Set limits on this process, for good, and have it end with its parent.

    Parameters
    ----------
    parent : int
        The parent's process id; where it has ended already, this process ends here.
    memory : int
        Bytes by which its addresses may grow; they are far more than its memory before it has done anything.
    cpu : int
        Seconds of processor time; after five more nothing helps.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # A parent that was gone before that sends no signal any more.
        if os.getppid() != parent:
            os._exit(1)
    # Every thread takes addresses, and a machine with many processors would use up all.
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    # Arrow's own pool may have reserved a gigabyte long ago, which the limit would not see.
    _give_back()
    pa.set_memory_pool(pa.system_memory_pool())
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + memory
        _lower(resource.RLIMIT_AS, most, most)
    _lower(resource.RLIMIT_CPU, cpu, cpu + 5)
    _lower(resource.RLIMIT_CORE, 0, 0)


def _give_back() -> None:
    """Give back what the parent's allocators had kept for themselves: used again, it would be seen by no limit."""
    for pool in (pa.default_memory_pool(), pa.system_memory_pool()):
        pool.release_unused()
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 128 << 10)  # the library's own, whatever the parent had chosen
        libc.malloc_trim(0)


def _lower(kind: int, soft: int, hard: int) -> None:
    """Set a limit, unless a lower one holds already."""
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def apart(work: Callable[[], bytes], limits: Limits) -> Ended:
    """Do some work in a fork of this process.

    It begins at once, since everything is loaded already; but only a process without other Python threads may fork
    safely. A server takes `run`.

    Parameters
    ----------
    work : callable
        Gives the child's output.
    limits : Limits

    Raises
    ------
    TookTooLongError
    RuntimeError
        The work raised another exception than MemoryError, for which the exit code is `OUT_OF_MEMORY`; so it is where
        the child aborted with more than half of its memory taken.
    """
    reading, writing = os.pipe()
    before = _resident()
    parent, child = os.getpid(), os.fork()
    if child == 0:
        os.close(reading)
        _work(work, parent, limits, writing)
    os.close(writing)
    try:
        output = _read(reading, limits.wall)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    finally:
        os.close(reading)
    _, status, used = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    # A thread of C++ that gets no memory aborts before Python hears of it.
    if code == -signal.SIGABRT and used.ru_maxrss * _UNIT - before > limits.memory // 2:
        code = OUT_OF_MEMORY
    if code == 1:
        raise RuntimeError(f"the child broke off:\n{output.decode(errors='replace')}")
    return Ended(code, output)


def _work(work: Callable[[], bytes], parent: int, limits: Limits, writing: int) -> NoReturn:
    """What the fork does; it never comes back into the parent's code."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        faulthandler.disable()
        impose(parent, limits.memory, limits.cpu)
        before = _peak()
        with os.fdopen(writing, "wb") as answer:
            try:
                found = work()
                # An allocator of the parent may hold a gigabyte of free addresses that the limit does not see.
                if _peak() - before > limits.memory:
                    raise MemoryError
                answer.write(found)
                code = 0
            except MemoryError:
                code = OUT_OF_MEMORY
            except BaseException:
                answer.write(traceback.format_exc().encode())
    finally:
        os._exit(code)


def _peak() -> int:
    """The most memory that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


def _resident() -> int:
    """The memory that this process holds now, in bytes; where the system does not say, the most that it ever held."""
    if sys.platform != "linux":
        return _peak()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _read(pipe: int, wall: float) -> bytes:
    """All that comes out of a pipe until its other end is closed."""
    stop = time.monotonic() + wall
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    output = b""
    while waiting.poll(max(0.0, stop - time.monotonic()) * 1000):
        more = os.read(pipe, 1 << 16)
        if not more:
            return output
        output = (output + more)[:_LARGEST_ANSWER]
    raise TookTooLongError


def environment() -> dict[str, str]:
    """The variables that a child gets: no credential is among them."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | {
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "NO_COLOR": "1",
    }


def run(module: str, arguments: list[str], limits: Limits, alive: Callable[[], bool] = lambda: True) -> Ended | None:
    """Run a module of the kit as a program, in a new process; safe to call from any thread.

    Parameters
    ----------
    module : str
        Such as ``submission.cli``.
    arguments : list of str
    limits : Limits
    alive : callable
        Asked about every second; when it says False the child is ended.

    Returns
    -------
    Ended or None
        None where ``alive`` said False.

    Raises
    ------
    TookTooLongError
    """
    command = [
        sys.executable, "-m", "submission.limited", str(os.getpid()), str(limits.memory), str(limits.cpu), module,
        *arguments,
    ]  # fmt: skip
    # The child's words go nowhere: they might speak of hidden targets.
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL, env=environment(),
            start_new_session=True,
        )  # fmt: skip
        try:
            stop = time.monotonic() + limits.wall
            while True:
                try:
                    code = child.wait(timeout=min(1.0, max(0.01, stop - time.monotonic())))
                    break
                except subprocess.TimeoutExpired:
                    if not alive():
                        return None
                    if time.monotonic() > stop:
                        raise TookTooLongError from None
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        output.seek(0)
        return Ended(code, output.read(_LARGEST_ANSWER))
