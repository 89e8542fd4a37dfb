"""How the C library hands out memory, which decides half the speed of recurrent models on a CPU."""

from __future__ import annotations

import ctypes
import platform

__all__ = ["keep_large_blocks"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST = 2**31 - 1


def keep_large_blocks() -> None:
    """Make glibc keep freed blocks instead of giving each back to the system.

    By default every block above 32 MiB or so comes fresh from the kernel and is zeroed page by page; a layer over
    365 days asks for such blocks in each step. Kept, LSTM training is 1.6 to 2.5 times as fast. Without glibc
    nothing happens.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST)
        libc.mallopt(_M_TRIM_THRESHOLD, _LARGEST)
