"""Numbers in one unit become the same thing in another, or the two are said to measure different things."""

from __future__ import annotations

import pytest

from agroflux_data.sources.chambers.flux_units import EXAMPLES, nitrogen_flux
from agroflux_data.units import conversion
from agroflux_data.variables import VARIABLES


@pytest.mark.parametrize(
    ("unit", "into", "number", "same"),
    [
        ("degC", "K", 20.0, 293.15),
        ("degF", "degC", 212.0, 100.0),
        ("g kg-1", "%", 250.0, 25.0),
        ("mm d-1", "cm d-1", 12.0, 1.2),
        ("MJ m-2 d-1", "W m-2", 8.64, 100.0),
        ("kPa", "hPa", 1.5, 15.0),
        ("Mg m-3", "kg m-3", 1.3, 1300.0),
        ("umol CO2 m-2 s-1", "g C m-2 d-1", 1.0, 1.03772448),
        ("g CO2 m-2 d-1", "g C m-2 d-1", 44.0095, 12.0107),
        ("kg N ha-1 d-1", "g N m-2 d-1", 1.0, 0.1),
        ("m3 m-3", "%", 0.3, 30.0),
        ("km/h", "m s-1", 3.6, 1.0),
    ],
)
def test_units_of_one_thing_convert(unit: str, into: str, number: float, same: float) -> None:
    there, back = conversion(unit, into), conversion(into, unit)
    assert there is not None
    assert back is not None
    assert there[0] * number + there[1] == pytest.approx(same, rel=1e-6)
    assert back[0] * same + back[1] == pytest.approx(number, rel=1e-6)


@pytest.mark.parametrize(
    ("unit", "into"),
    [
        ("degC", "mm"),
        ("g C kg-1", "g kg-1"),
        ("g C m-2 d-1", "g N m-2 d-1"),
        ("furlong", "m"),
        ("C", "degC"),
        ("", "-"),
    ],
)
def test_what_measures_something_else_does_not(unit: str, into: str) -> None:
    assert conversion(unit, into) is None


def test_every_variable_has_a_unit_that_is_understood() -> None:
    for variable in VARIABLES.values():
        assert conversion(variable.unit, f"{variable.unit} m m-1" if variable.unit != "degC" else "K") is not None


@pytest.mark.parametrize("unit", EXAMPLES)
def test_chamber_units_are_the_same(unit: str) -> None:
    factor, offset = conversion(unit, "g N m-2 d-1") or (0.0, 1.0)
    assert factor == pytest.approx(nitrogen_flux(unit))
    assert offset == 0
