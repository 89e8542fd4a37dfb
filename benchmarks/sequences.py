"""Sequences to measure with: quick to make, the same on every machine, and as hard to compress as real ones.

No process model stands behind them. What matters for a measurement is kept: weather with full float32 mantissas that
the treatments of a site share, mostly-zero management, fluxes that are zero out of season, and slow soil states.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data import sequences
from agroflux_data.randomness import stream
from agroflux_data.sources.source import Site, Source
from agroflux_data.splits import Years
from agroflux_data.tasks import TASKS
from agroflux_data.variables import DAYS

__all__ = ["MadeUp"]

_FIRST_SITE = 17001


def _slow(draws: np.random.Generator, rows: int, memory: float) -> NDArray[np.float64]:
    """First-order autoregressive noise of unit variance, (rows, 365); `memory` is its lag-one correlation."""
    noise = draws.standard_normal((rows, DAYS))
    noise[:, 1:] *= np.sqrt(1 - memory**2)
    for day in range(1, DAYS):
        noise[:, day] += memory * noise[:, day - 1]
    return noise


class MadeUp(Source):
    """A source of made-up sequences with every column of Ecosys.

    Parameters
    ----------
    sites, treatments : int
        How many of each; every site has every treatment in every year.
    seed : int
    """

    name = "ecosys"
    origin = "embedded"

    def __init__(self, sites: int, treatments: int = 10, seed: int = 0):
        task = TASKS["ecosys_temporal"]
        self.inputs, self.targets = task.inputs, task.targets
        self.years = Years(2000, 2013, 2016, 2018)
        self.treatments, self.seed = treatments, seed
        self._sites = tuple(
            Site(str(number), number, 37 + 8 * place, -104 + 24 * ((7 * place) % 1))
            for number, place in zip(
                range(_FIRST_SITE, _FIRST_SITE + sites), np.linspace(0, 1, sites, endpoint=False).tolist(), strict=True
            )
        )

    @property
    def sites(self) -> tuple[Site, ...]:
        return self._sites

    def sequences(self, sites: Sequence[Site]) -> pa.Table:
        return pa.concat_tables(self._of_site(site) for site in sorted(sites, key=lambda site: site.number))

    def _of_site(self, site: Site) -> pa.Table:
        draws = stream(self.seed, "made up", site.name)
        years, treatments = len(self.years.all), self.treatments
        rows = years * treatments
        day = np.arange(DAYS)
        season = np.sin(np.pi * np.clip((day - 120) / 150, 0, 1))

        # One draw for each year: a site's weather is the same for all its treatments.
        warmth = 10 - 14 * np.cos(2 * np.pi * (day - 15) / DAYS) - 0.8 * (site.lat - 40) + 4 * _slow(draws, years, 0.7)
        wet = draws.random((years, DAYS)) < 0.3
        cloud = draws.random((years, DAYS))
        weather = {
            "TMAX": warmth + 5 + 2 * draws.random((years, DAYS)),
            "TMIN": warmth - 5 - 2 * draws.random((years, DAYS)),
            "PREC": np.where(wet, draws.gamma(0.8, 9, (years, DAYS)), 0),
            "RADN": (16 - 10 * np.cos(2 * np.pi * (day + 10) / DAYS)) * (1 - 0.6 * cloud * wet),
            "HMAX": 0.61 * np.exp(17.3 * warmth / (warmth + 237)) * (0.7 + 0.2 * cloud),
            "HMIN": 0.61 * np.exp(17.3 * warmth / (warmth + 237)) * (0.4 + 0.2 * cloud),
            "WIND": draws.gamma(4, 0.9, (years, DAYS)),
        }
        columns: dict[str, NDArray[np.floating]] = {
            name: np.repeat(array, treatments, axis=0) for name, array in weather.items()
        }
        treatment = np.tile(np.arange(treatments), years)
        year = np.repeat(np.asarray(self.years.all), treatments)

        corn = (year + treatment) % 2
        nitrogen = 8 + 1.5 * treatment
        planting = 110 + draws.integers(0, 20, rows)
        columns["FERTZR_N"] = np.where(day == planting[:, None], (nitrogen * corn)[:, None], 0)
        columns["PDOY"] = (day == planting[:, None]).astype(float)
        columns["PLANTT"] = np.repeat(corn[:, None].astype(float), DAYS, axis=1)
        for name, low, high in (("TBKDS", 1.1, 1.5), ("TCSAND", 100, 600), ("TCSILT", 200, 390), ("TPH", 5, 8),
                                ("TSOC", 8, 35)):  # fmt: skip
            columns[name] = np.full(rows, draws.uniform(low, high))

        heat = columns["TMAX"] + columns["TMIN"]
        growth = season * (0.6 + 0.03 * nitrogen * corn)[:, None]
        slow = {name: _slow(draws, rows, 0.98) for name in ("soil", "water", "mineral")}
        gpp = np.where(season > 0, growth * columns["RADN"] * 0.9 * np.exp(0.1 * slow["soil"]), 0)
        reco = 0.8 * np.exp(0.035 * heat) + 0.45 * gpp * np.exp(0.05 * slow["water"])
        columns |= {"GPP": gpp, "RECO": reco, "NEE": reco - gpp, "SOIL_CO2": 0.7 * reco * np.exp(0.03 * slow["soil"])}
        columns["YIELD"] = np.repeat(0.3 * gpp.sum(axis=1, keepdims=True), DAYS, axis=1)
        columns["DSOC"] = np.repeat((gpp - reco).sum(axis=1, keepdims=True) * 0.1, DAYS, axis=1)
        columns["LAI"] = np.clip(5 * growth, 0, 12)
        columns["N2O"] = 2e-4 * np.exp(0.04 * columns["PREC"] + 0.02 * heat + slow["mineral"])
        columns["ET"] = np.clip(0.15 * columns["RADN"] * (0.3 + growth), 0, 15)
        for layer, damping in ((1, 0.9), (3, 0.6), (5, 0.3)):
            columns[f"SWC_L{layer}"] = np.clip(0.25 + 0.05 * damping * slow["water"], 0.02, 0.5)
            columns[f"NO3_L{layer}"] = 12 * damping * np.exp(slow["mineral"])
            columns[f"TSMAX_L{layer}"] = 12 + damping * (columns["TMAX"] - 12)
            columns[f"TSMIN_L{layer}"] = 12 + damping * (columns["TMIN"] - 12)
        columns["NH4_L1"] = 4 * np.exp(0.7 * slow["mineral"])
        return sequences.table([site] * rows, treatment, year, columns.items())
