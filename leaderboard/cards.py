"""The pieces of HTML that the page shows. Everything from outside is escaped by `markupsafe` as it goes in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from agroflux_data.errors import AgrofluxError
from leaderboard.intake import Receipt
from leaderboard.ranking import Row
from leaderboard.store import Entry, State
from submission.codes import FaultyFileError

__all__ = ["header", "how_to_submit", "problem", "progress", "task_line", "waiting"]

_STEPS = {
    State.RECEIVED: "Received. It is safe, and waits for its turn.",
    State.SCORING: "It is being checked and scored.",
    State.SCORED: "Scored.",
    State.REJECTED: "The file was not accepted.",
    State.FAILED: "It could not be scored, and the fault is ours.",
}


def header(origin: str, revision: str) -> str:
    """The title, one line on what this is, and whose numbers they are."""
    return Markup(
        '<div class="af-head"><h1>AgroFlux leaderboard</h1>'
        "<p>Daily carbon and nitrogen fluxes of cropland, predicted for years and places that no model has seen.</p>"
        '<p class="af-chips"><span class="af-chip af-chip-strong">{} data</span>'
        '<span class="af-chip">release {}</span><span class="af-chip">public half of the hidden rows</span></p></div>'
    ).format(origin, revision)


def task_line(scenario: str, rows: int, targets: Iterable[str], origin: str) -> str:
    """What the chosen task asks for, in a line."""
    asked = "later years of known sites" if scenario == "temporal" else "sites that are not in the training data"
    return Markup(
        '<p class="af-task">Predict <b>{}</b> for {:,} hidden site-years: {}. Ranked by mean skill against the '
        "climatology of the training data (1 is perfect, 0 is no better). Origin of the numbers: <b>{}</b>.</p>"
    ).format(", ".join(targets), rows, asked, origin)


def how_to_submit(largest: int) -> str:
    """The steps before the drop zone."""
    return Markup(
        '<div class="af-how"><h3>Submit predictions</h3><ol>'
        "<li>Predict every hidden row: <code>agroflux-train predict</code> writes the file, or write it yourself.</li>"
        "<li>Check it at home as often as you like: <code>agroflux-submit validate FILE</code> is the same check.</li>"
        "<li>Drop it here (up to {:.0f} MB). The task and the model's name are read from the file.</li></ol></div>"
    ).format(largest / 1e6)


def waiting(hint: str) -> str:
    """The empty place where a receipt will stand."""
    return Markup('<div class="af-card af-quiet" role="status"><p>{}</p></div>').format(hint)


def problem(error: AgrofluxError) -> str:
    """Something was refused, and nothing was recorded."""
    what = (
        _faults([error.fault.to_json()])
        if isinstance(error, FaultyFileError)
        else Markup("<p>{}.</p>").format(_sentence(str(error)))
    )
    return Markup(
        '<div class="af-card af-bad" role="alert"><h3>Not received</h3>{}'
        '<p class="af-small">Nothing was recorded, and nothing counts against your quota.</p></div>'
    ).format(what)


def progress(entry: Entry, receipt: Receipt | None = None, row: Row | None = None) -> str:
    """A receipt with what has become of it."""
    submission = entry.submission
    kind = {State.SCORED: "af-good", State.REJECTED: "af-bad", State.FAILED: "af-bad"}.get(entry.state, "af-busy")
    parts = [
        Markup('<div class="af-card {}" role="status" aria-live="polite"><h3>{}</h3>').format(
            kind, _STEPS[entry.state]
        ),
        _steps(entry.state),
    ]
    if row is not None:
        parts.append(_scores(row))
    if entry.result is not None and entry.state is not State.SCORED:
        parts.append(_faults(entry.result.faults) or Markup("<p>{}</p>").format(entry.result.reason or ""))
    facts: list[tuple[str, Any]] = [
        ("Receipt", submission.id), ("Model", submission.model), ("By", submission.owner), ("Task", submission.task),
        ("Received", f"{submission.received:%Y-%m-%d %H:%M:%S} UTC"), ("SHA-256", f"{submission.sha256[:16]}…"),
    ]  # fmt: skip
    if receipt is not None:
        quota = receipt.quota
        facts.append(("Left today", f"{quota.left} of {quota.of} for this task; anew at {quota.resets:%H:%M} UTC"))
        if not receipt.new:
            parts.append(
                Markup(
                    '<p class="af-small">You sent this very file before: this is its receipt, and it counts once.</p>'
                )
            )
    parts.append(Markup('<dl class="af-facts">'))
    parts.extend(Markup("<dt>{}</dt><dd>{}</dd>").format(name, value) for name, value in facts)
    parts.append(Markup("</dl></div>"))
    return Markup("").join(parts)


def _steps(state: State) -> Markup:
    reached = {State.RECEIVED: 0, State.SCORING: 1}.get(state, 2)
    names = ("received", "scoring", state.value if state.final else "scored")
    return Markup('<ol class="af-steps">{}</ol>').format(
        Markup("").join(
            Markup('<li class="{}">{}</li>').format("af-done" if number <= reached else "", name)
            for number, name in enumerate(names)
        )
    )


def _scores(row: Row) -> Markup:
    tiles = [("rank", "-" if row.rank is None else f"{row.rank}"), ("mean skill", _number(row.skill))]
    tiles += [(f"{target} R²", _number(score.r2)) for target, score in row.targets.items()]
    return Markup('<div class="af-tiles">{}</div>').format(
        Markup("").join(Markup("<div><b>{}</b><span>{}</span></div>").format(value, name) for name, value in tiles)
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:z.3f}"


def _faults(faults: Iterable[dict[str, Any]]) -> Markup:
    lines = []
    for fault in faults:
        column = f" in {fault['column']}" if fault.get("column") else ""
        line = Markup('<li><b>{}{}</b> <span class="af-small">{}</span><div>{}</div>').format(
            _sentence(str(fault.get("meaning", ""))), column, fault.get("code", ""), fault.get("message", "")
        )
        if fault.get("examples"):
            line += Markup('<div class="af-small">first: {}</div>').format(", ".join(map(str, fault["examples"])))
        line += Markup('<div class="af-advice">{}</div></li>').format(fault.get("remedy", ""))
        lines.append(line)
    return Markup('<ul class="af-faults">{}</ul>').format(Markup("").join(lines)) if lines else Markup("")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
