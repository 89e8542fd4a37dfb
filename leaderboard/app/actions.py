"""What a participant can do, the same for a visitor of the page and for a program."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from agroflux_data.errors import AgrofluxError
from leaderboard.board import coarse
from leaderboard.identity import Identity
from leaderboard.intake import Intake, Quota, Receipt
from leaderboard.store import Edit, Entry, Store
from submission.metadata import Metadata

__all__ = ["EDITABLE", "Actions", "own_faults", "spoken"]

EDITABLE = tuple(one.name for one in fields(Metadata) if one.name not in ("task", "revision", "format"))
"""The metadata that a participant may change after the file was sent: what the scores do not hang on."""

_log = logging.getLogger(__name__)


class Actions:
    """Send, look up, edit and withdraw, each in the name of whoever asks.

    Parameters
    ----------
    store : Store
    intake : Intake
    identity : Identity
    received : callable
        Called when a submission came in: it wakes the worker.
    """

    def __init__(self, store: Store, intake: Intake, identity: Identity, received: Callable[[], None]):
        self._store, self._intake, self._identity, self._received = store, intake, identity, received

    def owner(self, token: str, oauth: gr.OAuthToken | None) -> str:
        """Who is asking; raises `AgrofluxError` where that cannot be told."""
        return self._identity.owner(oauth, token)

    def receive(
        self, file: str | None, token: str, oauth: gr.OAuthToken | None, edited: Mapping[str, Any] | None = None
    ) -> Receipt:
        """Take an uploaded file; the copy that Gradio made is gone afterwards, whatever comes.

        Parameters
        ----------
        file : str or None
            Path of the upload.
        token, oauth
            Who sends it.
        edited : mapping, optional
            Metadata to hold instead of the file's own, by the names of `EDITABLE`.
        """
        try:
            owner = self._identity.owner(oauth, token)
            if not file:
                raise AgrofluxError("no file", expected="a Parquet file written by agroflux-submit or agroflux-train")
            if edited is not None:
                # What cannot be stored later is refused before anything is recorded.
                changed(self.metadata(file), edited)
            receipt = self._intake.receive(file, owner)
        finally:
            if file:
                _forget(Path(file))
        # Sending the same file again gives its receipt and changes nothing.
        if edited is not None and receipt.new:
            self.edit(receipt.id, edited, owner)
        self._received()
        return receipt

    def metadata(self, file: str) -> Metadata:
        """What an uploaded file says of itself; raises `AgrofluxError` for one that is no submission."""
        return self._intake.metadata(Path(file))

    def own(self, id: str, owner: str) -> Entry:
        """A submission of this owner; raises `AgrofluxError` for anybody else's as for one that is not there."""
        entry = self._store.entry(id.strip())
        if entry is None or entry.submission.owner != owner:
            raise AgrofluxError("you have no such submission", came=id)
        return entry

    def all_of(self, owner: str) -> list[Entry]:
        """All submissions of an owner, in the order they came."""
        return self._store.entries(owner=owner)

    def withdraw(self, id: str, owner: str) -> Entry:
        """Hide a submission of this owner from the boards."""
        self._store.withdraw(self.own(id, owner).submission.id)
        return self.own(id, owner)

    def edit(self, id: str, edited: Mapping[str, Any], owner: str) -> Entry:
        """Change the metadata of a submission of this owner; what they were is kept, and no change is no edit.

        Raises
        ------
        AgrofluxError
            No such submission, or metadata that a file could not have either.
        """
        entry = self.own(id, owner)
        before = Metadata.from_json(entry.metadata)
        after = changed(before, edited)
        if after != before:
            self._intake.edit(entry.submission.id, dict(edited))
        return self.own(id, owner)

    def edits(self, id: str) -> list[Edit]:
        """The edits of a submission's metadata, in their order."""
        return self._store.edits(id)

    def quotas(self, owner: str) -> dict[str, Quota]:
        """What an owner has left today, by task."""
        return {task: self._intake.quota(owner, task) for task in self._intake.tasks}

    @staticmethod
    def plain(entry: Entry) -> dict[str, Any]:
        """Where a submission stands, as JSON values."""
        submission, result = entry.submission, entry.result
        return {
            "id": submission.id, "task": submission.task, "model": entry.model, "sha256": submission.sha256,
            "received": submission.received.isoformat(timespec="seconds"), "state": entry.state.value,
            "withdrawn": entry.withdrawn, "reason": result and result.reason, "faults": result.faults if result else [],
            "finished": result and result.finished.isoformat(timespec="seconds"),
            "scores": result and coarse(result.scores), "revision": result and result.revision,
            "scorer": result and result.scorer, "metadata": entry.metadata,
        }  # fmt: skip


def changed(before: Metadata, edited: Mapping[str, Any]) -> Metadata:
    """Metadata with some values replaced; raises `AgrofluxError` for what may not be replaced, or not by that."""
    if fixed := sorted(set(edited) - set(EDITABLE)):
        raise AgrofluxError("not to be edited", expected="some of " + ", ".join(EDITABLE), came=", ".join(fixed)[:200])
    after = Metadata.from_json(before.to_json() | dict(edited))
    after.to_bytes()  # which refuses what is too long as a whole
    return after


@contextmanager
def spoken() -> Iterator[None]:
    """Turn bad input into the one kind of error whose text Gradio passes on."""
    try:
        with own_faults():
            yield
    except AgrofluxError as error:
        raise gr.Error(str(error), print_exception=False) from None


@contextmanager
def own_faults() -> Iterator[None]:
    """Say that a fault is ours, where one is; what it was stands in the log alone."""
    try:
        yield
    except AgrofluxError:
        raise
    except Exception:
        _log.exception("a request met a fault of ours")
        raise AgrofluxError("the leaderboard has a fault of its own; please try again later") from None


def _forget(file: Path) -> None:
    """Remove an upload's temporary copy, but nothing outside of Gradio's own folder."""
    uploads = Path(get_upload_folder()).resolve()
    if file.resolve().is_relative_to(uploads):
        file.unlink(missing_ok=True)
        try:
            os.rmdir(file.parent)
        except OSError:
            _log.debug("an upload's folder holds more")
