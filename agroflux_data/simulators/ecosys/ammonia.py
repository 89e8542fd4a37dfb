"""Ammonia that leaves the soil's surface after fertilisation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.ecosys.parameters import Parameters
from agroflux_data.simulators.ecosys.temperature import KELVIN

__all__ = ["volatilised"]

Array = NDArray[np.floating]
_MILLIMOLES = 1 / 14
"""mmol kg-1 for each gN Mg-1."""


def volatilised(
    p: Parameters, ammonium: Array, held: Array, mass: Array, ph: Array, temperature: Array, hours: float
) -> Array:
    """NH3-N that the uppermost layer gives off in a time, gN m-2.

    NH4 in solution is in equilibrium with NH3 (Emerson et al. 1975, J. Fish. Res. Board Can. 32:2379), that with NH3
    in pore air (Henry's law, Hales & Drewes 1979, Atmos. Environ. 13:1133: 0.74 mol m-3 Pa-1 at 25 degC, 3,700 K as
    compiled by Sander 2023, Atmos. Chem. Phys. 23:10901), which diffuses through a boundary layer. Hydrolysis of urea,
    over within a day or two, leaves the soil alkaline against its buffer until nitrification takes the ammonium, so pH
    follows the ammonium that is there: what is lost hangs on pH, buffer and rate, little on the boundary layer
    (Rachhpal-Singh & Nye 1986, J. Soil Sci. 37, parts I and III, doi:10.1111/j.1365-2389.1986.tb00004.x).

    Parameters
    ----------
    ammonium, held : arrays (series,)
        gN m-2, and the water that would hold all of it at the concentration of the solution, m.
    mass : array (series,)
        Of the layer, Mg m-2.
    ph, temperature : arrays (series,)
        Of the soil; temperature in degC.
    """
    kelvin = temperature + KELVIN
    alkaline = ph + np.minimum(p.urea_alkalinity * _MILLIMOLES * ammonium / (mass * p.ph_buffer), 2.0)
    dissociation = 0.09018 + 2729.92 / kelvin
    ammonia = 1 / (1 + 10 ** (dissociation - alkaline))
    gaseous = ammonia * 10 ** (1.69 - 1477.7 / kelvin)
    return ammonium * -np.expm1(-p.ammonia_conductance * hours * gaseous / held)
