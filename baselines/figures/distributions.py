"""How inputs and outputs are distributed in each source (the paper's Figures 4 to 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.figures import QUIET
from agroflux_data.release import Release
from agroflux_data.sequences import values
from agroflux_data.survey import QUANTILES, TOTALS
from agroflux_data.tasks import SOURCES
from agroflux_data.variables import INPUTS, STATICS, VARIABLES
from baselines.figures.sheet import SOURCE_COLOURS, axis_label, origin_of, scaled, sheet

__all__ = ["KINDS", "Distribution", "Distributions", "collect"]

KINDS = ("inputs", "outputs")
ROWS = 1_000
"""Rows of a source that stand for all of them, at most."""
_COLUMNS = 3
_BINS, _SMOOTHING = 160, 1.6
_WIDTHS = {"N2O": 0.5}
"""Heavy tails: the axis is linear up to about this, in the unit it is drawn in, and logarithmic above."""


@dataclass(frozen=True)
class Distribution:
    """The values of one variable in one source.

    Attributes
    ----------
    source, variable : str
    each : str
        What has one value: ``day``, ``year`` or ``row``.
    values : array (n,)
        In physical units, of the rows that were read; without gaps.
    """

    source: str
    variable: str
    each: str
    values: NDArray[np.float64]

    @property
    def quantiles(self) -> NDArray[np.float64]:
        """`QUANTILES` of the values."""
        return np.quantile(self.values, QUANTILES)


@dataclass(frozen=True)
class Distributions:
    """What the figure shows.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    found : tuple of Distribution
        By variable, then by source.
    rows : dict of str to int
        By source, the rows that were read.
    sampled : bool
        Whether a source has more than were read.
    origin : str
        The sentence that says who made the numbers.
    """

    kind: str
    found: tuple[Distribution, ...]
    rows: Mapping[str, int]
    sampled: bool
    origin: str

    def table(self) -> pd.DataFrame:
        """A row for each variable and source: how many values, their mean and quantiles."""
        return pd.DataFrame(
            [
                {
                    "variable": one.variable, "source": one.source, "each": one.each,
                    "unit": _unit(one.variable), "n": len(one.values), "mean": one.values.mean(),
                }
                | {f"q{100 * share:02.0f}": value for share, value in zip(QUANTILES, one.quantiles, strict=True)}
                for one in self.found
            ]
        )  # fmt: skip

    def draw(self) -> Figure:
        by_variable: dict[str, list[Distribution]] = {}
        for one in self.found:
            by_variable.setdefault(one.variable, []).append(one)
        columns = min(_COLUMNS, len(by_variable))
        sources = list(self.rows)
        read = ", ".join(f"{source} {count:,}" for source, count in self.rows.items())
        figure, panels = sheet(
            f"Distributions by source: {self.kind}",
            "Shape: density, each as high as the others; dot: median; thick: 25 to 75 %; thin: 5 to 95 %; at the right:"
            f" number of values. Axes end at 0.1 and 99.9 %. {self._each()} Public rows of the temporal tasks: {read}"
            + (f" (of more than {ROWS:,}, an even sample).\n" if self.sampled else ".\n") + self.origin,
            rows=-(-len(by_variable) // columns), columns=columns, size=(3.0, 0.3 + 0.36 * len(sources)), left=0.95,
            right=0.35, across=0.55, down=0.62, above=0.2, below=0.42,
        )  # fmt: skip
        for panel in panels.ravel()[len(by_variable) :]:
            panel.set_visible(False)
        for number, (name, several) in enumerate(by_variable.items()):
            panel = panels.ravel()[number]
            _violins(panel, name, several, sources)
            panel.set_yticks(range(len(sources)), sources if number % columns == 0 else [""] * len(sources))
            panel.set_title(_title(name), loc="left", fontsize=9, pad=4)
        return figure

    def _each(self) -> str:
        if self.kind == "outputs":
            return "A value for each observed day."
        return (
            "Weather: a value for each day, of " + " and ".join(TOTALS) + " the total of each year; soil: one for each"
            " row; PDOY: the day of planting; PLANTT: the share of corn."
        )


def collect(release: Release, kind: str = "outputs", variables: Sequence[str] = ()) -> Distributions:
    """Read the public rows of every source.

    Parameters
    ----------
    release : Release
    kind : str
        ``inputs``, or ``outputs``: the ranked targets.
    variables : sequence of str
        Only these.

    Raises
    ------
    AgrofluxError
        No such kind or variable, or no source has one of them.
    """
    if kind not in KINDS:
        raise AgrofluxError("unknown kind of variables", expected="one of " + ", ".join(KINDS), came=kind)
    if unknown := [name for name in variables if name not in VARIABLES]:
        raise AgrofluxError("unknown variable", expected="some of " + ", ".join(VARIABLES), came=", ".join(unknown))
    found: dict[str, list[Distribution]] = {}
    rows, sampled, tasks = {}, False, []
    for source in SOURCES:
        task = next((name for name in (f"{source}_temporal", f"{source}_spatial") if name in release.tasks), None)
        if task is None:
            continue
        known = release.task(task)
        has = known.inputs if kind == "inputs" else known.ranked_targets
        wanted = [name for name in variables if name in (*known.inputs, *known.targets)] if variables else list(has)
        splits = [name for name, split in release.splits(task).items() if not split.hidden and split.rows]
        total = sum(release.split(task, name).rows for name in splits)
        if not wanted or not total:
            continue
        tasks.append(task)
        rows[source] = min(total, ROWS)
        sampled |= total > ROWS
        for name, column in _read(release, task, splits, wanted, total).items():
            if len(column):
                found.setdefault(name, []).append(Distribution(source, name, _every(name), column))
    if not found:
        raise AgrofluxError("no such variable in the release", came=", ".join(variables) or kind, where=release.path)
    order = [name for name in (*INPUTS, *VARIABLES) if name in found]
    ordered = tuple(one for name in dict.fromkeys(order) for one in found[name])
    return Distributions(kind, ordered, rows, sampled, origin_of(release, *tasks))


def _read(
    release: Release, task: str, splits: Sequence[str], names: Sequence[str], total: int
) -> dict[str, NDArray[np.float64]]:
    """The values of each variable in rows that are spread evenly over those of the splits."""
    taken = np.unique(np.linspace(0, total - 1, min(total, ROWS)).astype(np.int64))
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
    start = 0
    for split in splits:
        for group in release.read(task, split, list(names)):
            here = taken[(taken >= start) & (taken < start + group.num_rows)] - start
            start += group.num_rows
            for name in names:
                column = group[name].to_numpy()[:, None] if name in STATICS else values(group[name])
                parts[name].append(_values(name, column[here].astype(np.float64)))
    return {name: np.concatenate(some) for name, some in parts.items()}


def _every(name: str) -> str:
    if name in STATICS:
        return "row"
    return "year" if name in (*TOTALS, "PDOY", "PLANTT") else "day"


def _values(name: str, column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows (rows, 365 or 1) of a variable as what is shown of them."""
    if name == "PDOY":
        planted = column[column.max(axis=1) > 0.5]
        return planted.argmax(axis=1) + 1.0
    if name == "PLANTT":
        return (column.mean(axis=1) >= 0.5).astype(np.float64)
    if name in TOTALS:
        return column.sum(axis=1)
    return column[~np.isnan(column)]


def _unit(name: str) -> str:
    unit = VARIABLES[name].unit
    return "d" if name == "PDOY" else unit.replace("d-1", "y-1") if name in TOTALS else unit


def _title(name: str) -> str:
    if name in ("PDOY", "PLANTT"):
        return {"PDOY": "PDOY, day of the year", "PLANTT": "PLANTT, share of corn"}[name]
    label = axis_label(name)
    return label.replace("d$", "y$") if name in TOTALS else label


def _violins(panel: Axes, name: str, several: Sequence[Distribution], sources: Sequence[str]) -> None:
    panel.set_ylim(len(sources) - 0.4, -0.6)
    panel.spines["left"].set_visible(False)
    panel.tick_params(axis="y", length=0)
    panel.grid(axis="y", visible=False)
    if name == "PLANTT":
        for one in several:
            at = sources.index(one.source)
            panel.barh(at, one.values.mean(), 0.5, color=SOURCE_COLOURS[one.source], alpha=0.6)
            _count(panel, at, len(one.values))
        panel.set_xlim(0, 1)
        return
    shown = {one.source: scaled(name, one.values) for one in several}
    low = min(np.quantile(column, 0.001) for column in shown.values())
    high = max(np.quantile(column, 0.999) for column in shown.values())
    if high <= low:
        low, high = low - 0.5, high + 0.5
    width = _WIDTHS.get(name)
    if width is not None:
        panel.set_xscale("asinh", linear_width=width)
    there = (
        (np.asarray, np.asarray) if width is None else (lambda x: np.arcsinh(x / width), lambda x: np.sinh(x) * width)
    )
    edges = np.linspace(there[0](low), there[0](high), _BINS + 1)
    middles = there[1]((edges[1:] + edges[:-1]) / 2)
    kernel = np.exp(-0.5 * np.square(np.arange(-6, 7) / _SMOOTHING))
    for source, column in shown.items():
        at, colour = sources.index(source), SOURCE_COLOURS[source]
        density = np.convolve(np.histogram(there[0](column), edges)[0], kernel, mode="same")
        tall = 0.42 * density / max(density.max(), 1)
        panel.fill_between(middles, at - tall, at + tall, color=colour, alpha=0.35, linewidth=0)
        lowest, quarter, middle, three, highest = np.quantile(column, QUANTILES)
        panel.plot([lowest, highest], [at, at], color=colour, linewidth=1, solid_capstyle="butt")
        panel.plot([quarter, three], [at, at], color=colour, linewidth=3.5, solid_capstyle="butt")
        panel.plot([middle], [at], "o", color="white", markeredgecolor=colour, markersize=4, zorder=4)
        _count(panel, at, len(column))
    panel.set_xlim(low, high)
    if width is None:
        panel.xaxis.set_major_locator(MaxNLocator(5))
    else:
        marks = [mark for mark in (-1, 0, 1, 3, 10, 30, 100, 300) if low <= mark <= high]
        panel.set_xticks(marks, [f"{mark:g}" for mark in marks])
        panel.minorticks_off()


def _count(panel: Axes, at: int, count: int) -> None:
    panel.text(
        1.0, at - 0.22, f"{count:,}", transform=panel.get_yaxis_transform(), ha="right", va="bottom", fontsize=6.5,
        color=QUIET,
    )  # fmt: skip
