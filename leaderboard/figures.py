"""The board's figures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from leaderboard.ranking import Row

__all__ = ["skill_by_model"]

# Okabe and Ito's colours, which the colour-blind can tell apart, each with a marker of its own.
_STYLES: tuple[tuple[str, str], ...] = (("#0072B2", "circle"), ("#009E73", "square"), ("#D55E00", "diamond"))
_GREY = "rgba(128, 128, 128, 0.35)"
_TEXT = "#808890"
"""Readable on white and on black, as the page may be either."""
_SHOWN = 20


def skill_by_model(rows: Sequence[Row], targets: Sequence[str]) -> go.Figure:
    """The skill of each model for each target, the best on top.

    Parameters
    ----------
    rows : sequence of Row
        In the order of the board; the first 20 are drawn.
    targets : sequence of str
        The task's ranked targets.
    """
    figure = go.Figure()
    shown = [row for row in rows if row.rank is not None][:_SHOWN]
    # Names need not be unique, so rows are placed by number and named by the axis. Plotly reads markup in any text.
    names = [escape(_short(row.model), quote=False) for row in shown]
    places = list(range(len(shown)))
    for target, (colour, symbol) in zip(targets, _STYLES, strict=False):
        figure.add_scatter(
            x=[row.targets[target].skill for row in shown], y=places, name=target, mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 11}, text=names,
            hovertemplate="%{text}<br>" + target + " skill %{x:.3f}<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=[row.skill for row in shown], y=places, name="mean", mode="markers", text=names,
        marker={"color": _TEXT, "symbol": "line-ns-open", "size": 22, "line": {"width": 3}},
        hovertemplate="%{text}<br>mean skill %{x:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=0, line={"color": _TEXT, "dash": "dot", "width": 1})
    figure.update_layout(
        height=130 + 34 * max(len(shown), 2), margin={"l": 8, "r": 16, "t": 40, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font={"color": _TEXT, "size": 13},
        legend={"orientation": "h", "x": 0, "xref": "container", "y": 1, "yanchor": "top", "yref": "container"},
        dragmode=False,
        modebar={"remove": ["toimage", "select2d", "lasso2d", "zoom", "pan", "autoscale", "resetscale"],
                 "bgcolor": "rgba(0,0,0,0)"},
        xaxis={"title": {"text": "skill", "font": {"size": 13}}, "gridcolor": _GREY,
               "zeroline": False, "fixedrange": True},
        yaxis={"tickvals": places, "ticktext": names, "autorange": "reversed", "gridcolor": _GREY, "zeroline": False,
               "automargin": True, "fixedrange": True},
    )  # fmt: skip
    return figure


def _short(name: str, longest: int = 24) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"
