"""What microbes live in: temperature, water films, pore air, for every layer and step of a day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.ecosys.column import conductances
from agroflux_data.simulators.ecosys.parameters import RATE, THICKNESS, Parameters
from agroflux_data.simulators.ecosys.temperature import KELVIN, growth
from agroflux_data.simulators.hydraulics import Hydraulics

__all__ = ["ATMOSPHERIC_OXYGEN", "DEPTHS", "RESIDUE_DEPTH", "Habitat", "habitat"]

Array = NDArray[np.floating]

ATMOSPHERIC_OXYGEN = 279.0
"""g m-3 of air at 20 degC."""
RESIDUE_DEPTH = 0.02
"""Of the surface residue, m."""
DEPTHS = np.concatenate([[[RESIDUE_DEPTH]], THICKNESS]).astype(RATE)
"""Thickness of the residue and the layers, m, (layers + 1, 1)."""
_RESIDUE_POROSITY = 0.9
_RESIDUE_WATER = 0.35
"""Water content of residue over saturated soil, m3 m-3."""
_BOUNDARY = 0.005
"""Still air over the residue, m."""


class Habitat(NamedTuple):
    """Conditions of the residue and the soil layers through a day, (steps, layers + 1, series) each."""

    rate: Array
    """Response to temperature times that to water potential."""
    thermal: Array
    """Response to temperature alone."""
    water: Array
    """m of water."""
    oxygen_solubility: Array
    """Dissolved over gaseous concentration."""
    site_conductance: Array
    """O2 into the microsites of 1 gC of microbes, m3 h-1."""
    conductance: Array
    """Of O2 between the layers' pore air, m h-1; first towards the atmosphere."""
    nitrous_capacity: Array
    """gN m-2 for each gN m-3 in pore air."""
    nitrous_solubility: Array


def habitat(p: Parameters, hydraulics: Hydraulics, content: Array, temperature: Array) -> Habitat:
    """Conditions from water content and temperature.

    Water films thin as soil dries (fitted retention of films as in Grant & Rochette 1994, Soil Sci. Soc. Am. J.
    58:1681); gas diffuses by Millington & Quirk (1960), D = D0 eps^2 / phi^(2/3); solubilities are those of Wilhelm
    et al. (1977, Chem. Rev. 77:219); a microsite takes O2 through its film like a sphere (Grant 1993).

    Parameters
    ----------
    content : array (steps, layers, series)
        m3 m-3.
    temperature : array (steps, layers, series)
        degC.
    """
    potential = np.maximum(hydraulics.potential(np.minimum(content, hydraulics.saturation)), -15.0)
    potential = np.concatenate([potential[:, :1] * 2, potential], 1)
    temperature = np.concatenate([temperature[:, :1], temperature], 1)
    wetness = content[:, :1] / hydraulics.saturation
    content = np.concatenate([_RESIDUE_WATER * wetness, content], 1)
    porosity = np.empty_like(content)
    porosity[:, 0] = _RESIDUE_POROSITY
    porosity[:, 1:] = hydraulics.saturation
    thermal = growth(temperature)
    film = np.maximum(np.exp(-13.833 - 0.857 * np.log(-potential)), 1e-6)
    sphere = 3 * p.water_diffusivity * 3600 / (p.site_carbon * p.site_radius**2)
    air = np.maximum(porosity - content, 0.0)
    # Bubbles of entrapped air and slow diffusion through water are left when pores are full.
    relative = np.maximum(air * air / porosity ** (2 / 3), 2e-6)
    diffusivity = 3600 * p.gas_diffusivity * ((temperature + KELVIN) / KELVIN) ** 1.75 * relative
    above = np.full(diffusivity[:, 0].shape, _BOUNDARY / (3600 * p.gas_diffusivity), RATE)
    solubility = 1.30 * np.exp(-0.031 * temperature)
    return Habitat(
        rate=thermal * np.exp(p.water_sensitivity * potential),
        thermal=thermal,
        water=content * DEPTHS,
        oxygen_solubility=0.0489 * np.exp(-0.020 * temperature),
        site_conductance=sphere * (p.site_radius + film) / film,
        conductance=conductances(diffusivity, DEPTHS, above),
        nitrous_capacity=(air + content * solubility) * DEPTHS,
        nitrous_solubility=solubility,
    )
