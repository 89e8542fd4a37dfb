"""A release written as the AgroFlux release's arrays, and read back."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from agroflux_data.build import build
from agroflux_data.check import check
from agroflux_data.commands.build import build as build_command
from agroflux_data.commands.export import export
from agroflux_data.errors import AgrofluxError
from agroflux_data.export import export_official
from agroflux_data.plan import Plan
from agroflux_data.release import Release, Targets
from agroflux_data.sequences import values
from agroflux_data.sources.official.source import read
from agroflux_data.sources.source import Source
from agroflux_data.splits import Edition, Years
from agroflux_data.variables import CORE_INPUTS, STATICS
from tests.conftest import TOY_SECRET, toy_plan
from tests.toy import ToySource


@pytest.fixture(scope="module")
def exported(toy_open_release, tmp_path_factory) -> Path:
    """The open toy release as arrays. Read only."""
    out = tmp_path_factory.mktemp("arrays") / "official"
    export_official(Release(toy_open_release), out)
    return out


@pytest.fixture(scope="module")
def exported_sealed(toy_release, tmp_path_factory) -> Path:
    """The sealed toy release as arrays. Read only."""
    out = tmp_path_factory.mktemp("arrays") / "official"
    export_official(Release(toy_release), out)
    return out


def toys() -> dict[str, Source]:
    return {source.name: source for source in toy_plan(Edition.OPEN).sources}


def released(folder: Path, *sources: Source, edition: Edition = Edition.OPEN) -> Release:
    return build(Plan(edition, None, 0, TOY_SECRET, sources), folder / "agroflux", workers=1)


def assert_as_close_as_single_precision(found: pa.Table, expected: pa.Table, scalers: dict[str, float]) -> None:
    """Every column of the first as in the second, to a few units of float32 in its scaled value."""
    for name in found.column_names[6:]:
        one, other = (table[name].to_numpy() if name in STATICS else values(table[name]) for table in (found, expected))
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=2e-6 * scalers[name], err_msg=name)


def spreads(release: Release, source: str) -> dict[str, float]:
    """Scale of each variable: what float32 rounds relative to."""
    known = release.statistics(f"{source}_temporal")
    return {name: max(one.sd, abs(one.mean), abs(one.max), abs(one.min), 1e-9) for name, one in known.items()}


# Reading back


def test_the_same_keys_places_and_values_come_back(exported, toy_open_release):
    release = Release(toy_open_release)
    for found in read(exported):
        toy = toys()[found.name]
        rows, expected = found.sequences(found.sites), toy.sequences(toy.sites)
        assert rows.select(range(6)).equals(expected.select(range(6)))
        assert_as_close_as_single_precision(rows, expected, spreads(release, found.name))
        assert (found.inputs, found.years) == (CORE_INPUTS, toy.years)
        lacking = {"ecosys": {"LAI"}, "towers": {"RECO", "ET"}}.get(found.name, set())
        assert set(found.targets) == set(toy.targets) - lacking


def test_the_origin_comes_back(exported):
    assert {found.origin for found in read(exported)} == {"embedded"}


def test_hidden_outputs_are_not_a_number(exported_sealed, toy_release):
    release = Release(toy_release)
    for found in read(exported_sealed):
        toy = toys()[found.name]
        rows, expected = found.sequences(found.sites), toy.sequences(toy.sites)
        hidden = {
            key
            for name in release.tasks
            if release.task(name).source == found.name
            for key in release.keys(name, "test").tolist()
        }
        public = expected.filter([key not in hidden for key in expected["sequence"].to_pylist()])
        assert rows["sequence"].to_pylist() == public["sequence"].to_pylist()
        assert_as_close_as_single_precision(rows, public, spreads(release, found.name))


def test_hidden_outputs_are_there_when_targets_are_given(toy_release, tmp_path):
    release = Release(toy_release)
    notes = export_official(release, tmp_path / "official", targets=Targets.of(release))
    assert not any("hidden" in note for note in notes)
    for found in read(tmp_path / "official"):
        toy = toys()[found.name]
        rows, expected = found.sequences(found.sites), toy.sequences(toy.sites)
        assert rows["sequence"].to_pylist() == expected["sequence"].to_pylist()
        assert_as_close_as_single_precision(rows, expected, spreads(release, found.name))


# What code for the AgroFlux release meets


def test_files_have_the_names_shapes_and_signs_of_the_agroflux_release(exported, toy_open_release):
    years, series = 9, 16
    assert sorted(path.name for path in (exported / "t0_mw").iterdir()) == [
        "X_mw_scaled.npy", "Y_mw_scaled_Carbon.npy", "Y_mw_scaled_Nitrogen.npy", "Y_mw_scaled_Thermal.npy",
        "Y_mw_scaled_Water.npy",
    ]  # fmt: skip
    arrays = {name: np.load(exported / f"t0_mw/{name}.npy") for name in ("X_mw_scaled", "Y_mw_scaled_Carbon")}
    assert arrays["X_mw_scaled"].shape == (years * 365, series, 11)
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}
    assert np.load(exported / "t1_n2o/Y_real_scaled_Combined_5.npy").shape == (365, 3, 1)
    towers = [np.load(exported / f"t1_co2/Y_real_scaled_ECfluxnet_Combined_{number}.npy") for number in range(11)]
    assert {array.shape for array in towers} == {(10 * 365, 1, 2)}

    mean, sd = np.load(exported / "t0_scalers/Y_scaler_Carbon.npy").T
    carbon = arrays["Y_mw_scaled_Carbon"] * sd + mean
    toy = toys()["ecosys"]
    rows = toy.sequences(toy.sites)
    row = rows["sequence"].to_pylist().index(3_012_014)  # site 3, treatment 1, the fifth year
    day = slice(4 * 365, 5 * 365)
    for place, (name, sign) in enumerate((("RECO", -1), ("GPP", 1), ("SOIL_CO2", -1), ("YIELD", 1), ("DSOC", 1))):
        np.testing.assert_allclose(carbon[day, 5, place], sign * values(rows[name])[row], atol=1e-4, err_msg=name)
    daycent = np.load(exported / "t0_dc/Y_dc_scaled_Carbon.npy") * sd + mean
    np.testing.assert_allclose(daycent[..., 2], daycent[..., 0] + daycent[..., 1], atol=1e-4)


def test_scalers_come_from_training_rows_of_the_simulations_alone(exported_sealed, toy_release):
    release = Release(toy_release)
    rain, respiration = [], []
    for task in ("ecosys_temporal", "daycent_temporal"):
        train = release.table(task, "train", ["PREC", "RECO"])
        rain.append(values(train["PREC"]).ravel())
        respiration.append(values(train["RECO"]).ravel())
    weather = np.load(exported_sealed / "t0_scalers/X_scaler.npy")
    carbon = np.load(exported_sealed / "t0_scalers/Y_scaler_Carbon.npy")
    for found, expected in (weather[2], np.concatenate(rain)), (carbon[0], -np.concatenate(respiration)):
        assert found == pytest.approx([expected.mean(dtype=float), expected.std(dtype=float)], rel=1e-5)
    assert (carbon[:, 1] > 0).all()  # although the toy's yield never changes


@dataclass(frozen=True)
class Long(ToySource):
    """A simulation with all the years of the benchmark."""

    @property
    def years(self) -> Years:
        return Years(2000, 2013, 2016, 2018)


def test_ecosys_has_the_eighteen_years_that_code_counts_on(tmp_path):
    release = released(tmp_path, Long("ecosys", 1, 1))
    notes = export_official(release, tmp_path / "official")
    assert np.load(tmp_path / "official/t0_mw/X_mw_scaled.npy", mmap_mode="r").shape == (18 * 365, 1, 11)
    assert any("years 2000 left out" in note for note in notes)
    assert any("18 years of 1 x 1 series" in note and "99 x 20" in note for note in notes)


# What the layout cannot hold, or the release lacks


class Narrow(ToySource):
    """Towers with three inputs and one target."""

    inputs = ("TMAX", "TMIN", "PREC")
    targets = ("NEE",)


def test_columns_that_a_release_lacks_are_not_a_number(tmp_path):
    release = released(tmp_path, Narrow("towers", 5))
    notes = export_official(release, tmp_path / "official")
    assert any("FERTZR_N, GPP, PDOY" in note and "NaN" in note for note in notes)
    (found,) = read(tmp_path / "official")
    assert (found.inputs, found.targets) == (Narrow.inputs, Narrow.targets)
    toy = Narrow("towers", 5)
    rows, expected = found.sequences(found.sites), toy.sequences(toy.sites)
    assert rows["sequence"].to_pylist() == expected["sequence"].to_pylist()


class Ragged(ToySource):
    """A simulation without the second treatment of the first site."""

    def sequences(self, sites):
        rows = super().sequences(sites)
        return rows.filter([not 1_010_000 < key < 1_020_000 for key in rows["sequence"].to_pylist()])


def test_series_that_a_release_lacks_are_not_a_number_and_do_not_come_back(tmp_path):
    release = released(tmp_path, Ragged("ecosys", 5))
    notes = export_official(release, tmp_path / "official")
    assert any("9 series-years NaN" in note for note in notes)
    assert np.isnan(np.load(tmp_path / "official/t0_mw/X_mw_scaled.npy")[:, 1]).all()
    (found,) = read(tmp_path / "official")
    toy = Ragged("ecosys", 5)
    rows, expected = found.sequences(found.sites), toy.sequences(toy.sites)
    assert rows["sequence"].to_pylist() == expected["sequence"].to_pylist()


def test_what_is_left_out_is_named(toy_release, tmp_path):
    said: list[tuple[int, int]] = []
    notes = export_official(
        Release(toy_release), tmp_path / "official", done=lambda done, total: said.append((done, total))
    )
    assert any(note.startswith("ecosys: RADN, HMAX, HMIN, WIND, LAI left out") for note in notes)
    assert any("outputs of 60 sequences NaN, as they are hidden" in note for note in notes)
    rows = sum(len(toy.sequences(toy.sites)) for toy in toys().values())
    assert said[-1] == (rows, rows)


# Bad input


def test_nothing_is_replaced(toy_open_release, tmp_path):
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(AgrofluxError, match="something stands there"):
        export_official(Release(toy_open_release), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_damaged_shard_leaves_nothing_half_written(toy_open_release, tmp_path):
    copy = tmp_path / "agroflux"
    shutil.copytree(toy_open_release, copy)
    release = Release(copy)
    shard = release.paths("towers_temporal", "test")[0]
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(AgrofluxError, match="unreadable shard"):
        export_official(release, tmp_path / "official")
    assert [path.name for path in tmp_path.iterdir()] == ["agroflux"]


def test_an_interruption_leaves_nothing_half_written(toy_open_release, tmp_path):
    def stop(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_official(Release(toy_open_release), tmp_path / "official", done=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: "{", "damaged index"),
        (lambda data: "[]", "damaged index"),
        (lambda data: json.dumps(data | {"format": 2}), "another format"),
        (lambda data: json.dumps(data | {"sources": {"ecosys": {}}}), "damaged index"),
        (lambda data: json.dumps(data).replace('"years": [2010', '"years": [2019'), "rising order"),
        (lambda data: json.dumps(data).replace('"years": [2010, ', '"years": ['), "wrong shape"),
        (lambda data: json.dumps(data).replace('"treatments": [0, 1]', '"treatments": [0, 100]'), "no sequence"),
    ],
)
def test_an_index_that_is_none(exported, tmp_path, damage, words):
    copy = tmp_path / "official"
    shutil.copytree(exported, copy)
    index = copy / "agroflux.json"
    index.write_text(damage(json.loads(index.read_text())))
    with pytest.raises(AgrofluxError, match=words):
        read(copy)


def test_a_site_whose_file_is_gone(exported, tmp_path):
    copy = tmp_path / "official"
    shutil.copytree(exported, copy)
    for name in ("X_real_scaled_5.npy", "Y_real_scaled_Combined_5.npy"):
        (copy / "t1_n2o" / name).unlink()
    with pytest.raises(AgrofluxError, match="another number of files than the index says"):
        read(copy)


# The command


def test_the_command_writes_what_a_build_can_read(command, toy_release, tmp_path):
    ran = command("agroflux-data", "export", "official", "arrays", "--data", str(toy_release), cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "arrays revision" in ran.stdout
    assert "as they are hidden" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["arrays"]
    build_command(tmp_path / "again", edition="open", source=[f"official={tmp_path / 'arrays'}"], workers=1)
    release = Release(tmp_path / "again")
    assert (release.provenance.scale, release.origin("ecosys_temporal")) == (None, "embedded")
    assert list(check(release)) == []


def test_an_unknown_layout(toy_release, tmp_path):
    with pytest.raises(AgrofluxError, match="unknown layout: expected official, got 'csv'"):
        export("csv", tmp_path / "arrays", data=toy_release)
    assert list(tmp_path.iterdir()) == []
