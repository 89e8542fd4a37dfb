"""What a source holds, before anything is built from it: sites, years, share observed, what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from agroflux_data.sequences import values
from agroflux_data.sources.source import Source
from agroflux_data.splits import Years
from agroflux_data.tasks import TASKS
from agroflux_data.variables import INPUTS

__all__ = ["Description", "SiteDescription", "describe"]


@dataclass(frozen=True)
class SiteDescription:
    """One site of a source.

    Attributes
    ----------
    name : str
    lat, lon : float
        Degrees; NaN where nothing says.
    years : tuple of int
        Those with a sequence, ascending.
    treatments : int
    sequences : int
    observed : dict of str to float
        Share of the days of its sequences with a value, by target.
    """

    name: str
    lat: float
    lon: float
    years: tuple[int, ...]
    treatments: int
    sequences: int
    observed: dict[str, float]


@dataclass(frozen=True)
class Description:
    """What a source holds.

    Attributes
    ----------
    source, origin : str
    years : Years
        With the first validation and test years, as a release would cut them.
    inputs, targets : tuple of str
        Columns that the source has.
    missing_inputs, missing_targets : tuple of str
        Columns of the benchmark that it has not.
    sites : tuple of SiteDescription
        In the order of the site numbers.
    warnings : tuple of str
    """

    source: str
    origin: str
    years: Years
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    missing_inputs: tuple[str, ...]
    missing_targets: tuple[str, ...]
    sites: tuple[SiteDescription, ...]
    warnings: tuple[str, ...]

    @property
    def sequences(self) -> int:
        return sum(site.sequences for site in self.sites)

    @property
    def observed(self) -> dict[str, float]:
        """Share of all days with a value, by target; NaN where there is no sequence."""
        count = self.sequences
        return {
            name: sum(site.observed[name] * site.sequences for site in self.sites) / count if count else float("nan")
            for name in self.targets
        }


def describe(source: Source, done: Callable[[int, int], None] = lambda done, total: None) -> Description:
    """Read a source once, some sites at a time.

    Parameters
    ----------
    source : Source
    done : callable
        Called with (sites read, sites in all).
    """
    task = TASKS[f"{source.name}_temporal"]
    return Description(
        source=source.name,
        origin=source.origin,
        years=source.years,
        inputs=source.inputs,
        targets=source.targets,
        missing_inputs=tuple(name for name in INPUTS if name not in source.inputs),
        missing_targets=tuple(name for name in task.targets if name not in source.targets),
        sites=tuple(_sites(source, done)),
        warnings=source.warnings,
    )


def _sites(source: Source, done: Callable[[int, int], None]) -> Iterator[SiteDescription]:
    step, sites = source.block_sites, source.sites
    for start in range(0, len(sites), step):
        some = sites[start : start + step]
        rows = source.sequences(some)
        of_site = np.array(rows["site"].to_pylist(), object)
        years, treatments = rows["year"].to_numpy(), rows["treatment"].to_numpy()
        seen = {name: ~np.isnan(values(rows[name])) for name in source.targets}
        for site in some:
            own = of_site == site.name
            yield SiteDescription(
                name=site.name,
                lat=site.lat,
                lon=site.lon,
                years=tuple(int(year) for year in np.unique(years[own])),
                treatments=len(np.unique(treatments[own])),
                sequences=int(own.sum()),
                observed={name: float(days[own].mean()) if own.any() else 0.0 for name, days in seen.items()},
            )
        done(min(start + step, len(sites)), len(sites))
