"""Calibrated ensembles: their intervals hold what they say, in quiet months and in others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.progress import Progress

from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.calibration import LEVELS, Calibration
from baselines.ensemble import finish_ensemble, plan_ensemble
from baselines.model_card import card
from baselines.models import MODELS
from baselines.prediction import predict, write_prediction
from baselines.predictor import FluxPredictor
from baselines.run import RunFolder
from baselines.saved import open_saved
from baselines.scalers import config_for
from submission.file import read
from submission.validation import validate


def skewed(rows: int, seed: int) -> tuple[dict, dict, dict]:
    """Truth, mean and variance of members: errors are skewed, larger in summer, and larger where members differ."""
    draws = np.random.default_rng(seed)
    summer = 0.5 + np.sin(np.pi * np.arange(365) / 365) ** 4
    variance = draws.choice([0.0, 1.0], (rows, 1)) * np.ones((rows, 365))
    error = (draws.exponential(1, (rows, 365)) - 1) * np.sqrt(summer**2 + variance)
    mean = draws.normal(5, 3, (rows, 365))
    truth = mean + error
    truth[draws.random(truth.shape) < 0.3] = np.nan
    return {"GPP": truth}, {"GPP": mean}, {"GPP": variance}


def test_intervals_of_other_rows_hold_what_they_say() -> None:
    calibration = Calibration.fit(*skewed(300, 1))
    truth, mean, variance = (one["GPP"] for one in skewed(300, 2))
    quantiles = calibration.quantiles("GPP", mean, variance, LEVELS)
    assert quantiles.shape == (300, 365, 5)
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    months = np.arange(365) // 31
    for rows in (variance[:, 0] == 0, variance[:, 0] > 0):
        for days in (months < 2, months == 5):
            part = truth[rows][:, days]
            seen = ~np.isnan(part)
            inside = (part >= quantiles[rows][:, days, 0]) & (part <= quantiles[rows][:, days, 4])
            assert inside[seen].mean() == pytest.approx(0.9, abs=0.06)
    # Skewed as the errors are: most of an interval lies above the median.
    assert (quantiles[..., 4] - quantiles[..., 2]).mean() > 1.5 * (quantiles[..., 2] - quantiles[..., 0]).mean()


def test_where_members_are_right_nothing_is_left_to_chance() -> None:
    truth = {"GPP": np.ones((3, 365))}
    calibration = Calibration.fit(truth, truth, {"GPP": np.zeros((3, 365))})
    np.testing.assert_array_equal(calibration.quantiles("GPP", truth["GPP"], 0 * truth["GPP"], LEVELS), 1)


def test_a_year_goes_on_after_its_last_day() -> None:
    calibration = Calibration.fit(*skewed(50, 3))
    found = calibration.quantiles("GPP", np.zeros((1, 400)), np.zeros((1, 400)), [0.95])
    np.testing.assert_array_equal(found[:, 365:], found[:, :35])


def test_it_is_kept_as_numbers() -> None:
    calibration = Calibration.fit(*skewed(20, 4))
    again = Calibration.from_json(json.loads(json.dumps(calibration.to_json())))
    for name in ("noise", "scores"):
        np.testing.assert_array_equal(getattr(again, name)["GPP"], getattr(calibration, name)["GPP"])
    data = calibration.to_json()
    for field, wrong in (("noise", [1.0]), ("scores", [0.0] * 98 + [-1.0]), ("noise", [float("nan")] * 12)):
        with pytest.raises(ValueError, match="GPP"):
            Calibration.from_json({"GPP": data["GPP"] | {field: wrong}})


def an_ensemble(release: Release, folder: Path, **options: object) -> dict[str, dict[str, float]]:
    """Untrained members, each a bit off; the metrics."""
    members = plan_ensemble(release, "ecosys_temporal", "linear", folder, [1, 2, 3], inputs="core", options=options)
    for seed, (run, path) in enumerate(members):
        kind = MODELS[run.model]
        torch.manual_seed(seed)
        RunFolder(path).begin(run)
        kind(config_for(kind.config_class, run.rows(release, run.training), **run.options)).save_pretrained(path)
    with Progress(disable=True) as bar:
        return finish_ensemble(members, release, folder, bar)


def test_an_ensemble_is_calibrated_on_validation_rows_and_writes_its_quantiles(
    toy_release: Path, tmp_path: Path
) -> None:
    release = Release(toy_release)
    metrics = an_ensemble(release, tmp_path / "ensemble")
    for scores in metrics.values():
        assert scores["coverage_90"] == pytest.approx(0.9, abs=0.07)
        assert scores["coverage_50"] == pytest.approx(0.5, abs=0.12)
        assert 0 < scores["crps"] < scores["mae"]
    path = write_prediction(tmp_path / "ensemble", release, output=tmp_path / "own.parquet")
    report = validate(path, release)
    assert report.ok, report
    found = read(path)
    assert {"GPP", "GPP_q05", "GPP_q25", "GPP_q50", "GPP_q75", "GPP_q95", "N2O_q95"} <= set(found)
    without = write_prediction(tmp_path / "ensemble", release, output=tmp_path / "bare.parquet", quantiles=False)
    assert set(read(without)) == {"sequence", "NEE", "GPP", "N2O"}
    np.testing.assert_array_equal(read(without)["NEE"], found["NEE"])
    with pytest.raises(AgrofluxError, match="without quantiles"):
        write_prediction(tmp_path / "ensemble" / "seed-1", release, output=tmp_path / "none.parquet", quantiles=True)
    damaged = tmp_path / "ensemble" / "ensemble.json"
    damaged.write_text(damaged.read_text().replace('"noise"', '"nois"', 1))
    with pytest.raises(AgrofluxError, match="damaged ensemble"):
        open_saved(tmp_path / "ensemble")


def test_members_with_quantiles_give_the_mean_of_theirs(toy_release: Path, tmp_path: Path) -> None:
    release = Release(toy_release)
    metrics = an_ensemble(release, tmp_path / "ensemble", quantiles=[0.1, 0.9])
    assert {"crps", "coverage_80", "width_80"} <= set(metrics["GPP"])
    saved = open_saved(tmp_path / "ensemble")
    text = card(saved, RunFolder(saved.folder).metrics(), "org/x", licence=None, dataset=None)
    (row,) = (line.split(" | ") for line in text.split("## Tested")[0].splitlines() if line.startswith("| GPP"))
    assert "| skill | CRPS | in 80 % |" in text
    assert [float(cell.strip(" |")) for cell in row[7:]] == pytest.approx(
        [metrics["GPP"][name] for name in ("crps", "coverage_80")], rel=0.01
    )
    columns = Columns.of(release, "ecosys_temporal", "validation", saved.fitted.inputs, ())
    whole = predict(saved.fitted, columns)
    members = [predict(open_saved(tmp_path / "ensemble" / f"seed-{seed}").fitted, columns) for seed in (1, 2, 3)]
    for name in ("NEE", "NEE_q10", "GPP_q90"):
        np.testing.assert_allclose(whole[name], np.mean([one[name] for one in members], axis=0), rtol=1e-4, atol=1e-5)
    rows = release.table("ecosys_temporal", "validation", ["sequence", *saved.fitted.inputs]).to_pylist()
    predictor = FluxPredictor(saved)
    found = predictor(rows[:2])
    np.testing.assert_allclose(found["GPP_q90"], whole["GPP_q90"][:2], rtol=1e-4, atol=1e-5)
    assert set(predictor(rows[0], quantiles=False)) == {"NEE", "GPP", "N2O"}
