"""The pieces of HTML that the page shows. Everything from outside is escaped by `markupsafe` as it goes in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from agroflux_data.errors import AgrofluxError
from leaderboard.app.numbers import number
from leaderboard.app.standings import Line
from leaderboard.board import coarse
from leaderboard.intake import Quota, Receipt
from leaderboard.seasons import Phase, Season
from leaderboard.store import Edit, Entry, Half, State
from submission.codes import FaultyFileError

__all__ = [
    "header", "history", "how_to_submit", "mine", "problem", "progress", "quotas", "season", "task_line", "told",
    "waiting",
]  # fmt: skip

_STEPS = {
    State.RECEIVED: "Received. It is safe, and waits for its turn.",
    State.SCORING: "It is being checked and scored.",
    State.SCORED: "Scored.",
    State.REJECTED: "The file was not accepted.",
    State.FAILED: "It could not be scored, and the fault is ours.",
}
_KINDS = {State.SCORED: "af-good", State.REJECTED: "af-bad", State.FAILED: "af-bad"}
_MARKS = {State.SCORED: "✓", State.REJECTED: "✗", State.FAILED: "!"}


def header(origin: str, revision: str) -> str:
    """The title, one line on what this is, and whose numbers they are."""
    return Markup(
        '<header class="af-head"><h1>AgroFlux leaderboard</h1>'
        "<p>Daily carbon and nitrogen fluxes of cropland, predicted for years and places that no model has seen.</p>"
        '<p class="af-chips"><span class="af-chip af-chip-strong">{} data</span>'
        '<span class="af-chip">release {}</span></p></header>'
    ).format(origin, revision)


def task_line(scenario: str, rows: int, targets: Iterable[str], origin: str) -> str:
    """What the chosen task asks for, in a line."""
    asked = "later years of known sites" if scenario == "temporal" else "sites that are not in the training data"
    return Markup(
        '<p class="af-task">Predict <b>{}</b> for {:,} hidden site-years: {}. Ranked by mean skill against the '
        "climatology of the training data (1 is perfect, 0 is no better). Origin of the numbers: <b>{}</b>.</p>"
    ).format(", ".join(targets), rows, asked, origin)


def season(season: Season | None, phase: Phase | None, shown: Half) -> str:
    """Which scores are on the boards, and until when submissions are taken."""
    if season is None or phase is None:
        return told("Scores are those of the public half of the hidden rows.")
    until = "" if season.freezes is None else f" until {_time(season.freezes)}"
    words = {
        Phase.ANNOUNCED: f"Season {season.name} opens at {_time(season.opens)}.",
        Phase.OPEN: f"Season {season.name} is open{until}. Scores are those of the public half of the hidden rows; "
        "when the season is closed, the private half ranks.",
        Phase.FROZEN: f"Season {season.name} has ended, and its candidates are being scored on the private half of the "
        "hidden rows. What is shown here is the public half.",
        Phase.CLOSED: f"Season {season.name} is closed. "
        + ("These are its final ranks, by the private half of the hidden rows." if shown is Half.PRIVATE
           else "What is shown here is the public half; the final ranks are by the private one."),
    }  # fmt: skip
    return told(words[phase])


def told(text: str) -> str:
    """A line under the controls."""
    return Markup('<p class="af-task">{}</p>').format(text)


def how_to_submit(largest: int) -> str:
    """The steps before the drop zone."""
    return Markup(
        '<div class="af-how"><h2>Submit predictions</h2><ol>'
        "<li>Predict every hidden row: <code>agroflux-train predict</code> writes the file, or write it yourself. "
        "Quantiles may stand beside a target, as <code>GPP_q05</code> and <code>GPP_q95</code>; they are scored apart "
        "from the rank.</li>"
        "<li>Check it at home as often as you like: <code>agroflux-submit validate FILE</code> is the same check.</li>"
        "<li>Drop it here (up to {:.0f} MB). The task and the model's name are read from the file.</li></ol></div>"
    ).format(largest / 1e6)


def waiting(hint: str) -> str:
    """An empty place, and what will stand there."""
    return Markup('<div class="af-card af-quiet" role="status"><p>{}</p></div>').format(hint)


def problem(error: AgrofluxError, title: str = "Not received") -> str:
    """Something was refused, and nothing was recorded."""
    what = (
        _faults([error.fault.to_json()])
        if isinstance(error, FaultyFileError)
        else Markup("<p>{}.</p>").format(_sentence(str(error)))
    )
    return Markup(
        '<div class="af-card af-bad" role="alert"><h3>{}</h3>{}'
        '<p class="af-small">Nothing was recorded, and nothing counts against your quota.</p></div>'
    ).format(title, what)


def progress(entry: Entry, receipt: Receipt | None = None, line: Line | None = None) -> str:
    """A receipt with what has become of it."""
    submission, result = entry.submission, entry.result
    title = "Withdrawn. It stands on no board." if entry.withdrawn else _STEPS[entry.state]
    parts = [
        Markup('<div class="af-card {}" role="status" aria-live="polite"><h3>{}</h3>').format(
            _KINDS.get(entry.state, "af-busy"), title
        ),
        _steps(entry),
    ]
    if line is not None:
        parts.append(_scores(line))
    if result is not None and entry.state is not State.SCORED:
        if result.faults:
            kinds = "One thing is" if len(result.faults) == 1 else f"{len(result.faults)} things are"
            parts.append(Markup("<p>{} wrong with this file:</p>{}").format(kinds, _faults(result.faults)))
        else:
            parts.append(Markup("<p>{}</p>").format(result.reason or ""))
    if receipt is not None and not receipt.new:
        parts.append(
            Markup('<p class="af-small">You sent this very file before: this is its receipt, and it counts once.</p>')
        )
    facts: list[tuple[str, Any]] = [
        ("Receipt", submission.id), ("Model", entry.model), ("By", submission.owner), ("Task", submission.task),
        ("Received", _time(submission.received)), ("File", _size(submission.size)),
        ("SHA-256", submission.sha256),
    ]  # fmt: skip
    if receipt is not None:
        quota = receipt.quota
        facts.append(("Left today", f"{quota.left} of {quota.of} for this task; anew at {_time(quota.resets)}"))
    parts.append(Markup('<dl class="af-facts">'))
    parts.extend(Markup("<dt>{}</dt><dd>{}</dd>").format(name, value) for name, value in facts)
    parts.append(Markup("</dl></div>"))
    return Markup("").join(parts)


def quotas(owner: str, of: Mapping[str, Quota]) -> str:
    """What somebody has left today, task by task."""
    resets = next(iter(of.values())).resets
    rows = Markup("").join(
        Markup('<li><span>{}</span><b class="{}">{} of {}</b></li>').format(
            task, "" if quota.left else "af-empty", quota.left, quota.of
        )
        for task, quota in of.items()
    )
    return Markup(
        '<div class="af-card"><h3>Left today, {}</h3><ul class="af-quotas">{}</ul>'
        '<p class="af-small">Begins anew at {}. What fails by our fault does not count.</p></div>'
    ).format(owner, rows, _time(resets))


def mine(entries: Sequence[Entry], chosen: str | None) -> str:
    """Somebody's submissions, the latest first; each opens."""
    if not entries:
        return waiting("You have sent nothing yet.")
    rows = Markup("").join(
        Markup(
            '<tr data-open="{}" class="{}"><th scope="row" class="af-c-name"><button type="button" data-open="{}" '
            'aria-pressed="{}">{}</button></th><td>{}</td><td><span class="af-state {}">{} {}</span></td><td>{}</td>'
            '<td>{}</td><td class="af-n">{}</td></tr>'
        ).format(
            entry.submission.id, "af-chosen" if entry.submission.id == chosen else "", entry.submission.id,
            "true" if entry.submission.id == chosen else "false", entry.model, entry.submission.task,
            _KINDS.get(entry.state, "af-busy"), _MARKS.get(entry.state, "…"),
            entry.state.value + (", withdrawn" if entry.withdrawn else ""),
            _time(entry.submission.received), _time(entry.result.finished) if entry.result else "–", _skill(entry),
        )
        for entry in reversed(entries)
    )  # fmt: skip
    return Markup(
        '<p class="af-count" role="status">{} submission{}</p><div class="af-scroll" tabindex="0" role="region" '
        'aria-label="Your submissions"><table class="af-board"><caption class="af-sr">Your submissions</caption>'
        '<thead><tr><th scope="col" class="af-c-name">Model</th><th scope="col">Task</th><th scope="col">State</th>'
        '<th scope="col">Received</th><th scope="col">Finished</th><th scope="col" class="af-n">Skill</th></tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(len(entries), "" if len(entries) == 1 else "s", rows)


def history(original: Mapping[str, Any], edits: Sequence[Edit]) -> str:
    """How a submission's metadata changed, the latest last."""
    if not edits:
        return Markup('<p class="af-small">Not changed since it was sent.</p>')
    items, before = [], dict(original)
    for edit in edits:
        changes = Markup("").join(
            Markup("<li><b>{}</b>: {} → {}</li>").format(name, _value(before.get(name)), _value(value))
            for name, value in edit.metadata.items()
            if value != before.get(name)
        )
        items.append(Markup("<li>{}<ul>{}</ul></li>").format(_time(edit.at), changes))
        before = edit.metadata
    return Markup('<div class="af-history"><h4>Changes, all of them kept</h4><ol>{}</ol></div>').format(
        Markup("").join(items)
    )


def _value(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return "nothing" if value in (None, "", [], ()) else text if len(text) <= 80 else text[:79] + "…"


def _skill(entry: Entry) -> str:
    scores = (entry.result and entry.result.scores) or {}
    return number(coarse(scores).get("skill"))


def _size(bytes: int) -> str:
    return f"{bytes / 1e6:.1f} MB" if bytes >= 1e6 else f"{bytes / 1e3:.1f} kB"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _steps(entry: Entry) -> Markup:
    reached = {State.RECEIVED: 0, State.SCORING: 1}.get(entry.state, 2)
    finished = entry.result.finished if entry.result else None
    steps = (
        ("received", f"{entry.submission.received:%H:%M:%S}"), ("scoring", ""),
        (entry.state.value if entry.state.final else "scored", f"{finished:%H:%M:%S} UTC" if finished else ""),
    )  # fmt: skip
    return Markup('<ol class="af-steps">{}</ol>').format(
        Markup("").join(
            Markup('<li class="{}"{}>{}<small>{}</small></li>').format(
                "af-done" if place <= reached else "",
                Markup(' aria-current="step"') if place == reached else "", name, time,
            )
            for place, (name, time) in enumerate(steps)
        )
    )  # fmt: skip


def _scores(line: Line) -> Markup:
    tiles = [("rank", "–" if line.rank is None else f"{line.rank}"), ("mean skill", number(line.skill))]
    tiles += [(f"{target} R²", number(of["r2"])) for target, of in line.targets.items()]
    return Markup('<div class="af-tiles">{}</div>').format(
        Markup("").join(Markup("<div><b>{}</b><span>{}</span></div>").format(value, name) for name, value in tiles)
    )


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
