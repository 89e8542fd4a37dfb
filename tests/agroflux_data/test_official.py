"""The reader of the AgroFlux release's arrays: units, signs, keys, and what it says of bad files."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from agroflux_data.build import build
from agroflux_data.check import check
from agroflux_data.commands.read import read as import_command
from agroflux_data.errors import AgrofluxError
from agroflux_data.plan import Plan
from agroflux_data.sequences import values
from agroflux_data.sources.official.source import Official, read
from agroflux_data.sources.source import Source
from agroflux_data.splits import Edition, Years
from agroflux_data.variables import CORE_INPUTS, EXTENDED_INPUTS

# Means and standard deviations about as large as the published ones, and in the release's own order and signs.
SCALERS = {
    "X_scaler": [
        (16.7, 12.2), (5.9, 10.8), (2.78, 7.28), (0.0272, 0.731), (0.00274, 0.0523), (0.564, 0.496), (1.36, 0.155),
        (188.3, 157.8), (532.8, 132.95), (6.33, 0.81), (14.5, 7.7),
    ],
    "Y_scaler_Carbon": [(-2.04, 2.48), (2.8, 4.87), (-0.35, 2.68), (273.3, 117.1), (2.94, 75.1)],
    "Y_scaler_Nitrogen": [(-0.000541, 0.001808), (28.4, 31.6), (4.78, 17.4), (4.88, 8.5), (2.8, 3.2)],
    "Y_scaler_Thermal": [(16.0, 12.2), (8.4, 9.1), (13.2, 8.4), (10.9, 7.2), (12.0, 6.0), (11.7, 6.0)],
    "Y_scaler_Water": [(0.273, 0.104), (0.289, 0.082), (0.302, 0.073), (1.53, 1.52)],
}  # fmt: skip
INPUTS = dict.fromkeys(CORE_INPUTS, 1.0) | {"TMIN": -1.0, "TCSAND": 200.0, "TCSILT": 500.0, "TPH": 6.5, "TSOC": 15.0}


def scaled(values: np.ndarray, name: str, rows: list[int] | None = None) -> np.ndarray:
    """Columns scaled by (some rows of) a scaler."""
    mean, sd = np.array(SCALERS[name])[rows if rows is not None else slice(None)].T
    return (values - mean) / sd


def inputs(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Weather, management and soil in physical units, with the features last."""
    columns = np.broadcast_to(np.array(list(INPUTS.values())), (*shape, 11)).copy()
    columns[..., 0] = rng.normal(15, 5, shape)
    columns[..., 2] = np.maximum(rng.normal(-1, 5, shape), 0)
    columns[..., 3:5] = 0
    columns[100, ..., 4] = 1
    return columns


def simulated(folder: Path, tag: str, years: int, sites: int, kind: type) -> dict[str, np.ndarray]:
    """Write ``t0_{tag}``; returns what was written in physical units and stored signs, by group."""
    rng, shape = np.random.default_rng(7), (years * 365, sites * 20)
    physical = {
        "X": inputs(shape, rng),
        "Carbon": rng.uniform([-9, 0, -5, 100, -50], [0, 20, 5, 900, 50], (*shape, 5)),
        "Nitrogen": rng.uniform([-0.01, 0, 0, 0, 0], [0, 60, 20, 20, 20], (*shape, 5)),
        "Thermal": rng.uniform(-5, 30, (*shape, 6)),
        "Water": rng.uniform(0, 0.5, (*shape, 4)),
    }
    (folder / f"t0_{tag}").mkdir(parents=True)
    np.save(folder / f"t0_{tag}/X_{tag}_scaled.npy", scaled(physical["X"], "X_scaler").astype(kind))
    for group in ("Carbon", "Nitrogen", "Thermal", "Water"):
        stored = scaled(physical[group], f"Y_scaler_{group}").astype(kind)
        np.save(folder / f"t0_{tag}/Y_{tag}_scaled_{group}.npy", stored)
    return physical


def towers(folder: Path, years: tuple[int, ...]) -> list[np.ndarray]:
    """Write ``t1_co2``, with GPP, net exchange and a column that nobody knows; returns GPP and net exchange."""
    rng, observed = np.random.default_rng(8), []
    (folder / "t1_co2").mkdir(parents=True)
    for number, count in enumerate(years):
        fluxes = rng.uniform([0, 0], [25, 5], (count * 365, 1, 2))
        fluxes[..., 1] -= fluxes[..., 0]
        fluxes[rng.random(fluxes.shape[:2]) < 0.3] = np.nan
        columns = np.concatenate([scaled(fluxes, "Y_scaler_Carbon", [1, 2]), rng.random((count * 365, 1, 1))], axis=2)
        np.save(folder / f"t1_co2/Y_real_scaled_ECfluxnet_Combined_{number}.npy", columns)
        weather = scaled(inputs((count * 365, 1), rng), "X_scaler")
        np.save(folder / f"t1_co2/X_real_scaled_ECfluxnet_{number}.npy", weather)
        observed.append(fluxes)
    return observed


def mesocosm(folder: Path, chambers: int) -> list[np.ndarray]:
    """Write ``t1_n2o``; returns N2O as it is stored, negative."""
    rng, observed = np.random.default_rng(9), []
    (folder / "t1_n2o").mkdir(parents=True)
    for number in range(chambers):
        flux = -rng.gamma(1, 0.002, (365, 3, 1))
        flux[:90] = np.nan
        np.save(folder / f"t1_n2o/Y_real_scaled_Combined_{number}.npy", scaled(flux, "Y_scaler_Nitrogen", [0]))
        np.save(folder / f"t1_n2o/X_real_scaled_{number}.npy", scaled(inputs((365, 3), rng), "X_scaler"))
        observed.append(flux)
    return observed


def scalers(folder: Path) -> None:
    (folder / "t0_scalers").mkdir(parents=True)
    for name, rows in SCALERS.items():
        np.save(folder / f"t0_scalers/{name}.npy", np.array(rows))


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> tuple[Path, dict]:
    """A release of all four sources, and what it holds. Read only."""
    folder = tmp_path_factory.mktemp("official")
    scalers(folder)
    return folder, {
        "ecosys": simulated(folder, "mw", 2, 2, np.float64),
        "daycent": simulated(folder, "dc", 3, 1, np.float32),
        "towers": towers(folder, (2, 5, 3)),
        "mesocosm": mesocosm(folder, 2),
    }


@pytest.fixture
def small(tmp_path) -> Path:
    """One simulated source of one site and year, to be damaged."""
    scalers(tmp_path)
    simulated(tmp_path, "mw", 1, 1, np.float32)
    return tmp_path


def source(folder: Path, name: str) -> Official:
    (found,) = [one for one in read(folder) if one.name == name]
    return found


def column(source: Source, name: str) -> np.ndarray:
    return values(source.sequences(source.sites)[name])


def warning(source: Source, *words: str) -> str:
    """The one warning that has all the words."""
    found = [line for line in source.warnings if all(word in line for word in words)]
    assert len(found) == 1, (words, source.warnings)
    return found[0]


# What is there


def test_a_folder_gives_the_sources_that_it_has(stored, tmp_path):
    folder, _ = stored
    assert [(one.name, one.origin) for one in read(folder)] == [
        (name, "official") for name in ("ecosys", "daycent", "towers", "mesocosm")
    ]
    for name in ("t0_scalers", "t1_n2o"):
        shutil.copytree(folder / name, tmp_path / name)
    assert [one.name for one in read(tmp_path)] == ["mesocosm"]


def test_the_last_year_is_the_last_of_the_benchmark(stored):
    ecosys, daycent, towers, mesocosm = read(stored[0])
    assert ecosys.years.all == range(2017, 2019)
    assert daycent.years.all == range(2018, 2021)
    assert mesocosm.years == Years(2016, 2017, 2018, 2018)
    rows = towers.sequences(towers.sites)
    of_site = {name: [] for name in "012"}
    for name, year in zip(rows["site"].to_pylist(), rows["year"].to_pylist(), strict=True):
        of_site[name].append(year)
    assert of_site == {"0": [2019, 2020], "1": list(range(2016, 2021)), "2": [2018, 2019, 2020]}
    assert "no calendar" in warning(towers, "years: unknown")


def test_eighteen_years_are_2001_to_2018(tmp_path):
    scalers(tmp_path)
    simulated(tmp_path, "mw", 18, 1, np.float32)
    (ecosys,) = read(tmp_path)
    assert ecosys.years == Years(2001, 2013, 2016, 2018)
    assert "18 years are taken for 2001 to 2018" in warning(ecosys, "years:")


def test_series_are_site_major(stored):
    ecosys = source(stored[0], "ecosys")
    rows = ecosys.sequences(ecosys.sites)
    assert [site.name for site in ecosys.sites] == ["0", "1"]
    assert rows["sequence"].to_pylist() == [
        site * 1_000_000 + treatment * 10_000 + year
        for site in range(2)
        for year in (2017, 2018)
        for treatment in range(20)
    ]
    assert np.isnan(rows["lat"].to_numpy()).all()
    assert "counties" in warning(ecosys, "sites:")
    row = 20 + 20 + 20 + 7  # site 1, 2018, treatment 7
    written = stored[1]["ecosys"]["X"][365:730, 27]
    np.testing.assert_allclose(values(rows["TMAX"])[row], written[:, 0], rtol=1e-5, atol=1e-5)
    assert rows["TCSAND"][row].as_py() == pytest.approx(200)


def test_extended_inputs_and_leaf_area_are_left_out_by_name(stored):
    ecosys = source(stored[0], "ecosys")
    assert ecosys.inputs == CORE_INPUTS
    assert "LAI" not in ecosys.targets
    assert {*EXTENDED_INPUTS, "LAI"} <= {*warning(ecosys, "do not hold").split(":")[0].split(", ")}


# Units and signs


def test_ecosys_rows_have_canonical_signs(stored):
    folder, written = stored
    ecosys, carbon = source(folder, "ecosys"), written["ecosys"]["Carbon"][:365, 0]
    of_year = {name: column(ecosys, name)[0] for name in ecosys.targets}
    for name, expected in {
        "RECO": -carbon[:, 0],
        "GPP": carbon[:, 1],
        "SOIL_CO2": -carbon[:, 2],
        "YIELD": carbon[:, 3],
        "DSOC": carbon[:, 4],
        "N2O": -written["ecosys"]["Nitrogen"][:365, 0, 0],
        "NO3_L5": written["ecosys"]["Nitrogen"][:365, 0, 4],
        "TSMIN_L1": written["ecosys"]["Thermal"][:365, 0, 1],
        "SWC_L3": written["ecosys"]["Water"][:365, 0, 1],
        "ET": written["ecosys"]["Water"][:365, 0, 3],
    }.items():
        np.testing.assert_allclose(of_year[name], expected, rtol=1e-5, atol=1e-5, err_msg=name)
    np.testing.assert_array_equal(of_year["NEE"], of_year["RECO"] - of_year["GPP"])


def test_carbon_dioxide_of_daycent_is_not_taken_for_net_exchange(stored):
    daycent = source(stored[0], "daycent")
    assert "SOIL_CO2" not in daycent.targets
    np.testing.assert_array_equal(column(daycent, "NEE"), column(daycent, "RECO") - column(daycent, "GPP"))
    assert "NPP - Rh" in warning(daycent, "NEE:")


def test_observed_exchange_keeps_its_sign_and_gaps(stored):
    folder, written = stored
    found, fluxes = source(folder, "towers"), written["towers"][1]
    rows = slice(2, 7)
    np.testing.assert_allclose(column(found, "GPP")[rows].ravel(), fluxes[:, 0, 0], atol=1e-5)
    np.testing.assert_allclose(column(found, "NEE")[rows].ravel(), fluxes[:, 0, 1], atol=1e-5)
    assert found.targets == ("GPP", "NEE")
    assert "1 last columns" in warning(found, "nothing says")


def test_emission_of_chambers_is_positive(stored):
    folder, written = stored
    flux = column(source(folder, "mesocosm"), "N2O")
    np.testing.assert_allclose(flux[4], -written["mesocosm"][1][:, 1, 0], rtol=1e-5, atol=1e-8)
    assert np.isnan(flux[:, :90]).all()


@pytest.mark.parametrize("name", ["ecosys", "daycent"])
def test_zeros_and_flags_are_exact_in_either_precision(stored, name):
    found = source(stored[0], name)
    assert (column(found, "FERTZR_N") == 0).all()
    assert (column(found, "PLANTT") == 1).all()
    rain = column(found, "PREC")
    assert rain.min() == 0
    assert 0.3 < (rain == 0).mean() < 0.9
    planting = column(found, "PDOY")
    assert set(np.unique(planting)) == {0, 1}
    assert np.flatnonzero(planting[0]).tolist() == [100]


# The stored arrays


def test_the_official_view_is_what_was_stored_bit_for_bit(stored):
    folder, _ = stored
    arrays = read(folder, view="official")
    assert set(arrays) == {path.relative_to(folder).as_posix() for path in folder.rglob("*.npy")}
    for path, array in arrays.items():
        here = np.load(folder / path)
        assert (array.dtype, array.shape) == (here.dtype, here.shape)
        assert array.tobytes() == here.tobytes()
        assert not array.flags.writeable
    with pytest.raises(AgrofluxError, match="unknown view: expected canonical or official, got 'raw'"):
        read(folder, view="raw")


# As a source


def test_rows_of_a_site_are_the_same_whatever_is_asked_beside_it(stored):
    for found in read(stored[0]):
        whole, last = found.sequences(found.sites), found.sites[-1]
        alone = pickle.loads(pickle.dumps(found)).sequences([last])
        own = whole.filter([name == last.name for name in whole["site"].to_pylist()])
        assert alone.to_pandas().equals(own.to_pandas())
        assert found.sequences([]).schema == whole.schema


def test_content_follows_the_files(small):
    before = source(small, "ecosys").content
    assert source(small, "ecosys").content == before
    path = small / "t0_mw/Y_mw_scaled_Water.npy"
    np.save(path, np.load(path) + np.float32(0.01))
    assert source(small, "ecosys").content != before


def test_a_release_of_it_passes_every_check(stored, tmp_path, monkeypatch):
    for name in ("t0_scalers", "t0_mw"):
        shutil.copytree(stored[0] / name, tmp_path / "official" / name)
    plan = Plan(Edition.SEALED, None, 0, b"a secret of this test", read(tmp_path / "official", test_from=2018))
    release = build(plan, tmp_path / "agroflux", workers=1)
    assert list(check(release)) == []
    assert release.origin("ecosys_temporal") == "official"
    assert release.split("ecosys_temporal", "train").last_year == 2017
    monkeypatch.chdir(tmp_path)
    train = load_dataset("agroflux", "ecosys_temporal", split="train", streaming=True)
    assert next(iter(train))["sequence"] == 2017


def test_the_command_describes_it(stored, capsys):
    import_command("official", stored[0], describe=True, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert [(one["source"], one["origin"], len(one["sites"])) for one in found] == [
        ("ecosys", "official", 2), ("daycent", "official", 1), ("towers", "official", 3), ("mesocosm", "official", 2),
    ]  # fmt: skip
    assert found[2]["sites"][0]["observed"]["NEE"] == pytest.approx(0.7, abs=0.05)


# Doubtful values


def changed(folder: Path, path: str, change: Callable[[np.ndarray], None]) -> None:
    array = np.load(folder / path)
    change(array)
    np.save(folder / path, array)


def test_sequences_with_unknown_or_impossible_inputs_are_left_out(small):
    def damage(array: np.ndarray) -> None:
        array[5, 3, 0] = np.nan
        array[9, 4, 2] = -1
        array[9, 5, 9] = np.inf

    changed(small, "t0_mw/X_mw_scaled.npy", damage)
    ecosys = source(small, "ecosys")
    rows = ecosys.sequences(ecosys.sites)
    assert rows["treatment"].to_pylist() == [0, 1, 2, *range(6, 20)]
    assert "3 left out" in warning(ecosys, "sequences:", "input")


def test_an_input_without_any_value_is_left_out(small):
    changed(small, "t0_mw/X_mw_scaled.npy", lambda array: array[..., 3].fill(np.nan))
    ecosys = source(small, "ecosys")
    assert "FERTZR_N" not in ecosys.inputs
    assert ecosys.sequences(ecosys.sites).num_rows == 20
    assert "FERTZR_N" in warning(ecosys, "do not hold")


def test_impossible_outputs_are_missing(small):
    def damage(array: np.ndarray) -> None:
        array[2, 0, 0] = 99
        array[3:5, 1, 0] = -np.inf

    changed(small, "t0_mw/Y_mw_scaled_Water.npy", damage)
    ecosys = source(small, "ecosys")
    gaps = np.isnan(column(ecosys, "SWC_L1"))
    assert np.argwhere(gaps).tolist() == [[0, 2], [1, 3], [1, 4]]
    assert "3 days" in warning(ecosys, "SWC_L1", "outside 0 to 1")


def test_a_sequence_without_output_is_left_out(small):
    for group in ("Carbon", "Nitrogen", "Thermal", "Water"):
        changed(small, f"t0_mw/Y_mw_scaled_{group}.npy", lambda array: array[:, 8].fill(np.nan))
    ecosys = source(small, "ecosys")
    assert 8 not in ecosys.sequences(ecosys.sites)["treatment"].to_pylist()
    assert "1 left out" in warning(ecosys, "no output")


def test_a_site_without_any_sequence_is_left_out(tmp_path):
    scalers(tmp_path)
    simulated(tmp_path, "mw", 1, 3, np.float32)
    changed(tmp_path, "t0_mw/X_mw_scaled.npy", lambda array: array[:, 20:40].fill(np.nan))
    ecosys = source(tmp_path, "ecosys")
    assert [site.name for site in ecosys.sites] == ["0", "2"]
    assert "1 left out" in warning(ecosys, "sites:", "no sequence")


def test_observations_of_the_other_sign_are_named(tmp_path):
    scalers(tmp_path)
    fluxes = towers(tmp_path, (2,))[0]
    flux = mesocosm(tmp_path, 1)[0]
    assert not any("may be stored" in line for one in read(tmp_path) for line in one.warnings)
    turned = scaled(np.stack([fluxes[..., 0], -fluxes[..., 1]], -1), "Y_scaler_Carbon", [1, 2])
    np.save(tmp_path / "t1_co2/Y_real_scaled_ECfluxnet_Combined_0.npy", turned)
    np.save(tmp_path / "t1_n2o/Y_real_scaled_Combined_0.npy", scaled(-flux, "Y_scaler_Nitrogen", [0]))
    assert "rises with GPP" in warning(source(tmp_path, "towers"), "may be stored")
    assert "emission" in warning(source(tmp_path, "mesocosm"), "may be stored")


def test_soil_that_changes_within_a_year_is_named(small):
    changed(small, "t0_mw/X_mw_scaled.npy", lambda array: np.add.at(array, (slice(200, None), 2, 7), 0.5))
    ecosys = source(small, "ecosys")
    assert "within 1 sequences" in warning(ecosys, "TCSAND", "first day")
    assert ecosys.sequences(ecosys.sites)["TCSAND"].to_pylist() == pytest.approx([200] * 20)


# Bad files


def message(folder: Path) -> str:
    with pytest.raises(AgrofluxError) as caught:
        read(folder)
    return str(caught.value)


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "photos").mkdir()
    assert "no AgroFlux release: expected a folder with t0_mw, t0_dc, t1_co2, t1_n2o, got 'photos'" in message(tmp_path)
    assert "no folder" in message(tmp_path / "absent")


@pytest.mark.parametrize(
    ("path", "array", "words"),
    [
        ("t0_mw/X_mw_scaled.npy", np.zeros((365, 20, 10)), ("wrong shape", "(365, 20, 11)", "(365, 20, 10)", "X_mw")),
        ("t0_mw/X_mw_scaled.npy", np.zeros((365, 30, 11)), ("wrong shape", "sites * 20", "(365, 30, 11)")),
        ("t0_mw/X_mw_scaled.npy", np.zeros((364, 20, 11)), ("wrong shape", "years * 365", "(364, 20, 11)")),
        ("t0_mw/X_mw_scaled.npy", np.zeros((366, 20, 11)), ("wrong shape", "years * 365", "(366, 20, 11)")),
        ("t0_mw/X_mw_scaled.npy", np.zeros((365, 220)), ("wrong shape", "(365, 220)")),
        ("t0_mw/X_mw_scaled.npy", np.zeros((365, 20, 11), int), ("float32 or float64", "int64")),
        ("t0_mw/X_mw_scaled.npy", np.zeros((365, 20, 11), "U3"), ("float32 or float64", "<U3")),
        ("t0_mw/Y_mw_scaled_Carbon.npy", np.zeros((365, 20, 6)), ("wrong shape", "(365, 20, 5)", "Carbon")),
        ("t0_mw/Y_mw_scaled_Carbon.npy", np.zeros((730, 20, 5)), ("wrong shape", "(365, 20, 5)", "(730, 20, 5)")),
        ("t0_scalers/X_scaler.npy", np.zeros((2, 11)), ("wrong shape", "(11, 2)", "(2, 11)", "TSOC")),
        ("t0_scalers/X_scaler.npy", np.tile([1.0, 0.0], (11, 1)), ("no scaler of TMAX", "positive", "1, 0")),
        ("t0_scalers/Y_scaler_Water.npy", np.full((4, 2), np.nan), ("no scaler of WTR_1", "finite", "nan")),
        ("t0_scalers/Y_scaler_Water.npy", np.full((4, 2), np.inf), ("no scaler of WTR_1", "finite", "inf")),
        ("t0_scalers/Y_scaler_Carbon.npy", np.ones((5, 2)), ("Reco of the other sign", "negative mean", "got 1.0")),
    ],
)
def test_arrays_of_another_shape_or_type(small, path, array, words):
    np.save(small / path, array)
    said = message(small)
    assert all(word in said for word in words), said


@pytest.mark.parametrize("path", ["t0_mw/X_mw_scaled.npy", "t0_mw/Y_mw_scaled_Carbon.npy", "t0_scalers/X_scaler.npy"])
@pytest.mark.parametrize("damage", ["empty", "cut", "text", "pickle", "object", "archive", "folder"])
def test_files_that_are_no_arrays(small, path, damage):
    file = small / path
    whole = file.read_bytes()
    if damage == "folder":
        file.unlink()
        file.mkdir()
    elif damage == "object":
        np.save(file, np.array([{"a": 1}, None], object), allow_pickle=True)
    elif damage == "archive":
        with file.open("wb") as out:
            np.savez(out, a=np.zeros(3))
    else:
        file.write_bytes(
            {"empty": b"", "cut": whole[: len(whole) // 2], "text": b"1,2\n", "pickle": pickle.dumps([1])}[damage]
        )
    said = message(small)
    assert path in said
    words = {"empty": "0 bytes", "archive": "an archive", "folder": "expected"}
    assert words.get(damage, "not pickled") in said, said


def test_missing_files_are_named(small):
    (small / "t0_mw/Y_mw_scaled_Thermal.npy").unlink()
    assert "missing files" in message(small)
    assert "t0_mw/Y_mw_scaled_Thermal.npy" in message(small)
    shutil.rmtree(small / "t0_scalers")
    assert "t0_scalers/X_scaler.npy" in message(small)


def test_missing_towers_and_chambers_are_named(tmp_path):
    scalers(tmp_path)
    towers(tmp_path, (1, 1, 1))
    (tmp_path / "t1_co2/X_real_scaled_ECfluxnet_1.npy").unlink()
    assert "t1_co2/X_real_scaled_ECfluxnet_1.npy" in message(tmp_path)
    shutil.rmtree(tmp_path / "t1_co2")
    mesocosm(tmp_path, 1)
    np.save(tmp_path / "t1_n2o/Y_real_scaled_Combined_0.npy", np.zeros((365, 2, 1)))
    assert "expected (365, 3, 1), got (365, 2, 1)" in message(tmp_path)
    np.save(tmp_path / "t1_n2o/X_real_scaled_0.npy", np.zeros((3, 365, 11)))
    assert "(365, years, 11)" in message(tmp_path)


def test_nothing_that_can_be_used(small):
    changed(small, "t0_mw/X_mw_scaled.npy", lambda array: array[7].fill(np.nan))
    assert "no sequence that can be used" in message(small)
    assert "20 left out" in message(small)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # a header that asks for 1e38 bytes
@settings(max_examples=150, deadline=None)
@given(
    header=st.one_of(
        st.binary(max_size=40),
        st.builds(
            "{{'descr': {!r}, 'fortran_order': {}, 'shape': {}, }}".format,
            st.sampled_from(["<f4", "|O", "<f9", "V8", "<M8", "", "<f8,<f4"]),
            st.sampled_from(["True", "False", "2"]),
            st.sampled_from(["(11, 2)", "(-1, 2)", "(99999999999999999999, 2)", "()", "(0,)", "11", "(1.5,)", "((",
                             "(4000000000, 4000000000)"]),
        ).map(str.encode),
    ),
    version=st.sampled_from([b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"]),
    body=st.binary(max_size=100),
)  # fmt: skip
def test_no_bytes_raise_another_error(tmp_path_factory, header, version, body):
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    if not folder.exists():
        scalers(folder)
        (folder / "t1_n2o").mkdir()
    length = len(header).to_bytes(2 if version == b"\x01\x00" else 4, "little")
    (folder / "t0_scalers/X_scaler.npy").write_bytes(b"\x93NUMPY" + version + length + header + body)
    with pytest.raises(AgrofluxError):
        read(folder)
