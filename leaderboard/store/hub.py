"""A store in a private dataset repository on the Hub."""

from __future__ import annotations

import logging
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from huggingface_hub import HfApi
from huggingface_hub.errors import RemoteEntryNotFoundError

from agroflux_data.errors import AgrofluxError
from agroflux_data.hub import Home
from leaderboard.store.budget import Budget
from leaderboard.store.files import Files
from leaderboard.store.journal import Journal, Moved, Throttled, Unreachable
from leaderboard.store.reads import Reads
from leaderboard.store.records import Busy, Edit, Event, Half, Lease, Result, Staged, Submission
from leaderboard.store.tables import Line, Tables, Writer, refuse_unfit

__all__ = ["HubStore", "Pace"]

Outcome = TypeVar("Outcome")

_TRIES = 8
"""How often a commit is tried anew because others wrote meanwhile."""
_LARGEST = 256 << 20
"""Bytes of files in one commit, beside its first."""
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 60.0
"""Seconds without a commit after the Hub did not answer; twice as many each time."""
_RESTART = 30.0
"""Seconds that a server takes to come back, for who wants to write while it ends."""
_FOR_EVER = 1e9

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How long things wait for company, in seconds, so that one commit takes many of them.

    Attributes
    ----------
    gather : float
        From the first sender who waits for a receipt to the commit; three times as long when few commits are left.
    patience : float
        A sender waits this long for a commit to be allowed; who would wait longer is told when to come again.
    answer : float
        A sender whose commit takes longer than this is told to come again; the same file gets the same receipt.
    results : float
        A result waits this long for a commit of its own; it goes with any that comes before.
    late : float
        The same when few commits are left.
    few : int
        So many commits left are few.
    look : float
        How often to look for what other processes wrote.
    """

    gather: float = 1.0
    patience: float = 3.0
    answer: float = 30.0
    results: float = 20.0
    late: float = 120.0
    few: int = 12
    look: float = 60.0


@dataclass
class _Wish:
    """Something to be written, with the next commit.

    Attributes
    ----------
    act : callable
        Writes it, or raises what is wrong with it.
    urgent : bool
        Whether somebody waits for it.
    file : Staged or None
        Goes along.
    since : float
        On the monotonic clock.
    """

    act: Callable[[Writer], Any]
    urgent: bool
    file: Staged | None = None
    since: float = field(default_factory=time.monotonic)
    done: threading.Event = field(default_factory=threading.Event)
    outcome: Any = None
    error: BaseException | None = None
    given_up: bool = False


class _Undo(Exception):
    pass


class HubStore(Reads):
    """A store in a private dataset repository, for a Space, whose own disk is lost with every restart.

    All that was written is a journal there (`leaderboard.store.journal`), and this process holds a copy of the records
    that it reads from. One thread writes: it gathers what came within a second or so, finds out against the copy what
    would come of it, commits that with its files, and only then lets it be seen and answers. Results wait longer for
    company, since nobody's receipt depends on them; until their commit they are not there, so that a crash means to
    score again.

    The copy is made anew at the start. Leases are in it alone: a restart frees them all at once, and of two processes
    that score the same the first to commit its result is right, and the other's is dropped.

    Parameters
    ----------
    repository : str
        ORG/NAME; made, privately, where it is missing.
    api : HfApi, optional
        Who speaks to the Hub; by default with HF_TOKEN.
    pace : Pace
    budget : Budget, optional
    existing : bool
        Whether the repository has to be there; if not, it is made.

    Raises
    ------
    AgrofluxError
        The repository is public, is no store, or is out of reach.
    """

    def __init__(
        self, repository: str, api: HfApi | None = None, pace: Pace = Pace(), budget: Budget | None = None,
        existing: bool = False,
    ):  # fmt: skip
        self.repository = repository
        self._home = Home(repository, api or HfApi())
        self._pace, self._budget = pace, budget or Budget()
        self._own = tempfile.TemporaryDirectory(prefix="agroflux-leaderboard-")
        folder = Path(self._own.name)
        self._files, self._tables = Files(folder), Tables(folder / "records.sqlite", durable=False)
        self._journal = Journal(self._home, folder / "fetched", self._budget)
        self._wishes: list[_Wish] = []
        self._behind: list[Line] = []
        self._changed = threading.Condition()
        self._hurried = self._serving = self._closing = False
        self._stale, self._looked, self._pause = False, time.monotonic(), _FIRST_PAUSE
        self._journal.open(existing)
        try:
            self._read()
        except (Unreachable, Throttled) as error:
            raise AgrofluxError("the Hub did not answer", expected="a connection", came=str(error)) from None
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    # What is written.

    def add(
        self, staged: Staged, *, owner: str, task: str, model: str, metadata: dict[str, Any], revision: str,
        quota: int | None,
    ) -> tuple[Submission, bool]:  # fmt: skip
        """See `Store.add`; raises `Busy` too."""
        known = self._tables.same(staged.sha256, owner, task, revision)
        if known is not None:
            return known, False
        self._tables.refuse_beyond(quota, owner, task)
        self._refuse_when_busy()
        self._files.keep(staged)
        return self._wish(
            lambda writer: writer.add(staged, owner, task, model, metadata, revision, quota), staged
        )  # fmt: skip

    def request(self, ids: Iterable[str], half: Half = Half.PUBLIC) -> int:
        """See `Store.request`; raises `Busy` too."""
        asked = list(ids)
        return self._wish(lambda writer: writer.request(asked, Half(half)))

    def withdraw(self, id: str) -> None:
        """See `Store.withdraw`; raises `Busy` too."""
        self._wish(lambda writer: writer.withdraw(id))

    def edit(self, id: str, metadata: dict[str, Any]) -> Edit:
        """See `Store.edit`; raises `Busy` too."""
        return self._wish(lambda writer: writer.edit(id, metadata))

    def record(self, kind: str, data: dict[str, Any], submission: str | None = None) -> Event:
        """See `Store.record`; raises `Busy` too."""
        return self._wish(lambda writer: writer.record(kind, data, submission))

    def finish(self, lease: Lease, result: Result) -> bool:
        """See `Store.finish`; the result is there with one of the next commits."""
        refuse_unfit(result, lease)
        # From here on the lease is held for the commit, and the worker cannot finish it again.
        held = self._tables.pass_on(lease, _FOR_EVER)
        if held is None:
            return False
        self._put(_Wish(lambda writer: writer.finish(held, result), urgent=False))
        return True

    def flush(self, seconds: float = 120.0) -> None:
        """See `Store.flush`; gives up after some time."""
        stop = time.monotonic() + seconds
        with self._changed:
            while (self._wishes or self._serving) and (left := stop - time.monotonic()) > 0:
                self._hurried = True
                self._changed.notify_all()
                self._changed.wait(min(left, 1.0))

    def close(self, seconds: float = 20.0) -> None:
        """See `Store.close`."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(seconds)

    # Leases, in this process's copy alone.

    def lease(self, seconds: float) -> Lease | None:
        """See `Store.lease`."""
        return self._tables.lease(seconds)

    def renew(self, lease: Lease, seconds: float) -> bool:
        """See `Store.renew`."""
        return self._tables.renew(lease, seconds)

    def release(self, lease: Lease) -> None:
        """See `Store.release`."""
        self._tables.release(lease)

    # What is read.

    def uploads(self) -> Path:
        """See `Store.uploads`."""
        return self._files.uploads()

    def stage(self, source: BinaryIO, limit: int) -> AbstractContextManager[Staged]:
        """See `Store.stage`."""
        return self._files.stage(source, limit)

    def path(self, submission: Submission) -> Path:
        """See `Store.path`; a file that is not here is fetched. Raises `Busy` where the Hub does not answer."""
        place = self._files.place(submission.sha256)
        if not place.is_file():
            try:
                self._journal.fetch(submission.sha256, place)
            except (Unreachable, Throttled):
                raise Busy(_FIRST_PAUSE) from None
            except RemoteEntryNotFoundError:
                _log.error("%s: its file is missing in the repository", submission.id)
        return place

    # The thread that writes.

    def _refuse_when_busy(self) -> None:
        """Raise `Busy` where the next commit is too far away to wait for it."""
        now = time.time()
        wait = self._budget.free(now) - now
        if wait > self._pace.patience:
            raise Busy(wait)

    def _wish(self, act: Callable[[Writer], Outcome], file: Staged | None = None) -> Outcome:
        """Have something written, and wait until it is."""
        self._refuse_when_busy()
        wish = _Wish(act, urgent=True, file=file)
        self._put(wish)
        if not wish.done.wait(self._pace.answer):
            wish.given_up = True
            raise Busy(self._pace.answer)
        if wish.error is not None:
            raise wish.error
        return cast(Outcome, wish.outcome)

    def _put(self, wish: _Wish) -> None:
        with self._changed:
            if self._closing and wish.urgent:
                raise Busy(_RESTART)
            self._wishes.append(wish)
            self._changed.notify_all()

    def _run(self) -> None:
        while (wishes := self._next()) is not None:
            try:
                self._serve(wishes)
            except Exception as error:
                # Nobody may wait for ever, whatever breaks. Another error's text might quote what was sent.
                said = str(error) if isinstance(error, AgrofluxError) else type(error).__name__
                _log.error("writing to the store met %s", said)
                self._put_off(wishes, self._pause)
            with self._changed:
                self._serving = False
                self._changed.notify_all()

    def _next(self) -> list[_Wish] | None:
        """What the next commit takes, once it is time for it; None at the end."""
        with self._changed:
            while True:
                self._wishes = [wish for wish in self._wishes if not wish.given_up]
                now = time.monotonic()
                if self._closing and not self._wishes:
                    return None
                due = self._due() if self._wishes else self._looked + self._pace.look
                if due <= now:
                    taken = self._fitting()
                    self._wishes = self._wishes[len(taken) :]
                    self._hurried, self._serving = False, True
                    return taken
                self._changed.wait(due - now)

    def _due(self) -> float:
        """When the next commit goes, on the monotonic clock."""
        now = time.time()
        wait = self._budget.free(now) - now
        few = self._budget.left(now) < self._pace.few
        urgent = [wish.since for wish in self._wishes if wish.urgent]
        gather = self._pace.gather * (3 if few else 1)
        due = min(wish.since for wish in self._wishes) + (self._pace.late if few else self._pace.results)
        if urgent:
            due = min(due, urgent[0] + gather)
        if self._closing or self._hurried:
            due = 0.0
        return max(due, time.monotonic() + wait) if wait > 0 else due

    def _fitting(self) -> list[_Wish]:
        """The first of what waits, as much as one commit takes."""
        size = 0
        for number, wish in enumerate(self._wishes):
            size += wish.file.size if wish.file is not None else 0
            if number and size > _LARGEST:
                return self._wishes[:number]
        return self._wishes[:]

    def _serve(self, wishes: list[_Wish]) -> None:
        """Have the wishes written, all at once, or put them off."""
        name, silent = secrets.token_hex(8), False
        for _ in range(_TRIES):
            try:
                self._write(name, wishes)
            except Moved:
                self._stale = True
            except Unreachable as error:
                _log.warning("the Hub does not answer: %s", error)
                # It may have taken the commit all the same: reading it says whether it did.
                self._stale = True
                if silent:
                    break
                silent = True
            except Throttled as error:
                _log.warning("the Hub takes no more commits %s", error)
                self._put_off(wishes, error.seconds)
                return
            else:
                self._pause = _FIRST_PAUSE
                self._answer(wishes)
                return
        self._put_off(wishes, self._pause)

    def _write(self, name: str, wishes: list[_Wish]) -> None:
        self._catch_up()
        if self._stale or not wishes:
            self._read()
        if self._journal.has(name):
            return
        lines = self._decide(wishes)
        if lines:
            self._journal.commit(name, lines, self._going(wishes))
            self._behind += lines
            self._catch_up()

    def _read(self) -> None:
        """Take over what was written since the last time."""
        self._looked = time.monotonic()
        self._behind += self._journal.read()
        self._catch_up()
        self._stale = False

    def _catch_up(self) -> None:
        """Bring the copy to where the journal is; what it could not take, on a full disk say, it takes next time."""
        if self._behind:
            with self._tables.write() as writer:
                for line in self._behind:
                    writer.apply(line)
            self._behind = []

    def _decide(self, wishes: list[_Wish]) -> list[Line]:
        """What would be written, against the copy as it is; nothing is yet."""
        lines: list[Line] = []
        try:
            with self._tables.write() as writer:
                for wish in wishes:
                    wish.outcome = wish.error = None
                    try:
                        with writer.attempt():
                            wish.outcome = wish.act(writer)
                    except Exception as error:
                        wish.error = error
                lines = writer.lines
                raise _Undo
        except _Undo:
            return lines

    def _going(self, wishes: list[_Wish]) -> dict[str, Path]:
        """The files of submissions that are new."""
        return {
            wish.file.sha256: self._files.place(wish.file.sha256)
            for wish in wishes
            if wish.file is not None and wish.error is None and wish.outcome[1]
        }

    def _answer(self, wishes: list[_Wish]) -> None:
        for wish in wishes:
            if wish.error is not None and not wish.urgent:
                _log.error("a result was refused: %s", type(wish.error).__name__)
            wish.done.set()

    def _put_off(self, wishes: list[_Wish], seconds: float) -> None:
        """Write nothing for some time, and tell who waits to come again then; results go with the next commit."""
        if not wishes:
            return
        now = time.time()
        self._stale = True
        self._budget.block(now + seconds)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        for wish in wishes:
            wish.outcome, wish.error = None, Busy(max(1.0, self._budget.free(now) - now))
            if wish.urgent:
                wish.done.set()
        with self._changed:
            self._wishes[:0] = [wish for wish in wishes if not wish.urgent]
