"""Time scales: against plain pandas by the published rules, and what they must not depend on."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agroflux_data.sequences import number, parts
from agroflux_data.variables import DAYS
from submission import scales
from submission.accumulator import LEVELS, Accumulator, TargetMetrics, quantiles
from submission.metrics import nmae, r2, rae, rmse

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def example(seed: int, gaps: float = 0.3, years: int | None = None) -> Rows:
    """Three sites of two treatments and 1 to 4 years or so many, in the order of a release; months may be missing."""
    draw = np.random.default_rng(seed)
    keys = [number(site, treatment, 2016 + year) for site in (5, 19, 40)
            for year in range(years or 1 + site % 4) for treatment in (0, 3)]  # fmt: skip
    season = np.sin(np.arange(DAYS) / 58)
    truth = 4 + 3 * season + draw.normal(0, 1, (len(keys), 1)) + draw.normal(0, 1, (len(keys), DAYS))
    prediction = 0.8 * truth + draw.normal(0.4, 1, truth.shape)
    truth[draw.random(truth.shape) < gaps] = np.nan
    truth[draw.random(truth.shape) < gaps / 4] = np.nan
    for row in range(len(keys) if gaps else 0):
        start = int(draw.integers(0, 300))
        truth[row, start : start + int(draw.integers(0, 230))] = np.nan
    return np.array(keys), truth.astype(np.float32), prediction.astype(np.float32)


def accumulated(rows: Rows, expected: np.ndarray | None = None, **options: bool) -> TargetMetrics:
    one = Accumulator(rows[0] if expected is None else expected, **options)
    one.add(*rows)
    return one.result()


def by_pandas(rows: Rows) -> dict[str, pd.DataFrame]:
    """Site, truth and prediction of each value of each scale, day by day in long form."""
    keys, truth, prediction = rows
    site, treatment, year = (np.repeat(part, DAYS) for part in parts(keys))
    days = pd.DataFrame({
        "site": site, "treatment": treatment, "year": year, "day": np.tile(np.arange(DAYS), len(keys)),
        "t": truth.ravel().astype(float), "p": prediction.ravel().astype(float),
    }).dropna()  # fmt: skip
    days["week"] = days.day // 7
    days["month"] = (pd.Timestamp("2001-01-01") + pd.to_timedelta(days.day, "D")).dt.month

    def mean(frame: pd.DataFrame, by: list[str], least: int) -> pd.DataFrame:
        groups = frame.groupby(by)
        return groups[["t", "p"]].mean()[groups.size() >= least].reset_index()

    def departures(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
        groups = frame.groupby(by)
        apart = frame.copy()
        apart[["t", "p"]] -= groups[["t", "p"]].transform("mean")
        return apart[groups["t"].transform("size") >= 2]

    series = ["site", "treatment"]
    years = mean(days, [*series, "year"], 183)
    return {
        "daily": days,
        "weekly": mean(days, [*series, "year", "week"], 4),
        "monthly": mean(days, [*series, "year", "month"], 15),
        "yearly": years,
        "seasonal": mean(days, [*series, "day"], 2),
        "anomalies": departures(days, [*series, "day"]),
        "inter_annual": departures(years, series),
        "site_mean": mean(mean(days, [*series, "year"], 1), ["site"], 1),
    }


@pytest.mark.parametrize("years", [None, 3], ids=["uneven", "even"])
@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_scales_are_those_of_the_published_rules(gaps: float, years: int | None) -> None:
    rows = example(1, gaps, years)
    found = accumulated(rows).scales
    wanted = by_pandas(rows)
    assert tuple(found) == scales.SCALES == tuple(wanted)
    for name, frame in wanted.items():
        t, p = frame.t.to_numpy(), frame.p.to_numpy()
        pooled = found[name].pooled
        assert pooled.n == len(frame) > 1, name
        assert pooled.r2 == pytest.approx(r2(t, p), rel=1e-9), name
        assert pooled.rmse == pytest.approx(rmse(t, p), rel=1e-9), name
        assert pooled.mae == pytest.approx(np.abs(p - t).mean(), rel=1e-9), name
        assert pooled.bias == pytest.approx((p - t).mean(), rel=1e-9, abs=1e-12), name
        by_site = [(site.t.to_numpy(), site.p.to_numpy()) for _, site in frame.groupby("site")]
        for metric, function in {"r2": r2, "rmse": rmse, "nmae": nmae, "rae": rae}.items():
            if metric in found[name].sites:
                of_sites = quantiles(np.array([function(*site) for site in by_site]))
                assert found[name].sites[metric] == pytest.approx(of_sites, rel=1e-9, nan_ok=True), (name, metric)
    assert set(found["daily"].sites) == {"r2", "rmse", "nmae", "rae"}


@pytest.mark.parametrize(("take", "least", "window"), [
    (scales.weekly, 4, slice(7, 14)), (scales.monthly, 15, slice(31, 59)), (scales.yearly, 183, slice(0, 365)),
])  # fmt: skip
def test_a_mean_needs_so_many_observations(take, least: int, window: slice) -> None:
    truth = np.full((2, DAYS), np.nan)
    truth[0, window][:least] = 1
    truth[1, window][: least - 1] = 1
    t, p = take(truth, np.full(truth.shape, 3.0))
    assert np.count_nonzero(~np.isnan(t[0])) == 1
    assert p[0][~np.isnan(t[0])] == 3
    assert np.isnan(t[1]).all()


def test_the_last_day_is_in_no_week() -> None:
    truth = np.ones((1, DAYS))
    assert scales.weekly(truth, truth)[0].shape == (1, 52)
    assert scales.MONTHS.tolist() == [date.dayofyear - 1 for date in pd.date_range("2001-01-01", periods=12, freq="MS")]


def test_one_year_has_neither_season_nor_anomaly() -> None:
    truth = np.random.default_rng(0).normal(size=(2, DAYS))
    found = accumulated((np.array([number(1, 0, 2018), number(1, 1, 2018)]), truth, truth + 1)).scales
    for name in ("seasonal", "anomalies", "inter_annual"):
        assert found[name].pooled.n == 0
        assert math.isnan(found[name].pooled.rmse)
    assert found["site_mean"].pooled.n == 1
    assert found["site_mean"].pooled.bias == pytest.approx(1)
    assert math.isnan(found["site_mean"].pooled.r2)


def test_constant_truth_and_nothing_observed() -> None:
    keys = np.array([number(1, 0, year) for year in (2016, 2017, 2018)])
    constant = np.full((3, DAYS), 0.1, np.float32)
    draw = np.random.default_rng(0)
    for scale in accumulated((keys, constant, draw.normal(size=constant.shape))).scales.values():
        assert math.isnan(scale.pooled.r2)
        assert scale.pooled.rmse > 0
        assert all(map(math.isnan, scale.sites["r2"].values()))
    nothing = accumulated((keys, np.full((3, DAYS), np.nan), constant), emission=True)
    for scale in nothing.scales.values():
        assert scale.pooled.n == 0
        assert math.isnan(scale.pooled.mae)
    assert all(value is None for value in nothing.to_json()["scales"]["weekly"]["sites"]["rmse"].values())


def test_quantiles_are_over_sites_that_have_a_value() -> None:
    assert quantiles(np.array([3.0, np.nan, 1.0])) == {10: 1.2, 25: 1.5, 50: 2.0, 75: 2.5, 90: pytest.approx(2.8)}
    assert list(quantiles(np.empty(0))) == list(LEVELS)


def test_rows_must_be_those_expected() -> None:
    keys, truth, prediction = example(0)
    one = Accumulator(keys[:-1])
    with pytest.raises(ValueError, match="more rows"):
        one.add(keys, truth, prediction)
    with pytest.raises(ValueError, match="not expected"):
        one.add(np.array([number(6, 0, 2016)]), truth[:1], prediction[:1])
    with pytest.raises(ValueError, match="shape"):
        one.add(keys[:2], truth, prediction)
    one = Accumulator(keys)
    one.add(keys[:3], truth[:3], prediction[:3])
    with pytest.raises(ValueError, match="have not come"):
        one.result()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 1e3))
def test_properties(seed: int, scale: float) -> None:
    keys, truth, prediction = example(seed)
    draw = np.random.default_rng(seed)
    wanted = accumulated((keys, truth, prediction), emission=True).to_json()
    assert all(of["r2"] is None or of["r2"] <= 1 for of in wanted["scales"].values())

    def same(found: dict) -> bool:
        return flat(found) == pytest.approx(flat(wanted), rel=1e-9, abs=1e-9)

    # In any order, and in blocks whose memory is used again.
    order = draw.permutation(len(keys))
    one = Accumulator(keys, emission=True)
    for rows in np.array_split(order, draw.integers(1, 6)):
        block = keys[rows], truth[rows], prediction[rows]
        one.add(*block)
        for array in block:
            array[:] = 0
    assert same(one.result().to_json())
    # What is predicted on unobserved days.
    elsewhere = np.where(np.isnan(truth), draw.choice([np.nan, np.inf, -1e30, 7], truth.shape), prediction)
    assert same(accumulated((keys, truth, elsewhere), emission=True).to_json())
    # Another unit.
    scaled = accumulated((keys, truth * scale, prediction * scale)).scales
    for name, of in scaled.items():
        then = wanted["scales"][name]
        if then["r2"] is not None:
            assert of.pooled.r2 == pytest.approx(then["r2"], rel=1e-5)
            assert of.pooled.rmse == pytest.approx(then["rmse"] * scale, rel=1e-5)


def flat(found: dict, path: str = "") -> dict[str, float]:
    """Numbers by their path; what is not defined is a number that no metric has."""
    return {
        key: value
        for name, inner in found.items()
        for key, value in (
            flat(inner, f"{path}/{name}")
            if isinstance(inner, dict)
            else {f"{path}/{name}": -1e99 if inner is None else inner}
        ).items()
    }
