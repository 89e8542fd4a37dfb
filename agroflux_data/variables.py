"""Every variable of the benchmark: its name, unit, meaning and physical range, in one table.

Names follow FLUXNET where FLUXNET has one, and the AgroFlux release (Cheng et al. 2026, arXiv 2602.01614) for the
inputs. Signs are canonical in all sources: GPP >= 0, RECO >= 0, NEE = RECO - GPP (negative is uptake by the field),
N2O > 0 and ET > 0 leave the field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "CORE_INPUTS",
    "DAILY_INPUTS",
    "DAYS",
    "EXTENDED_INPUTS",
    "GROUPS",
    "INPUTS",
    "OUTPUTS",
    "STATICS",
    "VARIABLES",
    "Variable",
]

DAYS = 365
"""Days in a sequence: the CF ``noleap`` calendar, 29 February is dropped."""

Group = Literal["weather", "management", "soil", "carbon", "nitrogen", "water", "thermal"]


@dataclass(frozen=True)
class Variable:
    """One variable of a row.

    Attributes
    ----------
    name : str
        Column name.
    unit : str
        Physical unit of the stored values, ``"-"`` for none.
    description : str
    group : str
        weather, management or soil for inputs; carbon, nitrogen, water or thermal for outputs.
    low, high : float
        Physically possible range of one daily value (or of the static): outside it, something is wrong with a file.
    daily : bool
        True for a list of 365 values, False for one value a sequence.
    """

    name: str
    unit: str
    description: str
    group: Group
    low: float
    high: float
    daily: bool = True

    @property
    def label(self) -> str:
        """The unit for a figure's axis.

        >>> VARIABLES["GPP"].label
        'g C m$^{-2}$ d$^{-1}$'
        """
        return re.sub(r"(?<=[a-z])-?\d", lambda power: f"$^{{{power.group()}}}$", self.unit)


_TABLE = (
    # The 11 core inputs, in the official order.
    Variable("TMAX", "degC", "daily maximum air temperature", "weather", -60, 60),
    Variable("TMIN", "degC", "daily minimum air temperature", "weather", -65, 50),
    Variable("PREC", "mm d-1", "precipitation", "weather", 0, 500),
    Variable("FERTZR_N", "g N m-2 d-1", "nitrogen fertiliser, on the day it is applied", "management", 0, 80),
    Variable("PDOY", "-", "1 on the planting day, else 0", "management", 0, 1),
    Variable("PLANTT", "-", "crop of the year: 1 corn, 0 soybean", "management", 0, 1),
    Variable("TBKDS", "Mg m-3", "bulk density of the topsoil", "soil", 0.1, 2.2, daily=False),
    Variable("TCSAND", "g kg-1", "sand content of the topsoil", "soil", 0, 1000, daily=False),
    Variable("TCSILT", "g kg-1", "silt content of the topsoil", "soil", 0, 1000, daily=False),
    Variable("TPH", "-", "pH of the topsoil", "soil", 3, 10, daily=False),
    Variable("TSOC", "g C kg-1", "organic carbon content of the topsoil", "soil", 0, 500, daily=False),
    # Extended inputs.
    Variable("RADN", "MJ m-2 d-1", "incoming shortwave radiation", "weather", 0, 45),
    Variable("HMAX", "kPa", "daily maximum vapour pressure", "weather", 0, 8),
    Variable("HMIN", "kPa", "daily minimum vapour pressure", "weather", 0, 8),
    Variable("WIND", "m s-1", "mean wind speed", "weather", 0, 50),
    # Outputs. Towers see negative GPP in winter nights' noise, so observed fluxes may cross zero.
    Variable("GPP", "g C m-2 d-1", "gross primary production", "carbon", -15, 50),
    Variable("RECO", "g C m-2 d-1", "ecosystem respiration, positive", "carbon", -15, 50),
    Variable("NEE", "g C m-2 d-1", "net ecosystem exchange, RECO - GPP, negative is uptake", "carbon", -50, 50),
    Variable("SOIL_CO2", "g C m-2 d-1", "CO2 that leaves the soil surface, roots included", "carbon", -5, 50),
    Variable("YIELD", "g C m-2 y-1", "harvested grain carbon, the same on every day of the year", "carbon", 0, 2000),
    # Residue on the ground aside, in all sources. Below it, the embedded ecosys leaves out fresh litter and roots too,
    # as sieved samples do; the embedded daycent counts litter, as DayCent's own soilc.out does.
    Variable(
        "DSOC",
        "g C m-2 y-1",
        "change of soil organic carbon over the year, without residue on the ground",
        "carbon",
        -3000,
        3000,
    ),
    Variable("LAI", "m2 m-2", "leaf area index", "carbon", 0, 15),
    Variable("N2O", "g N m-2 d-1", "nitrous oxide emission", "nitrogen", -0.05, 2),
    Variable("NH4_L1", "g N Mg-1", "ammonium, soil layer 1", "nitrogen", 0, 5000),
    Variable("NO3_L1", "g N Mg-1", "nitrate, soil layer 1", "nitrogen", 0, 5000),
    Variable("NO3_L3", "g N Mg-1", "nitrate, soil layer 3", "nitrogen", 0, 5000),
    Variable("NO3_L5", "g N Mg-1", "nitrate, soil layer 5", "nitrogen", 0, 5000),
    Variable("SWC_L1", "m3 m-3", "soil water content, layer 1", "water", 0, 1),
    Variable("SWC_L3", "m3 m-3", "soil water content, layer 3", "water", 0, 1),
    Variable("SWC_L5", "m3 m-3", "soil water content, layer 5", "water", 0, 1),
    Variable("ET", "mm d-1", "evapotranspiration", "water", -5, 25),
    Variable("TSMAX_L1", "degC", "daily maximum soil temperature, layer 1", "thermal", -50, 80),
    Variable("TSMIN_L1", "degC", "daily minimum soil temperature, layer 1", "thermal", -50, 60),
    Variable("TSMAX_L3", "degC", "daily maximum soil temperature, layer 3", "thermal", -50, 60),
    Variable("TSMIN_L3", "degC", "daily minimum soil temperature, layer 3", "thermal", -50, 60),
    Variable("TSMAX_L5", "degC", "daily maximum soil temperature, layer 5", "thermal", -50, 60),
    Variable("TSMIN_L5", "degC", "daily minimum soil temperature, layer 5", "thermal", -50, 60),
)

VARIABLES: dict[str, Variable] = {variable.name: variable for variable in _TABLE}
"""All variables by name, inputs first, in the order of the columns."""

INPUTS: tuple[str, ...] = tuple(v.name for v in _TABLE if v.group in ("weather", "management", "soil"))
CORE_INPUTS: tuple[str, ...] = INPUTS[:11]
"""The 11 inputs of the paper, in the official order."""
EXTENDED_INPUTS: tuple[str, ...] = INPUTS[11:]
STATICS: tuple[str, ...] = tuple(name for name in INPUTS if not VARIABLES[name].daily)
DAILY_INPUTS: tuple[str, ...] = tuple(name for name in INPUTS if VARIABLES[name].daily)
OUTPUTS: tuple[str, ...] = tuple(v.name for v in _TABLE if v.name not in INPUTS)

GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(name for name in OUTPUTS if VARIABLES[name].group == group)
    for group in ("carbon", "nitrogen", "water", "thermal")
}
"""The four output groups of the paper."""
