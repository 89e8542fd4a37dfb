"""The tab Leaderboard: a board for each task and over tasks, with filters, figures, and rows that open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from agroflux_data.release import Release
from leaderboard.app import cards, figures
from leaderboard.app.actions import Actions
from leaderboard.app.details import over_tasks, scored, told
from leaderboard.app.pick import PICK
from leaderboard.app.standings import Line, Standings
from leaderboard.app.table import table
from leaderboard.app.view import ANY, OPTIONAL, USUAL, Column, View, columns
from leaderboard.seasons import Phase
from leaderboard.store import Half

__all__ = ["Boards", "Visit"]

_ALL = "all"
_PANELS = 7
"""Outputs that say whether a board or a row of it is shown, and what is in the row."""
_RANKS, _SIZES = "Rank with intervals", "Skill and model size"
_TARGETS, _SITES = "Targets and tasks", "Spread over sites"


@dataclass
class Visit:
    """What one visitor sees of the boards, kept between events and changed by each as soon as it begins.

    Attributes
    ----------
    view : View
    asked : int
        How often something was asked for. Events run side by side, and an answer that is not the latest is not given:
        the latest has all that was asked before.
    """

    view: View = field(default_factory=View)
    asked: int = 0


class Boards:
    """The tab, inside a `gradio.Blocks`.

    Parameters
    ----------
    blocks : gradio.Blocks
    tab : gradio.Tab
        Where it stands; what is shown is fresh whenever it is selected.
    release : Release
    tasks : sequence of str
        Those that take submissions.
    standings : Standings
    actions : Actions
    """

    def __init__(
        self, blocks: gr.Blocks, tab: gr.Tab, release: Release, tasks: Sequence[str], standings: Standings,
        actions: Actions,
    ):  # fmt: skip
        self._release, self._tasks, self._standings, self._actions = release, tuple(tasks), standings, actions
        self._changing = threading.Lock()
        sources = list(dict.fromkeys(release.task(task).source for task in tasks))
        scenarios = list(dict.fromkeys(str(release.task(task).scenario) for task in tasks))
        origins = sorted({release.origin(task) for task in tasks})
        with gr.Column() as board:
            with gr.Row():
                source = gr.Radio(
                    [("All", _ALL), *((name.capitalize(), name) for name in sources)], value=_ALL, label="Source",
                    elem_id="source", min_width=320, scale=9,
                )  # fmt: skip
                scenario = gr.Radio(
                    [("All", _ALL), *((name.capitalize(), name) for name in scenarios)], value=_ALL, label="Scenario",
                    elem_id="scenario", min_width=240, scale=6,
                )  # fmt: skip
                search = gr.Textbox(
                    label="Search", placeholder="model, participant, method", elem_id="search", min_width=220, scale=4,
                    max_length=200,
                )  # fmt: skip
            with gr.Accordion("Filters and columns", open=False, elem_id="filters"):
                with gr.Row():
                    pretraining = _filter("Pretraining", ["none", "ecosys", "daycent", "external"], "pretraining")
                    external = _filter("External data", ["yes", "no"], "external")
                    verified = _filter("Verified", ["yes", "no"], "verified")
                    origin = _filter("Origin of the data", origins, "origin")
                chosen = gr.CheckboxGroup(list(OPTIONAL), value=list(USUAL), label="Columns", elem_id="columns")
            half = gr.Radio(
                [("Final ranks", Half.PRIVATE.value), ("Public half", Half.PUBLIC.value)], value=Half.PRIVATE.value,
                label="Scores", elem_id="half", visible=False,
            )  # fmt: skip
            line = gr.HTML(elem_id="line")
            shown = gr.HTML(elem_id="board", js_on_load=PICK)
            gr.HTML("<h2 class='af-sub'>Figures</h2>")
            figure = gr.Radio(
                [_RANKS, _SIZES, _TARGETS, _SITES], value=_RANKS, show_label=False, label="Figure", elem_id="figure",
                container=False,
            )  # fmt: skip
            plot = gr.Plot(show_label=False, elem_id="plot", label="Figure")
        with gr.Column(visible=False, elem_id="details") as opened:
            back = gr.Button("← Back to the board", elem_id="back", size="sm")
            detail = gr.HTML(elem_id="detail", js_on_load=PICK)
            with gr.Row(visible=False) as drawn:
                with gr.Column(min_width=320):
                    gr.HTML("<h3 class='af-sub'>Spread over sites</h3>")
                    spread = gr.Plot(show_label=False, elem_id="spread", label="Spread over sites")
                with gr.Column(min_width=320):
                    gr.HTML("<h3 class='af-sub'>R² by time scale</h3>")
                    scales = gr.Plot(show_label=False, elem_id="scales", label="R² by time scale")
            about_it = gr.HTML(elem_id="about-it")

        visit: gr.State = gr.State(Visit())
        # The page's own events are no endpoints: programs have theirs. They only read, so any number may run at once.
        own: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}
        task = [source, scenario, half]
        filters: list[Any] = [search, pretraining, external, verified, origin, chosen]
        everything, answer = [visit, *task, *filters], [line, half, shown]
        gr.on([blocks.load, tab.select], self.show, everything, answer, **own).then(
            self._draw, [*task, figure], plot, **own
        )
        # One event for all of them: of many changes at once, as of a text that is typed, the last is asked for.
        gr.on(
            [*(one.input for one in task), *(one.change for one in filters)],
            self.show, everything, answer, trigger_mode="always_last", **own,
        )  # fmt: skip
        gr.on(
            [one.input for one in (*task, figure)],
            self._draw, [*task, figure], plot, trigger_mode="always_last", **own,
        )  # fmt: skip
        panels = [board, opened, detail, about_it, drawn, spread, scales]
        # Every press counts, also one that comes while another is answered.
        shown.pick(self.pick, everything, [*answer, *panels], trigger_mode="multiple", **own)
        detail.pick(self._reopen, half, panels, trigger_mode="multiple", **own)
        back.click(lambda: (gr.update(visible=True), gr.update(visible=False)), None, [board, opened], **own)

    def _chosen(self, source: str, scenario: str) -> list[str]:
        """The tasks of a source and a scenario, each of which may be all."""
        found = [
            task
            for task in self._tasks
            if source in (_ALL, self._release.task(task).source)
            and scenario in (_ALL, str(self._release.task(task).scenario))
        ]
        return found or list(self._tasks)

    def _columns(self, tasks: Sequence[str], chosen: Sequence[str]) -> list[Column]:
        if len(tasks) == 1:
            return columns(chosen, targets=self._standings.targets(tasks[0]))
        return columns(chosen, tasks=tasks)

    def _half(self, wanted: str) -> Half:
        """The half that the boards are by: the private one only once the season is closed."""
        closed = self._standings.season()[1] is Phase.CLOSED
        return Half.PRIVATE if closed and wanted == Half.PRIVATE.value else Half.PUBLIC

    def _lines(self, tasks: Sequence[str], half: Half) -> list[Line]:
        return self._standings.task(tasks[0], half) if len(tasks) == 1 else self._standings.overall(tasks, half)

    def show(self, visit: Visit, source: str, scenario: str, half: str, *filters: Any) -> tuple[Any, ...]:
        """The board that the controls ask for, its first page."""
        search, pretraining, external, verified, origin, chosen = filters
        return self._shown(
            visit,
            lambda view: replace(
                view, search=str(search or "")[:200], pretraining=pretraining, external=external, verified=verified,
                origin=origin, chosen=tuple(chosen or ()), page=0,
            ),
            source, scenario, half,
        )  # fmt: skip

    def _shown(
        self, visit: Visit, change: Callable[[View], View], source: str, scenario: str, half: str
    ) -> tuple[Any, ...]:
        """Change what a visitor sees, and answer with it; with nothing if something else was asked for meanwhile."""
        with self._changing:
            visit.view = view = change(visit.view)
            visit.asked = asked = visit.asked + 1
        tasks, by = self._chosen(source, scenario), self._half(half)
        season, phase = self._standings.season()
        caption = f"Board of {tasks[0]}" if len(tasks) == 1 else f"Board over {len(tasks)} tasks"
        answer = (
            self._line(tasks) + cards.season(season, phase, by),
            gr.update(visible=phase is Phase.CLOSED),
            table(self._lines(tasks, by), self._columns(tasks, view.chosen), view, caption),
        )
        return answer if visit.asked == asked else (gr.skip(),) * len(answer)

    def _line(self, tasks: Sequence[str]) -> str:
        if len(tasks) > 1:
            return cards.told(
                f"Mean skill over {len(tasks)} tasks. Who has submitted to more of them stands before who "
                "lacks one, and those with as many by their mean. Choose source and scenario for the board of a task."
            )
        (task,) = tasks
        split = self._release.split(task, "test")
        scenario = str(self._release.task(task).scenario)
        return cards.task_line(scenario, split.rows, self._standings.targets(task), self._release.origin(task))

    def _draw(self, source: str, scenario: str, half: str, figure: str) -> go.Figure:
        tasks = self._chosen(source, scenario)
        lines = self._lines(tasks, self._half(half))
        if figure == _SIZES:
            return figures.sizes(lines)
        if figure == _TARGETS:
            if len(tasks) == 1:
                return figures.by_target(lines, self._standings.targets(tasks[0]))
            return figures.by_task(lines, tasks)
        if figure == _SITES:
            if len(tasks) > 1:
                return figures.nothing("Choose one source and one scenario.")
            return figures.sites_of_models(lines, self._standings.targets(tasks[0])[0])
        return figures.ranks(lines)

    def pick(
        self, event: gr.EventData, visit: Visit, source: str, scenario: str, half: str, *filters: Any
    ) -> tuple[Any, ...]:
        """Sort by a heading, turn a page, or open a row; what comes is a browser's word for one of them."""
        sort, page, open = (str(getattr(event, name)) for name in ("sort", "page", "open"))
        left = [gr.skip()] * _PANELS
        if open:
            return *[gr.skip()] * 3, *self._opened(open, self._chosen(source, scenario), self._half(half))

        def change(view: View) -> View:
            by_key = {column.key: column for column in self._columns(self._chosen(source, scenario), view.chosen)}
            if sort in by_key:
                return view.sorted_by(by_key[sort])
            return replace(view, page=int(page)) if page.isdecimal() and len(page) < 7 else view

        return *self._shown(visit, change, source, scenario, half), *left

    def _reopen(self, event: gr.EventData, half: str) -> tuple[Any, ...]:
        return self._opened(str(event.open), self._tasks, self._half(half))

    def _opened(self, key: str, tasks: Sequence[str], half: Half) -> tuple[Any, ...]:
        """The panels with a line opened: a submission's, or that of a model over several tasks."""
        hidden, visible = gr.update(visible=False), gr.update(visible=True)
        line = self._standings.line(key, half)
        if line is None and len(tasks) > 1:
            line = next((one for one in self._standings.overall(tasks, half) if one.key == key), None)
        if line is None:
            return (gr.skip(),) * _PANELS
        if line.entry is None:
            return hidden, visible, over_tasks(line), "", hidden, gr.skip(), gr.skip()
        about_it = told(line, self._actions.edits(line.key))
        return hidden, visible, scored(line), about_it, visible, figures.sites(line), figures.by_scale(line)


def _filter(label: str, choices: Sequence[str], id: str) -> gr.Dropdown:
    return gr.Dropdown(
        [("Any", ANY), *((choice.capitalize(), choice) for choice in choices)], value=ANY, label=label,
        filterable=False, elem_id=id, min_width=140,
    )  # fmt: skip
