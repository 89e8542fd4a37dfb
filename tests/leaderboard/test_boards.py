"""The boards' own events run side by side: what was asked for last is what is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from agroflux_data.release import Release
from leaderboard.app.actions import Actions
from leaderboard.app.boards import Boards, Visit
from leaderboard.app.standings import Line, Standings
from leaderboard.app.view import ANY, USUAL
from leaderboard.identity import HostTokens
from leaderboard.intake import Intake
from leaderboard.store import Half, LocalStore
from leaderboard.tokens import Tokens
from tests.leaderboard.test_pages import enter

TASK = ("towers", "temporal", "public")


class Interrupted(Standings):
    """Standings that something else happens to be asked of meanwhile, once."""

    meanwhile: Callable[[], object] | None = None

    def task(self, task: str, half: Half = Half.PUBLIC) -> list[Line]:
        then, self.meanwhile = self.meanwhile, None
        if then is not None:
            then()
        return super().task(task, half)


def test_an_answer_that_was_overtaken_is_not_given(store: LocalStore, release: Release) -> None:
    for name in ("first beta", "first alpha", "other"):
        enter(store, release, name, 0.5, 0.5)
    standings, tasks = Interrupted(store, release), release.hidden_tasks
    with gr.Blocks() as blocks, gr.Tab("Leaderboard") as tab:
        actions = Actions(store, Intake(store, release), HostTokens(Tokens(store.folder)), lambda: None)
        boards = Boards(blocks, tab, release, tasks, standings, actions)

    def pressed() -> None:
        event = gr.EventData(None, {"sort": "model", "page": "", "open": ""})
        answers.append(boards.pick(event, visit, *TASK, *filters))

    visit, filters = Visit(), ["FIRST", ANY, ANY, ANY, ANY, list(USUAL)]
    answers: list[tuple[Any, ...]] = []
    standings.meanwhile = pressed
    overtaken = boards.show(visit, *TASK, *filters)
    assert all("value" not in answer for answer in overtaken)
    [(_, _, table, *_)] = answers
    # With the search of the one and the order of the other.
    assert table.index("alpha") < table.index("beta")
    assert "other" not in table
    pressed()
    _, _, table, *_ = answers[-1]
    assert table.index("beta") < table.index("alpha")
