"""The figures of a dataset card, drawn from the release: which cells are hidden, where the sites are, one sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import pyarrow as pa
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import offset_copy

from agroflux_data import overview, sequences
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
from agroflux_data.release import Release, SourceRecord
from agroflux_data.sources.source import Site
from agroflux_data.splits import ALWAYS_TRAIN, FOLDS, SEALED_FOLD, Edition, place
from agroflux_data.variables import DAYS, VARIABLES

__all__ = ["draw", "map_of_sites"]

_CELLS = {
    "train": (SKY, None), "validation": (GREEN, None), "test": (PURPLE, None),
    "hidden: temporal test": (VERMILLION, "//"), "hidden: spatial test": (ORANGE, "\\\\"),
}  # fmt: skip
"""What a cell of the matrix is for: colour and hatching."""
_FOLDS = {
    0: (BLUE, "o"),
    1: (SKY, "s"),
    2: (GREEN, "D"),
    3: (PURPLE, "v"),
    4: (VERMILLION, "^"),
    ALWAYS_TRAIN: (BLACK, "x"),
}
_NAMES_A_LINE, _LONGEST_LIST = 4, 40


def draw(release: Release) -> dict[str, Callable[[], Figure]]:
    """What draws each figure of the card, by its name."""
    return {
        "splits": partial(_matrix, release),
        "sites": partial(map_of_sites, release),
        "sequence": partial(_sequence, release),
    }


def _caption(release: Release, said: str) -> str:
    made = release.provenance
    origins = ", ".join(sorted({source.origin for source in made.sources.values()}))
    return f"{said}\nOrigin of the numbers: {origins}. Revision {release.revision}, {made.edition} edition."


def _grid(release: Release, figure: Figure, left: float, top: float, **spaces: float) -> list[tuple[str, Axes]]:
    """A panel for each source, two in a row."""
    sources = list(release.provenance.sources)
    columns = min(2, len(sources))
    panels = figure.subplots(-(-len(sources) // columns), columns, squeeze=False).ravel()
    height = figure.get_figheight()
    figure.subplots_adjust(left=left, right=0.985, top=1 - top / height, bottom=0.95 / height, **spaces)
    for panel in panels[len(sources) :]:
        panel.set_visible(False)
    for panel in panels:
        plain(panel)
    return list(zip(sources, panels, strict=False))


def _rows_of_panels(release: Release) -> int:
    return -(-len(release.provenance.sources) // 2)


def _matrix(release: Release) -> Figure:
    """Sites by years: what each cell of a source is for."""
    said = "Temporal tasks learn from the left of a matrix, spatial tasks from some of its rows."
    if release.edition is Edition.SEALED:
        said += "\nHatched cells are hidden: inputs are here, outputs are with the leaderboard."
    figure, left = framed(
        (9.5, 1.9 + 2.5 * _rows_of_panels(release)), "What each site and year is for", _caption(release, said)
    )
    met: dict[str, None] = {}
    for name, panel in _grid(release, figure, 1.45 * left, 1.0, hspace=0.38, wspace=0.3):
        source = release.provenance.sources[name]
        met |= dict.fromkeys(_cells(release, source, panel))
        panel.set_title(name, loc="left", fontsize=10, pad=4)
    known = [what for what in _CELLS if what in met]
    legend(
        figure, [Patch(facecolor=_CELLS[what][0], hatch=_CELLS[what][1], edgecolor="white") for what in known],
        [what if what.startswith("hidden") else f"public: {what}" for what in known], 5,
    )  # fmt: skip
    return figure


def _cells(release: Release, source: SourceRecord, panel: Axes) -> Iterable[str]:
    years, edition = source.years, release.edition
    folds = [fold for fold in (*range(FOLDS), ALWAYS_TRAIN) if fold in source.folds.values()]
    if edition is Edition.SEALED:
        folds.sort(key=lambda fold: fold == SEALED_FOLD)  # Q, which is hidden, stands at the bottom
    for row, fold in enumerate(folds):
        for year in years.all:
            period = years.period(year)
            hidden = [
                scenario
                for scenario in ("temporal", "spatial")
                if (at := place(scenario, edition, fold, period)) is not None and at.hidden
            ]
            what = f"hidden: {hidden[0]} test" if hidden else period
            colour, hatch = _CELLS[what]
            panel.add_patch(
                Rectangle(
                    (year - 0.5, row - 0.5), 1, 1, facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0.8
                )
            )
            yield what
    count = {fold: sum(own == fold for own in source.folds.values()) for fold in folds}
    panel.set_yticks(
        range(len(folds)),
        [f"{'always train' if fold == ALWAYS_TRAIN else f'fold {fold}'} ({count[fold]:,})" for fold in folds],
    )
    panel.set_xlim(years.first - 0.5, years.last + 0.5)
    panel.set_ylim(len(folds) - 0.5, -0.5)
    panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    panel.grid(visible=False)


def map_of_sites(release: Release) -> Figure:
    """The sites of every source by fold; those without coordinates are listed."""
    sealed = release.edition is Edition.SEALED
    found = {name: overview.sites(release, name) for name in release.provenance.sources}
    folds = {name: source.folds for name, source in release.provenance.sources.items()}
    met = {folds[name][site.name] for name, some in found.items() for site in some}
    placed = any(_placed(site) for some in found.values() for site in some)
    said = "Degrees, without projection; sites that share a place stand around it." if placed else "Sites are listed."
    if sealed and SEALED_FOLD in met:
        said += f" Sites of fold {SEALED_FOLD} are the spatial test: their outputs are hidden in all years."
    height = 3.0 if placed else 1.3
    figure, left = framed((9.5, 2.0 + height * _rows_of_panels(release)), "Sites by fold", _caption(release, said))
    for name, panel in _grid(release, figure, left, 1.0, hspace=0.34, wspace=0.17):
        shown, known = len(found[name]), len(folds[name])
        count = f"{shown:,} of {known:,} sites have rows" if shown < known else f"{known:,} sites"
        panel.set_title(f"{name}: {count}", loc="left", fontsize=10, pad=4)
        _map(figure, panel, found[name], folds[name])
    marks: list[Artist] = [_mark(fold) for fold in _FOLDS if fold in met]
    legend(figure, marks, [_fold_name(fold, sealed) for fold in _FOLDS if fold in met], 6)
    return figure


def _fold_name(fold: int, sealed: bool) -> str:
    if fold == ALWAYS_TRAIN:
        return "always train"
    return f"fold {fold}" + (", hidden" if sealed and fold == SEALED_FOLD else "")


def _mark(fold: int) -> Line2D:
    colour, marker = _FOLDS[fold]
    return Line2D([], [], color=colour, marker=marker, markersize=7, linestyle="none")


def _placed(site: Site) -> bool:
    return not np.isnan([site.lat, site.lon]).any()


def _map(figure: Figure, panel: Axes, sites: Iterable[Site], folds: dict[str, int]) -> None:
    places: dict[tuple[float, float], list[Site]] = {}
    unknown = []
    for site in sites:
        if _placed(site):
            places.setdefault((round(site.lat, 1), round(site.lon, 1)), []).append(site)
        else:
            unknown.append(site.name)
    note = f"no coordinates: {_lines(unknown)}" if unknown else ""
    if not places:
        panel.axis("off")
        panel.text(0, 0.97, note, transform=panel.transAxes, va="top", fontsize=8.5, color=QUIET, linespacing=1.5)
        return
    size = float(np.clip(90 / np.sqrt(len(folds)), 2.2, 7))
    marks: dict[tuple[int, float, float], list[Site]] = {}
    for together in places.values():
        around = 0 if len(together) == 1 else 0.6 * size / np.sin(np.pi / len(together))
        for number, site in enumerate(together):
            turn = 2 * np.pi * number / len(together)
            key = folds[site.name], around * np.cos(turn), around * np.sin(turn)
            marks.setdefault(key, []).append(site)
    for (fold, right, up), some in marks.items():
        colour, marker = _FOLDS[fold]
        panel.plot(
            [site.lon for site in some], [site.lat for site in some], linestyle="none", marker=marker,
            markersize=size, color=colour, alpha=0.85, markeredgewidth=1.5 if marker == "x" else 0,
            transform=offset_copy(panel.transData, figure, right, up, units="points"),
        )  # fmt: skip
    latitudes, longitudes = np.array([(site.lat, site.lon) for some in places.values() for site in some]).T
    # Artists with a transform of their own do not set the limits.
    panel.update_datalim(np.column_stack([longitudes, latitudes]))
    panel.autoscale_view()
    panel.margins(0.08)
    # A degree of longitude is shorter than one of latitude.
    panel.set_aspect(1 / np.cos(np.radians(latitudes.mean())), adjustable="datalim")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    panel.set_xlabel("longitude" + (f"\n{note}" if note else ""), fontsize=8.5)
    panel.set_ylabel("latitude", fontsize=8.5)


def _lines(names: list[str]) -> str:
    shown = names[:_LONGEST_LIST]
    lines = [", ".join(shown[start : start + _NAMES_A_LINE]) for start in range(0, len(shown), _NAMES_A_LINE)]
    return ",\n".join(lines) + (f"\nand {len(names) - len(shown):,} more" if len(names) > len(shown) else "")


def _sequence(release: Release) -> Figure:
    """One row of the first task's training rows, as it stands there."""
    task = release.task(release.tasks[0])
    row = _telling(release)
    site, year, treatment = (row[name][0].as_py() for name in ("site", "year", "treatment"))
    values = {name: sequences.values(row[name])[0] for name in (*task.daily_inputs, *task.targets)}
    crop = "" if "PLANTT" not in values else ", corn" if values["PLANTT"].max() > 0.5 else ", soybean"
    planting = "Dashed: planting. " if "PDOY" in values else ""
    drawn: list[Callable[[Axes], None]] = [
        part
        for part in (_temperature(values), _water(values), *(_flux(name, values) for name in task.ranked_targets))
        if part is not None
    ]
    size = (9.5, 1.4 + 1.25 * len(drawn))
    figure, left = framed(
        size, f"One sequence: {task.source}, site {site}, year {year}, treatment {treatment}{crop}",
        _caption(release, f"A row of {task.name}. {planting}Gaps are days without an observation."),
    )  # fmt: skip
    panels = figure.subplots(len(drawn), 1, sharex=True, squeeze=False)[:, 0]
    figure.subplots_adjust(left=1.5 * left, right=0.93, top=1 - 0.5 / size[1], bottom=0.85 / size[1], hspace=0.22)
    for panel, part in zip(panels, drawn, strict=True):
        plain(panel)
        part(panel)
        panel.yaxis.set_major_locator(MaxNLocator(4))
        if "PDOY" in values:
            for day in np.flatnonzero(values["PDOY"] > 0.5):
                panel.axvline(day, color=BLACK, linewidth=1, linestyle=(0, (4, 2)))
    panels[-1].set_xticks(FIRST_DAYS, list(MONTHS))
    panels[-1].set_xlim(0, DAYS - 1)
    figure.align_ylabels(panels)
    return figure


def _telling(release: Release) -> pa.Table:
    """The row that shows most: of the first rows for training, one with most observations, then most nitrogen."""
    task = release.task(release.tasks[0])
    split = next(name for name in release.splits(task.name) if name in task.training_splits(release.edition))
    rows = next(release.read(task.name, split))
    seen = sum(np.sum(~np.isnan(sequences.values(rows[name])), axis=1) for name in task.ranked_targets)
    nitrogen = sequences.values(rows["FERTZR_N"]).sum(axis=1) if "FERTZR_N" in task.inputs else np.zeros(len(rows))
    best = int(np.lexsort((-nitrogen, -np.asarray(seen)))[0])
    return rows.slice(best, 1)


_Daily = dict[str, np.ndarray]
_DAY = np.arange(DAYS)


def _temperature(values: _Daily) -> Callable[[Axes], None] | None:
    if not {"TMAX", "TMIN"} <= values.keys():
        return None

    def part(panel: Axes) -> None:
        panel.fill_between(_DAY, values["TMIN"], values["TMAX"], color=ORANGE, alpha=0.55, linewidth=0)
        panel.axhline(0, color=LINE, linewidth=0.8)
        panel.set_ylabel("TMIN to TMAX\ndegC", fontsize=9)

    return part


def _water(values: _Daily) -> Callable[[Axes], None] | None:
    if "PREC" not in values:
        return None

    def part(panel: Axes) -> None:
        panel.bar(_DAY, values["PREC"], width=1, color=BLUE)
        panel.set_ylabel("PREC\nmm d$^{-1}$", fontsize=9, color=BLUE)
        if "FERTZR_N" in values and values["FERTZR_N"].any():
            days = np.flatnonzero(values["FERTZR_N"])
            beside = panel.twinx()
            plain(beside)
            beside.grid(visible=False)
            beside.vlines(days, 0, values["FERTZR_N"][days], color=VERMILLION, linewidth=1.5)
            beside.plot(days, values["FERTZR_N"][days], "o", color=VERMILLION, markersize=5)
            beside.set_ylim(0, 1.25 * float(values["FERTZR_N"].max()))
            beside.set_ylabel("FERTZR_N\ng N m$^{-2}$", fontsize=9, color=VERMILLION)

    return part


def _flux(name: str, values: _Daily) -> Callable[[Axes], None]:
    def part(panel: Axes) -> None:
        panel.axhline(0, color=LINE, linewidth=0.8)
        panel.plot(_DAY, values[name], color=GREEN, linewidth=1.3)
        panel.set_ylabel(f"{name}\n{VARIABLES[name].label}", fontsize=9)

    return part
