"""Closure of carbon."""

from __future__ import annotations

import math

import numpy as np
import pytest

from submission.closure import Closure


def test_closure_is_of_observed_days_and_adds_up() -> None:
    draw = np.random.default_rng(0)
    reco, gpp = draw.gamma(2, 2, (2, 4, 365))
    observed = draw.random((4, 365)) < 0.5
    gap = draw.normal(0, 1, reco.shape)
    nee = reco - gpp + gap
    whole = Closure.of(nee, reco, gpp, observed)
    assert whole.n == observed.sum()
    assert whole.mean == pytest.approx(np.abs(gap[observed]).mean(), rel=1e-9)
    assert whole.largest == pytest.approx(np.abs(gap[observed]).max(), rel=1e-9)
    parts = Closure.of(nee[:1], reco[:1], gpp[:1], observed[:1]) + Closure.of(nee[1:], reco[1:], gpp[1:], observed[1:])
    assert (parts.n, parts.largest) == (whole.n, whole.largest)
    assert parts.mean == pytest.approx(whole.mean, rel=1e-9)
    assert Closure.of(np.where(observed, nee, np.nan), reco, gpp, observed) == whole
    closed = Closure.of((reco - gpp).astype(np.float32), reco.astype(np.float32), gpp.astype(np.float32), observed)
    assert closed.largest < 1e-5


def test_no_day() -> None:
    one = np.ones((1, 3))
    assert math.isnan(Closure.of(one, one, one, np.zeros((1, 3), bool)).mean)
