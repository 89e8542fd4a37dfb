"""Units of N2O flux as people write them, and how many g N m-2 d-1 one of each is."""

from __future__ import annotations

import re

from agroflux_data.errors import AgrofluxError

__all__ = ["EXAMPLES", "nitrogen_flux"]

EXAMPLES = ("g N m-2 d-1", "ug N2O-N m-2 h-1", "mg N2O m-2 h-1", "g N ha-1 d-1", "nmol N2O m-2 s-1")
"""What is understood: a prefix, mass or moles, the substance, an area and a time."""

_NITROGEN = 28.0134
"""g of N in 1 mol of N2O, which weighs 44.0128 g (IUPAC 2021)."""
_PREFIX = {"": 1.0, "k": 1e3, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}
_AREA = {"m": 1.0, "ha": 1e4, "cm": 1e-4}
_TIME = {"s": 86400.0, "min": 1440.0, "h": 24.0, "hr": 24.0, "d": 1.0, "day": 1.0}
_SUBSTANCE = {"N2O-N": 1.0, "N": 1.0, "N2O": _NITROGEN / 44.0128}

_PER = r"(?:\s*(?:/|\s)\s*|\s*)"
_UNIT = re.compile(
    rf"(?P<prefix>[kmunµμ]?)(?P<kind>g|mol)\s+(?P<substance>N2O-N|N2O|N)"
    rf"{_PER}(?P<area>ha|cm|m)(?P<square>\^?-?2|²|⁻²)?(?:\^?-1|⁻¹)?"
    rf"{_PER}(?P<time>s|min|hr|h|day|d)(?:\^?-1|⁻¹)?"
)


def nitrogen_flux(unit: str) -> float:
    """How many g N m-2 d-1 one of a unit is.

    Mass is of nitrogen or of the gas, moles are of the gas.

    >>> nitrogen_flux("ug N2O-N m-2 h-1")
    2.4e-05
    >>> round(nitrogen_flux("nmol N2O m-2 s-1"), 8)
    0.00242036

    Raises
    ------
    AgrofluxError
        The unit is not understood.
    """
    match = _UNIT.fullmatch(unit.strip())
    if match is not None:
        area, square, substance = match["area"], match["square"], match["substance"]
        moles = match["kind"] == "mol"
        # A hectare is an area already; metres need their square; moles of N would be another molecule.
        if bool(square) == (area != "ha") and not (moles and substance != "N2O"):
            amount = _NITROGEN if moles else _SUBSTANCE[substance]
            return _PREFIX[match["prefix"]] * amount / _AREA[area] * _TIME[match["time"]]
    raise AgrofluxError("unknown unit of N2O flux", expected=f"such as {', '.join(EXAMPLES)}", came=unit)
