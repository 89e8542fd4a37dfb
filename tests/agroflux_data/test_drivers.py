"""Choosing series of drivers: neighbours as they lie, others as copies, the same numbers either way."""

from __future__ import annotations

import numpy as np
import pytest

from agroflux_data.simulators.drivers import Latents, Management

PLANS = Management(*(np.arange(12.0).reshape(3, 4) + 100 * number for number in range(3)))


@pytest.mark.parametrize(
    ("series", "shared"), [([1, 2, 3], True), ([2], True), ([1, 3], False), ([2, 1], False), ([1, 1], False)]
)
def test_neighbours_are_a_view(series, shared):
    taken = PLANS.take(np.array(series))
    assert np.array_equal(taken.PDOY, PLANS.PDOY[:, series])
    assert np.shares_memory(taken.PDOY, PLANS.PDOY) == shared


def test_no_series_are_none():
    none = Latents.neutral(2, 3).take(np.arange(0))
    assert (none.vigour.shape, none.tile.shape) == ((2, 0), (0,))
