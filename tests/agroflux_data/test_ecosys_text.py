"""The reader of Ecosys' daily text files: totals, signs, layers and cells, and bad files."""

from __future__ import annotations

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
from agroflux_data.sources.model_runs.ecosys_output import EcosysOutput
from agroflux_data.splits import Years

GROUPS = {
    "dc": ("CO2_FLUX", "ECO_HVST_C", "ECO_LAI", "ECO_GPP", "ECO_RA", "ECO_RH", "SOC_1", "SOC_2"),
    "dw": ("PRECN", "ET", "WTR_1", "WTR_3", "WTR_5"),
    "dn": ("FERTZR_N", "N2O_FLUX", "NH4_1", "NO3_1", "NO3_3", "NO3_5"),
    "dh": ("RADN", "TMAX_AIR", "TMIN_AIR", "HMAX_AIR", "HMIN_AIR", "WIND", "PRECN", "TMAX_SOIL_1", "TMIN_SOIL_1"),
}
TOTALS = ("CO2_FLUX", "ECO_HVST_C", "ECO_GPP", "ECO_RA", "ECO_RH", "PRECN", "ET", "FERTZR_N", "N2O_FLUX")
NEGATIVE = ("CO2_FLUX", "ECO_RA", "ECO_RH", "ET", "N2O_FLUX")


def write_file(path: Path, dates: pd.DatetimeIndex, columns: dict[str, np.ndarray]) -> None:
    """As Fortran writes it: (A12,A8,50A16) and (A16,F8.3,4X,A8,50E16.7E3)."""
    rows = [f"{'DOY':12}{'DATE':8}" + "".join(f"{name:16}" for name in columns)]
    for number, date in enumerate(dates):
        cells = "".join(f"{array[number]:16.7E}" for array in columns.values())
        rows.append(f"{'0101 a tag':16}{date.day_of_year:8.3f}    {date:%d%m%Y}{cells}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")


def write_run(folder: Path, years: tuple[int, ...] = (2003, 2004, 2005), cell: str = "") -> dict[str, np.ndarray]:
    """All groups of a run's years; returns daily amounts by name."""
    rng, wrote = np.random.default_rng(len(cell)), {}
    for year in years:
        dates = pd.date_range(f"{year}-01-01", f"{year}-12-31")
        for control, names in GROUPS.items():
            columns = {}
            for name in names:
                daily = rng.uniform(0.01, 0.5, len(dates)) * (-1 if name in NEGATIVE else 1)
                if control == "dh" and name == "PRECN":
                    daily = wrote["PRECN"][-len(dates) :]
                else:
                    wrote[name] = np.concatenate([wrote.get(name, []), daily])
                totals = name in TOTALS and control != "dh"
                columns[name] = np.cumsum(daily) if totals else daily
            write_file(folder / f"{cell}0{year}{control}", dates, columns)
    return wrote


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def column(source: EcosysOutput, name: str) -> np.ndarray:
    return values(source.sequences(source.sites)[name])


def message(folder: Path) -> str:
    with pytest.raises(AgrofluxError) as caught:
        EcosysOutput.open(folder)
    return str(caught.value)


def warning(source: EcosysOutput, *words: str) -> str:
    """The one warning that has all the words."""
    found = [line for line in source.warnings if all(word in line for word in words)]
    assert len(found) == 1, (words, source.warnings)
    return found[0]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """A run's folder that no test changes, and what it wrote."""
    folder = tmp_path_factory.mktemp("pristine") / "mead_2"
    return folder, write_run(folder)


@pytest.fixture
def run(tmp_path, pristine):
    """The folder of one run of site mead, treatment 2."""
    return Path(shutil.copytree(pristine[0], tmp_path / "mead_2"))


def test_a_run_year_is_a_row_in_canonical_units_and_signs(run, pristine):
    wrote, source = pristine[1], EcosysOutput.open(run)
    rows = source.sequences(source.sites)
    assert (source.name, source.origin, source.years) == ("ecosys", "ecosys", Years(2003, 2006, 2006, 2005))
    assert rows.schema == features(source.inputs, source.targets).arrow_schema
    assert rows["sequence"].to_pylist() == [1_022_003, 1_022_004, 1_022_005]
    respired = -wrote["ECO_RA"] - wrote["ECO_RH"]
    for name, expected in {
        "TMAX": wrote["TMAX_AIR"],
        "RADN": wrote["RADN"],
        "WIND": wrote["WIND"] / 86.4,
        "PREC": wrote["PRECN"],
        "FERTZR_N": wrote["FERTZR_N"],
        "GPP": wrote["ECO_GPP"],
        "RECO": respired,
        "NEE": respired - wrote["ECO_GPP"],
        "SOIL_CO2": -wrote["CO2_FLUX"],
        "N2O": -wrote["N2O_FLUX"],
        "ET": -wrote["ET"],
        "LAI": wrote["ECO_LAI"],
        "NH4_L1": wrote["NH4_1"],
        "NO3_L5": wrote["NO3_5"],
        "SWC_L3": wrote["WTR_3"],
        "TSMIN_L1": wrote["TMIN_SOIL_1"],
    }.items():
        of_2004 = np.delete(expected[365 : 365 + 366], 59)
        np.testing.assert_allclose(values(rows[name])[1], of_2004, rtol=1e-4, atol=3e-5, err_msg=name)
    harvested = values(rows["YIELD"])[:, 0]
    np.testing.assert_allclose(harvested[0], wrote["ECO_HVST_C"][:365].sum(), rtol=1e-5)
    carbon = wrote["SOC_1"] + wrote["SOC_2"]
    np.testing.assert_allclose(values(rows["DSOC"])[2, 0], carbon[-1] - carbon[365 + 365], atol=1e-5)


def test_precipitation_without_a_file_of_heat_is_a_total(run, pristine):
    for path in run.glob("*dh"):
        path.unlink()
    source = EcosysOutput.open(run)
    np.testing.assert_allclose(column(source, "PREC")[0], pristine[1]["PRECN"][:365], rtol=1e-4, atol=3e-5)
    assert "TMAX" not in source.inputs
    assert "TMAX_AIR" in warning(source, "not chosen")


def test_cells_are_sites_and_folders_runs(tmp_path):
    write_run(tmp_path / "mead", (2003,), "0101")
    write_run(tmp_path / "mead", (2003,), "0201")
    write_run(tmp_path / "ames_3", (2003,))
    source = EcosysOutput.open(tmp_path)
    assert [site.name for site in source.sites] == ["ames", "mead-0101", "mead-0201"]
    assert source.sequences(source.sites)["treatment"].to_pylist() == [3, 0, 0]


def test_hourly_files_are_left_out(run):
    (run / "02003hc").write_text("DOY DATE HOUR SOIL_CO2_FLUX\n")
    warning(EcosysOutput.open(run), "02003hc", "hourly")


def test_overflown_and_na_cells_are_missing(run):
    edit(run / "02003dn", lambda lines: [*lines[:5], lines[5][:-16] + f"{'*' * 15:>16}", *lines[6:]])
    source = EcosysOutput.open(run)
    assert np.flatnonzero(np.isnan(column(source, "NO3_L5")[0])).tolist() == [4]
    warning(source, "02003dn, NO3_5", "***")


def test_a_day_that_lacks_costs_two_of_a_total_and_the_year_of_an_input(run):
    edit(run / "02003dc", lambda lines: lines[:100] + lines[101:])
    source = EcosysOutput.open(run)
    assert np.flatnonzero(np.isnan(column(source, "GPP")[0])).tolist() == [99, 100]
    edit(run / "02004dh", lambda lines: lines[:100] + lines[101:])
    source = EcosysOutput.open(run)
    assert source.sequences(source.sites)["year"].to_pylist() == [2003, 2005]
    warning(source, "2004 left out", "TMAX")


def test_days_out_of_order_are_sorted(run):
    before = column(EcosysOutput.open(run), "GPP")
    edit(run / "02005dc", lambda lines: [lines[0], *reversed(lines[1:])])
    source = EcosysOutput.open(run)
    np.testing.assert_array_equal(column(source, "GPP"), before)
    warning(source, "02005dc", "out of order")


BROKEN: dict[str, tuple[Callable[[list[str]], list[str]], list[str]]] = {
    "truncated": (lambda lines: [*lines[:50], lines[50][:70]], ["broken line", "line 51"]),
    "delimiter": (lambda lines: [",".join(line.split()) for line in lines], ["no header of Ecosys", "blanks"]),
    "no header": (lambda lines: lines[1:], ["no header of Ecosys"]),
    "no days": (lambda lines: lines[:1], ["no days"]),
    "column": (lambda lines: [lines[0].replace("ECO_GPP", "       "), *lines[1:]], ["broken line", "9 cells"]),
    "column twice": (lambda lines: [lines[0].replace("ECO_GPP", "ECO_LAI"), *lines[1:]], ["column ECO_LAI twice"]),
    "duplicate": (lambda lines: [*lines, lines[-1]], ["duplicate days", "day 365 of 2003"]),
    "date": (lambda lines: [lines[0], lines[1].replace("01012003", "31022003"), *lines[2:]], ["no date", "31022003"]),
    "day": (lambda lines: [lines[0], lines[1].replace("  1.000", "  7.000"), *lines[2:]], ["no date", "7.000"]),
    "words": (lambda lines: [lines[0], lines[1][:-4] + "E+xx", *lines[2:]], ["no number", "line 2"]),
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_one_clear_error(run, fault):
    change, words = BROKEN[fault]
    edit(run / "02003dc", change)
    text = message(run)
    assert all(word in text for word in [*words, "02003dc"]), text


def test_text_of_another_encoding_is_named(run):
    content = (run / "02003dc").read_bytes()
    (run / "02003dc").write_bytes(content[:900] + b"\xff" + content[901:])
    assert all(word in message(run) for word in ("UTF-8", "02003dc", "line"))


def test_a_year_in_two_files_is_refused(run):
    shutil.copyfile(run / "02003dc", run / "02003dc2")
    assert all(word in message(run) for word in ("duplicate days", "CO2_FLUX", "day 1 of 2003"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_file_holds_only_our_error_escapes(tmp_path, data):
    folder = tmp_path / "a"
    if not folder.exists():
        write_run(folder, (2003,))
        shutil.copytree(folder, tmp_path / "kept")
    name = data.draw(st.sampled_from(sorted(path.name for path in folder.iterdir())))
    content = (tmp_path / "kept" / name).read_bytes()
    start = data.draw(st.integers(0, min(len(content), 1000)))
    end = data.draw(st.integers(start, min(start + 60, len(content))))
    junk = data.draw(st.binary(max_size=20) | st.text(alphabet="0123456789.*-, \nE+NA", max_size=20).map(str.encode))
    (folder / name).write_bytes(content[:start] + junk + content[end:])
    try:
        source = EcosysOutput.open(folder)
        source.sequences(source.sites)
    except AgrofluxError:
        pass
    finally:
        shutil.copyfile(tmp_path / "kept" / name, folder / name)
