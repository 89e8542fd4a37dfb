"""Distances from training are those that their definition says, and scores are those of the rows at that distance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.sequences import number
from agroflux_data.variables import DAYS
from baselines.extrapolation import describe, distances, measure
from baselines.predicted import Predicted, gather
from baselines.run import Run
from baselines.transfer.plan import Transfer
from submission.truth import Truth

INPUTS = ("PREC", "TMIN", "FERTZR_N", "PDOY", "TSOC")


def rows(release: Release, carbon: list[float], sites: list[int], year: int = 2001) -> Arrays:
    """Rows that differ in their soil carbon alone."""
    columns = Columns.of(release, "ecosys_temporal", "train", INPUTS, ())
    inputs = np.zeros((len(carbon), len(INPUTS), DAYS), np.float32)
    inputs[:, 0] = 1
    inputs[:, 1, 10] = -20
    inputs[:, 2, [100, 150]] = 4, 6
    inputs[:, 3, 125] = 1
    inputs[:, 4] = np.array(carbon)[:, None]
    sequence = np.array([number(site, 0, year) for site in sites])
    return Arrays(columns, inputs, np.empty((len(carbon), 0, DAYS), np.float32), sequence)


def test_what_describes_a_row(toy_open_release: Path) -> None:
    numbers, names = describe(rows(Release(toy_open_release), [15], [1]))
    found = dict(zip(names, numbers[0].tolist(), strict=True))
    totals = {f"PREC_{season}": days for season, days in (("DJF", 90), ("MAM", 92), ("JJA", 92), ("SON", 91))}
    assert totals.items() <= found.items()
    assert (found["PREC_max"], found["FERTZR_N"], found["PDOY"], found["TSOC"]) == (1, 10, 125, 15)
    assert (found["TMIN_min"], found["TMIN_JJA"]) == (-20, 0)
    assert found["TMIN_DJF"] == pytest.approx(-20 / 90)


def test_distances_of_one_number(toy_open_release: Path) -> None:
    release = Release(toy_open_release)
    training = rows(release, [0, 2], [1, 2])  # standard deviation 1, and 2 apart
    found = distances(rows(release, [0, 1, 4, -4], [3, 3, 3, 3]), training, "spatial")
    assert found.features == ("TSOC",), "what does not vary over training rows is no distance"
    np.testing.assert_allclose(found.index, [0, 0.5, 1, 2], atol=1e-6)
    assert found.limit == pytest.approx(1), "each site is as far from the other as pairs are on average"
    assert np.isnan(distances(training, training, "temporal").limit), "all of one year"
    with pytest.raises(AgrofluxError, match="all alike"):
        distances(training, rows(release, [1, 1], [1, 2]), "spatial")


def test_rows_of_a_bin_are_scored_together(toy_open_release: Path) -> None:
    release = Release(toy_open_release)
    run = Run.plan(release, "ecosys_spatial", "linear")
    truth = Truth(release, run.task, run.left_out or "", ("GPP",))
    near = distances(
        *(
            Arrays.read(Columns.of(release, run.task, some, run.inputs, ()))
            for some in (run.left_out or "", run.training)
        ),
        "spatial",
    )
    far = near.index > np.median(near.index)
    every = np.arange(len(truth.sequence))
    error = np.where(far, 3, 1).astype(np.float32)
    model = Predicted("linear", truth, {"GPP": truth.observed("GPP", every) + error[:, None]}, run)
    seeds = measure([model, model, *gather(["climatology"], release, task=run.task, split=run.left_out)], release,
                    bins=2, resamples=50)  # fmt: skip
    first, second = (one for one in seeds.bins if one.model == "linear")
    assert (first.rows, second.rows) == (2 * (~far).sum(), 2 * far.sum()), "both seeds of a row are in its bin"
    assert (first.metrics["rmse"], second.metrics["rmse"]) == pytest.approx((1, 3), rel=1e-5)
    assert first.high < second.low
    low, high = (getattr(second.intervals["skill"], end) for end in ("low", "high"))
    assert low <= second.metrics["skill"] <= high
    assert first.metrics["skill"] > second.metrics["skill"]
    usual = [one for one in seeds.bins if one.model == "climatology" and one.target == "GPP"]
    assert [one.metrics["skill"] for one in usual] == pytest.approx([0, 0], abs=1e-6)
    assert list(seeds.table()["bin"][:2]) == [1, 2]


def test_distances_need_a_run(toy_open_release: Path) -> None:
    release = Release(toy_open_release)
    with pytest.raises(AgrofluxError, match="which training rows"):
        measure(gather(["climatology"], release, task="towers_temporal"), release)


def test_a_network_as_it_is_was_trained_on_its_source(toy_open_release: Path) -> None:
    release = Release(toy_open_release)
    moved = Transfer("none", "somewhere", source_task="ecosys_temporal", source_splits=("train",))
    found = []
    for scratch in (True, False):
        run = Run.plan(release, "towers_temporal", "linear")
        truth = Truth(release, run.task, "test", ("GPP",))
        predicted = {"GPP": truth.climatology("GPP", np.arange(len(truth.sequence)))}
        one = Predicted("linear", truth, predicted, run if scratch else replace(run, transfer=moved))
        found.append(measure([one], release, bins=1, resamples=10).bins[0])
    rows, training = (
        Arrays.read(Columns.of(release, task, split, run.inputs, ()))
        for task, split in (("towers_temporal", "test"), ("ecosys_temporal", "train"))
    )
    index = distances(rows, training, "temporal").index
    assert found[1].middle == pytest.approx(np.median(index[truth.usual("GPP").n > 0]))
    assert found[1].middle != pytest.approx(found[0].middle)
