"""``agroflux-leaderboard``: serve the page, enter a submission, print a board, issue tokens."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets
from leaderboard.board import Board, shown
from leaderboard.intake import QUOTA, Intake
from leaderboard.store import Entry, LocalStore, State
from leaderboard.tokens import Tokens, check_name
from leaderboard.worker import Worker

__all__ = ["app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
token = typer.Typer(no_args_is_help=True, help="Tokens of participants, for a leaderboard that is no Space.")
app.add_typer(token, name="token")

_Data = Annotated[Path, typer.Option(help="The release: the public folder.")]
_Targets = Annotated[Path | None, typer.Option(help="Its hidden targets; by default the folder beside it.")]
_Store = Annotated[Path, typer.Option(help="The folder of submissions and results; made where it is missing.")]
_DATA, _STORE = Path("agroflux"), Path("leaderboard-store")


@app.callback()
def _leaderboard() -> None:
    """Score submissions against hidden targets, and rank them."""


@app.command()
def serve(
    data: _Data = _DATA,
    targets: _Targets = None,
    store: _Store = _STORE,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 7860,
    quota: Annotated[int, typer.Option(help="Submissions a participant has a day for each task.", min=1)] = QUOTA,
) -> None:
    """Serve the page, and score what comes in, until interrupted."""
    release = Release(data)
    hidden = Targets.of(release, targets)
    records = LocalStore(store)
    intake = Intake(records, release, quota)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Uploads wait in the store, closed to others on this machine. Gradio reads both settings when it is imported.
    os.environ["GRADIO_TEMP_DIR"], os.environ["GRADIO_ANALYTICS_ENABLED"] = str(records.uploads()), "False"
    from leaderboard.app import App
    from leaderboard.identity import HostTokens, HuggingFace, on_space

    worker = Worker(records, release, hidden)
    page = App(release, records, intake, HuggingFace() if on_space() else HostTokens(Tokens(store)), worker.wake)
    # A server is stopped politely by SIGTERM as by Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    worker.start()
    try:
        url = page.launch(host, port)
        console.output.print(f"The leaderboard is at {url} (stop it with Ctrl-C)")
        page.blocks.block_thread()
    except OSError as error:
        raise AgrofluxError("cannot listen there", expected="a free port", came=f"{host}:{port}") from error
    finally:
        worker.stop()


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="A submission file.", show_default=False)],
    owner: Annotated[str, typer.Option(help="In whose name.", show_default=False)],
    wait: Annotated[bool, typer.Option("--wait", help="Score it before returning.")] = False,
    data: _Data = _DATA,
    targets: _Targets = None,
    store: _Store = _STORE,
) -> None:
    """Enter a submission, as the host; the quota does not hold for it."""
    release = Release(data)
    hidden = Targets.of(release, targets)
    records = LocalStore(store)
    receipt = Intake(records, release).receive(file, check_name(owner), limited=False)
    again = "" if receipt.new else " (it had been received before)"
    console.output.print(f"received {receipt.id}: {escape(receipt.model)} for {receipt.task}{again}", soft_wrap=True)
    if not wait:
        return
    with console.messages.status("scoring"):
        entry = Worker(records, release, hidden).finish(receipt.id)
    if entry.state is not State.SCORED:
        _explain(entry)
        raise typer.Exit(2)
    rows = Board(records, release).rows(receipt.task)
    place = next((row for row in rows if row.submission.id == receipt.id), None)
    standing = (
        "withdrawn"
        if place is None
        else "without a rank"
        if place.rank is None
        else (f"mean skill {place.skill:.3f}, rank {place.rank} of {len(rows)}")
    )
    console.output.print(f"{receipt.id}: scored, {standing}")


def _explain(entry: Entry) -> None:
    console.output.print(f"{entry.submission.id}: {entry.state.value}")
    if entry.result is not None:
        console.output.print(entry.result.reason or "", markup=False, soft_wrap=True)
        for fault in entry.result.faults:
            console.output.print(f"- {fault.get('code')}: {fault.get('message')}", markup=False, soft_wrap=True)


@app.command("table")
def show_table(
    task: Annotated[str, typer.Argument(help="Name of a task.", show_default=False)],
    data: _Data = _DATA,
    store: _Store = _STORE,
) -> None:
    """Print the board of a task."""
    release = Release(data)
    release.task(task)
    if not store.is_dir():
        raise AgrofluxError("no such store", expected="a folder that serve or add made", came=str(store))
    board = Board(LocalStore(store), release)
    table = Table(
        title=f"{task}: mean skill against climatology, public half of the hidden rows",
        caption=f"{release.origin(task)} data, release {release.revision}; not comparable with the paper's tables",
        box=box.SIMPLE_HEAD,
    )
    rows, headers = board.rows(task), board.headers(task)
    wide = console.output.width >= 110
    kept = [number for number, header in enumerate(headers)
            if wide or not header.endswith(("RMSE", "Pretraining", "Origin", "Date"))]  # fmt: skip
    for header in (headers[number] for number in kept):
        text = header in ("Model", "By", "Pretraining", "Origin", "Date")
        table.add_column(header.replace(" ", "\n"), justify="left" if text else "right", no_wrap=header != "Model")
    for cells in board.table(rows, task):
        table.add_row(*(escape(shown(cells[number], headers[number])) for number in kept))
    console.output.print(table)
    if not rows:
        console.output.print("Nobody has a score yet.")


@token.command()
def create(
    name: Annotated[str, typer.Argument(help="The participant.", show_default=False)], store: _Store = _STORE
) -> None:
    """Issue a token to a participant; an earlier one of the same name is void."""
    issued = Tokens(store).create(name)
    console.messages.print(f"The token of {escape(name)}; it is shown this once, and only its hash is kept:")
    console.output.print(issued, soft_wrap=True)


def main() -> None:
    """Entry point of the command."""
    console.run(app)


if __name__ == "__main__":
    main()
