"""Work in a child: the limits hold, and what comes back says how it ended."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from submission.child import OUT_OF_MEMORY, Ended, Limits, TookTooLongError, apart, run

LIMITS = Limits(memory=1 << 30, cpu=20, wall=300)


def _limited(tmp_path: Path, code: str, memory: int = 1 << 30, cpu: int = 20) -> int:
    (tmp_path / "hungry.py").write_text(code)
    command = [sys.executable, "-m", "submission.limited", str(os.getpid()), str(memory), str(cpu), "hungry"]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": str(tmp_path)}, timeout=300).returncode


def test_a_program_cannot_take_more_memory_than_its_limit(tmp_path: Path) -> None:
    assert _limited(tmp_path, "bytearray(900 << 20)", memory=2 << 30) == 0
    assert _limited(tmp_path, "bytearray(900 << 20)", memory=800 << 20) == OUT_OF_MEMORY


def test_a_program_cannot_take_more_processor_time_than_its_limit(tmp_path: Path) -> None:
    assert _limited(tmp_path, "while True: pass", cpu=3) == -signal.SIGXCPU


def test_a_programs_exit_code_is_the_modules(tmp_path: Path) -> None:
    assert _limited(tmp_path, "import sys; sys.exit(2)") == 2


def test_a_program_does_not_begin_for_a_parent_that_has_ended(tmp_path: Path) -> None:
    (tmp_path / "orphan.py").write_text("print('here')")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    command = [sys.executable, "-m", "submission.limited", str(ended.pid), "1000000000", "20", "orphan"]
    left = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, timeout=300)
    assert (left.returncode, left.stdout) == (1, b"")


def test_a_program_is_ended_when_nobody_wants_it_or_it_waits_too_long() -> None:
    assert run("http.server", ["0", "--bind", "127.0.0.1"], LIMITS, alive=lambda: False) is None
    with pytest.raises(TookTooLongError):
        run("http.server", ["0", "--bind", "127.0.0.1"], Limits(1 << 30, 20, wall=0.1))


def test_a_fork_answers() -> None:
    assert apart(lambda: b"x" * 3_000_000, LIMITS) == Ended(0, b"x" * 3_000_000)


def test_a_fork_cannot_take_more_memory_than_its_limit() -> None:
    def hungry() -> bytes:
        return np.ones(900 << 20, np.uint8)[:1].tobytes()

    assert apart(hungry, Limits(2 << 30, 20, 300)) == Ended(0, b"\x01")
    assert apart(hungry, Limits(800 << 20, 20, 300)).code == OUT_OF_MEMORY


def test_a_fork_cannot_hide_in_addresses_that_its_parent_reserved() -> None:
    """Arrow's allocator keeps a gigabyte of addresses for itself: taking them is no growth of the address space."""
    pool = pa.mimalloc_memory_pool()
    reserved = [pa.allocate_buffer(800 << 20, memory_pool=pool) for _ in range(2)]
    del reserved

    def hungry() -> bytes:
        block = pa.allocate_buffer(700 << 20, memory_pool=pool)
        np.frombuffer(block, np.uint8)[:] = 1
        return b"enough"

    assert apart(hungry, Limits(1 << 30, 20, 300)) == Ended(0, b"enough")
    assert apart(hungry, Limits(256 << 20, 20, 300)).code == OUT_OF_MEMORY


def test_a_fork_cannot_hide_in_blocks_that_its_parent_kept() -> None:
    """As a program that trains keeps them: freed, but neither given back nor fresh."""
    script = (
        "import numpy as np\n"
        "from baselines.allocator import keep_large_blocks\n"
        "from submission.child import Limits, apart\n"
        "def hungry():\n"
        "    return np.ones(700 << 20, np.uint8)[:1].tobytes()\n"
        "keep_large_blocks()\n"
        "hungry()\n"
        "print(apart(hungry, Limits(256 << 20, 20, 300)).code)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) == OUT_OF_MEMORY


def test_an_abort_for_want_of_memory_is_told_from_any_other() -> None:
    script = (
        "import os, numpy as np\n"
        "from submission.child import Limits, apart\n"
        "def starved():\n"
        "    taken = np.ones(200 << 20, np.uint8)\n"
        "    os.abort()\n"
        "print(*(apart(work, Limits(256 << 20, 20, 300)).code for work in (starved, os.abort)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert [int(code) for code in done.stdout.split()] == [OUT_OF_MEMORY, -signal.SIGABRT]


def test_a_fork_cannot_take_more_time_than_its_limits() -> None:
    def busy() -> bytes:
        while True:
            pass

    assert apart(busy, Limits(1 << 30, 1, 300)).code == -signal.SIGXCPU
    with pytest.raises(TookTooLongError):
        apart(lambda: bytes(time.sleep(300) or 0), Limits(1 << 30, 20, 0.1))


def test_what_breaks_in_a_fork_is_raised_here() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        apart(lambda: bytes(1 // 0), LIMITS)


def test_a_fork_within_limits_cannot_raise_them() -> None:
    def within() -> bytes:
        def limit() -> bytes:
            return str(resource.getrlimit(resource.RLIMIT_CPU)[0]).encode()

        return apart(limit, Limits(8 << 30, 100, 300)).output

    assert apart(within, LIMITS).output == b"25"
