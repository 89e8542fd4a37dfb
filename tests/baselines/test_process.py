"""The process models as baselines: series put together again from rows, and submissions that validate."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from agroflux_data.build import build
from agroflux_data.errors import AgrofluxError
from agroflux_data.plan import Plan
from agroflux_data.release import Release, Targets
from agroflux_data.sequences import parts, values
from agroflux_data.simulators.daycent import DayCent
from agroflux_data.simulators.latents import SIMULATED, draw
from agroflux_data.sources.embedded import Embedded
from agroflux_data.sources.source import Site, Source
from agroflux_data.splits import Edition, Years
from agroflux_data.variables import DAYS, VARIABLES
from baselines import cli
from baselines.prediction import write_prediction
from baselines.process import drivers_of, predict_process, process_model
from submission.file import read, read_metadata
from submission.metrics import r2
from submission.scoring import score
from submission.validation import validate
from tests.toy import ToySource

SECRET = b"known to the host alone"


def here(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The command in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["agroflux-train", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def released(source: Source, folder: Path) -> Release:
    build(Plan(Edition.SEALED, None, 0, SECRET, (source,)), folder / "agroflux", workers=1)
    return Release(folder / "agroflux")


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A sealed release of five years of the embedded daycent source."""
    source = Embedded("daycent", "tiny", 0, SECRET)
    object.__setattr__(source, "years", Years(2016, 2018, 2019, 2020))
    return released(source, tmp_path_factory.mktemp("embedded"))


@pytest.mark.parametrize("task", ["daycent_temporal", "daycent_spatial"])
def test_the_drivers_are_those_that_made_the_release(embedded: Release, task: str) -> None:
    sequence = embedded.keys(task, "test")
    series = np.unique(sequence // 10_000)
    drivers = drivers_of(embedded, task, series, 2020)
    assert (drivers.first_year, drivers.years, drivers.series) == (2016, 5, len(series))
    # With the secret, which no participant has, the hidden targets come out again.
    sites = {site.number: site.name for site in Embedded("daycent", "tiny", 0, SECRET).sites}
    names = [sites[int(one) // 100] for one in series]
    hidden = draw(SECRET, SIMULATED, "daycent", names, 2016, 5, drivers.soil)
    outputs = DayCent().run(replace(drivers, latents=hidden)).outputs
    truth = Targets.of(embedded).table(task, "test")
    column = np.searchsorted(series, truth["sequence"].to_numpy() // 10_000)
    year = parts(truth["sequence"].to_numpy())[2] - 2016
    for name in ("GPP", "NEE", "N2O", "SWC_L3", "YIELD"):
        again = outputs[name].reshape(5, DAYS, -1)[year, :, column]
        assert r2(values(truth[name]), again) > 0.9999, name


def test_public_parameters_explain_carbon_and_not_everything(embedded: Release, tmp_path: Path) -> None:
    path = write_prediction("process:daycent", embedded, task="daycent_temporal", output=tmp_path / "process.parquet")
    targets = score(path, embedded).targets
    assert set(targets) == set(embedded.task("daycent_temporal").targets)
    for name in ("GPP", "NEE"):
        assert 0.5 < targets[name].r2 < 0.98, name
    assert targets["N2O"].r2 < 0.8


@pytest.mark.parametrize(
    ("model", "task", "named"),
    [
        ("process:daycent", "ecosys_temporal", True),
        ("process:daycent", "towers_spatial", False),
        ("process:ecosys", "mesocosm_temporal", True),
    ],
)
def test_the_command_writes_a_submission(
    toy_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, task: str, named: bool
) -> None:
    path, release = tmp_path / "process.parquet", Release(toy_release)
    which = ["--model", model] if named else [model]
    assert here(monkeypatch, "predict", *which, "--task", task, "--data", toy_release, "--output", path) == 0
    report = validate(path, release)
    assert report.ok, report
    # DayCent has no leaf area and no CO2 flux at the soil surface.
    assert set(report.targets) == {name for name in release.task(task).targets if name not in ("LAI", "SOIL_CO2")}
    metadata = read_metadata(path)
    assert (metadata.model, metadata.method) == (model, "process model")
    assert (metadata.parameters, metadata.pretraining) == (0, "none")
    for name, flux in read(path).items():
        if name != "sequence":
            assert VARIABLES[name].low <= flux.min() < flux.max() <= VARIABLES[name].high, name


@dataclass(frozen=True)
class _Broken(ToySource):
    """A tower that stands from the second year on and has nothing in the fourth."""

    def sequences(self, sites: list[Site]) -> pa.Table:
        table = super().sequences(sites)
        missing = pa.array([self.years.first, self.years.first + 3], pa.int16())
        return table.filter(pc.invert(pc.is_in(table["year"], missing)))


def test_years_without_a_row_have_the_nearest_inputs_and_are_not_given(tmp_path: Path) -> None:
    source = _Broken("towers", 6)
    release = released(source, tmp_path)
    sequence = release.keys("towers_temporal", "test")
    series = np.unique(sequence // 10_000)
    drivers = drivers_of(release, "towers_temporal", series, source.years.last)
    assert (drivers.first_year, drivers.years) == (source.years.first, len(source.years.all))
    rows = {row["sequence"]: row for row in release.table("towers_temporal", "train").to_pylist()}
    warmest = drivers.weather.TMAX.reshape(drivers.years, DAYS, -1)
    planted = drivers.management.PLANTT.reshape(drivers.years, DAYS, -1)
    for column, one in enumerate(series.tolist()):
        for year, taken in ((0, 1), (1, 1), (2, 2), (3, 2)):
            row = rows[one * 10_000 + source.years.first + taken]
            np.testing.assert_array_equal(warmest[year, :, column], row["TMAX"])
            np.testing.assert_array_equal(planted[year, :, column], row["PLANTT"])
    predicted = predict_process(process_model("process:daycent"), release, "towers_temporal", "test")
    np.testing.assert_array_equal(predicted["sequence"], sequence)


def test_a_series_is_the_same_in_any_split(toy_release: Path) -> None:
    """What is simulated hangs neither on the split nor on the series beside it."""
    release, model = Release(toy_release), DayCent()
    whole = predict_process(model, release, "towers_temporal", "train")
    fold = predict_process(model, release, "towers_spatial", "fold_1")
    _, one, other = np.intersect1d(whole["sequence"], fold["sequence"], return_indices=True)
    assert len(one) > 0
    np.testing.assert_array_equal(whole["GPP"][one], fold["GPP"][other])


@dataclass(frozen=True)
class _Bare(ToySource):
    """A tower as a daily file has it: no soil, no management."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("TMAX", "TMIN", "PREC", "RADN")


def test_inputs_that_are_not_there_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    release = released(_Bare("towers", 6), tmp_path)
    output = tmp_path / "process.parquet"
    assert here(monkeypatch, "predict", "process:ecosys", "--task", "towers_temporal", "--data", release.path,
                "--output", output) == 2  # fmt: skip
    said = " ".join(capsys.readouterr().err.split())
    assert "no FERTZR_N, PDOY, PLANTT, TBKDS, TCSAND, TCSILT, TPH, TSOC, HMAX, HMIN, WIND" in said
    assert not output.exists()


def test_other_names_and_tasks_are_refused(
    toy_release: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AgrofluxError, match="process:daycent, process:ecosys"):
        process_model("process:epic")
    for arguments, said in [
        (["process:daycent"], "of which task"),
        (["process:epic", "--task", "towers_temporal"], "unknown process model"),
        (["process:daycent", "--task", "towers_temporal", "--split", "fold_9"], "fold_9"),
        (["--task", "towers_temporal"], "predict with what"),
        (["climatology", "--model", "process:daycent", "--task", "towers_temporal"], "predict with what"),
    ]:
        assert here(monkeypatch, "predict", *arguments, "--data", toy_release) == 2
        assert said in capsys.readouterr().err
