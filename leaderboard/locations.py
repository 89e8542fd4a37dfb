"""Where a host keeps a release and its targets: a local folder, or a dataset repository on the Hub.

``hf://datasets/ORG/NAME@REVISION`` is brought to a folder that only its owner can read, compared with the SHA-256 of
each file, and used from there ever after: a commit's full name needs no connection once it is there.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from huggingface_hub import HfApi, constants
from huggingface_hub.utils import WeakFileLock, disable_progress_bars

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.hub import Home
from agroflux_data.release import SECRET, Release, Targets

__all__ = ["Address", "hidden_targets", "is_remote", "release"]

_SCHEME = "hf://"
_REMOTE = re.compile(r"(?:hf://datasets/)?(?P<id>[^/@\s]+/[^/@\s]+)(?:@(?P<revision>[^\s@]+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")

Folder = TypeVar("Folder", bound=Release | Targets)


def is_remote(place: str | Path) -> bool:
    """Whether a place is on the Hub."""
    return str(place).startswith(_SCHEME)


@dataclass(frozen=True)
class Address:
    """A dataset repository on the Hub, perhaps at a revision.

    Attributes
    ----------
    id : str
        ORG/NAME.
    revision : str or None
        A tag, a branch or a commit; None for the newest.

    Examples
    --------
    >>> str(Address.from_text("hf://datasets/fluxes/agroflux@v1.0.0"))
    'hf://datasets/fluxes/agroflux@v1.0.0'
    """

    id: str
    revision: str | None = None

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The address that a text spells, or a plain ORG/NAME; raises `AgrofluxError` for one that is none."""
        match = _REMOTE.fullmatch(text)
        if match is None:
            raise AgrofluxError("not an address", expected="hf://datasets/ORG/NAME or .../NAME@REVISION", came=text)
        return cls(match["id"], match["revision"])

    def __str__(self) -> str:
        return f"hf://datasets/{self.id}" + (f"@{self.revision}" if self.revision else "")

    def home(self, api: HfApi | None = None) -> Home:
        """Its repository, spoken to with the token of whoever runs this."""
        return Home(self.id, api or HfApi())


def release(place: str | Path) -> Release:
    """The public folder of a release, wherever it is; raises `AgrofluxError`."""
    return _fetched(Address.from_text(str(place)), Release) if is_remote(place) else Release(place)


def hidden_targets(of: Release, data: str | Path, place: str | Path | None) -> Targets:
    """The hidden targets of a release.

    Parameters
    ----------
    of : Release
    data : str or Path
        Where the release is, as the host named it.
    place : str, Path or None
        Where its targets are. By default those beside it: ``NAME-targets``, on the Hub at the tag of its version.

    Raises
    ------
    AgrofluxError
        They are not there, belong to another revision, or everyone can read them.
    """
    if place is None and is_remote(data):
        place = str(Address(Address.from_text(str(data)).id + "-targets", of.version.tag))
    if place is None or not is_remote(place):
        return Targets.of(of, place)
    return Targets.of(of, _fetched(Address.from_text(str(place)), Targets).path)


def _fetched(address: Address, kind: type[Folder]) -> Folder:
    """A folder in the cache, fetched if it is not there."""
    cache = Path(constants.HF_HOME) / "agroflux"
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    cache.chmod(0o700)
    known = cache / f"datasets--{address.id.replace('/', '--')}"
    if address.revision is not None and _COMMIT.fullmatch(address.revision):
        # Named by its content, and renamed to its place only when it was whole.
        kept = known / address.revision
        if kept.is_dir():
            return kind(kept)
    if not console.messages.is_terminal:
        disable_progress_bars()  # a server's log is no place for them
    home = address.home()
    with home.talking():
        if kind is Targets:
            home.refuse_public("they are not used")
        commit = home.api.dataset_info(home.id, revision=address.revision).sha
    kept = known / str(commit)
    known.mkdir(exist_ok=True, mode=0o700)
    with WeakFileLock(cache / f"{known.name}.lock"):
        if not kept.is_dir():
            with home.talking():
                folder = home.fetch(kind, commit, known, ".fetching")
            if kind is Targets:
                (folder.path / SECRET).chmod(0o600)
                folder.path.chmod(0o700)
            os.rename(folder.path, kept)
    return kind(kept)
