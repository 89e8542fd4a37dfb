"""Figures show the numbers that they say."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.sequences import parts, values
from baselines import cli
from baselines.extrapolation import measure
from baselines.figures import distributions, series, sites
from baselines.figures.distance import ByDistance
from baselines.figures.gain import pair
from baselines.figures.groups import compare
from baselines.figures.sheet import save
from baselines.mean import mean_of
from baselines.predicted import Predicted, gather
from baselines.run import Run, RunFolder
from baselines.transfer.plan import Transfer
from submission.metrics import r2
from submission.truth import Truth

Keep = Callable[..., Path]


def here(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The command in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["agroflux-train", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def noisy(release: Release, label: str = "model", seed: int = 0, size: float = 1) -> Predicted:
    """Predictions of towers whose error grows with the number of the site."""
    truth = Truth(release, "towers_temporal", "test", ("GPP", "NEE", "RECO"))
    every = np.arange(len(truth.sequence))
    site = parts(truth.sequence)[0][:, None]
    noise = np.random.default_rng(seed).normal(0, size, (len(every), 365)) * site
    predicted = {name: (truth.observed(name, every) + noise).astype(np.float32) for name in ("GPP", "NEE")}
    predicted = {name: np.nan_to_num(rows) for name, rows in predicted.items()}
    return Predicted(label, truth, predicted, Run.plan(release, "towers_temporal", "linear"))


@pytest.fixture
def keep(toy_open_release: Path, tmp_path: Path) -> Keep:
    """Leaves a finished run with chosen scores."""

    def write(run: Run, name: str, r2: float, rmse: float = 1.0) -> Path:
        folder = RunFolder(tmp_path / name)
        folder.begin(run)
        scores = {target: {"n": 9, "r2": r2, "rmse": rmse} for target in run.targets}
        folder.write("metrics.json", {"metrics": scores, "tested": scores})
        return folder.path

    return write


def test_series_of_the_median_site(toy_open_release: Path, tmp_path: Path) -> None:
    release = Release(toy_open_release)
    tested = [noisy(release), noisy(release, seed=1), noisy(release, "other")]
    shown = series.choose(tested, release)
    fits = {
        int(site): r2(tested[0].observed("NEE")[rows], tested[0].predicted["NEE"][rows])
        for site in np.unique(parts(tested[0].sequence)[0])
        for rows in [parts(tested[0].sequence)[0] == site]
    }
    median = sorted(fits, key=lambda site: fits[site])[len(fits) // 2]
    (place,) = shown.places
    assert place.site == f"towers-{median}"
    assert shown.targets == ("NEE", "GPP")
    assert shown.models == ("model", "other")
    assert place.predicted["model"]["GPP"].shape == (2, len(place.years), 365), "a series for each seed"
    rows = release.table("towers_temporal", "test", ["site", "year", "GPP"])
    here = [at for at, site in enumerate(rows["site"].to_pylist()) if site == place.site]
    years = [rows["year"][at].as_py() for at in here]
    wanted = [here[years.index(year)] for year in place.years]
    np.testing.assert_array_equal(place.observed["GPP"], values(rows["GPP"])[wanted])

    png, table = save(shown, tmp_path / "new" / "series.png", tmp_path / "new" / "series.csv")
    assert png.read_bytes().startswith(b"\x89PNG")
    with table.open() as file:
        lines = [line for line in csv.DictReader(file) if line["target"] == "GPP"]
    assert len(lines) == 365 * len(place.years)
    gaps = np.isnan(place.observed["GPP"].ravel())
    assert gaps.any()
    assert [line["observed"] == "" for line in lines] == gaps.tolist()
    mean = place.predicted["model"]["GPP"].mean(axis=0).ravel()
    np.testing.assert_allclose([float(line["model"]) for line in lines], mean, rtol=1e-4, atol=1e-6)
    assert "embedded" in shown.draw().texts[1].get_text()


def test_series_that_are_asked_for(toy_open_release: Path) -> None:
    release = Release(toy_open_release)
    tested = [noisy(release)]
    shown = series.choose(tested, release, sites=["towers-2", "towers-5"], years=[2017])
    assert [(place.site, place.years) for place in shown.places] == [("towers-2", (2017,)), ("towers-5", (2017,))]
    for choice, said in (
        ({"sites": ["US-Ne1"]}, "no such site"), ({"years": [1999]}, "no such year"), ({"treatment": 7}, "treatment"),
    ):  # fmt: skip
        with pytest.raises(AgrofluxError, match=said):
            series.choose(tested, release, **choice)  # type: ignore[arg-type]


@pytest.mark.parametrize("metric", ["r2", "rmse", "nmae"])
def test_map_by_site(toy_open_release: Path, tmp_path: Path, metric: str) -> None:
    release = Release(toy_open_release)
    one = noisy(release)
    reference = gather(["climatology"], release, task="mesocosm_temporal")
    shown = sites.measure([one, *reference], release, metric)
    field = next(field for field in shown.fields if (field.model, field.target) == ("model", "GPP"))
    assert {(field.task, field.target) for field in shown.fields} == {
        ("towers_temporal", "NEE"), ("towers_temporal", "GPP"), ("mesocosm_temporal", "N2O"),
    }  # fmt: skip
    rows = parts(one.sequence)[0] == 3
    truth, said = one.observed("GPP")[rows], one.predicted["GPP"][rows]
    third = next(value for value in field.sites if value.site == "towers-3")
    assert (third.lat, third.lon, third.n) == (pytest.approx(40.3), pytest.approx(-92.7), np.isfinite(truth).sum())
    error = (said - truth)[np.isfinite(truth)]
    expected = {
        "r2": r2(truth, said), "rmse": np.sqrt(np.mean(error**2)), "nmae": np.mean(np.abs(error)) / np.nanmean(truth),
    }  # fmt: skip
    assert third.value == pytest.approx(expected[metric], rel=1e-4)
    png, table = save(shown, tmp_path / "map.png", tmp_path / "map.csv")
    assert png.is_file()
    assert len(table.read_text().splitlines()) == 1 + sum(len(field.sites) for field in shown.fields)


def test_distributions_are_of_public_rows(toy_release: Path, tmp_path: Path) -> None:
    release = Release(toy_release)
    shown = distributions.collect(release)
    assert {(one.source, one.variable) for one in shown.found} >= {("towers", "GPP"), ("mesocosm", "N2O")}
    one = next(one for one in shown.found if (one.source, one.variable) == ("towers", "GPP"))
    splits = [release.table("towers_temporal", split, ["GPP"])["GPP"] for split in ("train", "validation")]
    every = np.concatenate([values(column) for column in splits])
    np.testing.assert_array_equal(np.sort(one.values), np.sort(every[~np.isnan(every)]))
    inputs = distributions.collect(release, "inputs", ["PLANTT", "PDOY", "FERTZR_N", "TSOC"])
    table = inputs.table().set_index(["variable", "source"])
    assert table.loc[("PDOY", "towers"), "q50"] == 126
    assert table.loc[("FERTZR_N", "towers"), "mean"] == 12
    assert table.loc[("TSOC", "ecosys"), ["each", "mean"]].tolist() == ["row", 15]
    assert 0 < table.loc[("PLANTT", "ecosys"), "mean"] < 1
    for one_of in (shown, inputs):
        (png,) = save(one_of, tmp_path / "distributions.png")
        assert png.is_file()
    with pytest.raises(AgrofluxError, match="unknown variable"):
        distributions.collect(release, "inputs", ["CH4"])


def test_gain_is_paired_by_fold_and_seed(toy_open_release: Path, tmp_path: Path, keep: Keep) -> None:
    release = Release(toy_open_release)
    gains = iter([0.1, 0.2, 0.3, 0.4])
    for fold in ("fold_0", "fold_1"):
        for seed in (0, 1):
            run = Run.plan(release, "towers_spatial", "lstm", left_out=fold, seed=seed)
            alone = 0.5 if fold == "fold_0" else -0.5
            keep(run, f"study/scratch/{fold}/seed-{seed}", alone, 2.0)
            moved = replace(run, transfer=Transfer("finetune", "x", source_task="ecosys_spatial"))
            keep(moved, f"study/finetune/{fold}/seed-{seed}", alone + next(gains), 1.5)
    unpaired = Run.plan(release, "towers_spatial", "lstm", left_out="fold_1", seed=9)
    keep(replace(unpaired, transfer=Transfer("finetune", "x", source_task="ecosys_spatial")), "study/alone", 0.9)
    shutil.copytree(tmp_path / "study", tmp_path / "again")  # the same runs count once
    shown = pair([tmp_path / "study", tmp_path / "again"])
    assert {(one.task, one.model, one.target, one.method, one.source) for one in shown.found} == {
        ("towers_spatial", "lstm", target, "finetune", "ecosys_spatial") for target in ("NEE", "GPP")
    }
    gain = shown.found[0].gains
    assert (gain["r2"].n, gain["r2"].value) == (4, pytest.approx(0.25))
    assert gain["r2"].high - gain["r2"].value == pytest.approx(3.182446 * np.std([1, 2, 3, 4], ddof=1) / 10 / 2)
    assert gain["rmse"].value == pytest.approx(25)
    png, table = save(shown, tmp_path / "gain.png", tmp_path / "gain.csv")
    assert png.is_file()
    assert "towers_spatial,NEE,ecosys_spatial,finetune,lstm,4,0.25" in table.read_text()
    with pytest.raises(AgrofluxError, match="no pairs"):
        pair([tmp_path / "study" / "scratch"])


def test_groups_stand_beside_one_for_all(toy_open_release: Path, tmp_path: Path, keep: Keep) -> None:
    release = Release(toy_open_release)
    for seed, score in ((0, 0.5), (1, 0.7)):
        for targets, more in (("all", 0.0), ("carbon", 0.1), ("nitrogen", 0.2)):
            run = Run.plan(release, "ecosys_temporal", "linear", seed=seed, targets=targets)
            keep(run, f"{targets}-{seed}", score + more)
    shown = compare([tmp_path])
    found = {(one.target, one.way): one.r2 for one in shown.found}
    combined = shown.ways[0]
    assert combined.startswith("combined, ")
    assert (found["GPP", combined].value, found["GPP", "specialised"].value) == pytest.approx((0.6, 0.7))
    assert (found["N2O", "specialised"].n, found["N2O", "specialised"].value) == (2, pytest.approx(0.8))
    assert ("ET", combined) not in found, "nothing to compare it with"
    (png,) = save(shown, tmp_path / "groups.png")
    assert png.is_file()
    with pytest.raises(AgrofluxError, match="nothing to compare"):
        compare([tmp_path / "carbon-0"])


def test_figure_of_distances(toy_open_release: Path, tmp_path: Path) -> None:
    release = Release(toy_open_release)
    found = measure([noisy(release)], release, bins=3, resamples=20)
    png, table = save(ByDistance(found, "Origin: embedded."), tmp_path / "by.png", tmp_path / "by.csv")
    assert png.is_file()
    assert len(table.read_text().splitlines()) == 1 + len(found.bins) == 7


def test_mean_and_interval() -> None:
    assert mean_of([]).n == 0
    one = mean_of([0.3, float("nan")])
    assert (one.n, one.value, np.isnan(one.low)) == (1, 0.3, True)


def test_commands(
    toy_open_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    png, table = tmp_path / "figure.png", tmp_path / "figure.csv"
    data = ["--data", toy_open_release, "--output", png, "--csv", table]
    assert here(monkeypatch, "figures", "series", "climatology", "--task", "towers_temporal", *data) == 0
    assert capsys.readouterr().out.split() == [str(png), str(table)]
    assert here(monkeypatch, "figures", "map", "climatology", "--task", "mesocosm_temporal", *data) == 0
    assert here(monkeypatch, "figures", "distributions", "--variables", "TMAX,GPP", *data) == 0
    capsys.readouterr()
    for arguments, said in [
        (["series", tmp_path / "nothing", *data], "not a model"),
        (["series", "climatology", *data], "--task"),
        (["series", "climatology", "--task", "towers_temporal", "--years", "soon", *data], "not years"),
        (["map", "climatology", "--task", "towers_temporal", "--metric", "mape", *data], "unknown metric"),
        (["gain", tmp_path], "no finished runs"),
        (["groups", tmp_path], "no finished runs"),
        (["distributions", "--data", toy_open_release, "--output", tmp_path / "figure.jpg"], ".png"),
    ]:
        assert here(monkeypatch, "figures", *arguments) == 2
        assert said in capsys.readouterr().err
