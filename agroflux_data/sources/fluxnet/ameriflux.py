"""Eddy-covariance towers: a user's own FLUXNET or AmeriFlux files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sequences import table
from agroflux_data.sources.fields.fields import Fields
from agroflux_data.sources.fluxnet import badm
from agroflux_data.sources.fluxnet.badm import Station
from agroflux_data.sources.fluxnet.folder import SiteFiles, find
from agroflux_data.sources.fluxnet.site import MIN_QC, FluxnetSite, read_site
from agroflux_data.sources.source import Site, Source
from agroflux_data.sources.years import cut_years
from agroflux_data.splits import Years
from agroflux_data.tasks import TASKS
from agroflux_data.variables import DAYS, INPUTS, STATICS

__all__ = ["AmeriFlux"]

_TARGETS = TASKS["towers_temporal"].targets


class AmeriFlux(Source):
    """Tower files of a folder as sequences of the ``towers`` source, one a site and year.

    Make one with `open`. A sequence is a year in which all inputs are known (gaps of up to
    `agroflux_data.sources.fluxnet.site.LONGEST_GAP` days are interpolated) and some flux was observed. Canonical signs
    and units; 29 February is dropped.
    """

    name = "towers"
    origin = "ameriflux"

    def __init__(
        self,
        files: Mapping[Site, SiteFiles],
        *,
        inputs: tuple[str, ...],
        targets: tuple[str, ...],
        years: Years,
        min_qc: float | None,
        fields: Fields,
        content: str,
        warnings: tuple[str, ...],
    ):
        self._files = {site.name: own for site, own in files.items()}
        self._sites = tuple(files)
        self.inputs, self.targets, self.years = inputs, targets, years
        self.min_qc, self.fields, self.warnings = min_qc, fields, warnings
        self._content = content

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        test_from: int | None = None,
        min_qc: float | None = MIN_QC,
        fields: Fields | None = None,
    ) -> Self:
        """The files under a folder; reads each once, so that everything wrong with them is said now.

        Parameters
        ----------
        folder : str or Path
            Searched with its subfolders; see `agroflux_data.sources.fluxnet.folder` for the names.
        test_from : int, optional
            First test year: the years before it are for training, none for validation. By default the years of the
            benchmark, as far as the files have them, and no others.
        min_qc : float, optional
            Fluxes of days whose quality flag is below are NaN; None keeps every flux.
        fields : Fields, optional
            Soils and management; years for which they say nothing are left out.

        Raises
        ------
        AgrofluxError
            No file of a site; a file that cannot be read, lacks a column or has no observation; no year that can be
            used; or `test_from` leaves no year before or after it.
        """
        folder, fields = Path(folder), fields or Fields()
        if min_qc is not None and not 0 <= min_qc <= 1:
            raise AgrofluxError("no share of a day", expected="min_qc from 0 to 1", came=min_qc)
        found = find(folder)
        stations, notes = badm.read(found.metadata)
        if found.others:
            notes.append(
                "files left out, as packed, of a coarser resolution, reanalysis or without fluxes: "
                + listing(path.name for path in found.others)
            )
        records = [read_site(files, min_qc) for files in found.sites]
        notes += fields.notes({record.files.site: record.years for record in records})
        known = {record.files.site: fields.known(record.files.site, record.years) for record in records}
        usable = sorted({year for years in known.values() for year in years})
        if not usable:
            left_out = [note for record in records for note in record.notes if "left out" in note]
            raise AgrofluxError(
                "no year that can be used", expected="years with known inputs and some observed flux",
                came=listing(left_out + [note for note in notes if "left out, as the table" in note]), where=folder,
            )  # fmt: skip
        years, year_notes = cut_years(usable, cls.name, test_from, folder)
        kept = [record for record in records if any(year in years.all for year in known[record.files.site])]
        used = {record.files.site for record in kept}
        without_soil = {site for site in known if fields.soils and site not in fields.soils}
        notes += [
            f"{site}: left out, as it has no year that can be used" for site in known if site not in used | without_soil
        ]
        columns = set.intersection(*(set(record.values) for record in kept)) | {*fields.inputs}
        sites = [
            Site(record.files.site, number, *_place(record.files.site, stations, fields))
            for number, record in enumerate(kept, start=1)
        ]
        return cls(
            {site: record.files for site, record in zip(sites, kept, strict=True)},
            inputs=tuple(name for name in INPUTS if name in columns),
            targets=tuple(name for name in _TARGETS if name in columns),
            years=years,
            min_qc=min_qc,
            fields=fields,
            content=_content([record.files for record in kept], found.metadata, years, min_qc, fields),
            warnings=(
                *notes, *year_notes, *_column_notes(kept, columns), *_place_notes(sites, stations),
                *(note for record in records for note in record.notes),
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
        own = [name for name in self.inputs + self.targets if name not in self.fields.inputs]
        blocks: dict[str, list[NDArray[np.float64]]] = {name: [np.empty((0, DAYS))] for name in own}
        for site in sites:
            record = read_site(self._files[site.name], self.min_qc)
            known = self.fields.known(site.name, record.years)
            wanted = np.array([year in known and year in self.years.all for year in record.years], bool)
            rows += [(site, int(year)) for year in np.array(record.years)[wanted]]
            for name, block in blocks.items():
                block.append(record.values[name][wanted])
        columns = {name: np.concatenate(block) for name, block in blocks.items()}
        columns |= self.fields.columns([(site.name, year) for site, year in rows])
        years = np.array([year for _, year in rows], np.int64)
        return table([site for site, _ in rows], np.zeros(len(rows), np.int64), years, columns.items())


def _place(site: str, stations: Mapping[str, Station], fields: Fields) -> tuple[float, float]:
    """Latitude and longitude: as the network reports them, else as the table of soils has them."""
    station = stations.get(site)
    if station is not None and not np.isnan([station.lat, station.lon]).any():
        return station.lat, station.lon
    return fields.place(site)


def _content(
    sites: Sequence[SiteFiles], metadata: Sequence[Path], years: Years, min_qc: float | None, fields: Fields
) -> str:
    """What the rows are made from: a hash over the files, not their places, and what is taken of them."""
    digest = hashlib.sha256()
    named = [(files.site, path) for files in sites for path in files.paths]
    for name, path in [*named, *(("metadata", path) for path in metadata)]:
        with path.open("rb") as file:
            digest.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    cuts = f"years {years.first}, {years.validation}, {years.test} to {years.last}"
    quality = "all_qc" if min_qc is None else f"min_qc {min_qc:g}"
    return ", ".join(filter(None, [f"files {digest.hexdigest()[:16]}", fields.content, cuts, quality]))


def _column_notes(records: Sequence[FluxnetSite], columns: set[str]) -> list[str]:
    """What of the benchmark's columns is derived, and what these files do not give."""
    notes = []
    if derived := [record.files.site for record in records if not record.measured_extremes]:
        notes.append(
            f"TMAX, TMIN: derived at {listing(derived)} from TA_F, SW_IN_F and SW_IN_POT (Hargreaves & Samani 1985), "
            "as daily files have no extremes; half-hourly files have them"
        )
    for name in (*_TARGETS, "WIND"):
        if name not in columns:
            lacking = listing(record.files.site for record in records if name not in record.values)
            notes.append(f"{name}: left out, as it has no values at {lacking}")
    if "HMAX" not in columns:
        lacking = listing(record.files.site for record in records if "HMAX" not in record.values)
        notes.append(f"HMAX, HMIN: left out, as only half-hourly files with VPD_F give them, and {lacking} has none")
    if "PDOY" not in columns:
        notes.append("FERTZR_N, PDOY, PLANTT: left out, as no table of management (--management) was given")
    if "TBKDS" not in columns:
        notes.append(f"{', '.join(STATICS)}: left out, as no table of soils (--soils) was given")
    return notes


def _place_notes(sites: Sequence[Site], stations: Mapping[str, Station]) -> list[str]:
    """Where towers stand that nobody says, and on other land than crops."""
    notes = []
    if nowhere := [site.name for site in sites if np.isnan(site.lat)]:
        notes.append(f"lat, lon: NaN at {listing(nowhere)}, as neither a BADM file nor the table of soils has them")
    covers = {site.name: stations[site.name].cover for site in sites if site.name in stations}
    return notes + [
        f"{site}: stands on {cover} (IGBP), not on cropland"
        for site, cover in covers.items()
        if cover not in ("", badm.CROPLAND)
    ]
