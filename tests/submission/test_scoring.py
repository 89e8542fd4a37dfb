"""Scoring: the numbers are those of the rows, whatever their order, and nothing else is scored."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets, targets_folder
from agroflux_data.shards import digest
from submission import metrics, score, write
from submission.climatology import Climatology
from submission.report import FaultsError
from submission.scoring import SCORER
from submission.truth import Truth
from submission.validation import validate
from tests.submission.conftest import TASK, Arrays, metadata_for, truth_of

Submit = Callable[..., Path]


def noisy(truth: Arrays, seed: int = 0) -> Arrays:
    """Predictions near the truth, whole where it has gaps."""
    draw = np.random.default_rng(seed)
    made = {"sequence": truth["sequence"]}
    for name, values in truth.items():
        if name != "sequence":
            noise = np.nanstd(values) * draw.normal(0, 0.3, values.shape)
            made[name] = (np.nan_to_num(values, nan=float(np.nanmean(values))) + noise).astype(np.float32)
    return made


def test_perfect(perfect: Path, release: Release) -> None:
    scores = score(perfect, release)
    for name in ("NEE", "GPP", "N2O"):
        found = scores.targets[name]
        assert (found.r2, found.rmse, found.mae, found.bias, found.skill) == (1, 0, 0, 0, 1)
    assert scores.skill == 1


@pytest.mark.parametrize("task", ["ecosys_temporal", "towers_spatial", "mesocosm_temporal"])
@pytest.mark.parametrize("half", ["all", "public", "private"])
def test_numbers_are_those_of_the_rows(task: str, half: str, release: Release, tmp_path: Path) -> None:
    """Against the plain functions, over arrays put together here; with the gaps of towers and chambers."""
    truth = truth_of(release, task)
    made = noisy(truth)
    scores = score(write(made, tmp_path / "file.parquet", metadata_for(release, task)), release, half=half)
    public = Targets.of(release).table(task, "test", ["public"])["public"].to_numpy()
    rows = {"all": np.ones(len(public), bool), "public": public, "private": ~public}[half]
    usual = Climatology.fit(release, task).predict(release, task, "test")
    np.testing.assert_array_equal(usual["sequence"], truth["sequence"])
    assert scores.sequences == rows.sum() > 0
    for name, found in scores.targets.items():
        t, p, c = truth[name][rows], made[name][rows], usual[name][rows]
        assert found.n == np.isfinite(t).sum() > 0
        assert found.r2 == pytest.approx(metrics.r2(t, p), rel=1e-9)
        assert found.rmse == pytest.approx(metrics.rmse(t, p), rel=1e-9)
        assert found.mae == pytest.approx(metrics.mae(t, p), rel=1e-9)
        assert found.bias == pytest.approx(metrics.bias(t, p), rel=1e-9)
        assert found.climatology_rmse == pytest.approx(metrics.rmse(t, c), rel=1e-9)
        assert found.skill == pytest.approx(1 - metrics.mse(t, p) / metrics.mse(t, c), rel=1e-9)
    ranked = release.task(task).ranked_targets
    assert scores.skill == pytest.approx(np.mean([scores.targets[name].skill for name in ranked]))


def test_rows_are_joined_by_key(submit: Submit, truth: Arrays, release: Release) -> None:
    made = noisy(truth)
    order = np.random.default_rng(1).permutation(len(truth["sequence"]))
    ordered = score(submit("ordered.parquet", made), release, half="public")
    shuffled = score(
        submit("shuffled.parquet", {name: values[order] for name, values in made.items()}), release, half="public"
    )
    # To the last digit: sums are taken in the order of the truth.
    assert shuffled.targets == ordered.targets
    # The same values under wrong keys are another prediction.
    wrong = score(submit("wrong.parquet", made | {"sequence": made["sequence"][order]}), release, half="public")
    assert wrong.targets["NEE"].r2 < ordered.targets["NEE"].r2 - 0.1


def test_half_is_what_counts(submit: Submit, truth: Arrays, release: Release) -> None:
    """The public score says nothing about private rows."""
    private = ~Targets.of(release).table(TASK, "test", ["public"])["public"].to_numpy()
    made = noisy(truth)
    spoilt = {name: values.copy() for name, values in made.items()}
    spoilt["GPP"][private] = 1
    one, other = (score(submit(columns=columns), release, half="public") for columns in (made, spoilt))
    assert one.targets == other.targets
    assert score(submit(columns=spoilt), release, half="private").targets["GPP"].r2 < one.targets["GPP"].r2


def test_climatology_has_no_skill_and_a_part_of_the_targets_no_mean(release: Release, tmp_path: Path) -> None:
    for task in release.tasks:
        usual = Climatology.fit(release, task).predict(release, task, "test")
        scores = score(write(usual, tmp_path / f"{task}.parquet", metadata_for(release, task)), release)
        assert scores.skill == 0
        assert all(found.skill == 0 for name, found in scores.targets.items() if name in scores.ranked)
    usual = Climatology.fit(release, TASK).predict(release, TASK, "test")
    some = {name: usual[name] for name in ("sequence", "GPP", "YIELD")}
    scores = score(write(some, tmp_path / "some.parquet", metadata_for(release)), release)
    assert list(scores.targets) == ["GPP", "YIELD"]
    assert math.isnan(scores.skill)
    # The toy's yield is one number: no spread, no R2.
    assert math.isnan(scores.targets["YIELD"].r2)
    plain = json.loads(json.dumps(scores.to_json(), allow_nan=False))
    assert plain["skill"] is None
    assert plain["targets"]["YIELD"]["r2"] is None


def test_result_pins_what_it_is_of(perfect: Path, release: Release) -> None:
    plain = score(perfect, release, half="private").to_json()
    assert plain["sha256"] == digest(perfect)
    assert plain["revision"] == release.revision
    assert plain["scorer"] == SCORER
    assert (plain["task"], plain["split"], plain["half"], plain["origin"]) == (TASK, "test", "private", "embedded")
    assert plain["metadata"]["model"] == "a model"


def test_folds_of_the_open_edition(open_release: Release, tmp_path: Path) -> None:
    truth = truth_of(open_release, "ecosys_spatial", "fold_1")
    file = write(noisy(truth), tmp_path / "file.parquet", metadata_for(open_release, "ecosys_spatial"))
    scores = score(file, open_release, split="fold_1")
    assert scores.split == "fold_1"
    assert scores.sequences == open_release.split("ecosys_spatial", "fold_1").rows
    # The climatology knows the other folds, never the one that is predicted.
    others = ["fold_0", "fold_2", "fold_3", "fold_4"]
    usual = Climatology.fit(open_release, "ecosys_spatial", others).predict(open_release, "ecosys_spatial", "fold_1")
    assert scores.targets["GPP"].climatology_rmse == pytest.approx(metrics.rmse(truth["GPP"], usual["GPP"]), rel=1e-9)
    with pytest.raises(AgrofluxError, match="no test split here"):
        score(file, open_release)
    with pytest.raises(AgrofluxError, match="no hidden half"):
        score(file, open_release, half="public", split="fold_1")
    temporal = truth_of(open_release, TASK)
    assert score(write(temporal, file, metadata_for(open_release)), open_release).targets["NEE"].r2 == 1


def test_a_public_split_needs_no_hidden_targets(release: Release, tmp_path: Path) -> None:
    """What a participant can know before sending."""
    alone = Release(shutil.copytree(release.path, tmp_path / "alone"))
    truth = truth_of(alone, TASK, "validation")
    file = write(noisy(truth), tmp_path / "file.parquet", metadata_for(alone))
    scores = score(file, alone, split="validation")
    assert (scores.split, scores.sequences) == ("validation", alone.split(TASK, "validation").rows)
    assert scores.targets["NEE"].r2 == pytest.approx(metrics.r2(truth["NEE"], noisy(truth)["NEE"]), rel=1e-9)
    with pytest.raises(AgrofluxError, match="AF101"):
        score(file, alone)
    with pytest.raises(AgrofluxError, match="no hidden half"):
        score(file, alone, split="validation", half="public")
    hidden = write(truth_of(release, TASK), tmp_path / "hidden.parquet", metadata_for(alone))
    with pytest.raises(AgrofluxError, match="no such release"):
        score(hidden, alone)


def test_refusals(submit: Submit, perfect: Path, release: Release, tmp_path: Path) -> None:
    with pytest.raises(AgrofluxError, match=r"AF004 another revision.*got '0000"):
        score(submit(revision="0" * 16), release)
    with pytest.raises(AgrofluxError, match="unknown half"):
        score(perfect, release, half="secret")
    with pytest.raises(AgrofluxError, match="no such release"):
        score(perfect, release, targets=tmp_path / "nowhere")
    other = tmp_path / "agroflux-targets"
    shutil.copytree(targets_folder(release.path), other)
    provenance = (other / "provenance.json").read_text()
    (other / "provenance.json").write_text(provenance.replace(release.revision, "f" * 16))
    with pytest.raises(AgrofluxError, match="targets of another release"):
        score(perfect, release, targets=other)


def test_climatology_by_hand(release: Release) -> None:
    """Means by crop and day, over training rows alone."""
    rows = release.table(TASK, "train", ["PLANTT", "GPP"]).to_pydict()
    crop, gpp = np.array(rows["PLANTT"])[:, 0], np.array(rows["GPP"])
    usual = Climatology.fit(release, TASK)
    for number in (0, 1):
        np.testing.assert_allclose(usual.means["GPP"][number], gpp[crop == number].mean(axis=0), rtol=1e-6)
    test = release.table(TASK, "test", ["PLANTT"]).to_pydict()
    predicted = usual.predict(release, TASK, "test")
    np.testing.assert_array_equal(predicted["GPP"], usual.means["GPP"][np.array(test["PLANTT"])[:, 0].astype(int)])
    assert predicted["GPP"].dtype == np.float32
    with pytest.raises(ValueError, match="says nothing"):
        usual.predict(release, "towers_temporal", "test")


def test_climatology_falls_back_where_nothing_was_observed(release: Release) -> None:
    """Chambers stand from April to July only; and 2016, their one training year, grew one crop."""
    usual = Climatology.fit(release, "mesocosm_temporal").means["N2O"]
    rows = np.array(release.table("mesocosm_temporal", "train", ["N2O"]).to_pydict()["N2O"])
    day = np.flatnonzero(np.isfinite(rows).any(axis=0))
    for crop in (0, 1):
        np.testing.assert_allclose(usual[crop][day], np.nanmean(rows[:, day], axis=0), rtol=1e-6)
        outside = np.setdiff1d(np.arange(365), day)
        np.testing.assert_allclose(usual[crop][outside], np.nanmean(rows), rtol=1e-6)
    assert len(outside) == 243


def test_metadata_of_another_model_changes_nothing(submit: Submit, release: Release, truth: Arrays) -> None:
    one = score(submit("one.parquet", noisy(truth)), release)
    other = score(submit("other.parquet", noisy(truth), model="another", parameters=7), release)
    assert replace(other, metadata=one.metadata, sha256=one.sha256) == one


def test_faults_of_values_are_those_that_validation_names(submit: Submit, truth: Arrays, release: Release) -> None:
    """They are met while scoring, and the report is the same."""
    for number, bad in enumerate((np.nan, np.inf, 1e6)):
        made = noisy(truth)
        made["GPP"][len(made["GPP"]) // 2, 7] = bad
        file = submit(f"{number}.parquet", made)
        with pytest.raises(FaultsError) as refused:
            score(file, release)
        assert refused.value.report == validate(file, release)
        assert [fault.code for fault in refused.value.report.faults] == [f"AF30{number + 1}"]


def test_wrong_keys_are_refused_before_a_value_is_read(submit: Submit, truth: Arrays, release: Release) -> None:
    made = noisy(truth)
    made["GPP"][0, 0] = np.nan
    file = submit(columns=made | {"sequence": made["sequence"] + 1})
    with pytest.raises(FaultsError) as refused:
        score(file, release)
    assert [fault.code for fault in refused.value.report.faults] == ["AF101", "AF102"]
    assert [fault.code for fault in validate(file, release).faults] == ["AF101", "AF102", "AF301"]


def test_one_truth_scores_many_files(submit: Submit, truth: Arrays, release: Release) -> None:
    """Also files that predict some of its targets only, the first of them among these."""
    known = Truth(release, TASK, "test", ("NEE", "GPP", "N2O"))
    some = submit("some.parquet", noisy(truth))
    one = write({name: noisy(truth)[name] for name in ("sequence", "GPP")}, some.with_name("one.parquet"),
                metadata_for(release))  # fmt: skip
    for file in (one, some, some):
        assert score(file, release, truth=known) == score(file, release)
    with pytest.raises(ValueError, match="a truth of"):
        score(some, release, truth=Truth(release, TASK, "test", ("GPP",)))


@pytest.mark.parametrize("rows", [7, 100_000])
def test_row_groups_of_any_size(rows: int, submit: Submit, truth: Arrays, release: Release) -> None:
    file = submit("file.parquet", noisy(truth))
    table = pq.read_table(file)
    other = file.with_name("other.parquet")
    pq.write_table(table, other, row_group_size=rows)
    assert score(other, release).targets == score(file, release).targets


def test_intervals_hold_the_scores(submit: Submit, truth: Arrays, release: Release) -> None:
    file = submit("file.parquet", noisy(truth))
    scores = score(file, release)
    for found in scores.targets.values():
        for name, between in found.intervals.items():
            assert between.low <= getattr(found, name) <= between.high
    assert scores.skill_interval is not None
    assert scores.skill_interval.low < scores.skill < scores.skill_interval.high
    without = score(file, release, resamples=0)
    assert without.skill_interval is None
    assert without.targets["GPP"] == replace(scores.targets["GPP"], intervals={})
