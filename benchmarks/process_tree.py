"""A command and every process that it starts, watched from outside: memory and busy time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Usage", "resident", "watch"]

_INTERVAL = 0.1
"""Seconds: the search for processes takes milliseconds itself."""


@dataclass(frozen=True)
class Usage:
    """What a command and the processes under it took.

    Attributes
    ----------
    peak : int
        Bytes of resident memory of all processes together, at the worst moment; what they share counts for each.
    largest : int
        The same of the largest process alone.
    busy : tuple of float
        CPU seconds of each process, all its threads together; that of the command itself first.
    """

    peak: int
    largest: int
    busy: tuple[float, ...]


def watch(name: str, arguments: Sequence[str]) -> Usage:
    """Run one of our commands to its end and look at its processes ten times a second.

    Raises
    ------
    subprocess.CalledProcessError
        The command failed.
    """
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    peak = largest = 0
    busy: dict[int, float] = {}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        root = psutil.Process(running.pid)
        while running.poll() is None:
            resident = []
            for process in _tree(root):
                try:
                    with process.oneshot():
                        resident.append(process.memory_info().rss)
                        spent = process.cpu_times()
                except psutil.NoSuchProcess:
                    continue
                busy[process.pid] = spent.user + spent.system
            peak, largest = max(peak, sum(resident)), max([largest, *resident])
            time.sleep(_INTERVAL)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command)
    return Usage(peak, largest, tuple(busy.values()))


def resident(pid: int) -> int:
    """Bytes of resident memory of a process and all under it; what they share counts for each."""
    found = 0
    for process in _tree(psutil.Process(pid)):
        try:
            found += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return found


def _tree(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
