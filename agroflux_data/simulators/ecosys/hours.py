"""From daily weather to the hours of the day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.atmosphere import saturation_vapour_pressure
from agroflux_data.simulators.drivers import Weather
from agroflux_data.simulators.ecosys.parameters import RATE
from agroflux_data.simulators.sun import day_length, daylight, extraterrestrial_radiation
from agroflux_data.variables import DAYS

__all__ = ["Hours", "disaggregate"]

Array = NDArray[np.floating]

_STEFAN_BOLTZMANN = 5.67e-8


@dataclass(frozen=True)
class Hours:
    """Weather of some days in steps of the day, (days, steps, series) each."""

    temperature: Array
    """Air, degC."""
    deficit: Array
    """Vapour pressure deficit, kPa."""
    slope: Array
    """Of the saturation curve (FAO 56, eq. 13), kPa K-1."""
    wind: Array
    """m s-1."""
    radiation: Array
    """Incoming shortwave, W m-2, mean of the step."""
    light: Array
    """Share of the step that the sun is up; 1 where it does not rise at all."""
    beam: Array
    """Share of it that comes from the sun's disc."""
    sine: Array
    """Sine of the sun's elevation while it is up, at least 0.05 so that path lengths stay finite."""
    longwave: Array
    """Net loss of longwave radiation by a surface at air temperature, W m-2."""
    rain: Array
    """Precipitation, mm in the step."""


def disaggregate(weather: Weather, latitude: Array, first_day: int, steps: int) -> Hours:
    """Hours of successive days.

    Temperature follows a sine by day and decays by night (Parton & Logan 1981, Agric. Meteorol. 23:205); radiation
    follows the sine of the sun's elevation, its beam share Spitters et al. (1986, Agric. For. Meteorol. 38:217, daily
    form); net longwave loss is that of FAO 56 (Allen et al. 1998, eq. 39); vapour pressure is constant through the
    day; rain falls in one storm of 1 to 6 hours, about 4 mm an hour, at an hour that changes from day to day.

    Parameters
    ----------
    weather : Weather
        (days, series) each.
    latitude : array (series,)
    first_day : int
        Running number of the first day, in years of 365: it fixes the sun's course and the storms' hours.
    steps : int
        In a day.
    """
    number = first_day + np.arange(len(weather.TMAX))
    day = (number[:, None, None] % DAYS + 1).astype(RATE)
    latitude = latitude[None, None, :].astype(RATE)
    width = 24 / steps
    start = width * np.arange(steps, dtype=RATE)[None, :, None]
    hour = start + 0.5 * width
    daily, tmax, tmin = (values[:, None, :].astype(RATE) for values in (weather.RADN, weather.TMAX, weather.TMIN))
    light, sine = daylight(latitude, day, start, start + width)
    share = light * sine
    radiation = daily * 1e6 * share / (np.maximum(share.sum(1, keepdims=True), 1e-3) * width * 3600)
    extraterrestrial = extraterrestrial_radiation(latitude, day)
    clearness = np.clip(daily / np.maximum(extraterrestrial, 0.1), 0.05, 0.8)
    diffuse = np.clip(np.where(clearness < 0.35, 1 - 2.3 * (clearness - 0.07) ** 2, 1.33 - 1.46 * clearness), 0.2, 1.0)
    length = day_length(latitude, day)
    sunrise = 12 - length / 2
    since = hour - sunrise + 0.17
    lag = 1.86
    sunset = tmin + (tmax - tmin) * np.sin(np.pi * length / (length + 2 * lag))
    dark = np.where(hour > sunrise + length, hour - sunrise - length, hour + 24 - sunrise - length)
    night = tmin + (sunset - tmin) * np.exp(-2.2 * dark / (24 - length))
    by_day = (since > 0) & (hour < sunrise + length)
    daytime = tmin + (tmax - tmin) * np.sin(np.pi * np.clip(since, 0, length) / (length + 2 * lag))
    temperature = np.where(by_day, daytime, night)
    vapour = 0.5 * (weather.HMAX + weather.HMIN)[:, None, :].astype(RATE)
    saturated = saturation_vapour_pressure(temperature)
    vapour = np.minimum(vapour, saturated)
    cloud = np.clip(1.35 * clearness / 0.75 - 0.35, 0.05, 1.0)
    longwave = _STEFAN_BOLTZMANN * (temperature + 273.15) ** 4 * (0.34 - 0.14 * np.sqrt(vapour)) * cloud
    wind = np.broadcast_to(np.maximum(weather.WIND, 0.5)[:, None, :].astype(RATE), temperature.shape)
    return Hours(
        temperature,
        saturated - vapour,
        4098 * saturated / (temperature + 237.3) ** 2,
        wind,
        radiation,
        np.where(light > 0, np.maximum(light, 0.02), 1),
        np.broadcast_to(1 - diffuse, temperature.shape),
        np.maximum(sine, 0.05),
        longwave,
        _storms(weather.PREC, number, start.astype(float), width),
    )


def _storms(rain: Array, number: NDArray[np.integer], start: Array, width: float) -> Array:
    """Daily rain (days, series) as (days, steps, series), by the running numbers of the days."""
    # The golden ratio spreads the storms' hours evenly without drawing at random.
    centre = 3 + 18 * (number * 0.6180339887 % 1)[:, None, None]
    half = 0.5 * np.clip(rain / 4, 1, 6)[:, None, :]
    overlap = np.minimum(centre + half, start + width) - np.maximum(centre - half, start)
    return rain[:, None, :] * np.maximum(overlap, 0) / (2 * half)
