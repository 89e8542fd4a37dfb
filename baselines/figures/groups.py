"""One model for all outputs against one for each group of them (the paper's Figure 7)."""

from __future__ import annotations

import math
from collections.abc import Iterable
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
from agroflux_data.variables import OUTPUTS, VARIABLES
from baselines.figures.scored import origins, scored
from baselines.figures.sheet import COLOURS, key, rounded, sheet
from baselines.mean import Mean, mean_of
from baselines.predicted import label_of
from baselines.run import Run

__all__ = ["Group", "Groups", "compare"]

SPECIALISED = "specialised"
_LOWEST = -0.5


@dataclass(frozen=True)
class Group:
    """R2 of one target by one way of training.

    Attributes
    ----------
    task, model, target : str
    way : str
        ``specialised``, or how many targets of which several groups a combined model has.
    r2 : Mean
        Over folds and seeds.
    """

    task: str
    model: str
    target: str
    way: str
    r2: Mean


@dataclass(frozen=True)
class Groups:
    """What the figure shows.

    Attributes
    ----------
    found : tuple of Group
    origin : str
        The sentences that say which rows the scores are of, and who made the numbers.
    """

    found: tuple[Group, ...]
    origin: str

    @property
    def ways(self) -> tuple[str, ...]:
        """Combined ones first, the largest of them before the others."""
        combined = sorted({one.way for one in self.found if one.way != SPECIALISED}, key=_size, reverse=True)
        return (*combined, SPECIALISED)

    def table(self) -> pd.DataFrame:
        """A row for each task, model, target and way of training."""
        return pd.DataFrame(
            [
                {
                    "task": one.task, "model": one.model, "group": VARIABLES[one.target].group, "target": one.target,
                    "trained": one.way, "runs": one.r2.n, "r2": one.r2.value, "r2_low": one.r2.low,
                    "r2_high": one.r2.high,
                }
                for one in self.found
            ]
        )  # fmt: skip

    def draw(self) -> Figure:
        panels_of = list(dict.fromkeys((one.task, one.model) for one in self.found))
        targets = [name for name in OUTPUTS if any(one.target == name for one in self.found)]
        figure, panels = sheet(
            "Combined against specialised output groups",
            "combined: one model for targets of several groups; specialised: one for each group. Bars: mean R² over"
            " folds and seeds; whiskers: its 95 % interval (t, as if runs were independent); dots: the runs. R² below"
            f" {_LOWEST:g} is cut.\n{self.origin}",
            labels=self.ways, rows=len(panels_of), columns=1,
            size=(max(6.5, 0.55 * len(targets)), 2.2), left=0.8, down=0.95, above=0.5,
            below=0.85,
        )  # fmt: skip
        handles: dict[str, Artist] = {}
        for panel, (task, model) in zip(panels[:, 0], panels_of, strict=True):
            own = [one for one in self.found if (one.task, one.model) == (task, model)]
            handles |= self._bars(panel, own, targets)
            panel.set_title(f"{model}, {task}", loc="left", fontsize=10, pad=14)
            panel.set_ylabel("R²", fontsize=9)
        key(figure, {way: handles[way] for way in self.ways if way in handles})
        return figure

    def _bars(self, panel: Axes, own: list[Group], targets: list[str]) -> dict[str, Artist]:
        handles: dict[str, Artist] = {}
        wide = 0.8 / len(self.ways)
        low = 0.0
        for one in own:
            number = self.ways.index(one.way)
            at = targets.index(one.target) + wide * (number + 0.5) - 0.4
            if math.isnan(one.r2.value):
                continue
            colour = COLOURS[number % len(COLOURS)]
            handles[one.way] = panel.bar(at, one.r2.value, 0.9 * wide, color=colour, alpha=0.75)[0]
            if one.r2.value < _LOWEST:
                panel.text(
                    at, _LOWEST + 0.02, rounded(one.r2.value, 1), fontsize=6.5, rotation=90, ha="center", va="bottom",
                    color="white", zorder=5,
                )  # fmt: skip
            if not math.isnan(one.r2.low):
                panel.plot([at, at], [one.r2.low, one.r2.high], color="black", linewidth=1, zorder=3)
            panel.plot([at] * len(one.r2.values), one.r2.values, "o", color=colour, markeredgecolor="white",
                       markeredgewidth=0.5, markersize=3.6, zorder=4)  # fmt: skip
            low = min([low, one.r2.value, *(value for value in (*one.r2.values, one.r2.low) if not math.isnan(value))])
        panel.axhline(0, color=QUIET, linewidth=0.8)
        panel.set_xticks(range(len(targets)), targets, rotation=45, ha="right", rotation_mode="anchor")
        panel.set_xlim(-0.6, len(targets) - 0.4)
        panel.set_ylim(max(_LOWEST, low * 1.05), 1)
        panel.yaxis.set_major_locator(MaxNLocator(5))
        panel.grid(axis="x", visible=False)
        groups = [VARIABLES[name].group for name in targets]
        for group in dict.fromkeys(groups):
            here = np.flatnonzero(np.array(groups) == group)
            panel.text(
                here.mean(), 1.01, group, transform=panel.get_xaxis_transform(), ha="center", va="bottom", fontsize=8.5,
                color=QUIET,
            )  # fmt: skip
            if here[0]:
                panel.axvline(here[0] - 0.5, color=LINE, linewidth=0.8, zorder=0)
        return handles


def _size(way: str) -> int:
    return int("".join(letter for letter in way if letter.isdigit()) or 0)


def _way(run: Run) -> str:
    groups = {VARIABLES[name].group for name in run.targets}
    return SPECIALISED if len(groups) == 1 else f"combined, {len(run.targets)} targets"


def compare(paths: Iterable[Path]) -> Groups:
    """Compare runs whose targets are of one group with runs of the same task and model whose targets are of several.

    Parameters
    ----------
    paths : iterable of Path
        Folders of runs, or folders that hold such.

    Raises
    ------
    AgrofluxError
        No runs, or of no task and model both kinds.
    """
    paths = list(paths)
    several = scored(paths)
    together: dict[tuple[str, str], dict[tuple[str, str], list[float]]] = {}
    for one in several:
        own = together.setdefault((one.run.task, label_of(one.run)), {})
        for target in one.run.targets:
            own.setdefault((target, _way(one.run)), []).append(one.value(target, "r2"))
    found = [
        Group(task, model, target, way, mean_of(values))
        for (task, model), by_target in together.items()
        for (target, way), values in by_target.items()
        if len({other for name, other in by_target if name == target}) > 1
    ]
    if not found:
        raise AgrofluxError(
            "nothing to compare", where=", ".join(map(str, paths)),
            expected="runs with --targets carbon (nitrogen, water, thermal) and runs with targets of several groups",
        )  # fmt: skip
    return Groups(tuple(found), origins(several))
