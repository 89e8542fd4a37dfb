"""A warm process that reads the metadata of files for a server: ``python -m submission.reader``.

A server has threads and so must not fork; to start a program for each file would cost a second of processor time, of
which all but a few milliseconds are its imports. So one program is started once and forks for each file, within limits.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

from submission.child import Limits, environment
from submission.file import read_metadata
from submission.guarded import answer, guarded, taken
from submission.metadata import Metadata

__all__ = ["LIMITS", "Reader"]

LIMITS = Limits(memory=256 << 20, cpu=2, wall=60)
"""What reading the metadata of one file may take; an honest one needs a hundredth of each."""

_STARTING = 120.0
"""Seconds, at most, until the program answers for the first time, and beyond the limit each time."""


class Reader:
    """The metadata of files that may be anything, read one after the other in another process; safe from any thread.

    The process starts with the first file and ends with this one. It gets no credentials.
    """

    def __init__(self, limits: Limits = LIMITS):
        self._limits = limits
        self._one_at_a_time = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def metadata(self, path: str | Path) -> Metadata:
        """What a submission says of itself.

        Raises
        ------
        AgrofluxError
            There is no such file, it is no submission, or reading it took more than the limits.
        RuntimeError
            The process broke off twice.
        """
        question = json.dumps([str(Path(path).absolute()), *self._limits.__dict__.values()]).encode() + b"\n"
        with self._one_at_a_time:
            for _ in range(2):
                if (found := self._ask(question)) is not None:
                    return Metadata.from_json(taken(found, path))
                self._end()
        raise RuntimeError("the reader of metadata broke off")

    def close(self) -> None:
        """End the process."""
        with self._one_at_a_time:
            self._end()

    def _ask(self, question: bytes) -> bytes | None:
        """One line of answer; None where the process is no more, or is silent."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "submission.reader"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=environment(), start_new_session=True, bufsize=0,
            )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(question)
        except BrokenPipeError:
            return None
        stop = time.monotonic() + self._limits.wall + _STARTING
        pipe = self._process.stdout.fileno()
        waiting = select.poll()
        waiting.register(pipe, select.POLLIN)
        found = b""
        while not found.endswith(b"\n"):
            if not waiting.poll(max(0.0, stop - time.monotonic()) * 1000) or not (more := os.read(pipe, 1 << 16)):
                return None
            found += more
        return found

    def _end(self) -> None:
        if self._process is not None:
            with self._process as ending:  # closes its pipes and waits for it
                ending.kill()
            self._process = None


def main() -> None:
    """Answer a line of standard input, a path and limits, by a line of standard output, until there are no more."""
    for line in sys.stdin.buffer:
        path, memory, cpu, wall = json.loads(line)
        limits = Limits(memory, cpu, wall)

        def read(path: str = path, limits: Limits = limits) -> object:
            return guarded(lambda: read_metadata(path).to_json(), path, limits)

        sys.stdout.buffer.write(answer(read) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
