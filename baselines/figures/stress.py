"""What models lose under stress: skill with noisy weather and that of other years, with missing spells, by month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agroflux_data.errors import AgrofluxError
from agroflux_data.figures import LINE, QUIET
from baselines.figures.sheet import COLOURS, key, sheet
from baselines.stress import Line, table

__all__ = ["Stresses"]

_LOWEST = -1.0
"""Skill below it is not drawn."""
_SPREAD = 0.5
"""Width that the models of one place share."""


@dataclass(frozen=True)
class Stresses:
    """What the figure shows.

    Attributes
    ----------
    lines : tuple of Line
        Of one task; of one model or several.
    """

    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        tasks = list(dict.fromkeys((one.task, one.split) for one in self.lines))
        if len(tasks) != 1 or len(self.models) > len(COLOURS):
            raise AgrofluxError(
                "models that one figure cannot show", expected=f"the same task and rows, at most {len(COLOURS)} models",
                came="; ".join(f"{task} {split}" for task, split in tasks) + f"; {len(self.models)} models",
            )  # fmt: skip

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.model for one in self.lines))

    def table(self) -> pd.DataFrame:
        """All lines in long form."""
        return table(self.lines)

    def draw(self) -> Figure:
        first, names = self.lines[0], _names(self.models)
        skill = [one for one in self.lines if one.metric == "skill"]
        targets = list(dict.fromkeys(one.target for one in skill))
        rows = [
            ("weather with noise, in its sd, and that of other years", _weather(skill)),
            ("weather missing for some days, around the middle of a month", _spells(skill)),
            ("by month, and by years after those of training", _times(skill)),
        ]
        shown = [(title, places) for title, places in rows if places]
        figure, panels = sheet(
            f"Skill under stress, {first.task}",
            f"Skill against the climatology on {first.split} rows; bars: 95 % over site-years. Lines: the weather as"
            f" it was. Skill below {_LOWEST:g} is not drawn. Management and soil stay as they are.\n"
            f"Origin of the numbers: {first.origin}.",
            labels=list(names.values()), rows=len(shown), columns=len(targets), size=(3.9, 1.75),
            left=0.7, down=0.85, across=0.6, above=0.55, below=0.55,
        )  # fmt: skip
        handles: dict[str, Artist] = {}
        for number, (title, places) in enumerate(shown):
            for panel, target in zip(panels[number], targets, strict=True):
                handles |= self._points(panel, [one for one in skill if one.target == target], places)
                panel.set_title(target if number == 0 else "", loc="left", fontsize=10.5, fontweight="bold", pad=20)
            panels[number, 0].text(
                0, 1.06, title, transform=panels[number, 0].transAxes, fontsize=9, color=QUIET, va="bottom"
            )
            panels[number, 0].set_ylabel("skill", fontsize=9)
        # Months differ by more than any perturbation, and have a scale of their own.
        times = len(shown) - 1
        for column in range(len(targets)):
            for together in (range(times), range(times, len(shown))):
                edges = [panels[row, column].get_ylim() for row in together]
                for row in together:
                    low, high = min(low for low, _ in edges), max(high for _, high in edges)
                    panels[row, column].set_ylim(max(low, _LOWEST), min(high, 1.02))
        key(figure, handles)
        return figure

    def _points(
        self, panel: Axes, own: Sequence[Line], places: Sequence[tuple[str, str, str, str]]
    ) -> dict[str, Artist]:
        """One place on the horizontal axis each: kind, level and position, and what it is called."""
        handles: dict[str, Artist] = {}
        by_place = {(one.model, one.kind, one.level, one.position): one for one in own}
        apart = _SPREAD / max(len(self.models), 1)
        for number, model in enumerate(self.models):
            found = [(at, by_place.get((model, *place[:3]))) for at, place in enumerate(places)]
            at = np.array([x for x, one in found if one is not None]) + apart * (number + 0.5) - _SPREAD / 2
            there = [one for _, one in found if one is not None]
            if not there:
                continue
            colour = COLOURS[number]
            panel.vlines(at, [one.low for one in there], [one.high for one in there], color=colour, linewidth=1.4)
            (points,) = panel.plot(at, [one.value for one in there], "o", color=colour, markersize=4)
            handles[_names(self.models)[model]] = points
            whole = by_place.get((model, "unperturbed", "", ""))
            if whole is not None:
                panel.axhline(whole.value, color=colour, linewidth=0.8, alpha=0.45, zorder=0)
        panel.axhline(0, color=LINE, linewidth=0.9, zorder=0)
        for place, (before, after) in enumerate(pairwise(places)):
            if (before[0], before[2]) != (after[0], after[2]):  # another kind, or the middle of another month
                panel.axvline(place + 0.5, color=LINE, linewidth=0.8, zorder=0)
        panel.set_xticks(range(len(places)), [place[3] for place in places], fontsize=8)
        panel.set_xlim(-0.6, len(places) - 0.4)
        panel.grid(axis="x", visible=False)
        return handles


def _names(models: Sequence[str]) -> dict[str, str]:
    """The last part of each path, where that tells them apart."""
    short = {model: Path(model).name for model in models}
    return short if len(set(short.values())) == len(models) else dict(zip(models, models, strict=True))


def _weather(lines: Sequence[Line]) -> list[tuple[str, str, str, str]]:
    levels = dict.fromkeys(one.level for one in lines if one.kind == "noise")
    places = [("unperturbed", "", "", "none")] + [("noise", level, "", level) for level in levels]
    if any(one.kind == "other_year" for one in lines):
        places.append(("other_year", "", "", "other\nyear"))
    return places if len(places) > 1 else []


def _spells(lines: Sequence[Line]) -> list[tuple[str, str, str, str]]:
    found = dict.fromkeys((one.position, one.level) for one in lines if one.kind == "spell")
    positions = list(dict.fromkeys(position for position, _ in found))
    return [
        ("spell", level, position, f"{level}\n{position[:3]}" if number == middle else level)
        for position in positions
        for levels in [[level for where, level in found if where == position]]
        for middle in [(len(levels) - 1) // 2]
        for number, level in enumerate(levels)
    ]


def _times(lines: Sequence[Line]) -> list[tuple[str, str, str, str]]:
    places = [("month", str(month), "", name) for month, name in enumerate("JFMAMJJASOND", 1)]
    years = dict.fromkeys(one.level for one in lines if one.kind == "years_ahead")
    return places + [("years_ahead", level, "", f"+{level}") for level in years]
