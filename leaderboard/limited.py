"""Run a module of the kit under limits: ``python -m leaderboard.limited MEMORY CPU MODULE [ARGUMENT ...]``.

The limits are set here, in the child itself, because code that runs between fork and exec of a threaded server may
deadlock.
"""

from __future__ import annotations

import ctypes
import os
import resource
import runpy
import signal
import sys

__all__ = ["OUT_OF_MEMORY", "main"]

OUT_OF_MEMORY = 77
"""Exit code of a child that reached its memory limit."""
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Set the limits and become the module.

    Parameters
    ----------
    arguments : list of str
        Address space in bytes, CPU time in seconds, the module and its arguments.
    """
    memory, cpu, module, *rest = arguments
    _die_with_parent()
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu), int(cpu) + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.argv = [module, *rest]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except MemoryError:
        # Not sys.exit: with the memory gone, the interpreter's own end might fail and hide the reason.
        os._exit(OUT_OF_MEMORY)


if __name__ == "__main__":
    main(sys.argv[1:])
