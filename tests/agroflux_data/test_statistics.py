from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agroflux_data.statistics import Moments, pool

numbers = st.one_of(st.floats(-1e3, 1e3, width=32), st.just(math.nan))


@given(hnp.arrays(np.float32, st.integers(0, 30), elements=numbers), st.integers(0, 30))
def test_moments_of_parts_pool_to_those_of_the_whole(values, cut):
    together = Moments.of(values[:cut]) + Moments.of(values[cut:])
    whole = Moments.of(values)
    assert together.n == whole.n
    if whole.n:
        np.testing.assert_allclose(
            [together.mean, together.sd, together.min, together.max],
            [whole.mean, whole.sd, whole.min, whole.max],
            rtol=1e-6,
            atol=1e-4,
        )


def test_nothing_observed_is_nan_and_survives_json():
    nothing = Moments.of(np.full(3, np.nan))
    assert nothing.n == 0
    assert nothing.to_json() == {"n": 0, "mean": None, "sd": None, "min": None, "max": None}
    assert math.isnan(Moments.from_json(nothing.to_json()).mean)


def test_pool_goes_by_variable():
    first, second = (
        {"GPP": Moments.of(np.array([1.0]))},
        {"GPP": Moments.of(np.array([3.0])), "NEE": Moments.of(np.ones(2))},
    )
    pooled = pool([first, second])
    assert (pooled["GPP"].n, pooled["GPP"].mean, pooled["GPP"].sd) == (2, 2.0, 1.0)
    assert pooled["NEE"].n == 2
