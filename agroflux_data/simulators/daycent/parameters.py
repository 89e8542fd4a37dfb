"""Every parameter of the model: name, value, unit and source, in two tables that can be read and replaced.

Sources marked *file* are values of the public DayCent parameter files (fix.100, crop.100, sitepar.in) of 2018;
*choice* marks a simplification of this model where DayCent's own routine is longer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CORN", "SOYBEAN", "Crop", "Parameters", "Value", "parameter_table"]

Value = float | NDArray[np.floating]


def _value(value: Any, unit: str, source: str) -> Any:
    return field(default=value, metadata={"unit": unit, "source": source})


def _crop(unit: str, source: str) -> dict[str, str]:
    return {"unit": unit, "source": source}


@dataclass(frozen=True)
class Crop:
    """Parameters of a crop; each is a number, or an array (series,) where crops differ between series."""

    use_efficiency: Value = field(
        metadata=_crop("g C MJ-1", "PRDX(1) of 2.3 and 1.4 g per langley; crop.100 (file) has 2.5 and 1.4")
    )
    growth_optimum: Value = field(metadata=_crop("degC", "PPDF(1), crop.100 (file)"))
    growth_maximum: Value = field(metadata=_crop("degC", "PPDF(2), crop.100 (file)"))
    carbon_dioxide_growth: Value = field(metadata=_crop("-", "gain for doubled CO2, CO2IPR, crop.100 (file)"))
    germination: Value = field(
        metadata=_crop("degC", "soil temperature of 0-10 cm at emergence, TMPGERM, crop.100 (file)")
    )
    thermal_time: Value = field(metadata=_crop("degC d", "DDBASE, crop.100 (file), and the lag to maturity MNDDHRV"))
    kill_temperature: Value = field(metadata=_crop("degC", "TMPKILL, crop.100 (file)"))
    dry_down: Value = field(metadata=_crop("d", "maturity to harvest, choice: harvests of days 260 to 322 in US-Ne1"))
    root_share_start: Value = field(metadata=_crop("-", "FRTC(1), crop.100 (file)"))
    root_share_end: Value = field(metadata=_crop("-", "FRTC(2), crop.100 (file)"))
    shoot_cn_min_seedling: Value = field(metadata=_crop("-", "PRAMN(1,1), crop.100 (file)"))
    shoot_cn_max_seedling: Value = field(metadata=_crop("-", "PRAMX(1,1), crop.100 (file)"))
    shoot_cn_min: Value = field(metadata=_crop("-", "PRAMN(1,2) at 700 g biomass, crop.100 (file)"))
    shoot_cn_max: Value = field(
        metadata=_crop(
            "-",
            "PRAMX(1,2) at 700 g biomass, crop.100 (file); corn has 125 there: fitted, so that the mean yield of "
            "differing fields stops rising at 17 to 20 g N m-2",
        )
    )
    root_cn_min: Value = field(metadata=_crop("-", "PRBMN(1,1), crop.100 (file)"))
    root_cn_max: Value = field(metadata=_crop("-", "PRBMX(1,1), crop.100 (file)"))
    fixation: Value = field(metadata=_crop("g N g-1 C", "SNFXMX(1), crop.100 (file)"))
    fixation_cost: Value = field(
        metadata=_crop("g C g-1 N", "respired for each gram that nodules fix, Ryle et al. (1979)")
    )
    growth_respiration: Value = field(
        metadata=_crop(
            "-",
            "of net production, CGRESP, crop.100 (file); soybean more: protein and oil, Penning de Vries et al. (1983)",
        )
    )
    nitrate_preference: Value = field(metadata=_crop("-", "share of NO3 in uptake, NO3PREF, crop.100 (file)"))
    harvest_index: Value = field(metadata=_crop("-", "HIMAX, crop.100 (file)"))
    grain_nitrogen: Value = field(metadata=_crop("-", "share of shoot N in grain, EFRGRN(1), crop.100 (file)"))
    juvenile_root_death: Value = field(metadata=_crop("d-1", "RDRJ, monthly value of crop.100 (file) over 30.4"))
    mature_root_death: Value = field(metadata=_crop("d-1", "RDRM, monthly value of crop.100 (file) over 30.4"))

    @classmethod
    def by_series(cls, corn: NDArray[np.bool_]) -> Crop:
        """The parameters of the crop that each series grows, (series,) each."""
        values = {f.name: np.where(corn, getattr(CORN, f.name), getattr(SOYBEAN, f.name)) for f in fields(cls)}
        return cls(**{name: each.astype(np.float32) for name, each in values.items()})


CORN = Crop(
    use_efficiency=2.3 / 30.4 / 0.041868 / 2.5,
    growth_optimum=30.0,
    growth_maximum=45.0,
    carbon_dioxide_growth=0.0,
    germination=13.0,
    thermal_time=1560.0,
    kill_temperature=-3.5,
    dry_down=25.0,
    root_share_start=0.40,
    root_share_end=0.10,
    shoot_cn_min_seedling=20.0,
    shoot_cn_max_seedling=40.0,
    shoot_cn_min=62.5,
    shoot_cn_max=145.0,
    root_cn_min=45.0,
    root_cn_max=60.0,
    fixation=0.0,
    fixation_cost=0.0,
    growth_respiration=0.23,
    nitrate_preference=0.25,
    harvest_index=0.55,
    grain_nitrogen=0.75,
    juvenile_root_death=0.05 / 30.4,
    mature_root_death=0.05 / 30.4,
)
SOYBEAN = Crop(
    use_efficiency=1.4 / 30.4 / 0.041868 / 2.5,
    growth_optimum=27.0,
    growth_maximum=40.0,
    carbon_dioxide_growth=0.3,
    germination=17.0,
    thermal_time=1240.0,
    kill_temperature=-2.0,
    dry_down=12.0,
    root_share_start=0.35,
    root_share_end=0.05,
    shoot_cn_min_seedling=5.0,
    shoot_cn_max_seedling=15.0,
    shoot_cn_min=15.0,
    shoot_cn_max=30.0,
    root_cn_min=24.0,
    root_cn_max=32.0,
    fixation=0.06,
    fixation_cost=6.0,
    growth_respiration=0.33,
    nitrate_preference=0.5,
    harvest_index=0.40,
    grain_nitrogen=0.70,
    juvenile_root_death=0.50 / 30.4,
    mature_root_death=0.15 / 30.4,
)


@dataclass(frozen=True)
class Parameters:
    """Parameters of all processes but the crops'."""

    # Water
    pet_fraction: float = _value(0.75, "-", "FWLOSS(4), fix.100 (file), on Hargreaves & Samani (1985)")
    pet_least: float = _value(0.1, "mm d-1", "Parton et al. (1998)")
    snow_evaporation: float = _value(0.87, "-", "share of PET over snow, Metherell et al. (1993)")
    snow_melt: float = _value(0.02, "mm degC-1 langley-1", "TMELT(2), fix.100 (file)")
    snow_liquid: float = _value(0.05, "-", "liquid that snow holds, of its water, Parton et al. (1998)")
    interception_leaf: float = _value(0.2, "mm", "for each unit of leaf area, choice after Parton et al. (1998)")
    interception_litter: float = _value(0.003, "mm m2 g-1 C", "choice after Parton et al. (1998)")
    light_extinction: float = _value(0.5, "-", "Ritchie (1972)")
    litter_mulch: float = _value(1000.0, "g C m-2", "litter that halves soil evaporation, choice")
    air_dry: float = _value(0.4, "-", "of the wilting point, choice")
    transpiration_onset: float = _value(0.3, "-", "relative water below which transpiration falls, choice")
    carbon_dioxide_transpiration: float = _value(-0.23, "-", "for doubled CO2, CO2ITR, crop.100 (file)")
    rain_hours: float = _value(10.0, "h", "length of a day's rain, sitepar.in (file)")
    infiltration_least: float = _value(
        1.3, "mm h-1", "of cropped soil of hydrologic group C, Musgrave (1955): pores that texture does not tell"
    )
    deep_drainage: float = _value(2.0, "mm d-1", "greatest outflow below 150 cm, choice: glacial till")
    tile_days: float = _value(2.0, "d", "time constant of tiles, 2 to 4, fitted to a mean water of 0.30 at 30 cm")
    redistribution: float = _value(
        0.4,
        "-",
        "greatest share of equalisation in a day, fitted as the tiles are; DMPFLUX, sitepar.in (file), gives 0.25",
    )
    root_depth: float = _value(30.0, "cm", "e-folding depth of roots, choice")

    # Temperature
    bottom_amplitude: float = _value(6.0, "K", "at 200 cm, Parton (1984), choice")
    bottom_day: float = _value(260.0, "d", "warmest day at 200 cm, choice: lag of 60 d")
    diffusivity: tuple[float, float] = _value((0.004, 0.009), "cm2 s-1", "range of it, DayCent source (2018)")
    heat_damping: float = _value(
        0.0055,
        "-",
        "share of the diffusivity from day to day, choice by runs of DayCent: sd 4.9 K at 10-20, 2.8 K at 20-30 cm",
    )
    daily_damping: float = _value(
        0.4,
        "-",
        "share of it within a day, choice by the same runs: daily range 6.8, 1.2 and 0.3 K below 2, 10 and 20 cm",
    )
    canopy_cap: float = _value(600.0, "g m-2", "greatest biomass that shades, PMXBIO, fix.100 (file)")
    litter_shade: float = _value(
        1.0, "-", "weight of litter in shading, choice: fix.100 (file) has 0.4, with a daily range of 12 K at 1 cm"
    )

    # Plant
    water_stress: tuple[float, float] = _value((0.378, 9.0), "-", "WSCOEFF, fix.100 (file)")
    seedling_share: float = _value(0.14, "-", "light that an emerged seedling takes, choice: seed reserves")
    root_share_days: float = _value(90.0, "d", "FRTC(3), crop.100 (file)")
    root_share_stress: float = _value(0.40, "-", "CFRTCN and CFRTCW, crop.100 (file)")
    full_canopy: float = _value(280.0, "g C m-2", "shoot of the C:N lines' end: 700 g biomass, BIOMAX (file)")
    available_nitrogen: float = _value(0.15, "d-1", "FAVAIL, fix.100 (file)")
    uptake_root: float = _value(0.0375, "m2 g-1 C", "RICTRL, fix.100 (file), for biomass of 2.5 g g-1 C")
    uptake_floor: float = _value(0.8, "-", "RIINT, fix.100 (file)")
    shoot_maintenance: float = _value(
        0.45 / 30.4,
        "d-1",
        "at 33 degC, choice by respiration of US-Ne1 and US-Ne3; KMRSPMX of crop.100 (file): 0.10 a month",
    )
    juvenile_maintenance: float = _value(0.15 / 30.4, "d-1", "KMRSPMX, crop.100 (file)")
    mature_maintenance: float = _value(0.05 / 30.4, "d-1", "KMRSPMX, crop.100 (file)")
    root_maturation: float = _value(1 / 60, "d-1", "MRTFRAC and RDRM, crop.100 (file), choice")
    leaf_share: tuple[float, float] = _value((0.6, 0.2), "-", "of shoot biomass at emergence and maturity, choice")
    leaf_mass: float = _value(50.0, "g m-2", "of a unit of leaf area, choice: 45 to 60 in corn and soybean")
    leaf_area_cap: float = _value(6.0, "m2 m-2", "choice")
    shoot_lignin: float = _value(0.12, "-", "FLIGNI, crop.100 (file)")
    root_lignin: float = _value(0.06, "-", "FLIGNI, crop.100 (file)")
    last_harvest: int = _value(335, "d", "day of the year by which a crop is off the field, choice")

    # Organic matter
    structural_cn: float = _value(200.0, "-", "RCESTR, fix.100 (file), Parton et al. (1987)")
    decay: tuple[float, ...] = _value(
        (3.9, 14.8, 6.0, 0.11, 4.9, 18.5, 7.3, 0.11, 0.0025),
        "y-1",
        "surface structural, metabolic, som1, som2; soil structural, metabolic, som1, som2, som3: fix.100 (file), "
        "Parton et al. (1993)",
    )
    lignin_brake: float = _value(3.0, "-", "PLIGST, Parton et al. (1987)")
    initial_som1: float = _value(0.03, "-", "share of soil carbon, Parton et al. (1987)")
    initial_som2: float = _value(0.45, "-", "share of soil carbon, Parton et al. (1987)")
    slow_range: tuple[float, float] = _value((0.15, 0.45), "-", "share of soil carbon that som2 may have")
    rain_surface: float = _value(5.0, "mm", "rain that doubles decay at the surface, Parton et al. (1998), choice")
    pulse_rain: float = _value(10.0, "mm", "rain that rewets, Parton et al. (2001)")
    pulse_dry_days: float = _value(7.0, "d", "dry spell before a pulse, choice")
    pulse_days: float = _value(4.0, "d", "time constant of a pulse, choice: up to two weeks")
    pulse_size: float = _value(2.5, "-", "multiplier above 1 on the day of rewetting, Parton et al. (2001), choice")
    tillage_peak: float = _value(
        3.0,
        "-",
        "multiplier above 1 after the strongest tillage, fitted to May at US-Ne3; CLTEFF of cult.100 (file): 9",
    )
    tillage_days: float = _value(30.0, "d", "length of the effect, Metherell et al. (1993)")
    mixing: tuple[float, float] = _value(
        (0.10, 0.85), "-", "litter into the soil: no-till, more by ploughing, cult.100"
    )
    surface_mixing: float = _value(0.25, "y-1", "surface som2 into the soil, choice after Parton et al. (1998)")
    immobilisation: float = _value(0.5, "d-1", "share of mineral N of 0-20 cm open to microbes, choice")
    organic_leaching: float = _value(19 / 30.4, "mm d-1", "drainage of full leaching, OMLECH(3), fix.100 (file)")

    # Mineral nitrogen
    nitrate_of_mineralised: float = _value(0.2, "-", "Parton et al. (2001)")
    nitrate_of_fertiliser: float = _value(0.25, "-", "urea ammonium nitrate")
    volatilised: tuple[float, float] = _value((0.02, 0.08), "-", "of NH4 fertiliser, at pH 5.5 and 7.5, choice")
    deposition: float = _value(1.0, "g N m-2 y-1", "Corn Belt, wet and dry, half of it nitrate")
    nitrification_rate: float = _value(0.15, "d-1", "Parton et al. (2001)")
    nitrification_most: float = _value(0.4, "g N m-2 d-1", "Parton et al. (2001)")
    nitrification_least: float = _value(1e-5, "g N m-2 d-1", "Parton et al. (2001)")
    nitrification_floor: float = _value(0.03, "-", "least climate effect, Parton et al. (2001)")
    nitrification_n2o: float = _value(0.018, "-", "of the nitrate formed, Parton et al. (2001): 0.004 to 0.02")
    wettest_weight: float = _value(
        0.3,
        "-",
        "of the wettest soil against the drained, in a day, fitted to N2O of DayCent's runs: 0.10 to 0.41 g m-2",
    )
    denitrification_least: float = _value(0.066, "ug N g-1 d-1", "top two layers, DayCent source (2018)")
    nitrate_least: float = _value(0.1, "ug N g-1", "below it nothing is denitrified, DayCent source (2018)")
    leaching_flux: float = _value(24.0, "mm", "flux that leaches all that is mobile, MINLCH, fix.100 (file)")
    leaching_texture: tuple[float, float] = _value((0.5, 0.5), "-", "FLEACH, fix.100 (file): at no sand, with sand")


def parameter_table(parameters: Parameters | None = None) -> list[tuple[str, object, str, str]]:
    """All parameters as rows (name, value, unit, source); those of the crops are pairs (corn, soybean)."""
    values = parameters or Parameters()
    rows = [(f.name, getattr(values, f.name), f.metadata["unit"], f.metadata["source"]) for f in fields(values)]
    return rows + [
        (f.name, (getattr(CORN, f.name), getattr(SOYBEAN, f.name)), f.metadata["unit"], f.metadata["source"])
        for f in fields(Crop)
    ]
