"""Skill by the distance of the tested inputs from training."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from agroflux_data.figures import LINE, QUIET
from baselines.extrapolation import Extrapolation
from baselines.figures.sheet import COLOURS, few, key, sheet

__all__ = ["ByDistance"]

_SHOWN = {"skill": "skill", "r2": "R²"}
_LOWEST = -1.0
_MARKERS = "osD^vPX"


@dataclass(frozen=True)
class ByDistance:
    """What the figure shows.

    Attributes
    ----------
    found : Extrapolation
    origin : str
        The sentence that says who made the numbers.
    """

    found: Extrapolation
    origin: str

    def table(self) -> pd.DataFrame:
        """A row for each model, target and bin."""
        return self.found.table()

    def draw(self) -> Figure:
        found = self.found
        targets = list(dict.fromkeys(one.target for one in found.bins))
        few("models", [one.model for one in found.bins])
        models = list(dict.fromkeys(one.model for one in found.bins))
        limit = "" if math.isnan(found.limit) else " Dashed: rows beyond it lie outside of the training data."
        figure, panels = sheet(
            f"Skill by distance from training, {found.task}",
            "Distance: dissimilarity index (Meyer & Pebesma 2021) of a row's inputs, their seasons, extremes, nitrogen,"
            f" planting, crop and soil ({found.features} numbers), to the nearest training row; 1: the mean distance"
            " between training rows. Points: rows of similar distance, as many in each; bars: 95 % of a bootstrap over"
            f" site-years; skill is against the climatology.{limit} Values below {_LOWEST:g} are cut.\n{self.origin}",
            rows=len(_SHOWN), columns=len(targets), size=(3.3, 2.1), left=0.8, across=0.45, down=0.4, above=0.3,
            labels=models, sharex=True,
        )  # fmt: skip
        handles: dict[str, Artist] = {}
        for row, (metric, name) in enumerate(_SHOWN.items()):
            for column, target in enumerate(targets):
                panel = panels[row, column]
                low = 0.0
                span = max(one.high for one in found.bins) - min(one.low for one in found.bins)
                for number, model in enumerate(models):
                    own = [one for one in found.bins if (one.model, one.target) == (model, target)]
                    if not own:
                        continue
                    at = np.array([one.middle for one in own])
                    at += 0.008 * span * (number - (len(models) - 1) / 2)  # beside each other
                    value, least, most = (
                        np.array(some)
                        for some in (
                            [one.metrics[metric] for one in own],
                            [one.intervals[metric].low for one in own],
                            [one.intervals[metric].high for one in own],
                        )
                    )
                    colour = COLOURS[number % len(COLOURS)]
                    panel.vlines(at, least, most, color=colour, linewidth=1, alpha=0.7)
                    (handles[model],) = panel.plot(
                        at, value, color=colour, linewidth=1.2, marker=_MARKERS[number % len(_MARKERS)], markersize=4.5
                    )
                    low = min(low, *(float(v) for v in (*value, *least) if math.isfinite(v)), math.inf)
                panel.axhline(0, color=LINE, linewidth=0.8, zorder=0)
                if not math.isnan(found.limit):
                    panel.axvline(found.limit, color=QUIET, linewidth=1, linestyle=(0, (4, 2)), zorder=0)
                panel.set_ylim(max(_LOWEST, low - 0.05), 1.02)
                panel.yaxis.set_major_locator(MaxNLocator(5))
                if row == 0:
                    panel.set_title(target, loc="left", fontsize=10, pad=4)
                else:
                    panel.set_xlabel("dissimilarity index", fontsize=9)
                if column == 0:
                    panel.set_ylabel(name, fontsize=9)
        figure.align_ylabels(panels[:, 0])
        key(figure, handles)
        return figure
