"""From a simulated truth to what a tower or a chamber would have written down, and from its record back to the field.

Two directions. The inputs of a row are what was *reported*, made by the public seed: `field_weather` and
`field_management` turn them into what really happened there, which drives the process model. `tower_record` and
`chamber_record` turn the model's fluxes into a record with errors and gaps. Every random number comes from the secret
of a release, in a stream of its own for each site and year.

Sizes of errors: Richardson et al. (2006) Agric. For. Meteorol. 136:1 (Laplace errors that grow with the flux),
Lasslop et al. (2010) Glob. Change Biol. 16:187 (partitioning), Wilson et al. (2002) Agric. For. Meteorol. 113:223
(energy balance closure), Parkin & Venterea (2010) USDA-ARS GRACEnet (chambers).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agroflux_data.randomness import stream
from agroflux_data.simulators.drivers import Management, Weather
from agroflux_data.variables import DAYS

__all__ = ["ANALYSER_RANGE", "CHAMBER_DAYS", "DETECTION_LIMIT", "chamber_record", "field_management", "field_weather",
           "tower_record"]  # fmt: skip

Array = NDArray[np.floating]

CHAMBER_DAYS = slice(90, 212)
"""Chambers stand in the field from 1 April to 31 July."""
DETECTION_LIMIT = 2e-5
"""g N m-2 d-1: a smaller N2O flux cannot be told from none."""
ANALYSER_RANGE = 0.5
"""g N m-2 d-1: a larger N2O flux is read as this."""

_BETWEEN_FLARES = 0.55
"""What a chamber emits without a flare, over the mean of its field."""

_IRRIGATION_DAYS = range(150, 250)
_IRRIGATION, _DEFICIT, _DEMAND = 28.0, 38.0, 4.2
"""mm a time, mm of deficit that starts the pivot, mm d-1 of crop demand: about 150 mm in a season."""


def field_weather(
    secret: bytes, source: str, sites: Sequence[str], first_year: int, reported: Weather, irrigated: Collection[str]
) -> Weather:
    """The weather that a field really had, given what its station reported.

    A site's thermometer is biased (sd 0.4 K) and its gauge loses 5 to 12 % of the rain; on 5 to 15 % of the days the
    report was filled in from elsewhere. Irrigation of some sites falls as rain that no input column shows.

    Parameters
    ----------
    reported : Weather
        (days, sites), whole years from `first_year`.
    irrigated : collection of str
        The sites with a pivot.
    """
    fields = {name: np.array(getattr(reported, name)) for name in ("TMAX", "TMIN", "PREC", "RADN")}
    for column, site in enumerate(sites):
        sensors = stream(secret, "sensors", source, site)
        bias, undercatch = 0.4 * sensors.standard_normal(), sensors.uniform(0.05, 0.12)
        for year, days in _years(reported.TMAX.shape[0], first_year):
            generator = stream(secret, "weather", source, site, year)
            filled = _spells(generator, generator.uniform(0.05, 0.15), length=6)
            warmer, wetter, brighter = generator.standard_normal((3, DAYS))
            warmer = bias + 1.2 * warmer * filled
            fields["TMAX"][days, column] += warmer
            fields["TMIN"][days, column] += warmer
            fields["PREC"][days, column] *= np.exp(filled * (0.5 * wetter - 0.5**2 / 2)) / (1 - undercatch)
            fields["RADN"][days, column] *= np.exp(filled * (0.1 * brighter - 0.1**2 / 2))
            if site in irrigated:
                _irrigate(generator, fields["PREC"][days, column])
    return replace(reported, **fields)


def _irrigate(generator: np.random.Generator, rain: Array) -> None:
    """Water one year (365,) in place, whenever rain has fallen behind the crop's demand."""
    amounts = _IRRIGATION * generator.uniform(0.85, 1.15, DAYS)
    deficit = 0.0
    for day in _IRRIGATION_DAYS:
        deficit = max(deficit + _DEMAND - float(rain[day]), 0.0)
        if deficit > _DEFICIT:
            rain[day] += amounts[day]
            deficit = max(deficit - float(amounts[day]), 0.0)


def field_management(
    secret: bytes, source: str, sites: Sequence[str], first_year: int, reported: Management
) -> Management:
    """The management that a field really had: fertiliser up to 5 days off its reported date, its rate off by 8 % (sd).

    `reported` is (days, sites), whole years from `first_year`. An application stays within its calendar year.
    """
    applied = np.zeros_like(reported.FERTZR_N)
    for column, site in enumerate(sites):
        for year, days in _years(applied.shape[0], first_year):
            told = reported.FERTZR_N[days, column]
            generator = stream(secret, "management", source, site, year)
            for day in np.flatnonzero(told):
                when = min(max(int(day) + int(generator.integers(-5, 6)), 0), DAYS - 1)
                rate = 1 + 0.08 * float(np.clip(generator.standard_normal(), -3, 3))
                applied[days.start + when, column] += told[day] * rate
    return replace(reported, FERTZR_N=applied)


def tower_record(secret: bytes, site: str, first_year: int, truth: Mapping[str, Array]) -> dict[str, NDArray]:
    """What an eddy-covariance tower makes of the true fluxes.

    NEE is measured; RECO is a regression of night fluxes, smooth and biased by 5 to 10 % in a year (the choice of u*);
    GPP is that RECO minus an NEE of another u* threshold, so NEE = RECO - GPP holds only nearly, and GPP is slightly
    negative in some winter days. ET lacks 10 to 25 % for want of energy balance closure. Long gaps, lost winters and
    part-years are NaN.

    Parameters
    ----------
    truth : mapping of str to array (years, 365)
        GPP, RECO, NEE (g C m-2 d-1) and ET (mm d-1), whole years from `first_year`.

    Returns
    -------
    dict of str to array (years, 365), float64
        The same four, NaN where the tower has nothing.
    """
    closure = stream(secret, "tower", site).uniform(0.75, 0.90)
    record = {name: np.array(truth[name], np.float64) for name in ("GPP", "RECO", "NEE", "ET")}
    for row in range(record["NEE"].shape[0]):
        generator = stream(secret, "tower", site, first_year + row)
        nee, reco, et = (record[name][row] for name in ("NEE", "RECO", "ET"))
        size = np.abs(nee)
        error = generator.laplace(0, 0.3 + 0.05 * size)
        bias = 1 + generator.choice([-1, 1]) * generator.uniform(0.05, 0.10)
        respired = bias * reco + (0.1 + 0.05 * reco) * _smooth(generator, 15)
        other = nee + 0.5 * error + (0.1 + 0.08 * size) * generator.standard_normal(DAYS)
        balance = closure + generator.uniform(-0.02, 0.02)
        evaporated = balance * et + (0.08 + 0.06 * et) * generator.standard_normal(DAYS)
        record["NEE"][row], record["RECO"][row], record["GPP"][row] = nee + error, respired, respired - other
        record["ET"][row] = evaporated
        lost = _tower_gaps(generator)
        for name in ("NEE", "RECO", "GPP"):
            record[name][row, lost] = np.nan
        record["ET"][row, lost | _spells(generator, 0.03, length=2)] = np.nan
    return record


def _tower_gaps(generator: np.random.Generator) -> NDArray[np.bool_]:
    """Days (365,) without a flux of good quality: about a fifth, unequal between years."""
    lost = _spells(generator, 0.05, length=1.5)
    for start, length in zip(
        generator.integers(0, DAYS, count := generator.poisson(2)), generator.lognormal(2.3, 0.8, count), strict=True
    ):
        lost[start : start + int(length) + 1] = True
    kind = generator.random()
    day, length = int(generator.integers(30, 200)), int(generator.integers(20, 70))
    if kind < 0.25:  # snow and ice
        lost[max(day // 4 - 10, 0) : day // 4 + length] = True
    elif kind < 0.30:  # set up in spring
        lost[:day] = True
    elif kind < 0.35:  # taken down in autumn
        lost[DAYS - day :] = True
    return lost


def chamber_record(secret: bytes, site: str, first_year: int, emission: Array, rain: Array) -> NDArray:
    """What an automatic chamber makes of the mean N2O emission of its field.

    A chamber sees a tenth of a square metre: its own level (lognormal, sd 0.65), and hot spots that flare up for a few
    days, mostly after rain, so that a few days carry half of the total. On average a chamber has what its field has.

    Parameters
    ----------
    emission : array (years, 365)
        Mean N2O emission of the field, g N m-2 d-1, whole years from `first_year`.
    rain : array (years, 365)
        Precipitation, mm d-1.

    Returns
    -------
    array (years, 365), float64
        0 below the detection limit, cut at the analyser's range; NaN outside 1 April to 31 July, and on lost days.
    """
    level = _lognormal(0.65, np.clip(stream(secret, "chamber", site).standard_normal(), -1.5, 1.5))
    record = np.full(emission.shape, np.nan)
    decay = np.exp(-np.arange(6) / 1.5)
    for row in range(emission.shape[0]):
        generator = stream(secret, "chamber", site, first_year + row)
        chance = np.where(rain[row] > 10, 0.25, 0.015)
        flares = np.where(generator.random(DAYS) < chance, generator.lognormal(2.2, 0.7, DAYS), 0)
        spots = _BETWEEN_FLARES * (1 + np.convolve(flares, decay)[:DAYS])
        noise = _lognormal(0.6, _smooth(generator, 3))
        seen = level * spots * noise * emission[row] + 0.5 * DETECTION_LIMIT * generator.standard_normal(DAYS)
        seen = np.minimum(np.where(np.abs(seen) < DETECTION_LIMIT, 0, seen), ANALYSER_RANGE)
        seen[_spells(generator, 0.08, length=3)] = np.nan
        record[row, CHAMBER_DAYS] = seen[CHAMBER_DAYS]
    return record


def _years(days: int, first_year: int) -> list[tuple[int, slice]]:
    """Each whole year of a run, and where its days are."""
    return [(first_year + year, slice(year * DAYS, (year + 1) * DAYS)) for year in range(days // DAYS)]


def _spells(generator: np.random.Generator, share: float, length: float) -> NDArray[np.bool_]:
    """Days (365,) in spells of a mean length, about `share` of the year: a two-state chain in its rare state."""
    switch = generator.random(DAYS)
    enter = share / length / (1 - share)
    spells = np.zeros(DAYS, bool)
    inside = bool(generator.random() < share)
    for day in range(DAYS):
        inside = bool(switch[day] > 1 / length) if inside else bool(switch[day] < enter)
        spells[day] = inside
    return spells


def _smooth(generator: np.random.Generator, days: int) -> Array:
    """A standard normal score for each day (365,), correlated over `days` days."""
    return np.convolve(generator.standard_normal(DAYS + days - 1), np.full(days, days**-0.5), mode="valid")


def _lognormal(sd: float, score: float | Array) -> Array:
    """Multipliers with mean 1 and a standard deviation `sd` of the logarithm, from normal scores."""
    return np.exp(sd * np.asarray(score) - sd**2 / 2)
