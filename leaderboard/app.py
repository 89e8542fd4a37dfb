"""The page: boards, a place to submit, and the rules. The same actions are endpoints for programs."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import plotly.graph_objects as go
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from leaderboard import cards, figures
from leaderboard.about import about
from leaderboard.board import Board, coarse, shown
from leaderboard.guard import Guard, limit_connections
from leaderboard.identity import Identity
from leaderboard.intake import Intake, Receipt
from leaderboard.ranking import Row
from leaderboard.store import Entry, Store

__all__ = ["App"]

_QUEUE = 256
"""Events that may wait; who comes after them is told to try again."""
_AT_ONCE = 8
_CSS = (Path(__file__).parent / "page.css").read_text()
_HINT = "Your receipt, and the report on your file, will stand here."

_log = logging.getLogger(__name__)


class App:
    """The Gradio app over a store.

    Parameters
    ----------
    release : Release
    store : Store
    intake : Intake
    identity : Identity
    received : callable
        Called when a submission came in: it wakes the worker.
    """

    def __init__(
        self, release: Release, store: Store, intake: Intake, identity: Identity, received: Callable[[], None]
    ):
        self._release, self._store, self._intake, self._identity = release, store, intake, identity
        self._received, self._board = received, Board(store, release)
        self.blocks = self._build()

    def launch(self, host: str, port: int) -> str:
        """Begin to serve the page, and return its address."""
        largest = self._intake.largest
        self.blocks.queue(max_size=_QUEUE, default_concurrency_limit=_AT_ONCE)
        _, url, _ = self.blocks.launch(
            server_name=host, server_port=port, share=False, inbrowser=False, quiet=True, prevent_thread_lock=True,
            max_file_size=largest, show_error=False, ssr_mode=False, enable_monitoring=False, pwa=False,
            # A browser's history of runs would keep tokens.
            run_history=False, footer_links=["api"], theme=_theme(), css=_CSS,
            app_kwargs={"middleware": [Middleware(Guard, largest=largest, folder=Path(get_upload_folder()),
                                                  space=self._identity.oauth)]},
        )  # fmt: skip
        limit_connections(self.blocks.server)
        return str(url)

    # The actions, each the same for a visitor and a program.

    def receive(self, file: str | None, token: str, oauth: gr.OAuthToken | None) -> Receipt:
        """Take an uploaded file; the copy that Gradio made is gone afterwards, whatever comes."""
        try:
            owner = self._identity.owner(oauth, token)
            if not file:
                raise AgrofluxError("no file", expected="a Parquet file written by agroflux-submit or agroflux-train")
            receipt = self._intake.receive(file, owner)
        finally:
            if file:
                _forget(Path(file))
        self._received()
        return receipt

    def own(self, id: str, owner: str) -> Entry:
        """A submission of this owner; raises `AgrofluxError` for anybody else's as for one that is not there."""
        entry = self._store.entry(id.strip())
        if entry is None or entry.submission.owner != owner:
            raise AgrofluxError("you have no such submission", came=id)
        return entry

    def _row(self, entry: Entry) -> Row | None:
        rows = self._board.rows(entry.submission.task)
        return next((row for row in rows if row.submission.id == entry.submission.id), None)

    # What the page shows.

    def _open(self) -> tuple[Any, ...]:
        """The first board with something on it, or the first of all."""
        tasks = self._intake.tasks
        task = next((name for name in tasks if self._board.rows(name)), tasks[0])
        return task, *self._show(task)

    def _show(self, task: str) -> tuple[str, dict[str, Any], go.Figure, dict[str, Any], dict[str, Any]]:
        rows = self._board.rows(task)
        data, headers = self._board.table(rows, task), self._board.headers(task)
        split = self._release.split(task, "test")
        line = cards.task_line(
            self._release.task(task).scenario, split.rows, self._board.targets(task), self._release.origin(task)
        )
        table = gr.update(value=_cells(headers, data), datatype=_types(headers), column_widths=_widths(headers),
                          visible=bool(rows))  # fmt: skip
        return (
            line, table, figures.skill_by_model(rows, self._board.targets(task)),
            gr.update(visible=any(row.rank is not None for row in rows)), gr.update(visible=not rows),
        )  # fmt: skip

    def _submit(
        self, file: str | None, token: str, oauth: gr.OAuthToken | None
    ) -> tuple[str, tuple[str, Receipt] | None, None, dict[str, Any]]:
        try:
            with _own_faults():
                receipt = self.receive(file, token, oauth)
        except AgrofluxError as error:
            return cards.problem(error), None, None, gr.update(active=False)
        entry = self._store.entry(receipt.id)
        assert entry is not None
        return cards.progress(entry, receipt), (receipt.id, receipt), None, gr.update(active=True)

    def _follow(self, watched: tuple[str, Receipt] | None) -> tuple[str, dict[str, Any]]:
        entry = None if watched is None else self._store.entry(watched[0])
        if entry is None or watched is None:
            return cards.waiting(_HINT), gr.update(active=False)
        row = self._row(entry) if entry.state.final else None
        return cards.progress(entry, watched[1], row), gr.update(active=not entry.state.final)

    # Endpoints for programs: JSON in and out, and an error's text instead of a card.

    def _api_submit(self, file: str | None, token: str, oauth: gr.OAuthToken | None) -> dict[str, Any]:
        """Send a file; answers with a receipt once the file is safe."""
        with _spoken():
            return self.receive(file, token, oauth).to_json()

    def _api_status(self, id: str, token: str, oauth: gr.OAuthToken | None) -> dict[str, Any]:
        """Where one of your submissions stands."""
        with _spoken():
            return self._plain(self.own(id, self._identity.owner(oauth, token)))

    def _api_list(self, token: str, oauth: gr.OAuthToken | None) -> list[dict[str, Any]]:
        """All your submissions, in the order they came."""
        with _spoken():
            return [self._plain(entry) for entry in self._store.entries(owner=self._identity.owner(oauth, token))]

    def _api_withdraw(self, id: str, token: str, oauth: gr.OAuthToken | None) -> dict[str, Any]:
        """Hide one of your submissions from the board."""
        with _spoken():
            owner = self._identity.owner(oauth, token)
            self._store.withdraw(self.own(id, owner).submission.id)
            return self._plain(self.own(id, owner))

    def _api_board(self, task: str) -> list[dict[str, Any]]:
        """The board of a task."""
        with _spoken():
            headers = self._board.headers(task)
            return [dict(zip(headers, cells, strict=True)) for cells in self._board.table(self._board.rows(task), task)]

    def _plain(self, entry: Entry) -> dict[str, Any]:
        submission, result = entry.submission, entry.result
        return {
            "id": submission.id, "task": submission.task, "model": submission.model, "sha256": submission.sha256,
            "received": submission.received.isoformat(timespec="seconds"), "state": entry.state.value,
            "withdrawn": entry.withdrawn, "reason": result and result.reason, "faults": result.faults if result else [],
            "scores": result and coarse(result.scores), "revision": result and result.revision,
            "scorer": result and result.scorer,
        }  # fmt: skip

    def _build(self) -> gr.Blocks:
        tasks = list(self._intake.tasks)
        origins = sorted({self._release.origin(task) for task in tasks})
        with gr.Blocks(title="AgroFlux leaderboard", analytics_enabled=False, delete_cache=(3600, 3600)) as blocks:
            gr.HTML(cards.header(" and ".join(origins), self._release.revision))
            with gr.Tab("Leaderboard") as shown_tab:
                task = gr.Dropdown(
                    [(_label(name), name) for name in tasks], value=tasks[0], label="Task", filterable=False,
                    elem_id="task",
                )  # fmt: skip
                line = gr.HTML()
                empty = gr.HTML(
                    cards.waiting("Nobody has a score for this task yet. Be the first: open the tab Submit."),
                    visible=False,
                )
                table = gr.Dataframe(
                    interactive=False, show_label=False, wrap=True, show_search="search", elem_id="board",
                    buttons=["copy", "fullscreen"], max_height=640,
                )  # fmt: skip
                with gr.Column(visible=False) as drawing:
                    gr.HTML("<h3 class='af-sub'>Skill by model</h3>")
                    plot = gr.Plot(show_label=False, elem_id="skill")
            board = [line, table, plot, drawing, empty]
            with gr.Tab("Submit"), gr.Row(equal_height=False):
                with gr.Column(scale=5, min_width=320):
                    gr.HTML(cards.how_to_submit(self._intake.largest))
                    if self._identity.oauth:
                        gr.LoginButton(icon=None)  # its icon would be one of the files that the guard keeps closed
                    token = gr.Textbox(
                        label="Your token", type="password", placeholder="agf_…", visible=not self._identity.oauth,
                        info="The host of this leaderboard gave it to you. It says who you are.", elem_id="token",
                    )  # fmt: skip
                    file = gr.File(
                        label="Prediction file (Parquet)", file_count="single", type="filepath", height=150,
                        elem_id="file",
                    )  # fmt: skip
                    send = gr.Button("Submit", variant="primary", elem_id="send")
                with gr.Column(scale=6, min_width=320):
                    answer = gr.HTML(cards.waiting(_HINT), elem_id="answer")
            with gr.Tab("About"):
                gr.Markdown(about(self._release, self._intake), elem_id="about")

            watched: gr.State = gr.State(None)
            timer = gr.Timer(2.0, active=False)
            # The page's own events are no endpoints: programs have theirs below.
            own: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
            blocks.load(self._open, None, [task, *board], **own)
            task.change(self._show, task, board, **own)
            send.click(
                self._submit, [file, token], [answer, watched, file, timer], **own | {"show_progress": "minimal"}
            )
            timer.tick(self._follow, watched, [answer, timer], **own)
            # Only when it comes into view: a figure that is drawn out of sight has no width.
            shown_tab.select(self._show, task, board, **own)
            self._endpoints()
        return blocks

    def _endpoints(self) -> None:
        file, answer = gr.File(visible=False, label="file"), gr.JSON(visible=False)
        token, id = gr.Textbox("", visible=False, label="token"), gr.Textbox("", visible=False, label="id")
        task = gr.Textbox("", visible=False, label="task")
        for name, action, inputs in (
            ("submit", self._api_submit, [file, token]),
            ("status", self._api_status, [id, token]),
            ("list", self._api_list, [token]),
            ("withdraw", self._api_withdraw, [id, token]),
            ("board", self._api_board, [task]),
        ):
            gr.Button(visible=False).click(action, inputs, answer, api_name=name)


@contextmanager
def _spoken() -> Iterator[None]:
    """Turn bad input into the one kind of error whose text Gradio passes on."""
    try:
        with _own_faults():
            yield
    except AgrofluxError as error:
        raise gr.Error(str(error), print_exception=False) from None


@contextmanager
def _own_faults() -> Iterator[None]:
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


def _label(task: str) -> str:
    source, scenario = task.rsplit("_", 1)
    return f"{source.capitalize()}, {scenario}"


_TEXTS = {"Model": 190, "By": 95, "Pretraining": 112, "Origin": 95, "Date": 108}
"""The columns of text, and their widths in pixels."""


def _types(headers: list[str]) -> list[str]:
    # "str" is shown as text; any markup in it stays what it is.
    return ["str" if header in _TEXTS else "number" for header in headers]


def _widths(headers: list[str]) -> list[str]:
    return [f"{_TEXTS.get(header, {'Rank': 56, 'Skill': 70}.get(header, 78))}px" for header in headers]


def _cells(headers: list[str], data: list[list[Any]]) -> dict[str, Any]:
    """Cells that sort as numbers and are shown with as many decimals as their column."""
    return {
        "headers": headers,
        "data": data,
        "metadata": {
            "display_value": [
                [shown(cell, header) for cell, header in zip(cells, headers, strict=True)] for cells in data
            ],
            "styling": [["" if header in _TEXTS else "text-align: right" for header in headers] for _ in data],
        },
    }


def _theme() -> gr.themes.Base:
    # System fonts: nothing is fetched from elsewhere, so the page opens at once and tells nobody who reads it.
    fonts = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    theme = gr.themes.Soft(
        primary_hue="emerald", secondary_hue="emerald", neutral_hue="slate", font=fonts,
        font_mono=["ui-monospace", "Menlo", "monospace"],
    )  # fmt: skip
    labels = [f"block_{part}" for part in ("title", "label")]
    plain = {f"{label}_background_fill{mode}": "transparent" for label in labels for mode in ("", "_dark")}
    plain |= {f"{label}_text_color{mode}": "*body_text_color" for label in labels for mode in ("", "_dark")}
    return theme.set(
        # The theme's greys and greens are too faint to read on its own backgrounds.
        body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300",
        button_primary_background_fill="*primary_700", button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700", button_primary_background_fill_hover_dark="*primary_600",
        background_fill_primary="*neutral_50", block_border_width="1px", block_title_padding="0", **plain,
    )  # fmt: skip
