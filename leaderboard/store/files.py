"""The submitted files, under their hash."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from leaderboard.store.records import Staged, TooLarge

__all__ = ["Files"]

_CHUNK = 1 << 20


class Files:
    """Files in a folder that is closed to others.

    Parameters
    ----------
    folder : Path
        It is there; ``files``, ``incoming`` and ``uploads`` are made in it.
    """

    def __init__(self, folder: Path):
        self._folder, self._files, self._incoming = folder, folder / "files", folder / "incoming"
        self._files.mkdir(exist_ok=True, mode=0o700)
        self._incoming.mkdir(exist_ok=True, mode=0o700)
        for left in self._incoming.iterdir():
            # Copies that broke off with their process; a day is longer than any copy takes.
            if left.stat().st_mtime < time.time() - 86400:
                left.unlink(missing_ok=True)

    def uploads(self) -> Path:
        """An empty folder for uploads that are on their way to `stage`; what a server that died left there goes."""
        folder = self._folder / "uploads"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder.resolve()

    @contextmanager
    def stage(self, source: BinaryIO, limit: int) -> Iterator[Staged]:
        """See `Store.stage`."""
        path = self._incoming / secrets.token_hex(16)
        try:
            digest, size = hashlib.sha256(), 0
            with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as copy:
                while chunk := source.read(_CHUNK):
                    size += len(chunk)
                    if size > limit:
                        raise TooLarge("the file is too large", expected=f"at most {limit / 1e6:.1f} MB")
                    digest.update(chunk)
                    copy.write(chunk)
                copy.flush()
                os.fsync(copy.fileno())
            yield Staged(path, digest.hexdigest(), size)
        finally:
            path.unlink(missing_ok=True)

    def place(self, sha256: str) -> Path:
        """Where the file of a hash lies, or would."""
        return self._files / sha256[:2] / f"{sha256}.parquet"

    def keep(self, staged: Staged) -> None:
        """Move a staged file to its place, durably."""
        place = self.place(staged.sha256)
        place.parent.mkdir(exist_ok=True, mode=0o700)
        os.replace(staged.path, place)
        _sync(place.parent)
        _sync(self._files)


def _sync(folder: Path) -> None:
    """Make the names in a folder durable: fsync of a file says nothing of its name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
