"""A release in the layout of the AgroFlux release's ``.npy`` files, so that code written for those runs on it.

The layout and its meanings stand in `agroflux_data.sources.official.layout`, and `agroflux_data.sources.official`
reads back what is written here. Arrays are float32, scaled by means and standard deviations of training rows alone:
for each variable those of the simulations together, as in the AgroFlux release, or of the observations where no
simulation has it. (The AgroFlux release took all rows, of test years too.)
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.release import Release, Targets
from agroflux_data.sequences import parts, values
from agroflux_data.sources.official.files import SourceIndex, index_json
from agroflux_data.sources.official.layout import (
    INDEX,
    INPUT_COLUMNS,
    LAYOUTS,
    SCALERS,
    TREATMENTS,
    Layout,
    Panel,
    Scaler,
)
from agroflux_data.sources.source import Site
from agroflux_data.statistics import Moments, pool
from agroflux_data.tasks import TASKS, Task
from agroflux_data.variables import DAYS, STATICS

__all__ = ["export_official"]

_COUNTIES = 99
"""Sites of each simulation in the AgroFlux release."""

Told = Callable[[int, int], None]


def export_official(
    release: Release, out: Path, *, targets: Targets | None = None, done: Told = lambda done, total: None
) -> tuple[str, ...]:
    """Write a release in the AgroFlux release's layout.

    Parameters
    ----------
    release : Release
    out : Path
        A folder that is not there yet, or is empty; appears whole.
    targets : Targets, optional
        The hidden outputs of a sealed release. Without them, outputs of hidden rows are NaN.
    done : callable
        Told (rows written, rows in all).

    Returns
    -------
    tuple of str
        What the layout cannot hold or code written for the AgroFlux release must know, one sentence each.

    Raises
    ------
    AgrofluxError
        Something stands at ``out``, or a shard is missing or damaged.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise AgrofluxError("something stands there", expected="a folder to make", where=out)
    out.parent.mkdir(parents=True, exist_ok=True)
    scalers = _scalers(release)
    works = [_Work.of(release, layout) for layout in LAYOUTS.values() if _tasks(release, layout.source)]
    notes = [note for work in works for note in work.notes(with_hidden=targets is not None)]
    total, before = sum(work.rows for work in works), 0
    building = out.with_name(f".{out.name}.exporting")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    try:
        for work in works:
            (building / work.layout.folder).mkdir()
            for written in work.write(building, scalers, targets):
                done(before + written, total)
            before += work.rows
        (building / "t0_scalers").mkdir()
        for path, names in SCALERS.items():
            np.save(building / path, np.array([(scalers[name].mean, scalers[name].sd) for name in names]))
        index = {
            work.layout.source: SourceIndex(release.origin(work.tasks[0].name), tuple(work.panels)) for work in works
        }
        (building / INDEX).write_text(index_json(release.revision, index), encoding="utf-8")
        os.replace(building, out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return tuple(notes)


def _tasks(release: Release, source: str) -> tuple[Task, ...]:
    """The tasks of a source that a release has, the temporal one first."""
    return tuple(release.task(name) for name in TASKS if name in release.tasks and TASKS[name].source == source)


def _scalers(release: Release) -> dict[str, Scaler]:
    """The scaler of every column, in its stored sign; 0 and 1 where no training row has a value."""
    simulated: list[dict[str, Moments]] = []
    observed: list[dict[str, Moments]] = []
    for layout in LAYOUTS.values():
        for task in _tasks(release, layout.source)[:1]:
            known = release.statistics(task.name)
            columns = [column for column in (*INPUT_COLUMNS, *layout.columns) if column.name in known]
            stored = {column.official: _turned(known[column.name], column.sign) for column in columns}
            (simulated if layout.simulated else observed).append(stored)
    moments = pool(observed) | {name: one for name, one in pool(simulated).items() if one.n}
    scalers = {}
    for name in (name for names in SCALERS.values() for name in names):
        one = moments.get(name)
        scalers[name] = Scaler(one.mean, one.sd or 1.0) if one is not None and one.n else Scaler(0.0, 1.0)
    return scalers


def _turned(moments: Moments, sign: int) -> Moments:
    if sign > 0:
        return moments
    return replace(moments, mean=-moments.mean, min=-moments.max, max=-moments.min)


@dataclass
class _Work:
    """The arrays of one source that are to be written.

    Attributes
    ----------
    release : Release
    layout : Layout
    tasks : tuple of Task
        Those that hold the source's rows; in a sealed edition neither has all.
    panels : list of Panel
    keys : int64 array (rows,)
        Sequences that are written, ascending.
    hidden : int
        How many of them have hidden outputs.
    left_out : list of int
        Years of the release that the layout does not take.
    """

    release: Release
    layout: Layout
    tasks: tuple[Task, ...]
    panels: list[Panel]
    keys: NDArray[np.int64]
    hidden: int
    left_out: list[int]

    @classmethod
    def of(cls, release: Release, layout: Layout) -> _Work:
        """What there is to write; reads the keys of the source's rows."""
        tasks = _tasks(release, layout.source)
        sites: dict[int, Site] = {}
        found: list[NDArray[np.int64]] = []
        hidden: set[int] = set()
        for task in tasks:
            for split, record in release.splits(task.name).items():
                rows = release.table(task.name, split, ["sequence", "site", "lat", "lon"])
                keys = rows["sequence"].to_numpy()
                numbers = parts(keys)[0]
                for row in np.unique(numbers, return_index=True)[1].tolist():
                    name, lat, lon = (rows[column][row].as_py() for column in ("site", "lat", "lon"))
                    sites[int(numbers[row])] = Site(name, int(numbers[row]), lat, lon)
                found.append(keys)
                hidden |= set(keys.tolist()) if record.hidden else set()
        keys = np.unique(np.concatenate(found))
        every_year = np.unique(parts(keys)[2])
        years = every_year if layout.years is None else every_year[-layout.years :]
        keys = keys[np.isin(parts(keys)[2], years)]
        site_of, treatment_of, year_of = parts(keys)
        if layout.one_file_a_site:
            if treatment_of.any():
                raise AgrofluxError(
                    "treatments where the layout has none", expected=f"treatment 0 for {layout.source}",
                    came=int(treatment_of.max()), where=release.path,
                )  # fmt: skip
            panels = [
                Panel(number, (sites[site],), (0,), _integers(
                    years if layout.side_by_side == "years" else np.unique(year_of[site_of == site])
                ))
                for number, site in enumerate(np.unique(site_of).tolist())
            ]  # fmt: skip
        else:
            of_release = tuple(sites[site] for site in np.unique(site_of).tolist())
            panels = [Panel(0, of_release, _integers(np.unique(treatment_of)), _integers(years))]
        return cls(
            release, layout, tasks, panels, keys, len(hidden & set(keys.tolist())),
            [year for year in every_year.tolist() if year not in years],
        )  # fmt: skip

    @property
    def rows(self) -> int:
        return len(self.keys)

    def notes(self, *, with_hidden: bool) -> Iterator[str]:
        """What the arrays will not hold, or hold in another shape than the AgroFlux release's."""
        layout, source = self.layout, self.layout.source
        if self.left_out:
            yield f"{source}: years {listing(self.left_out)} left out, as the layout has the last {layout.years}"
        has = (*self.tasks[0].inputs, *self.tasks[0].targets)
        wanted = {column.name for column in (*INPUT_COLUMNS, *layout.columns)}
        derived = {"NEE"} if layout.simulated else set()
        if over := [name for name in has if name not in wanted | derived]:
            yield f"{source}: {', '.join(over)} left out, as the layout has no column for them"
        if lacking := sorted(wanted - {*has}):
            yield f"{source}: {', '.join(lacking)} NaN, as the release does not have them"
        if empty := sum(panel.series * len(panel.years) for panel in self.panels) - self.rows:
            yield f"{source}: {empty} series-years NaN, inputs too, as the release does not have them"
        if self.hidden and not with_hidden:
            yield f"{source}: outputs of {self.hidden} sequences NaN, as they are hidden"
        panel = self.panels[0]
        shape, official = f"{len(panel.years)} years", f"{layout.years} years"
        if layout.simulated:
            shape += f" of {len(panel.sites)} x {len(panel.treatments)} series"
            official += f" of {_COUNTIES} x {TREATMENTS} series"
        if layout.years is not None and shape != official:
            yield f"{source}: {shape}, where code for the AgroFlux release may count on {official}"

    def write(self, folder: Path, scalers: dict[str, Scaler], targets: Targets | None) -> Iterator[int]:
        """Make the arrays in a folder; yields how many rows are written."""
        arrays = [_Arrays(folder, self.layout, panel) for panel in self.panels]
        waiting = set(self.keys.tolist())
        for task in self.tasks:
            for split, record in self.release.splits(task.name).items():
                if waiting.isdisjoint(self.release.keys(task.name, split).tolist()):
                    continue
                for rows in self.release.read(task.name, split):
                    for one in arrays:
                        one.put(rows, scalers)
                    waiting.difference_update(rows["sequence"].to_pylist())
                    yield self.rows - len(waiting)
                if record.hidden and targets is not None:
                    for rows in targets.read(task.name, split):
                        for one in arrays:
                            one.put(rows, scalers)
        for one in arrays:
            one.finish()


class _Arrays:
    """The arrays of a panel, mapped into memory to be written."""

    def __init__(self, folder: Path, layout: Layout, panel: Panel):
        self.panel = panel
        self._mapped = [
            np.lib.format.open_memmap(folder / path, "w+", np.float32, layout.shape(panel, len(columns)))
            for path, columns in layout.files(panel.number)
        ]
        self._by_year = [
            (layout.by_year(array), columns)
            for array, (_, columns) in zip(self._mapped, layout.files(panel.number), strict=True)
        ]
        self._written = np.zeros((len(panel.years), panel.series), bool)

    def put(self, rows: pa.Table, scalers: Mapping[str, Scaler]) -> None:
        """Write those rows that belong to the panel, to the arrays whose columns they have."""
        sites = np.array([site.number for site in self.panel.sites])
        treatments, years = np.array(self.panel.treatments), np.array(self.panel.years)
        site, treatment, year = parts(rows["sequence"].to_numpy())
        own = np.isin(site, sites) & np.isin(year, years)
        if not own.any():
            return
        rows = rows.filter(pa.array(own))
        series = np.searchsorted(sites, site[own]) * len(treatments) + np.searchsorted(treatments, treatment[own])
        at = np.searchsorted(years, year[own])
        for array, columns in self._by_year:
            if not any(column.name in rows.column_names for column in columns):
                continue
            block = np.full((len(at), DAYS, len(columns)), np.nan, np.float32)
            for place, column in enumerate(columns):
                if column.name in rows.column_names:
                    block[..., place] = column.stored(_daily(rows, column.name), scalers[column.official])
            array[at, :, series] = block
        self._written[at, series] = True

    def finish(self) -> None:
        """Fill what no row was for with NaN, and write everything out."""
        for place, written in enumerate(self._written):
            if not written.all():
                for array, _ in self._by_year:
                    array[place, :, ~written] = np.nan
        for mapped in self._mapped:
            mapped.flush()


def _daily(rows: pa.Table, name: str) -> NDArray[np.float32]:
    """A column as (rows, 365), or (rows, 1) for a static."""
    return rows[name].to_numpy()[:, None] if name in STATICS else values(rows[name])


def _integers(array: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(int(one) for one in array)
