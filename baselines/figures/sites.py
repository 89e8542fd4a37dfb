"""Error by county or site on a map (the paper's Figure 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import offset_copy

from agroflux_data import overview
from agroflux_data.errors import AgrofluxError
from agroflux_data.figures import LINE, QUIET
from agroflux_data.release import Release
from agroflux_data.sequences import parts
from agroflux_data.variables import VARIABLES
from baselines.figures.sheet import SCALES, few, origin_of, quiet, rounded, scaled, sheet
from baselines.predicted import Predicted
from submission.metrics import RowSums

__all__ = ["METRICS", "Field", "SiteMap", "SiteValue", "measure"]

METRICS = {"r2": "R²", "rmse": "RMSE", "nmae": "nMAE"}
"""What sites may be coloured by."""
_MAPS = 6
_LOWEST = -1.0
"""R2 below it has the colour of it: worse than the site's mean by far."""
_SAME = 0.1
"""Degrees within which sites share a place."""
_STATES = {
    "01": "AL", "04": "AZ", "05": "AR", "06": "CA", "08": "CO", "09": "CT", "10": "DE", "12": "FL", "13": "GA",
    "16": "ID", "17": "IL", "18": "IN", "19": "IA", "20": "KS", "21": "KY", "22": "LA", "23": "ME", "24": "MD",
    "25": "MA", "26": "MI", "27": "MN", "28": "MS", "29": "MO", "30": "MT", "31": "NE", "32": "NV", "33": "NH",
    "34": "NJ", "35": "NM", "36": "NY", "37": "NC", "38": "ND", "39": "OH", "40": "OK", "41": "OR", "42": "PA",
    "44": "RI", "45": "SC", "46": "SD", "47": "TN", "48": "TX", "49": "UT", "50": "VT", "51": "VA", "53": "WA",
    "54": "WV", "55": "WI", "56": "WY",
}  # fmt: skip
"""Of the first two digits of a county's number (FIPS 5-2)."""


@dataclass(frozen=True)
class SiteValue:
    """How good one model is at one site.

    Attributes
    ----------
    site : str
    lat, lon : float
        NaN where nothing says.
    n : int
        Observed days, once for each seed.
    value : float
        The metric, in the unit of the variable where it has one.
    """

    site: str
    lat: float
    lon: float
    n: int
    value: float


@dataclass(frozen=True)
class Field:
    """One model on one task and target, over the sites that have observations."""

    model: str
    task: str
    target: str
    sites: tuple[SiteValue, ...]


@dataclass(frozen=True)
class SiteMap:
    """What the figure shows.

    Attributes
    ----------
    metric : str
        One of `METRICS`.
    fields : tuple of Field
    origin : str
        The sentence that says who made the numbers.
    """

    metric: str
    fields: tuple[Field, ...]
    origin: str

    def table(self) -> pd.DataFrame:
        """A row for each model, task, target and site."""
        return pd.DataFrame(
            [
                {
                    "task": field.task, "model": field.model, "target": field.target, "site": one.site,
                    "lat": one.lat, "lon": one.lon, "n": one.n, self.metric: one.value,
                }
                for field in self.fields
                for one in field.sites
            ]
        )  # fmt: skip

    def draw(self) -> Figure:
        columns = list(dict.fromkeys((field.task, field.model) for field in self.fields))
        targets = list(dict.fromkeys(field.target for field in self.fields))
        shown = {(field.task, field.model, field.target): field for field in self.fields}
        figure, panels = sheet(
            f"{METRICS[self.metric]} by site",
            f"Each site's {METRICS[self.metric]} over its own days, all folds and seeds of a model together; named are"
            " the worst and the best two of a panel. Degrees, without projection; sites that share a place stand around"
            f" it.{self._clipped()}\n{self.origin}",
            rows=len(targets), columns=len(columns), size=(3.9, 2.9), left=0.75, right=1.0, across=0.55, down=0.62,
            above=0.36,
        )  # fmt: skip
        for row, target in enumerate(targets):
            scale = self._scale(target)
            for column, (task, model) in enumerate(columns):
                panel, field = panels[row, column], shown.get((task, model, target))
                if field is None:
                    quiet(panel, f"no {target} in {task}")
                    continue
                self._map(figure, panel, field, scale)
            self._bar(figure, panels[row, -1], target, scale)
        return figure

    def _clipped(self) -> str:
        low = self.metric == "r2" and any(one.value < _LOWEST for field in self.fields for one in field.sites)
        return f" R² below {_LOWEST:g} has the colour of {_LOWEST:g}." if low else ""

    def _scale(self, target: str) -> Normalize:
        values = np.array([one.value for field in self.fields if field.target == target for one in field.sites])
        values = scaled(target, values) if self.metric == "rmse" else values
        known = values[np.isfinite(values)]
        if not len(known):
            return Normalize(0, 1)
        low, high = (
            (max(_LOWEST, float(known.min())), max(0.0, float(known.max())))
            if self.metric == "r2"
            else (0.0, float(np.quantile(known, 0.98)))
        )
        return Normalize(low, high if high > low else low + 1)

    def _map(self, figure: Figure, panel: Axes, field: Field, scale: Normalize) -> None:
        placed = [one for one in field.sites if not math.isnan(one.lat + one.lon)]
        unknown = len(field.sites) - len(placed)
        note = f", {unknown} without coordinates" if unknown else ""
        middle = float(np.nanmedian([one.value for one in field.sites])) if field.sites else math.nan
        text = rounded(scaled(field.target, middle) if self.metric == "rmse" else middle)
        panel.set_title(f"{field.target}: {field.model}, {field.task}", loc="left", fontsize=9, pad=16)
        panel.text(
            0, 1.015, f"{len(field.sites)} sites{note}, median {METRICS[self.metric]} {text}", fontsize=8, color=QUIET,
            transform=panel.transAxes, va="bottom",
        )  # fmt: skip
        if not placed:
            quiet(panel, "no coordinates")
            return
        size = float(np.clip(70 / math.sqrt(len(placed)), 3, 9))
        together: list[list[SiteValue]] = []
        for one in placed:
            near = (few for few in together if max(abs(few[0].lat - one.lat), abs(few[0].lon - one.lon)) < _SAME)
            if (place := next(near, None)) is None:
                together.append([one])
            else:
                place.append(one)
        shifts: dict[str, tuple[float, float]] = {}
        for several in together:
            around = 0 if len(several) == 1 else 0.6 * size / math.sin(math.pi / len(several))
            for number, one in enumerate(several):
                turn = 2 * math.pi * number / len(several)
                shifts[one.site] = around * math.cos(turn), around * math.sin(turn)
        colours = _colours(self.metric)
        for one in placed:
            value = scaled(field.target, one.value) if self.metric == "rmse" else one.value
            panel.plot(
                [one.lon], [one.lat], "o", markersize=size, markeredgecolor="white", markeredgewidth=0.5, zorder=3,
                color=QUIET if math.isnan(value) else colours(scale(value)),
                transform=offset_copy(panel.transData, figure, *shifts[one.site], units="points"),
            )  # fmt: skip
        _frame(panel, placed)
        _states(panel, placed)
        self._named(panel, placed, shifts, size)

    def _named(
        self, panel: Axes, placed: Sequence[SiteValue], shifts: dict[str, tuple[float, float]], size: float
    ) -> None:
        known = sorted((one for one in placed if not math.isnan(one.value)), key=lambda one: one.value)
        ends = known if len(known) <= 4 else [*known[:2], *known[-2:]]
        left, right = panel.get_xlim()
        taken: list[tuple[float, float]] = []
        for one in ends:
            right_half = one.lon > (left + right) / 2
            x, y = shifts[one.site]
            close = sum(abs(one.lat - lat) < 0.35 and abs(one.lon - lon) < 1.2 for lat, lon in taken)
            taken.append((one.lat, one.lon))
            panel.annotate(
                one.site, (one.lon, one.lat), (x + (-1 if right_half else 1) * (0.6 * size + 1), y + 9 * close),
                textcoords="offset points", fontsize=7, ha="right" if right_half else "left", va="center", zorder=5,
                bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.6},
            )  # fmt: skip

    def _bar(self, figure: Figure, panel: Axes, target: str, scale: Normalize) -> None:
        place = panel.get_position()
        width = figure.get_figwidth()
        axes = figure.add_axes((place.x1 + 0.14 / width, place.y0, 0.11 / width, place.height))
        steps = np.linspace(scale.vmin or 0, scale.vmax or 1, 128)
        axes.imshow(
            _colours(self.metric)(scale(steps))[:, None], aspect="auto", origin="lower",
            extent=(0, 1, steps[0], steps[-1]),
        )  # fmt: skip
        axes.set_xticks([])
        axes.yaxis.tick_right()
        axes.yaxis.set_label_position("right")
        unit = (
            f", {SCALES[target][1] if target in SCALES else VARIABLES[target].label}" if self.metric == "rmse" else ""
        )
        axes.set_ylabel(f"{METRICS[self.metric]} of {target}{unit}", fontsize=8.5)
        axes.tick_params(labelsize=8, length=3, color=LINE)
        axes.spines[:].set_visible(False)


def _colours(metric: str) -> Colormap:
    return colormaps["viridis" if metric == "r2" else "viridis_r"]


def _frame(panel: Axes, placed: Sequence[SiteValue]) -> None:
    panel.update_datalim([(one.lon, one.lat) for one in placed])  # artists with a transform of their own do not
    panel.autoscale_view()
    panel.margins(0.12)
    # A degree of longitude is shorter than one of latitude.
    panel.set_aspect(1 / math.cos(math.radians(np.mean([one.lat for one in placed]))), adjustable="datalim")
    panel.apply_aspect()
    for axis, sides in ((panel.xaxis, "WE"), (panel.yaxis, "SN")):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(_degrees(sides))


def _degrees(sides: str) -> FuncFormatter:
    """Labels such as 90°W; the sides are those of negative and of positive numbers."""
    return FuncFormatter(lambda value, _: f"{abs(value):g}°{sides[int(value > 0)]}")


def _states(panel: Axes, placed: Sequence[SiteValue]) -> None:
    """Where the counties say which state they are in, its letters behind its counties."""
    by_state: dict[str, list[SiteValue]] = {}
    for one in placed:
        if len(one.site) == 5 and one.site.isdigit() and one.site[:2] in _STATES:
            by_state.setdefault(_STATES[one.site[:2]], []).append(one)
    for state, counties in by_state.items():
        panel.text(
            float(np.mean([one.lon for one in counties])), float(np.mean([one.lat for one in counties])), state,
            fontsize=22, color=LINE, alpha=0.55, ha="center", va="center", zorder=1, fontweight="bold",
        )  # fmt: skip


def measure(tested: Sequence[Predicted], release: Release, metric: str = "r2", targets: Sequence[str] = ()) -> SiteMap:
    """The metric of each model at each site, folds and seeds of a model together.

    Parameters
    ----------
    tested : sequence of Predicted
        Of any tasks.
    release : Release
    metric : str
        One of `METRICS`.
    targets : sequence of str
        By default the ranked targets that were predicted.

    Raises
    ------
    AgrofluxError
        No such metric, or nothing of the targets was predicted or observed.
    """
    if metric not in METRICS:
        raise AgrofluxError("unknown metric", expected="one of " + ", ".join(METRICS), came=metric)
    together: dict[tuple[str, str], list[Predicted]] = {}
    for one in tested:
        together.setdefault((one.task, one.label), []).append(one)
    fields = []
    for (task, label), several in together.items():
        places = {site.number: site for site in overview.sites(release, release.task(task).source)}
        for target in targets or release.task(task).ranked_targets:
            own = [one for one in several if target in one.predicted]
            if not own:
                continue
            sequence = np.concatenate([one.sequence for one in own])
            numbers, group = np.unique(parts(sequence)[0], return_inverse=True)
            sums = RowSums.concatenated(one.sums(target) for one in own).merged(group, len(numbers))
            values = getattr(sums, metric)
            found = [
                SiteValue(
                    places[int(number)].name, places[int(number)].lat, places[int(number)].lon, int(n), float(value)
                )
                for number, n, value in zip(numbers, sums.n, values, strict=True)
                if n
            ]
            if found:
                fields.append(Field(label, task, target, tuple(found)))
    if not fields:
        raise AgrofluxError(
            "nothing to put on a map", expected="predictions of observed targets", came=", ".join(targets) or "ranked"
        )
    few("maps in a row", [f"{field.task}, {field.model}" for field in fields], _MAPS)
    return SiteMap(metric, tuple(fields), origin_of(release, *(task for task, _ in together)))
