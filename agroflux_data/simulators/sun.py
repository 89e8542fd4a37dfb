"""Where the sun stands: day length, extraterrestrial radiation and elevation.

Source: Allen et al. (1998), FAO Irrigation and Drainage Paper 56, equations 21 to 34.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["day_length", "daylight", "declination", "extraterrestrial_radiation"]

SOLAR_CONSTANT = 0.0820
"""MJ m-2 min-1."""


def declination(day_of_year: ArrayLike) -> NDArray[np.floating]:
    """Solar declination, rad (eq. 24); `day_of_year` counts from 1 to 365."""
    return 0.409 * np.sin(2 * np.pi / 365 * np.asarray(day_of_year) - 1.39)


def _sunset_angle(latitude: ArrayLike, day_of_year: ArrayLike) -> NDArray[np.floating]:
    """Hour angle of the sunset, rad (eq. 25); 0 in polar night and pi in polar day."""
    return np.arccos(np.clip(-np.tan(np.radians(latitude)) * np.tan(declination(day_of_year)), -1, 1))


def day_length(latitude: ArrayLike, day_of_year: ArrayLike) -> NDArray[np.floating]:
    """Hours of daylight (eq. 34), arguments broadcast; latitude in degrees north."""
    return 24 / np.pi * _sunset_angle(latitude, day_of_year)


def extraterrestrial_radiation(latitude: ArrayLike, day_of_year: ArrayLike) -> NDArray[np.floating]:
    """Radiation above the atmosphere, MJ m-2 d-1 (eq. 21), arguments broadcast; latitude in degrees north."""
    sunset, phi, delta = _sunset_angle(latitude, day_of_year), np.radians(latitude), declination(day_of_year)
    distance = 1 + 0.033 * np.cos(2 * np.pi / 365 * np.asarray(day_of_year))
    geometry = sunset * np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.sin(sunset)
    return 24 * 60 / np.pi * SOLAR_CONSTANT * distance * geometry


def daylight(
    latitude: ArrayLike, day_of_year: ArrayLike, start: ArrayLike, end: ArrayLike
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Share of a part of the day that the sun is up, and the mean sine of its elevation meanwhile, 0 by night.

    Parameters
    ----------
    latitude, day_of_year, start, end : array_like
        Broadcast; the last two in solar hours, 0..24, noon 12.
    """
    phi, delta = np.radians(latitude), declination(day_of_year)
    sunset = _sunset_angle(latitude, day_of_year)
    first, last = (np.clip(np.pi / 12 * (np.asarray(hour) - 12), -sunset, sunset) for hour in (start, end))
    up = last - first
    slope = (np.sin(last) - np.sin(first)) / np.where(up > 0, up, 1)
    sine = np.where(up > 0, np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * slope, 0)
    return up / (np.pi / 12 * (np.asarray(end) - np.asarray(start))), sine
