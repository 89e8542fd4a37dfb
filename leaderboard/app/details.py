"""What a row of a board opens to: all that may be known of one submission, or of a model over several tasks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup

from agroflux_data.variables import VARIABLES
from leaderboard.app.figures import SCALES
from leaderboard.app.links import links
from leaderboard.app.numbers import count, number
from leaderboard.app.standings import METRICS, Line
from leaderboard.store import Edit

__all__ = ["over_tasks", "scored", "told"]

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LEVELS = ("10", "25", "50", "75", "90")
_SITE_METRICS = {"r2": "R²", "rmse": "RMSE", "nmae": "nMAE", "rae": "RAE"}


def scored(line: Line) -> str:
    """What is known of the scores of one submission.

    Parameters
    ----------
    line : Line
        Of a task's board.
    """
    entry = line.entry
    assert entry is not None
    scores, half = line.scores, line.scores.get("half", "public")
    pieces = scores.get("pieces") or {}
    parts = [
        _head(line, f"{entry.submission.task}: {_rank(line)}"),
        _section("Scores", _scores(scores), f"Over all observed days of the {half} half of the hidden rows. In "
                 "brackets the 95 % interval: 1,000 resamples of whole site-years."),
        _section("By time scale", _scales(pieces), "R² of means over weeks to years, of the mean seasonal cycle, of "
                 "what departs from it, and between years and sites."),
        _section("Uncertainty", _uncertainty(scores), "Of the predicted quantiles, which do not count for the rank. "
                 "CRPS is to be compared at the same levels; an interval is right where it holds as many of the "
                 "observed days as it is named for, and the narrower the better."),
        _section("By site", _sites(pieces), "How the score of single sites is spread: so many percent of the "
                 "sites lie below. Single sites are shown when the season is closed."),
        _section("Nitrous oxide and carbon", _special(pieces)),
    ]  # fmt: skip
    return Markup('<article class="af-details" aria-labelledby="af-opened">{}</article>').format(Markup("").join(parts))


def told(line: Line, edits: Sequence[Edit]) -> str:
    """What a submission says of itself, who sent it, and when.

    Parameters
    ----------
    line : Line
        Of a task's board.
    edits : sequence of Edit
        Of its metadata.
    """
    assert line.entry is not None
    return Markup('<article class="af-details">{}{}</article>').format(
        _section("About the model", _about(line.entry.metadata)), _section("Who and when", _who(line, edits))
    )


def over_tasks(line: Line) -> str:
    """A model on an overall board: its submissions, each of which opens."""
    rows = [Markup('<tr><th scope="row">{}</th>{}</tr>').format(task, _task(of)) for task, of in line.tasks.items()]
    table = Markup(
        '<table class="af-plain"><thead><tr><th scope="col">Task</th><th scope="col" class="af-n">Rank</th>'
        '<th scope="col" class="af-n">Skill</th><th scope="col">Submission</th></tr></thead><tbody>{}</tbody></table>'
    ).format(Markup("").join(rows))
    return Markup('<article class="af-details" aria-labelledby="af-opened">{}{}</article>').format(
        _head(line, f"over {len(line.tasks)} tasks: {_rank(line)}"), _section("Tasks", table)
    )


def _task(of: Line | None) -> Markup:
    if of is None:
        return Markup('<td colspan="3" class="af-none">missing</td>')
    return Markup(
        '<td class="af-n">{}</td><td class="af-n">{}</td><td><button type="button" data-open="{}">open {}</button></td>'
    ).format("–" if of.rank is None else of.rank, _with(of.skill, of.low, of.high), of.key, of.key)


def _rank(line: Line) -> str:
    return "without a rank" if line.rank is None else f"rank {line.rank}, mean skill {number(line.skill)}"


def _head(line: Line, standing: str) -> Markup:
    chips = [f"pretraining: {line.pretraining}", "external data" if line.external else "no external data", line.origin]
    marks = Markup("").join(Markup('<span class="af-chip">{}</span>').format(chip) for chip in chips)
    if line.verified:
        marks = Markup('<span class="af-chip af-chip-strong">✓ verified by the host</span>') + marks
    return Markup(
        '<h2 id="af-opened" tabindex="-1">{}</h2><p class="af-by">by <b>{}</b> · {}</p><p class="af-chips">{}</p>'
    ).format(line.model, line.owner, standing, marks)


def _section(heading: str, content: Markup, note: str = "") -> Markup:
    if not content:
        return Markup("")
    told = Markup('<p class="af-small">{}</p>').format(note) if note else ""
    return Markup("<section><h3>{}</h3>{}{}</section>").format(heading, content, told)


def _table(caption: str, head: Iterable[str], rows: Iterable[tuple[str, Iterable[Any]]]) -> Markup:
    body = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            name, Markup("").join(Markup('<td class="af-n">{}</td>').format(cell) for cell in cells)
        )
        for name, cells in rows
    )
    if not body:
        return Markup("")
    headings = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(Markup(' class="af-n"') if place else "", heading)
        for place, heading in enumerate(head)
    )
    return Markup(
        '<div class="af-scroll" tabindex="0" role="region" aria-label="{}"><table class="af-plain"><caption '
        'class="af-sr">{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(caption, caption, headings, body)


def _with(value: float | None, low: float | None, high: float | None, target: str | None = None) -> Markup:
    """A number with its interval."""
    if low is None or high is None:
        return Markup("{}").format(number(value, target))
    return Markup('{} <span class="af-between">[{}, {}]</span>').format(
        number(value, target), number(low, target), number(high, target)
    )


def _scores(scores: dict[str, Any]) -> Markup:
    rows = []
    ranked = scores.get("ranked") or []
    for target, of in (scores.get("targets") or {}).items():
        between = of.get("intervals") or {}
        cells = [
            _with(of.get(name), (between.get(name) or {}).get("low"), (between.get(name) or {}).get("high"),
                  target if name in ("rmse", "mae", "bias") else None)
            for name in METRICS
        ]  # fmt: skip
        star = " ★" if target in ranked else ""
        rows.append((f"{target}{star}, {_unit(target)}", [*cells, f"{of.get('n', 0):,}"]))
    return _table("Scores by target", ("Target (★ ranked)", "Skill", "R²", "RMSE", "MAE", "Bias", "Days"), rows)


def _uncertainty(scores: dict[str, Any]) -> Markup:
    """Targets with quantiles: their CRPS, and each central interval that any of them has, the widest first."""
    known = {target: of["uncertainty"] for target, of in (scores.get("targets") or {}).items() if of.get("uncertainty")}
    percents = sorted({percent for of in known.values() for percent in of.get("central") or {}}, key=int, reverse=True)
    rows = []
    for target, of in known.items():
        between = (of.get("intervals") or {}).get("crps") or {}
        rows.append((f"{target}, {_unit(target)}", [
            _with(of.get("crps"), between.get("low"), between.get("high"), target),
            *(_held((of.get("central") or {}).get(percent) or {}, target) for percent in percents),
            _levels(of.get("levels") or ()),
        ]))  # fmt: skip
    heads = ("Target", "CRPS", *(f"Days in {percent} %" for percent in percents), "Levels")
    return _table("Predicted quantiles", heads, rows)


def _held(central: dict[str, Any], target: str) -> Markup:
    """How many days an interval holds, and how wide it is."""
    share = central.get("coverage")
    if share is None:
        return Markup("–")
    return Markup('{:.1f} % <span class="af-between">width {}</span>').format(
        100 * share, number(central.get("width"), target)
    )


def _levels(levels: Sequence[int]) -> str:
    """A few in full: 5, 50, 95 %; of many their number: 19 from 5 to 95 %."""
    if len(levels) > 5:
        return f"{len(levels)} from {levels[0]} to {levels[-1]} %"
    return ", ".join(map(str, levels)) + " %"


def _scales(pieces: dict[str, Any]) -> Markup:
    known = {target: of.get("scales") or {} for target, of in (pieces.get("targets") or {}).items()}
    names = [name for name in SCALES if any(name in of for of in known.values())]
    return _table(
        "R² by time scale", ("Target", *(SCALES[name] for name in names)),
        [(target, [number((of.get(name) or {}).get("r2")) for name in names]) for target, of in known.items()],
    )  # fmt: skip


def _sites(pieces: dict[str, Any]) -> Markup:
    rows = []
    for target, of in (pieces.get("targets") or {}).items():
        sites = ((of.get("scales") or {}).get("daily") or {}).get("sites") or {}
        for metric, words in _SITE_METRICS.items():
            if (found := sites.get(metric)) and found.get("50") is not None:
                told = f"{target} {words}" + (f", {_unit(target)}" if metric == "rmse" else "")
                rows.append((told, [number(found.get(level), target if metric == "rmse" else None)
                                    for level in _LEVELS]))  # fmt: skip
    return _table("Quantiles over sites", ("", *(f"{level} %" for level in _LEVELS)), rows)


def _special(pieces: dict[str, Any]) -> Markup:
    told = []
    for target, of in (pieces.get("targets") or {}).items():
        hot, total = of.get("hot_moments"), of.get("annual_total")
        if hot and hot.get("share") is not None:
            told.append((f"{target} hot moments", f"{100 * hot['share']:.1f} % of {hot['days']:,} days caught (the 5 % "
                         "of each year's days with the most emission; chance catches 5 %)"))  # fmt: skip
        if total and total.get("relative") is not None:
            told.append((f"{target} annual total", f"missed by {100 * total['relative']:.1f} % on average, over "
                         f"{total['n']:,} years"))  # fmt: skip
    if (closure := pieces.get("closure")) and closure.get("mean") is not None:
        told.append(("Closure |NEE − (RECO − GPP)|", f"{closure['mean']:.3g} g C m⁻² d⁻¹ on average, at most "
                     f"{closure['largest']:.3g}"))  # fmt: skip
    return _facts(told)


def _unit(target: str) -> str:
    """The unit of a variable as it is printed: g C m⁻² d⁻¹."""
    unit = VARIABLES[target].unit if target in VARIABLES else ""
    return re.sub(r"-\d", lambda found: found.group().translate(_RAISED), unit)


def _about(metadata: dict[str, Any]) -> Markup:
    parameters = metadata.get("parameters")
    told: list[tuple[str, Any]] = [
        ("Method", metadata.get("method")),
        ("Parameters", f"{parameters:,} ({count(parameters)})" if isinstance(parameters, int) else None),
        ("Authors", ", ".join(map(str, metadata.get("authors") or ()))),
        ("Pretraining", metadata.get("pretraining")),
        ("External data", metadata.get("external_data_used") if metadata.get("external_data") else "none"),
        ("Seeds", ", ".join(map(str, metadata.get("seeds") or ()))),
        ("Links", links(metadata.get("links") or ())),
    ]
    text = str(metadata.get("description") or "")
    described = Markup('<p class="af-text">{}</p>').format(text) if text else Markup("")
    return described + _facts(told)


def _who(line: Line, edits: Sequence[Edit]) -> Markup:
    entry = line.entry
    assert entry is not None
    submission, result = entry.submission, entry.result
    told: list[tuple[str, Any]] = [
        ("Submission", submission.id),
        ("Received", f"{submission.received:%Y-%m-%d %H:%M:%S} UTC"),
        ("Scored", result and f"{result.finished:%Y-%m-%d %H:%M:%S} UTC, scorer {result.scorer}"),
        ("Release", result and result.revision),
        ("SHA-256", submission.sha256),
    ]
    if edits:
        times = "once" if len(edits) == 1 else f"{len(edits)} times"
        told.append(("Metadata", f"changed by the participant {times}, the last on {edits[-1].at:%Y-%m-%d}; the file "
                     f"called the model “{submission.model}”"))  # fmt: skip
    return _facts(told)


def _facts(told: Iterable[tuple[str, Any]]) -> Markup:
    known = Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>").format(name, value) for name, value in told if value)
    return Markup('<dl class="af-facts">{}</dl>').format(known) if known else Markup("")
