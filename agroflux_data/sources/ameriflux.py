"""Eddy-covariance towers: a user's own daily FLUXNET or AmeriFlux files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sequences import table
from agroflux_data.sources.fluxnet_file import DailyFile, daily_files
from agroflux_data.sources.fluxnet_site import MIN_QC, FluxnetSite, read_site
from agroflux_data.sources.source import Site, Source
from agroflux_data.sources.years import cut_years
from agroflux_data.splits import Years
from agroflux_data.tasks import TASKS
from agroflux_data.variables import DAYS, INPUTS

__all__ = ["AmeriFlux"]

_TARGETS = TASKS["towers_temporal"].targets


class AmeriFlux(Source):
    """Daily tower files of a folder as sequences of the ``towers`` source, one a site and year.

    Make one with `open`. A sequence is a year in which all inputs are known (gaps of up to
    `agroflux_data.sources.fluxnet_site.LONGEST_GAP` days are interpolated) and some flux was observed. Canonical signs
    and units; 29 February is dropped.
    """

    name = "towers"
    origin = "ameriflux"

    def __init__(
        self,
        files: Sequence[DailyFile],
        *,
        inputs: tuple[str, ...],
        targets: tuple[str, ...],
        years: Years,
        min_qc: float,
        content: str,
        warnings: tuple[str, ...],
    ):
        self._files = {file.site: file for file in files}
        # Daily files do not say where the tower stands.
        self._sites = tuple(Site(file.site, number, np.nan, np.nan) for number, file in enumerate(files, start=1))
        self.inputs, self.targets, self.years = inputs, targets, years
        self.min_qc, self.warnings = min_qc, warnings
        self._content = content

    @classmethod
    def open(cls, folder: str | Path, *, test_from: int | None = None, min_qc: float = MIN_QC) -> Self:
        """The daily files under a folder; reads each once, so that everything wrong with them is said now.

        Parameters
        ----------
        folder : str or Path
            Searched with its subfolders; see `agroflux_data.sources.fluxnet_file.daily_files`.
        test_from : int, optional
            First test year: the years before it are for training, none for validation. By default the years of the
            benchmark, as far as the files have them, and no others.
        min_qc : float
            Fluxes of days whose quality flag is below are NaN.

        Raises
        ------
        AgrofluxError
            No daily file; a file that cannot be read, lacks a column or has no observation; no year that can be
            used; or `test_from` leaves no year before or after it.
        """
        folder = Path(folder)
        if not 0 <= min_qc <= 1:
            raise AgrofluxError("no share of a day", expected="min_qc from 0 to 1", came=min_qc)
        files, others = daily_files(folder)
        records = [read_site(file, min_qc) for file in files]
        notes = []
        if others:
            notes.append(
                "files left out, as of another resolution than daily or without fluxes: "
                + listing(path.name for path in others)
            )
        found = sorted({year for record in records for year in record.years})
        if not found:
            raise AgrofluxError(
                "no year that can be used", expected="years with known weather and some observed flux",
                came=listing(note for record in records for note in record.notes if "left out" in note), where=folder,
            )  # fmt: skip
        years, year_notes = cut_years(found, cls.name, test_from, folder)
        kept = [record for record in records if any(year in years.all for year in record.years)]
        used = {record.file.site for record in kept}
        notes += [
            f"{file.site}: left out, as it has no year that can be used" for file in files if file.site not in used
        ]
        columns = set.intersection(*(set(record.values) for record in kept))
        return cls(
            [record.file for record in kept],
            inputs=tuple(name for name in INPUTS if name in columns),
            targets=tuple(name for name in _TARGETS if name in columns),
            years=years,
            min_qc=min_qc,
            content=_content([record.file for record in kept], years, min_qc),
            warnings=(
                *notes, *year_notes, *_column_notes(kept, columns), *(note for r in records for note in r.notes)
            ),
        )  # fmt: skip

    @property
    def content(self) -> str:
        return self._content

    @property
    def sites(self) -> tuple[Site, ...]:
        return self._sites

    def sequences(self, sites: Sequence[Site]) -> pa.Table:
        rows: list[tuple[Site, int]] = []
        blocks: dict[str, list[NDArray[np.float64]]] = {name: [] for name in self.inputs + self.targets}
        for site in sites:
            record = read_site(self._files[site.name], self.min_qc)
            wanted = np.array([year in self.years.all for year in record.years], bool)
            rows += [(site, year) for year in np.array(record.years)[wanted]]
            for name, block in blocks.items():
                block.append(record.values[name][wanted])
        columns = {name: np.concatenate([np.empty((0, DAYS)), *block]) for name, block in blocks.items()}
        years = np.array([year for _, year in rows], np.int64)
        return table([site for site, _ in rows], np.zeros(len(rows), np.int64), years, columns.items())


def _content(files: Sequence[DailyFile], years: Years, min_qc: float) -> str:
    """What the rows are made from: a hash over the files, not their places, and what is taken of them."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.site} {hashlib.sha256(file.path.read_bytes()).hexdigest()}\n".encode())
    cuts = f"years {years.first}, {years.validation}, {years.test} to {years.last}"
    return f"files {digest.hexdigest()[:16]}, {cuts}, min_qc {min_qc:g}"


def _column_notes(records: Sequence[FluxnetSite], columns: set[str]) -> list[str]:
    """What of the benchmark's columns these files do not give."""
    notes = ["TMAX, TMIN: not in daily files; derived from TA_F, SW_IN_F and SW_IN_POT (Hargreaves & Samani 1985)"]
    for name in (*_TARGETS, "WIND"):
        if name not in columns:
            lacking = listing(record.file.site for record in records if name not in record.values)
            notes.append(f"{name}: left out, as it has no values at {lacking}")
    return [
        *notes,
        "HMAX, HMIN: left out, as daily files have no extremes of vapour pressure",
        "FERTZR_N, PDOY, PLANTT: left out, as tower files have no management",
        "TBKDS, TCSAND, TCSILT, TPH, TSOC: left out, as tower files have no soil survey",
        "lat, lon: NaN, as daily files do not say where the tower stands",
    ]
