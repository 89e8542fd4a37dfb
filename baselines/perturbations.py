"""Weather that is not what it was: with noise, with missing spells, or of another year.

A perturbation changes the weather of rows and nothing else: management, soil and what was observed stay. It is the same
for all treatments of a site and year, whichever inputs a model reads, and the same seed gives the same again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from agroflux_data.batches import Batches, Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.randomness import stream
from agroflux_data.release import Release
from agroflux_data.sequences import parts
from agroflux_data.variables import DAYS, INPUTS, VARIABLES

__all__ = ["CENTRES", "WEATHER", "Known", "Noise", "OtherYear", "Perturbation", "Spell", "Weather"]

Weather = Mapping[str, NDArray[np.float32]]
"""By variable, (rows, 365) in physical units."""

WEATHER = tuple(name for name in INPUTS if VARIABLES[name].group == "weather")
CENTRES = {"January": 14, "April": 104, "July": 195, "October": 287}
"""Days in the middle of which a spell may lie: those in the middle of these months, 0 being the first of January."""
_ORDERED = (("TMIN", "TMAX"), ("HMIN", "HMAX"))


@dataclass(frozen=True)
class Known:
    """What perturbations are made of: the weather of public rows.

    Attributes
    ----------
    sds : dict of str to float
        Standard deviation over all days of the training rows.
    usual : dict of str to float32 array (365,)
        Mean of each day of the year over the site-years of the training rows.
    sites, years : int64 array (M,)
        Of the site-years whose weather is there: those of the training rows, and of the rows that are perturbed.
    weather : dict of str to float32 array (M, 365)
    """

    sds: dict[str, float]
    usual: dict[str, NDArray[np.float32]]
    sites: NDArray[np.int64]
    years: NDArray[np.int64]
    weather: dict[str, NDArray[np.float32]]

    @classmethod
    def of(cls, release: Release, task: str, training: Sequence[str], splits: Sequence[str]) -> Known:
        """Read the weather of some training splits and of the splits that are perturbed, a site-year once."""
        names = [name for name in WEATHER if name in release.task(task).inputs]
        moments = release.statistics(task, training)
        seen: dict[tuple[int, int], NDArray[np.float32]] = {}
        trained = 0
        for some in (training, [split for split in splits if split not in training]):
            if some:
                for batch in Batches(Columns.of(release, task, some, names, ())).epoch():
                    site, _, year = parts(batch.sequence)
                    for row, key in enumerate(zip(site.tolist(), year.tolist(), strict=True)):
                        if key not in seen:
                            seen[key] = batch.inputs[row].T.copy()
            trained = trained or len(seen)
        weather = np.stack(list(seen.values()), axis=1)
        keys = np.array(list(seen), np.int64)
        return cls(
            {name: moments[name].sd for name in names},
            dict(zip(names, weather[:, :trained].mean(axis=1, dtype=np.float64).astype(np.float32), strict=True)),
            keys[:, 0],
            keys[:, 1],
            dict(zip(names, weather, strict=True)),
        )


class Perturbation(Protocol):
    """A change of weather.

    Attributes
    ----------
    kind : str
        ``noise``, ``spell`` or ``other_year``.
    level, position : str
        How much, and where in the year.
    """

    @property
    def kind(self) -> str: ...

    @property
    def level(self) -> str: ...

    @property
    def position(self) -> str: ...

    def apply(self, weather: Weather, sequence: NDArray[np.int64], known: Known) -> dict[str, NDArray[np.float32]]:
        """The changed weather of rows; what came in stays as it is.

        Parameters
        ----------
        weather : mapping of str to float32 array (rows, 365)
            Any of `WEATHER`.
        sequence : int64 array (rows,)
        known : Known
        """


@dataclass(frozen=True)
class Noise:
    """Independent Gaussian noise on every day, as of poor instruments.

    Dry days stay dry, and values stay in their physical range; where noise puts a day's minimum above its maximum, the
    two change places.

    Attributes
    ----------
    share : float
        Its standard deviation, in those of the variable over all days of the training rows.
    draw, seed : int
        Noise of one draw and seed differs between shares by its size alone.
    """

    share: float
    draw: int = 0
    seed: int = 0
    kind = "noise"
    position = ""

    @property
    def level(self) -> str:
        return f"{self.share:g}"

    def apply(self, weather: Weather, sequence: NDArray[np.int64], known: Known) -> dict[str, NDArray[np.float32]]:
        keys, of_row = _site_years(sequence)
        draws = np.stack(
            [stream(self.seed, "noise", self.draw, *key).standard_normal((len(WEATHER), DAYS)) for key in keys]
        )
        noisy = {}
        for name, values in weather.items():
            noise = self.share * known.sds[name] * draws[of_row, WEATHER.index(name)]
            changed = values + np.where(values > 0, noise, 0) if name == "PREC" else values + noise
            inside = changed.clip(VARIABLES[name].low, VARIABLES[name].high)
            noisy[name] = np.where(changed == values, values, inside).astype(np.float32)
        for low, high in _ORDERED:
            if low in noisy and high in noisy:
                turned = (noisy[low] > noisy[high]) & (weather[low] <= weather[high])
                noisy[low], noisy[high] = (
                    np.where(turned, noisy[one], noisy[other]) for one, other in ((high, low), (low, high))
                )
        return noisy


@dataclass(frozen=True)
class Spell:
    """Consecutive days without any weather, filled in, since models take no gaps.

    Attributes
    ----------
    days : int
        1 to 365.
    centre : str
        One of `CENTRES`. A spell that would reach beyond the year is moved into it.
    filled : {"climatology", "last"}
        With the usual weather of each day over the training rows, which rains a little every day; or with that of the
        last day before the spell (the first one after it, where it begins the year).
    """

    days: int
    centre: str = "July"
    filled: Literal["climatology", "last"] = "climatology"
    kind = "spell"

    def __post_init__(self) -> None:
        if not 1 <= self.days <= DAYS or self.centre not in CENTRES or self.filled not in ("climatology", "last"):
            raise AgrofluxError(
                "no such spell", came=f"{self.days} days, {self.centre}, {self.filled}",
                expected=f"1 to {DAYS} days, one of {', '.join(CENTRES)}, climatology or last",
            )  # fmt: skip

    @property
    def level(self) -> str:
        return f"{self.days}"

    @property
    def position(self) -> str:
        return self.centre

    def apply(self, weather: Weather, sequence: NDArray[np.int64], known: Known) -> dict[str, NDArray[np.float32]]:
        first = min(max(CENTRES[self.centre] - self.days // 2, 0), DAYS - self.days)
        gone = slice(first, first + self.days)
        filled = {name: values.copy() for name, values in weather.items()}
        for name, values in filled.items():
            if self.filled == "climatology" or self.days == DAYS:
                values[:, gone] = known.usual[name][gone]
            else:
                values[:, gone] = values[:, [first - 1 if first else gone.stop]]
        return filled


@dataclass(frozen=True)
class OtherYear:
    """The weather of another year of the same site, under the management of the row's own.

    A site of which no other year is known keeps its weather.

    Attributes
    ----------
    draw, seed : int
        Which of the other years.
    """

    draw: int = 0
    seed: int = 0
    kind = "other_year"
    level = ""
    position = ""

    def apply(self, weather: Weather, sequence: NDArray[np.int64], known: Known) -> dict[str, NDArray[np.float32]]:
        shifted = {name: values.copy() for name, values in weather.items()}
        keys, of_row = _site_years(sequence)
        for number, (site, year) in enumerate(keys):
            others = np.flatnonzero((known.sites == site) & (known.years != year))
            if len(others):
                others = others[np.argsort(known.years[others])]
                taken = others[stream(self.seed, "other year", self.draw, site, year).integers(len(others))]
                for name, values in shifted.items():
                    values[of_row == number] = known.weather[name][taken]
        return shifted


def _site_years(sequence: NDArray[np.int64]) -> tuple[list[tuple[int, int]], NDArray[np.int64]]:
    """The sites and years of rows, each once, and which of them each row has."""
    site, _, year = parts(sequence)
    keys, of_row = np.unique(np.stack([site, year], axis=1), axis=0, return_inverse=True)
    return [(int(one[0]), int(one[1])) for one in keys], of_row.reshape(-1)
