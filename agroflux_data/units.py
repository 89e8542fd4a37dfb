"""Physical units as variables have them, such as ``g C m-2 d-1``, and how numbers go from one to another."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

__all__ = ["conversion"]

_DAY = 86_400.0
_CARBON, _NITROGEN, _OXYGEN = 12.0107, 14.0067, 15.9994
"""g mol-1; that of carbon as ONEFlux has it."""

_BASES: dict[str, tuple[float, dict[str, int]]] = {
    "g": (1.0, {"g": 1}), "t": (1e6, {"g": 1}), "m": (1.0, {"m": 1}), "ha": (1e4, {"m": 2}), "l": (1e-3, {"m": 3}),
    "s": (1.0, {"s": 1}), "min": (60.0, {"s": 1}), "h": (3600.0, {"s": 1}), "d": (_DAY, {"s": 1}),
    "y": (365 * _DAY, {"s": 1}), "K": (1.0, {"K": 1}), "degC": (1.0, {"K": 1}), "degF": (5 / 9, {"K": 1}),
    "mol": (1.0, {"mol": 1}), "Pa": (1e3, {"g": 1, "m": -1, "s": -2}), "bar": (1e8, {"g": 1, "m": -1, "s": -2}),
    "J": (1e3, {"g": 1, "m": 2, "s": -2}), "W": (1e3, {"g": 1, "m": 2, "s": -3}), "-": (1.0, {}), "%": (1e-2, {}),
}  # fmt: skip
_BASES |= {"day": _BASES["d"], "hr": _BASES["h"], "yr": _BASES["y"], "L": _BASES["l"]}
_PREFIXES = {"M": 1e6, "k": 1e3, "h": 1e2, "c": 1e-2, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}
_ZEROS = {"degC": 273.15, "degF": 459.67 * 5 / 9}
"""What zero of a scale is in K."""

_SUBSTANCES = {
    "C": ("C", 1.0, _CARBON),
    "CO2-C": ("C", 1.0, _CARBON),
    "CO2": ("C", _CARBON / (_CARBON + 2 * _OXYGEN), _CARBON),
    "N": ("N", 1.0, _NITROGEN),
    "N2O-N": ("N", 1.0, 2 * _NITROGEN),
    "N2O": ("N", 2 * _NITROGEN / (2 * _NITROGEN + _OXYGEN), 2 * _NITROGEN),
}
"""The element that is counted; g of it in 1 g and in 1 mol of the substance."""
_TOKEN = re.compile(r"(?P<over>/?)(?P<name>[^\d/^]+?)\^?(?P<power>[+-]?\d+)?")


@dataclass(frozen=True)
class _Unit:
    """What a unit measures, how many units of the base one is, and where its zero lies."""

    measures: tuple[tuple[str, int], ...]
    factor: float
    zero: float = 0.0


def conversion(unit: str, into: str) -> tuple[float, float] | None:
    """Factor and offset that take numbers of one unit into another: ``factor * number + offset``.

    Mass and moles of a substance are those of its carbon or nitrogen, so that ``umol CO2 m-2 s-1`` is a unit of
    ``g C m-2 d-1``. A year has 365 days.

    Parameters
    ----------
    unit, into : str
        Symbols with powers between blanks, ``/`` before what is divided by, and a substance after what it is of.

    Returns
    -------
    tuple of float, or None
        None where they measure different things, or one of them is not understood and they are not the same text.

    Examples
    --------
    >>> conversion("degC", "K"), conversion("g kg-1", "mm")
    ((1.0, 273.15), None)
    >>> round(conversion("umol CO2 m-2 s-1", "g C m-2 d-1")[0], 6)
    1.037724
    """
    if unit == into:
        return 1.0, 0.0
    one, other = _parsed(unit), _parsed(into)
    if one is None or other is None or one.measures != other.measures:
        return None
    return one.factor / other.factor, (one.zero - other.zero) / other.factor


def _parsed(unit: str) -> _Unit | None:
    measures: Counter[str] = Counter()
    factor, zero = 1.0, 0.0
    tokens = unit.replace("/", " /").split()
    amounts: list[str] = []
    for place, token in enumerate(tokens):
        if token in _SUBSTANCES:
            if not amounts or amounts[-1] not in ("g", "mol") or place == 0:
                return None
            element, of_mass, of_moles = _SUBSTANCES[token]
            if amounts[-1] == "mol":
                measures["mol"] -= 1
                measures["g"] += 1
            factor *= of_mass if amounts[-1] == "g" else of_moles
            measures[element] += 1
            amounts.append("")
            continue
        match = _TOKEN.fullmatch(token)
        found = None if match is None else _base(match["name"])
        if match is None or found is None:
            return None
        base, prefix = found
        power = int(match["power"] or 1) * (-1 if match["over"] else 1)
        size, dimensions = _BASES[base]
        factor *= (prefix * size) ** power
        for dimension, exponent in dimensions.items():
            measures[dimension] += exponent * power
        amounts.append(base if power == 1 else "")
        if base in _ZEROS and len(tokens) == 1 and power == 1:
            zero = _ZEROS[base]
    if not tokens:
        return None
    return _Unit(tuple(sorted((name, power) for name, power in measures.items() if power)), factor, zero)


def _base(name: str) -> tuple[str, float] | None:
    """The base that a symbol is of, and its prefix."""
    if name in _BASES:
        return name, 1.0
    if name[:1] in _PREFIXES and name[1:] in ("g", "m", "l", "L", "s", "mol", "Pa", "bar", "J", "W"):
        return name[1:], _PREFIXES[name[0]]
    return None
