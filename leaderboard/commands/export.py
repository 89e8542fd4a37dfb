"""`agroflux-leaderboard export`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from leaderboard import locations
from leaderboard.board import Board
from leaderboard.commands.arguments import DATA, STORE, Data, Store
from leaderboard.export import columns, lines, write_csv, write_eval_results, write_json, write_parquet
from leaderboard.ranking import Row
from leaderboard.store import Half, open_store

__all__ = ["export"]


class Format(StrEnum):
    """What to write."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    EVAL_RESULTS = "eval-results"


def export(
    out: Annotated[Path, typer.Argument(help="The file to write; a folder for eval-results.", show_default=False)],
    format: Annotated[Format | None, typer.Option(help="By default what the file's name ends in.")] = None,
    task: Annotated[str | None, typer.Option(help="One task; all if not given.", show_default=False)] = None,
    season: Annotated[
        str | None, typer.Option(help="The standing that ended a season, by the private half.", show_default=False)
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(metavar="ORG/NAME", help="For eval-results: the release's dataset, if --data is a folder."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="URL", help="For eval-results: address of the leaderboard.")
    ] = None,
    data: Data = DATA,
    store: Store = STORE,
) -> None:
    """Write the boards to a file: CSV for spreadsheets, JSON, Parquet, or the Hub's evaluation results.

    eval-results writes ORG/NAME/.eval_results/agroflux.yaml for every model on the Hub that a submission links to, to
    be sent to that model's repository as a pull request.
    """
    release = locations.release(data)
    kind = format or _by_name(out)
    boards, half = _boards(Board(open_store(store, existing=True), release), release, task, season)
    if kind is Format.EVAL_RESULTS:
        home, commit = _dataset(dataset, data)
        written, unlinked = write_eval_results(
            boards, release, half, out, dataset=home, commit=commit, source=source
        )  # fmt: skip
        for path in written:
            console.output.print(str(path), markup=False, soft_wrap=True)
        if unlinked:
            console.messages.print(f"{unlinked} submissions link to no model on the Hub", soft_wrap=True)
        return
    found, names = lines(boards, release, half, season), columns(boards, release)
    facts: dict[str, Any] = {
        "revision": release.revision, "half": half.value, "season": season,
        "origins": sorted({release.origin(name) for name in boards}),
        "exported": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    match kind:
        case Format.CSV:
            write_csv(found, names, out)
        case Format.JSON:
            write_json(found, out, facts)
        case Format.PARQUET:
            write_parquet(found, names, out, facts)
    console.output.print(f"{out}: {len(found)} rows of {len(boards)} boards", markup=False, soft_wrap=True)


def _by_name(out: Path) -> Format:
    try:
        return Format(out.suffix.removeprefix("."))
    except ValueError:
        raise AgrofluxError(
            "write what?", expected="--format, or a name that ends in .csv, .json or .parquet", came=out.name
        ) from None


def _boards(board: Board, release: Release, task: str | None, season: str | None) -> tuple[dict[str, list[Row]], Half]:
    wanted = release.hidden_tasks if task is None else (release.task(task).name,)
    if season is None:
        return {name: board.rows(name) for name in wanted}, Half.PUBLIC
    board.seasons.named(season)
    standing = board.seasons.standing(season)
    if standing is None:
        raise AgrofluxError("the season has no standing yet", expected=f"season close {season!r}", came=season)
    return {name: standing.tasks.get(name, []) for name in wanted}, Half.PRIVATE


def _dataset(named: str | None, data: str) -> tuple[str, str | None]:
    """The dataset's name, and its commit where that is known."""
    if named is not None:
        return locations.Address.from_text(named).id, None
    if not locations.is_remote(data):
        raise AgrofluxError("results on which dataset?", expected="--dataset ORG/NAME, or --data hf://datasets/...")
    address = locations.Address.from_text(data)
    return address.id, address.revision if re.fullmatch("[0-9a-f]{40}", address.revision or "") else None
