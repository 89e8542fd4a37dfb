"""Every parameter of the model: name, value, unit and source, in one table for the soil and one for the crops.

Sources are short: the full references stand in the docstrings of the equations. ``design`` marks a choice made here
where the published model has a finer structure or the literature a range.
"""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BOTTOMS", "LAYERS", "PARAMETERS", "RATE", "SUBSTRATES", "THICKNESS", "Crop", "Parameters", "crops", "table"]

Array = NDArray[np.floating]

RATE = np.float32
"""Rates and flows carry 7 digits, at half the cost of 16; what they move is kept in float64, so that balances close."""
BOTTOMS: tuple[float, ...] = (0.01, 0.05, 0.10, 0.15, 0.28, 0.45, 0.60, 1.00, 1.50)
"""Depths of the layers' lower ends, m; layer numbers count from 1, and number 0 is the surface residue."""
LAYERS = len(BOTTOMS)
THICKNESS: Array = np.diff(np.array((0.0, *BOTTOMS)))[:, None]
"""Of the soil layers, m, shape (layers, 1)."""
SUBSTRATES: tuple[str, ...] = ("labile residue", "structural residue", "particulate organic matter", "humus")


def _value(value: float | tuple[float, ...], unit: str, source: str) -> Any:
    return field(default=value, metadata={"unit": unit, "source": source})


# Called only in class bodies, where every call makes the field it stands for.
def _crop(maize: float, soybean: float, unit: str, source: str) -> Any:
    return field(metadata={"maize": maize, "soybean": soybean, "unit": unit, "source": source})


@dataclass(frozen=True)
class Parameters:
    """What is the same for all crops. Field metadata hold unit and source; `table` lists them."""

    # Temperature functions.
    growth_energy: float = _value(62500.0, "J mol-1", "Grant 1993")
    carboxylation_energy: float = _value(65000.0, "J mol-1", "Bernacchi et al. 2001")
    oxygenation_energy: float = _value(60000.0, "J mol-1", "Bernacchi et al. 2001")
    electron_energy: float = _value(43000.0, "J mol-1", "Bernacchi et al. 2003")
    low_energy: float = _value(197500.0, "J mol-1", "Grant 1993")
    high_energy: float = _value(222500.0, "J mol-1", "Grant 1993")
    entropy: float = _value(710.0, "J mol-1 K-1", "Sharpe & DeMichele 1977")
    # Leaves.
    kc25: float = _value(12.5, "umol l-1", "Farquhar et al. 1980")
    ko25: float = _value(500.0, "umol l-1", "Farquhar et al. 1980")
    oxygen: float = _value(210_000.0, "umol mol-1", "air")
    curvature: float = _value(0.70, "-", "Grant 1989")
    quantum_yield: float = _value(0.45, "mol e- mol-1", "Grant 1989")
    c4_quantum_yield: float = _value(0.056, "mol CO2 mol-1", "Collatz et al. 1992")
    c4_slope: float = _value(0.70 / 39, "mol m-2 s-1 per umol m-2 s-1", "Collatz et al. 1992")
    c4_smooth_light: float = _value(0.80, "-", "Collatz et al. 1992")
    c4_smooth_carbon: float = _value(0.95, "-", "Collatz et al. 1992")
    clumping: float = _value(0.9, "-", "Grant et al. 2006")
    leaf_scatter: float = _value(0.15, "-", "de Pury & Farquhar 1997")
    nitrogen_profile: float = _value(0.713, "-", "de Pury & Farquhar 1997")
    canopy_albedo: float = _value(0.20, "-", "Grant et al. 2006")
    soil_albedo: float = _value(0.17, "-", "Campbell & Norman 1998")
    snow_albedo: float = _value(0.70, "-", "Campbell & Norman 1998")
    plant_maintenance: float = _value(0.013, "gC gN-1 h-1", "Grant 1989 and Ryan 1991, leaves by day included")
    # Stomata and plant water.
    cuticle: float = _value(5000.0, "s m-1", "Grant et al. 2006")
    turgor_scale: float = _value(0.2, "MPa", "Grant et al. 2006")
    osmotic: float = _value(-1.5, "MPa", "Grant et al. 2006")
    root_conductance: float = _value(0.060, "mm h-1 MPa-1 gC-1", "design, from Doussan et al. 1998")
    root_length: float = _value(200.0, "m gC-1", "Barber & Silberbush 1984")
    root_radius: float = _value(1.5e-4, "m", "Barber & Silberbush 1984")
    # Surface water and heat.
    interception: float = _value(0.2, "mm per unit of leaf area", "Dickinson 1984")
    melt: float = _value(3.0, "mm degC-1 d-1", "Rango & Martinec 1995")
    residue_resistance: float = _value(4.0, "s m-1 per gC m-2", "design, from Flerchinger et al. 2003")
    bare_resistance: float = _value(250.0, "s m-1", "van de Griend & Owe 1994, wet soil")
    dry_surface: float = _value(6000.0, "s m-1", "van de Griend & Owe 1994, range")
    mineral_conductivity: float = _value(1.3, "W m-1 K-1", "de Vries 1963, silt loam")
    snow_conductivity: float = _value(0.10, "W m-1 K-1", "Sturm et al. 1997, density .25")
    mulch: float = _value(3.0e-4, "m2 K W-1 per gC m-2", "design, from Flerchinger et al. 2003")
    tile_spacing: float = _value(20.0, "m", "Illinois drainage guide, range 15 to 30")
    tile_thickness: float = _value(1.0, "m", "Hooghoudt 1940, equivalent depth")
    seepage: float = _value(1.5, "mm d-1", "design: most that leaves below 1.5 m")
    rough_storage: float = _value(5.0, "mm", "design: ponding before runoff")
    # Decomposition, in the order of SUBSTRATES.
    hydrolysis: tuple[float, ...] = _value((1.0, 0.15, 0.05, 0.0167), "gC gC-1 h-1", "Grant, Juma & McGill 1993")
    hydrolysis_km: tuple[float, ...] = _value((80e3, 12e3, 24e3, 140e3), "gC m-3", "design: first-order limits")
    hydrolysis_ki: float = _value(250.0, "gC m-3", "design: microbial C at half rate")
    doc_inhibition: float = _value(1200.0, "gC m-3", "Grant, Juma & McGill 1993")
    respiration: float = _value(0.125, "gC gC-1 h-1", "Grant, Juma & McGill 1993")
    respiration_km: float = _value(12.0, "gC m-3", "Grant, Juma & McGill 1993")
    respired_aerobic: float = _value(0.40, "-", "Grant, Juma & McGill 1993")
    respired_anaerobic: float = _value(0.71, "-", "Grant & Pattey 1999")
    maintenance: float = _value(0.010, "gC gN-1 h-1", "Grant, Juma & McGill 1993")
    mortality: float = _value(0.0030, "h-1", "Grant, Juma & McGill 1993, range .001 to .01")
    humification: float = _value(0.12, "-", "design: humified share of dead microbes at no clay")
    humification_clay: float = _value(0.40, "- per clay fraction", "Grant, Juma & McGill 1993, form")
    humified_structural: float = _value(0.20, "-", "design: lignin share of residue that becomes POM")
    microbial_nc: float = _value(0.11, "gN gC-1", "Grant, Juma & McGill 1993")
    water_sensitivity: float = _value(0.2, "MPa-1", "Grant et al. 2006")
    uptake_rate: float = _value(5e-3, "gN m-2 h-1", "Barber & Silberbush 1984")
    ammonium_km: float = _value(0.40, "gN m-3", "Barber & Silberbush 1984")
    nitrate_km: float = _value(0.35, "gN m-3", "Barber & Silberbush 1984")
    ammonium_min: float = _value(0.0125, "gN m-3", "Barber & Silberbush 1984")
    nitrate_min: float = _value(0.03, "gN m-3", "Barber & Silberbush 1984")
    immobilisation: float = _value(0.05, "gN gC-1 h-1", "design: surface of microbes times uptake rate")
    bioturbation: float = _value(0.6, "y-1", "design: residue drawn down by soil fauna")
    # Oxygen.
    oxygen_demand: float = _value(2.667, "gO2 gC-1", "stoichiometry")
    oxygen_km: float = _value(0.080, "gO2 m-3", "Grant 1993")
    oxygen_km_nitrifier: float = _value(0.16, "gO2 m-3", "Grant & Pattey 2003")
    site_radius: float = _value(4.0e-4, "m", "design: radius of a colonised microsite")
    site_carbon: float = _value(1.0e4, "gC m-3", "design: microbial C in a colonised microsite")
    water_diffusivity: float = _value(2.4e-9, "m2 s-1", "Cussler 1997")
    gas_diffusivity: float = _value(1.78e-5, "m2 s-1", "Campbell 1985")
    # Nitrogen.
    nitrifiers: float = _value(0.0014, "gC gC-1", "design: NH3 oxidisers in the microbial C")
    nitrifier_reducers: float = _value(0.01, "-", "design: share of NH3 oxidisers' unmet demand that NO2 takes")
    chemical_reduction: float = _value(
        5e-4, "h-1", "NO2 to N2O at pH 6, van Cleemput & Samater 1996; fitted to the N2O of DayCent's runs"
    )
    nitrite_oxidisers: float = _value(0.0200, "gC gC-1", "design: NO2 oxidisers in the microbial C")
    nitrification: float = _value(0.375, "gN gC-1 h-1", "Grant & Pattey 1999")
    nitrite_oxidation: float = _value(0.25, "gN gC-1 h-1", "Grant & Pattey 1999")
    nitrifier_km: float = _value(1.4, "gN m-3", "Grant & Pattey 1999")
    denitrifiers: float = _value(
        0.20, "gC gC-1", "design: denitrifiers in the active microbial C, fitted to NO3 and N2O"
    )
    denitrifier_km: float = _value(1.4, "gN m-3", "Grant & Pattey 1999")
    nitrous_electrons: float = _value(0.06, "-", "design, after Pan et al. 2013: N2O reductase's share of electrons")
    nitrous_km: float = _value(0.014, "gN m-3", "Grant & Pattey 1999")
    nitrous_ki: float = _value(0.25, "gN m-3", "Grant & Pattey 1999, product inhibition")
    electrons_nitrate: float = _value(0.875, "gN gO2-1", "stoichiometry, 2 e- N-1")
    electrons_nitrous: float = _value(1.75, "gN gO2-1", "stoichiometry, 1 e- N-1")
    exchange: float = _value(60.0, "m3 Mg-1 per clay fraction", "design: linear NH4 exchange")
    mobile_nitrate: float = _value(1.0, "-", "share of the water that drains with its NO3, Burns 1974")
    mobile_organic: float = _value(0.1, "-", "design: share of dissolved organic matter that is not sorbed")
    urea_alkalinity: float = _value(0.67, "mol mol-1", "urea ammonium nitrate: urea's share of what becomes NH4")
    ph_buffer: float = _value(30.0, "mmol kg-1 per pH unit", "design, silt loam; see Rachhpal-Singh & Nye 1986")
    ammonia_conductance: float = _value(36.0, "m h-1", "design: a boundary layer of 100 s m-1")
    deposition: float = _value(1.0, "gN m-2 y-1", "NADP, Corn Belt")
    fertiliser_nitrate: float = _value(0.25, "-", "urea ammonium nitrate")

    def scalars(self) -> Any:
        """Those that are one number, with the precision of rates, as a named tuple for compiled functions."""
        return _Scalars(*(RATE(getattr(self, name)) for name in _SCALARS))


_SCALARS: tuple[str, ...] = tuple(f.name for f in fields(Parameters) if isinstance(f.default, float))
_Scalars: Any = namedtuple("_Scalars", _SCALARS)  # type: ignore[misc]


@dataclass(frozen=True)
class Crop:
    """Parameters of the crop that each series carries in a year, (series,) each."""

    vcmax: Array = _crop(30.0, 52.0, "umol m-2 s-1", "Collatz et al. 1992; Wullschleger 1993")  # noqa: RUF009
    jmax_ratio: Array = _crop(1.8, 1.8, "-", "Wullschleger 1993")  # noqa: RUF009
    ci_ratio: Array = _crop(0.45, 0.70, "-", "Grant et al. 2006; Wong et al. 1979")  # noqa: RUF009
    leaf_area: Array = _crop(0.048, 0.053, "m2 gC-1", "Amthor et al. 1994, range")  # noqa: RUF009
    leaf_nc: Array = _crop(0.080, 0.110, "gN gC-1", "Grant 1989, most")  # noqa: RUF009
    stem_nc: Array = _crop(0.022, 0.030, "gN gC-1", "Grant 1989, most")  # noqa: RUF009
    root_nc: Array = _crop(0.022, 0.028, "gN gC-1", "Grant 1989, most")  # noqa: RUF009
    grain_nc: Array = _crop(0.0375, 0.140, "gN gC-1", "Grant 1989")  # noqa: RUF009
    vegetative_yield: Array = _crop(0.74, 0.72, "gC gC-1", "Penning de Vries et al. 1974")  # noqa: RUF009
    grain_yield: Array = _crop(0.86, 0.67, "gC gC-1", "Penning de Vries et al. 1974")  # noqa: RUF009
    emergence: Array = _crop(70.0, 80.0, "degC d", "Angel et al., corn GDD tool")  # noqa: RUF009
    anthesis: Array = _crop(0.50, 0.58, "- of maturity", "silking near 760 degC d; R5")  # noqa: RUF009
    maturity: Array = _crop(1500.0, 1400.0, "degC d above 10", "Mead hybrids 1490 to 1630")  # noqa: RUF009
    grain_sink: Array = _crop(560.0, 230.0, "gC m-2", "4,500 kernels of .125 gC; 3,000 beans of .077")  # noqa: RUF009
    root_share: Array = _crop(0.32, 0.30, "-", "Amthor et al. 1994, at emergence")  # noqa: RUF009
    root_depth: Array = _crop(1.30, 1.10, "m", "Dwyer et al. 1988")  # noqa: RUF009
    height: Array = _crop(2.6, 1.0, "m", "field books")  # noqa: RUF009
    seed_carbon: Array = _crop(2.5, 2.5, "gC m-2", "sowing rates")  # noqa: RUF009
    fixation: Array = _crop(0.0, 0.20, "gN gC-1", "Grant 1989, 37.5 of 187.5 kJ")  # noqa: RUF009
    frost: Array = _crop(-3.0, -2.5, "degC", "Carter 1995, killing minimum")  # noqa: RUF009


PARAMETERS = Parameters()


def crops(corn: NDArray[np.bool_]) -> Crop:
    """The crop of each series: maize where `corn`, soybean elsewhere."""
    values = {f.name: np.where(corn, f.metadata["maize"], f.metadata["soybean"]) for f in fields(Crop)}
    return Crop(**{name: value.astype(RATE) for name, value in values.items()})


def table() -> list[tuple[str, object, str, str]]:
    """Rows (name, value, unit, source) of every parameter; a crop's value is (maize, soybean)."""
    rows = [(f.name, f.default, f.metadata["unit"], f.metadata["source"]) for f in fields(Parameters)]
    return rows + [
        (f.name, (f.metadata["maize"], f.metadata["soybean"]), f.metadata["unit"], f.metadata["source"])
        for f in fields(Crop)
    ]
