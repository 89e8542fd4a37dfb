"""The figures of `agroflux_data.realism`: moments, seasons, responses to nitrogen, hot moments, and what is missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from agroflux_data import figures
from agroflux_data.figures import (
    BLACK,
    BLUE,
    GREEN,
    LINE,
    MONTHS,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    framed,
    legend,
    plain,
)
from agroflux_data.realism import (
    BAND,
    BIN,
    CROPS,
    DIFFERENCE,
    EMISSION_FACTOR,
    FARM_RATES,
    FLUXES,
    RATIO,
    SATURATION,
    TOP_DAYS,
    TOWERS,
    Comparison,
    Realism,
    Response,
    bands,
    plateau,
    reference_response,
    reference_top_days,
)
from agroflux_data.realism_reasons import reasons

__all__ = ["save"]

# Each source has a marker and a dash of its own too.
_COLOURS = {"daycent": BLUE, "ecosys": VERMILLION, "towers": GREEN, "mesocosm": GREEN}
_MARKERS = {"daycent": "o", "ecosys": "s", "towers": "^"}
_DASHES = {"daycent": "-", "ecosys": (0, (5, 1.5)), "towers": (0, (1.5, 1.2))}
_BANDS = {"US-Ne1": (ORANGE, 0.30), "US-Ne3": ("#7A7F87", 0.38)}
_REAL, _TARGET = BLACK, SKY
_LETTERS, _LINE_HEIGHT = 15.0, 0.156
"""Of a caption: letters for each inch of its width, and inches for each line."""
_SIMULATED = "daycent and ecosys: simulated; points are means of corn years, bars 10 to 90 % of site-years."
_REAL_RUNS = "real DayCent: means of 168 runs at four sites of the Corn Belt."


def save(realism: Realism, folder: Path) -> Iterator[Path]:
    """Draw all figures of a comparison, one after the other; each file appears whole or not at all.

    Parameters
    ----------
    realism : Realism
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
    draw: dict[str, Callable[[Realism], Figure]] = {
        "moments": _moments,
        "seasons": _seasons,
        "yield_response": _yield_response,
        "n2o_response": _n2o_response,
        "n2o_top_days": _top_days,
    }
    yield from figures.save({name: partial(figure, realism) for name, figure in draw.items()}, folder)


def _moments(realism: Realism) -> Figure:
    figure, _ = _figure(
        realism, (11.5, 8.2), "Moments of the official variables",
        "Training rows of daycent and ecosys, each alone and pooled 18 to 21 as the official scalers are."
        " Shaded: target of the pooled ones.",
        *realism.scalers,
    )  # fmt: skip
    panels = figure.subplots(1, 2, sharey=True)
    _below(figure, left=1.25 / 11.5, right=0.985, wspace=0.06)
    rows = np.arange(len(realism.scalers))
    missed = [not all(one.targets.values()) for one in realism.scalers]
    for panel, bounds in zip(panels, ((-DIFFERENCE, DIFFERENCE), RATIO), strict=True):
        plain(panel)
        panel.axvspan(*bounds, color=_TARGET, alpha=0.22, linewidth=0)
    for source in ("daycent", "ecosys"):
        alone = [one.by_source[source] for one in realism.scalers]
        apart = [
            (mean - one.official_mean) / one.official_sd for (mean, _), one in zip(alone, realism.scalers, strict=True)
        ]
        ratio = [sd / one.official_sd for (_, sd), one in zip(alone, realism.scalers, strict=True)]
        for panel, values in zip(panels, (apart, ratio), strict=True):
            panel.plot(
                values, rows, linestyle="none", marker=_MARKERS[source], markersize=4, color=_COLOURS[source],
                alpha=0.6, label=f"{source} alone",
            )  # fmt: skip
    apart = [(one.mean - one.official_mean) / one.official_sd for one in realism.scalers]
    for panel, values in zip(panels, (apart, [one.ratio for one in realism.scalers]), strict=True):
        for held, colour, label in ((True, BLACK, "pooled"), (False, PURPLE, "pooled, target missed")):
            shown = [number for number in rows if missed[number] != held]
            panel.plot(
                [values[number] for number in shown], shown, linestyle="none", marker="D", markersize=5.5,
                color=colour, label=label, zorder=4,
            )  # fmt: skip
    panels[0].set_yticks(rows, [one.official for one in realism.scalers])
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    panels[0].axvline(0, color=LINE, linewidth=0.8, zorder=0)
    panels[1].axvline(1, color=LINE, linewidth=0.8, zorder=0)
    panels[0].set_xlabel("mean, less the official one, in official standard deviations", fontsize=9.5)
    panels[1].set_xlabel("standard deviation, over the official one", fontsize=9.5)
    for label, wrong in zip(panels[0].get_yticklabels(), missed, strict=True):
        label.set_color(PURPLE if wrong else BLACK)
        label.set_fontweight("bold" if wrong else "normal")
    _legend(figure, panels[0], columns=4)
    return figure


def _seasons(realism: Realism) -> Figure:
    figure, left = _figure(
        realism, (11.5, 7.4), "Seasons of carbon fluxes over corn and soybean",
        f"Lines: simulated, monthly means; daycent and ecosys: treatments with {FARM_RATES[0]:g} to {FARM_RATES[1]:g}"
        " g N m$^{-2}$ in corn years; towers: simulated records.\n"
        f"Bands: observed at Mead, Nebraska (FLUXNET2015), mean of 2002-2012 ± {BAND:g} sd between years;"
        " US-Ne1 is irrigated, US-Ne3 is rainfed. Hollow: outside the band of every tower.",
        *realism.seasons,
    )  # fmt: skip
    panels = figure.subplots(len(CROPS), len(FLUXES), sharex=True, sharey="col", squeeze=False)
    _below(figure, left=left, right=0.985, hspace=0.16, wspace=0.2)
    month = np.arange(12)
    for row, crop in enumerate(CROPS):
        for column, flux in enumerate(FLUXES):
            panel = panels[row, column]
            plain(panel)
            panel.axhline(0, color=LINE, linewidth=0.8, zorder=0)
            for tower in TOWERS[crop]:
                band, (colour, alpha) = bands()[tower, crop, flux], _BANDS[tower]
                panel.fill_between(
                    month, band.mean - BAND * band.sd, band.mean + BAND * band.sd, color=colour, alpha=alpha,
                    linewidth=0, label=f"{tower} (observed)",
                )  # fmt: skip
            for one in realism.seasons:
                if (one.crop, one.flux) == (crop, flux):
                    panel.plot(
                        month, one.monthly, color=_COLOURS[one.source], linestyle=_DASHES[one.source], linewidth=1.7,
                        marker=_MARKERS[one.source], markersize=4.2, markeredgewidth=0, label=one.source,
                    )  # fmt: skip
                    outside = ~np.array(one.inside)
                    panel.plot(
                        month[outside], np.array(one.monthly)[outside], linestyle="none", marker=_MARKERS[one.source],
                        markersize=5.2, markerfacecolor="white", markeredgecolor=_COLOURS[one.source], zorder=3,
                    )  # fmt: skip
            panel.set_title(f"{flux}, {crop}", loc="left", fontsize=10, pad=4)
            panel.set_xticks(month, list(MONTHS))
            panel.set_xlim(-0.3, 11.3)
            panel.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        panels[row, 0].set_ylabel("g C m$^{-2}$ d$^{-1}$", fontsize=9.5)
    for panel in panels[-1]:
        panel.set_xlabel("month", fontsize=9.5)
    _legend(figure, panels[0, 0], columns=5)
    return figure


def _yield_response(realism: Realism) -> Figure:
    figure, left = _figure(
        realism, (8.8, 5.8), "Corn yield against nitrogen",
        f"{_SIMULATED}\n{_REAL_RUNS}\n"
        "Triangles below: where a quadratic meets its plateau, and its target (shaded).",
        *realism.responses,
    )  # fmt: skip
    panel = figure.subplots()
    _below(figure, left=left, right=0.975)
    plain(panel)
    panel.axvspan(*SATURATION, color=_TARGET, alpha=0.22, linewidth=0, label="target of the plateau")
    rates, grain = reference_response("YIELD")
    panel.plot(rates, grain, color=_REAL, linewidth=1, marker="x", markersize=6, label="real DayCent", zorder=4)
    joins = [("real DayCent", _REAL, plateau(rates, grain))]
    for number, one in enumerate(realism.responses):
        _spread(panel, one, "grain", number)
        joins.append((one.source, _COLOURS[one.source], one.saturation))
    panel.set_ylim(bottom=0)
    for _, colour, join in joins:
        panel.plot(
            [join], [0.022], marker="^", markersize=9, color=colour, transform=panel.get_xaxis_transform(), zorder=5,
            linestyle="none",
        )  # fmt: skip
    panel.set_xlabel("nitrogen in corn years, g N m$^{-2}$ y$^{-1}$", fontsize=9.5)
    panel.set_ylabel("grain carbon, g C m$^{-2}$ y$^{-1}$", fontsize=9.5)
    _legend(figure, panel, columns=4)
    return figure


def _n2o_response(realism: Realism) -> Figure:
    figure, left = _figure(
        realism, (8.8, 5.8), "Annual N$_2$O against nitrogen",
        f"{_SIMULATED}\n{_REAL_RUNS}\n"
        f"Shaded: emission factors of {100 * EMISSION_FACTOR[0]:g} to {100 * EMISSION_FACTOR[1]:g} % above what real"
        " DayCent emits without nitrogen.",
    )  # fmt: skip
    panel = figure.subplots()
    _below(figure, left=left, right=0.975)
    plain(panel)
    rates, n2o = reference_response("N2O")
    panel.fill_between(
        rates, n2o[0] + EMISSION_FACTOR[0] * rates, n2o[0] + EMISSION_FACTOR[1] * rates, color=_TARGET, alpha=0.22,
        linewidth=0, label="target of the slope",
    )  # fmt: skip
    panel.plot(rates, n2o, color=_REAL, linewidth=1, marker="x", markersize=6, label="real DayCent", zorder=4)
    for number, one in enumerate(realism.responses):
        _spread(panel, one, "n2o", number, note=f", slope {100 * one.emission_factor:.2f} %")
    panel.set_ylim(bottom=0)
    panel.set_xlabel("nitrogen in corn years, g N m$^{-2}$ y$^{-1}$", fontsize=9.5)
    panel.set_ylabel("N$_2$O, g N m$^{-2}$ y$^{-1}$", fontsize=9.5)
    _legend(figure, panel, columns=4)
    return figure


def _spread(panel: Axes, response: Response, name: str, number: int, note: str = "") -> None:
    several = getattr(response, name)
    mean = np.array([one.mean for one in several])
    bars = np.array([[one.mean - one.low for one in several], [one.high - one.mean for one in several]])
    source = response.source
    panel.errorbar(
        np.array(response.rates) + 0.25 * (2 * number - 1), mean, bars.clip(0), color=_COLOURS[source],
        linestyle=_DASHES[source], linewidth=1.7, marker=_MARKERS[source], markersize=5.5, elinewidth=1, capsize=2.5,
        label=f"{source}{note}", zorder=3,
    )  # fmt: skip


def _top_days(realism: Realism) -> Figure:
    figure, left = _figure(
        realism, (8.8, 1.8 + 1.6 * len(realism.top_days)), "Share of N$_2$O on the 5 % of days with the highest flux",
        "Site-years of corn. Solid line: mean; shaded: target of the mean; dashed: mean of runs of the real models"
        " (DayCent, EcoSIM).\nmesocosm: simulated records of chambers, April to July.",
    )  # fmt: skip
    panels = figure.subplots(len(realism.top_days), 1, sharex=True, squeeze=False)[:, 0]
    height = figure.get_figheight()
    figure.subplots_adjust(left=left, right=0.975, top=1 - 0.72 / height, bottom=1.05 / height, hspace=0.34)
    for panel, one in zip(panels, realism.top_days, strict=True):
        plain(panel)
        colour = _COLOURS[one.source]
        panel.axvspan(*TOP_DAYS[one.source], color=_TARGET, alpha=0.22, linewidth=0)
        panel.bar(
            BIN * np.arange(len(one.counts)), one.counts, width=0.88 * BIN, align="edge", color=colour, alpha=0.75
        )
        panel.axvline(one.share.mean, color=_REAL, linewidth=1.8)
        real = reference_top_days().get(one.source)
        if real is not None:
            panel.axvline(real, color=_REAL, linewidth=1.2, linestyle=(0, (4, 2)))
        panel.set_title(
            f"{one.source}: mean {one.share.mean:.2f} of {one.rows} site-years", loc="left", fontsize=10, pad=4
        )
        panel.set_ylabel("site-years", fontsize=9.5)
        panel.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    panels[-1].set_xlim(0, 1)
    panels[-1].set_xlabel("share of N$_2$O", fontsize=9.5)
    figure.align_ylabels(panels)
    return figure


def _figure(
    realism: Realism, size: tuple[float, float], title: str, caption: str, *compared: Comparison
) -> tuple[Figure, float]:
    """A figure with its title and its caption, and where its panels begin from the left.

    The caption says why targets of the comparisons are missed; for that the figure grows.
    """
    width, height = size
    why = [line for each in reasons(*compared) for line in wrap(f"Missed: {each}", round(_LETTERS * width))]
    scale = f"scale {realism.scale}, " if realism.scale else ""
    origin = f"Origin of the simulations: {realism.origin}, {scale}seed {realism.seed}, revision {realism.revision}."
    return framed((width, height + _LINE_HEIGHT * len(why)), title, "\n".join([caption, *why, origin]))


def _below(figure: Figure, left: float, right: float, **spaces: float) -> None:
    """Put panels between the legend above and the caption below."""
    height = figure.get_figheight()
    lines = figure.texts[-1].get_text().count("\n") + 1
    bottom = 0.1 + _LINE_HEIGHT * lines + 0.55
    figure.subplots_adjust(left=left, right=right, top=1 - 0.95 / height, bottom=bottom / height, **spaces)


def _legend(figure: Figure, panel: Axes, columns: int) -> None:
    handles, labels = panel.get_legend_handles_labels()
    legend(figure, handles, labels, columns)
