"""The scores of a file in pieces: by site, year, month and time scale, and what is special to N2O and to carbon."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets
from agroflux_data.sequences import parts, values
from agroflux_data.variables import DAYS
from submission.accumulator import Accumulator, TargetMetrics
from submission.closure import CLOSURE, Closure
from submission.file import blocks
from submission.keys import positions
from submission.metrics import Metrics, RowSums
from submission.report import Report
from submission.scales import MONTHS

__all__ = ["LEAST_SITES", "PIECES", "Breakdown", "TargetBreakdown", "breakdown", "summarised"]

PIECES = ("site", "year", "month", "scale")
"""What a breakdown is by."""

LEAST_SITES = 5
"""So many sites make a distribution."""


@dataclass(frozen=True)
class TargetBreakdown:
    """One target in pieces.

    Attributes
    ----------
    site : dict of str to Metrics
        By the site's name.
    year, month : dict of int to Metrics
        By year, and by month from 1.
    metrics : TargetMetrics
        By time scale, with quantiles over sites; annual totals and hot moments of N2O.
    """

    site: dict[str, Metrics]
    year: dict[int, Metrics]
    month: dict[int, Metrics]
    metrics: TargetMetrics

    def by(self, piece: str) -> dict[Any, Metrics]:
        """The metrics of each piece, `piece` being one of `PIECES`."""
        of: dict[str, dict[Any, Metrics]] = {"site": self.site, "year": self.year, "month": self.month}
        return of[piece] if piece in of else {name: scale.pooled for name, scale in self.metrics.scales.items()}


@dataclass(frozen=True)
class Breakdown:
    """The scores of a file in pieces.

    Attributes
    ----------
    targets : dict of str to TargetBreakdown
    closure : Closure or None
        Where the file predicts NEE, RECO and GPP.
    """

    targets: dict[str, TargetBreakdown]
    closure: Closure | None

    def to_json(self) -> dict[str, Any]:
        """A JSON object; a number that is not defined is null."""
        targets = {
            name: {
                piece: {str(key): _plain(asdict(one)) for key, one in found.by(piece).items()}
                for piece in PIECES[:-1]
            } | found.metrics.to_json()
            for name, found in self.targets.items()
        }  # fmt: skip
        closure = self.closure and _plain(
            {"n": self.closure.n, "mean": self.closure.mean, "largest": self.closure.largest}
        )
        return {"targets": targets, "closure": closure}


def _plain(numbers: dict[str, Any]) -> dict[str, Any]:
    return {name: value if math.isfinite(value) else None for name, value in numbers.items()}


def breakdown(
    report: Report, release: Release, targets: Targets | str | Path | None = None, half: str = "all"
) -> Breakdown:
    """Score a valid file in pieces.

    The predictions are held in memory in the order of the release, the truth passes by row group.

    Parameters
    ----------
    report : Report
        Of `validate`.
    release : Release
    targets : Targets, str or Path, optional
        The hidden targets of a sealed release; beside it by default.
    half : {"all", "public", "private"}
        Which of the hidden rows.

    Raises
    ------
    AgrofluxError
        The file has faults, the targets are not there, or a public split is asked for a hidden half.
    """
    report.raise_for_faults()
    assert report.task is not None
    assert report.split is not None
    hidden = release.split(report.task, report.split).hidden
    if half != "all" and not (hidden and half in ("public", "private")):
        raise AgrofluxError("no such half of the split", expected="public or private rows of a hidden one", came=half)
    home: Release | Targets = release
    if hidden:
        home = targets if isinstance(targets, Targets) else Targets.of(release, targets)
    keys = home.keys(report.task, report.split)
    counted = np.ones(len(keys), np.bool_)
    if half != "all":
        public = home.table(report.task, report.split, ["public"])["public"].to_numpy()
        counted = public if half == "public" else ~public
    predicted = {name: np.empty((len(keys), DAYS), np.float32) for name in report.targets}
    for sequence, block in blocks(report.path, report.targets):
        at = positions(sequence, keys)
        for name, rows in block.items():
            predicted[name][at] = rows

    sums = {name: _Pieces(keys[counted], name) for name in report.targets}
    closed = Closure(0, 0.0, 0.0) if set(CLOSURE) <= set(report.targets) else None
    start = 0
    for group in home.read(report.task, report.split, ["sequence", *report.targets]):
        here = start + np.flatnonzero(counted[start : start + group.num_rows])
        for name, pieces in sums.items():
            pieces.add(keys[here], values(group[name])[here - start], predicted[name][here])
        if closed is not None:
            observed = ~np.isnan(values(group[CLOSURE[0]])[here - start])
            nee, reco, gpp = (predicted[name][here] for name in CLOSURE)
            closed += Closure.of(nee, reco, gpp, observed)
        start += group.num_rows
    names = _names(release, report.task, report.split)
    return Breakdown({name: pieces.result(names) for name, pieces in sums.items()}, closed)


def summarised(
    report: Report, release: Release, targets: Targets | str | Path | None = None, half: str = "all"
) -> dict[str, Any]:
    """What may be known of a file before single sites may: a JSON object.

    The ranked targets by time scale and as quantiles over sites, hot moments, annual totals, and the closure where the
    file has one. Of fewer sites than `LEAST_SITES` there are no quantiles, which would be the sites' own scores.
    Arguments and errors are those of `breakdown`.
    """
    report.raise_for_faults()
    assert report.task is not None
    closed = CLOSURE if set(CLOSURE) <= set(report.targets) else ()
    wanted = [name for name in report.targets if name in (*release.task(report.task).ranked_targets, *closed)]
    pieces = breakdown(replace(report, targets=tuple(wanted)), release, targets, half)
    found = {}
    for name, target in pieces.targets.items():
        found[name] = target.metrics.to_json() | {"sites": len(target.site)}
        if len(target.site) < LEAST_SITES:
            for scale in found[name]["scales"].values():
                scale["sites"] = {}
    return {"targets": found, "closure": pieces.to_json()["closure"]}


def _names(release: Release, task: str, split: str) -> dict[int, str]:
    """Names of sites by their number."""
    rows = release.table(task, split, ["sequence", "site"])
    number, first = np.unique(parts(rows["sequence"].to_numpy())[0], return_index=True)
    return dict(zip(number.tolist(), rows["site"].take(first).to_pylist(), strict=True))


class _Pieces:
    """The sums of one target."""

    def __init__(self, expected: NDArray[np.int64], target: str):
        self._accumulator = Accumulator(expected, emission=target == "N2O")
        self._years = np.unique(parts(expected)[2])
        self._by_year: list[RowSums] = []
        self._by_month: list[RowSums] = []

    def add(self, sequence: NDArray[np.int64], truth: NDArray[np.float32], prediction: NDArray[np.float32]) -> None:
        self._accumulator.add(sequence, truth, prediction)
        year = np.searchsorted(self._years, parts(sequence)[2])
        self._by_year.append(RowSums.of(truth, prediction).merged(year, len(self._years)))
        months = zip(np.split(truth, MONTHS[1:], axis=1), np.split(prediction, MONTHS[1:], axis=1), strict=True)
        whole = np.zeros(len(sequence), np.int64)
        self._by_month.append(RowSums.concatenated(RowSums.of(*month).merged(whole, 1) for month in months))

    def result(self, names: dict[int, str]) -> TargetBreakdown:
        found = self._accumulator.result()
        sites = found.by_site.by(np.arange(len(found.sites)), len(found.sites))
        return TargetBreakdown(
            site={names[int(number)]: one for number, one in zip(found.sites, sites, strict=True)},
            year=dict(zip(self._years.tolist(), _together(self._by_year, len(self._years)), strict=True)),
            month=dict(enumerate(_together(self._by_month, len(MONTHS)), start=1)),
            metrics=found,
        )


def _together(several: list[RowSums], count: int) -> list[Metrics]:
    """The metrics of each group, from blocks that each have a row for every group."""
    return RowSums.concatenated(several).by(np.tile(np.arange(count), len(several)), count)
