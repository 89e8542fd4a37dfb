"""How the embedded world compares with what is known of the official data and of real fields.

Four comparisons, each with its target: the moments of the 31 official variables against the published scalers; the
seasons of carbon fluxes against two towers of Mead, Nebraska; the response of yield and N2O to nitrogen; and how much
of its N2O a field emits on few days. The facts to compare with, and their sources, stand in ``realism.csv``.

Nothing here is a result of the benchmark: official numbers serve to judge simulated worlds by, and only those.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property, partial
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Split
from agroflux_data.sequences import values
from agroflux_data.sources.readers import EMBEDDED
from agroflux_data.statistics import Moments
from agroflux_data.variables import DAYS

__all__ = ["BAND", "BIN", "CROPS", "DIFFERENCE", "EMISSION_FACTOR", "FARM_RATES", "FLUXES", "MONTHS", "RATIO",
           "SATURATION", "TOP_DAYS", "TOWERS", "Band", "Comparison", "Realism", "Response", "Scaler", "Season",
           "Spread", "TopDays", "bands", "measure", "monthly_total", "plateau", "reference_response",
           "reference_top_days", "top_days"]  # fmt: skip

Array = NDArray[np.floating]

DIFFERENCE = 0.35
"""Most that a mean may be off, in official standard deviations."""
RATIO = (0.65, 1.5)
"""Range of our standard deviation over the official one."""
MONTHS = 9
"""Months of the year that must lie in an observed band."""
BAND = 2.0
"""Half-width of a band in standard deviations between years: 19 of 20 years of a field lie in it."""
FARM_RATES = (12.0, 24.0)
"""Nitrogen of corn years, g N m-2, of the treatments that are compared with farmers' fields."""
EMISSION_FACTOR = (0.005, 0.02)
"""Nitrogen of N2O for each of fertiliser."""
SATURATION = (17.0, 20.0)
"""Nitrogen at which the yield of corn stops rising, g N m-2."""
TOP_DAYS = {"daycent": (0.22, 0.45), "ecosys": (0.22, 0.45), "mesocosm": (0.4, 0.6)}
"""Share of N2O on the 5 % of days with the highest flux."""
BIN = 0.02
"""Width of the bins in which these shares are counted."""

FLUXES = ("GPP", "RECO", "NEE")
CROPS = ("corn", "soybean")
TOWERS = {"corn": ("US-Ne1", "US-Ne3"), "soybean": ("US-Ne3",)}
"""The towers with an observed band of each crop: US-Ne1 is irrigated, US-Ne3 is not."""

_WEIGHTS = {"ecosys": 18, "daycent": 21}
"""Years of the 1980 series of each model that the official scalers pool."""
_TOP_SHARE = 0.05
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_STARTS = np.cumsum((0, *_MONTH_DAYS[:-1]))

_STORED: dict[str, tuple[str, ...]] = {
    "Reco": ("-RECO",),
    "CO2_FLUX": ("-SOIL_CO2", "-NEE"),
    "Yield": ("YIELD",),
    "Delta_SOC": ("DSOC",),
    "N2O_FLUX": ("-N2O",),
    "NH4_1": ("NH4_L1",),
    **{f"NO3_{layer}": (f"NO3_L{layer}",) for layer in (1, 3, 5)},
    **{f"{side}_SOIL_{layer}": (f"TS{side[1:]}_L{layer}",) for side in ("TMAX", "TMIN") for layer in (1, 3, 5)},
    **{f"WTR_{layer}": (f"SWC_L{layer}",) for layer in (1, 3, 5)},
}
"""Official name -> our variable with the sign that turns it into what is stored there: one for both models, or one for
Ecosys and one for DayCent. Official fluxes are positive downwards; ``CO2_FLUX`` is the flux at the soil surface in
Ecosys rows and NPP - Rh in DayCent rows. Other names are the same."""


@dataclass(frozen=True)
class Scaler:
    """The moments of one official variable, ours beside theirs.

    Attributes
    ----------
    official, variables : str, tuple of str
        The official name, and our variables with their signs, as in ``-RECO``.
    unit : str
    mean, sd : float
        Of our training rows, in the official sign; ecosys and daycent pooled with weights 18 to 21.
    official_mean, official_sd : float
    by_source : dict of str to tuple of float
        Mean and standard deviation in each simulator alone, in the official sign.
    """

    official: str
    variables: tuple[str, ...]
    unit: str
    mean: float
    sd: float
    official_mean: float
    official_sd: float
    by_source: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def difference(self) -> float:
        """Distance of the means in official standard deviations."""
        return abs(self.mean - self.official_mean) / self.official_sd

    @property
    def ratio(self) -> float:
        """Our standard deviation over the official one."""
        return self.sd / self.official_sd

    @property
    def targets(self) -> dict[str, bool]:
        return {"moments": self.difference <= DIFFERENCE and _within(self.ratio, RATIO)}


@dataclass(frozen=True)
class Band:
    """What a tower saw in each month: mean over years and standard deviation between them, (12,) each."""

    mean: Array
    sd: Array

    def holds(self, monthly: Array) -> NDArray[np.bool_]:
        """Which of 12 monthly means lie within `BAND` standard deviations."""
        return np.abs(monthly - self.mean) <= BAND * self.sd


@dataclass(frozen=True)
class Season:
    """The mean year of a flux over one crop, beside the observed bands.

    Attributes
    ----------
    source, crop, flux : str
    rows : int
        Site-years behind it.
    monthly : tuple of float (12,)
        g C m-2 d-1; NaN for a month without any observation.
    annual : float
        g C m-2 y-1.
    within : dict of str to int
        Months within the band of each tower of the crop.
    inside : tuple of bool (12,)
        Whether a month lies within the band of any of them.
    """

    source: str
    crop: str
    flux: str
    rows: int
    monthly: tuple[float, ...]
    annual: float
    within: dict[str, int]
    inside: tuple[bool, ...]

    @property
    def either(self) -> int:
        """Months within the band of any tower of the crop."""
        return sum(self.inside)

    @property
    def targets(self) -> dict[str, bool]:
        return {"months in band": self.either >= MONTHS}


@dataclass(frozen=True)
class Spread:
    """Mean, and 10 % and 90 % quantiles; NaN where there is nothing."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, sample: Array) -> Spread:
        if not len(sample):
            return cls(math.nan, math.nan, math.nan)
        return cls(float(sample.mean()), *(float(bound) for bound in np.quantile(sample, (0.1, 0.9))))


@dataclass(frozen=True)
class Response:
    """What nitrogen does in corn years of a simulated source.

    In a release with few treatments, rates of daycent differ in their rotation too, so in the years that had corn.

    Attributes
    ----------
    source : str
    rates : tuple of float
        Fertiliser of the corn year, g N m-2, rising.
    n2o, grain : tuple of Spread
        Annual N2O (g N m-2 y-1) and yield (g C m-2 y-1) over the site-years of each rate.
    emission_factor : float
        Slope of annual N2O over the rate, by least squares over site-years, g N g-1 N.
    saturation : float
        Where the yield reaches its `plateau`, g N m-2.
    """

    source: str
    rates: tuple[float, ...]
    n2o: tuple[Spread, ...]
    grain: tuple[Spread, ...]
    emission_factor: float
    saturation: float

    @property
    def rises(self) -> int:
        """Rates with a higher mean N2O than the rate before."""
        return int(np.sum(np.diff([one.mean for one in self.n2o]) > 0))

    @property
    def targets(self) -> dict[str, bool]:
        return {
            "N2O rises": len(self.rates) > 1 and self.rises == len(self.rates) - 1,
            "emission factor": _within(self.emission_factor, EMISSION_FACTOR),
            "yield saturates": _within(self.saturation, SATURATION),
        }


@dataclass(frozen=True)
class TopDays:
    """How much of its N2O a field emits on its highest 5 % of observed days, in corn years.

    Attributes
    ----------
    source : str
    rows : int
    share : Spread
        Fractions of the emission of the observed days: of a year in simulators, of a season in chambers.
    counts : tuple of int
        Site-years by share, in bins as wide as `BIN` from 0 to 1.
    """

    source: str
    rows: int
    share: Spread
    counts: tuple[int, ...]

    @property
    def targets(self) -> dict[str, bool]:
        return {"top 5 % of days": _within(self.share.mean, TOP_DAYS[self.source])}


Comparison = Scaler | Season | Response | TopDays


@dataclass(frozen=True)
class Realism:
    """All comparisons of one release."""

    revision: str
    scale: str | None
    seed: int
    scalers: tuple[Scaler, ...]
    seasons: tuple[Season, ...]
    responses: tuple[Response, ...]
    top_days: tuple[TopDays, ...]
    origin: str = field(default=EMBEDDED)

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Targets met and asked, by kind, in the order of the comparisons."""
        counts: dict[str, tuple[int, int]] = {}
        comparisons: tuple[Comparison, ...] = (*self.scalers, *self.seasons, *self.responses, *self.top_days)
        for one in comparisons:
            for name, held in one.targets.items():
                met, asked = counts.get(name, (0, 0))
                counts[name] = met + held, asked + 1
        return counts

    def to_json(self) -> dict[str, Any]:
        """Everything as one JSON object; NaN becomes null."""
        kinds: dict[str, tuple[Comparison, ...]] = {
            "scalers": self.scalers,
            "seasons": self.seasons,
            "responses": self.responses,
            "top_days": self.top_days,
        }
        derived = {"scalers": ("difference", "ratio"), "seasons": ("either",), "responses": ("rises",)}
        whole: dict[str, Any] = {name: getattr(self, name) for name in ("revision", "origin", "scale", "seed")}
        for kind, several in kinds.items():
            whole[kind] = [
                asdict(one) | {name: getattr(one, name) for name in derived.get(kind, ())} | {"targets": one.targets}
                for one in several
            ]
        whole["targets"] = {name: {"met": met, "asked": asked} for name, (met, asked) in self.counts.items()}
        return _without_nan(whole)


def measure(release: Release, done: Callable[[int, int], None] = lambda done, total: None) -> Realism:
    """Compare a release; only its public rows are read, so hidden targets may be elsewhere.

    Parameters
    ----------
    release : Release
        Its sources are all simulated, ecosys and daycent among them.
    done : callable, optional
        Called with the number of rows read and of all, as they stream by.

    Raises
    ------
    AgrofluxError
        Another origin, a simulator that is missing, or a damaged file.
    """
    sources = release.provenance.sources
    for name, source in sources.items():
        if source.origin != EMBEDDED:
            raise AgrofluxError(
                f"{name} is not simulated, and realism is a question to simulations only",
                expected=f"origin {EMBEDDED} for all sources", came=source.origin, where=release.path,
            )  # fmt: skip
    if lacking := [name for name in _WEIGHTS if name not in sources]:
        raise AgrofluxError(
            "a simulator is missing: the official scalers pool two", expected="ecosys and daycent",
            came="no " + ", ".join(lacking), where=release.path,
        )  # fmt: skip
    names = [name for name in ("daycent", "ecosys", "towers", "mesocosm") if name in sources]
    total = sum(split.rows for name in names for _, split in _public_splits(release, name))
    fields: dict[str, _Fields] = {}
    for name in names:
        before = sum(len(found.corn) for found in fields.values())
        fields[name] = _Fields(release, name, partial(_advance, done, before, total))
    seen = {name: found for name, found in fields.items() if len(found.corn)}
    return Realism(
        revision=release.revision,
        scale=release.provenance.scale,
        seed=release.provenance.seed,
        scalers=tuple(_scalers({name: release.statistics(f"{name}_temporal") for name in _WEIGHTS})),
        seasons=tuple(season for name, found in seen.items() if name != "mesocosm" for season in _seasons(name, found)),
        responses=tuple(_response(name, found) for name, found in seen.items() if name in _WEIGHTS),
        top_days=tuple(_top_days(name, found) for name, found in seen.items() if name in TOP_DAYS),
    )


def top_days(flux: Array) -> Array:
    """Share of each row's sum that falls on its highest 5 % of observed days: 18 days of a whole year.

    Parameters
    ----------
    flux : array (rows, days)
        NaN on days without an observation.

    Returns
    -------
    array (rows,)
        NaN where nothing was observed, or where the row emits nothing in all.
    """
    highest = -np.sort(-flux.astype(np.float64), axis=1)  # NaN sorts last
    observed = np.isfinite(highest)
    days = np.round(_TOP_SHARE * observed.sum(axis=1)).clip(min=1)
    total = np.nansum(highest, axis=1)
    first = np.arange(flux.shape[1]) < days[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, np.nansum(np.where(first, highest, 0), axis=1) / total, np.nan)


def plateau(rates: Array, grain: Array) -> float:
    """The rate of nitrogen at which yield stops rising, by the quadratic-plus-plateau model.

    Least squares over the join of the two pieces, as is usual for the response of corn (Cerrato & Blackmer 1990, Agron.
    J. 82:138).

    Parameters
    ----------
    rates, grain : arrays (rates,)
        Nitrogen, and mean yield at it.

    Returns
    -------
    float
        The join, in the unit of the rates; NaN where yield does not rise, or there are fewer than four rates.
    """
    if len(rates) < 4:
        return math.nan
    best, join = math.inf, math.nan
    for candidate in np.arange(rates[1], rates[-1] + 1e-9, 0.05):
        short = (1 - np.minimum(rates, candidate) / candidate) ** 2
        design = np.stack([np.ones_like(short), -short], axis=1)
        fitted, *_ = np.linalg.lstsq(design, grain, rcond=None)
        error = float(np.sum((design @ fitted - grain) ** 2))
        if fitted[1] > 0 and error < best:
            best, join = error, float(candidate)
    return join


def monthly_total(monthly: Array) -> float:
    """Sum over the year of 12 monthly means of a daily flux."""
    return float(monthly @ np.array(_MONTH_DAYS))


@cache
def bands() -> Mapping[tuple[str, str, str], Band]:
    """The observed bands by tower, crop and flux."""
    found: dict[tuple[str, str, str], Band] = {}
    for crop, towers in TOWERS.items():
        for tower in towers:
            for flux in FLUXES:
                months = [row for row in _facts(f"monthly {crop}") if (row["subset"], row["variable"]) == (tower, flux)]
                months.sort(key=lambda row: int(row["month"]))
                found[tower, crop, flux] = Band(
                    np.array([float(row["mean"]) for row in months]), np.array([float(row["sd"]) for row in months])
                )
    return found


@cache
def reference_response(variable: str) -> tuple[Array, Array]:
    """Rates (g N m-2) and mean yield or N2O of corn years in runs of the real DayCent."""
    rows = [row for row in _facts("response") if row["variable"] == variable]
    return np.array([float(row["rate"]) for row in rows]), np.array([float(row["mean"]) for row in rows])


def reference_top_days() -> dict[str, float]:
    """Mean share of N2O on the top 5 % of days in runs of the real DayCent and of EcoSIM."""
    return {row["subset"]: float(row["mean"]) for row in _facts("top days")}


@cache
def _table() -> list[dict[str, str]]:
    text = resources.files("agroflux_data").joinpath("realism.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _facts(section: str) -> list[dict[str, str]]:
    return [row for row in _table() if row["section"] == section]


def _public_splits(release: Release, source: str) -> list[tuple[str, Split]]:
    """The splits with all public rows of a source, each once: those of its temporal task."""
    return [(name, split) for name, split in release.splits(f"{source}_temporal").items() if not split.hidden]


def _advance(done: Callable[[int, int], None], before: int, total: int, rows: int) -> None:
    done(before + rows, total)


class _Fields:
    """What the comparisons need of a source's public rows, gathered as they stream by.

    Attributes
    ----------
    treatment, corn : arrays (rows,)
    n2o, grain, top : float arrays (rows,)
        Annual N2O, yield, and the share of `top_days`; empty where the source lacks the variable.
    rate : dict of int to float
        Fertiliser of the corn years of each treatment.
    """

    def __init__(self, release: Release, source: str, done: Callable[[int], None]):
        task = release.task(f"{source}_temporal")
        has = {name for name in (*FLUXES, "N2O", "YIELD") if name in task.targets}
        self._fluxes = tuple(name for name in FLUXES if name in has)
        self._days: dict[tuple[int, bool, str], tuple[Array, NDArray[np.intp]]] = {}
        parts: dict[str, list[NDArray]] = {name: [] for name in ("treatment", "corn", "fed", "n2o", "grain", "top")}
        columns = ["treatment", "PLANTT", "FERTZR_N", *sorted(has)]
        read = 0
        for split, _ in _public_splits(release, source):
            for rows in release.read(task.name, split, columns):
                corn = values(rows["PLANTT"])[:, 0] > 0.5
                treatment = rows["treatment"].to_numpy()
                parts["treatment"].append(treatment)
                parts["corn"].append(corn)
                parts["fed"].append(values(rows["FERTZR_N"]).sum(axis=1, dtype=np.float64))
                if "N2O" in has:
                    n2o = values(rows["N2O"])
                    parts["n2o"].append(n2o.sum(axis=1, dtype=np.float64))
                    parts["top"].append(top_days(n2o))
                if "YIELD" in has:
                    parts["grain"].append(values(rows["YIELD"])[:, 0].astype(np.float64))
                for name in self._fluxes:
                    self._add(name, values(rows[name]), treatment, corn)
                read += rows.num_rows
                done(read)
        whole = {name: np.concatenate(arrays) if arrays else np.empty(0) for name, arrays in parts.items()}
        self.treatment, self.corn = whole["treatment"].astype(int), whole["corn"].astype(bool)
        self.n2o, self.grain, self.top = whole["n2o"], whole["grain"], whole["top"]
        self.rate = {
            int(number): float(whole["fed"][self.corn & (self.treatment == number)].mean())
            for number in np.unique(self.treatment[self.corn])
        }

    def _add(self, flux: str, daily: Array, treatment: NDArray, corn: NDArray[np.bool_]) -> None:
        for number in np.unique(treatment):
            for crop in (True, False):
                own = daily[(treatment == number) & (corn == crop)]
                total, count = self._days.get((int(number), crop, flux), (np.zeros(DAYS), np.zeros(DAYS, np.intp)))
                seen = np.isfinite(own)
                self._days[int(number), crop, flux] = (
                    total + np.where(seen, own, 0).sum(axis=0, dtype=np.float64),
                    count + seen.sum(axis=0),
                )

    def monthly(self, flux: str, corn: bool, treatments: list[int]) -> Array:
        """Monthly means (12,) over all years of a crop in some treatments, each day of the year weighing the same."""
        chosen = [self._days[number, corn, flux] for number in treatments if (number, corn, flux) in self._days]
        total, count = sum(days for days, _ in chosen), sum(seen for _, seen in chosen)
        with np.errstate(invalid="ignore"):
            day = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        filled, seen = np.where(np.isnan(day), 0, day), (~np.isnan(day)).astype(float)
        with np.errstate(invalid="ignore"):
            return np.add.reduceat(filled, _STARTS) / np.add.reduceat(seen, _STARTS)

    @cached_property
    def as_farmed(self) -> list[int]:
        """Treatments with as much nitrogen as farmers give."""
        return [number for number, rate in self.rate.items() if _within(rate, FARM_RATES)]


def _scalers(moments: Mapping[str, Mapping[str, Moments]]) -> Iterator[Scaler]:
    weights = np.array([_WEIGHTS[name] for name in moments], float)
    weights /= weights.sum()
    for row in _facts("official"):
        signed = _STORED.get(row["variable"], (row["variable"],))
        own = [
            moments[source][name.removeprefix("-")]
            for source, name in zip(moments, signed if len(signed) > 1 else signed * len(moments), strict=True)
        ]
        signs = [-1 if name.startswith("-") else 1 for name in signed]
        means = np.array([one.mean for one in own]) * signs
        mean = float(weights @ means)
        square = float(weights @ (np.array([one.sd for one in own]) ** 2 + (means - mean) ** 2))
        yield Scaler(
            row["variable"], signed, row["unit"], mean, math.sqrt(square), float(row["mean"]), float(row["sd"]),
            {name: (float(means[at]), own[at].sd) for at, name in enumerate(moments)},
        )  # fmt: skip


def _seasons(source: str, found: _Fields) -> Iterator[Season]:
    treatments = list(found.rate) if source == "towers" else found.as_farmed
    for crop in CROPS:
        rows = int(np.sum(np.isin(found.treatment, treatments) & (found.corn == (crop == "corn"))))
        for flux in FLUXES if rows else ():
            monthly = found.monthly(flux, crop == "corn", treatments)
            held = {tower: bands()[tower, crop, flux].holds(monthly) for tower in TOWERS[crop]}
            yield Season(
                source, crop, flux, rows, tuple(monthly.tolist()), monthly_total(monthly),
                {tower: int(months.sum()) for tower, months in held.items()},
                tuple(np.logical_or.reduce(list(held.values())).tolist()),
            )  # fmt: skip


def _response(source: str, found: _Fields) -> Response:
    rate = np.array([found.rate[number] for number in found.treatment[found.corn]])
    n2o, grain = found.n2o[found.corn], found.grain[found.corn]
    level = np.round(rate, 1)  # 16.8 g N m-2 at planting and thirty days later are one rate
    rates = np.unique(level)
    grains = tuple(Spread.of(grain[level == one]) for one in rates)
    return Response(
        source,
        tuple(rates.tolist()),
        tuple(Spread.of(n2o[level == one]) for one in rates),
        grains,
        float(np.polyfit(rate, n2o, 1)[0]) if len(rates) > 1 else math.nan,
        plateau(rates, np.array([one.mean for one in grains])),
    )


def _top_days(source: str, found: _Fields) -> TopDays:
    share = found.top[found.corn]
    share = share[np.isfinite(share)]
    counts, _ = np.histogram(share, bins=round(1 / BIN), range=(0, 1))
    return TopDays(source, len(share), Spread.of(share), tuple(int(count) for count in counts))


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
