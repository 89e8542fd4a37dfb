"""The reader of DayCent's output: units, signs and layers, what a run did not write, and bad files."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agroflux_data.errors import AgrofluxError
from agroflux_data.sequences import features, values
from agroflux_data.simulators.sun import day_length, extraterrestrial_radiation
from agroflux_data.sources.fields.fields import Fields
from agroflux_data.sources.model_runs.daycent_output import DayCentOutput
from agroflux_data.splits import Years

LAYERS = ((0, 2), (2, 5), (5, 10), (10, 20), (20, 30), (30, 45))
CENTRES = [sum(layer) / 2 for layer in LAYERS]
SIP = ("trandly", "evapdly", "intrcpt", "sublim", "ppt", "CO2resp", "NPP", "NEE")
POOLS = ("metabc(2)", "strucc(2)", "som1c(1)", "som1c(2)", "som2c(1)", "som2c(2)", "som3c")


def days(first: int = 2003, last: int = 2005) -> pd.DataFrame:
    """The time columns of a run; 2004 is a leap year."""
    dates = pd.date_range(f"{first}-01-01", f"{last}-12-31")
    time = [f"{year + (month - 1) / 12:.2f}" for year, month in zip(dates.year, dates.month, strict=True)]
    return pd.DataFrame({"time": time, "dayofyr": dates.day_of_year})


def write_table(path: Path, table: pd.DataFrame, header: bool = True) -> None:
    """As C's printf does: blanks between right-aligned columns."""
    rows = [" ".join(f"{cell:>10}" for cell in row) for row in table.astype(str).to_numpy()]
    path.write_text("\n".join(([" ".join(f"{name:>10}" for name in table)] if header else []) + rows) + "\n")


def write_run(folder: Path, first: int = 2003, last: int = 2005, seed: int = 0) -> dict[str, np.ndarray]:
    """A run with all files that are read; returns the values that it wrote, by column."""
    folder.mkdir(parents=True)
    rng, time = np.random.default_rng(seed), days(first, last)
    count = len(time)
    wrote = {name: rng.uniform(0, 0.5, count).round(4) for name in (*SIP, "mrspflux(1)", "grspflux(1)", "nit", "dnit")}
    wrote["NEE"] = wrote["NPP"] - wrote["CO2resp"]
    wrote["tmax"], wrote["tmin"] = rng.uniform(10, 20, count).round(2), rng.uniform(0, 9, count).round(2)
    wrote |= {name: (1000 + np.cumsum(rng.uniform(-1, 1, count))).round(4) for name in POOLS}
    zero = np.zeros(count)
    sip = time.assign(**{name: wrote[name] for name in SIP})
    (folder / "dc_sip.csv").write_text(
        "".join(",".join(line) + ",\n" for line in [list(sip), *sip.astype(str).to_numpy()])
    )
    weather = time.assign(tmax=wrote["tmax"], tmin=wrote["tmin"], ppt=wrote["ppt"], N2Oflux=7.0)
    write_table(folder / "summary.out", weather)
    write_table(folder / "mresp.out", time.assign(**{"mrspflux(1)": wrote["mrspflux(1)"], "mrspflux(2)": zero}))
    write_table(folder / "gresp.out", time.assign(**{"grspflux(1)": wrote["grspflux(1)"], "grspflux(2)": zero}))
    gas = {"nit_N2O-N": wrote["nit"], "dnit_N2O-N": wrote["dnit"], "CUM-N2O(gN/ha)": zero}
    write_table(folder / "nflux.out", time.assign(**gas))
    write_table(folder / "soilc.out", time.assign(**{name: wrote[name] for name in POOLS}))
    for name, scale in {"vswc.out": 0.01, "soiltmax.out": 1.0, "soiltmin.out": 0.5}.items():
        layers = {str(number): np.full(count, scale * centre).round(4) for number, centre in enumerate(CENTRES)}
        write_table(folder / name, time.assign(**layers), header=False)
    nitrate = {f"NO3_ppm[{number}]": np.full(count, centre) for number, centre in enumerate(CENTRES)}
    write_table(folder / "soiln.out", time.assign(ammonium=8.0, **nitrate))
    text = (folder / "soiln.out").read_text().replace("NO3_ppm[4] NO3_ppm[5]", "etc...", 1)
    (folder / "soiln.out").write_text(text)
    (folder / "soils.in").write_text(
        "".join(f"{top} {bottom} 1.2 0.37 0.14 0.1 0.1 0.1 0.3 0.02 0.1 0.0004 6.5\n" for top, bottom in LAYERS)
    )
    crops = [f"{year}.75,284,'{'C620' if year % 2 else 'SYBN100'}',{year / 10}" for year in range(first, last + 1)]
    (folder / "harvest.csv").write_text("\n".join(["time,dayofyr,crpval,cgrain", *crops]) + "\n")
    return wrote


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def opened(folder: Path) -> DayCentOutput:
    return DayCentOutput.open(folder)


def column(source: DayCentOutput, name: str) -> np.ndarray:
    rows = source.sequences(source.sites)
    return values(rows[name])


def message(folder: Path) -> str:
    with pytest.raises(AgrofluxError) as caught:
        opened(folder)
    return str(caught.value)


def warning(source: DayCentOutput, *words: str) -> str:
    """The one warning that has all the words."""
    found = [line for line in source.warnings if all(word in line for word in words)]
    assert len(found) == 1, (words, source.warnings)
    return found[0]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """A run's folder that no test changes."""
    folder = tmp_path_factory.mktemp("pristine") / "17019_3"
    write_run(folder)
    return folder


@pytest.fixture
def run(tmp_path, pristine):
    """The folder of one run of site 17019, treatment 3."""
    return Path(shutil.copytree(pristine, tmp_path / pristine.name))


# What a row holds


def test_a_run_year_is_a_row_in_canonical_units_and_signs(tmp_path):
    wrote = write_run(tmp_path / "17019_3")
    source = opened(tmp_path)
    rows = source.sequences(source.sites)

    assert (source.name, source.origin, source.years) == ("daycent", "daycent", Years(2003, 2006, 2006, 2005))
    assert rows.schema == features(source.inputs, source.targets).arrow_schema
    assert rows["sequence"].to_pylist() == [1_032_003, 1_032_004, 1_032_005]
    assert rows["site"].to_pylist() == ["17019"] * 3
    assert rows["treatment"].to_pylist() == [3, 3, 3]
    respired = wrote["mrspflux(1)"] + wrote["grspflux(1)"]
    water = wrote["trandly"] + wrote["evapdly"] + wrote["intrcpt"] + wrote["sublim"]
    for name, expected in {
        "TMAX": wrote["tmax"],
        "PREC": 10 * wrote["ppt"],
        "GPP": wrote["NPP"] + respired,
        "RECO": wrote["CO2resp"] + respired,
        "NEE": -wrote["NEE"],
        "N2O": (wrote["nit"] + wrote["dnit"]) / 1e4,
        "ET": 10 * water,
        "PLANTT": np.ones(365),
        "YIELD": np.full(365, 200.3),
        "NH4_L1": np.full(365, 8.0),
    }.items():
        np.testing.assert_allclose(values(rows[name])[0], expected[:365], rtol=1e-5, atol=1e-6, err_msg=name)
    assert values(rows["PLANTT"])[:, 0].tolist() == [1, 0, 1]
    statics = {name: rows[name][0].as_py() for name in ("TBKDS", "TCSAND", "TCSILT", "TPH", "TSOC")}
    assert statics == pytest.approx({"TBKDS": 1.2, "TCSAND": 100, "TCSILT": 600, "TPH": 6.5, "TSOC": 2 / 0.1724})


def test_layers_are_depths_between_the_centres_of_soils_in(run):
    source = opened(run)
    for number, depth in {1: 1.0, 3: 11.0, 5: 32.0}.items():
        assert column(source, f"NO3_L{number}")[0, 0] == pytest.approx(depth)
        assert column(source, f"SWC_L{number}")[0, 0] == pytest.approx(0.01 * depth, abs=1e-4)
        assert column(source, f"TSMAX_L{number}")[0, 0] == pytest.approx(depth)
        assert column(source, f"TSMIN_L{number}")[0, 0] == pytest.approx(depth / 2, abs=1e-3)


def test_soil_carbon_changes_below_the_surface_and_from_the_second_year_on(tmp_path):
    wrote = write_run(tmp_path / "a")
    below = sum(wrote[name] for name in POOLS if name not in ("som1c(1)", "som2c(1)"))
    change = column(opened(tmp_path), "DSOC")
    assert np.isnan(change[0]).all()
    np.testing.assert_allclose(change[1], below[365 + 365] - below[364], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(change[2], below[-1] - below[365 + 365], rtol=1e-4, atol=1e-3)


def test_a_day_366_costs_the_29_february(tmp_path):
    wrote = write_run(tmp_path / "a")
    rain = column(opened(tmp_path), "PREC")[1]
    of_2004 = 10 * wrote["ppt"][365 : 365 + 366]
    np.testing.assert_allclose(rain, np.delete(of_2004, 59), rtol=1e-5)


def test_weather_without_leap_days_needs_none(run):
    for path in (path for path in run.iterdir() if path.suffix in (".out", ".csv")):
        edit(path, lambda lines: [line for line in lines if line.replace(",", " ").split()[1] != "366"])
    source = opened(run)
    assert source.sequences(source.sites)["year"].to_pylist() == [2003, 2004, 2005]


@pytest.mark.parametrize(("of", "hours"), [("daylight", None), ("24 hours", 24.0)])
def test_radiation_is_told_by_its_clearest_days(run, of, hours):
    (run / "mead.100").write_text("41.2       'SITLAT'\n -96.4   'SITLNG'\n")
    time = days()
    day = np.minimum(time["dayofyr"].to_numpy(), 365)
    energy = 0.75 * extraterrestrial_radiation(41.2, day) * np.where(np.arange(len(time)) % 3, 0.5, 1)
    long = day_length(41.2, day) if hours is None else hours
    write_table(run / "daily.out", time.assign(srad=(energy / (3600e-6 * long)).round(4)))
    source = opened(run)
    assert of in warning(source, "RADN")
    np.testing.assert_allclose(column(source, "RADN")[0], energy[:365], rtol=1e-3)
    assert (source.sites[0].lat, source.sites[0].lon) == (41.2, -96.4)


def test_without_a_latitude_there_is_no_radiation(run):
    write_table(run / "daily.out", days().assign(srad=200.0))
    source = opened(run)
    assert "RADN" not in source.inputs
    assert ".100" in warning(source, "no RADN")
    warning(source, "lat, lon")


# What a run did not write


@pytest.mark.parametrize(
    ("absent", "lost", "said"),
    [
        (["mresp.out"], {"GPP", "RECO"}, "resp.out"),
        (["dc_sip.csv"], {"GPP", "RECO", "NEE", "ET"}, "dc_sip.csv"),
        (["soiltmax.out"], {"TSMAX_L1", "TSMAX_L3", "TSMAX_L5"}, "soiltmax.out"),
        (["harvest.csv"], {"YIELD", "PLANTT"}, "harvest.csv"),
        (["summary.out"], {"TMAX", "TMIN"}, "summary.out"),
        (["soils.in"], {"TBKDS", "NO3_L1", "SWC_L5", "TSMIN_L3"}, "soils.in"),
        (["nflux.out", "summary.out"], {"N2O", "TMAX", "TMIN"}, "nflux.out"),
    ],
)
def test_what_a_run_did_not_write_is_named(run, absent, lost, said):
    whole = opened(run)
    before = {*whole.inputs, *whole.targets}
    for name in absent:
        (run / name).unlink()
    source = opened(run)
    assert lost <= before
    assert not lost & {*source.inputs, *source.targets}
    for name in lost:
        assert any(name in line and "no " in line for line in source.warnings), name
    assert any(said in line for line in source.warnings)


def test_exchange_needs_no_plant_respiration(run):
    whole = column(opened(run), "NEE")
    (run / "gresp.out").unlink()
    np.testing.assert_allclose(column(opened(run), "NEE"), whole, atol=1e-5)


def test_builds_with_photosynthesis_write_other_files(run):
    whole = opened(run)
    upkeep, growth = (pd.read_csv(run / name, sep=r"\s+") for name in ("mresp.out", "gresp.out"))
    write_table(run / "resp.out", days().assign(**upkeep.iloc[:, 2:], **growth.iloc[:, 2:]))
    for name in ("mresp.out", "gresp.out"):
        (run / name).unlink()
    source = opened(run)
    for name in ("GPP", "RECO"):
        np.testing.assert_allclose(column(source, name), column(whole, name), atol=1e-5)
    write_table(run / "psyn.out", days().assign(crpGrPsn=2.5, forGrPsn=0.5))
    source = opened(run)
    warning(source, "psyn.out")
    assert (column(source, "GPP") == 3).all()
    np.testing.assert_allclose(column(source, "NEE"), column(source, "RECO") - 3, atol=1e-5)


def test_emissions_in_another_unit_are_taken_from_elsewhere(run):
    edit(run / "nflux.out", lambda lines: [lines[0].replace("CUM-N2O(gN/ha)", "CUM-N2O(mgN/m2)"), *lines[1:]])
    np.testing.assert_allclose(column(opened(run), "N2O"), 7e-4, rtol=1e-6)


def test_what_one_run_lacks_is_nan_there_alone(tmp_path):
    write_run(tmp_path / "a_1")
    write_run(tmp_path / "a_2", seed=1)
    (tmp_path / "a_2" / "vswc.out").unlink()
    (tmp_path / "a_2" / "harvest.csv").unlink()
    source = opened(tmp_path)
    rows = source.sequences(source.sites)
    lacking = np.isnan(values(rows["SWC_L1"])).all(axis=1)
    assert dict(zip(rows["treatment"].to_pylist(), lacking, strict=True)) == {1: False, 2: True}
    assert "PLANTT" not in source.inputs
    assert "a_2" in warning(source, "PLANTT: left out")
    assert "a_2" in warning(source, "no SWC_L1")


def test_crops_that_are_neither_corn_nor_soybean_are_named(run):
    edit(run / "harvest.csv", lambda lines: [line.replace("SYBN100", "WW3") for line in lines])
    source = opened(run)
    assert "PLANTT" not in source.inputs
    assert "2004 (WW3)" in warning(source, "PLANTT")


# Tables of the fields

SOILS = "site,TBKDS,TCSAND,TCSILT,TPH,TSOC,lat,lon\na,1.3,100,600,6.5,15,41.2,-96.5\n"
EVENTS = [f"{run},{year}-05-0{day},planting,corn," for run, day in (("a_1", 1), ("a_2", 2)) for year in (2003, 2004)]


def with_tables(folder: Path, events: list[str]) -> DayCentOutput:
    (folder / "soils.csv").write_text(SOILS)
    (folder / "management.csv").write_text("\n".join(["site,date,event,crop,amount", *events]) + "\n")
    fields = Fields.read(folder / "soils.csv", folder / "management.csv")
    return DayCentOutput.open(folder, fields=fields)


def test_tables_give_what_the_output_does_not_and_go_before_it(tmp_path):
    for number in (1, 2):
        write_run(tmp_path / f"a_{number}", seed=number)
    source = with_tables(tmp_path, [*EVENTS, "a_2,2004-06-01,fertiliser,,9"])
    rows = source.sequences(source.sites)
    assert rows["sequence"].to_pylist() == [1_012_003, 1_022_003, 1_012_004, 1_022_004]
    assert [int(np.argmax(planted)) for planted in values(rows["PDOY"])] == [120, 121, 120, 121]
    assert values(rows["FERTZR_N"]).sum(axis=1).tolist() == [0, 0, 0, 9]
    assert (values(rows["PLANTT"]) == 1).all()  # harvest.csv says soybean in 2004
    assert set(rows["TBKDS"].to_pylist()) == {np.float32(1.3)}
    assert (source.sites[0].lat, source.sites[0].lon) == (41.2, -96.5)
    assert not any("FERTZR_N" in line or "only in" in line for line in source.warnings)
    assert "management has no planting" in warning(source, "a_1", "2005 left out")
    assert "fields" in source.content


def test_runs_that_the_table_of_management_does_not_tell_apart_are_refused(tmp_path):
    for number in (1, 2):
        write_run(tmp_path / f"a_{number}", seed=number)
    with pytest.raises(AgrofluxError, match="rows of a_2 in the table"):
        with_tables(tmp_path, EVENTS[:2])


def test_a_site_with_one_run_may_stand_in_the_table_by_itself(tmp_path):
    write_run(tmp_path / "a_1")
    source = with_tables(tmp_path, ["a,2003-05-01,planting,soybean,"])
    rows = source.sequences(source.sites)
    assert rows["sequence"].to_pylist() == [1_012_003]
    assert (values(rows["PLANTT"]) == 0).all()


# Folders, sites and treatments


def test_folders_are_runs_and_sites_stand_in_the_order_of_their_names(tmp_path):
    for number, name in enumerate(("deep/er/b_2", "b_1", "a", "c_notill")):
        write_run(tmp_path / name, seed=number)
    source = opened(tmp_path)
    assert [(site.name, site.number) for site in source.sites] == [("a", 1), ("b", 2), ("c_notill", 3)]
    rows = source.sequences(source.sites)
    assert rows["treatment"].to_pylist() == [0] * 3 + [1, 2] * 3 + [0] * 3
    again = pickle.loads(pickle.dumps(source))
    alone = again.sequences(again.sites[1:2])
    expected = rows.filter([site == "b" for site in rows["site"].to_pylist()])
    pd.testing.assert_frame_equal(alone.to_pandas(), expected.to_pandas(), check_exact=True)


def test_a_single_run_can_be_opened_by_its_own_folder(run, monkeypatch):
    monkeypatch.chdir(run)
    assert opened(Path(".")).sites[0].name == "17019"


def test_content_follows_the_files_and_not_their_place(tmp_path, run):
    shutil.copytree(run, tmp_path / "elsewhere" / run.name)
    first, second = opened(run), opened(tmp_path / "elsewhere")
    assert first.content == second.content
    edit(tmp_path / "elsewhere" / run.name / "vswc.out", lambda lines: lines[:-1])
    assert opened(tmp_path / "elsewhere").content != first.content


def test_two_runs_of_a_site_and_treatment_are_refused(tmp_path):
    write_run(tmp_path / "x" / "a_1")
    write_run(tmp_path / "y" / "a_01")
    text = message(tmp_path)
    assert all(word in text for word in ("two runs of site a, treatment 1", "x/a_1", "y/a_01"))


# Bad files


def test_a_year_of_364_days_and_a_gap_are_left_out_and_named(run):
    edit(run / "summary.out", lambda lines: lines[:200] + lines[201:])
    source = opened(run)
    assert source.sequences(source.sites)["year"].to_pylist() == [2004, 2005]
    warning(source, "2003 left out", "TMAX")
    assert not np.isnan(column(source, "PREC")).any()


def test_days_that_an_output_lacks_are_nan(run):
    edit(run / "vswc.out", lambda lines: lines[:100] + lines[103:])
    water = column(opened(run), "SWC_L1")
    assert np.flatnonzero(np.isnan(water[0])).tolist() == [100, 101, 102]


def test_overflown_blank_and_na_cells_are_missing(run):
    edit(run / "vswc.out", lambda lines: ["2003.00 1 ***** NA nan 0.1 0.1 0.1", *lines[1:]])
    edit(run / "dc_sip.csv", lambda lines: [lines[0], "2003.00,1,,,,,,,,,", *lines[2:]])
    source = opened(run)
    assert np.isnan(column(source, "SWC_L1")[0, 0])
    assert np.isnan(column(source, "NEE")[0, 0])
    assert not np.isnan(column(source, "NEE")[0, 1:]).any()
    assert "*****" in warning(source, "vswc.out, 0")
    assert "a blank" in warning(source, "dc_sip.csv, NPP")


def test_impossible_values_are_missing_values(run):
    edit(run / "dc_sip.csv", lambda lines: [lines[0], lines[1].replace("2003.00,1,", "2003.00,1,9"), *lines[2:]])
    source = opened(run)
    assert np.flatnonzero(np.isnan(column(source, "ET")[0])).tolist() == [0]
    assert "day 1 of 2003" in warning(source, "ET taken as missing")


def test_days_out_of_order_are_sorted(run):
    before = column(opened(run), "RECO")
    edit(run / "gresp.out", lambda lines: [lines[0], *reversed(lines[1:])])
    source = opened(run)
    np.testing.assert_array_equal(column(source, "RECO"), before)
    warning(source, "gresp.out", "out of order")


BROKEN: dict[str, tuple[str, Callable[[list[str]], list[str]], list[str]]] = {
    "truncated": ("summary.out", lambda lines: [*lines[:50], lines[50][:20]], ["broken line", "line 51"]),
    "no days": ("summary.out", lambda lines: lines[:1], ["no days", "summary.out"]),
    "delimiter": ("summary.out", lambda lines: [",".join(line.split()) for line in lines], ["header", "blanks"]),
    "blanks": ("dc_sip.csv", lambda lines: [line.replace(",", " ") for line in lines], ["header", "commas"]),
    "column": ("gresp.out", lambda lines: [lines[0].replace("grspflux(1)", "other"), *lines[1:]], ["no column"]),
    "duplicate": ("nflux.out", lambda lines: [*lines, lines[-1]], ["duplicate days", "day 365 of 2005"]),
    "words": ("soiln.out", lambda lines: [lines[0], lines[1].replace("8.0", "8,0"), *lines[2:]], ["no number", "8,0"]),
    "no date": ("mresp.out", lambda lines: [lines[0], lines[1].replace("2003.00", "-1.00"), *lines[2:]], ["no date"]),
    "day 0": ("soiltmax.out", lambda lines: ["2003.00 0 1 2 3 4 5 6", *lines], ["no date", "2003.00 0"]),
    "layers": ("vswc.out", lambda lines: [line + " 0.5" for line in lines], ["other layers", "soils.in", "7"]),
    "soil": ("soils.in", lambda lines: lines[1:], ["follow each other", "soils.in"]),
    "soil cells": ("soils.in", lambda lines: [lines[0] + " 1", *lines[1:]], ["broken line", "13 cells"]),
    "harvest": ("harvest.csv", lambda lines: [line.rsplit(",", 1)[0] for line in lines], ["no column cgrain"]),
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_one_clear_error(run, fault):
    name, change, words = BROKEN[fault]
    edit(run / name, change)
    text = message(run)
    assert all(word in text for word in [*words, name]), text


def test_text_of_another_encoding_is_named(run):
    content = (run / "summary.out").read_bytes()
    (run / "summary.out").write_bytes(content[:900] + b"\xff" + content[901:])
    assert all(word in message(run) for word in ("UTF-8", "summary.out", "line"))


def test_an_empty_file_is_named(run):
    (run / "nflux.out").write_bytes(b"")
    assert all(word in message(run) for word in ("empty file", "nflux.out"))


def test_paths_without_runs_are_refused(tmp_path):
    assert "nothing there" in message(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("x")
    assert all(word in message(tmp_path) for word in ("no DayCent output", "notes.txt"))
    assert "no folder" in message(tmp_path / "notes.txt")


def test_years_outside_the_benchmark_need_a_first_test_year(tmp_path):
    write_run(tmp_path / "a", 1990, 1992)
    assert "no year of the benchmark" in message(tmp_path)
    assert DayCentOutput.open(tmp_path, test_from=1992).years == Years(1990, 1992, 1992, 1992)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_file_holds_only_our_error_escapes(tmp_path, data):
    folder = tmp_path / "a"
    if not folder.exists():
        write_run(folder, 2003, 2003)
        shutil.copytree(folder, tmp_path / "kept")
    name = data.draw(st.sampled_from(sorted(path.name for path in folder.iterdir())))
    content = (tmp_path / "kept" / name).read_bytes()
    start = data.draw(st.integers(0, min(len(content), 2000)))
    end = data.draw(st.integers(start, min(start + 40, len(content))))
    junk = data.draw(st.binary(max_size=20) | st.text(alphabet="0123456789.*-, \n'eNA", max_size=20).map(str.encode))
    (folder / name).write_bytes(content[:start] + junk + content[end:])
    try:
        source = opened(folder)
        source.sequences(source.sites)
    except AgrofluxError:
        pass
    finally:
        shutil.copyfile(tmp_path / "kept" / name, folder / name)


# A real run


def test_carbon_of_the_sample_closes_and_emissions_match_its_annual_file(shared):
    folder = shared / "samples" / "daycent_mead"
    source = DayCentOutput.open(folder, test_from=1987)
    rows = source.sequences(source.sites)
    assert rows["year"].to_pylist() == [1984, 1985, 1986, 1987]
    sums = {name: values(rows[name]).astype(float).sum(axis=1) for name in ("GPP", "RECO", "NEE", "N2O", "PREC")}
    annual = pd.read_csv(folder / "year_summary.out", sep=r"\s+")[:4]
    # The 29 February of 1984 is dropped here and counted there.
    np.testing.assert_allclose(sums["N2O"], annual["N2Oflux"], rtol=0.01)
    np.testing.assert_allclose(sums["PREC"], 10 * annual["ANNPPT"], rtol=0.02)
    grain = values(rows["YIELD"])[:, 0]
    np.testing.assert_allclose(grain, [222.0901, 105.9741, 357.2690, 110.9230], rtol=1e-6)
    system = pd.read_csv(folder / "sysc.out", sep=r"\s+")
    ends = system.groupby(np.floor(system["time"]))["sysc"].last().to_numpy()[:4]
    np.testing.assert_allclose((-sums["NEE"] - grain)[1:], np.diff(ends), atol=1.0)
