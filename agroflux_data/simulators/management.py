"""Treatments and calendars: what is planted, when, and how much nitrogen it gets.

The designs are those of the AgroFlux simulations (Cheng et al. 2026): 20 nitrogen rates for Ecosys; two rotations, no
nitrogen or ten rates, at planting or thirty days later, for DayCent. Everything here depends on the public seed and
stands in the inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agroflux_data.randomness import stream
from agroflux_data.simulators.drivers import Management, Weather
from agroflux_data.simulators.places import Rotation, tower_facts
from agroflux_data.simulators.spreading import farthest_first
from agroflux_data.sources.source import Site
from agroflux_data.variables import DAYS

__all__ = ["REPORTED", "Treatment", "calendar", "county_rotation", "daycent_treatments",
           "ecosys_treatments", "mesocosm_plans", "own_planting", "series", "tower_plans"]  # fmt: skip

Timing = Literal["planting", "later", "split"]
"""All at planting; all `_LATER` days after; `_FIRST` at planting and the rest `_SIDEDRESS` days after."""

REPORTED = 0
"""The number of the only treatment of towers and chambers."""

_POUND_PER_ACRE = 0.112
"""g m-2, as the published rates take it: 300 lb ac-1 are 33.6 g m-2."""
_LATER = 30
_FIRST, _SIDEDRESS = 0.8, 35
_APPLICATIONS: dict[Timing, tuple[tuple[int, float], ...]] = {
    "planting": ((0, 1.0),),
    "later": ((_LATER, 1.0),),
    "split": ((0, _FIRST), (_SIDEDRESS, 1 - _FIRST)),
}
"""Days after planting and share of the rate."""

# Planting: the first day after a week that was warm, and dry enough for machines, and some days more or less (field
# records of Mead, Nebraska).
_WEEK = 7
_DRY = 14.0
"""mm in the week."""
_JITTER = 5.0
_START = 4
"""Days after the first possible day when fields are first looked at; the jitter may lead before it."""
_CORN_WARMTH, _CORN_DAYS = 10.0, (109, 139)
_SOY_WARMTH, _SOY_DAYS = 13.0, (125, 150)
"""degC, and the first and last day of the year for planting."""

_LATER_THAN_COUNTY, _LAST_OF_COUNTY = (1.2, 8.0), 35.0
"""Shape and scale (days) of the gamma distribution of a field's planting after its county's, 10 +- 9 days; its end."""

_CONTINUOUS_CORN = 0.25
"""Share of the counties, so that 0.64 of the years have corn, as in the published scalers."""
_RATE_SPREAD = 1.5
"""g N m-2: reported rates differ from year to year."""
_MESOCOSM_RATE = 22.4


@dataclass(frozen=True)
class Treatment:
    """One management variant of a site.

    Attributes
    ----------
    number : int
        The treatment's part of every sequence number; 0 for management as reported.
    name : str
    rate : float
        Nitrogen of a corn year, g N m-2; soybean gets none.
    timing : {"planting", "later", "split"}
    rotation : {"corn", "corn_soy", "soy_corn"}, optional
        None where the site has one of its own.
    spread : float
        Standard deviation of the rate from year to year, g N m-2.
    """

    number: int
    name: str
    rate: float
    timing: Timing
    rotation: Rotation | None = None
    spread: float = 0.0


def daycent_treatments(count: int = 42) -> tuple[Treatment, ...]:
    """Two rotations x (no nitrogen, ten rates at two times): ``C_S_150N_Planting``, rates in lb ac-1.

    A smaller count is spread over rates, rotations and timings; the treatments keep their numbers 1 to 42.
    """
    rotations: dict[Rotation, str] = {"corn_soy": "C_S", "soy_corn": "S_C"}
    timings: dict[Timing, str] = {"planting": "Planting", "later": f"{_LATER}afPlanting"}
    full: list[Treatment] = []
    for rotation, crops in rotations.items():
        full.append(Treatment(len(full) + 1, f"{crops}_0N", 0.0, "planting", rotation))
        for pounds in range(30, 301, 30):
            for timing, words in timings.items():
                name = f"{crops}_{pounds}N_{words}"
                full.append(Treatment(len(full) + 1, name, pounds * _POUND_PER_ACRE, timing, rotation))
    return _spread(full, count)


def ecosys_treatments(count: int = 20) -> tuple[Treatment, ...]:
    """Twenty even rates from 0 to 33.6 g N m-2, split, on the county's own rotation: ``N_17.7``.

    A smaller count is spread over the rates; the treatments keep their numbers 1 to 20.
    """
    rates = np.linspace(0.0, 300 * _POUND_PER_ACRE, 20)
    return _spread(
        [Treatment(n, f"N_{rate:.1f}", float(rate), "split") for n, rate in enumerate(rates, start=1)], count
    )


def _spread(full: list[Treatment], count: int) -> tuple[Treatment, ...]:
    """So many of them, in the order of their numbers: a middle rate first, then what differs most."""
    if not 1 <= count <= len(full):
        raise ValueError(f"expected a count of 1 to {len(full)}, got {count}")
    most = max(treatment.rate for treatment in full)
    points = np.array([(t.rate / most, 0.5 * (t.rotation == "soy_corn"), 0.4 * (t.timing == "later")) for t in full])
    middle = int(np.argmin(np.abs(points[:, 0] - 0.5) + points[:, 1:].sum(axis=1)))
    return tuple(full[index] for index in sorted(farthest_first(points, middle)[:count]))


def tower_plans(sites: Sequence[Site]) -> tuple[Treatment, ...]:
    """Management of each tower's field, one for each site: its rotation and rates."""
    facts = [tower_facts()[site.name] for site in sites]
    return tuple(
        Treatment(REPORTED, "reported", tower.nitrogen, "split", tower.rotation, _RATE_SPREAD) for tower in facts
    )


def mesocosm_plans(sites: Sequence[Site]) -> tuple[Treatment, ...]:
    """Management of each chamber, one for each site: corn every year, all nitrogen at planting."""
    return (Treatment(REPORTED, "reported", _MESOCOSM_RATE, "planting", "corn"),) * len(sites)


def county_rotation(site: Site, seed: int) -> Rotation:
    """The rotation of a county: a quarter has corn every year, the rest alternate, half of them from odd years."""
    lot = stream(seed, "rotation", site.name).random()
    if lot < _CONTINUOUS_CORN:
        return "corn"
    return "corn_soy" if lot < (1 + _CONTINUOUS_CORN) / 2 else "soy_corn"


def series(sites: int, treatments: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Site and treatment index of each series, site by site: ``weather.take(site_index)`` repeats the columns."""
    return np.repeat(np.arange(sites), treatments), np.tile(np.arange(treatments), sites)


def calendar(
    seed: int,
    sites: Sequence[Site],
    treatments: Sequence[Treatment],
    weather: Weather,
    first_year: int,
    *,
    places: Sequence[str] | None = None,
) -> Management:
    """What is done on each day, for each series.

    Parameters
    ----------
    seed : int
        The public seed of the release.
    sites : sequence of Site
        The site of each series, as often as it has series.
    treatments : sequence of Treatment
        The treatment of each series.
    weather : Weather
        (days, series), whole years from 1 January of `first_year`; a site has one weather in all its series.
    first_year : int
    places : sequence of str, optional
        What each site's calendar is drawn by: chambers of one facility are planted on one day. Default: the names.

    Returns
    -------
    Management
        Arrays (days, series). Treatments of one site plant on the same days.
    """
    places = [site.name for site in sites] if places is None else places
    days, columns = weather.TMAX.shape
    years = days // DAYS
    if not len(sites) == len(treatments) == len(places) == columns:
        raise ValueError(f"{len(sites)} sites, {len(treatments)} treatments and {columns} columns of weather")
    firsts = {site.name: column for column, site in reversed(list(enumerate(sites)))}
    once = np.array(list(firsts.values()))
    of_site = {name: number for number, name in enumerate(firsts)}
    own = np.array([of_site[site.name] for site in sites])
    scores = np.empty((2, years, len(once)))
    for number, column in enumerate(once):
        for year in range(years):
            scores[:, year, number] = stream(seed, "management", places[column], first_year + year).standard_normal(2)
    corn_day, soy_day = _planting_days(weather.take(once), _JITTER * scores[0])

    rotations = [t.rotation or county_rotation(site, seed) for site, t in zip(sites, treatments, strict=True)]
    corn = np.stack([_corn_years(rotation, first_year, years) for rotation in rotations], axis=1)
    day = np.where(corn, corn_day[:, own], soy_day[:, own])
    spread = np.array([treatment.spread for treatment in treatments]) * np.clip(scores[1], -2, 2)[:, own]
    rate = np.maximum([treatment.rate for treatment in treatments] + spread, 0.0) * corn

    planting, fertiliser = np.zeros((years, DAYS, columns), np.float32), np.zeros((years, DAYS, columns))
    each_year, each_column = np.arange(years)[:, None], np.arange(columns)
    planting[each_year, day, each_column] = 1
    for timing, applications in _APPLICATIONS.items():
        columns_of = np.flatnonzero([treatment.timing == timing for treatment in treatments])
        for after, share in applications:
            fertiliser[each_year, day[:, columns_of] + after, columns_of] = share * rate[:, columns_of]
    crop = np.repeat(corn.astype(np.float32), DAYS, axis=0)
    return Management(fertiliser.reshape(days, columns), planting.reshape(days, columns), crop)


def own_planting(seed: int, sites: Sequence[Site], first_year: int, reported: Management) -> Management:
    """The calendar of the fields themselves, which were planted after the day that is reported of their county.

    A county's farmers need weeks for all of their fields, and some plant a lost stand again.

    Parameters
    ----------
    seed : int
        The public seed of the release, as for all management.
    sites : sequence of Site
    first_year : int
    reported : Management
        (days, sites), whole years from `first_year`.
    """
    planting = np.zeros_like(reported.PDOY)
    for day, column in zip(*np.nonzero(reported.PDOY), strict=True):
        generator = stream(seed, "own planting", sites[column].name, first_year + int(day) // DAYS)
        planting[day + round(min(generator.gamma(*_LATER_THAN_COUNTY), _LAST_OF_COUNTY)), column] = 1
    return replace(reported, PDOY=planting)


def _corn_years(rotation: Rotation, first_year: int, years: int) -> NDArray[np.bool_]:
    odd = np.arange(first_year, first_year + years) % 2 == 1
    return np.ones(years, bool) if rotation == "corn" else odd if rotation == "corn_soy" else ~odd


def _trailing_week(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Mean of each day and the six before; fewer on the first days of the run."""
    week = sum(np.concatenate([np.zeros_like(values[:back]), values[: len(values) - back]]) for back in range(_WEEK))
    return week / np.minimum(np.arange(1, len(values) + 1), _WEEK)[:, None]


def _planting_days(weather: Weather, shift: NDArray[np.floating]) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Planting days of corn and of soybean, (years, sites), counted from 0.

    The first day after a fit week, moved by `shift` days, within the days of the crop; the last of them where no week
    is fit.
    """
    years, sites = shift.shape
    warmth = _trailing_week((weather.TMAX + weather.TMIN) / 2).reshape(years, DAYS, sites)
    dry = (_trailing_week(weather.PREC) < _DRY / _WEEK).reshape(years, DAYS, sites)
    crops = []
    for threshold, (first, last) in ((_CORN_WARMTH, _CORN_DAYS), (_SOY_WARMTH, _SOY_DAYS)):
        start = first + _START
        fit = ((warmth > threshold) & dry)[:, start - 1 : last]
        day = np.where(fit.any(axis=1), start + fit.argmax(axis=1), last)
        crops.append(np.clip(np.round(day + shift), first, last).astype(int) - 1)
    return crops[0], crops[1]
