"""Pinball loss, CRPS and coverage: against what is known, by hand and in closed form; and in a scored file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from typer.testing import CliRunner

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets
from submission import metrics, read, score
from submission.bootstrap import Bootstrap, site_years
from submission.cli import app
from submission.quantiles import column, columns
from submission.report import FaultsError
from submission.scoring import SCORER
from submission.uncertainty import QuantileSums, central, crps, pinball, weights
from submission.validation import validate
from tests.submission.conftest import Arrays
from tests.submission.test_quantiles import around
from tests.submission.test_scoring import noisy

Submit = Callable[..., Path]


def test_by_hand() -> None:
    truth = np.array([[1.0, 4.0, np.nan, 2.0]])
    low, high = np.array([[0.0, 3.0, 9.0, 3.0]]), np.array([[2.0, 3.5, 0.0, 5.0]])
    # 1 and 1 above the 20 % quantile, 1 below it.
    assert pinball(truth, low, 20) == pytest.approx((0.2 * (1 + 1) + 0.8 * 1) / 3)
    # 1 and 3 below the 80 % quantile, 0.5 above it.
    assert pinball(truth, high, 80) == pytest.approx((0.8 * 0.5 + 0.2 * (1 + 3)) / 3)
    found = QuantileSums.of(truth, {20: low, 80: high}).uncertainty()
    assert found.levels == (20, 80)
    assert found.pinball == pytest.approx({"q20": 1.2 / 3, "q80": 1.2 / 3})
    assert found.crps == pytest.approx(2 * 1.2 / 3)
    assert list(found.central) == ["60"]
    assert found.central["60"].coverage == pytest.approx(1 / 3)
    assert found.central["60"].width == pytest.approx((2 + 0.5 + 2) / 3)


def test_bounds_are_inside() -> None:
    truth = np.array([[1, 2, 3, 4]], np.float32)
    exact = QuantileSums.of(truth, {5: truth, 95: truth}).uncertainty()
    assert (exact.central["90"].coverage, exact.central["90"].width, exact.crps) == (1, 0, 0)
    above = np.nextafter(truth, np.float32(9))
    assert QuantileSums.of(truth, {5: above, 95: above}).uncertainty().central["90"].coverage == 0


def test_intervals_that_levels_form() -> None:
    assert central([5, 25, 50, 75, 90, 95]) == {"90": (5, 95), "50": (25, 75)}
    assert central([10, 50, 80]) == {}
    assert next(iter(central(range(1, 100)))) == "98"
    assert len(central(range(1, 100))) == 49


def test_weights() -> None:
    for even in ([50], [25, 50, 75], range(10, 100, 10), range(1, 100)):
        np.testing.assert_allclose(weights(list(even)), 1 / len(list(even)), rtol=1e-12)
    np.testing.assert_allclose(weights([5, 25, 95]), np.array([25, 90, 75]) / 190)


@pytest.mark.parametrize(
    ("levels", "off"), [(range(1, 100), 0.01), (range(5, 100, 5), 0.05), ((5, 25, 50, 75, 95), 0.05)]
)
def test_a_normal_distribution(levels: range | tuple[int, ...], off: float) -> None:
    """Its CRPS is known: sigma (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)); Gneiting & Raftery 2007, eq. 21."""
    draw = np.random.default_rng(0)
    mean, sigma = draw.normal(3, 2, 20_000), draw.uniform(0.5, 2, 20_000)
    truth = mean + sigma * draw.standard_normal(20_000)
    z = (truth - mean) / sigma
    exact = float((sigma * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / math.sqrt(math.pi))).mean())
    quantiles = {level: mean + sigma * norm.ppf(level / 100) for level in levels}
    assert crps(truth, quantiles) == pytest.approx(exact, rel=off)
    found = QuantileSums.of(truth[None], {level: one[None] for level, one in quantiles.items()}).uncertainty()
    for percent, one in found.central.items():
        assert one.coverage == pytest.approx(int(percent) / 100, abs=0.012)
        assert one.width == pytest.approx(2 * norm.ppf(0.5 + int(percent) / 200) * sigma.mean(), rel=1e-9)
    # It is proper: who says too little or too much of the spread, or is off, has a worse one.
    for wrong in (lambda q: mean + 0.6 * (q - mean), lambda q: mean + 1.6 * (q - mean), lambda q: q + 0.5):
        assert crps(truth, {level: wrong(one) for level, one in quantiles.items()}) > 1.02 * crps(truth, quantiles)


def test_quantiles_that_are_all_the_same_have_the_absolute_error() -> None:
    truth, prediction = np.random.default_rng(0).normal(size=(2, 4, 365))
    truth[truth > 1] = np.nan
    for levels in ((5, 95), (10, 50, 90), (1, *range(5, 100, 5), 99)):
        found = crps(truth, dict.fromkeys(levels, prediction))
        assert found == pytest.approx(metrics.mae(truth, prediction), rel=1e-12)


def test_nothing_observed() -> None:
    nothing = QuantileSums.of(np.full((2, 365), np.nan), {5: np.zeros((2, 365)), 95: np.zeros((2, 365))}).uncertainty()
    assert math.isnan(nothing.crps)
    assert math.isnan(nothing.central["90"].coverage)
    with pytest.raises(ValueError, match="shape"):
        QuantileSums.of(np.zeros((2, 365)), {5: np.zeros((2, 364))})


def test_means_of_resamples() -> None:
    """Of a constant they are that constant; the mean of their distribution is the sample's."""
    sequence = np.array([site * 1_000_000 + year for site in range(1, 9) for year in (2019, 2020)])
    n = np.random.default_rng(0).integers(0, 365, len(sequence))
    values = np.random.default_rng(1).normal(5, 1, len(sequence))
    found = Bootstrap(site_years(sequence), 4000).means(n, {"same": 7.0 * n, "other": values * n})
    np.testing.assert_allclose(found["same"], 7)
    assert found["other"].mean() == pytest.approx((values * n).sum() / n.sum(), abs=0.02)


def test_a_scored_file(submit: Submit, truth: Arrays, release: Release) -> None:
    more = around(noisy(truth), "GPP", (5, 25, 50, 75, 95)) | around(noisy(truth), "NEE", (10, 30))
    made = noisy(truth)
    public = Targets.of(release).table("ecosys_temporal", "test", ["public"])["public"].to_numpy()
    plain = score(submit("plain.parquet", made), release, half="public")
    found = score(submit("file.parquet", made | more), release, half="public")
    for name, target in found.targets.items():
        assert replace(target, uncertainty=None) == plain.targets[name], "the other numbers are what they were"
    gpp, nee = found.targets["GPP"].uncertainty, found.targets["NEE"].uncertainty
    assert found.targets["N2O"].uncertainty is None
    assert gpp is not None
    assert nee is not None
    t = truth["GPP"][public]
    of = {level: more[column("GPP", level)][public] for level in gpp.levels}
    assert gpp.crps == pytest.approx(crps(t, of), rel=1e-9)
    for level in gpp.levels:
        assert gpp.pinball[f"q{level:02d}"] == pytest.approx(pinball(t, of[level], level), rel=1e-9)
    assert list(gpp.central) == ["90", "50"]
    assert gpp.central["90"].coverage == np.mean((of[5] <= t) & (t <= of[95]))
    assert gpp.central["50"].width == pytest.approx(float((of[75].astype(float) - of[25]).mean()), rel=1e-6)
    assert set(gpp.intervals) == {"crps", "coverage_90", "coverage_50"}
    assert gpp.intervals["crps"].low < gpp.crps < gpp.intervals["crps"].high
    assert gpp.intervals["coverage_90"].low <= gpp.central["90"].coverage <= gpp.intervals["coverage_90"].high
    assert (nee.levels, nee.central, list(nee.intervals)) == ((10, 30), {}, ["crps"])
    assert score(submit("file.parquet", made | more), release, half="private").targets["GPP"].uncertainty != gpp


def test_order_does_not_matter(submit: Submit, truth: Arrays, release: Release) -> None:
    made = noisy(truth) | around(noisy(truth), "N2O", (5, 50, 95))
    order = np.random.default_rng(1).permutation(len(truth["sequence"]))
    ordered = score(submit("ordered.parquet", made), release)
    shuffled = score(submit("shuffled.parquet", {name: values[order] for name, values in made.items()}), release)
    assert shuffled.targets == ordered.targets, "to the last digit"


def test_a_file_without_quantiles_has_the_result_it_had(submit: Submit, truth: Arrays, release: Release) -> None:
    """So the scorer's version stays: no number of an earlier file is another, and none was added."""
    plain = json.loads(json.dumps(score(submit(columns=noisy(truth)), release).to_json(), allow_nan=False))
    assert SCORER == "3"
    assert set(plain["targets"]["GPP"]) == {
        "n", "r2", "rmse", "mae", "bias", "skill", "climatology_rmse", "intervals"
    }  # fmt: skip


def test_faults_of_quantiles_are_met_while_scoring(submit: Submit, truth: Arrays, release: Release) -> None:
    for code, spoil in {"AF301": np.nan, "AF303": 60, "AF306": -14}.items():
        more = around(noisy(truth), "GPP")
        more["GPP_q95"][len(truth["sequence"]) // 2, 7] = spoil
        file = submit(f"{code}.parquet", noisy(truth) | more)
        with pytest.raises(FaultsError) as refused:
            score(file, release)
        assert refused.value.report == validate(file, release)
        assert [fault.code for fault in refused.value.report.faults] == [code]


def test_all_that_a_file_may_have(submit: Submit, truth: Arrays, release: Release) -> None:
    wanted = (1, *range(5, 100, 5), 99)
    more = {name: one for target in ("NEE", "GPP", "N2O") for name, one in around(noisy(truth), target, wanted).items()}
    assert len(more) == len(columns("GPP", wanted)) * 3
    for target in score(submit(columns=noisy(truth) | more), release, resamples=10).targets.values():
        assert target.uncertainty is not None
        assert len(target.uncertainty.central) == 10


def test_the_command_says_them(submit: Submit, truth: Arrays, release: Release) -> None:
    more = around(noisy(truth), "GPP", (5, 25, 50, 75, 95)) | around(noisy(truth), "NEE", (10, 30))
    file = submit(columns=noisy(truth) | more)
    given = [str(file), "--data", str(release.path)]
    told = CliRunner().invoke(app, ["validate", *given]).stdout
    assert "quantiles of GPP: 5 %, 25 %, 50 %, 75 %, 95 %; quantiles of NEE: 10 %, 30 %" in " ".join(told.split())
    told = CliRunner().invoke(app, ["score", *given]).stdout
    known = score(file, release).targets["GPP"].uncertainty
    assert known is not None
    for words in ("CRPS", f"{known.crps:.3g} [", "90 %", "50 %", f"{100 * known.central['90'].coverage:.3g} % ["):
        assert words in told
    told = CliRunner().invoke(app, ["score", *given, "--json", "--half", "public"]).stdout
    assert json.loads(told)["targets"]["GPP"]["uncertainty"]["pinball"].keys() == known.pinball.keys()
    # What a leaderboard keeps: each level's loss would be one more question to the hidden values.
    told = CliRunner().invoke(app, ["score", *given, "--json", "--half", "public", "--summary"]).stdout
    plain = json.loads(told)["targets"]
    assert set(plain["GPP"]["uncertainty"]) == {"levels", "crps", "central", "intervals"}
    assert "uncertainty" not in plain["N2O"]


def test_a_template(release: Release, tmp_path: Path) -> None:
    made = tmp_path / "empty.parquet"
    given = ["template", "towers_temporal", "--data", str(release.path), "--output", str(made)]
    assert CliRunner().invoke(app, [*given, "--quantiles", "95,5,50"]).exit_code == 0
    found = read(made)
    assert list(found)[1:] == ["NEE", "NEE_q05", "NEE_q50", "NEE_q95", "GPP", "GPP_q05", "GPP_q50", "GPP_q95"]
    assert {fault.code for fault in validate(made, release).faults} == {"AF301"}
    for wrong in ("5", "0,50", "5,100", "a,b", "5.5,95"):
        assert isinstance(CliRunner().invoke(app, [*given, "--quantiles", wrong]).exception, AgrofluxError), wrong
    wrong_fill = [*given, "--quantiles", "5,95", "--fill", "climatology"]
    assert isinstance(CliRunner().invoke(app, wrong_fill).exception, AgrofluxError)
