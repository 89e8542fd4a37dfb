"""Stress: perturbations change the weather and nothing else, and scores are those of the rows that they name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.sequences import parts
from baselines.evaluation import evaluate
from baselines.models import MODELS
from baselines.perturbations import CENTRES, WEATHER, Known, Noise, OtherYear, Perturbation, Spell
from baselines.process import predict_process, process_model
from baselines.run import Run, RunFolder
from baselines.saved import open_saved
from baselines.scalers import config_for
from baselines.stress import Stressed, default_perturbations, stress, stressed, stressed_process, table
from submission.bootstrap import METRICS
from submission.climatology import Climatology
from submission.metrics import RowSums, skill
from tests.baselines.test_command import here

TASK = "ecosys_temporal"


@pytest.fixture(scope="module")
def release(toy_release: Path) -> Release:
    return Release(toy_release)


@pytest.fixture(scope="module")
def known(release: Release) -> Known:
    return Known.of(release, TASK, ["train"], ["validation"])


@pytest.fixture(scope="module")
def rows(release: Release) -> Arrays:
    return Arrays.read(Columns.of(release, TASK, "validation", WEATHER, ()))


@pytest.fixture(scope="module")
def folder(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with a model of the first weights, which reads the weather as much as any."""
    return a_run(release, tmp_path_factory.mktemp("stress") / "run", TASK)


def a_run(release: Release, path: Path, task: str) -> Path:
    run = Run.plan(release, task, "linear", inputs="core")
    RunFolder(path).begin(run)
    kind = MODELS["linear"]
    torch.manual_seed(1)
    kind(config_for(kind.config_class, run.rows(release, run.training))).save_pretrained(path)
    return path


def weather_of(rows: Arrays) -> dict[str, NDArray[np.float32]]:
    return {name: rows.inputs[:, number] for number, name in enumerate(WEATHER)}


def test_noise_has_its_size_and_keeps_what_is_physical(known: Known, rows: Arrays) -> None:
    weather = weather_of(rows)
    before = {name: values.copy() for name, values in weather.items()}
    found = Noise(0.5, seed=3).apply(weather, rows.sequence, known)
    for name, values in weather.items():
        np.testing.assert_array_equal(values, before[name], err_msg="what came in stays")
    for name in ("TMAX", "TMIN"):
        apart = (found[name] - weather[name]) / known.sds[name]
        assert apart.std() == pytest.approx(0.5, rel=0.25)  # less where minimum and maximum changed places
    assert (found["TMIN"] <= found["TMAX"]).all()
    dry = weather["PREC"] == 0
    assert dry.any()
    assert (found["PREC"][dry] == 0).all()
    assert (found["PREC"] >= 0).all()
    assert (found["PREC"] != weather["PREC"]).any()


def test_no_noise_is_the_weather_itself(known: Known, rows: Arrays) -> None:
    weather = weather_of(rows)
    for name, values in Noise(0.0).apply(weather, rows.sequence, known).items():
        np.testing.assert_array_equal(values, weather[name])


@pytest.mark.parametrize("one", [Noise(0.3, 1, 5), Spell(30, "July"), OtherYear(1, 5)])
def test_it_is_the_same_for_all_treatments_and_again(known: Known, rows: Arrays, one: Perturbation) -> None:
    weather = weather_of(rows)
    found = one.apply(weather, rows.sequence, known)
    again = one.apply({"TMAX": weather["TMAX"]}, rows.sequence, known)
    if one.kind != "noise":  # of which maximum and minimum may change places
        np.testing.assert_array_equal(again["TMAX"], found["TMAX"])
    some = np.arange(len(rows))[::-3]
    part = one.apply({name: values[some] for name, values in weather.items()}, rows.sequence[some], known)
    for name in WEATHER:
        np.testing.assert_array_equal(part[name], found[name][some])
    site, treatment, year = parts(rows.sequence)
    twin = [int(np.flatnonzero((site == site[0]) & (year == year[0]) & (treatment == number))[0]) for number in (0, 1)]
    np.testing.assert_array_equal(found["TMAX"][twin[0]], found["TMAX"][twin[1]])


def test_another_seed_and_another_draw_are_other_noise(known: Known, rows: Arrays) -> None:
    first, *others = (
        Noise(0.3, draw, seed).apply(weather_of(rows), rows.sequence, known)["WIND"]
        for draw, seed in ((0, 0), (1, 0), (0, 1))
    )
    for other in others:
        assert (first != other).mean() > 0.5


@pytest.mark.parametrize("centre", CENTRES)
@pytest.mark.parametrize("days", [1, 30, 90, 365])
def test_a_spell_is_as_long_as_it_says(known: Known, rows: Arrays, centre: str, days: int) -> None:
    weather = weather_of(rows)
    for filled in ("climatology", "last"):
        found = Spell(days, centre, filled).apply(weather, rows.sequence, known)  # type: ignore[arg-type]
        changed = np.flatnonzero((found["TMAX"] != weather["TMAX"]).any(axis=0))
        assert changed[-1] - changed[0] + 1 == days
        if filled == "climatology" or days == 365:
            np.testing.assert_array_equal(
                found["TMAX"][:, changed], np.tile(known.usual["TMAX"][changed], (len(rows), 1))
            )
        else:
            from_day = changed[0] - 1 if changed[0] else days
            np.testing.assert_array_equal(
                found["TMAX"][:, changed], np.repeat(weather["TMAX"][:, [from_day]], days, axis=1)
            )


def test_the_usual_weather_is_the_mean_of_training(release: Release, known: Known) -> None:
    training = Arrays.read(Columns.of(release, TASK, "train", ("TMAX",), ()))
    np.testing.assert_allclose(known.usual["TMAX"], training.inputs[:, 0].mean(axis=0), rtol=1e-5)
    assert len(known.sites) == len({*zip(known.sites.tolist(), known.years.tolist(), strict=True)})


def test_another_year_is_one_of_the_same_site(known: Known, rows: Arrays) -> None:
    weather = weather_of(rows)
    found = OtherYear().apply(weather, rows.sequence, known)
    site, _, year = parts(rows.sequence)
    for row in range(len(rows)):
        taken = np.flatnonzero((known.weather["PREC"] == found["PREC"][row]).all(axis=1))
        assert set(known.sites[taken]) == {site[row]}
        assert year[row] not in known.years[taken]
    alone = Known(known.sds, known.usual, known.sites[:0], known.years[:0], known.weather)
    for name, values in OtherYear().apply(weather, rows.sequence, alone).items():
        np.testing.assert_array_equal(values, weather[name])


def test_only_the_weather_of_a_model_is_changed(
    release: Release, folder: Path, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = open_saved(folder)
    tried = stressed(saved, release)
    seen = []
    fluxes = saved.fitted.fluxes
    monkeypatch.setattr(saved.fitted, "fluxes", lambda inputs: seen.append(inputs.copy()) or fluxes(inputs))
    kept = tried.rows.inputs.copy()
    changed = Noise(0.5).apply(tried.weather, tried.rows.sequence, known)
    tried.predict([changed])
    inputs = np.concatenate(seen).transpose(0, 2, 1)
    for number, name in enumerate(saved.fitted.inputs):
        np.testing.assert_array_equal(inputs[:, number], changed[name] if name in changed else kept[:, number])
    np.testing.assert_array_equal(tried.rows.inputs, kept)
    assert {"TMAX", "TMIN", "PREC"} == set(changed)


def by_place(frame: pd.DataFrame, kind: str, target: str = "GPP") -> pd.DataFrame:
    return frame[(frame.kind == kind) & (frame.target == target)].set_index(["level", "position", "metric"])


def test_scores_are_those_of_the_rows_that_they_name(release: Release, folder: Path) -> None:
    saved = open_saved(folder)
    tried = stressed(saved, release)
    frame = table(stress(tried, release, default_perturbations(noise=(0.0, 0.5), spells=(30,), draws=2)))
    whole = by_place(frame, "unperturbed").droplevel([0, 1])
    expected = evaluate(saved.fitted, saved.runs[0], release, ["validation"])["GPP"]
    for metric in ("r2", "rmse", "skill"):
        assert whole.value[metric] == pytest.approx(expected[metric], rel=1e-6)
        assert whole.low[metric] <= whole.value[metric] <= whole.high[metric]
    noise = by_place(frame, "noise")
    for metric in ("r2", "rmse", "skill"):
        none, some = noise.loc[("0", "", metric)], noise.loc[("0.5", "", metric)]
        assert none.value == whole.value[metric], "no noise, exactly the same score"
        assert (none.loss, none.loss_low, none.loss_high) == (0, 0, 0)
        assert some.loss == pytest.approx(some.value - none.value if metric == "rmse" else none.value - some.value)
        assert some.loss_low <= some.loss <= some.loss_high
        assert some.draws == 2
    assert set(by_place(frame, "spell").index.get_level_values(1)) == set(CENTRES)
    assert len(by_place(frame, "other_year")) == 3

    # Months and years by hand.
    truth = tried.rows.labels[:, tried.rows.columns.targets.index("GPP")]
    flux = tried.predict([tried.weather])[0]["GPP"]
    usual = Climatology.fit(release, TASK, ["train"]).predict(release, TASK, "validation")["GPP"]
    july = slice(181, 212)
    errors = [RowSums.of(truth[:, july], one[:, july]).total().mse for one in (flux, usual)]
    assert by_place(frame, "month").value["7", "", "skill"] == pytest.approx(skill(*errors), rel=1e-6)
    assert by_place(frame, "month").n["7", "", "skill"] == (~np.isnan(truth[:, july])).sum()
    ahead = parts(tried.rows.sequence)[2] - 2012
    years = by_place(frame, "years_ahead")
    assert sorted(set(years.index.get_level_values(0))) == ["1", "2", "3"]
    second = RowSums.of(truth[ahead == 2], flux[ahead == 2]).total()
    assert years.value["2", "", "r2"] == pytest.approx(second.r2, rel=1e-6)
    assert set(METRICS) >= set(frame.metric)


def test_years_ahead_are_of_later_years_alone(toy_release: Path, release: Release, tmp_path: Path) -> None:
    saved = open_saved(a_run(release, tmp_path / "spatial", "ecosys_spatial"))
    frame = table(stress(stressed(saved, release), release, []))
    assert set(frame.kind) == {"unperturbed", "month"}
    with pytest.raises(AgrofluxError, match="public"):
        stressed(saved, release, ["test"])


def test_the_command(
    toy_release: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output, plot = tmp_path / "stress.csv", tmp_path / "stress.png"
    command = ["stress", folder, "--data", toy_release, "--noise", "0.2", "--spells", "90", "--draws", "1",
               "--output", output, "--plot", plot]  # fmt: skip
    assert here(monkeypatch, *command) == 0
    said = capsys.readouterr().out
    assert "noise 0.2" in said
    assert "spell 90 July" in said
    frame = pd.read_csv(output)
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert set(frame.model) == {str(folder)}
    assert set(frame.kind) == {"unperturbed", "noise", "spell", "other_year", "month", "years_ahead"}
    before = output.read_bytes()
    assert here(monkeypatch, *command) == 0
    assert output.read_bytes() == before
    assert here(monkeypatch, "stress", folder, "--data", toy_release, "--split", "test", "--output", output) == 2
    assert here(monkeypatch, "stress", folder, "--data", toy_release, "--noise", "-1", "--output", output) == 2
    assert isinstance(stressed(open_saved(folder), Release(toy_release)), Stressed)


@pytest.mark.slow
def test_variants_of_a_process_model_are_those_of_one_at_a_time(release: Release) -> None:
    tried = stressed_process("process:daycent", release, TASK)
    known = Known.of(release, TASK, ["train"], ["validation"])
    changed = OtherYear().apply(tried.weather, tried.rows.sequence, known)
    usual, other = tried.predict([tried.weather, changed])
    expected = predict_process(process_model("process:daycent"), release, TASK, "validation")
    np.testing.assert_array_equal(expected["sequence"], tried.rows.sequence)
    (alone,) = tried.predict([changed])
    for target in usual:
        np.testing.assert_allclose(usual[target], expected[target], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(other[target], alone[target], rtol=1e-4, atol=1e-5)
        assert np.abs(other[target] - usual[target]).max() > 0.01, "it is driven by its weather"
    frame = table(stress(tried, release, default_perturbations(noise=(0.2,), spells=(30,), draws=1)))
    assert set(frame.kind) == {"unperturbed", "noise", "spell", "other_year", "month", "years_ahead"}
