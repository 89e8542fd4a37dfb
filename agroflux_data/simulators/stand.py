"""The stand of a real crop against the one that a process model grows: losses within the season, and unlike weeks.

Weeds, pests and diseases take a fifth to a third of what corn and soybean could yield, little in many fields and much
in others (Savary et al. 2019, Nat. Ecol. Evol. 3:430). A loss grows over the weeks of an epidemic, or stands from one
day to the next after hail; what is lost does not grow again. And no model follows a field week by week: those that were
compared at cropland towers of the Midwest err by far more than the towers do (Lokupitiya et al. 2016, Biogeochemistry
129:53). How a stand moves respiration and evapotranspiration is design.

Losses strike one field and spare the next: they come from the secret of a release. What models miss from week to week
hangs on the weather and the place, and comes from the public seed as those do: any model that learns from simulations
misses it, whatever the secret.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from agroflux_data.randomness import stream
from agroflux_data.variables import DAYS

__all__ = ["of_stand", "stand"]

Array = NDArray[np.floating]

_LOSS = (1.2, 3.2)
"""Of the beta distribution of a season's loss: mean 0.27, and in one season of ten more than half."""
_HALFWAY = (180.0, 240.0)
"""Days of the year between which half of the loss is reached."""
_STORMS = 0.25
"""Share of the years whose loss is sudden."""
_EPIDEMIC, _STORM = (8.0, 18.0), 0.5
"""Pace of a loss, days: it rises from an eighth to seven eighths in twice as many."""
_ATTAINABLE = 1.2
"""A crop without losses over what models are set to, which is the average farm's, losses and all: daily GPP of towers
then has a standard deviation of 6.5 to 7.6 g C m-2 d-1 and NEE one of 3.8 to 4.5, published records 6.8 and 3.9."""
_UNLIKE, _WEEKS = 0.5, 20.0
"""Deviation of the logarithm (design, so that learning from either simulator explains about half of the variance of
daily GPP), and the days over which it is forgotten."""
_MOST = 35.0
"""g C m-2 d-1: the most that a better stand fixes, whatever it is better by."""
_GROWTH, _LOSS_RESPIRED = 0.6, 0.25
"""Respiration that comes with each g C m-2 of more photosynthesis, and that goes with one of less: what eats or rots a
crop respires too."""
_WITH_CANOPY, _HALF_COVER = 0.5, 2.0
"""Of evapotranspiration, what goes with a closed canopy, the soil below making up for the rest; and the photosynthesis,
g C m-2 d-1, of a canopy that is half closed."""


def stand(seed: int, secret: bytes, source: str, site: str, first_year: int, years: int) -> Array:
    """The photosynthesis of a real crop over the simulated, (years, 365): each year has a crop of its own.

    The public `seed` makes weeks unlike the model's, the `secret` losses.
    """
    share = np.empty((years, DAYS))
    for year in range(years):
        generator = stream(secret, "stand", source, site, first_year + year)
        loss, halfway = generator.beta(*_LOSS), generator.uniform(*_HALFWAY)
        pace = generator.uniform(*_EPIDEMIC) if generator.random() > _STORMS else _STORM
        lost = loss * (0.5 + 0.5 * np.tanh((np.arange(DAYS) - halfway) / pace))
        weeks = _remembered(stream(seed, "stand", source, site, first_year + year))
        share[year] = _ATTAINABLE * (1 - lost) * np.exp(_UNLIKE * weeks - _UNLIKE**2 / 2)
    return share


def of_stand(truth: Mapping[str, Array], share: Array) -> dict[str, Array]:
    """The fluxes of a field with so much of the crop that was simulated.

    Parameters
    ----------
    truth : mapping of str to array (years, 365)
        GPP, RECO, NEE (g C m-2 d-1) and ET (mm d-1) as simulated.
    share : array (years, 365)

    Returns
    -------
    dict of str to array (years, 365)
        The same four; NEE is RECO - GPP.
    """
    gpp = np.minimum(truth["GPP"] * share, np.maximum(truth["GPP"], _MOST))
    cover = gpp / (gpp + _HALF_COVER)
    change = gpp - truth["GPP"]
    reco = np.maximum(truth["RECO"] + np.where(change > 0, _GROWTH, _LOSS_RESPIRED) * change, 0)
    return {"GPP": gpp, "RECO": reco, "NEE": reco - gpp, "ET": truth["ET"] * (1 + _WITH_CANOPY * cover * (share - 1))}


def _remembered(generator: np.random.Generator) -> Array:
    """Normal scores (365,) that are forgotten in `_WEEKS`: AR(1)."""
    carry = np.exp(-1 / _WEEKS)
    scores = generator.standard_normal(DAYS)
    for day in range(1, DAYS):
        scores[day] = carry * scores[day - 1] + np.sqrt(1 - carry**2) * scores[day]
    return scores
