"""Everything that was written, as JSON lines in a private dataset repository on the Hub, and the files beside them.

``journal/00000001.jsonl`` and so on hold the lines; the last of them grows until it is a mebibyte. Every commit adds to
it a line that names the commit, and names its parent: of two processes that write at once one is refused, reads what
the other wrote, and thinks again. So each commit is all or nothing, and none is lost.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from huggingface_hub import CommitOperationAdd, RepoFile, get_session
from huggingface_hub.errors import HfHubHTTPError, RemoteEntryNotFoundError

from agroflux_data.errors import AgrofluxError
from agroflux_data.hub import Home
from leaderboard.store.budget import Budget
from leaderboard.store.tables import Line

__all__ = ["Journal", "Moved", "Throttled", "Unreachable"]

_DATASET = "dataset"
_SEGMENT = 1 << 20
"""Bytes after which a segment of the journal is full: it is sent again whole with every commit."""
_PATIENCE = 120.0
"""Seconds of silence after which a connection to the Hub counts as broken; the library would wait for ever."""
_PAUSE = 60.0
"""Seconds without a commit after the Hub said that there were too many, unless it names another time."""


class Moved(Exception):
    """Somebody else has written meanwhile."""


class Unreachable(Exception):
    """The Hub gave no answer, or an error of its own: whether it took the commit is not known."""


class Throttled(Exception):
    """The Hub takes no more commits for now.

    Attributes
    ----------
    seconds : float
    """

    def __init__(self, seconds: float):
        super().__init__(f"for {seconds:.0f} s")
        self.seconds = seconds


class Journal:
    """The journal of one repository. Only one thread may use it.

    Parameters
    ----------
    home : Home
        The repository, and who speaks to it.
    folder : Path
        Where downloads go.
    budget : Budget
        On it are counted the commits that were made here and, as they are read, those of others.
    """

    def __init__(self, home: Home, folder: Path, budget: Budget):
        self._home, self._folder, self._budget = home, folder, budget
        self._head: str | None = None
        self._number, self._last = 0, b""
        self._known: set[str] = set()

    def open(self, existing: bool) -> None:
        """Make the repository, unless it is there or has to be; raises `AgrofluxError` for one that is public."""
        with self._home.talking():
            if existing:
                self._home.refuse_public("nothing was read")
            else:
                self._home.open(private=True)

    def read(self) -> list[Line]:
        """The lines that were not read before.

        Raises
        ------
        Unreachable
        AgrofluxError
            The repository holds another thing than a journal, or cannot be read by this token.
        """
        with _talking():
            head = self._home.api.dataset_info(self._home.id).sha
            if head == self._head:
                return []
            try:
                tree = list(self._home.api.list_repo_tree(self._home.id, "journal", revision=head, repo_type=_DATASET))
            except RemoteEntryNotFoundError:
                tree = []
            # The number of each is in its name, so that a missing one is found out.
            numbers = sorted(int(Path(one.path).stem) for one in tree if isinstance(one, RepoFile))
            if numbers != list(range(1, len(numbers) + 1)) or len(numbers) < self._number:
                raise self._broken("segments 1, 2, 3, ...", numbers)
            found: list[bytes] = []
            last = self._last
            for number in range(max(1, self._number), len(numbers) + 1):
                text = Path(
                    self._home.api.hf_hub_download(
                        self._home.id, _name(number), revision=head, repo_type=_DATASET, local_dir=self._folder
                    )
                ).read_bytes()
                known = self._last if number == self._number else b""
                if not text.startswith(known):
                    raise self._broken("a journal that only grows", f"segment {number} was changed")
                found += text[len(known) :].splitlines()
                last = text
        lines = []
        for line in map(self._parse, found):
            if line["line"] != "commit":
                lines.append(line)
            elif line["name"] not in self._known:
                self._known.add(line["name"])
                self._budget.spend(datetime.fromisoformat(line["at"]).timestamp())
        # Only now, when all of it is here: what broke off in the middle is read again.
        self._head, self._number, self._last = head, len(numbers), last
        return lines

    def has(self, commit: str) -> bool:
        """Whether a commit of this name was read or made."""
        return commit in self._known

    def commit(self, name: str, lines: Iterable[Line], files: Mapping[str, Path]) -> None:
        """Write lines and files, all or none.

        Parameters
        ----------
        name : str
            Of the commit; another one for each.
        lines : iterable of Line
        files : mapping of str to Path
            By hash.

        Raises
        ------
        Moved, Throttled, Unreachable
        AgrofluxError
            The Hub refuses it, as it would the next time.
        """
        noted = {"line": "commit", "name": name, "at": datetime.now(UTC).isoformat()}
        added = b"".join(json.dumps(line, allow_nan=False).encode() + b"\n" for line in (noted, *lines))
        number, text = (
            (self._number, self._last) if 0 < len(self._last) < _SEGMENT else (self._number + 1, b"")
        )  # fmt: skip
        operations = [CommitOperationAdd(_name(number), text + added)]
        operations += [
            CommitOperationAdd(f"files/{sha256[:2]}/{sha256}.parquet", path) for sha256, path in files.items()
        ]
        try:
            with _talking():
                made = self._home.api.create_commit(
                    self._home.id, operations, repo_type=_DATASET, parent_commit=self._head,
                    commit_message=f"{len(files)} submissions" if files else "records",
                )  # fmt: skip
        except Unreachable:
            self._budget.spend(time.time())
            raise
        self._budget.spend(time.time())
        self._known.add(name)
        self._head, self._number, self._last = made.oid, number, text + added

    def fetch(self, sha256: str, place: Path) -> None:
        """Bring a submitted file to a place; raises `Unreachable`, or `RemoteEntryNotFoundError` where there is none.

        Unlike the rest, any thread may call this at any time.
        """
        name = f"files/{sha256[:2]}/{sha256}.parquet"
        folder = self._folder / secrets.token_hex(4)
        try:
            with _talking():
                fetched = self._home.api.hf_hub_download(self._home.id, name, repo_type=_DATASET, local_dir=folder)
            place.parent.mkdir(exist_ok=True, mode=0o700)
            os.replace(fetched, place)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _parse(self, text: bytes) -> Line:
        try:
            line = json.loads(text)
            assert isinstance(line["line"], str)
        except (ValueError, TypeError, KeyError, AssertionError):
            raise self._broken("lines that the leaderboard wrote", text[:80].decode(errors="replace")) from None
        return dict(line)

    def _broken(self, expected: str, came: object) -> AgrofluxError:
        return AgrofluxError("not a store", expected=expected, came=came, where=self._home.id)


def _name(number: int) -> str:
    return f"journal/{number:08d}.jsonl"


@contextmanager
def _talking() -> Iterator[None]:
    """Tell apart what the Hub may say, for who decides whether to try again."""
    get_session().timeout = _PATIENCE
    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status == 412:
            raise Moved from None
        if status == 429:
            said = error.response.headers.get("retry-after", "")
            raise Throttled(float(said) if said.isdigit() else _PAUSE) from None
        if status >= 500 or status == 408:
            raise Unreachable(f"it answered {status}") from None
        if isinstance(error, RemoteEntryNotFoundError):
            raise
        raise AgrofluxError("refused by the Hub", expected="a token that may write there", came=status) from None
    except AgrofluxError:
        raise
    except Exception as error:
        # The text may hold an address with its parameters: the kind is enough.
        raise Unreachable(type(error).__name__) from None
