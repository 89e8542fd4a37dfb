"""The processes that train together: those that torchrun or accelerate started, or this one alone."""

from __future__ import annotations

import torch
from accelerate import PartialState

__all__ = ["this_process"]


def this_process() -> PartialState:
    """Which of the processes this is; the first call lets them find each other."""
    # Unless it is told that there is no accelerator, the library takes each process on a CPU for one alone.
    return PartialState(cpu=not torch.accelerator.is_available())
