"""Where the sun stands: day length, extraterrestrial radiation and elevation.

Source: Allen et al. (1998), FAO Irrigation and Drainage Paper 56, equations 21 to 34.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["day_length", "declination", "extraterrestrial_radiation", "sine_elevation"]

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


def sine_elevation(latitude: ArrayLike, day_of_year: ArrayLike, hour: ArrayLike) -> NDArray[np.floating]:
    """Sine of the solar elevation at a solar hour (0..24, noon 12), below 0 at night; arguments broadcast."""
    phi, delta = np.radians(latitude), declination(day_of_year)
    angle = np.pi / 12 * (np.asarray(hour) - 12)
    return np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.cos(angle)
