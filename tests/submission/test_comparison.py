"""Two submissions against each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from typer.testing import CliRunner

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.sequences import parts
from submission import score, validate, write
from submission.cli import app
from submission.comparison import Comparison, compare
from tests.submission.conftest import TASK, Arrays, metadata_for, truth_of
from tests.submission.test_quantiles import around

Submit = Callable[..., Path]


def compared(release: Release, *files: Path, **options: object) -> Comparison:
    a, b = (validate(file, release) for file in files)
    return compare(a, b, release, **options)  # type: ignore[arg-type]


def noisy(truth: Arrays, spread: float, seed: int = 0) -> np.ndarray:
    return (truth["NEE"] + np.random.default_rng(seed).normal(0, spread, truth["NEE"].shape)).astype("f4")


def test_the_scores_are_those_of_scoring(truth: Arrays, release: Release, submit: Submit) -> None:
    one, other = submit("a.parquet", {"NEE": noisy(truth, 1)}), submit("b.parquet", {"NEE": noisy(truth, 2)})
    found = compared(release, one, other, half="public", targets=["NEE"]).targets["NEE"]
    for letter, file in (("a", one), ("b", other)):
        scores = score(file, release, half="public").targets["NEE"]
        assert found.n == scores.n
        for name, difference in found.differences.items():
            assert getattr(difference, letter) == pytest.approx(getattr(scores, name), rel=1e-12)


def test_the_better_one_wins_in_every_resample(truth: Arrays, release: Release, submit: Submit) -> None:
    files = submit("a.parquet", {"NEE": noisy(truth, 1)}), submit("b.parquet", {"NEE": noisy(truth, 3)})
    found = compared(release, *files).targets["NEE"].differences
    assert [found[name].better for name in ("r2", "rmse", "skill")] == [1, 1, 1]
    for name, sign in (("r2", 1), ("rmse", -1), ("skill", 1)):
        assert min(sign * found[name].low, sign * found[name].high) > 0
        assert found[name].low <= found[name].value <= found[name].high
    turned = compared(release, *reversed(files)).targets["NEE"].differences
    for name, difference in found.items():
        assert (turned[name].better, turned[name].low) == (0, pytest.approx(-difference.high))


def test_equals_are_told_apart_by_nothing(truth: Arrays, release: Release, submit: Submit) -> None:
    """Neither the same file in another order, nor another error of the same size."""
    order = np.random.default_rng(0).permutation(len(truth["sequence"]))
    values = truth | {"NEE": noisy(truth, 1)}
    one = submit("a.parquet", values)
    other = submit("b.parquet", {name: column[order] for name, column in values.items()})
    same = compared(release, one, other).targets["NEE"]
    assert (same.days, same.sites) == ((), ())
    for difference in same.differences.values():
        assert (difference.value, difference.low, difference.high, difference.better) == (0, 0, 0, 0.5)
    third = submit("c.parquet", {"NEE": noisy(truth, 1, seed=1)})
    equal = compared(release, one, third).targets["NEE"].differences["rmse"]
    assert equal.low < 0 < equal.high
    assert 0.001 < equal.better < 0.999


def test_blocks_are_site_years(truth: Arrays, release: Release, submit: Submit) -> None:
    """An error in one site and year is one block of many: its interval reaches 0, whatever its size."""
    site, _, year = parts(truth["sequence"])
    hit = (site == site[0]) & (year == year[0])
    assert hit.sum() > 1, "several treatments"
    nee = truth["NEE"].copy()
    nee[hit] += 1
    found = compared(release, submit("a.parquet"), submit("b.parquet", {"NEE": nee})).targets["NEE"]
    assert found.site_years == len(set(zip(site.tolist(), year.tolist(), strict=True)))
    rmse = found.differences["rmse"]
    # No resample without the block favours either: (1 - 1/n)^n of them.
    missed = (1 - 1 / found.site_years) ** found.site_years
    assert rmse.better == pytest.approx(1 - missed / 2, abs=0.03)
    assert rmse.high == 0


def test_draws_are_seeded(truth: Arrays, release: Release, submit: Submit) -> None:
    files = submit("a.parquet", {"NEE": noisy(truth, 1)}), submit("b.parquet", {"NEE": noisy(truth, 1, 1)})
    assert compared(release, *files) == compared(release, *files)
    assert compared(release, *files) != compared(release, *files, seed=1)


def test_where_they_differ_most(truth: Arrays, release: Release, submit: Submit) -> None:
    nee = truth["NEE"].copy()
    row = int(np.flatnonzero(~np.isnan(truth["NEE"][:, 200]))[3])
    nee[row, 200] += 20
    nee[row, 40] += 10
    found = compared(release, submit("a.parquet", {"NEE": nee}), submit("b.parquet")).targets["NEE"]
    first, second = found.days
    assert (first.sequence, first.day, second.day) == (truth["sequence"][row], 201, 41)
    assert (first.a - first.observed, first.b) == (pytest.approx(20, rel=1e-5), first.observed)
    assert [month.name for month in found.months if month.gain] == ["2", "7"]
    assert [(site.name, site.rmse_b) for site in found.sites] == [(first.site, 0)]
    assert found.sites[0].gain == pytest.approx(-500, rel=1e-4)


def test_unobserved_days_count_nowhere(open_release: Release, tmp_path: Path) -> None:
    task = "towers_temporal"
    truth = truth_of(open_release, task)
    gaps = np.isnan(truth["NEE"])
    assert gaps.any()
    files = [
        write(
            {"sequence": truth["sequence"], "NEE": np.where(gaps, fill, truth["NEE"])},
            tmp_path / f"{fill}.parquet", metadata_for(open_release, task),
        )
        for fill in (0, 9)
    ]  # fmt: skip
    found = compared(open_release, *files).targets["NEE"]
    assert (found.n, found.days, found.differences["rmse"].value) == ((~gaps).sum(), (), 0)


def test_quantiles_are_compared_at_the_levels_that_both_have(truth: Arrays, release: Release, submit: Submit) -> None:
    wide = around(truth, "NEE", (5, 25, 50, 75, 95))
    # The truth is the median of both; the other's are closer to it.
    close = {name: (truth["NEE"] + values) / 2 for name, values in wide.items() if name != "NEE_q75"}
    a, b, without = submit("a.parquet", close), submit("b.parquet", wide), submit("c.parquet")
    found = compared(release, a, b, half="public").targets["NEE"].differences["crps"]
    assert found.a == pytest.approx(found.b / 2, rel=1e-5)
    assert found.low <= found.value <= found.high < 0
    assert found.better == 1
    # By a file with these levels alone.
    some = submit("d.parquet", {name: values for name, values in wide.items() if name != "NEE_q75"})
    uncertainty = score(some, release, half="public").targets["NEE"].uncertainty
    assert uncertainty is not None
    assert found.b == pytest.approx(uncertainty.crps, rel=1e-12)
    for file in (without, submit("e.parquet", around(truth, "NEE", (10, 50, 90)))):
        assert "crps" not in compared(release, a, file).targets["NEE"].differences


def test_what_cannot_be_compared(truth: Arrays, release: Release, submit: Submit, tmp_path: Path) -> None:
    other = truth_of(release, "daycent_temporal")
    other_task = write(other, tmp_path / "other.parquet", metadata_for(release, "daycent_temporal"))
    with pytest.raises(AgrofluxError, match="submissions to other rows"):
        compared(release, submit(), other_task)
    with pytest.raises(AgrofluxError, match="targets that are not in both"):
        compared(release, submit(), submit("b.parquet"), targets=["LAI"])
    only = write({name: truth[name] for name in ("sequence", "GPP")}, tmp_path / "only.parquet", metadata_for(release))
    assert list(compared(release, submit(), only).targets) == ["GPP"]


def test_as_a_command(truth: Arrays, release: Release, submit: Submit, tmp_path: Path) -> None:
    a, b = submit("a.parquet", {"NEE": noisy(truth, 1)}), submit("b.parquet", model="[b]")
    given = ["compare", str(a), str(b), "--data", str(release.path), "--only", "NEE,GPP", "--resamples", "100"]
    told = CliRunner().invoke(app, [*given, "--plot", str(tmp_path / "figure.png")])
    assert told.exit_code == 0, told.exception
    assert f"{TASK}/test, origin embedded" in told.stdout
    assert "B  [b]" in told.stdout
    assert "NEE: where they differ most" in told.stdout
    assert "GPP: where" not in told.stdout
    assert image.imread(tmp_path / "figure.png").shape[0] > 500
    plain = json.loads(CliRunner().invoke(app, [*given, "--json"]).stdout)
    assert plain["targets"]["NEE"]["differences"]["rmse"]["better"] == 0
    assert plain["resamples"] == 100
    (tmp_path / "bad.parquet").write_bytes(b"")
    told = CliRunner().invoke(app, ["compare", str(a), str(tmp_path / "bad.parquet"), "--data", str(release.path)])
    assert "AF001" in told.stdout
    assert isinstance(told.exception, AgrofluxError)
