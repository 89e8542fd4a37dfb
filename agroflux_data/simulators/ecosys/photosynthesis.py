"""Carbon fixation of leaves: Farquhar for soybean (C3), Collatz for maize (C4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.ecosys.parameters import Parameters
from agroflux_data.simulators.ecosys.temperature import GAS, KELVIN, response

__all__ = ["Leaf", "leaf"]

Array = NDArray[np.floating]


class Leaf:
    """Photosynthetic capacity of leaves at one temperature and light; `assimilation` then follows internal CO2.

    Parameters
    ----------
    vcmax25 : array
        Rubisco (C3) or overall (C4) capacity at 25 degC, umol m-2 s-1 over the ground.
    jmax_ratio : array
        Electron transport over carboxylation capacity at 25 degC.
    absorbed : array
        Absorbed PAR, umol m-2 s-1 over the ground.
    temperature : array
        Leaf, degC.
    corn : bool array
        C4 where true.
    """

    def __init__(
        self,
        p: Parameters,
        vcmax25: Array,
        jmax_ratio: Array,
        absorbed: Array,
        temperature: Array,
        corn: NDArray[np.bool_],
    ):
        self._p, self._corn = p, corn
        kelvin = temperature + KELVIN
        vcmax = vcmax25 * response(temperature, p.carboxylation_energy)
        jmax = vcmax25 * jmax_ratio * response(temperature, p.electron_energy)
        oxygenation = response(temperature, p.oxygenation_energy)
        # Solubility turns mole fractions into the concentrations of Kc and Ko.
        co2, o2 = np.exp(-2.621 - 0.0317 * temperature), np.exp(-6.175 - 0.0211 * temperature)
        kc = p.kc25 * np.exp(16.136 - 40000 / (GAS * kelvin))
        ko = p.ko25 * np.exp(8.067 - 20000 / (GAS * kelvin))
        oxygen = p.oxygen * o2
        self._km = kc * (1 + oxygen / ko) / co2
        # Oxygenation runs at 0.21 of carboxylation at 25 degC, and releases half a CO2.
        ratio = 0.21 * oxygenation * vcmax25 / np.maximum(vcmax, 1e-12)
        self._gamma = np.where(corn, 0.0, 0.5 * ratio * oxygen * kc / ko / co2)
        electrons = p.quantum_yield * absorbed
        self._j = _smaller(p.curvature, electrons, jmax)
        self._vcmax = vcmax
        light = p.c4_quantum_yield * absorbed
        self._c4 = _smaller(p.c4_smooth_light, vcmax, light)
        self._slope = p.c4_slope * vcmax

    @property
    def compensation(self) -> Array:
        """CO2 compensation point, umol mol-1; 0 for C4."""
        return self._gamma

    def assimilation(self, ci: Array) -> Array:
        """CO2 fixed less photorespired, umol m-2 s-1, at an internal CO2 in umol mol-1.

        C3: the smaller of carboxylation and electron transport, 4.5 electrons a CO2 (Farquhar, von Caemmerer & Berry
        1980, Planta 149:78; Grant 1989, Ecol. Model. 44:309). C4: smoothed minimum of light, capacity and the initial
        slope of PEP carboxylation (Collatz, Ribas-Carbo & Berry 1992, Aust. J. Plant Physiol. 19:519).
        """
        above = np.maximum(ci - self._gamma, 0)
        c3 = above * np.minimum(self._vcmax / (ci + self._km), self._j / (4.5 * ci + 10.5 * self._gamma + 1e-9))
        return np.where(self._corn, _smaller(self._p.c4_smooth_carbon, self._c4, self._slope * ci), c3)


def leaf(p: Parameters, vcmax25: float, absorbed: float, temperature: float, corn: bool) -> Leaf:
    """A single leaf, for curves: numbers in, arrays of shape () inside."""
    return Leaf(
        p, np.asarray(vcmax25), np.asarray(1.8), np.asarray(absorbed), np.asarray(temperature), np.asarray(corn)
    )


def _smaller(curvature: float, a: Array, b: Array) -> Array:
    """The smaller root x of curvature x^2 - (a + b) x + a b = 0, a smooth minimum."""
    both, product = a + b, a * b
    return 2 * product / (both + np.sqrt(both * both - 4 * curvature * product) + 1e-9)
