"""The page's figures. Plotly reads markup in any text, so every text from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from leaderboard.app.standings import Line

__all__ = ["SCALES", "by_scale", "by_target", "by_task", "nothing", "ranks", "sites", "sites_of_models", "sizes"]

# After Okabe and Ito, so that the colour-blind can tell them apart, each with a marker of its own; the blue is lighter
# than theirs, to be seen on a dark page too.
_STYLES: tuple[tuple[str, str], ...] = (
    ("#2288CC", "circle"), ("#009E73", "square"), ("#D55E00", "diamond"), ("#CC79A7", "triangle-up"),
)  # fmt: skip
_GREY = "rgba(128, 128, 128, 0.35)"
_TEXT = "#808890"
"""Of lines, to be seen on white and on black; the style sheet gives letters the page's own colour."""
_SHOWN = 20
_LOWEST = -1.0
"""Skill and R² have no lower end: what is further down is drawn here."""
SCALES = {
    "daily": "days", "weekly": "weeks", "monthly": "months", "yearly": "years", "seasonal": "mean season",
    "anomalies": "anomalies", "inter_annual": "between years", "site_mean": "between sites",
}  # fmt: skip
"""The time scales of `submission.scales`, in words."""


def ranks(lines: Sequence[Line]) -> go.Figure:
    """The mean skill of each model with its 95 % interval, the best on top; the first 20 are drawn."""
    shown = [line for line in lines if line.skill is not None][:_SHOWN]
    if not shown:
        return nothing("No model has a mean skill yet.")
    known = [(_cut(line.skill) or 0.0, line.low, line.high) for line in shown]
    error = {
        "type": "data", "symmetric": False, "color": _STYLES[0][0], "thickness": 2, "width": 5,
        "array": [0.0 if high is None else max(high - skill, 0.0) for skill, _, high in known],
        "arrayminus": [0.0 if low is None else max(skill - max(low, _LOWEST), 0.0) for skill, low, _ in known],
    }  # fmt: skip
    figure = go.Figure()
    figure.add_scatter(
        x=[skill for skill, _, _ in known], y=list(range(len(shown))), mode="markers", name="mean skill",
        marker={"color": _STYLES[0][0], "size": 10}, error_x=error, text=_names(shown),
        customdata=[[line.skill, _span(line.low, line.high)] for line in shown], showlegend=False,
        hovertemplate="%{text}<br>mean skill %{customdata[0]:.3f}%{customdata[1]}<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=0, line={"color": _TEXT, "dash": "dot", "width": 1})
    return _by_model(figure, shown, "mean skill", [value for one in known for value in one])


def sizes(lines: Sequence[Line]) -> go.Figure:
    """Mean skill against the number of parameters, by pretraining."""
    shown = [line for line in lines if line.skill is not None and line.parameters]
    if not shown:
        return nothing("No model with a mean skill says how many parameters it has.")
    figure = go.Figure()
    kinds = sorted({line.pretraining for line in shown}, key=lambda kind: (kind != "none", kind))
    for number, kind in enumerate(kinds):
        colour, symbol = _STYLES[number % len(_STYLES)]
        some = [line for line in shown if line.pretraining == kind]
        figure.add_scatter(
            x=[line.parameters for line in some], y=[_cut(line.skill) for line in some], mode="markers",
            text=_names(some),
            customdata=[[line.skill] for line in some],
            name="no pretraining" if kind == "none" else f"pretraining: {escape(kind)}",
            marker={"color": colour, "symbol": symbol, "size": 10, "opacity": 0.85},
            hovertemplate="%{text}<br>%{x:,} parameters<br>mean skill %{customdata[0]:.3f}<extra></extra>",
        )  # fmt: skip
    _layout(figure, 440, "parameters", "mean skill")
    figure.update_xaxes(type="log", dtick=1, exponentformat="SI")
    return figure


def by_target(lines: Sequence[Line], targets: Sequence[str]) -> go.Figure:
    """R² of each ranked target, by model; the first 20 are drawn."""
    shown = list(lines)[:_SHOWN]
    if not shown:
        return nothing("Nobody has a score here yet.")
    figure = go.Figure()
    for target, (colour, symbol) in zip(targets, _STYLES, strict=False):
        figure.add_scatter(
            x=[_cut(line.targets[target]["r2"]) for line in shown], y=list(range(len(shown))), name=target,
            mode="markers", marker={"color": colour, "symbol": symbol, "size": 11}, text=_names(shown),
            customdata=[[line.targets[target]["r2"]] for line in shown],
            hovertemplate="%{text}<br>" + target + " R² %{customdata[0]:.3f}<extra></extra>",
        )  # fmt: skip
    values = [line.targets[target]["r2"] for line in shown for target in targets]
    return _by_model(figure, shown, "R²", values)


def by_task(lines: Sequence[Line], tasks: Sequence[str]) -> go.Figure:
    """The skill in each task, by model: a table of colours; the first 20 are drawn."""
    shown = list(lines)[:_SHOWN]
    if not shown:
        return nothing("Nobody has a score here yet.")
    skills = [[None if (at := line.tasks[task]) is None else at.skill for task in tasks] for line in shown]
    figure = go.Figure(
        go.Heatmap(
            z=skills, x=[task.replace("_", " ") for task in tasks], y=list(range(len(shown))), zmin=-0.5, zmax=1,
            colorscale="Cividis", xgap=2, ygap=2, colorbar={"title": {"text": "skill"}, "thickness": 14},
            customdata=[[name] * len(tasks) for name in _names(shown)], hoverongaps=False,
            hovertemplate="%{customdata}<br>%{x}: skill %{z:.3f}<extra></extra>",
        )
    )  # fmt: skip
    _layout(figure, 170 + 34 * max(len(shown), 2), "")
    figure.update_layout(margin={"t": 16})
    figure.update_xaxes(tickangle=-60, automargin=True)
    figure.update_yaxes(
        tickvals=list(range(len(shown))), autorange="reversed",
        ticktext=[escape(_short(line.model, 16), quote=False) for line in shown],
    )  # fmt: skip
    return figure


def sites_of_models(lines: Sequence[Line], target: str) -> go.Figure:
    """How R² of a target is spread over sites, by model: 10, 25, 50, 75 and 90 %; the first 20 are drawn."""
    known = [(line, found) for line in lines if (found := _quantiles(line, target)) is not None][:_SHOWN]
    if not known:
        return nothing("There are too few sites, or no scores, for a distribution over sites.")
    shown = [line for line, _ in known]
    figure = go.Figure()
    _box(figure, list(range(len(known))), [found for _, found in known], target, 0)
    title = f"{target} R² of single sites (10, 25, 50, 75, 90 %)"
    _by_model(figure, shown, title, [value for _, found in known for value in found])
    figure.update_layout(showlegend=False)
    return figure


def sites(line: Line) -> go.Figure:
    """How R² of each target is spread over sites, of one submission."""
    known = [(target, found) for target in _pieces(line) if (found := _quantiles(line, target)) is not None]
    if not known:
        return nothing("There are too few sites for a distribution over them.")
    figure = go.Figure()
    for number, (target, found) in enumerate(known):
        _box(figure, [number], [found], target, number)
    _layout(figure, 130 + 46 * max(len(known), 2), "R² of single sites (10, 25, 50, 75, 90 %)")
    figure.update_layout(showlegend=False)
    figure.update_yaxes(
        tickvals=list(range(len(known))), ticktext=[target for target, _ in known], autorange="reversed"
    )
    return figure


def by_scale(line: Line) -> go.Figure:
    """R² at each time scale, by target, of one submission."""
    pieces = _pieces(line)
    ranked = [target for target in line.targets if target in pieces]
    if not ranked:
        return nothing("There are no scores by time scale.")
    figure = go.Figure()
    for target, (colour, symbol) in zip(ranked, _STYLES, strict=False):
        scales = pieces[target].get("scales") or {}
        known = [(words, scales[name].get("r2")) for name, words in SCALES.items() if name in scales]
        figure.add_scatter(
            x=[words for words, _ in known], y=[_cut(value) for _, value in known], name=target, mode="markers+lines",
            marker={"color": colour, "symbol": symbol, "size": 10}, line={"color": colour, "width": 1, "dash": "dot"},
            customdata=[[value] for _, value in known],
            hovertemplate=target + " %{x}: R² %{customdata[0]:.3f}<extra></extra>",
        )  # fmt: skip
    _layout(figure, 360, "", "R²")
    figure.update_xaxes(tickangle=-35, automargin=True)
    return figure


def _pieces(line: Line) -> dict[str, Any]:
    return (line.scores.get("pieces") or {}).get("targets") or {}


def _quantiles(line: Line, target: str) -> list[float] | None:
    """The five quantiles of R² over sites."""
    daily = ((_pieces(line).get(target) or {}).get("scales") or {}).get("daily") or {}
    found = (daily.get("sites") or {}).get("r2") or {}
    values = [found.get(str(level)) for level in (10, 25, 50, 75, 90)]
    return None if None in values else [float(value) for value in values if value is not None]


def _box(figure: go.Figure, places: list[int], of: list[list[float]], name: str, style: int) -> None:
    columns = list(zip(*([_cut(value) for value in values] for values in of), strict=True))
    low, first, middle, third, high = (list(column) for column in columns)
    figure.add_box(
        y=places, lowerfence=low, q1=first, median=middle, q3=third, upperfence=high, name=name, orientation="h",
        marker={"color": _STYLES[style % len(_STYLES)][0]}, line={"width": 2}, width=0.55,
        hoverinfo="x",
    )  # fmt: skip


def _cut(value: float | None) -> float | None:
    return None if value is None else max(value, _LOWEST)


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"


def _names(lines: Sequence[Line]) -> list[str]:
    return [escape(_short(line.model), quote=False) for line in lines]


def _short(name: str, longest: int = 40) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _by_model(
    figure: go.Figure, shown: Sequence[Line], title: str, values: Iterable[float | None]
) -> go.Figure:  # fmt: skip
    """Names need not be unique, so models are placed by number and named by the axis. Values are all that is drawn."""
    _layout(figure, 130 + 42 * max(len(shown), 2), title)
    labels = [
        name if line.rank is None else f"{line.rank}. {name}" for line, name in zip(shown, _names(shown), strict=True)
    ]
    known = [0.0, *(_cut(value) or 0.0 for value in values if value is not None)]
    room = 0.04 * (max(known) - min(known) or 1.0)
    figure.update_xaxes(range=[min(known) - room, max(known) + room])
    # Names above their lines leave the whole width to the numbers, on a phone too.
    figure.update_yaxes(tickvals=list(range(len(shown))), showticklabels=False, range=[len(shown) - 0.4, -0.9])
    for place, label in enumerate(labels):
        figure.add_annotation(
            text=label, x=0, xref="paper", xanchor="left", y=place, yanchor="bottom", yshift=3, showarrow=False,
        )  # fmt: skip
    return figure


def _layout(figure: go.Figure, height: int, x: str, y: str = "") -> None:
    figure.update_layout(
        height=height, margin={"l": 8, "r": 16, "t": 40, "b": 44}, paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)", font={"color": _TEXT, "size": 13}, dragmode=False,
        legend={"orientation": "h", "x": 0, "xref": "container", "y": 1, "yanchor": "top", "yref": "container"},
        xaxis={"title": {"text": x, "font": {"size": 13}}, "gridcolor": _GREY, "zeroline": False, "fixedrange": True},
        yaxis={"title": {"text": y, "font": {"size": 13}}, "gridcolor": _GREY, "zeroline": False, "automargin": True,
               "fixedrange": True},
    )  # fmt: skip


def nothing(why: str) -> go.Figure:
    """Nothing to draw, and why."""
    figure = go.Figure()
    _layout(figure, 140, "")
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(text=why, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
    return figure
