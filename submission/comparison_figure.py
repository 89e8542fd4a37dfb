"""How two submissions differ, as a PNG: the difference with its interval, by month and by site."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from agroflux_data.variables import VARIABLES
from submission.comparison import Comparison, Group, TargetComparison
from submission.figures import save

__all__ = ["draw", "plot"]

_A, _B, _QUIET = "#0b6e4f", "#b4581f", "#5c6068"
_ROW, _HEAD, _FOOT = 2.3, 0.9, 0.35
"""Inches of height."""


def draw(found: Comparison) -> Figure:
    """A row of panels a target: R2 and skill with their intervals, the months, and the sites that differ most."""
    height = _ROW * len(found.targets) + _HEAD + _FOOT
    figure = Figure(figsize=(11, height), dpi=150, facecolor="white")
    panels = figure.subplots(len(found.targets), 3, squeeze=False, width_ratios=(1.1, 1.5, 1.2))
    figure.subplots_adjust(
        left=0.07, right=0.985, top=1 - (_HEAD + 0.15) / height, bottom=_FOOT / height, hspace=0.55, wspace=0.3
    )
    for (intervals, months, sites), (name, target) in zip(panels, found.targets.items(), strict=True):
        _intervals(intervals, name, target)
        unit = VARIABLES[name].unit
        _bars(months, f"RMSE by month, {unit}", target.months, list("JFMAMJJASOND"))
        _bars(sites, "RMSE of sites that differ most", target.sites, [one.name for one in target.sites])
    a, b = (_safe(model) for model in found.models)
    figure.text(0.07, 1 - 0.16 / height, f"A  {a}", fontsize=13, fontweight="bold", va="top", color=_A)
    figure.text(0.5, 1 - 0.16 / height, f"B  {b}", fontsize=13, fontweight="bold", va="top", color=_B)
    figure.text(
        0.07, 1 - 0.46 / height,
        f"{found.task}/{found.split}; observations of origin {found.origin}; 95 % intervals of a paired bootstrap over"
        f" site-years, {found.resamples} resamples",
        fontsize=9, va="top", color=_QUIET,
    )  # fmt: skip
    return figure


def _intervals(panel: Axes, name: str, target: TargetComparison) -> None:
    for row, (metric, label) in enumerate((("skill", "skill"), ("r2", "R²"))):
        one = target.differences[metric]
        if not np.isfinite(one.low):
            continue
        colour = _A if one.low > 0 else _B if one.high < 0 else _QUIET
        panel.plot([one.low, one.high], [row, row], color=colour, linewidth=3, solid_capstyle="round")
        panel.plot([one.value], [row], "o", color=colour, markersize=7)
        panel.annotate(
            f"A better in {one.better:.0%}", (one.value, row), (0, 8), textcoords="offset points", fontsize=8,
            ha="center", color=_QUIET,
        )  # fmt: skip
        panel.text(-0.03, row, label, transform=panel.get_yaxis_transform(), ha="right", va="center", fontsize=8.5)
    panel.axvline(0, color="#8a8f98", linewidth=0.8, zorder=0)
    panel.set_ylim(-0.6, 1.7)
    panel.set_yticks([])
    panel.set_title(f"{name}  A - B", loc="left", fontsize=9.5, pad=4)
    panel.margins(x=0.15)
    if not target.sites:  # both say the same, and the axis would be one of rounding
        panel.set_xlim(-1, 1)
    panel.xaxis.set_major_locator(MaxNLocator(4))
    _quiet(panel)


def _bars(panel: Axes, title: str, groups: tuple[Group, ...], labels: list[str]) -> None:
    if not groups:
        panel.text(0.5, 0.5, "no difference", transform=panel.transAxes, ha="center", color=_QUIET, fontsize=8.5)
        panel.set_axis_off()
        return
    at = np.arange(len(groups))
    for offset, colour, heights in (
        (-0.2, _A, [one.rmse_a for one in groups]), (0.2, _B, [one.rmse_b for one in groups])
    ):  # fmt: skip
        panel.bar(at + offset, heights, 0.38, color=colour)
    panel.set_xticks(at, [_safe(label) for label in labels])
    panel.set_title(title, loc="left", fontsize=9.5, pad=4)
    _quiet(panel)


def _quiet(panel: Axes) -> None:
    panel.tick_params(labelsize=8, length=3, color="#c9ccd1")
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color("#c9ccd1")


def _safe(text: str, longest: int = 44) -> str:
    """Text from a file: short, and without dollar signs that would begin a formula."""
    return (text if len(text) <= longest else text[: longest - 1] + "…").replace("$", r"\$")


def plot(found: Comparison, path: str | Path) -> Path:
    """Save the figure as PNG; the file appears whole or not at all."""
    return save(draw(found), path)
