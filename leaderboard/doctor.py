"""What a host could get wrong, and what to do about it."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled
from packaging.requirements import Requirement

from agroflux_data.check import damage
from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.release import SECRET, Release, Targets
from agroflux_data.splits import Edition
from leaderboard import locations
from leaderboard.intake import Intake
from leaderboard.locations import Address, is_remote
from leaderboard.seasons import Phase, Seasons
from leaderboard.store import Entry, LocalStore, State, Store, open_store
from submission.child import Limits, TookTooLongError, run
from submission.scoring import SCORER

__all__ = ["Finding", "Level", "examine"]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_CHUNK = 1 << 20
_STUCK = timedelta(hours=1)
"""A submission that waits longer than this has nobody to score it."""
_LITTLE = 1 << 30
_TRIAL = Limits(memory=1 << 30, cpu=60, wall=120.0)
_EXTRA = "leaderboard"


class Level(StrEnum):
    """How bad it is."""

    FINE = "fine"
    NOTE = "note"
    """Nothing breaks, but the host may want to know."""
    MEND = "mend"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    level : Level
    subject : str
        What was looked at, in a word or two.
    said : str
        How it is.
    remedy : str
        What to do about it.
    """

    level: Level
    subject: str
    said: str
    remedy: str = ""


def examine(
    data: str, targets: str | None, store: str, told: Callable[[str], None] = lambda work: None
) -> Iterator[Finding]:
    """Everything that is looked at, as it is found.

    Parameters
    ----------
    data, targets, store : str
        As `leaderboard.server.serve` takes them.
    told : callable
        Told what is being looked at.
    """
    told("versions")
    yield from _versions()
    yield from _children()
    told("Hub")
    if any(is_remote(place) for place in (data, targets or "", store)):
        yield from _hub(data, targets, store)
    told("release")
    release: Release | None = None
    try:
        release = locations.release(data)
    except AgrofluxError as error:
        yield Finding(Level.MEND, "release", str(error), "--data: what agroflux-data build made, or pushed to the Hub")
    if release is not None:
        yield from _release(release)
        told("targets")
        yield from _targets(release, data, targets)
    told("store")
    if not is_remote(store) and not Path(store).is_dir():
        yield Finding(Level.NOTE, "store", f"nothing at {store} yet", "serve and add make it")
        return
    try:
        records = open_store(store, existing=True)
    except AgrofluxError as error:
        yield Finding(Level.MEND, "store", str(error), "--store: a folder that serve or add made, or a backup of it")
        return
    try:
        if isinstance(records, LocalStore):
            yield from _folder(records, release)
        yield from _submissions(records, release, told)
        yield from _seasons(records, release)
    except sqlite3.DatabaseError as error:
        yield Finding(Level.MEND, "records", f"damaged: {error}", "stop the server and restore a backup of the folder")
    finally:
        records.close()


def _versions() -> Iterator[Finding]:
    """What is installed is what the package was made for."""
    odd, known = [], ""
    for line in distribution("agroflux").requires or []:
        need = Requirement(line)
        if need.marker is not None and not need.marker.evaluate({"extra": _EXTRA}):
            continue
        try:
            found = distribution(need.name).version
        except PackageNotFoundError:
            odd.append(f"{need.name} is missing")
            continue
        if need.name == "gradio":
            known = f"gradio {found}, "
        if not need.specifier.contains(found, prereleases=True):
            odd.append(f"{need.name} {found}, not {need.specifier}")
    if odd:
        yield Finding(Level.MEND, "versions", listing(odd), "pip install --upgrade 'agroflux[leaderboard]'")
    else:
        python = ".".join(map(str, sys.version_info[:3]))
        yield Finding(Level.FINE, "versions", f"{known}Python {python}, scorer {SCORER}; all within what is supported")


def _children() -> Iterator[Finding]:
    """A child process with limits, as each submission is scored in, comes to an end."""
    try:
        ended = run("submission.cli", ["--help"], _TRIAL)
        code = None if ended is None else ended.code
    except (TookTooLongError, OSError) as error:
        code = type(error).__name__  # type: ignore[assignment]
    if code == 0:
        yield Finding(Level.FINE, "scoring", "child processes with limits run")
    else:
        yield Finding(
            Level.MEND, "scoring", f"a child process with limits ended with {code}",
            "see that this user may start processes, and that PYTHONPATH finds agroflux from everywhere",
        )  # fmt: skip


def _hub(data: str, targets: str | None, store: str) -> Iterator[Finding]:
    api = HfApi()
    if get_token() is None:
        yield Finding(Level.MEND, "Hub", "no token", "hf auth login, or HF_TOKEN; on a Space the secret HF_TOKEN")
        return
    try:
        name = api.whoami()["name"]
    except (HfHubHTTPError, HTTPError, OfflineModeIsEnabled, ValueError) as error:
        # The message could carry the request with its token.
        yield Finding(
            Level.MEND, "Hub", f"{api.endpoint} does not know this token ({type(error).__name__})",
            "a valid token, a connection, and HF_HUB_OFFLINE unset",
        )  # fmt: skip
        return
    yield Finding(Level.FINE, "Hub", f"{api.endpoint} answers; the token is {name}'s")
    for what, place in (("release", data), ("targets", targets), ("store", store)):
        if place is None or not is_remote(place):
            continue
        try:
            address = Address.from_text(place)
            home = address.home(api)
            with home.talking():
                private = home.private
        except AgrofluxError as error:
            yield Finding(Level.MEND, what, str(error), "the right name, and a token that may see it")
            continue
        if what != "release" and not private:
            yield Finding(
                Level.MEND, what, f"{address.id} is public",
                "make it private at once; who has read hidden values knows them: build with another secret",
            )  # fmt: skip
        elif what == "targets" and address.revision is None:
            yield Finding(Level.NOTE, what, f"{address} is not pinned", f"{address}@COMMIT, as deploy does it")
        else:
            yield Finding(Level.FINE, what, f"{address} is there" + (", private" if private else ""))


def _release(release: Release) -> Iterator[Finding]:
    if release.edition is not Edition.SEALED or not release.hidden_tasks:
        yield Finding(
            Level.MEND, "release", f"{release.path} is of the {release.edition} edition and hides nothing",
            "a release that was built with --edition sealed",
        )  # fmt: skip
        return
    if findings := list(damage(release)):
        yield Finding(
            Level.MEND, "release", listing(f"{one.where}: {one.problem}" for one in findings),
            "agroflux-data pull, or build again with the same secret",
        )  # fmt: skip
        return
    origins = sorted({release.origin(task) for task in release.tasks})
    yield Finding(
        Level.FINE, "release", f"revision {release.revision}, version {release.version}, {', '.join(origins)} data, "
        f"{len(release.hidden_tasks)} tasks, {len(release.shards)} files as they were built",
    )  # fmt: skip


def _targets(release: Release, data: str, place: str | None) -> Iterator[Finding]:
    try:
        targets = locations.hidden_targets(release, data, place)
    except AgrofluxError as error:
        yield Finding(Level.MEND, "targets", str(error), "--targets: those that were built with this very release")
        return
    if findings := list(damage(targets)):
        yield Finding(
            Level.MEND, "targets", listing(f"{one.where}: {one.problem}" for one in findings),
            "restore them from where they are kept",
        )  # fmt: skip
        return
    if targets.path.resolve().is_relative_to(release.path.resolve()):
        yield Finding(Level.MEND, "targets", "they lie inside the public folder", "move them out of it")
        return
    yield from _closed(targets)


def _closed(targets: Targets) -> Iterator[Finding]:
    """Nobody else on this machine can read them: either the folder or what is in it is closed."""
    folder = targets.path
    secret = folder / SECRET
    open_files = [path for path in (secret, *(folder / shard.file for shard in targets.shards))
                  if path.is_file() and path.stat().st_mode & _OTHERS]  # fmt: skip
    if folder.stat().st_mode & _OTHERS and open_files:
        # Folders above may be closed, but that is not for this one to rely upon.
        yield Finding(Level.MEND, "targets", f"other users of this machine can read {folder}", f"chmod -R go= {folder}")
    else:
        yield Finding(Level.FINE, "targets", f"{len(targets.shards)} files as they were built, closed to others")


def _folder(records: LocalStore, release: Release | None) -> Iterator[Finding]:
    folder = records.folder
    if folder.stat().st_mode & _OTHERS:
        yield Finding(Level.MEND, "store", f"other users of this machine can open {folder}", f"chmod go= {folder}")
    else:
        yield Finding(Level.FINE, "store", f"{folder} is closed to others")
    with closing(sqlite3.connect(f"file:{folder / 'records.sqlite'}?mode=ro", uri=True)) as database:
        said = [row[0] for row in database.execute("PRAGMA integrity_check(5)")]
        broken = database.execute("PRAGMA foreign_key_check").fetchall()
        now = datetime.now(UTC).timestamp()
        expired = database.execute("SELECT count(*) FROM leases WHERE 0 < expires AND expires < ?", (now,)).fetchone()[
            0
        ]
    if said != ["ok"] or broken:
        yield Finding(
            Level.MEND, "records", listing(said if said != ["ok"] else [f"{len(broken)} lines that belong to nothing"]),
            "stop the server and restore a backup of the folder",
        )  # fmt: skip
    else:
        yield Finding(Level.FINE, "records", "whole")
    if expired:
        yield Finding(
            Level.NOTE, "leases", f"{expired} expired: what scored them ended in the midst of it",
            "nothing: a worker takes them up again",
        )  # fmt: skip
    tokens = folder / "tokens.sqlite"
    if tokens.is_file():
        with closing(sqlite3.connect(f"file:{tokens}?mode=ro", uri=True)) as database:
            count = database.execute("SELECT count(*) FROM tokens").fetchone()[0]
        yield Finding(Level.FINE, "tokens", f"{count} participants have one; only hashes are kept")
    usage = shutil.disk_usage(folder)
    needed = max(_LITTLE, 20 * Intake(records, release).largest if release and release.hidden_tasks else 0)
    level = Level.MEND if usage.free < needed else Level.FINE
    yield Finding(
        level, "disk", f"{usage.free / 1e9:.1f} GB free",
        f"at least {needed / 1e9:.1f} GB, for twenty of the largest submissions" if level is Level.MEND else "",
    )  # fmt: skip


def _submissions(records: Store, release: Release | None, told: Callable[[str], None]) -> Iterator[Finding]:
    entries = records.entries()
    states = Counter(entry.state.value for entry in entries)
    counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    yield Finding(Level.FINE, "submissions", f"{len(entries)}: {counted}" if entries else "none yet")
    odd: list[str] = []
    for number, entry in enumerate(entries, start=1):
        told(f"files, {number} of {len(entries)}")
        if wrong := _wrong(records, entry):
            odd.append(f"{entry.submission.id} {wrong}")
    if odd:
        yield Finding(
            Level.MEND,
            "files",
            listing(odd),
            "restore them from a backup; they cannot be scored again, but keep their scores",
        )
    elif entries:
        yield Finding(Level.FINE, "files", f"all {len(entries)} as they were received, by SHA-256")
    shown = [entry for entry in entries if not entry.withdrawn]
    old = [entry for entry in shown if not entry.state.final and entry.submission.received < datetime.now(UTC) - _STUCK]
    if old:
        yield Finding(
            Level.MEND, "worker", f"{len(old)} submissions wait for their score for more than an hour",
            "start serve: its worker scores them",
        )  # fmt: skip
    if failed := [entry.submission.id for entry in shown if entry.state is State.FAILED]:
        yield Finding(
            Level.NOTE,
            "failed",
            f"by a fault of ours: {listing(failed)}",
            "the server's log says why; then rescore --id ID",
        )
    if release is None:
        return
    here = [entry for entry in shown if entry.submission.revision == release.revision]
    scorers = [entry.result.scorer for entry in here if entry.result is not None and entry.result.scorer != SCORER]
    if scorers:
        others = ", ".join(sorted(set(scorers)))
        yield Finding(
            Level.NOTE, "scorer", f"{len(scorers)} results are of scorer {others}, this is {SCORER}",
            "rescore --all, so that all are measured alike",
        )  # fmt: skip
    if len(here) < len(shown):
        yield Finding(
            Level.NOTE, "revisions", f"{len(shown) - len(here)} submissions are to another release and on no board",
            "nothing: they predict other rows",
        )  # fmt: skip


def _wrong(records: Store, entry: Entry) -> str | None:
    """What is wrong with a submission's file, or None."""
    try:
        path = records.path(entry.submission)
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except AgrofluxError:
        return "cannot be fetched"
    except OSError as error:
        return "is missing" if isinstance(error, FileNotFoundError) else str(error.strerror)
    return None if digest.hexdigest() == entry.submission.sha256 else "is not what was received"


def _seasons(records: Store, release: Release | None) -> Iterator[Finding]:
    for season in Seasons(records).all():
        phase = season.phase()
        if phase is Phase.FROZEN:
            yield Finding(
                Level.NOTE, "season", f"{season.name} has ended and has no standing", f"season close {season.name!r}"
            )
        elif phase in (Phase.OPEN, Phase.ANNOUNCED) and release is not None and season.revision != release.revision:
            yield Finding(
                Level.MEND, "season", f"{season.name} is about release {season.revision}, this is {release.revision}",
                f"--data with that release, or season close {season.name!r} and open another one",
            )  # fmt: skip
        else:
            yield Finding(Level.FINE, "season", f"{season.name} is {phase.value}")
