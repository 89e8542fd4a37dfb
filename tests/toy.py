"""A small analytic source, so that tests of the house need no simulation: smooth seasons, a known rule, real gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from agroflux_data import sequences
from agroflux_data.randomness import stream
from agroflux_data.sources.source import Site, Source
from agroflux_data.splits import YEARS, Years
from agroflux_data.tasks import TASKS
from agroflux_data.variables import DAYS, INPUTS


@dataclass(frozen=True)
class ToySource(Source):
    """Weather is a noisy season; GPP follows warmth and rain, RECO warmth, N2O fertiliser: learnable, not trivial."""

    name: str
    site_count: int = 6
    treatments: int = 2
    secret: bytes = b"toy"
    origin: str = "embedded"
    block_sites: int = 3

    @property
    def years(self) -> Years:
        own = YEARS[self.name]
        return Years(max(own.first, own.validation - 3), own.validation, own.test, own.last)

    @property
    def inputs(self) -> tuple[str, ...]:
        return INPUTS

    @property
    def targets(self) -> tuple[str, ...]:
        return TASKS[f"{self.name}_temporal"].targets

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(
            Site(f"{self.name}-{number}", number, 40 + number / 10, -93 + number / 10)
            for number in range(1, self.site_count + 1)
        )

    def sequences(self, sites: Sequence[Site]) -> pa.Table:
        treatments = 1 if self.name in ("towers", "mesocosm") else self.treatments
        keys = [(site, year, treatment) for site in sites for year in self.years.all for treatment in range(treatments)]
        rows = [self._row(*key) for key in keys]
        columns = {name: np.stack([row[name] for row in rows]) for name in (*self.inputs, *self.targets)}
        return sequences.table(
            [site for site, _, _ in keys],
            np.array([treatment for _, _, treatment in keys]),
            np.array([year for _, year, _ in keys]),
            columns.items(),
        )

    def _row(self, site: Site, year: int, treatment: int) -> dict[str, np.ndarray]:
        day = np.arange(DAYS)
        weather = stream(0, self.name, site.name, year)
        season = -np.cos(2 * np.pi * (day - 20) / DAYS)
        mean = 10 + 14 * season + weather.normal(0, 3, DAYS)
        swing = weather.uniform(4, 14, DAYS)
        rain = weather.gamma(0.7, 9, DAYS) * (weather.random(DAYS) < 0.3)
        rate = 12.0 if self.name in ("towers", "mesocosm") else 16.0 * treatment
        sand = float(stream(0, "soil", site.name).uniform(50, 600))
        inputs = {
            "TMAX": mean + swing / 2, "TMIN": mean - swing / 2, "PREC": rain,
            "FERTZR_N": np.where(day == 120, rate, 0.0), "PDOY": (day == 125).astype(float),
            "PLANTT": np.full(DAYS, float(year % 2)), "TBKDS": np.float64(1.3), "TCSAND": np.float64(sand),
            "TCSILT": np.float64(300.0), "TPH": np.float64(6.5), "TSOC": np.float64(15.0),
            "RADN": np.clip(14 + 9 * season + weather.normal(0, 3, DAYS), 1, None),
            "HMAX": np.clip(1.4 + season, 0.2, None), "HMIN": np.clip(0.9 + 0.6 * season, 0.1, None),
            "WIND": weather.weibull(2, DAYS) * 4,
        }  # fmt: skip
        hidden = stream(self.secret, "latent", self.name, site.name, year).normal(1, 0.1)
        wet = np.convolve(rain, np.ones(10) / 10)[:DAYS]
        gpp = hidden * np.clip(mean - 8, 0, None) * (0.5 + 0.3 * (year % 2)) * (0.5 + wet / (wet + 3))
        reco = 0.6 * np.exp(0.06 * mean) + 0.2 * gpp
        nitrogen = np.convolve(inputs["FERTZR_N"], np.exp(-day / 20))[:DAYS]
        outputs = {name: np.full(DAYS, 0.25) for name in self.targets} | {
            "GPP": gpp, "RECO": reco, "NEE": reco - gpp, "N2O": 2e-4 + 2e-4 * hidden * nitrogen * rain / 10,
            "ET": 0.2 * gpp, "TSMAX_L1": mean + 2, "TSMIN_L1": mean - 2,
        }  # fmt: skip
        if self.name == "towers":
            gap = np.zeros(DAYS, bool)
            start = int(stream(self.secret, "gap", site.name, year).integers(0, 300))
            gap[start : start + 60] = True
            outputs = {name: np.where(gap, np.nan, outputs[name]) for name in self.targets}
        if self.name == "mesocosm":
            outputs["N2O"] = np.where((day >= 90) & (day < 212), outputs["N2O"], np.nan)
        return inputs | {name: outputs[name] for name in self.targets}
