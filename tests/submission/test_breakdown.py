"""Scores in pieces are the metrics of the pieces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.sequences import parts
from submission import metrics, score, validate, write
from submission.breakdown import LEAST_SITES, PIECES, breakdown, summarised
from submission.scales import SCALES
from tests.submission.conftest import TASK, Arrays, metadata_for, truth_of


def shuffled(release: Release, task: str, path: Path, targets: tuple[str, ...]) -> tuple[Path, Arrays, Arrays]:
    """A file whose rows are in another order than the truth's; the truth and the predictions in its order."""
    truth = truth_of(release, task, targets=targets)
    draw = np.random.default_rng(0)
    order = draw.permutation(len(truth["sequence"]))
    truth = {name: column[order] for name, column in truth.items()}
    predicted = {"sequence": truth["sequence"]} | {
        name: (np.nan_to_num(column, nan=1e-3) * draw.uniform(0.8, 1, column.shape)).astype(np.float32)
        for name, column in truth.items() if name != "sequence"
    }  # fmt: skip
    return write(predicted, path, metadata_for(release, task)), truth, predicted


@pytest.mark.parametrize("task", [TASK, "towers_temporal", "mesocosm_temporal"])
def test_pieces(release: Release, tmp_path: Path, task: str) -> None:
    path, truth, predicted = shuffled(release, task, tmp_path / "file.parquet", ("NEE", "GPP", "RECO", "N2O"))
    found = breakdown(validate(path, release), release)
    whole = score(path, release)
    site, _, year = parts(truth["sequence"])
    for name, target in found.targets.items():
        t, p = truth[name], predicted[name]
        daily = target.metrics.scales["daily"].pooled
        assert (daily.n, daily.rmse) == pytest.approx((whole.targets[name].n, whole.targets[name].rmse), rel=1e-9)
        assert list(target.year) == sorted(set(year.tolist()))
        for one, of in target.year.items():
            assert of.rmse == pytest.approx(metrics.rmse(t[year == one], p[year == one]), rel=1e-9)
        february = metrics.mae(t[:, 31:59], p[:, 31:59])
        assert target.month[2].mae == pytest.approx(february, rel=1e-9, nan_ok=True)
        assert target.month[12].n == np.count_nonzero(~np.isnan(t[:, 334:]))
        assert len(target.site) == len(set(site.tolist()))
        by_site = [metrics.r2(t[site == one], p[site == one]) for one in sorted(set(site.tolist()))]
        assert [of.r2 for of in target.site.values()] == pytest.approx(by_site, rel=1e-9, nan_ok=True)
        assert tuple(target.by("scale")) == SCALES
        assert (target.metrics.hot_moments is not None) == (name == "N2O")
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert set(plain["targets"]) == set(whole.targets)
    assert {*PIECES[:-1], "scales"} <= set(plain["targets"][whole.ranked[0]])
    if found.closure is not None:
        observed = ~np.isnan(truth["NEE"])
        gap = np.abs(predicted["NEE"].astype(float) - predicted["RECO"] + predicted["GPP"])[observed]
        assert found.closure.mean == pytest.approx(gap.mean(), rel=1e-9)
    assert (plain["closure"] is None) == (task == "mesocosm_temporal")


def test_halves(release: Release, perfect: Path, submit: Callable[..., Path]) -> None:
    report = validate(perfect, release)
    halves = [breakdown(report, release, half=half).targets["GPP"] for half in ("all", "public", "private")]
    n = [sum(one.n for one in half.site.values()) for half in halves]
    assert n[0] == n[1] + n[2]
    assert n[1] == score(perfect, release, half="public").targets["GPP"].n > 0
    with pytest.raises(AgrofluxError, match="half"):
        breakdown(report, release, half="third")


@pytest.mark.parametrize("task", ["ecosys_temporal", "ecosys_spatial", "towers_temporal"])
def test_a_summary_names_no_single_site(release: Release, tmp_path: Path, task: str) -> None:
    path, truth, _ = shuffled(release, task, tmp_path / "file.parquet", ("NEE", "GPP", "RECO", "N2O", "ET"))
    report = validate(path, release)
    found = json.loads(json.dumps(summarised(report, release), allow_nan=False))
    whole = breakdown(report, release)
    sites = len(set(parts(truth["sequence"])[0].tolist()))
    assert set(found["targets"]) == {*release.task(task).ranked_targets, "RECO"}
    for name, of in found["targets"].items():
        assert of["sites"] == sites
        assert not {"site", "year", "month"} & set(of)
        assert of["scales"]["weekly"]["r2"] == pytest.approx(whole.targets[name].metrics.scales["weekly"].pooled.r2)
        assert [bool(scale["sites"]) for scale in of["scales"].values()] == [sites >= LEAST_SITES] * len(SCALES)
    assert whole.closure is not None
    assert found["closure"]["mean"] == pytest.approx(whole.closure.mean)
