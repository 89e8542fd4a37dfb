"""Build a release: source by source and block by block, resumable, into a folder that appears whole.

Finished blocks wait in the staging folder (`agroflux_data.staging`), wherever and whenever they were built. When none
is missing, their shards get their final names and both folders of the release are renamed into place.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from agroflux_data import blocks, card, engines, statistics
from agroflux_data.blocks import Job
from agroflux_data.errors import AgrofluxError
from agroflux_data.parts import Part
from agroflux_data.plan import Plan
from agroflux_data.release import (
    PROVENANCE,
    SECRET,
    STATISTICS,
    Provenance,
    Release,
    SourceRecord,
    Split,
    TaskRecord,
    targets_folder,
)
from agroflux_data.splits import Edition
from agroflux_data.staging import PUBLIC, TARGETS, Piece, Staging, content, made_with, staging_folder
from agroflux_data.statistics import Moments

__all__ = ["build", "build_part", "built_already", "resumable_secret", "staging_folder"]

_WHOLE = "whole"

Told = Callable[[int, int], None]


def built_already(plan: Plan, out: Path) -> Release | None:
    """The release at ``out`` if it was built from this very plan, else None.

    Raises
    ------
    AgrofluxError
        Something else stands at ``out``: no release, or one from another plan.
    """
    if not out.exists():
        return None
    if out.is_dir() and not any(out.iterdir()):
        return None
    release = Release(out)
    made = release.provenance
    same = (
        (made.made_with, made.version, made.edition, made.scale, made.seed)
        == (made_with(), plan.version, plan.edition, plan.scale, plan.seed)
        and {name: source.content for name, source in made.sources.items()} == content(plan)
        and (plan.edition is Edition.OPEN or _kept_secret(out) == plan.secret)
    )
    if not same:
        raise AgrofluxError(
            "another release stands there", expected="the same options as it was built with, or --force to replace it",
            came=f"version {made.version}, {made.edition}, scale {made.scale}, seed {made.seed},"
            f" revision {made.revision}", where=out,
        )  # fmt: skip
    return release


def _kept_secret(out: Path) -> bytes | None:
    path = targets_folder(out) / SECRET
    return path.read_bytes().strip() if path.is_file() else None


def resumable_secret(out: Path) -> bytes | None:
    """The secret of a build that was stopped, or of the sealed release that stands at ``out``; else None.

    Without it, building again would draw another one and throw the finished blocks away.
    """
    stopped = staging_folder(out) / SECRET
    return stopped.read_bytes().strip() if stopped.is_file() else _kept_secret(out)


def build(
    plan: Plan,
    out: Path,
    *,
    workers: int,
    scheduler: str | None = None,
    force: bool = False,
    done: Told = lambda done, total: None,
) -> Release:
    """Build a release at ``out`` and, in the sealed edition, its targets beside it.

    Blocks that are finished, by a build that was stopped or by parts whose folders were copied together, are not built
    again.

    Parameters
    ----------
    plan : Plan
    out : Path
        Replaced when something stands there: ask `built_already` first.
    workers : int
        Processes that work on blocks.
    scheduler : str, optional
        Address of a dask.distributed cluster that works on blocks instead (`agroflux_data.engines.cluster`).
    force : bool
        Throw finished blocks of another plan away.
    done : callable
        Told (blocks done, blocks in all) as they are finished.

    Returns
    -------
    Release

    Raises
    ------
    AgrofluxError
        Finished blocks of another plan stand there, or the engine failed.
    """
    staging = Staging.open(plan, out, force=force)
    jobs = blocks.jobs(plan)
    _finish(jobs, staging, workers, scheduler, done)
    _assemble(plan, staging.path, [piece for job in jobs for piece in staging.finished(job.name) or ()], out.name)
    _move_into_place(staging.path, out, sealed=plan.edition is Edition.SEALED)
    return Release(out)


def build_part(
    plan: Plan,
    out: Path,
    part: Part,
    *,
    workers: int,
    scheduler: str | None = None,
    force: bool = False,
    done: Told = lambda done, total: None,
) -> Path:
    """Build the blocks of a part, and leave them in the staging folder of ``out``.

    The same plan gives the same blocks on any machine. Copy the staging folders of all parts into one, beside where the
    release shall be, and `build` makes the release of them. Parts may overlap.

    Parameters
    ----------
    plan, out, workers, scheduler, force, done
        As of `build`; `done` counts the blocks of the part.
    part : Part
        Of the list of all blocks, source by source: `agroflux_data.blocks.jobs`.

    Returns
    -------
    Path
        The staging folder. In the sealed edition it holds the secret and hidden targets.
    """
    staging = Staging.open(plan, out, force=force)
    _finish(part.of(blocks.jobs(plan)), staging, workers, scheduler, done)
    return staging.path


def _finish(jobs: Sequence[Job], staging: Staging, workers: int, scheduler: str | None, done: Told) -> None:
    """Build those blocks that are missing."""
    missing = [job for job in jobs if staging.finished(job.name) is None]
    finished = len(jobs) - len(missing)
    done(finished, len(jobs))
    if not missing:
        return
    engine = (
        engines.processes(missing, staging, workers)
        if scheduler is None
        else engines.cluster(missing, staging, scheduler)
    )
    with closing(engine):
        for _ in engine:
            finished += 1
            done(finished, len(jobs))
    if unseen := [job.name for job in missing if staging.finished(job.name) is None]:
        raise AgrofluxError(
            "finished blocks are not to be seen here", expected="a file system that all workers share",
            came=f"{len(unseen)} blocks such as {unseen[0]}; build again to go on", where=staging.path,
        )  # fmt: skip


def _assemble(plan: Plan, staging: Path, pieces: list[Piece], name: str) -> None:
    """Give the shards their final names, in folders of their own, and write what a release says of itself."""
    whole = staging / _WHOLE
    if whole.exists():
        shutil.rmtree(whole)
    (whole / PUBLIC).mkdir(parents=True)
    (whole / TARGETS).mkdir(mode=0o700)  # a machine may have other users
    public = _tasks(plan, staging, pieces, PUBLIC)
    hidden = _tasks(plan, staging, pieces, TARGETS)
    digests = [shard.sha256 for task in public.values() for split in task.splits.values() for shard in split.shards]
    provenance = Provenance(
        revision=hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16],
        made_with=made_with(),
        edition=plan.edition,
        scale=plan.scale,
        seed=plan.seed,
        sources={
            partition.source.name: SourceRecord(
                partition.source.origin,
                partition.source.content,
                partition.source.years,
                partition.folds,
                tuple(partition.source.warnings),
            )
            for partition in plan.partitions
        },
        tasks=public,
        version=plan.version,
    )
    (whole / PUBLIC / PROVENANCE).write_text(provenance.to_json())
    (whole / PUBLIC / STATISTICS).write_text(_statistics(pieces))
    (whole / TARGETS / PROVENANCE).write_text(replace(provenance, tasks=hidden).to_json())
    kept = whole / TARGETS / SECRET
    kept.touch(mode=0o600)
    kept.write_bytes(plan.secret + b"\n")
    card.write(whole / PUBLIC, name)


def _statistics(pieces: list[Piece]) -> str:
    """``statistics.json``: the moments of each training split, over its blocks."""
    by_split: dict[str, dict[str, list[dict[str, Moments]]]] = {}
    for piece in pieces:
        if piece.moments is not None:
            by_split.setdefault(piece.task, {}).setdefault(piece.split, []).append(piece.moments)
    pooled = {
        task: {
            split: {name: value.to_json() for name, value in statistics.pool(blocks).items()}
            for split, blocks in splits.items()
        }
        for task, splits in by_split.items()
    }
    return json.dumps(pooled, indent=1, allow_nan=False) + "\n"


def _tasks(plan: Plan, staging: Path, pieces: list[Piece], folder: str) -> dict[str, TaskRecord]:
    records = {}
    for partition in plan.partitions:
        for task in partition.tasks.values():
            splits = {}
            for split in partition.splits(task):
                place = (folder, task.name, split)
                mine = [piece for piece in pieces if (piece.folder, piece.task, piece.split) == place]
                if not mine:
                    continue
                named = []
                for number, piece in enumerate(mine):
                    file = f"{task.name}/{split}-{number:05d}-of-{len(mine):05d}.parquet"
                    final = staging / _WHOLE / folder / file
                    final.parent.mkdir(exist_ok=True)
                    _name(staging / folder / piece.shard.file, final)
                    named.append(replace(piece.shard, file=file))
                splits[split] = Split(
                    rows=sum(shard.rows for shard in named),
                    sites=sum(piece.sites for piece in mine),
                    first_year=min(piece.first_year for piece in mine),
                    last_year=max(piece.last_year for piece in mine),
                    shards=tuple(named),
                    hidden=partition.hides(split),
                )
            if splits:
                records[task.name] = TaskRecord(task.inputs, task.targets, splits)
    return records


def _name(shard: Path, final: Path) -> None:
    """Give a finished block's shard its final name and leave the other, so that a build stopped here goes on too."""
    try:
        os.link(shard, final)
    except OSError:  # a file system without hard links
        shutil.copyfile(shard, final)


def _move_into_place(staging: Path, out: Path, *, sealed: bool) -> None:
    """Rename both folders; the public one last, since it is what says that a release is there."""
    whole = staging / _WHOLE
    pairs = [(whole / TARGETS, targets_folder(out)), (whole / PUBLIC, out)]
    for new, old in pairs:
        if old.exists():
            old.rename(staging / f"old-{new.name}")
    for new, final in pairs if sealed else pairs[1:]:
        new.rename(final)
    shutil.rmtree(staging)
