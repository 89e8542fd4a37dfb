"""The figure shows the sequence that it says, with its own numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets
from submission import validate, write
from submission.figures import SiteYear, draw, site_year
from tests.submission.conftest import Arrays, metadata_for, truth_of


def test_the_sequence_that_is_drawn(release: Release, truth: Arrays, submit: Callable[..., Path]) -> None:
    report = validate(submit(columns={"GPP": truth["GPP"] * np.float32(0.5)}), release)
    shown = site_year(report, release, Targets.of(release), sequence=int(truth["sequence"][7]))
    assert (shown.sequence, shown.year) == (truth["sequence"][7], truth["sequence"][7] % 10_000)
    assert shown.site == f"ecosys-{shown.sequence // 1_000_000}"
    np.testing.assert_array_equal(shown.observed["GPP"], truth["GPP"][7])
    np.testing.assert_array_equal(shown.predicted["GPP"], truth["GPP"][7] * np.float32(0.5))
    figure = draw(shown)
    assert [panel.get_title("left").split()[0] for panel in figure.axes] == ["NEE", "GPP", "N2O"]
    assert "R² 1.00" in figure.axes[0].get_title("right")
    assert "R² 1.00" not in figure.axes[1].get_title("right")
    assert "mg N" in figure.axes[2].get_ylabel()
    drawn = figure.axes[2].get_lines()[-1].get_ydata()
    np.testing.assert_allclose(drawn, 1000 * truth["N2O"][7], rtol=1e-6)
    words = " ".join(text.get_text() for text in figure.texts)
    assert shown.site in words
    assert "origin embedded" in words


def test_best_observed_by_default(release: Release, tmp_path: Path) -> None:
    truth = truth_of(release, "towers_spatial", targets=("NEE",))
    days = np.isfinite(truth["NEE"]).sum(axis=1)
    whole = {"sequence": truth["sequence"], "NEE": np.zeros_like(truth["NEE"])}
    report = validate(write(whole, tmp_path / "file.parquet", metadata_for(release, "towers_spatial")), release)
    for half in ("public", "private"):
        shown = site_year(report, release, Targets.of(release), half)
        rows = Targets.of(release).table("towers_spatial", "test", ["public"])["public"].to_numpy() == (
            half == "public"
        )
        assert np.isfinite(shown.observed["NEE"]).sum() == days[rows].max()
        assert shown.sequence in truth["sequence"][rows]
    hidden = int(truth["sequence"][~rows][0])
    with pytest.raises(AgrofluxError, match="no such sequence"):
        site_year(report, release, Targets.of(release), "private", sequence=hidden)


def test_names_are_no_formulas() -> None:
    nothing = np.full(365, np.nan, np.float32)
    shown = SiteYear(
        "towers_temporal",
        1,
        "US-$x_{",
        0,
        2000,
        "embedded",
        r"\frac$ m" + "m" * 300,
        {"GPP": nothing},
        {"GPP": nothing * 0},
    )
    figure = draw(shown)
    figure.canvas.draw()
    assert "not observed" in figure.axes[0].get_title("right")
