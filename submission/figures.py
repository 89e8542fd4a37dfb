"""Predicted against observed for one sequence, as a PNG."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets
from agroflux_data.sequences import parts
from agroflux_data.variables import DAYS, VARIABLES
from submission.file import blocks
from submission.metrics import RowSums, r2, rmse
from submission.report import Report
from submission.truth import HALVES, Truth

__all__ = ["SiteYear", "draw", "plot", "save", "site_year"]

_PANELS = ("NEE", "GPP", "N2O")
_OBSERVED, _PREDICTED, _QUIET = "#8a8f98", "#0b6e4f", "#5c6068"
_MONTHS = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
_PER_PANEL, _HEAD, _FOOT = 2.05, 1.02, 0.42
"""Inches of height."""
_SCALES = {"N2O": (1e3, "mg N m-2 d-1")}
"""Variables that are drawn in a handier unit than they are stored in."""


@dataclass(frozen=True)
class SiteYear:
    """One sequence: what was observed there, and what was predicted.

    Attributes
    ----------
    task : str
    sequence : int
    site : str
    treatment, year : int
    origin : str
        Who made the observations.
    model : str
    observed, predicted : dict of str to float32 array (365,)
        By target, in physical units; observed is NaN where nothing was.
    """

    task: str
    sequence: int
    site: str
    treatment: int
    year: int
    origin: str
    model: str
    observed: Mapping[str, NDArray[np.float32]]
    predicted: Mapping[str, NDArray[np.float32]]


def site_year(
    report: Report,
    release: Release,
    targets: Targets | str | Path | None = None,
    half: str = "all",
    sequence: int | None = None,
) -> SiteYear:
    """Take one sequence out of a valid file and the truth.

    Parameters
    ----------
    report : Report
        Of a file without faults.
    release : Release
    targets : Targets, str or Path, optional
        The hidden targets of a sealed release; beside it by default.
    half : {"all", "public", "private"}
        The sequence is of this half.
    sequence : int, optional
        By default the one with the most observed days, and of several one whose truth varies as much as
        half of them do: neither the dullest nor the wildest.

    Raises
    ------
    AgrofluxError
        The file has faults, or no such sequence.
    """
    report.raise_for_faults()
    assert report.task is not None
    assert report.split is not None
    assert report.metadata is not None
    shown = [name for name in _PANELS if name in report.targets] or list(report.targets[: len(_PANELS)])
    truth = Truth(release, report.task, report.split, shown, targets)
    candidates = np.flatnonzero(truth.counted(half))
    if sequence is None:
        if not len(candidates):
            raise AgrofluxError("nothing to draw", expected="rows that are scored", where=report.path)
        row = int(candidates[_best_observed([truth.usual(name)[candidates] for name in shown])])
    else:
        found = candidates[truth.sequence[candidates] == sequence]
        if not len(found):
            where = f"{report.task}/{report.split}" + ("" if half == HALVES[0] else f", {half} half")
            raise AgrofluxError("no such sequence", expected="one of the scored rows", came=sequence, where=where)
        row = int(found[0])
    number = int(truth.sequence[row])
    predicted = _row(report.path, shown, number)
    at = np.array([row])
    _, treatment, year = (int(part[0]) for part in parts(truth.sequence[at]))
    return SiteYear(
        report.task,
        number,
        _site(release, report.task, report.split, number),
        treatment,
        year,
        release.origin(report.task),
        report.metadata.model,
        {name: truth.observed(name, at)[0] for name in shown},
        predicted,
    )


def _best_observed(sums: list[RowSums]) -> int:
    """The row with the most observed days over all targets; of several the one with the median variation."""
    days = np.sum([one.n for one in sums], axis=0)
    variation = np.sum([one.squares / max(one.squares.sum(), np.finfo(float).tiny) for one in sums], axis=0)
    best = np.flatnonzero(days == days.max())
    return int(best[np.argsort(variation[best], kind="stable")[len(best) // 2]])


def _row(path: Path, targets: list[str], sequence: int) -> dict[str, NDArray[np.float32]]:
    for keys, block in blocks(path, targets):
        if (at := np.flatnonzero(keys == sequence)).size:
            return {name: block[name][at[0]] for name in targets}
    raise AgrofluxError("no such sequence", came=sequence, where=path)


def _site(release: Release, task: str, split: str, sequence: int) -> str:
    rows = release.table(task, split, ["sequence", "site"])
    return rows["site"][int(np.flatnonzero(rows["sequence"].to_numpy() == sequence)[0])].as_py()


def draw(shown: SiteYear) -> Figure:
    """A figure of up to three panels: observations in grey, the prediction in colour, over the days of the year."""
    names = list(shown.observed)
    height = _PER_PANEL * len(names) + _HEAD + _FOOT
    figure = Figure(figsize=(9, height), dpi=150, facecolor="white")
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    figure.subplots_adjust(left=0.095, right=0.975, top=1 - _HEAD / height, bottom=_FOOT / height, hspace=0.24)
    for panel, name in zip(panels, names, strict=True):
        _panel(panel, name, shown.observed[name], shown.predicted[name])
    panels[-1].set_xticks(_MONTHS, list("JFMAMJJASOND"), ha="left")
    panels[-1].set_xlim(0, DAYS)
    figure.align_ylabels(panels)
    treatment = f", treatment {shown.treatment}" if shown.treatment else ""
    title = _safe(f"Site {shown.site}, {shown.year}{treatment}")
    figure.text(0.095, 1 - 0.16 / height, title, fontsize=14, fontweight="bold", va="top")
    subtitle = _safe(
        f"{_short(shown.model)} on {shown.task}; observations of origin {shown.origin}; sequence {shown.sequence}"
    )
    figure.text(0.095, 1 - 0.44 / height, subtitle, fontsize=9.5, color=_QUIET, va="top")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="upper right", bbox_to_anchor=(0.98, 1 - 0.12 / height), ncols=2, frameon=False,
        fontsize=9.5, handlelength=1.4, columnspacing=1.4, markerscale=1.6,
    )  # fmt: skip
    return figure


def _panel(panel: Axes, name: str, observed: NDArray[np.float32], predicted: NDArray[np.float32]) -> None:
    variable = VARIABLES[name]
    factor, unit = _SCALES.get(name, (1.0, variable.unit))
    observed, predicted = observed * np.float32(factor), predicted * np.float32(factor)
    day = np.arange(DAYS) + 0.5
    if variable.low < 0 < variable.high:
        panel.axhline(0, color="#c9ccd1", linewidth=0.8, zorder=0)
    panel.plot(
        day, observed, color=_OBSERVED, linewidth=0.5, alpha=0.85, marker="o", markersize=2.6, markeredgewidth=0,
        label="observed", zorder=2,
    )  # fmt: skip
    panel.plot(day, predicted, color=_PREDICTED, linewidth=1.5, label="predicted", zorder=3)
    panel.set_title(f"{name}  {variable.description}", loc="left", fontsize=9.5, pad=4)
    panel.set_title(_numbers(observed, predicted), loc="right", fontsize=9, pad=4, color=_QUIET)
    panel.set_ylabel(_unit(unit), fontsize=9)
    panel.tick_params(labelsize=8.5, length=3, color="#c9ccd1")
    panel.margins(y=0.08)
    panel.grid(axis="x", color="#eceef0", linewidth=0.8)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color("#c9ccd1")


def _numbers(observed: NDArray[np.float32], predicted: NDArray[np.float32]) -> str:
    """This one sequence's numbers."""
    days = int(np.isfinite(observed).sum())
    if not days:
        return "not observed"
    fit, error = r2(observed, predicted), rmse(observed, predicted)
    return (f"R² {fit:.2f}   " if np.isfinite(fit) else "") + f"RMSE {error:.3g}   {days} days"


def _unit(unit: str) -> str:
    """``g C m-2 d-1`` with raised exponents."""
    return " ".join(
        f"{word[: -len(tail)]}$^{{{tail}}}$" if (tail := word[-2:]) in ("-1", "-2", "-3") else word
        for word in unit.split()
    )


def _safe(text: str) -> str:
    """Text from a file, in which a dollar sign must not begin a formula."""
    return text.replace("$", r"\$")


def _short(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def plot(shown: SiteYear, path: str | Path) -> Path:
    """Save the figure of a sequence as PNG; see `save`."""
    return save(draw(shown), path)


def save(figure: Figure, path: str | Path) -> Path:
    """Save a figure as PNG; the file appears whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        figure.savefig(temporary, format="png")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
