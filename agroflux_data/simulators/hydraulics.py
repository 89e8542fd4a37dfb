"""Soil water retention and conductivity from texture and organic matter.

Sources: Saxton & Rawls (2006) Soil Sci. Soc. Am. J. 70:1569 for the pedotransfer functions; Campbell (1974) Soil Sci.
117:311 for the curves between the points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ORGANIC_MATTER", "PARTICLE_DENSITY", "Hydraulics", "saxton_rawls"]

PARTICLE_DENSITY = 2.65
"""Mg m-3."""
ORGANIC_MATTER = 0.1724
"""Percent of organic matter for each g C kg-1 (van Bemmelen's 1.724)."""


@dataclass(frozen=True)
class Hydraulics:
    """Hydraulic properties of a soil, arrays of one shape."""

    wilting_point: NDArray[np.floating]
    """Water content at 1500 kPa, m3 m-3."""
    field_capacity: NDArray[np.floating]
    """Water content at 33 kPa, m3 m-3."""
    saturation: NDArray[np.floating]
    """Porosity, m3 m-3."""
    exponent: NDArray[np.floating]
    """Campbell's b, -."""
    conductivity: NDArray[np.floating]
    """Saturated hydraulic conductivity, mm h-1."""

    def potential(self, water: ArrayLike) -> NDArray[np.floating]:
        """Matric potential, MPa (negative), at a water content in m3 m-3 (Campbell 1974, through 1500 kPa)."""
        return -1.5 * (np.asarray(water) / self.wilting_point) ** -self.exponent

    def unsaturated_conductivity(self, water: ArrayLike) -> NDArray[np.floating]:
        """Conductivity, mm h-1, at a water content in m3 m-3 (Campbell 1974)."""
        return self.conductivity * np.clip(np.asarray(water) / self.saturation, 0, 1) ** (2 * self.exponent + 3)


def saxton_rawls(
    sand: ArrayLike, clay: ArrayLike, organic_matter: ArrayLike, bulk_density: ArrayLike | None = None
) -> Hydraulics:
    """Hydraulics of mineral soils (Saxton & Rawls 2006, equations 1 to 16).

    Parameters
    ----------
    sand, clay : array_like
        Weight fractions, 0..1.
    organic_matter : array_like
        Percent by weight.
    bulk_density : array_like, optional
        Mg m-3. When given, porosity is that of the density, and field capacity moves with it (eq. 7 to 9).
    """
    s, c, om = np.asarray(sand, float), np.asarray(clay, float), np.asarray(organic_matter, float)
    first = -0.024 * s + 0.487 * c + 0.006 * om + 0.005 * s * om - 0.013 * c * om + 0.068 * s * c + 0.031
    wilting_point = first + (0.14 * first - 0.02)
    first = -0.251 * s + 0.195 * c + 0.011 * om + 0.006 * s * om - 0.027 * c * om + 0.452 * s * c + 0.299
    field_capacity = first + (1.283 * first**2 - 0.374 * first - 0.015)
    first = 0.278 * s + 0.034 * c + 0.022 * om - 0.018 * s * om - 0.027 * c * om - 0.584 * s * c + 0.078
    saturation = field_capacity + first + (0.636 * first - 0.107) - 0.097 * s + 0.043
    if bulk_density is not None:
        porosity = 1 - np.asarray(bulk_density, float) / PARTICLE_DENSITY
        field_capacity = field_capacity - 0.2 * (saturation - porosity)
        saturation = porosity
    exponent = (np.log(1500) - np.log(33)) / (np.log(field_capacity) - np.log(wilting_point))
    # Dense, clayey soils could be left with no drainable pores at all.
    drainable = np.maximum(saturation - field_capacity, 0.01)
    conductivity = 1930 * drainable ** (3 - 1 / exponent)
    return Hydraulics(wilting_point, field_capacity, saturation, exponent, conductivity)
