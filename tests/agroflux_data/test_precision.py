from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agroflux_data.simulators.precision import rounded


@given(hnp.arrays(np.float32, st.integers(0, 40), elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False)))
def test_the_error_is_small_and_the_end_of_the_fraction_is_zero(values):
    cut = rounded(values)
    assert np.all(np.abs(cut.astype(float) - values) <= np.abs(values.astype(float)) * 2.0**-16)
    assert not np.any(cut.view(np.uint32) & 0xFF)
    np.testing.assert_array_equal(rounded(cut), cut)


def test_what_is_missing_stays_missing_and_flags_stay_flags():
    np.testing.assert_array_equal(rounded(np.array([np.nan, 0, 1, -0.5])), np.float32([np.nan, 0, 1, -0.5]))
