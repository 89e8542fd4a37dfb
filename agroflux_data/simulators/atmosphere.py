"""The air above the field: carbon dioxide by year, and vapour pressure."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["CO2", "latent_heat", "saturation_vapour_pressure"]

CO2: dict[int, float] = dict(
    zip(
        range(2000, 2021),
        (
            369.71, 371.32, 373.45, 375.98, 377.70, 379.98, 382.09, 384.02, 385.83, 387.64, 390.10,
            391.85, 394.06, 396.74, 398.81, 401.01, 404.41, 406.76, 408.72, 411.65, 414.21,
        ),
        strict=True,
    )
)  # fmt: skip
"""Annual mean CO2, umol mol-1, at Mauna Loa (NOAA Global Monitoring Laboratory)."""


def saturation_vapour_pressure(temperature: ArrayLike) -> NDArray[np.floating]:
    """Over water, kPa, temperature in degC: Tetens' formula as in Allen et al. (1998), FAO 56, eq. 11."""
    temperature = np.asarray(temperature)
    return 0.6108 * np.exp(17.27 * temperature / (temperature + 237.3))


def latent_heat(temperature: ArrayLike) -> NDArray[np.floating]:
    """Latent heat of vaporisation, MJ kg-1, temperature in degC (Harrison 1963, in FAO 56 annex 3)."""
    return 2.501 - 0.002361 * np.asarray(temperature)
