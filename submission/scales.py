"""The same prediction at other time scales: means of weeks, months and years, the season, and what departs from it.

The rules are FLUXtrapolation's (its ``utils/aggregation.py``; github.com/anyafries/FLUXtrapolation): a week counts with
at least 4 observed days, a month with 15, a year with 183, a day of the season with 2 years, and a site's mean is the
mean of its yearly means. Three things differ:

- A mean of the prediction is over the observed days alone, as that of the truth is. There, means of weeks to years
  take the prediction of unobserved days too.
- A year has 365 days and no weekdays: weeks are counted from 1 January, and day 365, which would be a week of one day,
  is in none. There, weeks run from Monday to Sunday and 29 February is a day of its own.
- What takes several years (season, anomalies, inter-annual) is of one series: one treatment of a site. One year
  alone has no anomaly: it is left out, where FLUXtrapolation counts zeros for the inter-annual scale.

All metrics of `submission.metrics` are taken of these values as of days: pooled over all of them, and by site for
quantiles, where FLUXtrapolation takes those of daily to yearly values by site and year. Units are those of the
variable. Truth is NaN where a value is not defined, which then counts nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agroflux_data.sequences import parts
from agroflux_data.variables import DAYS
from submission.metrics import ROUNDING, RowSums

__all__ = [
    "MONTHS",
    "SCALES",
    "anomalies",
    "deviations",
    "inter_annual",
    "means",
    "monthly",
    "scale_sums",
    "seasonal",
    "site_means",
    "weekly",
    "yearly",
]

SCALES = ("daily", "weekly", "monthly", "yearly", "seasonal", "anomalies", "inter_annual", "site_mean")
"""Names of the time scales, from the finest; `seasonal` is the mean seasonal cycle."""

MONTHS: NDArray[np.int64] = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
"""The first day of each month, counted from 0, (12,)."""
_WEEKS: NDArray[np.int64] = np.arange(0, DAYS, 7)

_DAYS_OF_WEEK, _DAYS_OF_MONTH, _DAYS_OF_YEAR, _YEARS = 4, 15, 183, 2
"""How many observations make a value."""

Paired = tuple[NDArray[np.floating], NDArray[np.floating]]
"""Truth and prediction, of the same shape."""


def means(
    truth: NDArray[np.floating],
    prediction: NDArray[np.floating],
    starts: NDArray[np.integer],
    least: int,
    axis: int = 1,
) -> Paired:
    """Means over the observed days between each start and the next, along an axis.

    Parameters
    ----------
    truth, prediction : arrays (rows, days)
    starts : integer array (windows,)
        Rising, the first 0.
    least : int
        Observations that a window needs; else its truth is NaN.
    axis : {0, 1}
        1 takes the mean over days, 0 over rows.

    Returns
    -------
    tuple of float64 array
        (rows, windows), or (windows, days) along axis 0.
    """
    there = ~np.isnan(truth)
    if there.all():
        size = np.diff(starts, append=truth.shape[axis])
        n = size[:, None] if axis == 0 else size[None, :]
    else:
        n = np.add.reduceat(there, starts, axis=axis, dtype=np.int64)
        truth, prediction = np.where(there, truth, 0), np.where(there, prediction, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        t, p = (_sums(values, starts, axis) / n for values in (truth, prediction))
    t[np.broadcast_to(n < least, t.shape)] = np.nan
    return t, p


def _sums(values: NDArray[np.floating], starts: NDArray[np.integer], axis: int) -> NDArray[np.float64]:
    """Sums between each start and the next."""
    rows, days = values.shape
    size = rows // max(len(starts), 1)
    if axis == 0 and size and np.array_equal(starts, np.arange(0, rows, size)):
        # Series of equally many years, as those of a simulation: ten times as fast.
        return values.reshape(len(starts), size, days).sum(axis=1, dtype=np.float64)
    return np.add.reduceat(values, starts, axis=axis, dtype=np.float64)


def weekly(truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> Paired:
    """Means of the 52 weeks of each row with at least 4 observed days, (rows, 52)."""
    t, p = means(truth, prediction, _WEEKS, _DAYS_OF_WEEK)
    return t[:, :-1], p[:, :-1]


def monthly(truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> Paired:
    """Means of the 12 months of each row with at least 15 observed days, (rows, 12)."""
    return means(truth, prediction, MONTHS, _DAYS_OF_MONTH)


def yearly(truth: NDArray[np.floating], prediction: NDArray[np.floating], least: int = _DAYS_OF_YEAR) -> Paired:
    """Mean of each row with at least 183 observed days, (rows, 1)."""
    return means(truth, prediction, np.zeros(1, np.int64), least)


def seasonal(truth: NDArray[np.floating], prediction: NDArray[np.floating], first: NDArray[np.integer]) -> Paired:
    """The mean seasonal cycle of each series: the mean of every day of the year over at least 2 years, (series, 365).

    Parameters
    ----------
    truth, prediction : arrays (rows, 365)
        The years of a series one after the other.
    first : integer array (series,)
        The first row of each series.
    """
    return means(truth, prediction, first, _YEARS, axis=0)


def anomalies(
    truth: NDArray[np.floating],
    prediction: NDArray[np.floating],
    first: NDArray[np.integer],
    cycle: Paired | None = None,
) -> Paired:
    """Each day less the mean seasonal cycle of its series, each of its own, (rows, 365).

    Parameters
    ----------
    truth, prediction, first
        As for `seasonal`.
    cycle : pair of float64 arrays (series, 365), optional
        What `seasonal` gave.
    """
    cycle = cycle or seasonal(truth, prediction, first)
    series = _members(first, len(truth))
    return truth - cycle[0][series], prediction - cycle[1][series]


def inter_annual(truth: NDArray[np.floating], prediction: NDArray[np.floating], first: NDArray[np.integer]) -> Paired:
    """Yearly means less their mean over the years of the series, of which there are at least 2, (rows, 1)."""
    t, p = yearly(truth, prediction)
    usual = means(t, p, first, _YEARS, axis=0)
    series = _members(first, len(truth))
    return t - usual[0][series], p - usual[1][series]


def site_means(truth: NDArray[np.floating], prediction: NDArray[np.floating], first: NDArray[np.integer]) -> Paired:
    """The mean of each site's yearly means, be they of a single day, (sites, 1).

    Parameters
    ----------
    truth, prediction : arrays (rows, 365)
        The rows of a site one after the other, all years and treatments.
    first : integer array (sites,)
        The first row of each site.
    """
    return means(*yearly(truth, prediction, least=1), first, 1, axis=0)


def scale_sums(
    sequence: NDArray[np.int64],
    truth: NDArray[np.floating],
    prediction: NDArray[np.floating],
    scales: Collection[str] = SCALES,
) -> dict[str, RowSums]:
    """Sums of scales for whole sites.

    Parameters
    ----------
    sequence : int64 array (rows,)
        Sequence numbers, rising: all the rows of every site that is there.
    truth, prediction : arrays (rows, 365)
    scales : collection of str
        Some of `SCALES`.

    Returns
    -------
    dict of str to RowSums
        By scale; a row for each site, by rising number.
    """
    site, treatment, _ = parts(sequence)
    of_site, of_series = _first(site), _first(site, treatment)
    groups = _members(of_site, len(sequence))
    truth, prediction = truth.astype(np.float64), prediction.astype(np.float64)
    cycle = seasonal(truth, prediction, of_series) if {"seasonal", "anomalies"} & set(scales) else None
    takes: dict[str, Callable[[], Paired]] = {
        "daily": lambda: (truth, prediction),
        "weekly": lambda: weekly(truth, prediction),
        "monthly": lambda: monthly(truth, prediction),
        "yearly": lambda: yearly(truth, prediction),
        "seasonal": lambda: cycle or seasonal(truth, prediction, of_series),
        "anomalies": lambda: anomalies(truth, prediction, of_series, cycle),
        "inter_annual": lambda: inter_annual(truth, prediction, of_series),
        "site_mean": lambda: site_means(truth, prediction, of_site),
    }
    # A scale has one line for each row, each series or each site.
    groups_of = {"seasonal": groups[of_series], "site_mean": groups[of_site]}
    sums = {name: RowSums.of(*takes[name]()).merged(groups_of.get(name, groups), len(of_site)) for name in scales}
    for name in sums.keys() & {"anomalies", "inter_annual"}:
        sums[name] = _unrounded(
            sums[name], sums.get("daily") or RowSums.of(truth, prediction).merged(groups, len(of_site))
        )
    return sums


def _unrounded(departures: RowSums, daily: RowSums) -> RowSums:
    """Departures from a mean without what only its rounding left: a spread of constants, and a bias, which is zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        size = (daily.squares + np.square(daily.truth) / daily.n) / daily.n
    varies = departures.squares > departures.n * ROUNDING**2 * size
    squares = np.where(varies, departures.squares, 0.0)
    return replace(departures, squares=squares, error=np.zeros_like(departures.error))


def deviations(sequence: NDArray[np.int64], truth: NDArray[np.floating]) -> NDArray[np.float64]:
    """Sum of ``|t - mean t|`` about the mean over all days of a site, (sites,); rows as for `scale_sums`."""
    site, _, _ = parts(sequence)
    first = _first(site)
    n = np.add.reduceat((~np.isnan(truth)).sum(axis=1), first)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.add.reduceat(np.nansum(truth, axis=1, dtype=np.float64), first) / n
    apart = np.abs(truth - mean[_members(first, len(truth))][:, None])
    return np.add.reduceat(np.nansum(apart, axis=1), first)


def _first(*keys: NDArray[np.integer]) -> NDArray[np.int64]:
    """Where each run of equal keys begins, (runs,)."""
    return np.flatnonzero(np.any([np.diff(key, prepend=-1) != 0 for key in keys], axis=0))


def _members(first: NDArray[np.integer], rows: int) -> NDArray[np.int64]:
    """The run of each row, (rows,)."""
    return np.repeat(np.arange(len(first)), np.diff(first, append=rows))
