"""Daily weather of the Corn Belt from a stochastic generator, fitted to ten stations.

Sources: Richardson (1981) Water Resour. Res. 17:182 for the wet and dry days (first-order Markov chain) and the
residuals of the temperatures (bivariate AR(1)); gamma amounts of rain and the name of the method, WGEN, from Richardson
& Wright (1984), USDA ARS-8. Radiation after Hargreaves & Samani (1982) J. Irrig. Drain. 108:225. Monthly anomalies are
added, since plain WGEN has too little variance between years (Katz & Parlange 1998 J. Climate 11:591). `climate.csv`
holds the monthly statistics of the stations.

Neighbours share part of their weather: every random field is a smooth regional one plus a part of each place's own. A
place's weather depends on the seed, its name and its coordinates, never on what is drawn beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from agroflux_data.randomness import stream
from agroflux_data.simulators.atmosphere import saturation_vapour_pressure
from agroflux_data.simulators.drivers import Weather
from agroflux_data.simulators.places import read_table
from agroflux_data.simulators.sun import extraterrestrial_radiation
from agroflux_data.sources.source import Site
from agroflux_data.variables import DAYS

__all__ = ["MONTH_DAYS", "generate"]

Array = NDArray[np.floating]

MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# Temperature residuals (Richardson 1981, eq. 3 to 9; correlations fitted to the stations): of Tmax with Tmin on the
# same day, and of each with each a day before.
_SAME_DAY = np.array([[1.0, 0.75], [0.75, 1.0]])
_DAY_BEFORE = np.array([[0.62, 0.55], [0.62, 0.72]])  # row: today's Tmax, Tmin; column: yesterday's
_CARRY = _DAY_BEFORE @ np.linalg.inv(_SAME_DAY)
_SHOCK = np.linalg.cholesky(_SAME_DAY - _CARRY @ _DAY_BEFORE.T)

_RESIDUAL_LIMIT = 3.3
"""Standard deviations: real records end about there, a normal residual does not."""

# Share of the variance that neighbours have in common.
_SHARED_TEMPERATURE, _SHARED_RAIN, _SHARED_MONTH = 0.8, 0.6, 0.85

# Monthly anomalies: of temperature in standard deviations of the daily residual, of the amount of rain as a
# logarithm, of the chance of a wet day as a shift of the normal score; all AR(1) from month to month.
_MONTH_CARRY = 0.35
_MONTH_TEMPERATURE = 0.26
_MONTH_AMOUNT = 0.11
_MONTH_CHANCE = 0.06
_WARM_IS_DRY = -0.3

# Hargreaves coefficient, K^-1/2, in winter and in summer; clouds are thicker in winter.
_HARGREAVES_WINTER, _HARGREAVES_SUMMER = 0.159, 0.173
_WET_OVER_DRY = 0.78
_CLEAR_SKY, _OVERCAST = 0.76, 0.06

_WIND_MEAN, _WIND_SWING, _WIND_PEAK, _WIND_CARRY = 4.05, 0.75, 75, 0.3
"""m s-1, m s-1, day of the windiest time, and the day-to-day correlation of the components."""
_WIND_LEAST = 0.3
"""m s-1: a whole day is never quite still."""

_LARGEST_RAIN = 230.0
"""mm d-1: the record of the stations, 207.6, and a little more."""

# Regional fields stand on nodes `_SPACING` degrees apart, smoothed with a Gaussian of the same width.
_SPACING = 3.5
_NODE_LAT = np.arange(34.0, 50.0, _SPACING)
_NODE_X = np.arange(-81.0, -56.0, _SPACING)
_SHRINK = np.cos(np.radians(41.0))
"""A degree of longitude over one of latitude, in the middle of the region."""
_LAT, _LON = (35.0, 49.0), (-104.0, -78.0)

_SCORES = np.linspace(-4.0, 4.0, 1601)
_CHANCES = np.array([NormalDist().cdf(score) for score in _SCORES])

_MEANS = ("tmax_mean", "tmin_mean")
_CLIMATE = (
    *_MEANS, "tmax_sd", "tmin_sd", "tmax_wet_minus_dry", "tmin_wet_minus_dry", "p_ww", "p_wd", "gamma_shape",
    "wet_mean_mm",
)  # fmt: skip


def generate(
    seed: int, sites: Sequence[Site], first_year: int, years: int, *, places: Sequence[str] | None = None
) -> Weather:
    """Weather of whole 365-day years from 1 January.

    Parameters
    ----------
    seed : int
        The public seed of the release.
    sites : sequence of Site
        Between 35 and 49 degrees north, 78 and 104 degrees west.
    first_year, years : int
        A year's draws do not depend on where the run starts, so the year is the same but for its first days.
    places : sequence of str, optional
        What each site's weather is drawn by, `agroflux_data.simulators.places.place_names`; sites of one place share
        it. Default: the names of the sites.

    Returns
    -------
    Weather
        Arrays (years * 365, sites), float64.
    """
    places = [site.name for site in sites] if places is None else places
    for site in sites:
        if not (_LAT[0] <= site.lat <= _LAT[1] and _LON[0] <= site.lon <= _LON[1]):
            raise ValueError(f"no climate for {site.name} at {site.lat}, {site.lon}: expected {_LAT} N, {_LON} E")
    days = years * DAYS
    noise = np.empty((4, days, len(sites)))  # rain, Tmax, Tmin, sky
    months = np.empty((2, years * 12, len(sites)))  # temperature, rain
    own = np.empty((3, days, len(sites)))  # dew point, and two components of the wind
    for column, (site, place) in enumerate(zip(sites, places, strict=True)):
        for year in range(years):
            generator = stream(seed, "weather", place, first_year + year)
            these = slice(year * DAYS, (year + 1) * DAYS)
            noise[:, these, column] = generator.standard_normal((4, DAYS))
            own[:, these, column] = generator.standard_normal((3, DAYS))
            months[:, year * 12 : (year + 1) * 12, column] = generator.standard_normal((2, 12))
        field, month = _regional(seed, first_year, years, site.lat, site.lon)
        for kind, shared in enumerate((_SHARED_RAIN, _SHARED_TEMPERATURE, _SHARED_TEMPERATURE, _SHARED_TEMPERATURE)):
            noise[kind, :, column] = np.sqrt(shared) * field[kind] + np.sqrt(1 - shared) * noise[kind, :, column]
        months[:, :, column] = np.sqrt(_SHARED_MONTH) * month + np.sqrt(1 - _SHARED_MONTH) * months[:, :, column]
    climate = {name: np.tile(values, (years, 1)) for name, values in _climate_at(sites).items()}
    warmth, wetness = _anomalies(months)

    after_wet, after_dry = climate["p_ww"], climate["p_wd"]
    wet = _wet_days(noise[0], after_wet, after_dry, _MONTH_CHANCE * wetness)
    share = after_dry / (1 - after_wet + after_dry)
    rain = _amounts(seed, places, first_year, climate, _MONTH_AMOUNT * wetness) * wet
    tmax, tmin = _temperatures(noise[1:3], climate, wet, share, warmth)
    radiation = _radiation(noise[3], sites, years, tmax - tmin, wet, share)
    high, low = _vapour_pressure(own[0], tmax, tmin, wet)
    return Weather(tmax, tmin, rain, radiation, high, low, _wind(own[1:], years))


@cache
def _month_to_day() -> Array:
    """(365, 12): smooth daily values whose monthly means are the monthly values, by three harmonics."""
    day = 2 * np.pi * (np.arange(DAYS) + 0.5) / DAYS
    waves = [np.ones(DAYS)] + [wave(k * day) for k in (1, 2, 3) for wave in (np.cos, np.sin)]
    harmonics = np.stack(waves, axis=1)
    edges = np.cumsum((0, *MONTH_DAYS))
    means = np.stack([harmonics[a:b].mean(axis=0) for a, b in pairwise(edges)])
    return harmonics @ np.linalg.pinv(means)


@cache
def _stations() -> tuple[Array, Array, dict[str, Array], Array]:
    """Latitudes and scaled longitudes (stations,), daily climate (365, stations), and K per degree north (365, 2)."""
    rows = read_table("climate.csv")
    names = list(dict.fromkeys(row["station"] for row in rows))
    lat = np.array([next(float(row["lat"]) for row in rows if row["station"] == name) for name in names])
    lon = np.array([next(float(row["lon"]) for row in rows if row["station"] == name) for name in names])
    smooth = _month_to_day()
    monthly = {
        key: np.array([[float(row[key]) for row in rows if row["station"] == name] for name in names]).T
        for key in _CLIMATE
    }
    north = lat - lat.mean()
    slopes = np.stack([smooth @ (monthly[key] @ north) / (north @ north) for key in _MEANS], axis=1)
    return lat, lon * _SHRINK, {key: smooth @ values for key, values in monthly.items()}, slopes


def _climate_at(sites: Sequence[Site]) -> dict[str, Array]:
    """Climate of each site, (365, sites): inverse squared distance between stations, temperature along the latitude."""
    lats, xs, stations, slopes = _stations()
    lat = np.array([site.lat for site in sites])
    x = np.array([site.lon for site in sites]) * _SHRINK
    weights = [1 / ((lat - a) ** 2 + (x - b) ** 2 + 0.001) for a, b in zip(lats, xs, strict=True)]
    total = sum(weights)
    # Sums run station by station, so that a site's numbers are the same to the last bit in any block.
    at = {key: sum(values[:, [k]] * (w / total) for k, w in enumerate(weights)) for key, values in stations.items()}
    middle = sum(a * w for a, w in zip(lats, weights, strict=True)) / total
    for column, key in enumerate(_MEANS):
        at[key] = at[key] + slopes[:, [column]] * (lat - middle)
    at["p_ww"], at["p_wd"] = np.clip(at["p_ww"], 0.1, 0.9), np.clip(at["p_wd"], 0.05, 0.8)
    at["wet_mean_mm"], at["gamma_shape"] = np.maximum(at["wet_mean_mm"], 1.0), np.clip(at["gamma_shape"], 0.4, 1.3)
    return at


@lru_cache(maxsize=2)
def _nodes(seed: int, first_year: int, years: int) -> tuple[Array, Array]:
    """White noise of the nodes: (nodes, 4, days) and (nodes, 2, months)."""
    daily = np.empty((len(_NODE_LAT) * len(_NODE_X), 4, years * DAYS))
    monthly = np.empty((len(daily), 2, years * 12))
    for node in range(len(daily)):
        for year in range(years):
            generator = stream(seed, "weather of the region", node, first_year + year)
            daily[node, :, year * DAYS : (year + 1) * DAYS] = generator.standard_normal((4, DAYS))
            monthly[node, :, year * 12 : (year + 1) * 12] = generator.standard_normal((2, 12))
    return daily, monthly


def _regional(seed: int, first_year: int, years: int, lat: float, lon: float) -> tuple[Array, Array]:
    """Regional noise at a point, unit variance: (4, days) and (2, months)."""
    daily, monthly = _nodes(seed, first_year, years)
    squares = (_NODE_LAT[:, None] - lat) ** 2 + (_NODE_X[None, :] - lon * _SHRINK) ** 2
    weights = np.exp(-squares / (2 * _SPACING**2)).reshape(-1)
    weights = np.where(weights > 0.02, weights, 0.0)
    weights /= np.sqrt((weights**2).sum())
    near = np.flatnonzero(weights)
    days, months = np.zeros(daily.shape[1:]), np.zeros(monthly.shape[1:])
    for node in near:
        days += weights[node] * daily[node]
        months += weights[node] * monthly[node]
    return days, months


def _anomalies(months: Array) -> tuple[Array, Array]:
    """Standard normal anomalies of temperature and rain, (days, sites) each, constant in a month."""
    noise = np.stack([months[0], _WARM_IS_DRY * months[0] + np.sqrt(1 - _WARM_IS_DRY**2) * months[1]])
    for month in range(1, noise.shape[1]):
        noise[:, month] = _MONTH_CARRY * noise[:, month - 1] + np.sqrt(1 - _MONTH_CARRY**2) * noise[:, month]
    daily = np.repeat(noise, np.tile(MONTH_DAYS, noise.shape[1] // 12), axis=1)
    return daily[0], daily[1]


def _wet_days(noise: Array, wet_after_wet: Array, wet_after_dry: Array, shift: Array) -> NDArray[np.bool_]:
    """The Markov chain of wet and dry days (Richardson 1981), driven by normal scores that neighbours share."""
    after_wet = noise - shift < np.interp(wet_after_wet, _CHANCES, _SCORES)
    after_dry = noise - shift < np.interp(wet_after_dry, _CHANCES, _SCORES)
    wet = np.empty(noise.shape, bool)
    wet[0] = after_dry[0]
    for day in range(1, len(wet)):
        wet[day] = np.where(wet[day - 1], after_wet[day], after_dry[day])
    return wet


def _amounts(seed: int, places: Sequence[str], first_year: int, climate: dict[str, Array], anomaly: Array) -> Array:
    """Rain of every day if it were wet, mm: gamma, at least a trace."""
    shape, mean = climate["gamma_shape"], climate["wet_mean_mm"]
    amounts = np.empty(shape.shape)
    for column, place in enumerate(places):
        for start in range(0, len(amounts), DAYS):
            generator = stream(seed, "rain", place, first_year + start // DAYS)
            amounts[start : start + DAYS, column] = generator.standard_gamma(shape[start : start + DAYS, column])
    spread = np.exp(anomaly - _MONTH_AMOUNT**2 / 2)
    return np.clip(np.round(amounts * (mean / shape) * spread, 2), 0.1, _LARGEST_RAIN)


def _temperatures(
    noise: Array, climate: dict[str, Array], wet: NDArray[np.bool_], share: Array, warmth: Array
) -> tuple[Array, Array]:
    """Daily maximum and minimum, degC: the seasonal mean, the shift of wet days, the month's anomaly, the residual."""
    residual = np.empty_like(noise)
    residual[0, 0] = noise[0, 0]
    residual[1, 0] = _SAME_DAY[0, 1] * noise[0, 0] + np.sqrt(1 - _SAME_DAY[0, 1] ** 2) * noise[1, 0]
    shock = np.stack([_SHOCK[0, 0] * noise[0], _SHOCK[1, 0] * noise[0] + _SHOCK[1, 1] * noise[1]])
    for day in range(1, noise.shape[1]):
        before = residual[:, day - 1]
        residual[0, day] = _CARRY[0, 0] * before[0] + _CARRY[0, 1] * before[1] + shock[0, day]
        residual[1, day] = _CARRY[1, 0] * before[0] + _CARRY[1, 1] * before[1] + shock[1, day]
    temperatures = []
    for part, name in zip(residual, ("tmax", "tmin"), strict=True):
        mean, sd, change = climate[f"{name}_mean"], climate[f"{name}_sd"], climate[f"{name}_wet_minus_dry"]
        # The stations' deviations hold everything that varies within a month: take out what is added apart.
        slope = (np.roll(mean, -15, axis=0) - np.roll(mean, 15, axis=0)) ** 2 / 12
        variance = sd**2 * (1 - _MONTH_TEMPERATURE**2) - share * (1 - share) * change**2 - slope
        left = np.sqrt(np.maximum(variance, 0.25 * sd**2))
        temperatures.append(
            mean
            + (wet - share) * change
            + _MONTH_TEMPERATURE * sd * warmth
            + left * np.clip(part, -_RESIDUAL_LIMIT, _RESIDUAL_LIMIT)
        )
    tmax, tmin = temperatures
    middle, half = (tmax + tmin) / 2, np.maximum(tmax - tmin, 1.0) / 2
    return middle + half, middle - half


def _radiation(
    noise: Array, sites: Sequence[Site], years: int, swing: Array, wet: NDArray[np.bool_], share: Array
) -> Array:
    """Incoming shortwave, MJ m-2 d-1 (Hargreaves & Samani 1982), darker on wet days, below the clear sky's."""
    day = np.arange(1, DAYS + 1)
    above = extraterrestrial_radiation(np.array([site.lat for site in sites]), day[:, None])
    summer = 0.5 - 0.5 * np.cos(2 * np.pi * (day - 20) / DAYS)
    factor = np.tile(_HARGREAVES_WINTER + (_HARGREAVES_SUMMER - _HARGREAVES_WINTER) * summer, years)[:, None]
    clouds = np.where(wet, _WET_OVER_DRY, 1.0) / (1 - share * (1 - _WET_OVER_DRY))
    passed = factor * np.sqrt(swing) * clouds * (1 + 0.12 * noise)
    return np.tile(above, (years, 1)) * np.clip(passed, _OVERCAST, _CLEAR_SKY)


def _vapour_pressure(noise: Array, tmax: Array, tmin: Array, wet: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Daily maximum and minimum, kPa: the dew point lies a little below the night's minimum, more so on dry days.

    The minimum cannot pass saturation at TMIN, nor the maximum that at TMAX.
    """
    dew = tmin - np.where(wet, 0.2, 1.4) + 0.8 * noise
    swing = np.where(wet, 0.8, 1.2)
    low = saturation_vapour_pressure(np.minimum(dew - swing, tmin))
    high = saturation_vapour_pressure(np.minimum(dew + swing, tmax))
    return np.maximum(high, low), low


def _wind(noise: Array, years: int) -> Array:
    """Daily mean, m s-1: the length of two normal components is Weibull with shape 2."""
    parts = noise.copy()
    for day in range(1, parts.shape[1]):
        parts[:, day] = _WIND_CARRY * parts[:, day - 1] + np.sqrt(1 - _WIND_CARRY**2) * noise[:, day]
    season = np.cos(2 * np.pi * (np.arange(1, DAYS + 1) - _WIND_PEAK) / DAYS)
    mean = _WIND_MEAN + _WIND_SWING * season
    speed = np.tile(mean, years)[:, None] * np.sqrt(2 / np.pi) * np.sqrt(parts[0] ** 2 + parts[1] ** 2)
    return np.maximum(speed, _WIND_LEAST)
