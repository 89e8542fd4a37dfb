"""Why targets are missed: a line for each, and reasons only for what there is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agroflux_data import realism
from agroflux_data.realism import Response, Scaler, Season, Spread, TopDays
from agroflux_data.realism_reasons import _RESPONSES, _SCALERS, _SEASONS, reasons
from agroflux_data.release import Release

GOOD = Scaler("GPP", ("GPP",), "", 2.8, 4.8, 2.8, 4.8)


def season(flux: str, months: int) -> Season:
    inside = tuple(number < months for number in range(12))
    return Season("ecosys", "soybean", flux, 9, (1.0,) * 12, 365.0, {"US-Ne3": months}, inside)


def test_what_holds_needs_no_reason() -> None:
    assert reasons(GOOD, season("NEE", 9)) == []


def test_each_missed_target_has_a_line_with_its_reason() -> None:
    flat = (Spread(1.0, 1.0, 1.0),) * 2
    response = Response("ecosys", (0.0, 16.0), flat, flat, 0.01, 15.3)
    low, nee, rises, saturates = reasons(replace(GOOD, official="NH4_1", mean=0.0), GOOD, season("NEE", 7), response)
    assert low == f"NH4_1: {_SCALERS['NH4_1']}"
    assert nee.startswith("ecosys, soybean, NEE: residue of corn")
    assert rises.startswith("ecosys, N2O rises: no reason known")
    assert saturates.startswith("ecosys, yield saturates: the small scale has two rates")


def test_a_miss_without_a_known_reason_says_so() -> None:
    (line,) = reasons(TopDays("daycent", 3, Spread(0.9, 0.8, 1.0), ()))
    assert line.startswith("daycent, top 5 % of days: no reason known")


def test_reasons_are_of_targets_that_there_are(toy_release) -> None:
    found = realism.measure(Release(toy_release))
    assert set(_SCALERS) <= {one.official for one in found.scalers}
    assert set(_SEASONS) <= {(one.source, one.crop, one.flux) for one in found.seasons}
    assert set(_RESPONSES) <= {(one.source, target) for one in found.responses for target in one.targets}


@pytest.mark.parametrize("text", [*_SCALERS.values(), *_SEASONS.values(), *_RESPONSES.values()])
def test_a_reason_is_a_sentence_or_two(text: str) -> None:
    assert text.endswith(".")
    assert len(text) < 400
    assert "  " not in text
