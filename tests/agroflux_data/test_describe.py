"""A source described before a build: what is there, how much of it is observed, what lacks."""

from __future__ import annotations

import json

import numpy as np
import pytest

from agroflux_data.describe import describe
from agroflux_data.sequences import values
from agroflux_data.variables import INPUTS
from tests.toy import ToySource


@pytest.mark.parametrize("name", ["ecosys", "towers"])
def test_the_description_counts_what_the_rows_hold(name):
    source = ToySource(name, 7, secret=b"a secret of the toy")
    rows, found = source.sequences(source.sites), describe(source)
    assert [site.name for site in found.sites] == [site.name for site in source.sites]
    assert found.sequences == len(rows)
    for target, share in found.observed.items():
        assert share == pytest.approx(float((~np.isnan(values(rows[target]))).mean()))
    for site in found.sites:
        own = rows.filter([one == site.name for one in rows["site"].to_pylist()])
        assert site.years == tuple(sorted(set(own["year"].to_pylist())))
        assert site.treatments == len(set(own["treatment"].to_pylist()))


class Narrow(ToySource):
    """Towers with three inputs and one target."""

    inputs = ("TMAX", "TMIN", "PREC")
    targets = ("NEE",)


def test_what_the_benchmark_asks_for_and_a_source_lacks_is_named():
    found = describe(Narrow("towers", 5, secret=b"a secret of the toy"))
    assert found.missing_inputs == INPUTS[3:]
    assert found.missing_targets == ("GPP", "RECO", "ET")


def test_progress_reaches_the_end():
    source = ToySource("ecosys", 7, secret=b"a secret of the toy")
    said: list[tuple[int, int]] = []
    describe(source, lambda done, total: said.append((done, total)))
    assert said[-1] == (7, 7)


def test_the_command_describes_and_writes_nothing(command, tmp_path, shared):
    result = command(
        "agroflux-data", "import", "ameriflux", str(shared / "samples/fluxnet"), "--describe", "--json",
        "--test-from", "2012", cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (found,) = json.loads(result.stdout)
    assert (found["source"], found["origin"]) == ("towers", "ameriflux")
    assert [site["name"] for site in found["sites"]] == ["US-AR1"]
    assert found["sites"][0]["lat"] is None
    assert 0.7 < found["sites"][0]["observed"]["NEE"] < 0.9
    assert list(tmp_path.iterdir()) == []


def test_the_command_makes_a_release(command, tmp_path, shared):
    result = command(
        "agroflux-data", "import", "ameriflux", str(shared / "samples/fluxnet"), "mine", "--test-from", "2012",
        cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "mine-targets"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import", "hearsay", ".", "--describe"], ["unknown reader", "ameriflux"]),
        (["import", "ameriflux", "."], ["OUT", "--describe"]),
        (["import", "ameriflux", ".", "out", "--describe"], ["OUT", "--describe"]),
        (["import", "ameriflux", "nowhere", "--describe"], ["nowhere"]),
        (["import", "chambers", ".", "--describe", "--all-qc"], ["an option that nothing takes", "files of ameriflux"]),
        (["build", "out", "--min-hours", "3"], ["an option that nothing takes", "files of chambers", "min_hours 3"]),
    ],
)
def test_bad_input_is_one_clear_error(command, tmp_path, arguments, said):
    result = command("agroflux-data", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    for text in said:
        assert text in result.stderr
    assert list(tmp_path.iterdir()) == []
