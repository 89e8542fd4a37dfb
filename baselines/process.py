"""The process models as baselines: the inputs of a release drive them, and nothing is fitted.

A run takes public parameters and neutral latents, so it knows as much of a field as any submission does. Rows are
years; their inputs, hidden rows' too, are joined to whole series again, since soil water, litter and nitrogen carry
over from year to year.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.progress import Progress

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.sequences import parts, values
from agroflux_data.simulators import models
from agroflux_data.simulators.drivers import Drivers, Latents, Management, ProcessModel, Soil, Weather
from agroflux_data.variables import DAYS, INPUTS, STATICS, VARIABLES
from submission.keys import positions

__all__ = ["PROCESS", "PROCESS_MODELS", "drivers_of", "predict_process", "process_model", "series_of"]

PROCESS = "process:"
"""What the name of every process model begins with, where learned models have the name of a folder."""

PROCESS_MODELS = tuple(PROCESS + name for name in models.MODELS)
"""Every process model, by the name that the command knows."""

_TOGETHER = 512
"""Series simulated at once: 21 years of them take about 0.7 GB."""
_YEARS = 10_000
"""Sequence numbers of one series differ by less than this."""


def process_model(name: str) -> ProcessModel:
    """The process model of that name; raises `AgrofluxError` for an unknown one."""
    if name not in PROCESS_MODELS:
        raise AgrofluxError("unknown process model", expected="one of " + ", ".join(PROCESS_MODELS), came=name)
    return models.load(name.removeprefix(PROCESS))


def predict_process(
    model: ProcessModel, release: Release, task: str, split: str, bar: Progress | None = None
) -> dict[str, NDArray]:
    """What a process model simulates for the rows of a split.

    Parameters
    ----------
    model : ProcessModel
    release : Release
    task, split : str
    bar : rich.progress.Progress, optional

    Returns
    -------
    dict
        ``sequence`` (N,) int64 and each target of the task that the model has (N, 365) float32, in physical units,
        values outside what is physically possible moved to its edge.

    Raises
    ------
    AgrofluxError
        The release lacks the split or an input of the model, or the model has none of the task's targets.
    """
    sequence = release.keys(task, split)
    targets = [name for name in release.task(task).targets if name in model.outputs]
    if not targets:
        raise AgrofluxError(
            f"{model.name} has no target of {task}", expected="one of " + ", ".join(model.outputs),
            came=", ".join(release.task(task).targets),
        )  # fmt: skip
    first_year = release.provenance.sources[release.task(task).source].years.first
    own, year = series_of(sequence), parts(sequence)[2]
    series = np.unique(own)
    fluxes = {name: np.empty((len(sequence), DAYS), np.float32) for name in targets}
    line = None if bar is None else bar.add_task(f"simulating with {model.name}", total=len(series))
    for start in range(0, len(series), _TOGETHER):
        chosen = series[start : start + _TOGETHER]
        outputs = model.run(drivers_of(release, task, chosen, last_year=int(year.max()))).outputs
        rows = np.flatnonzero(np.isin(own, chosen))
        places = year[rows] - first_year, slice(None), np.searchsorted(chosen, own[rows])
        for name in targets:
            by_year = outputs[name].reshape(-1, DAYS, len(chosen))
            fluxes[name][rows] = by_year[places].clip(VARIABLES[name].low, VARIABLES[name].high)
        if bar is not None and line is not None:
            bar.update(line, advance=len(chosen))
    return {"sequence": sequence} | fluxes


def series_of(sequence: NDArray[np.int64]) -> NDArray[np.int64]:
    """The series of rows, as `drivers_of` takes them: their numbers without the year."""
    return sequence // _YEARS


def drivers_of(release: Release, task: str, series: NDArray[np.int64], last_year: int) -> Drivers:
    """The drivers of some series, from the inputs of all rows that the release has of them.

    A series runs from the first year of its source. A year without a row (a tower that did not stand yet or was
    broken) has the inputs of the nearest year that has one, of two as near the earlier, so that the states of the
    model go on; it is simulated and not given.

    Parameters
    ----------
    release : Release
    task : str
        Any task of the source; the rows of all its tasks and splits are looked at.
    series : int64 array (S,)
        Sequence numbers without their year, ascending: ``sequence // 10_000``.
    last_year : int
        The last year to simulate.

    Returns
    -------
    Drivers
        Of the S series in their order, with neutral latents.

    Raises
    ------
    AgrofluxError
        The release lacks an input, or does not say where a site is.
    """
    known = release.task(task)
    if lacking := [name for name in INPUTS if name not in known.inputs]:
        raise AgrofluxError(
            f"{task} lacks inputs that a process model needs", expected=", ".join(INPUTS),
            came="no " + ", ".join(lacking), where=release.path,
        )  # fmt: skip
    rows = _rows(release, known.source, series)
    sequence = rows["sequence"].to_numpy()
    years = range(release.provenance.sources[known.source].years.first, last_year + 1)
    nearest = np.empty((len(years), len(series)), np.int64)
    for column, one in enumerate(series):
        given = np.sort(sequence[sequence // _YEARS == one])
        nearest[:, column] = given[np.abs(given % _YEARS - np.array(years)[:, None]).argmin(axis=1)]
    at = positions(nearest.reshape(-1), sequence).reshape(nearest.shape)
    latitude = rows["lat"].to_numpy()[at[0]].astype(np.float64)
    if (unknown := np.isnan(latitude)).any():
        names = sorted(set(rows["site"].take(pa.array(at[0][unknown])).to_pylist()))
        raise AgrofluxError(
            "sites without a latitude", expected="degrees north in lat", came=", ".join(names), where=release.path
        )

    def daily(name: str) -> NDArray[np.float32]:
        return values(rows[name])[at].transpose(0, 2, 1).reshape(len(years) * DAYS, len(series))

    def static(name: str) -> NDArray[np.float64]:
        return rows[name].to_numpy()[at[0]].astype(np.float64)

    return Drivers(
        first_year=years[0],
        latitude=latitude,
        soil=Soil(*(static(name) for name in STATICS)),
        weather=Weather(**{name: daily(name) for name in _names(Weather)}),
        management=Management(**{name: daily(name) for name in _names(Management)}),
        latents=Latents.neutral(len(years), len(series)),
    )


def _names(columns: type[Weather] | type[Management]) -> list[str]:
    return [field.name for field in fields(columns)]


def _rows(release: Release, source: str, series: NDArray[np.int64]) -> pa.Table:
    """The inputs of all rows that a release has of some series, each row once though several tasks have it."""
    columns = ["sequence", "site", "lat", *INPUTS]
    found: list[pa.Table] = []
    seen = np.empty(0, np.int64)
    for task in release.tasks:
        if release.task(task).source != source:
            continue
        for split in release.splits(task):
            keys = release.keys(task, split)
            wanted = keys[np.isin(keys // _YEARS, series) & ~np.isin(keys, seen)]
            if not len(wanted):
                continue
            seen = np.concatenate([seen, wanted])
            paths = [str(path) for path in release.paths(task, split)]
            try:
                # The filter skips the row groups of other sites.
                table = pq.read_table(
                    paths, columns=columns, filters=pc.field("sequence").isin(wanted), page_checksum_verification=True
                )
            except (pa.ArrowException, OSError) as error:
                raise AgrofluxError(
                    "damaged shard", expected="readable row groups", came=str(error), where=release.path / task
                ) from None
            found.append(table)
    return pa.concat_tables(found).combine_chunks()
