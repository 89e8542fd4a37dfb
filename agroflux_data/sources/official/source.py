"""The AgroFlux release of Cheng et al. (2026, arXiv 2602.01614) as sequences: ``.npy`` arrays and their scalers.

Values are unscaled to physical units and turned to canonical signs; NEE of simulations is RECO - GPP, as CO2_FLUX
means another thing in each source. How the arrays are laid out, and what they mean, stands in
`agroflux_data.sources.official.layout`.

The arrays name neither sites nor years. A site is its number, from 0, along the axis or in the file's name; a treatment
its number within the site; and the last year of every array is taken for the last of the benchmark: 2001-2018 for the
18 years of Ecosys, 2000-2020 for the 21 of DayCent, 2016-2018 for the chambers, and the years up to 2020 for a tower,
whatever they were. So a tower's years are in their order and not in their calendar. A folder that
``agroflux-data export official`` wrote says all this itself (`agroflux_data.sources.official.layout.INDEX`), and who
made its numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sequences import table
from agroflux_data.sources.official import files as official_files
from agroflux_data.sources.official.files import mapped
from agroflux_data.sources.official.layout import INDEX, INPUT_COLUMNS, SCALERS, Column, Layout, Panel, Scaler
from agroflux_data.sources.source import Site, Source
from agroflux_data.sources.years import cut_years
from agroflux_data.splits import Years
from agroflux_data.tasks import TASKS
from agroflux_data.variables import CORE_INPUTS, DAYS, STATICS, VARIABLES

__all__ = ["Official", "read"]

Daily = NDArray[np.floating]


@overload
def read(path: str | Path, *, test_from: int | None = None) -> tuple[Official, ...]: ...
@overload
def read(path: str | Path, *, test_from: int | None = None, view: Literal["canonical"]) -> tuple[Official, ...]: ...
@overload
def read(
    path: str | Path, *, test_from: int | None = None, view: Literal["official"]
) -> dict[str, NDArray[np.floating]]: ...


def read(
    path: str | Path, *, test_from: int | None = None, view: Literal["canonical", "official"] = "canonical"
) -> tuple[Official, ...] | dict[str, NDArray[np.floating]]:
    """What a folder in the AgroFlux release's layout holds: as many of the four sources as it has.

    Parameters
    ----------
    path : str or Path
        The folder with ``t0_scalers`` and some of ``t0_mw``, ``t0_dc``, ``t1_n2o``, ``t1_co2``.
    test_from : int, optional
        First test year, in place of the benchmark's.
    view : {"canonical", "official"}
        canonical: sources, whose sequences have our units and signs. official: the arrays as they are stored, bit for
        bit, by their paths in the folder; mapped into memory, read only.

    Raises
    ------
    AgrofluxError
        None of the folders; a file that is missing, unreadable, pickled or of a wrong shape or type; a scaler that
        cannot scale; or no sequence that can be used.

    Examples
    --------
    >>> ecosys, daycent, towers, mesocosm = read("data_files")                      # doctest: +SKIP
    >>> read("data_files", view="official")["t0_mw/X_mw_scaled.npy"].shape          # doctest: +SKIP
    (6570, 1980, 11)
    """
    if view not in ("canonical", "official"):
        raise AgrofluxError("unknown view", expected="canonical or official", came=view)
    folder = Path(path)
    layouts = official_files.layouts(folder)
    scalers = official_files.read_scalers(folder)
    index = official_files.read_index(folder) or {}
    panels = {layout.source: official_files.panels(folder, layout, index.get(layout.source)) for layout in layouts}
    if view == "official":
        paths = [
            path for layout in layouts for panel in panels[layout.source] for path, _ in layout.files(panel.number)
        ]
        return {path: mapped(folder, path) for path in (*SCALERS, *paths)}
    return tuple(
        Official.open(
            folder, layout, scalers, panels[layout.source],
            origin=index[layout.source].origin if layout.source in index else None, test_from=test_from,
        )
        for layout in layouts
    )  # fmt: skip


class Official(Source):
    """One source of the AgroFlux release; `read` opens all that a folder has.

    A sequence is a (site, treatment, year) whose inputs are all known and physically possible, and with some output.
    An output outside its physical range is missing.
    """

    def __init__(
        self,
        folder: Path,
        layout: Layout,
        scalers: Mapping[str, Scaler],
        panels: Sequence[Panel],
        *,
        sites: tuple[Site, ...],
        origin: str,
        inputs: tuple[str, ...],
        targets: tuple[str, ...],
        years: Years,
        warnings: tuple[str, ...],
    ):
        self.name, self.origin, self.inputs, self.targets, self.years = layout.source, origin, inputs, targets, years
        self.warnings = warnings
        self._folder, self._layout, self._scalers = folder, layout, scalers
        self._panels, self._sites = tuple(panels), sites

    @classmethod
    def open(
        cls,
        folder: Path,
        layout: Layout,
        scalers: Mapping[str, Scaler],
        panels: Sequence[Panel],
        *,
        origin: str | None,
        test_from: int | None,
    ) -> Official:
        """The source of a layout; reads every array once, a year at a time, so that all that is odd is said now.

        Parameters
        ----------
        folder, layout, scalers, panels
            From `agroflux_data.sources.official.files`.
        origin : str, optional
            Who made the numbers, where the folder says so.
        test_from : int, optional

        Raises
        ------
        AgrofluxError
            No sequence that can be used, or `test_from` leaves no year before or after it.
        """
        arrays = [[(mapped(folder, path), columns) for path, columns in layout.files(panel.number)] for panel in panels]
        known = set.union(*(_known(layout.by_year(inputs)) for ((inputs, _), *_) in arrays))
        survey = _Survey(layout, scalers, known)
        for panel, own in zip(panels, arrays, strict=True):
            survey.look(panel, own)
        if not survey.years_of:
            raise AgrofluxError(
                "no sequence that can be used", expected="years with known inputs and some output",
                came=listing(survey.notes()), where=folder / layout.folder,
            )  # fmt: skip
        found = sorted(set.union(*survey.years_of.values()))
        years, year_notes = cut_years(found, layout.source, test_from, folder / layout.folder)
        sites = tuple(
            site
            for panel in panels
            for site in panel.sites
            if any(year in years.all for year in survey.years_of.get(site.number, ()))
        )
        outputs = survey.outputs | ({"NEE"} if layout.simulated and {"RECO", "GPP"} <= survey.outputs else set())
        task = TASKS[f"{layout.source}_temporal"]
        source = cls(
            folder,
            layout,
            scalers,
            panels,
            sites=tuple(sorted(sites, key=lambda site: site.number)),
            origin=origin or "official",
            inputs=tuple(name for name in CORE_INPUTS if name in known),
            targets=tuple(name for name in task.targets if name in outputs),
            years=years,
            warnings=(),
        )
        empty = sorted({site.number for panel in panels for site in panel.sites} - {site.number for site in sites})
        lacking = [name for name in (*task.inputs, *task.targets) if name not in source.inputs + source.targets]
        source.warnings = (
            *([] if origin else _unsaid(layout, panels)),
            *([f"{', '.join(lacking)}: left out, as the arrays do not hold them"] if lacking else []),
            *year_notes,
            *([f"sites: {listing(empty)} left out, as they have no sequence that can be used"] if empty else []),
            *survey.notes(),
            *_meanings(layout),
            *_doubtful_signs(layout, scalers, [outputs for _, *outputs in arrays]),
        )
        return source

    @cached_property
    def content(self) -> str:
        """A hash over the arrays, the scalers and, where it is there, the index, and how the years are cut."""
        paths = [path for panel in self._panels for path, _ in self._layout.files(panel.number)]
        digest = hashlib.sha256()
        for path in (*SCALERS, *paths, INDEX):
            if (self._folder / path).is_file():
                with (self._folder / path).open("rb") as file:
                    digest.update(f"{path} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        years = self.years
        cuts = f"years {years.first}, {years.validation}, {years.test} to {years.last}"
        return f"files {digest.hexdigest()[:16]}, {cuts}"

    @property
    def sites(self) -> tuple[Site, ...]:
        return self._sites

    def sequences(self, sites: Sequence[Site]) -> pa.Table:
        wanted = {site.number for site in sites}
        keys: list[tuple[Site, int, int]] = []
        blocks: dict[str, list[Daily]] = {name: [] for name in self.inputs + self.targets}
        for panel in self._panels:
            places = [place for place, site in enumerate(panel.sites) if site.number in wanted]
            years = [place for place, year in enumerate(panel.years) if year in self.years.all]
            if not places or not years:
                continue
            series = [place * len(panel.treatments) + one for place in places for one in range(len(panel.treatments))]
            columns = self._columns(panel, slice(years[0], years[-1] + 1), series)
            usable = ~np.any(
                [np.isnan(columns[name].reshape(len(columns[name]), -1)).any(1) for name in self.inputs], 0
            )
            usable &= np.any([~np.isnan(columns[name]).all(1) for name in self.targets], 0)
            rows = [
                (panel.sites[place], treatment, panel.years[year])
                for place in places
                for treatment in panel.treatments
                for year in years
            ]
            keys += [key for key, use in zip(rows, usable, strict=True) if use]
            for name, block in blocks.items():
                block.append(columns[name][usable])
        empty = {name: np.empty((0,) if name in STATICS else (0, DAYS)) for name in blocks}
        return table(
            [site for site, _, _ in keys],
            np.array([treatment for _, treatment, _ in keys], np.int64),
            np.array([year for _, _, year in keys], np.int64),
            ((name, np.concatenate([empty[name], *block])) for name, block in blocks.items()),
        )

    def _columns(self, panel: Panel, years: slice, series: Sequence[int]) -> dict[str, Daily]:
        """Some series and years of a panel, row by row, series by series: (rows,) for statics, else (rows, 365)."""
        found: dict[str, Daily] = {}
        for path, columns in self._layout.files(panel.number):
            stored = self._layout.by_year(mapped(self._folder, path))[years][:, :, series]
            for place, column in enumerate(columns):
                if column.name not in self.inputs + self.targets:
                    continue
                values = column.values(stored[..., place].transpose(2, 0, 1), self._scalers[column.official])
                variable = VARIABLES[column.name]
                values[~((values >= variable.low) & (values <= variable.high))] = np.nan
                daily = values.astype(np.float32).reshape(-1, DAYS)
                if column.name in STATICS:
                    daily = np.where(np.isnan(daily).any(axis=1), np.nan, daily[:, 0])
                found[column.name] = daily
        if self._layout.simulated and "NEE" in self.targets:
            found["NEE"] = found["RECO"] - found["GPP"]
        return found


@dataclass(frozen=True)
class _Extremes:
    """Of each column and series over a year: (series, columns) each.

    Attributes
    ----------
    low, high : array
        NaN where nothing is known.
    gaps : bool array
        True where some days are missing.
    """

    low: Daily
    high: Daily
    gaps: NDArray[np.bool_]

    @classmethod
    def of(cls, year: Daily) -> _Extremes:
        """Of an array (365, series, columns)."""
        # minimum keeps NaN and fmin passes over it, so that no mask of the array's size is needed.
        strict = np.minimum.reduce(year, axis=0)
        return cls(np.fmin.reduce(year, axis=0), np.fmax.reduce(year, axis=0), np.isnan(strict))

    def outside(self, ranges: Daily) -> NDArray[np.bool_]:
        """True where a value lies outside the ``ranges`` (2, columns) of the columns."""
        return (self.low < ranges[0]) | (self.high > ranges[1])


class _Survey:
    """What is odd in the arrays of a source, gathered year by year.

    Parameters
    ----------
    layout : Layout
    scalers : mapping of str to Scaler
    known : set of str
        Inputs with values; the others are in no row.

    Attributes
    ----------
    years_of : dict of int to set of int
        Those with a sequence, by the number of the site.
    outputs : set of str
        Those with a value, NEE of simulations aside.
    """

    def __init__(self, layout: Layout, scalers: Mapping[str, Scaler], known: set[str]):
        self.layout, self.scalers = layout, scalers
        self.years_of: dict[int, set[int]] = {}
        self.outputs: set[str] = set()
        self._asked = np.array([column.name in known for column in INPUT_COLUMNS])
        self._static = self._asked & np.array([column.name in STATICS for column in INPUT_COLUMNS])
        self._outside: dict[str, int] = {}
        self._unusable = self._unobserved = self._unsteady = self._unexplained = 0

    def look(self, panel: Panel, arrays: Sequence[tuple[Daily, Sequence[Column]]]) -> None:
        """Look at a panel: its ``X`` array, then its ``Y`` arrays."""
        self._unexplained = max(self._unexplained, arrays[-1][0].shape[2] - len(arrays[-1][1]))
        by_year = [(self.layout.by_year(array)[..., : len(columns)], columns) for array, columns in arrays]
        for place, year in enumerate(panel.years):
            (inputs, columns), *outputs = [(array[place], columns) for array, columns in by_year]
            found = _Extremes.of(inputs)
            unusable = (found.gaps | found.outside(self._ranges(columns)))[:, self._asked].any(axis=1)
            self._unsteady += int((found.high > found.low)[:, self._static].any(axis=1).sum())
            observed = np.any([self._observed(array, names) for array, names in outputs], axis=0)
            self._unusable += int(unusable.sum())
            self._unobserved += int((~observed & ~unusable).sum())
            usable = (observed & ~unusable).reshape(len(panel.sites), -1).any(axis=1)
            for site in np.flatnonzero(usable):
                self.years_of.setdefault(panel.sites[site].number, set()).add(year)

    def _ranges(self, columns: Sequence[Column]) -> Daily:
        return np.array([column.stored_range(self.scalers[column.official]) for column in columns]).T

    def _observed(self, year: Daily, columns: Sequence[Column]) -> NDArray[np.bool_]:
        """Which series of a year (365, series, columns) have an output."""
        found, ranges = _Extremes.of(year), self._ranges(columns)
        seen: NDArray[np.bool_] = np.logical_not(np.isnan(found.low))
        for place, column in enumerate(columns):
            if self.layout.simulated and column.name == "NEE":
                seen[:, place] = False
            elif found.outside(ranges)[:, place].any():
                values = year[..., place]
                possible = (values >= ranges[0, place]) & (values <= ranges[1, place])
                count = int((~possible & ~np.isnan(values)).sum())
                self._outside[column.name] = self._outside.get(column.name, 0) + count
                seen[:, place] = possible.any(axis=0)
        self.outputs |= {column.name for column, some in zip(columns, np.any(seen, axis=0), strict=True) if some}
        return np.any(seen, axis=1)

    def notes(self) -> list[str]:
        """What was found, one sentence each."""
        notes = [
            f"{name}: taken as missing on {count} days, as outside {VARIABLES[name].low:g} to {VARIABLES[name].high:g}"
            for name, count in sorted(self._outside.items())
        ]
        if self._unusable:
            notes.append(f"sequences: {self._unusable} left out, as an input is missing or not physically possible")
        if self._unobserved:
            notes.append(f"sequences: {self._unobserved} left out, as they have no output")
        if self._unsteady:
            notes.append(
                f"{', '.join(STATICS)}: change within {self._unsteady} sequences; the first day's value is taken"
            )
        if self._unexplained:
            folder = self.layout.folder
            notes.append(
                f"outputs: {self._unexplained} last columns in {folder} left out, as nothing says what they are"
            )
        return notes


def _known(inputs: Daily) -> set[str]:
    """Inputs with any value in an ``X`` array as (years, 365, series, columns)."""
    return {
        column.name
        for place, column in enumerate(INPUT_COLUMNS)
        if not np.isnan(inputs[:, 0, :, place]).all() or not np.isnan(inputs[..., place]).all()
    }


def _unsaid(layout: Layout, panels: Sequence[Panel]) -> Iterator[str]:
    """What the arrays do not say, and what is taken instead."""
    last = panels[0].years[-1]
    what = {"ecosys": "counties", "daycent": "sites", "towers": "towers", "mesocosm": "chambers"}[layout.source]
    yield f"sites: the arrays do not name the {what}, so each has its number from 0, and no latitude and longitude"
    if layout.source == "towers":
        yield f"years: unknown; the last of each tower is taken for {last}, so they have an order but no calendar"
    else:
        first = panels[0].years[0]
        yield f"years: the arrays do not name them; {len(panels[0].years)} years are taken for {first} to {last}"
    if not layout.one_file_a_site:
        yield f"treatment: numbered from 0 to {panels[0].treatments[-1]} within each site, as the arrays do not name it"


def _meanings(layout: Layout) -> Iterator[str]:
    """What was turned or taken for something else."""
    if layout.source == "ecosys":
        yield "SOIL_CO2: from CO2_FLUX, which is the flux at the soil surface here; NEE is RECO - GPP"
    elif layout.source == "daycent":
        yield "NEE: RECO - GPP; CO2_FLUX, NPP - Rh here, is left out"
    elif layout.source == "towers":
        yield "NEE: from CO2_FLUX, which is net ecosystem exchange here, negative where the field takes up"
    turned = [column.name for column in layout.columns if column.sign < 0 and column.official != "CO2_FLUX"]
    if turned:
        yield f"{', '.join(turned)}: stored negative, turned to canonical signs"


def _doubtful_signs(
    layout: Layout, scalers: Mapping[str, Scaler], outputs: Sequence[Sequence[tuple[Daily, Sequence[Column]]]]
) -> Iterator[str]:
    """Observations whose signs look other than the layout's; those of simulations show in their scalers."""
    if layout.simulated:
        return
    found: dict[str, list[Daily]] = {}
    for array, columns in (one for own in outputs for one in own):
        for place, column in enumerate(columns):
            values = column.values(array[..., place].ravel(), scalers[column.official])
            found.setdefault(column.name, []).append(values)
    observed = {name: np.concatenate(values) for name, values in found.items()}
    if "N2O" in observed and np.nansum(observed["N2O"]) < 0:
        yield "N2O: negative on average after its sign was turned, so emission may be stored as positive here"
    if {"NEE", "GPP"} <= observed.keys():
        exchange, production = observed["NEE"], observed["GPP"]
        both = np.isfinite(exchange) & np.isfinite(production)
        if both.any() and np.cov(exchange[both], production[both])[0, 1] > 0:
            yield "NEE: rises with GPP, so uptake may be stored as positive here"
