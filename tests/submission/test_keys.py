"""Keys are compared and joined whatever their order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from submission.keys import compare, positions

numbers = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20)


@given(numbers, st.sets(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_compare_is_that_of_sets(found: list[int], expected: set[int]) -> None:
    found += sorted(expected)[::2]
    result = compare(np.array(found, np.int64), np.array(list(expected), np.int64))
    assert result.missing.tolist() == sorted(expected - set(found))
    assert result.extra.tolist() == sorted(set(found) - expected)
    assert result.duplicate.tolist() == sorted({key for key in found if found.count(key) > 1})


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20, unique=True), st.randoms())
def test_positions(keys: list[int], random) -> None:
    among = np.array(keys, np.int64)
    wanted = np.array(random.choices(keys, k=7) if keys else [], np.int64)
    np.testing.assert_array_equal(among[positions(wanted, among)], wanted)


@pytest.mark.parametrize(("wanted", "among"), [([3], [1, 2]), ([0], [1, 2]), ([1], [])])
def test_a_key_that_is_not_there(wanted: list[int], among: list[int]) -> None:
    with pytest.raises(KeyError):
        positions(np.array(wanted, np.int64), np.array(among, np.int64))
