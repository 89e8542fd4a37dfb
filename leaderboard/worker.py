"""The one background worker: it leases submissions, has each scored in a child process, and writes the results."""

from __future__ import annotations

import logging
import threading
import time

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets
from leaderboard.child import SCORING, Verdict, score
from leaderboard.store import Entry, Lease, Result, State, Store
from submission.child import Limits
from submission.scoring import SCORER

__all__ = ["Worker"]

_ATTEMPTS = 20
"""How often a submission is begun before it counts as failed: one that ends the whole machine must not do so for ever,
and one that was only unlucky when the server was restarted must not fail."""
_POLL = 2.0
"""Seconds between looks at the store for submissions that another process received."""

_log = logging.getLogger(__name__)


class Worker:
    """Scores what the store holds, oldest first.

    A lease is renewed while its child runs. When the worker dies, the lease expires and the submission is taken up
    again; a worker that was only asleep finds its lease lost and drops its result, so that nothing is scored twice.

    Parameters
    ----------
    store : Store
    release : Release
    targets : Targets
        Only their folder and revision are used here: the values are read by the child alone.
    limits : Limits
    lease_seconds : float
        How long a lease lasts unless it is renewed, so how long a crash delays a submission.
    """

    def __init__(
        self, store: Store, release: Release, targets: Targets, limits: Limits = SCORING,
        lease_seconds: float = 60.0,
    ):  # fmt: skip
        self._store, self._lease_seconds = store, lease_seconds
        self._release, self._targets, self._revision = release.path, targets.path, release.revision
        self._limits = limits
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def step(self) -> bool:
        """Score one submission; False where none is waiting."""
        lease = self._store.lease(self._lease_seconds)
        if lease is None:
            return False
        begun = time.monotonic()
        verdict = self._judge(lease)
        if verdict is None:
            self._store.release(lease)
            return True
        result = Result(
            verdict.state, self._revision, SCORER, verdict.reason, verdict.faults, verdict.scores, half=lease.half
        )
        written = self._store.finish(lease, result)
        _log.info(
            "%s: %s after %.1f s%s", lease.submission.id, verdict.state, time.monotonic() - begun,
            "" if written else ", dropped: the lease was lost",
        )  # fmt: skip
        return True

    def _judge(self, lease: Lease) -> Verdict | None:
        submission = lease.submission
        if lease.attempt > _ATTEMPTS:
            return Verdict(State.FAILED, "Scoring broke off several times. The fault is ours and does not count.")
        if submission.revision != self._revision:
            return Verdict(State.FAILED, "The data were replaced before this was scored. It does not count.")
        file = self._store.path(submission)
        if not file.is_file():
            _log.error("%s: its file is missing in the store", submission.id)
            return Verdict(State.FAILED, "The file was lost here. The fault is ours and does not count.")
        renewed = time.monotonic()

        def alive() -> bool:
            nonlocal renewed
            if self._stop.is_set():
                return False
            if time.monotonic() - renewed > self._lease_seconds / 3:
                renewed = time.monotonic()
                return self._store.renew(lease, self._lease_seconds)
            return True

        verdict = score(file, self._release, self._targets, self._limits, alive, lease.half)
        if verdict is not None and verdict.scores is not None and verdict.scores.get("sha256") != submission.sha256:
            _log.error("%s: its file in the store is not what was received", submission.id)
            return Verdict(State.FAILED, "The file was damaged here. The fault is ours and does not count.")
        return verdict

    def drain(self) -> None:
        """Score until nothing waits."""
        while not self._stop.is_set() and self.step():
            pass

    def finish(self, id: str) -> Entry:
        """Score until one submission has its result, or was withdrawn; raises `AgrofluxError` for an unknown one."""
        while True:
            entry = self._store.entry(id)
            if entry is None:
                raise AgrofluxError("no such submission", came=id)
            if entry.state.final or entry.withdrawn:
                return entry
            if not self.step():
                self._store.flush()
                time.sleep(0.5)

    def wake(self) -> None:
        """Say that a submission came, so that the worker need not find out by itself."""
        self._wake.set()

    def start(self) -> None:
        """Work in a thread of this process until `stop`."""
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the work; a submission that is being scored goes back to the others."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.drain()
            except Exception as error:
                # Whatever breaks, scoring goes on. The text might quote a file, so only its kind is kept.
                _log.error("the worker met %s and goes on", type(error).__name__)
                self._stop.wait(_POLL)
            self._wake.wait(_POLL)
