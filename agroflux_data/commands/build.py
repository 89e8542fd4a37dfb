"""`agroflux-data build`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from agroflux_data import console, overview
from agroflux_data.build import build as build_release
from agroflux_data.build import build_part, built_already, resumable_secret
from agroflux_data.commands.reading import AllQc, Management, MinHours, MinQc, Soils, TestFrom, Weather, least_quality
from agroflux_data.errors import AgrofluxError
from agroflux_data.parts import Part
from agroflux_data.plan import Plan, make_secret, read_secret
from agroflux_data.release import Release, targets_folder
from agroflux_data.sources.chambers.source import MIN_HOURS
from agroflux_data.sources.embedded import Embedded
from agroflux_data.sources.readers import Reading, open_sources
from agroflux_data.splits import Edition
from agroflux_data.versions import FIRST, Version

__all__ = ["build"]


def build(
    out: Annotated[Path, typer.Argument(help="The public folder to make; targets go to OUT-targets beside it.")],
    scale: Annotated[str, typer.Option(help="Size of embedded sources: tiny, small or paper.")] = "small",
    edition: Annotated[str, typer.Option(help="sealed: test targets hidden; open: the paper's protocol.")] = "sealed",
    seed: Annotated[int, typer.Option(help="Public seed of embedded weather, soils and management.")] = 0,
    secret_file: Annotated[
        Path | None, typer.Option(help="What only the host knows; drawn anew and kept in OUT-targets if not given.")
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FOLDER for your own files, NAME=embedded for simulated ones; all embedded if absent."),
    ] = None,
    test_from: TestFrom = None,
    min_qc: MinQc = None,
    all_qc: AllQc = False,
    min_hours: MinHours = MIN_HOURS,
    soils: Soils = None,
    management: Management = None,
    weather: Weather = None,
    version: Annotated[
        str, typer.Option(help="Semantic version of the release, MAJOR.MINOR.PATCH: see agroflux-data diff.")
    ] = str(FIRST),
    workers: Annotated[int, typer.Option(min=1, help="Processes, up to 0.8 GB of memory each.")] = os.cpu_count() or 1,
    shards: Annotated[
        str | None,
        typer.Option(
            metavar="FIRST:STOP/COUNT",
            help="Build a part only, 0:8/512 say: the list of all blocks, source by source, is cut into COUNT"
            " near-equal parts, and those from FIRST to STOP - 1, counted from 0, are built.",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="tcp://HOST:PORT",
            help="Build on a dask.distributed cluster whose workers share this file system, in place of --workers.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another release, or another's unfinished work, that stands at OUT.")
    ] = False,
) -> None:
    """Build a release: the public folder OUT and, beside it, OUT-targets with what it hides.

    Finished blocks wait in .OUT.building; a build that was stopped, by Ctrl-C too, goes on from there.

    Parts (--shards) made on several machines, with the same options and --secret-file, become one release.
    Copy their .OUT.building folders into one (rsync -a HOST:.OUT.building/ .OUT.building/), and build without --shards.
    Blocks that no part made are built then. Keep these folders private: they hold the secret and hidden targets.
    """
    out = Path(os.path.abspath(out))  # not resolve(): a link stays a link
    chosen, named_version = _edition(edition), Version.from_text(version)
    part = None if shards is None else Part.from_text(shards)
    if part is not None and chosen is Edition.SEALED and secret_file is None:
        raise AgrofluxError(
            "a part without a secret file", came=f"--shards {part} alone",
            expected="--secret-file FILE, the same for every part of a sealed release: each would draw its own",
        )  # fmt: skip
    named = dict(_named(item) for item in source or [])
    if secret_file is not None:
        secret = read_secret(secret_file)
    else:
        kept = None if chosen is Edition.OPEN or force else resumable_secret(out)
        secret = kept or make_secret(chosen)
    reading = Reading(
        test_from=test_from, min_qc=least_quality(min_qc, all_qc), min_hours=min_hours, soils=soils,
        management=management, weather=weather,
    )  # fmt: skip
    sources = open_sources(named, scale=scale, seed=seed, secret=secret, reading=reading)
    for opened in sources:
        for warning in opened.warnings:
            console.messages.print(f"[yellow]warning:[/] {opened.name}:", end=" ")
            console.messages.print(warning, markup=False, soft_wrap=True)
    embedded = any(isinstance(opened, Embedded) for opened in sources)
    plan = Plan(chosen, scale if embedded else None, seed, secret, sources, named_version)
    try:
        release = built_already(plan, out)
    except AgrofluxError:
        if not force:
            raise
        _refuse_to_replace(out)
        release = None
    if release is not None:
        console.messages.print(f"{out.name} is built already, version {release.version}, revision {release.revision}")
    elif part is not None:
        with console.bar("building blocks") as done:
            folder = build_part(plan, out, part, workers=workers, scheduler=scheduler, force=force, done=done)
        console.output.print(f"part {part} is in {folder}", soft_wrap=True)
        console.output.print("copy the folders of all parts into one, and build there without --shards")
        return
    else:
        with console.bar("building blocks") as done:
            release = build_release(plan, out, workers=workers, scheduler=scheduler, force=force, done=done)
    console.output.print(overview.table(overview.splits(release)))
    console.output.print(
        f"{release.path} version {release.version} revision {release.revision}"
        + (f"\n{targets_folder(release.path)} keep private" if chosen is Edition.SEALED else "")
    )


def _edition(name: str) -> Edition:
    try:
        return Edition(name)
    except ValueError:
        raise AgrofluxError("unknown edition", expected="sealed or open", came=name) from None


def _named(item: str) -> tuple[str, str]:
    name, equals, path = item.partition("=")
    if not (name and equals and path):
        raise AgrofluxError("a source without a path", expected="NAME=FOLDER or NAME=embedded", came=item)
    return name, path


def _refuse_to_replace(out: Path) -> None:
    """Even --force replaces releases only: a mistyped path must not cost a folder of something else."""
    Release(out)
