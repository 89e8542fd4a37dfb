"""The figures of `agroflux_data.survey`: sites by fold, seasons of the ranked targets, shifts between splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from agroflux_data import figures
from agroflux_data.card_figures import map_of_sites
from agroflux_data.figures import (
    BLACK,
    BLUE,
    FIRST_DAYS,
    GREEN,
    LINE,
    MONTHS,
    ORANGE,
    PURPLE,
    QUIET,
    SKY,
    VERMILLION,
    framed,
    legend,
    plain,
)
from agroflux_data.release import Release
from agroflux_data.survey import SAMPLE, SEASON_SAMPLE, TOTALS, Season, Spread, Survey
from agroflux_data.variables import DAYS, VARIABLES

__all__ = ["save"]

_CROPS = {"corn": (ORANGE, "-"), "soybean": (BLUE, "--"), "any crop": (GREEN, "-")}
_SPLITS = {
    ("temporal", "train"): BLUE, ("temporal", "validation"): GREEN, ("temporal", "test"): VERMILLION,
    ("spatial", "test"): ORANGE, ("spatial", "fold_0"): SKY, ("spatial", "fold_1"): PURPLE,
    ("spatial", "fold_2"): SKY, ("spatial", "fold_3"): PURPLE, ("spatial", "fold_4"): SKY,
    ("spatial", "always_train"): BLACK,
}  # fmt: skip
_COLUMNS, _LEGEND_COLUMNS = 4, 5


def save(survey: Survey, folder: Path) -> Iterator[Path]:
    """Draw all figures of a survey with seasons and spreads, one after the other.

    Parameters
    ----------
    survey : Survey
    folder : Path
        Made if need be.

    Yields
    ------
    Path
        The PNG that was just saved.

    Raises
    ------
    AgrofluxError
        The folder cannot be made.
    """
    draw: dict[str, Callable[[], Figure]] = {"sites": partial(map_of_sites, survey.release)}
    if survey.seasons:
        draw["seasons"] = partial(_seasons, survey)
    for source in dict.fromkeys(spread.source for spread in survey.spreads):
        draw[f"shift_{source}"] = partial(_shift, survey, source)
    yield from figures.save(draw, folder)


def _origin(release: Release, source: str | None = None) -> str:
    sources = release.provenance.sources
    named = sources if source is None else [source]
    origins = ", ".join(sorted({sources[name].origin for name in named}))
    return f"Origin of the numbers: {origins}. Revision {release.revision}, {release.edition} edition."


def _seasons(survey: Survey) -> Figure:
    by_place: dict[tuple[str, str], list[Season]] = {}
    for season in survey.seasons:
        by_place.setdefault((season.target, season.source), []).append(season)
    targets = [name for name in VARIABLES if any(name == target for target, _ in by_place)]
    sources = list(dict.fromkeys(season.source for season in survey.seasons))
    size = (max(8.5, 1.0 + 2.75 * len(sources)), 1.75 + 2.1 * len(targets))
    figure, left = framed(
        size, "Seasons of the ranked targets",
        "Line: median of a day over public rows; band: 10 to 90 %. Days on which nothing was observed are left out.\n"
        f"A source and crop with more than {SEASON_SAMPLE:,} public rows is shown by so many of them.\n"
        + _origin(survey.release),
    )  # fmt: skip
    panels = figure.subplots(len(targets), len(sources), sharex=True, sharey="row", squeeze=False)
    figure.subplots_adjust(
        left=1.15 * left, right=0.985, top=1 - 0.98 / size[1], bottom=0.98 / size[1], hspace=0.16, wspace=0.1
    )
    lines: dict[str, Line2D] = {}
    for row, target in enumerate(targets):
        for column, source in enumerate(sources):
            panel = panels[row, column]
            plain(panel)
            if row == 0:
                panel.set_title(source, loc="left", fontsize=10, pad=4)
            here = by_place.get((target, source), [])
            if not here:
                panel.text(0.5, 0.5, f"no {target}", transform=panel.transAxes, ha="center", fontsize=9, color=QUIET)
            panel.axhline(0, color=LINE, linewidth=0.8)
            for season in here:
                lines[season.crop] = _course(panel, season)
            panel.set_xticks(FIRST_DAYS, list(MONTHS))
            panel.set_xlim(0, DAYS - 1)
            panel.yaxis.set_major_locator(MaxNLocator(5))
        panels[row, 0].set_ylabel(f"{target}, {VARIABLES[target].label}", fontsize=9)
    figure.align_ylabels(panels[:, 0])
    crops = [crop for crop in _CROPS if crop in lines]
    legend(figure, [lines[crop] for crop in crops], crops, len(_CROPS))
    return figure


def _course(panel: Axes, season: Season) -> Line2D:
    colour, dash = _CROPS[season.crop]
    day = np.arange(DAYS)
    panel.fill_between(day, season.low, season.high, color=colour, alpha=0.28, linewidth=0)
    (line,) = panel.plot(day, season.median, color=colour, linestyle=dash, linewidth=1.5)
    return line


def _shift(survey: Survey, source: str) -> Figure:
    own = [spread for spread in survey.spreads if spread.source == source]
    variables = [name for name in VARIABLES if any(spread.variable == name for spread in own)]
    strips = list(dict.fromkeys((spread.scenario, spread.split, spread.hidden) for spread in own))
    rows = -(-len(variables) // _COLUMNS)
    height, gap = 0.1 + 0.15 * len(strips), 0.55
    top, bottom = 0.85 + 0.2 * -(-len(strips) // _LEGEND_COLUMNS), 1.05
    size = (11.0, top + bottom + rows * height + (rows - 1) * gap)
    figure, left = framed(
        size, f"How the splits of {source} differ",
        "One number for each row: the mean of its year; of " + " and ".join(TOTALS) + " the total, of PDOY the day of"
        " planting; of PLANTT the share of corn.\nDot: median; thick: 25 to 75 %; thin: 5 to 95 %; shaded: 25 to 75 %"
        f" of the first split. A split with more than {SAMPLE:,} rows is shown by so many of them.\n"
        f"{_hidden_said(survey, own)} "
        + _origin(survey.release, source),
    )  # fmt: skip
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    figure.subplots_adjust(
        left=left, right=0.985, top=1 - top / size[1], bottom=bottom / size[1], hspace=gap / height, wspace=0.12
    )
    for panel in panels[len(variables) :]:
        panel.set_visible(False)
    for panel, name in zip(panels, variables, strict=False):
        plain(panel)
        _strips(panel, [spread for spread in own if spread.variable == name], strips)
        if name == "PLANTT":
            panel.set_xlim(-0.05, 1.05)
        panel.set_title(_title(name), loc="left", fontsize=9, pad=3)
    legend(
        figure, [Line2D([], [], color=_SPLITS[scenario, split], linewidth=4) for scenario, split, _ in strips],
        [f"{scenario} {split}" + (", hidden" if hidden else "") for scenario, split, hidden in strips],
        _LEGEND_COLUMNS,
    )  # fmt: skip
    return figure


def _hidden_said(survey: Survey, spreads: list[Spread]) -> str:
    hidden = [spread for spread in spreads if spread.hidden]
    if not hidden:
        return "Nothing is hidden."
    outputs = {name for task in survey.release.tasks for name in survey.release.task(task).targets}
    shown = any(spread.variable in outputs for spread in hidden)
    return "Hidden outputs are shown: keep this private." if shown else "Outputs that are hidden have no strip."


def _strips(panel: Axes, spreads: list[Spread], strips: list[tuple[str, str, bool]]) -> None:
    places = {(scenario, split): row for row, (scenario, split, _) in enumerate(strips)}
    for spread in spreads:
        row, colour = places[spread.scenario, spread.split], _SPLITS[spread.scenario, spread.split]
        lowest, low, middle, high, highest = spread.quantiles
        if np.isnan(middle):
            continue
        if row == 0:
            panel.axvspan(low, high, color=colour, alpha=0.12, linewidth=0)
        panel.plot([lowest, highest], [row, row], color=colour, linewidth=1.2, solid_capstyle="butt")
        panel.plot([low, high], [row, row], color=colour, linewidth=5, solid_capstyle="butt")
        panel.plot([middle], [row], "o", color="white", markeredgecolor=colour, markersize=4.5, zorder=4)
    panel.set_ylim(len(strips) - 0.4, -0.6)
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.margins(x=0.06)


def _title(name: str) -> str:
    if name == "PDOY":
        return "PDOY, day of the year"
    if name == "PLANTT":
        return "PLANTT, share of corn"
    if VARIABLES[name].unit == "-":
        return name
    label = VARIABLES[name].label
    return f"{name}, {label.replace('d$', 'y$') if name in TOTALS else label}"
