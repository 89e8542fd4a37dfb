"""What no input column tells: cultivar, drainage, tillage, land-use history, the real soil, good and bad years.

Every number here comes from the secret of a release, so a host's hidden targets cannot be had by running this code.
Weather, soils and management come from the public seed instead, and stand in the inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agroflux_data.randomness import stream
from agroflux_data.simulators.drivers import Latents, Soil

__all__ = ["OBSERVED", "SIMULATED", "Spread", "adapted", "draw"]

_TILLAGE = np.array([0.0, 0.5, 1.0])
_TILLAGE_SHARE = np.array([0.35, 0.35, 0.30])
"""No-till, reduced, conventional: shares of Corn Belt cropland."""
_TREND_FROM = 2010
_MEAD, _NORTHWARD = 41.2, 0.04
"""Degrees north, and the share of the thermal time that a degree takes off."""
_MOST_GROWTH = 1.45
"""Productivity times vigour stops here (design): a good field in a good year, at about two deviations of both."""
_LIMIT = 2.5
"""Normal scores stop here: beyond, a field would be no field any more."""


@dataclass(frozen=True)
class Spread:
    """How much the fields of a world differ behind the same inputs.

    Standard deviations, relative ones of a lognormal multiplier with mean 1 unless a unit stands.
    """

    maturity: float
    productivity: float
    vigour: float
    """Between the years of one site."""
    trend: float
    """Growth of productivity by breeding, a year; 1 in 2010."""
    tillage: float
    """Strength of conventional tillage, 1 for the mouldboard plough; reduced tillage has half of it."""
    removal: float
    """Share of the sites that take 30 to 60 % of the residue off the field."""
    history: float
    sand: float
    """Relative to the reported sand content; what sand gains, clay loses."""
    carbon: float
    ph: float
    """pH units."""
    nitrification: float
    denitrification: float


SIMULATED = Spread(
    maturity=0.04, productivity=0.16, vigour=0.12, trend=0.0, tillage=0.7, removal=0.0, history=0.06,
    sand=0.05, carbon=0.10, ph=0.15, nitrification=0.25, denitrification=0.30,
)  # fmt: skip
"""Simulated sources: one public model, fields that differ moderately."""

OBSERVED = Spread(
    maturity=0.06, productivity=0.18, vigour=0.12, trend=0.01, tillage=1.0, removal=0.10, history=0.15,
    sand=0.25, carbon=0.20, ph=0.4, nitrification=0.45, denitrification=0.55,
)  # fmt: skip
"""Towers and chambers: real fields, where county soils and one cultivar are far from the truth."""


def draw(
    secret: bytes, spread: Spread, source: str, sites: Sequence[str], first_year: int, years: int, soil: Soil
) -> Latents:
    """The hidden side of each site; `Latents.take` then repeats it over the site's treatments.

    Parameters
    ----------
    secret : bytes
        The secret of the release.
    spread : Spread
        `SIMULATED` or `OBSERVED`.
    source : str
        Sites of one name in two sources differ.
    sites : sequence of str
        A site's draw does not depend on the others beside it.
    first_year, years : int
        The years of `vigour`; a year's draw does not depend on where the run starts.
    soil : Soil
        The reported soil, (sites,): it bounds how far the field's own can be from it.
    """
    scores, shares = np.empty((8, len(sites))), np.empty((5, len(sites)))
    yearly = np.empty((years, len(sites)))
    for column, site in enumerate(sites):
        generator = stream(secret, "latents", source, site)
        scores[:, column] = generator.standard_normal(8)
        shares[:, column] = generator.random(5)
        for year in range(years):
            yearly[year, column] = stream(secret, "vigour", source, site, first_year + year).standard_normal()
    maturity, productivity, history, sand, carbon, ph, nitrification, denitrification = np.clip(scores, -_LIMIT, _LIMIT)
    tile, depth, tillage, removes, removed = shares
    trend = 1 + spread.trend * (np.arange(first_year, first_year + years) - _TREND_FROM)
    clay = 1000 - soil.sand - soil.silt
    fertile = _lognormal(spread.productivity, productivity)
    vigour = _lognormal(spread.vigour, np.clip(yearly, -_LIMIT, _LIMIT))
    return Latents(
        maturity=_lognormal(spread.maturity, maturity),
        productivity=fertile,
        vigour=np.minimum(vigour, _MOST_GROWTH / fertile) * trend[:, None],
        tile=tile,
        tile_depth=0.8 + 0.4 * depth,
        tillage=spread.tillage * _TILLAGE[np.searchsorted(np.cumsum(_TILLAGE_SHARE)[:-1], tillage, side="right")],
        residue_removed=np.where(removes < spread.removal, 0.3 + 0.3 * removed, 0.0),
        disequilibrium=_lognormal(spread.history, history),
        sand_shift=np.clip(spread.sand * sand * soil.sand, -0.8 * soil.sand, 0.8 * clay),
        carbon_shift=_lognormal(spread.carbon, carbon),
        ph_shift=spread.ph * ph,
        nitrification=_lognormal(spread.nitrification, nitrification),
        denitrification=_lognormal(spread.denitrification, denitrification),
    )


def adapted(latitude: NDArray[np.floating]) -> NDArray[np.floating]:
    """Multiplier of the thermal time to maturity, (sites,): real farmers sow what ripens before the frost.

    Hybrids of Mead need 1560 degC d, those sown around Rosemount, 3.5 degrees farther north, about 1340.
    """
    return np.clip(1 - _NORTHWARD * (latitude - _MEAD), 0.75, 1.15)


def _lognormal(sd: float, score: NDArray[np.floating]) -> NDArray[np.floating]:
    """Multipliers with mean 1 and about the relative deviation `sd`, from normal scores."""
    return np.exp(sd * score - sd**2 / 2)
