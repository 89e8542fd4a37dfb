"""A user's own runs of a process model: one folder or file a run, one run a site and treatment.

What all models' output has in common is here; how one model writes it is the reader's of that model, which gives each
run as a `RunRecord`.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sequences import table
from agroflux_data.sources.fields.fields import Fields
from agroflux_data.sources.model_runs.runs import Run, RunRecord
from agroflux_data.sources.source import Site, Source
from agroflux_data.sources.years import cut_years
from agroflux_data.splits import Years
from agroflux_data.tasks import TASKS
from agroflux_data.variables import DAYS, INPUTS, STATICS

__all__ = ["ModelRuns"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _RunFields:
    """What tables say of the fields of runs, by the names of the runs.

    Attributes
    ----------
    fields : Fields
    names : dict of Run to str
        Each run's name in the tables.
    """

    fields: Fields
    names: dict[Run, str]

    @classmethod
    def of(cls, fields: Fields, runs: Sequence[Run], path: Path) -> Self:
        """Soils by site, management by run or, where a site has one, by site.

        Raises `AgrofluxError` where the management says nothing of one of several runs of a site that it knows.
        """
        managed = () if fields.management is None else fields.management.sites
        names = {run: run.label if run.label in managed else run.site for run in runs}
        treatments = Counter(run.site for run in runs)
        unknown = [run.label for run in runs if run.label not in managed and treatments[run.site] > 1]
        if fields.management is not None and unknown:
            raise AgrofluxError(
                "management of some of a site's runs is not known", expected=f"rows of {listing(unknown)} in the table",
                came=f"rows of {listing(managed)}", where=path,
            )  # fmt: skip
        soils = {name: fields.soils[run.site] for run, name in names.items() if run.site in fields.soils}
        sites = {run.site for run in runs}
        soils |= {site: soil for site, soil in fields.soils.items() if site not in sites}
        return cls(replace(fields, soils=soils), names)

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.fields.inputs

    @property
    def content(self) -> str:
        return self.fields.content

    def place(self, run: Run) -> tuple[float, float]:
        return self.fields.place(self.names[run])

    def known(self, run: Run, years: Sequence[int]) -> list[int]:
        return self.fields.known(self.names[run], years)

    def columns(self, rows: Sequence[tuple[Run, int]]) -> dict[str, Array]:
        return self.fields.columns([(self.names[run], year) for run, year in rows])

    def notes(self, runs: Sequence[Run], records: Sequence[RunRecord]) -> list[str]:
        return self.fields.notes({self.names[run]: one.years for run, one in zip(runs, records, strict=True)})


class ModelRuns(Source):
    """Runs of one process model as sequences, one a run and year.

    Make one with `open`. A model's class says which runs a path holds (`runs`) and what one of them gives (`read`).
    Targets are those of any run, NaN in the years of a run that did not write them; inputs are those of all runs, and
    what tables of the fields say, which goes before what the files do.

    Attributes
    ----------
    unwritten : tuple of (tuple of str, str)
        Inputs that the model does not write as the benchmark needs them, and why.
    """

    unwritten: tuple[tuple[tuple[str, ...], str], ...] = ()

    def __init__(
        self,
        runs: Sequence[Run],
        sites: tuple[Site, ...],
        *,
        inputs: tuple[str, ...],
        targets: tuple[str, ...],
        years: Years,
        fields: _RunFields,
        content: str,
        warnings: tuple[str, ...],
    ):
        self._runs, self._sites, self._fields, self._content = tuple(runs), sites, fields, content
        self.inputs, self.targets, self.years, self.warnings = inputs, targets, years, warnings

    @staticmethod
    @abstractmethod
    def runs(path: Path) -> tuple[list[Run], list[str]]:
        """All runs at a path, and what is to be said of the others; raises `AgrofluxError` where there is none."""

    @staticmethod
    @abstractmethod
    def read(run: Run, place: tuple[float, float]) -> RunRecord:
        """What a run gives, at a latitude and longitude or, where NaN, at the place that its files say.

        Raises `AgrofluxError` where the files cannot be read.
        """

    @classmethod
    def open(cls, path: str | Path, *, test_from: int | None = None, fields: Fields | None = None) -> Self:
        """The runs at a path; reads each once, so that everything wrong with them is said now.

        Parameters
        ----------
        path : str or Path
        test_from : int, optional
            First test year: the years before it are for training, none for validation. By default the years of the
            benchmark, as far as the runs have them, and no others.
        fields : Fields, optional
            Soils by site; management by the name of the run, ``SITE_TREATMENT``, or by site where that has one run.

        Raises
        ------
        AgrofluxError
            No run; two runs of one site and treatment; a file that cannot be read; runs of one site that the table of
            management does not tell apart; no year that can be used; or `test_from` leaves no year before or after it.
        """
        path = Path(path)
        if not path.exists():
            raise AgrofluxError("nothing there", expected=f"output of {cls.name}", where=path)
        runs, notes = cls.runs(path)
        _refuse_twins(runs, path)
        tables = _RunFields.of(fields or Fields(), runs, path)
        records = [cls.read(run, tables.place(run)) for run in runs]
        notes += tables.notes(runs, records)
        known = {run: tables.known(run, one.years) for run, one in zip(runs, records, strict=True)}
        found = sorted({year for years in known.values() for year in years})
        if not found:
            raise AgrofluxError(
                "no year that can be used", expected="years of whole weather and some output",
                came=listing(note for note in (*notes, *_run_notes(runs, records)) if "left out" in note), where=path,
            )  # fmt: skip
        years, year_notes = cut_years(found, cls.name, test_from, path)
        kept = [(run, one) for run, one in zip(runs, records, strict=True) if {*known[run]} & {*years.all}]
        used = {run for run, _ in kept}
        notes += [f"{run.label}: left out, as it has no year that can be used" for run in runs if run not in used]
        shared = set.intersection(*(set(one.values) for _, one in kept)) | {*tables.inputs}
        written = {name for _, one in kept for name in one.values}
        inputs = tuple(name for name in INPUTS if name in shared)
        if not set(inputs) - set(STATICS):
            raise AgrofluxError("no weather that all runs have", expected="some daily input of each run", where=path)
        return cls(
            [run for run, _ in kept],
            _sites(kept),
            inputs=inputs,
            targets=tuple(name for name in TASKS[f"{cls.name}_temporal"].targets if name in written),
            years=years,
            fields=tables,
            content=_content([run for run, _ in kept], years) + (f", {tables.content}" if tables.content else ""),
            warnings=(
                *notes,
                *year_notes,
                *cls._unwritten_notes(inputs),
                *_input_notes(kept, inputs),
                *_run_notes(runs, records),
            ),
        )

    @classmethod
    def _unwritten_notes(cls, inputs: Sequence[str]) -> list[str]:
        lacking = [([name for name in names if name not in inputs], why) for names, why in cls.unwritten]
        return [f"{', '.join(names)}: left out, as {why}" for names, why in lacking if names]

    @property
    def content(self) -> str:
        return self._content

    @property
    def sites(self) -> tuple[Site, ...]:
        return self._sites

    def sequences(self, sites: Sequence[Site]) -> pa.Table:
        wanted = {site.name: site for site in sites}
        rows: list[tuple[Run, int]] = []
        blocks: dict[str, list[Array]] = {
            name: [np.empty((0, *(() if name in STATICS else (DAYS,))))]
            for name in self.inputs + self.targets
            if name not in self._fields.inputs
        }
        for run in self._runs:
            if run.site not in wanted:
                continue
            one = self.read(run, self._fields.place(run))
            known = {*self._fields.known(run, one.years)} & {*self.years.all}
            taken = np.array([year in known for year in one.years], bool)
            rows += [(run, year) for year in one.years if year in known]
            for name, block in blocks.items():
                array = one.values.get(name)
                block.append(np.full((int(taken.sum()), DAYS), np.nan) if array is None else array[taken])
        columns = {name: np.concatenate(block) for name, block in blocks.items()} | self._fields.columns(rows)
        treatments = np.array([run.treatment for run, _ in rows], np.int64)
        years = np.array([year for _, year in rows], np.int64)
        return table([wanted[run.site] for run, _ in rows], treatments, years, columns.items())


def _refuse_twins(runs: Sequence[Run], path: Path) -> None:
    first: dict[tuple[str, int], Run] = {}
    for run in runs:
        twin = first.setdefault((run.site, run.treatment), run)
        if twin is not run:
            raise AgrofluxError(
                f"two runs of site {run.site}, treatment {run.treatment}", expected="one run of each",
                came=f"{_place(twin, path)} and {_place(run, path)}", where=path,
            )  # fmt: skip


def _place(run: Run, path: Path) -> str:
    """Where a run lies, seen from the path that was read."""
    place = run.files[0].parent if len(run.files) > 1 else run.files[0]
    return str(place.relative_to(path)) if place.is_relative_to(path) else place.name


def _sites(kept: Iterable[tuple[Run, RunRecord]]) -> tuple[Site, ...]:
    """Sites in the order of their names; a site stands where the first of its runs says."""
    places: dict[str, tuple[float, float]] = {}
    for run, one in kept:
        if not np.isfinite(places.get(run.site, (np.nan,))).all():
            places[run.site] = (one.lat, one.lon)
    return tuple(Site(name, number, *places[name]) for number, name in enumerate(sorted(places), start=1))


def _content(runs: Iterable[Run], years: Years) -> str:
    """What the rows are made from: a hash over the files, not their places, and what is taken of them."""
    digest = hashlib.sha256()
    for run in runs:
        digest.update(f"{run.site} {run.treatment} {run.part}\n".encode())
        for file in run.files:
            digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return f"files {digest.hexdigest()[:16]}, years {years.first}, {years.validation}, {years.test} to {years.last}"


def _input_notes(kept: Sequence[tuple[Run, RunRecord]], inputs: Sequence[str]) -> list[str]:
    """Inputs that not all runs have, and no table; what one run lacks, its reader says."""
    lacking = {name: [run.label for run, one in kept if name not in one.values] for name in INPUTS}
    return [
        f"{name}: left out, as not in {listing(labels)}"
        for name, labels in lacking.items()
        if 0 < len(labels) < len(kept) and name not in inputs
    ]


def _run_notes(runs: Sequence[Run], records: Sequence[RunRecord]) -> list[str]:
    """What is to be said of runs, each thing once with the runs that it is true of."""
    labels: dict[str, list[str]] = {}
    for run, one in zip(runs, records, strict=True):
        unplaced = ["lat, lon: NaN, as no file says where it stands"] if np.isnan(one.lat + one.lon) else []
        for note in (*one.notes, *unplaced):
            labels.setdefault(note, []).append(run.label)
    return [f"{listing(of)}: {note}" for note, of in labels.items()]
