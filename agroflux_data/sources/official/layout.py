"""How the AgroFlux release (Cheng et al. 2026, arXiv 2602.01614) lays its numbers out in ``.npy`` files.

::

    t0_scalers/  X_scaler.npy (11, 2)    Y_scaler_{Carbon,Nitrogen,Thermal,Water}.npy (columns, 2): mean and sd
    t0_mw/       X_mw_scaled.npy         Y_mw_scaled_{Carbon,Thermal,Water,Nitrogen}.npy      Ecosys
    t0_dc/       X_dc_scaled.npy         Y_dc_scaled_{Carbon,Thermal,Water,Nitrogen}.npy      DayCent
    t1_n2o/      X_real_scaled_{i}.npy   Y_real_scaled_Combined_{i}.npy                       mesocosm, a chamber each
    t1_co2/      X_real_scaled_ECfluxnet_{i}.npy   Y_real_scaled_ECfluxnet_Combined_{i}.npy   towers, a tower each

Simulations and towers have the shape (years * 365, series, columns), the treatments of a site side by side; chambers
(365, years, columns). Every value is scaled, (value - mean) / sd, observations by the scalers of the simulations; NaN
is missing.

Meanings and signs are the release's own:

- Reco and N2O_FLUX are negative where the field loses carbon or nitrogen.
- CO2_FLUX is three things: in Ecosys rows the flux at the soil surface (emission negative), in DayCent rows NPP - Rh
  (uptake positive), in observations net ecosystem exchange (uptake negative).
- Yield is g C m-2 y-1. PDOY is 1 on the planting day and 0 else. The suffixes 1, 3, 5 are numbers of Ecosys layers.

A folder that `agroflux_data.export` wrote holds `INDEX` besides, which says what the arrays cannot: origin, sites,
treatments and years.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agroflux_data.sources.source import Site
from agroflux_data.variables import CORE_INPUTS, DAYS, VARIABLES

__all__ = ["INDEX", "INPUT_COLUMNS", "LAYOUTS", "SCALERS", "TREATMENTS", "Column", "Layout", "Panel", "Scaler"]

INDEX = "agroflux.json"
"""The file that an exported folder has besides."""
TREATMENTS = 20
"""Series of each simulated site in the AgroFlux release."""

SCALERS: dict[str, tuple[str, ...]] = {
    "t0_scalers/X_scaler.npy": CORE_INPUTS,
    "t0_scalers/Y_scaler_Carbon.npy": ("Reco", "GPP", "CO2_FLUX", "Yield", "Delta_SOC"),
    "t0_scalers/Y_scaler_Nitrogen.npy": ("N2O_FLUX", "NH4_1", "NO3_1", "NO3_3", "NO3_5"),
    "t0_scalers/Y_scaler_Thermal.npy": (
        "TMAX_SOIL_1", "TMIN_SOIL_1", "TMAX_SOIL_3", "TMIN_SOIL_3", "TMAX_SOIL_5", "TMIN_SOIL_5",
    ),
    "t0_scalers/Y_scaler_Water.npy": ("WTR_1", "WTR_3", "WTR_5", "ET"),
}  # fmt: skip
"""Each file of scalers, and what its rows scale, by the release's own names and in its order."""

_OURS = {
    "Reco": "RECO", "Yield": "YIELD", "Delta_SOC": "DSOC", "N2O_FLUX": "N2O", "NH4_1": "NH4_L1", "NO3_1": "NO3_L1",
    "NO3_3": "NO3_L3", "NO3_5": "NO3_L5", "TMAX_SOIL_1": "TSMAX_L1", "TMIN_SOIL_1": "TSMIN_L1",
    "TMAX_SOIL_3": "TSMAX_L3", "TMIN_SOIL_3": "TSMIN_L3", "TMAX_SOIL_5": "TSMAX_L5", "TMIN_SOIL_5": "TSMIN_L5",
    "WTR_1": "SWC_L1", "WTR_3": "SWC_L3", "WTR_5": "SWC_L5",
}  # fmt: skip
_NEGATIVE = ("Reco", "N2O_FLUX")
_NEAR = 1e-5
"""Standard deviations: a value so near an end of its physical range stands on it. Scaling in single precision moves
the zeros of rain and fertiliser, and the flags, by about 1e-6."""


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation that a column was scaled by, in its stored sign."""

    mean: float
    sd: float


@dataclass(frozen=True)
class Column:
    """One column of an array.

    Attributes
    ----------
    official : str
        Its name in the AgroFlux release, which is also that of its scaler.
    name : str
        Our variable.
    sign : int
        Stored value over ours, -1 or 1.
    """

    official: str
    name: str
    sign: int = 1

    def values(self, stored: NDArray[np.floating], scaler: Scaler) -> NDArray[np.float64]:
        """Stored numbers of any shape as values of our variable, in its unit and sign."""
        values = self.sign * (stored.astype(np.float64) * scaler.sd + scaler.mean)
        for end in self._ends:
            values[np.abs(values - end) <= _NEAR * scaler.sd] = end
        return values

    def stored(self, values: NDArray[np.floating], scaler: Scaler) -> NDArray[np.float64]:
        """The reverse of `values`."""
        return (self.sign * values.astype(np.float64) - scaler.mean) / scaler.sd

    def stored_range(self, scaler: Scaler) -> tuple[float, float]:
        """The stored numbers between which the values are physically possible."""
        ends = [(self.sign * end - scaler.mean) / scaler.sd for end in self._ends]
        return min(ends) - _NEAR, max(ends) + _NEAR

    @property
    def _ends(self) -> tuple[float, float]:
        return VARIABLES[self.name].low, VARIABLES[self.name].high


INPUT_COLUMNS: tuple[Column, ...] = tuple(Column(name, name) for name in CORE_INPUTS)
"""The columns of every ``X`` array."""


@dataclass(frozen=True)
class Panel:
    """The sequences of one ``X`` array and of the ``Y`` arrays beside it.

    Attributes
    ----------
    number : int
        The site's number in the files' names; 0 where one file holds all sites.
    sites : tuple of Site
    treatments : tuple of int
        Of each site, in order: series ``i * len(treatments) + j`` is treatment j of site i.
    years : tuple of int
        In order.
    """

    number: int
    sites: tuple[Site, ...]
    treatments: tuple[int, ...]
    years: tuple[int, ...]

    @property
    def series(self) -> int:
        return len(self.sites) * len(self.treatments)


@dataclass(frozen=True)
class Layout:
    """The files of one source.

    Attributes
    ----------
    source : str
    inputs : str
        Path of the ``X`` array, with ``{number}`` where each site has its own.
    outputs : dict of str to tuple of Column
        Path of each ``Y`` array, and its columns in order.
    years : int, optional
        How many years the AgroFlux release has; None where sites differ.
    side_by_side : {"series", "years"}
        What the second axis of the arrays is.
    """

    source: str
    inputs: str
    outputs: dict[str, tuple[Column, ...]]
    years: int | None
    side_by_side: str = "series"

    @property
    def folder(self) -> str:
        return self.inputs.split("/")[0]

    @property
    def one_file_a_site(self) -> bool:
        return "{number}" in self.inputs

    @property
    def simulated(self) -> bool:
        """Whether a process model made the numbers; then NEE is RECO - GPP, whatever CO2_FLUX is."""
        return not self.one_file_a_site

    @property
    def columns(self) -> tuple[Column, ...]:
        """All output columns, array by array."""
        return tuple(column for columns in self.outputs.values() for column in columns)

    def files(self, number: int) -> Iterator[tuple[str, tuple[Column, ...]]]:
        """Path and columns of the ``X`` array, then of each ``Y`` array."""
        for path, columns in ((self.inputs, INPUT_COLUMNS), *self.outputs.items()):
            yield path.format(number=number), columns

    def shape(self, panel: Panel, columns: int) -> tuple[int, int, int]:
        """The shape of an array of a panel."""
        if self.side_by_side == "years":
            return DAYS, len(panel.years), columns
        return len(panel.years) * DAYS, panel.series, columns

    def by_year(self, array: NDArray[np.floating]) -> NDArray[np.floating]:
        """A view of an array as (years, 365, series, columns)."""
        if self.side_by_side == "years":
            return array.transpose(1, 0, 2)[:, :, None]
        return array.reshape(-1, DAYS, *array.shape[1:])


def _output(official: str, carbon_dioxide: Column) -> Column:
    if official == "CO2_FLUX":
        return carbon_dioxide
    return Column(official, _OURS.get(official, official), -1 if official in _NEGATIVE else 1)


def _simulated(source: str, tag: str, years: int, carbon_dioxide: Column) -> Layout:
    groups = {
        path.removesuffix(".npy").rpartition("_")[2]: names for path, names in SCALERS.items() if "Y_scaler" in path
    }
    outputs = {
        f"t0_{tag}/Y_{tag}_scaled_{group}.npy": tuple(_output(name, carbon_dioxide) for name in names)
        for group, names in groups.items()
    }
    return Layout(source, f"t0_{tag}/X_{tag}_scaled.npy", outputs, years)


LAYOUTS: dict[str, Layout] = {
    "ecosys": _simulated("ecosys", "mw", 18, Column("CO2_FLUX", "SOIL_CO2", -1)),
    "daycent": _simulated("daycent", "dc", 21, Column("CO2_FLUX", "NEE", -1)),
    "towers": Layout(
        "towers",
        "t1_co2/X_real_scaled_ECfluxnet_{number}.npy",
        {"t1_co2/Y_real_scaled_ECfluxnet_Combined_{number}.npy": (Column("GPP", "GPP"), Column("CO2_FLUX", "NEE"))},
        years=None,
    ),
    "mesocosm": Layout(
        "mesocosm",
        "t1_n2o/X_real_scaled_{number}.npy",
        {"t1_n2o/Y_real_scaled_Combined_{number}.npy": (Column("N2O_FLUX", "N2O", -1),)},
        years=3,
        side_by_side="years",
    ),
}
"""The layout of each source."""
