"""How rates answer to temperature: Arrhenius with deactivation in the cold and in the heat."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["GAS", "KELVIN", "growth", "response"]

Array = NDArray[np.floating]

GAS = 8.3143
"""J mol-1 K-1."""
KELVIN = 273.15

INTERCEPTS: dict[float, float] = {62500.0: 25.229, 65000.0: 26.237, 60000.0: 24.220, 43000.0: 17.362}
"""Logarithm of the factor that makes the response 1 at 25 degC, by activation energy in J mol-1."""


def response(temperature: ArrayLike, energy: float = 62500.0, low: float = 197500.0, high: float = 222500.0) -> Array:
    """Rate at a temperature (degC) relative to that at 25 degC.

    Source: Sharpe & DeMichele (1977) J. Theor. Biol. 64:649, as used by Grant, Juma & McGill (1993) Soil Biol.
    Biochem. 25:1317.

    Parameters
    ----------
    temperature : array_like
        degC.
    energy : float
        Activation energy, J mol-1: one of `INTERCEPTS`.
    low, high : float
        Energies of low- and high-temperature deactivation, J mol-1.
    """
    kelvin = np.asarray(temperature) + KELVIN
    thermal = 1 / (GAS * kelvin)
    entropy = 710.0 / GAS
    deactivation = 1 + np.exp(low * thermal - entropy) + np.exp(entropy - high * thermal)
    return np.exp(INTERCEPTS[energy] - energy * thermal) / deactivation


def growth(temperature: ArrayLike) -> Array:
    """The response of growth and of microbial respiration (62.5 kJ mol-1)."""
    return response(temperature)
