"""All metrics of one target, from blocks of rows."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agroflux_data.sequences import parts
from agroflux_data.variables import DAYS
from submission.hot_moments import HotMoments
from submission.metrics import Metrics, RowSums
from submission.scales import SCALES, deviations, scale_sums

__all__ = ["LEVELS", "Accumulator", "AnnualTotal", "Scale", "TargetMetrics", "quantiles"]

LEVELS = (10, 25, 50, 75, 90)
"""The quantiles over sites, in percent."""

Quantiles = dict[int, float]
Rows = tuple[NDArray[np.int64], NDArray[np.floating], NDArray[np.floating]]


def quantiles(values: NDArray[np.float64]) -> Quantiles:
    """The quantiles of `LEVELS` over the sites where a metric is defined, linear between sites; else all NaN.

    CarbonBench reports 25, 50 and 75 % of its metrics by site, FLUXtrapolation the median and 90 %.
    """
    defined = values[~np.isnan(values)]
    if not defined.size:
        return dict.fromkeys(LEVELS, math.nan)
    return dict(zip(LEVELS, map(float, np.percentile(defined, LEVELS)), strict=True))


@dataclass(frozen=True)
class Scale:
    """The metrics at one time scale.

    Attributes
    ----------
    pooled : Metrics
        Over all its values; ``n`` counts them.
    sites : dict of str to dict of int to float
        Quantiles over sites of ``r2``, ``rmse``, ``nmae`` and, of days, ``rae``, by percent. For anomalies and
        inter-annual departures, whose mean is zero by construction, and for the one value of a site's mean,
        there is no ``nmae``.
    """

    pooled: Metrics
    sites: dict[str, Quantiles]


@dataclass(frozen=True)
class AnnualTotal:
    """How well the totals of years are met: 365 times the mean of a year's observed days, of which there are 183.

    Chambers that are watched for a season alone have no total.

    Attributes
    ----------
    n : int
        Years of a site and treatment.
    bias, mae : float
        Of the total, in the unit of the variable times days: g N m-2 y-1 for N2O.
    relative : float
        ``mean |P - T| / |mean T|``, without unit; NaN where the mean total is zero or there is none.
    """

    n: int
    bias: float
    mae: float
    relative: float


@dataclass(frozen=True)
class TargetMetrics:
    """What an `Accumulator` found.

    Attributes
    ----------
    sites : int64 array (S,)
        Site numbers, rising.
    by_site : RowSums
        Daily sums of each site, (S,).
    scales : dict of str to Scale
        By the names of `SCALES`, ``daily`` the first; where they were not asked for that alone, and ``yearly`` if
        annual totals were.
    annual_total : AnnualTotal or None
    hot_moments : HotMoments or None
        Where they were asked for, both.
    """

    sites: NDArray[np.int64]
    by_site: RowSums
    scales: dict[str, Scale]
    annual_total: AnnualTotal | None
    hot_moments: HotMoments | None

    def to_dict(self) -> dict[str, Any]:
        """The scales, the annual total and the hot moments as plain numbers; NaN where one is not defined."""
        found: dict[str, Any] = {
            "scales": {
                name: {
                    **asdict(scale.pooled),
                    "sites": {
                        metric: {str(level): value for level, value in of.items()} for metric, of in scale.sites.items()
                    },
                }
                for name, scale in self.scales.items()
            }
        }
        if self.annual_total is not None:
            found["annual_total"] = asdict(self.annual_total)
        if self.hot_moments is not None:
            found["hot_moments"] = {"days": self.hot_moments.days, "share": self.hot_moments.share}
        return found

    def to_json(self) -> dict[str, Any]:
        """`to_dict` as a JSON object; a number that is not defined is null."""
        return _plain(self.to_dict())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Accumulator:
    """The metrics of one target, from blocks of rows in any order.

    What needs a whole site, as its mean seasonal cycle does, waits until all of its rows are there. So it holds the
    rows of the sites that are begun and not ended: a few in the order of a release, which is by site, and everything
    in a random order. Bring rows into the order of the release first where memory matters. Blocks that end with a
    site are the fastest: nothing is copied.

    Parameters
    ----------
    expected : int64 array (N,)
        The sequence numbers of all rows that will come. They name site, treatment and year.
    scales : bool
        Whether to take all time scales and not days alone, at about four times the cost.
    emission : bool
        Whether to count hot moments and annual totals, as of N2O.

    Examples
    --------
    >>> daily = np.arange(365.0)[None, :]
    >>> one = Accumulator(np.array([17019002016]))
    >>> one.add(np.array([17019002016]), daily, daily + 1)
    >>> one.result().scales["daily"].pooled.bias
    1.0
    """

    def __init__(self, expected: NDArray[np.int64], scales: bool = True, emission: bool = False):
        self._names = [name for name in SCALES if scales or name == "daily" or (emission and name == "yearly")]
        self._emission = emission
        self._sites, count = np.unique(parts(expected)[0], return_counts=True)
        self._left: NDArray[np.int64] = count.astype(np.int64)
        self._open: defaultdict[int, list[Rows]] = defaultdict(list)
        self._codes: list[NDArray[np.int64]] = []
        self._sums: defaultdict[str, list[RowSums]] = defaultdict(list)
        self._deviations: list[NDArray[np.float64]] = []
        self._hot = HotMoments(0, 0.0)

    def add(self, sequence: NDArray[np.int64], truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> None:
        """Take a block of rows; the arrays may be used again afterwards.

        Parameters
        ----------
        sequence : int64 array (rows,)
        truth, prediction : arrays (rows, 365)
            NaN in the truth where nothing was observed.

        Raises
        ------
        ValueError
            Arrays of another shape, a site that was not expected, or more of its rows than expected.
        """
        if not truth.shape == prediction.shape == (len(sequence), DAYS):
            raise ValueError(f"truth has shape {truth.shape}, prediction {prediction.shape}, for {len(sequence)} rows")
        if not len(sequence):
            return
        site = parts(sequence)[0]
        code = np.minimum(np.searchsorted(self._sites, site), len(self._sites) - 1)
        if not len(self._sites) or not np.array_equal(self._sites[code], site):
            raise ValueError("a site that was not expected")
        self._left -= np.bincount(code, minlength=len(self._left))
        if (self._left[code] < 0).any():
            raise ValueError("more rows of a site than expected")
        if not self._open and not self._left[code].any():
            self._take(sequence, truth, prediction)
            return
        ended: list[Rows] = []
        for one, rows in _runs(code):
            piece = (sequence[rows], truth[rows], prediction[rows])
            self._open[one].append(piece)
        for one in dict.fromkeys(code.tolist()):
            if self._left[one]:
                *_, (keys, t, p) = self._open[one]
                self._open[one][-1] = keys.copy(), t.copy(), p.copy()
            else:
                ended += self._open.pop(one)
        if ended:
            keys, t, p = (np.concatenate(column) for column in zip(*ended, strict=True))
            self._take(keys, t, p)

    def _take(self, sequence: NDArray[np.int64], truth: NDArray, prediction: NDArray) -> None:
        """Whole sites."""
        if (np.diff(sequence) < 0).any():
            order = np.argsort(sequence)
            sequence, truth, prediction = sequence[order], truth[order], prediction[order]
        self._codes.append(np.searchsorted(self._sites, np.unique(parts(sequence)[0])))
        for name, sums in scale_sums(sequence, truth, prediction, self._names).items():
            self._sums[name].append(sums)
        self._deviations.append(deviations(sequence, truth))
        if self._emission:
            self._hot += HotMoments.of(truth, prediction)

    def result(self) -> TargetMetrics:
        """The metrics; raises ValueError while rows are missing."""
        if missing := int(self._left.sum()):
            raise ValueError(f"{missing} rows have not come")
        place = np.argsort(np.concatenate([np.empty(0, np.int64), *self._codes]))
        sums = {name: RowSums.concatenated(self._sums[name])[place] for name in self._names}
        apart = np.concatenate([np.empty(0), *self._deviations])[place]
        scales = {name: Scale(of.total(), _of_sites(name, of, apart)) for name, of in sums.items()}
        return TargetMetrics(
            sites=self._sites,
            by_site=sums["daily"],
            scales=scales,
            annual_total=_annual(sums["yearly"]) if self._emission else None,
            hot_moments=self._hot if self._emission else None,
        )


def _runs(code: NDArray[np.int64]) -> Iterator[tuple[int, slice | NDArray[np.int64]]]:
    """The rows of each site in a block: a slice where they stand together."""
    first = np.flatnonzero(np.diff(code, prepend=-1))
    if len(np.unique(code[first])) == len(first):
        for start, stop in zip(first, np.append(first[1:], len(code)), strict=True):
            yield int(code[start]), slice(start, stop)
        return
    order = np.argsort(code, kind="stable")
    bounds = np.flatnonzero(np.diff(code[order], prepend=-1))
    for rows in np.split(order, bounds[1:]):
        yield int(code[rows[0]]), rows


def _of_sites(name: str, sums: RowSums, apart: NDArray[np.float64]) -> dict[str, Quantiles]:
    values = {"r2": sums.r2, "rmse": sums.rmse}
    if name not in ("anomalies", "inter_annual", "site_mean"):
        values["nmae"] = sums.nmae
    if name == "daily":
        values["rae"] = sums.rae(apart)
    return {metric: quantiles(of) for metric, of in values.items()}


def _annual(years: RowSums) -> AnnualTotal:
    pooled = years.total()
    mean = abs(float(years.truth.sum()) / pooled.n) if pooled.n else math.nan
    return AnnualTotal(
        n=pooled.n, bias=pooled.bias * DAYS, mae=pooled.mae * DAYS, relative=pooled.mae / mean if mean > 0 else math.nan
    )
