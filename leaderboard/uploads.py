"""Files that were uploaded and not yet submitted: few, not for long, and each in a place that nobody can guess."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

__all__ = ["NoRoomError", "Uploads"]

_MOST = 1000
"""Files that may wait at once."""
_KEPT, _KEPT_IN_NEED = 3600.0, 300.0
"""Seconds that a file waits for its submission; the second where others need the room."""
_LONGEST_NAME = 60
"""Characters: as bytes they must fit into a file name."""


class NoRoomError(Exception):
    """Too much is waiting already."""


@dataclass(frozen=True)
class _Waiting:
    size: int
    since: float


class Uploads:
    """The folder of uploads, and how much may wait in it.

    Whoever knows the path of an upload can submit it, so the path is a secret: random, and told to the sender alone.

    Parameters
    ----------
    folder : Path
        Used by this object alone.
    room : int
        Bytes that may wait at once, with those that are on their way.
    """

    def __init__(self, folder: Path, room: int):
        self._folder, self._room = folder.resolve(), room
        self._coming: dict[str, int] = {}
        self._waiting: dict[str, _Waiting] = {}

    @contextmanager
    def reserve(self, size: int) -> Iterator[str]:
        """Room for a file of at most so many bytes; gives the name of its place. Raises `NoRoomError`."""
        self._clear(size)
        place = secrets.token_hex(16)
        self._coming[place] = size
        try:
            yield place
        finally:
            del self._coming[place]

    def keep(self, place: str, source: BinaryIO, name: str) -> Path:
        """Copy a file to its place; of the name only what cannot mislead is kept."""
        home = self._folder / place
        home.mkdir(mode=0o700)
        path = home / _harmless(name)
        try:
            with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise
        self._waiting[place] = _Waiting(path.stat().st_size, time.monotonic())
        return path

    def has(self, path: object) -> bool:
        """Whether this is the path of a file that waits here, as `keep` gave it."""
        if not isinstance(path, str) or "\0" in path:
            return False
        # Compared as text: a path of another spelling was not given by us, and nothing outside is looked at.
        folder, _, name = path.rpartition("/")
        home, _, place = folder.rpartition("/")
        return home == str(self._folder) and place in self._waiting and bool(name) and os.path.isfile(path)

    def _clear(self, size: int) -> None:
        """Forget what has been submitted, remove what is old, and see whether there is room."""
        self._sweep()
        for kept in (_KEPT, _KEPT_IN_NEED):
            oldest = time.monotonic() - kept
            for place, waiting in list(self._waiting.items()):
                home = self._folder / place
                if waiting.since < oldest:
                    shutil.rmtree(home, ignore_errors=True)
                if not home.is_dir():
                    del self._waiting[place]
            taken = sum(self._coming.values()) + sum(waiting.size for waiting in self._waiting.values())
            if taken + size <= self._room and len(self._coming) + len(self._waiting) < _MOST:
                return
        raise NoRoomError

    def _sweep(self) -> None:
        """Remove the empty files that Gradio makes beside the places, one with each call, and forgets."""
        with os.scandir(self._folder) as found:
            for one in found:
                if one.is_file(follow_symlinks=False):
                    Path(one).unlink(missing_ok=True)


def _harmless(name: str) -> str:
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[^\w.\- ]", "_", last).strip(". ")[-_LONGEST_NAME:] or "predictions"
