"""The folder in which a release is made until it is whole: ``.NAME.building`` beside it.

Each finished block leaves its shards there and then a record that names them and the plan they were made from. What
has a record is never built again, so a build that was stopped goes on from there, and the folders of builds of the same
plan on several machines can be copied into one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agroflux_data.errors import AgrofluxError
from agroflux_data.plan import Plan
from agroflux_data.release import FORMAT, SECRET
from agroflux_data.shards import Shard
from agroflux_data.statistics import Moments

__all__ = ["PUBLIC", "TARGETS", "Piece", "Staging", "content", "made_with", "staging_folder"]

PUBLIC, TARGETS = "public", "targets"
"""The two folders of shards, of finished blocks as of a release."""

_RECORDS, _ATTEMPTS, _PLAN = "records", "attempts", "plan.json"


@dataclass(frozen=True)
class Piece:
    """One block's share of one split, written to a shard.

    Attributes
    ----------
    folder : {"public", "targets"}
    task, split : str
    shard : Shard
    sites, first_year, last_year : int
    moments : dict of str to Moments, optional
        Of each column, where the split is for training.
    """

    folder: str
    task: str
    split: str
    shard: Shard
    sites: int
    first_year: int
    last_year: int
    moments: dict[str, Moments] | None

    def to_json(self) -> dict[str, Any]:
        """The piece as JSON values."""
        stated = None if self.moments is None else {name: value.to_json() for name, value in self.moments.items()}
        return asdict(self) | {"moments": stated}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Piece:
        """The piece that `to_json` wrote."""
        stated = data["moments"]
        moments = None if stated is None else {name: Moments.from_json(value) for name, value in stated.items()}
        return cls(**data | {"shard": Shard(**data["shard"]), "moments": moments})


def made_with() -> str:
    """The version of this package."""
    return version("agroflux")


def content(plan: Plan) -> dict[str, str]:
    """What each source of a plan is made from, by its name."""
    return {source.name: source.content for source in plan.sources}


def staging_folder(out: Path) -> Path:
    """Where a release is built until it is whole."""
    return out.with_name(f".{out.name}.building")


@dataclass(frozen=True)
class Staging:
    """The blocks of one plan that are finished.

    Attributes
    ----------
    path : Path
    plan : str
        A hash over every choice of the plan, its secret, and the version that makes it.
    """

    path: Path
    plan: str

    @classmethod
    def open(cls, plan: Plan, out: Path, *, force: bool = False) -> Staging:
        """Make the folder for a release at ``out``, or go on with the one of the same plan.

        Several machines that share a file system may open it at once.

        Parameters
        ----------
        plan : Plan
        out : Path
        force : bool
            Throw finished blocks of another plan away.

        Raises
        ------
        AgrofluxError
            Blocks of another plan stand there: they may be the work of hours, and of other machines.
        """
        choices = [FORMAT, made_with(), plan.edition, plan.scale, plan.seed, plan.secret.hex(), content(plan)]
        staging = cls(staging_folder(out), hashlib.sha256(json.dumps(choices).encode()).hexdigest())
        strangers = [path for path, record in staging._records() if record["plan"] != staging.plan]
        if strangers and not force:
            raise AgrofluxError(
                "unfinished work of another plan stands there",
                expected="the options and secret that it was begun with, or --force to throw it away",
                came=f"{len(strangers)} finished blocks such as {strangers[0].stem}", where=staging.path,
            )  # fmt: skip
        if strangers or ((note := _read(staging.path / _PLAN)) is not None and note["plan"] != staging.plan):
            shutil.rmtree(staging.path)
        # Hidden values lie here for a while, and a machine may have other users.
        staging.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (PUBLIC, TARGETS, _RECORDS, _ATTEMPTS):
            (staging.path / name).mkdir(exist_ok=True)
        with staging.attempt() as attempt:
            kept = attempt / SECRET
            kept.touch(mode=0o600)
            kept.write_bytes(plan.secret + b"\n")
            os.replace(kept, staging.path / SECRET)
            (attempt / _PLAN).write_text(json.dumps({"plan": staging.plan, "made_with": made_with()}))
            os.replace(attempt / _PLAN, staging.path / _PLAN)
        return staging

    def _records(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in sorted((self.path / _RECORDS).glob("*.json")):
            if (record := _read(path)) is not None:
                yield path, record

    def check_seen(self) -> None:
        """Raise `AgrofluxError` where this process does not see the folder, or is of another version than its maker."""
        note, here = _read(self.path / _PLAN), socket.gethostname()
        if note is None or note["plan"] != self.plan:
            raise AgrofluxError(
                "a worker does not see the folder of the build",
                expected="a file system that all workers share with the machine that builds, at the same path",
                came=f"no such folder on {here}", where=self.path,
            )  # fmt: skip
        if note["made_with"] != made_with():
            raise AgrofluxError(
                "a worker is of another version", expected=f"agroflux {note['made_with']} everywhere",
                came=f"{made_with()} on {here}",
            )  # fmt: skip

    @contextmanager
    def attempt(self) -> Iterator[Path]:
        """A folder for one attempt at something, apart from all others; what remains in it is thrown away.

        A process that dies, or that was given up for lost and comes back, then leaves nothing among the finished.
        """
        with tempfile.TemporaryDirectory(dir=self.path / _ATTEMPTS, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def finished(self, block: str) -> list[Piece] | None:
        """The pieces of a finished block, or None where it is not finished or its files are gone."""
        record = _read(self.path / _RECORDS / f"{block}.json")
        if record is None or record["plan"] != self.plan:
            return None
        pieces = [Piece.from_json(data) for data in record["pieces"]]
        whole = all(
            (path := self.path / piece.folder / piece.shard.file).is_file() and path.stat().st_size == piece.shard.bytes
            for piece in pieces
        )
        return pieces if whole else None

    def finish(self, block: str, attempt: Path, pieces: list[Piece]) -> None:
        """Take the shards of a block over from the attempt that wrote them, then leave the record that says so."""
        for piece in pieces:
            path = self.path / piece.folder / piece.shard.file
            path.parent.mkdir(exist_ok=True)
            os.replace(attempt / piece.folder / piece.shard.file, path)
        record = attempt / "record.json"
        record.write_text(json.dumps({"plan": self.plan, "pieces": [piece.to_json() for piece in pieces]}))
        os.replace(record, self.path / _RECORDS / f"{block}.json")


def _read(record: Path) -> dict[str, Any] | None:
    """A record or the note of the plan; None where there is none or, as after a copy that was cut off, half of one."""
    try:
        data: dict[str, Any] = json.loads(record.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return data
