"""Two submissions to the same rows: which is better, how sure that is, and where they differ most."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets
from agroflux_data.sequences import parts
from agroflux_data.variables import DAYS
from submission.bootstrap import Bootstrap, interval, paired, site_years
from submission.file import blocks
from submission.keys import positions
from submission.metrics import RowSums, skill
from submission.quantiles import LEAST_LEVELS
from submission.report import Report
from submission.scoring import quantile_sums
from submission.truth import Truth

__all__ = ["METRICS", "RESAMPLES", "Comparison", "Day", "Difference", "Group", "TargetComparison", "compare"]

METRICS = ("r2", "rmse", "skill")
RESAMPLES = 2000
_ROWS = 2048
"""Rows that are compared at a time."""
_MOST = 5
"""Days, and sites, that are named."""
_MONTH = np.repeat(np.arange(12), [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
"""The month of each day of the year, (365,)."""


@dataclass(frozen=True)
class Difference:
    """One metric of two submissions over the same days.

    Attributes
    ----------
    a, b : float
    low, high : float
        Of the 95 % interval of ``a - b``.
    better : float
        Share of the resamples in which A is better, 0 to 1; where both are equal, half of it counts.
    """

    a: float
    b: float
    low: float
    high: float
    better: float

    @property
    def value(self) -> float:
        """``a - b``."""
        return self.a - self.b


@dataclass(frozen=True)
class Group:
    """A month or a site: how far each submission is off there.

    Attributes
    ----------
    name : str
        The month's number, 1 to 12, or the site.
    days : int
        Observed.
    rmse_a, rmse_b : float
        In the unit of the variable; NaN without observed days.
    gain : float
        Squared error that A has less than B, summed over the days; negative where B is better.
    """

    name: str
    days: int
    rmse_a: float
    rmse_b: float
    gain: float


@dataclass(frozen=True)
class Day:
    """One day of one sequence: what was observed, and what each submission said."""

    sequence: int
    site: str
    treatment: int
    year: int
    day: int
    observed: float
    a: float
    b: float


@dataclass(frozen=True)
class TargetComparison:
    """Two submissions on one target.

    Attributes
    ----------
    n : int
        Observed days.
    site_years : int
        Blocks that were drawn.
    differences : dict of str to Difference
        By name of `METRICS`; and ``crps``, where both files have quantiles, of the levels that both have.
    days : tuple of Day
        Where the squared errors differ most, the largest first.
    months : tuple of Group
        All twelve.
    sites : tuple of Group
        Those where the squared errors differ most, the largest first.
    """

    n: int
    site_years: int
    differences: dict[str, Difference]
    days: tuple[Day, ...]
    months: tuple[Group, ...]
    sites: tuple[Group, ...]


@dataclass(frozen=True)
class Comparison:
    """Two submissions.

    Attributes
    ----------
    task, split, half, origin, revision : str
    models : tuple of two str
    targets : dict of str to TargetComparison
        Those that both predict.
    resamples, seed : int
    """

    task: str
    split: str
    half: str
    origin: str
    revision: str
    models: tuple[str, str]
    targets: dict[str, TargetComparison]
    resamples: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """A JSON object; a number that is not defined is null."""
        plain = asdict(self)
        for name, target in self.targets.items():
            for metric, difference in target.differences.items():
                plain["targets"][name]["differences"][metric]["value"] = difference.value
        return _defined(plain)


def _defined(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _defined(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_defined(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def compare(
    a: Report,
    b: Report,
    release: Release,
    hidden: Targets | str | Path | None = None,
    half: str = "all",
    targets: Iterable[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare two valid files by a paired block bootstrap over site-years.

    All sequences of a site and year are one block: its treatments share the weather, and its days follow each other.
    Both files are measured on the same blocks of each resample, so what makes a year hard for both does not blur
    their difference. (Künsch 1989, Ann. Stat. 17:1217, for blocks; percentile intervals after Efron 1979, Ann. Stat.
    7:1.)

    Parameters
    ----------
    a, b : Report
        Of files without faults, for the same task and split.
    release : Release
    hidden : Targets, str or Path, optional
        The hidden targets of a sealed release; beside it by default.
    half : {"all", "public", "private"}
    targets : iterable of str, optional
        By default all that both predict.
    resamples : int
    seed : int
        Of the draws: the same call gives the same numbers.

    Raises
    ------
    AgrofluxError
        A file has faults, they are not for the same rows, a target is not in both, or the truth is not there.
    """
    a.raise_for_faults()
    b.raise_for_faults()
    if (a.task, a.split) != (b.task, b.split):
        raise AgrofluxError(
            "submissions to other rows", expected=f"{a.task}/{a.split}", came=f"{b.task}/{b.split}", where=b.path
        )
    assert a.task is not None
    assert a.split is not None
    assert a.metadata is not None
    assert b.metadata is not None
    both = [name for name in a.targets if name in b.targets]
    wanted = both if targets is None else list(targets)
    if not wanted or (lacking := [name for name in wanted if name not in both]):
        raise AgrofluxError(
            "targets that are not in both files", expected="some of " + (", ".join(both) or "none in common"),
            came=", ".join(lacking if wanted else (*a.targets, *b.targets)),
        )  # fmt: skip
    truth = Truth(release, a.task, a.split, wanted, hidden)
    rows = np.flatnonzero(truth.counted(half))
    if not len(rows):
        raise AgrofluxError("nothing to compare", expected="rows that are scored", where=f"{a.task}/{a.split}")
    names = _sites(release, a.task, a.split)
    return Comparison(
        a.task, a.split, half, release.origin(a.task), release.revision, (a.metadata.model, b.metadata.model),
        {name: _target(truth, name, rows, (a, b), names, resamples, seed) for name in wanted},
        resamples, seed,
    )  # fmt: skip


def _predicted(path: Path, target: str, truth: Truth) -> NDArray[np.float32]:
    """The predictions of a file in the order of the truth, (N, 365)."""
    predicted = np.empty((len(truth.sequence), DAYS), np.float32)
    for sequence, block in blocks(path, [target]):
        predicted[positions(sequence, truth.sequence)] = block[target]
    return predicted


def _sites(release: Release, task: str, split: str) -> dict[int, str]:
    """The name of each site by its number."""
    rows = release.table(task, split, ["sequence", "site"])
    numbers, first = np.unique(parts(rows["sequence"].to_numpy())[0], return_index=True)
    return dict(zip(numbers.tolist(), rows["site"].take(first).to_pylist(), strict=True))


def _target(
    truth: Truth, name: str, rows: NDArray[np.integer], files: tuple[Report, Report], names: dict[int, str],
    resamples: int, seed: int,
) -> TargetComparison:  # fmt: skip
    # One target of both files at a time, and the rest some rows at a time: at full size more would not fit.
    pair = [_predicted(file.path, name, truth) for file in files]
    sums: list[tuple[RowSums, RowSums, RowSums]] = []
    by_day = np.zeros((3, DAYS))
    days: list[tuple[float, Day]] = []
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        observed = truth.observed(name, some)
        one, other = pair[0][some], pair[1][some]
        sums.append(
            (
                RowSums.of(observed, one), RowSums.of(observed, other),
                RowSums.of(observed, truth.climatology(name, some)),
            )
        )  # fmt: skip
        there = ~np.isnan(observed)
        errors = [np.where(there, np.square(values.astype(np.float64) - observed), 0.0) for values in (one, other)]
        by_day += np.stack([there.sum(axis=0), *(error.sum(axis=0) for error in errors)])
        gain = np.abs(errors[1] - errors[0])
        for at in np.argpartition(gain, max(gain.size - _MOST, 0), axis=None)[-_MOST:]:
            row, day = divmod(int(at), DAYS)
            if gain[row, day]:
                site, treatment, year = (int(part) for part in parts(truth.sequence[some[row]]))
                found = Day(
                    int(truth.sequence[some[row]]), names[site], treatment, year, day + 1,
                    float(observed[row, day]), float(one[row, day]), float(other[row, day]),
                )  # fmt: skip
                days.append((float(gain[row, day]), found))
    a, b, usual = (RowSums.concatenated(several) for several in zip(*sums, strict=True))
    every_site, _, _ = parts(truth.sequence[rows])
    block = site_years(truth.sequence[rows])
    numbers, place = np.unique(every_site, return_inverse=True)
    sites = _groups([names[int(number)] for number in numbers], place, a.n, a.squared, b.squared)
    return TargetComparison(
        int(a.n.sum()),
        len(np.unique(block[a.n > 0])),
        _differences(a, b, usual, block, resamples, seed) | _crps(truth, name, rows, files, block, resamples, seed),
        tuple(day for _, day in sorted(days, key=lambda one: (-one[0], one[1].sequence, one[1].day))[:_MOST]),
        tuple(_groups([str(month) for month in range(1, 13)], _MONTH, *by_day)),
        tuple(sorted((one for one in sites if one.gain), key=lambda one: -abs(one.gain))[:_MOST]),
    )


def _groups(
    names: list[str], group: NDArray[np.integer], days: NDArray, a: NDArray[np.float64], b: NDArray[np.float64]
) -> list[Group]:
    """Squared errors summed by group."""
    count, one, other = (np.bincount(group, weights=values, minlength=len(names)) for values in (days, a, b))
    with np.errstate(invalid="ignore"):
        return [
            Group(name, int(n), float(np.sqrt(x / n)), float(np.sqrt(y / n)), float(y - x))
            for name, n, x, y in zip(names, count, one, other, strict=True)
        ]


def _differences(
    a: RowSums, b: RowSums, usual: RowSums, block: NDArray[np.integer], resamples: int, seed: int
) -> dict[str, Difference]:
    """The metrics of both over all blocks, and their difference over blocks drawn with replacement."""
    use = a.n > 0
    if not use.any():
        return {name: Difference(*[math.nan] * 5) for name in METRICS}
    a, b, usual = a[use], b[use], usual[use]
    _, observed = np.unique(block[use], return_inverse=True)
    drawn = paired(a, b, usual, Bootstrap(observed, resamples, seed))
    found = {}
    for name in METRICS:
        here = [_whole(rows, usual, name) for rows in (a, b)]
        difference = drawn[name][np.isfinite(drawn[name])]
        between = interval(difference)
        wins = -difference if name == "rmse" else difference
        better = float((np.sign(wins) + 1).mean() / 2) if len(wins) else math.nan
        found[name] = Difference(here[0], here[1], between.low, between.high, better)
    return found


def _crps(
    truth: Truth, name: str, rows: NDArray[np.integer], files: tuple[Report, Report], block: NDArray[np.integer],
    resamples: int, seed: int,
) -> dict[str, Difference]:  # fmt: skip
    """The difference of the CRPS, if both files have several levels in common."""
    several = [file.quantiles.get(name, ()) for file in files]
    levels = [level for level in several[0] if level in several[1]]
    if len(levels) < LEAST_LEVELS:
        return {}
    pair = [quantile_sums(file.path, truth, name, levels)[rows] for file in files]
    n, sums = pair[0].n, {letter: one.crps for letter, one in zip("ab", pair, strict=True)}
    use = n > 0
    if not use.any():
        return {"crps": Difference(*[math.nan] * 5)}
    _, observed = np.unique(block[use], return_inverse=True)
    drawn = Bootstrap(observed, resamples, seed).means(n[use], {letter: one[use] for letter, one in sums.items()})
    difference = drawn["a"] - drawn["b"]
    between, better = interval(difference), float((np.sign(-difference) + 1).mean() / 2)
    here = [float(one.sum() / n.sum()) for one in sums.values()]
    return {"crps": Difference(here[0], here[1], between.low, between.high, better)}


def _whole(rows: RowSums, usual: RowSums, name: str) -> float:
    """A metric of the rows themselves."""
    if name == "skill":
        return skill(float(rows.squared.sum()), float(usual.squared.sum()))
    return getattr(rows.total(), name)
