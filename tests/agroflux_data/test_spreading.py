"""A spread-out order takes the far ends before what lies between."""

from __future__ import annotations

import numpy as np

from agroflux_data.simulators.spreading import farthest_first


def test_a_line_is_taken_from_its_ends_inwards():
    assert farthest_first(np.arange(9.0)[:, None], 4) == [4, 0, 8, 2, 6, 1, 3, 5, 7]


def test_every_point_comes_once_even_if_some_are_the_same():
    points = np.array([(0, 0), (0, 0), (1, 0), (0, 1), (1, 1)], float)
    order = farthest_first(points, 0)
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert order[-1] == 1
