"""Predicted and observed daily fluxes of some sites and years (the paper's Figures 1 and 2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.figures import LINE, MONTHS, QUIET
from agroflux_data.release import Release
from agroflux_data.sequences import parts
from agroflux_data.variables import DAYS, VARIABLES
from baselines.figures.sheet import COLOURS, axis_label, few, key, origin_of, rounded, scaled, sheet
from baselines.predicted import Predicted
from submission.metrics import RowSums, r2

__all__ = ["Place", "Series", "choose"]

_TARGETS = ("NEE", "GPP", "N2O")
_YEARS, _SITES = 3, 4
_OBSERVED = "#8a8f98"
_LETTERS = (0, 90, 181, 273)
"""First days of January, April, July and October."""


@dataclass(frozen=True)
class Place:
    """A site's years side by side.

    Attributes
    ----------
    site : str
    treatment : int
    years : tuple of int
    observed : dict of str to float array (Y, 365)
        By target; NaN where nothing was observed.
    predicted : dict of str to dict
        By model and target, float array (S, Y, 365): one series for each seed.
    """

    site: str
    treatment: int
    years: tuple[int, ...]
    observed: Mapping[str, NDArray[np.float32]]
    predicted: Mapping[str, Mapping[str, NDArray[np.float32]]]


@dataclass(frozen=True)
class Series:
    """What the figure shows.

    Attributes
    ----------
    task : str
    targets : tuple of str
    places : tuple of Place
    chosen : str
        How the places were chosen.
    origin : str
        The sentence that says who made the numbers.
    """

    task: str
    targets: tuple[str, ...]
    places: tuple[Place, ...]
    chosen: str
    origin: str

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(model for place in self.places for model in place.predicted))

    def table(self) -> pd.DataFrame:
        """A row for each site, treatment, year, day and target; a column for each model: the mean of its seeds."""
        frames = []
        for place in self.places:
            for target in self.targets:
                columns: dict[str, Any] = {
                    "site": place.site, "treatment": place.treatment, "year": np.repeat(place.years, DAYS),
                    "day": np.tile(np.arange(1, DAYS + 1), len(place.years)), "target": target,
                    "unit": VARIABLES[target].unit, "observed": place.observed[target].ravel(),
                }  # fmt: skip
                for model in self.models:
                    lines = place.predicted.get(model, {}).get(target)
                    columns[model] = np.nan if lines is None else lines.mean(axis=0).ravel()
                frames.append(pd.DataFrame(columns))
        return pd.concat(frames, ignore_index=True)

    def draw(self) -> Figure:
        years = max(len(place.years) for place in self.places)
        figure, panels = sheet(
            f"Predicted and observed, {self.task}",
            f"Points: observed; days without an observation have none. Lines: predicted{self._seeds()}. R²: of what is"
            f" shown, in the order of the lines. {self.chosen}\n"
            + self.origin,
            labels=["observed", *self.models], rows=len(self.targets), columns=len(self.places),
            size=(max(2.9 * years, 4.2), 1.75), left=0.85, down=0.42,
            above=0.42, sharex="col", sharey="row",
        )  # fmt: skip
        colours = dict(zip(self.models, COLOURS, strict=False))
        handles: dict[str, Artist] = {}
        for column, place in enumerate(self.places):
            for row, target in enumerate(self.targets):
                handles |= _panel(panels[row, column], place, target, colours, first=row == 0)
            _years(panels[-1, column], place)
        for row, target in enumerate(self.targets):
            panels[row, 0].set_ylabel(axis_label(target), fontsize=9)
        figure.align_ylabels(panels[:, 0])
        key(figure, handles)
        return figure

    def _seeds(self) -> str:
        several = any(
            len(lines) > 1 for place in self.places for by in place.predicted.values() for lines in by.values()
        )
        return ", the mean over seeds; shaded: between the lowest and the highest seed" if several else ""


def choose(
    tested: Sequence[Predicted],
    release: Release,
    *,
    sites: Sequence[str] = (),
    years: Sequence[int] = (),
    treatment: int | None = None,
) -> Series:
    """Take sites and years out of what was predicted.

    Parameters
    ----------
    tested : sequence of Predicted
        All of one task; of the first label the default site is chosen.
    release : Release
    sites : sequence of str
        At most `_SITES`; by default the one whose R2 is the median over sites, of the first target that is shown.
    years : sequence of int
        By default of each site the `_YEARS` successive ones with most observed days, the latest of several.
    treatment : int, optional
        By default of each site the one with the median R2.

    Raises
    ------
    AgrofluxError
        No such site, year or treatment among the rows, too many sites or models, or nothing was observed.
    """
    few("models", [one.label for one in tested])
    few("sites", sites, _SITES)
    first = [one for one in tested if one.label == tested[0].label]
    shared = [name for name in first[0].truth.targets if name in first[0].predicted]
    targets = tuple(name for name in _TARGETS if name in shared) or tuple(shared[: len(_TARGETS)])
    rows = _Rows.of(first, release, targets[0])
    if not len(rows.sums):
        raise AgrofluxError("nothing was observed", expected="rows with observations", where=rows.where)
    chosen = list(sites) or [rows.median_site()]
    places = tuple(_place(tested, rows, site, years, treatment, targets) for site in chosen)
    said = "" if sites else f"Site {chosen[0]} has the median R² of {targets[0]} over sites, by {first[0].label}."
    return Series(first[0].task, targets, places, said, origin_of(release, first[0].task))


@dataclass(frozen=True)
class _Rows:
    """The rows of one model's folds, each once, with the errors of one target."""

    sequence: NDArray[np.int64]
    site: NDArray[np.str_]
    sums: RowSums
    where: str

    @classmethod
    def of(cls, tested: Sequence[Predicted], release: Release, target: str) -> _Rows:
        found: dict[str, Predicted] = {one.split: one for one in reversed(tested)}
        names = [release.table(one.task, split, ["sequence", "site"]) for split, one in found.items()]
        sites = {
            key: site
            for rows in names
            for key, site in zip(rows["sequence"].to_pylist(), rows["site"].to_pylist(), strict=True)
        }
        sequence = np.concatenate([one.sequence for one in found.values()])
        sums = RowSums.concatenated(one.sums(target) for one in found.values())
        there = sums.n > 0
        return cls(
            sequence[there], np.array([sites[key] for key in sequence[there].tolist()], dtype=str), sums[there],
            f"{tested[0].task}/{'+'.join(found)}",
        )  # fmt: skip

    def median_site(self) -> str:
        return str(self._median(self.site, np.ones(len(self.site), np.bool_)))

    def median_treatment(self, site: str) -> int:
        return int(self._median(parts(self.sequence)[1], self.site == site))

    def _median(self, groups: NDArray[Any], here: NDArray[np.bool_]) -> Any:
        names, group = np.unique(groups[here], return_inverse=True)
        fits = self.sums[here].merged(group, len(names)).r2
        order = np.argsort(np.where(np.isnan(fits), -np.inf, fits), kind="stable")
        known = order[np.isnan(fits).sum() :]
        return names[known[len(known) // 2] if len(known) else order[0]]


def _place(
    tested: Sequence[Predicted],
    rows: _Rows,
    site: str,
    years: Sequence[int],
    treatment: int | None,
    targets: tuple[str, ...],
) -> Place:
    here = rows.site == site
    if not here.any():
        known = sorted(set(rows.site.tolist()))
        raise AgrofluxError(
            "no such site among the rows", expected=", ".join(known[:12]) + (" ..." if len(known) > 12 else ""),
            came=site, where=rows.where,
        )  # fmt: skip
    _, treatments, all_years = parts(rows.sequence)
    if treatment is None:
        treatment = rows.median_treatment(site)
    here &= treatments == treatment
    if not here.any():
        raise AgrofluxError(f"site {site} has no such treatment", came=treatment, where=rows.where)
    has = dict(zip(all_years[here].tolist(), rows.sums.n[here].tolist(), strict=True))
    if lacking := [year for year in years if year not in has]:
        raise AgrofluxError(
            f"site {site} has no such year", expected=", ".join(map(str, sorted(has))),
            came=", ".join(map(str, lacking)), where=rows.where,
        )  # fmt: skip
    wanted = tuple(sorted(dict.fromkeys(years))) or _best_years(has)
    keys = {int(year): int(key) for year, key in zip(all_years[here], rows.sequence[here], strict=True)}
    sequence = np.array([keys[year] for year in wanted])
    observed: dict[str, NDArray[np.float32]] = {}
    predicted: dict[str, dict[str, list[NDArray[np.float32]]]] = {}
    for one in tested:
        at = np.flatnonzero(np.isin(one.sequence, sequence))
        if len(at) < len(sequence):
            continue  # another fold
        at = at[np.argsort(one.sequence[at])]  # of one site and treatment: by year
        for target in targets:
            if target not in observed:
                observed[target] = one.truth.observed(target, at)
            if target in one.predicted:
                predicted.setdefault(one.label, {}).setdefault(target, []).append(one.predicted[target][at])
    lines = {model: {name: np.stack(some) for name, some in by.items()} for model, by in predicted.items()}
    return Place(site, treatment, wanted, observed, lines)


def _best_years(has: Mapping[int, int]) -> tuple[int, ...]:
    """Successive years with most observed days, the latest of several."""
    ordered = sorted(has)
    windows: Iterator[tuple[int, ...]] = (
        tuple(ordered[start : start + _YEARS]) for start in range(max(1, len(ordered) - _YEARS + 1))
    )
    return max(windows, key=lambda window: (sum(has[year] for year in window), window[-1]))


def _panel(panel: Axes, place: Place, target: str, colours: Mapping[str, str], first: bool) -> dict[str, Artist]:
    day = np.arange(len(place.years) * DAYS) + 0.5
    observed = scaled(target, place.observed[target].ravel())
    handles: dict[str, Artist] = {}
    if VARIABLES[target].low < 0 < VARIABLES[target].high:
        panel.axhline(0, color=LINE, linewidth=0.8, zorder=0)
    for edge in range(1, len(place.years)):
        panel.axvline(edge * DAYS, color=LINE, linewidth=0.8, zorder=0)
    (handles["observed"],) = panel.plot(
        day, observed, color=_OBSERVED, linestyle="none", marker="o", markersize=1.9, markeredgewidth=0, zorder=2
    )
    fits = []
    for model, colour in colours.items():
        lines = place.predicted.get(model, {}).get(target)
        if lines is None:
            continue
        flat = scaled(target, lines.reshape(len(lines), -1))
        if len(flat) > 1:
            panel.fill_between(day, flat.min(axis=0), flat.max(axis=0), color=colour, alpha=0.25, linewidth=0, zorder=3)
        (handles[model],) = panel.plot(day, flat.mean(axis=0), color=colour, linewidth=1.1, alpha=0.9, zorder=4)
        fits.append(rounded(r2(place.observed[target], lines.mean(axis=0))))
    name = f"site {place.site}" + (f", treatment {place.treatment}" if place.treatment else "")
    panel.set_title(f"{name}: {target}" if first else target, loc="left", fontsize=10, pad=4)
    if not np.isfinite(observed).any():
        panel.set_title("not observed", loc="right", fontsize=8.5, pad=4, color=QUIET)
    elif fits:
        panel.set_title("R² " + ", ".join(fits), loc="right", fontsize=8.5, pad=4, color=QUIET)
    panel.yaxis.set_major_locator(MaxNLocator(5))
    return handles


def _years(panel: Axes, place: Place) -> None:
    starts = [number * DAYS + day for number in range(len(place.years)) for day in _LETTERS]
    panel.set_xticks(starts, [MONTHS[(0, 3, 6, 9)[place_ % 4]] for place_ in range(len(starts))])
    panel.set_xlim(0, len(place.years) * DAYS)
    for number, year in enumerate(place.years):
        panel.text(
            number * DAYS + DAYS / 2, -0.16, str(year), transform=panel.get_xaxis_transform(), ha="center", va="top",
            fontsize=9, color=QUIET,
        )  # fmt: skip
