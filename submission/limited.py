"""Run a module of the kit under limits: ``python -m submission.limited PARENT MEMORY CPU MODULE [ARGUMENT ...]``.

The limits are set here, in the child itself, because code that runs between fork and exec of a threaded server may
deadlock.
"""

from __future__ import annotations

import os
import runpy
import sys

from submission.child import OUT_OF_MEMORY, impose

__all__ = ["main"]

_NICE = 10
"""Such work waits for nobody; those who talk to the server do, and come first."""


def main(arguments: list[str]) -> None:
    """Set the limits and become the module.

    Parameters
    ----------
    arguments : list of str
        Id of the process to end with, memory in bytes beside what the kit takes itself, CPU time in seconds, the
        module and its arguments.
    """
    parent, memory, cpu, module, *rest = arguments
    impose(int(parent), int(memory), int(cpu))
    os.nice(_NICE)
    sys.argv = [module, *rest]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except MemoryError:
        # Not sys.exit: with the memory gone, the interpreter's own end might fail and hide the reason.
        os._exit(OUT_OF_MEMORY)


if __name__ == "__main__":
    main(sys.argv[1:])
