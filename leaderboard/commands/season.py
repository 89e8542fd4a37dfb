"""`agroflux-leaderboard season`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from agroflux_data import console
from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.release import Release
from leaderboard import locations
from leaderboard.board import shown
from leaderboard.commands.arguments import DATA, STORE, Data, Store, Targets
from leaderboard.seasons import Phase, Progress, Season, Seasons, Standing
from leaderboard.store import open_store
from leaderboard.worker import Worker

__all__ = ["season"]

season = typer.Typer(
    no_args_is_help=True,
    help="Seasons: when submissions are taken, and how it ended. Without any, they are taken always.",
)
_Name = Annotated[str, typer.Argument(help="The season.", show_default=False)]
_Wait = Annotated[bool, typer.Option("--wait", help="Score here what is not scored yet, until the standing is there.")]
_ON_THEIR_WAY = 60.0
"""Seconds in which a submission that was received before the freeze is in the repository."""
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]


@season.command("open")
def open_season(
    name: _Name,
    opens: Annotated[
        datetime | None, typer.Option("--from", formats=_TIMES, help="When it opens, UTC; now if not given.")
    ] = None,
    freezes: Annotated[
        datetime | None, typer.Option("--until", formats=_TIMES, help="When it freezes, UTC; if not given, at close.")
    ] = None,
    data: Data = DATA,
    store: Store = STORE,
) -> None:
    """Open a season, now or at a time to come.

    Until it freezes the board shows scores on the public half alone. Whatever came before the first season belongs to
    it.
    """
    release, seasons = locations.release(data), Seasons(open_store(store))
    if any(known.revision == release.revision and known.phase() is Phase.CLOSED for known in seasons.all()):
        console.messages.print(
            f"warning: an earlier season showed private scores on release {release.revision}; a new release, built "
            "with another secret, would tell nobody anything", style="yellow", soft_wrap=True,
        )  # fmt: skip
    made = seasons.open(name, release, _utc(opens), _utc(freezes))
    _print(made)


@season.command("list")
def list_seasons(store: Store = STORE) -> None:
    """Say which seasons there were and are."""
    seasons = Seasons(open_store(store)).all()
    for one in seasons:
        _print(one)
    if not seasons:
        console.messages.print("No season was ever opened: submissions are taken always.")


@season.command("close")
def close(name: _Name, wait: _Wait = False, data: Data = DATA, targets: Targets = None, store: Store = STORE) -> None:
    """Freeze a season, and record how it ended.

    Nothing is taken from now on. Each participant's candidate in each task, the best by the public half or the one that
    the participant chose, is scored on the private half: by the worker of a running server, or here with --wait. Run it
    again until it prints the standing, which never changes then.
    """
    release, records = locations.release(data), open_store(store)
    hidden = locations.hidden_targets(release, data, targets) if wait else None
    seasons = Seasons(records)
    frozen = seasons.freeze(name)
    _print(frozen)
    if locations.is_remote(store) and frozen.phase() is Phase.FROZEN:
        _wait_for_others(frozen)
        records.close()
        records = open_store(store)
        seasons = Seasons(records)
    progress = seasons.settle(name, release)
    if hidden is not None:
        worker = Worker(records, release, hidden)
        with console.progress() as bar:
            line = bar.add_task("scoring", total=None)
            busy = True
            while progress.standing is None and busy:
                busy = worker.step()
                if not busy:
                    records.flush()
                bar.update(line, description=f"scoring, {records.waiting()} to go")
                if records.waiting() == 0:
                    progress = seasons.settle(name, release, again=False)
    if progress.standing is None:
        _unfinished(progress)
        return
    _show(name, progress.standing, release)


@season.command("standing")
def standing(name: _Name, data: Data = DATA, store: Store = STORE) -> None:
    """Print how a season ended."""
    seasons = Seasons(open_store(store))
    seasons.named(name)
    found = seasons.standing(name)
    if found is None:
        raise AgrofluxError("the season has no standing yet", expected=f"season close {name!r}", came=name)
    _show(name, found, locations.release(data))


@season.command("choose")
def choose(
    id: Annotated[str, typer.Argument(metavar="ID", help="The submission's.", show_default=False)], store: Store = STORE
) -> None:
    """Make a submission its participant's candidate, on the participant's word."""
    Seasons(open_store(store)).choose(id)
    console.output.print(f"{id} will compete, instead of the participant's best", soft_wrap=True)


def _wait_for_others(frozen: Season) -> None:
    """Give a server that writes to the same repository the time to hear of the freeze, and to end what it has begun."""
    assert frozen.freezes is not None
    left = _ON_THEIR_WAY - (datetime.now(UTC) - frozen.freezes).total_seconds()
    if left > 0:
        with console.messages.status("a minute for submissions that are on their way"):
            time.sleep(left)


def _utc(given: datetime | None) -> datetime | None:
    return None if given is None else given.replace(tzinfo=UTC)


def _print(one: Season) -> None:
    until = "the host closes it" if one.freezes is None else f"{one.freezes:%Y-%m-%d %H:%M} UTC"
    console.output.print(
        f"{one.name}: {one.phase().value}; release {one.revision}, from {one.opens:%Y-%m-%d %H:%M} UTC until {until}",
        markup=False, soft_wrap=True,
    )  # fmt: skip


def _unfinished(progress: Progress) -> None:
    if progress.unscored:
        said = f"{progress.unscored} submissions wait for their score on the public half"
    elif progress.waiting:
        said = f"{progress.waiting} of {progress.candidates} candidates wait for their score on the private half"
    else:
        said = f"scores on the private half failed by a fault of ours, the log says why: {listing(progress.failed)}"
    console.messages.print(
        f"{said}; run this again once a server has scored them, or with --wait", markup=False, soft_wrap=True
    )


def _show(name: str, found: Standing, release: Release) -> None:
    for task, rows in found.tasks.items():
        if not rows:
            continue
        targets = release.task(task).ranked_targets if task in release.tasks else ()
        table = Table(
            title=f"{escape(name)}, {task}: mean skill against climatology, private half of the hidden rows",
            caption=f"recorded {found.at:%Y-%m-%d %H:%M} UTC, scorer {found.scorer}", box=box.SIMPLE_HEAD,
        )  # fmt: skip
        headers = ["Rank", "Model", "By", "Skill", *(f"{target} R²" for target in targets)]
        for header in headers:
            table.add_column(header, justify="left" if header in ("Model", "By") else "right")
        for row in rows:
            numbers = [row.skill, *(row.targets[target].r2 for target in targets)]
            table.add_row(
                shown(row.rank, "Rank"), escape(row.model), escape(row.submission.owner),
                *(shown(number, header) for number, header in zip(numbers, headers[3:], strict=True)),
            )  # fmt: skip
        console.output.print(table)
    table = Table(title=f"{escape(name)}, overall: mean over tasks, more tasks first", box=box.SIMPLE_HEAD)
    for header in ("Rank", "By", "Skill", "Tasks"):
        table.add_column(header, justify="left" if header == "By" else "right")
    for line in found.overall:
        owner = escape(line.rows[0].submission.owner) if line.rows else "?"
        table.add_row(shown(line.rank, "Rank"), owner, shown(line.skill, "Skill"), f"{line.done} of {len(line.tasks)}")
    console.output.print(table)
