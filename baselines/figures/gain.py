"""What transfer gains over training from scratch (Tables III and IV of the paper less Table II, as a figure)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from agroflux_data.errors import AgrofluxError
from agroflux_data.figures import LINE, QUIET
from agroflux_data.variables import OUTPUTS
from baselines.figures.scored import Scored, origins, scored
from baselines.figures.sheet import COLOURS, few, key, rounded, sheet
from baselines.mean import Mean, mean_of
from baselines.predicted import model_of
from baselines.run import Run
from baselines.transfer.plan import METHODS

__all__ = ["METRICS_SHOWN", "Gain", "Gains", "pair"]

METRICS_SHOWN = {"r2": "R² gained", "rmse": "RMSE saved, %"}
_FARTHEST = {"r2": 1.0, "rmse": 100.0}
"""Beyond it, to either side, a mean is shown as an arrow with its number."""
_MARKERS = "osD^vPX"
_COLUMNS = 2


@dataclass(frozen=True)
class Gain:
    """What one method gains from one source, for one model, task and target.

    Attributes
    ----------
    task, model, target : str
    method, source : str
        Of the transfer; the source is the task that was pretrained on.
    gains : dict of str to Mean
        By metric, over pairs of folds and seeds: R2 less that from scratch, and by how many percent RMSE is smaller.
    """

    task: str
    model: str
    target: str
    method: str
    source: str
    gains: dict[str, Mean]


@dataclass(frozen=True)
class Gains:
    """What the figure shows.

    Attributes
    ----------
    metric : str
        Of `METRICS_SHOWN`, the one that is drawn.
    found : tuple of Gain
    origin : str
        The sentences that say which rows the scores are of, and who made the numbers.
    """

    metric: str
    found: tuple[Gain, ...]
    origin: str

    def table(self) -> pd.DataFrame:
        """A row for each task, target, source, method and model."""
        return pd.DataFrame(
            [
                {
                    "task": one.task, "target": one.target, "source": one.source, "method": one.method,
                    "model": one.model, "pairs": one.gains["r2"].n,
                }
                | {
                    f"{name}{end}": getattr(one.gains[metric], field)
                    for metric, name in (("r2", "r2_gain"), ("rmse", "rmse_saved"))
                    for end, field in (("", "value"), ("_low", "low"), ("_high", "high"))
                }
                for one in self.found
            ]
        )  # fmt: skip

    def draw(self) -> Figure:
        places = list(dict.fromkeys((one.task, one.target) for one in self.found))
        places.sort(key=lambda place: (place[0], OUTPUTS.index(place[1])))
        models = list(dict.fromkeys(one.model for one in self.found))
        lines = {
            task: sorted(
                {(one.source, one.method) for one in self.found if one.task == task},
                key=lambda line: (line[0], METHODS.index(line[1])),
            )
            for task, _ in places
        }
        most = max(len(some) for some in lines.values())
        pairs = sorted({one.gains[self.metric].n for one in self.found})
        count = str(pairs[0]) if len(pairs) == 1 else f"{pairs[0]} to {pairs[-1]}"
        columns = min(_COLUMNS, len(places))
        figure, panels = sheet(
            f"Gain from transfer: {METRICS_SHOWN[self.metric]}",
            f"Against the same model from scratch on the same task, fold and seed; mean over {count} pairs of folds and"
            " seeds, with its 95 % interval (t, as if they were independent). Small dots: the pairs. Right of zero"
            " transfer helps. none: the pretrained network as it is. What lies beyond"
            f" ±{_FARTHEST[self.metric]:g} is cut; arrows: means there.\n{self.origin}",
            rows=-(-len(places) // columns), columns=columns, left=1.55, across=1.65, down=0.75, above=0.3, below=0.62,
            size=(3.4, 0.25 + (0.16 + 0.12 * len(models)) * most), labels=models,
        )  # fmt: skip
        handles: dict[str, Artist] = {}
        for panel in panels.ravel()[len(places) :]:
            panel.set_visible(False)
        for panel, (task, target) in zip(panels.ravel(), places, strict=False):
            for one in self.found:
                if (one.task, one.target) == (task, target):
                    number = models.index(one.model)
                    at = lines[task].index((one.source, one.method)) + 0.7 * ((number + 0.5) / len(models) - 0.5)
                    handles |= self._line(panel, one, at, number)
            panel.set_yticks(range(len(lines[task])), _names(lines[task]))
            panel.set_ylim(len(lines[task]) - 0.5, -0.5)
            panel.axvline(0, color=QUIET, linewidth=1, zorder=0)
            for edge in range(1, len(lines[task])):
                panel.axhline(edge - 0.5, color=LINE, linewidth=0.6, zorder=0)
            panel.grid(axis="y", visible=False)
            panel.xaxis.set_major_locator(MaxNLocator(5))
            panel.set_title(f"{target}, {task}", loc="left", fontsize=10, pad=4)
            panel.set_xlabel(METRICS_SHOWN[self.metric], fontsize=9)
        key(figure, {model: handles[model] for model in models if model in handles})
        return figure

    def _line(self, panel: Axes, one: Gain, at: float, number: int) -> dict[str, Artist]:
        mean, far = one.gains[self.metric], _FARTHEST[self.metric]
        colour, marker = COLOURS[number % len(COLOURS)], _MARKERS[number % len(_MARKERS)]
        if math.isnan(mean.value):
            return {}
        shown = float(np.clip(mean.value, -far, far))
        inside = [value for value in mean.values if abs(value) <= far]
        panel.plot(
            inside, [at] * len(inside), "o", markerfacecolor="white", markeredgecolor=colour, markersize=3.2,
            markeredgewidth=0.8, zorder=3,
        )  # fmt: skip
        if shown == mean.value:
            if not math.isnan(mean.low):
                low, high = np.clip([mean.low, mean.high], -far, far)
                panel.plot([low, high], [at, at], color=colour, linewidth=1.3, solid_capstyle="butt")
        else:
            panel.annotate(
                rounded(mean.value, 1), (shown, at), (8 if shown < 0 else -8, 0), textcoords="offset points",
                fontsize=7, color=colour, va="center", ha="left" if shown < 0 else "right",
            )  # fmt: skip
            marker = "<" if shown < 0 else ">"
        (handle,) = panel.plot([shown], [at], marker, color=colour, markersize=5, zorder=4)
        return {one.model: handle}


def pair(paths: Iterable[Path], metric: str = "r2") -> Gains:
    """Pair each run of a transfer with the run from scratch of the same task, model, options, inputs, fold and seed.

    Parameters
    ----------
    paths : iterable of Path
        Folders of runs, or folders that hold such, as a study does.
    metric : str
        Of `METRICS_SHOWN`, the one to draw.

    Raises
    ------
    AgrofluxError
        No such metric, no runs, or no pair among them.
    """
    if metric not in METRICS_SHOWN:
        raise AgrofluxError("unknown metric", expected="one of " + ", ".join(METRICS_SHOWN), came=metric)
    paths = list(paths)
    several = scored(paths)
    together: dict[tuple[str, str, str, str], list[tuple[Scored, Scored]]] = {}
    for one in several:
        transfer = one.run.transfer
        if transfer is not None and (alone := _scratch(one.run, several)) is not None:
            key = one.run.task, transfer.source_task or transfer.source, transfer.method, model_of(one.run)
            together.setdefault(key, []).append((one, alone))
    found = [
        Gain(
            task, model, target, method, source,
            {
                "r2": mean_of(moved.value(target, "r2") - alone.value(target, "r2") for moved, alone in pairs),
                "rmse": mean_of(
                    100 * (1 - moved.value(target, "rmse") / alone.value(target, "rmse")) for moved, alone in pairs
                ),
            },
        )
        for (task, source, method, model), pairs in together.items()
        for target in pairs[0][0].run.targets
        if target in pairs[0][1].metrics
    ]  # fmt: skip
    found = [one for one in found if one.gains["r2"].n]
    if not found:
        raise AgrofluxError(
            "no pairs", expected="runs of a transfer, and from scratch of the same task, model, fold and seed",
            where=", ".join(map(str, paths)),
        )  # fmt: skip
    few("models", [one.model for one in found])
    return Gains(metric, tuple(found), origins(several))


def _scratch(run: Run, several: Iterable[Scored]) -> Scored | None:
    """The run from scratch that stands beside one of a transfer: if it can be, with the same inputs and targets."""

    def what(other: Run) -> tuple[object, ...]:
        return other.task, model_of(other), other.left_out, other.recipe.seed

    fitting = [
        one for one in several
        if one.run.transfer is None and what(one.run) == what(run) and set(run.targets) <= set(one.run.targets)
    ]  # fmt: skip
    return min(fitting, key=lambda one: (one.run.inputs != run.inputs, len(one.run.targets)), default=None)


def _names(lines: Sequence[tuple[str, str]]) -> list[str]:
    """Each source and method; a source by its task where the source alone would not tell."""
    short = {task: task.partition("_")[0] for task, _ in lines}
    told = short if len(set(short.values())) == len(short) else {task: task for task in short}
    return [f"{told[task]}, {method}" for task, method in lines]
