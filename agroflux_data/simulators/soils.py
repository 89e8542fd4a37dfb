"""Reported topsoil of each site: texture, density, acidity and organic carbon that hang together.

The pooled means and deviations are those of the scalers that the AgroFlux release publishes for its counties (Cheng et
al. 2026); the correlations are design: sandier and more organic to the north, finer under the loess of Iowa and
Illinois, denser where there is less carbon, less acid to the dry west.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agroflux_data.randomness import stream
from agroflux_data.simulators.drivers import Soil
from agroflux_data.simulators.hydraulics import ORGANIC_MATTER, PARTICLE_DENSITY, saxton_rawls
from agroflux_data.sources.source import Site

__all__ = ["draw"]

Array = NDArray[np.floating]

# Lognormal with the published mean and relative deviation.
_SAND, _SAND_SPREAD = 188.3, 0.80
_CARBON, _CARBON_SPREAD = 14.46, 0.50
_CLAY_SHARE, _CLAY_SPREAD = -0.65, 0.45
"""Share of clay in what is not sand, as a logit: 0.343 +- 0.09, so that clay has 279 g kg-1 on average."""
_PH, _PH_SPREAD = 6.33, 0.81
_DENSITY, _DENSITY_SPREAD = 1.356, 0.145

# What the place tells, on average over the counties and the points of the Midwest as the scalers pool them (18 to 21):
# the terms below are taken from there, or the published means would be missed.
_NORTH, _WEST, _LOESS = 0.03, 0.11, 0.33

_SCORE_LIMIT = 2.5
"""Normal scores stop here."""
_SAND_RANGE = (15.0, 750.0)
_LEAST_CLAY = 60.0
_CARBON_RANGE = (4.0, 55.0)
_PH_RANGE = (4.6, 8.3)
_DENSITY_RANGE = (0.95, 1.75)
_DRAINABLE = 0.05
"""m3 m-3: the least that a field soil has between field capacity and saturation."""


def draw(sites: Sequence[Site], seed: int, *, places: Sequence[str] | None = None) -> Soil:
    """The soil that inputs report; `latents` then moves the field's own away from it.

    Parameters
    ----------
    sites : sequence of Site
        A site's soil does not depend on the others beside it.
    seed : int
        The public seed of the release.
    places : sequence of str, optional
        What each site's soil is drawn by; sites of one place, such as chambers filled from one field, share it.
        Default: the names of the sites.

    Returns
    -------
    Soil
        Arrays (sites,), sand and silt below 1000 g kg-1 together.
    """
    places = [site.name for site in sites] if places is None else places
    scores = np.stack([stream(seed, "soil", place).standard_normal(5) for place in places], axis=1)
    texture, clayey, carbon, acid, dense = np.clip(scores, -_SCORE_LIMIT, _SCORE_LIMIT)
    north = np.array([np.clip((site.lat - 41) / 2, -2, 2) for site in sites]) - _NORTH
    west = np.array([np.clip((-90 - site.lon) / 4, -2, 2) for site in sites]) - _WEST
    # Loess: thick along the Mississippi and the Missouri in Iowa and Illinois.
    loess = np.array([np.exp(-(((site.lat - 41) / 2) ** 2) - ((site.lon + 92) / 4) ** 2) for site in sites]) - _LOESS

    sandy = _mixed(0.25 * north - 0.5 * loess, texture)
    clayey = _mixed(0.25 * loess + 0.15 * west, clayey)
    organic = _mixed(0.25 * north + 0.2 * west + 0.25 * loess - 0.35 * sandy + 0.2 * clayey, carbon)
    basic = _mixed(0.35 * west + 0.1 * north, acid)
    heavy = _mixed(-0.5 * organic + 0.3 * sandy, dense)

    sand = np.clip(_lognormal(_SAND, _SAND_SPREAD, sandy), *_SAND_RANGE)
    clay = np.maximum((1000 - sand) / (1 + np.exp(-(_CLAY_SHARE + _CLAY_SPREAD * clayey))), _LEAST_CLAY)
    organic_carbon = np.clip(_lognormal(_CARBON, _CARBON_SPREAD, organic), *_CARBON_RANGE)
    density = np.clip(_DENSITY + _DENSITY_SPREAD * heavy, *_DENSITY_RANGE)
    return Soil(
        bulk_density=np.minimum(density, _densest(sand, clay, organic_carbon)),
        sand=sand,
        silt=1000 - sand - clay,
        ph=np.clip(_PH + _PH_SPREAD * basic, *_PH_RANGE),
        organic_carbon=organic_carbon,
    )


def _densest(sand: Array, clay: Array, organic_carbon: Array) -> Array:
    """Bulk density, Mg m-3, at which `_DRAINABLE` is left when field capacity moves with it (Saxton & Rawls 2006)."""
    loose = saxton_rawls(sand / 1000, clay / 1000, ORGANIC_MATTER * organic_carbon)
    porosity = (_DRAINABLE + loose.field_capacity - 0.2 * loose.saturation) / 0.8
    return PARTICLE_DENSITY * (1 - porosity)


def _mixed(known: Array, own: Array) -> Array:
    """What the place explains plus the site's own part, of about unit variance together."""
    return known + 0.95 * own


def _lognormal(mean: float, spread: float, score: Array) -> Array:
    """Lognormal values with a mean and a deviation of the logarithm, from normal scores."""
    return mean * np.exp(spread * score - spread**2 / 2)
