"""What `agroflux-data inspect` says of a release, against the rows themselves."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from agroflux_data import overview, sequences, survey_figures
from agroflux_data.build import build
from agroflux_data.plan import Plan
from agroflux_data.release import Release, Targets, targets_folder
from agroflux_data.splits import Edition
from agroflux_data.survey import _Sample, survey
from tests.conftest import TOY_SECRET
from tests.toy import ToySource


@pytest.fixture(scope="module")
def towers(tmp_path_factory) -> Release:
    """A sealed release of towers, its targets beside it."""
    plan = Plan(Edition.SEALED, None, 0, TOY_SECRET, (ToySource("towers", 6, secret=TOY_SECRET),))
    return build(plan, tmp_path_factory.mktemp("towers") / "agroflux", workers=1)


def daily(release: Release | Targets, task: str, split: str, column: str) -> np.ndarray:
    return sequences.values(release.table(task, split, [column])[column])


def test_shares_are_those_of_the_rows_and_hidden_ones_need_the_targets(towers):
    targets = Targets.of(towers)
    for given in (None, targets):
        for one in survey(towers, given).splits:
            record = towers.split(one.task, one.split)
            assert (one.rows, one.sites, one.hidden) == (record.rows, record.sites, record.hidden)
            assert one.bytes == sum(path.stat().st_size for path in towers.paths(one.task, one.split))
            if one.hidden and given is None:
                assert one.observed == {}
                continue
            folder = targets if one.hidden else towers
            assert one.observed == {
                name: pytest.approx(float(np.mean(~np.isnan(daily(folder, one.task, one.split, name)))))
                for name in ("NEE", "GPP")
            }


def test_seasons_are_quantiles_of_the_public_rows_of_a_crop(towers):
    found = {(one.crop, one.target): one for one in survey(towers, figures=True).seasons}
    assert set(found) == {(crop, target) for crop in ("corn", "soybean") for target in ("NEE", "GPP")}
    splits = ("train", "validation")
    corn = np.concatenate([daily(towers, "towers_temporal", split, "PLANTT") for split in splits])[:, 0] == 1
    gpp = np.concatenate([daily(towers, "towers_temporal", split, "GPP") for split in splits])[corn]
    season = found["corn", "GPP"]
    assert season.rows == len(gpp)
    for got, share in ((season.low, 0.1), (season.median, 0.5), (season.high, 0.9)):
        np.testing.assert_allclose(got, np.nanquantile(gpp.astype(float), share, axis=0))


def test_spreads_are_quantiles_of_yearly_numbers(towers):
    hidden_too = survey(towers, Targets.of(towers), figures=True).spreads
    found = {(one.scenario, one.split, one.variable): one.quantiles for one in hidden_too}
    rain = daily(towers, "towers_temporal", "train", "PREC").astype(float).sum(axis=1)
    np.testing.assert_allclose(
        found["temporal", "train", "PREC"], np.quantile(rain, [0.05, 0.25, 0.5, 0.75, 0.95]), rtol=1e-6
    )
    assert set(found["temporal", "train", "PDOY"]) == {126.0}
    corn = daily(towers, "towers_temporal", "train", "PLANTT")[:, 0].mean()
    assert found["temporal", "train", "PLANTT"] == pytest.approx(np.full(5, corn))
    gpp = np.nanmean(daily(Targets.of(towers), "towers_spatial", "test", "GPP").astype(float), axis=1)
    assert found["spatial", "test", "GPP"][2] == pytest.approx(np.median(gpp))

    public = survey(towers, figures=True).spreads
    assert ("test", "TMAX") in {(one.split, one.variable) for one in public}
    assert not {"NEE", "GPP", "RECO", "ET"} & {one.variable for one in public if one.hidden}
    assert {one.split for one in public if one.scenario == "spatial"} == {"test"}


def test_a_sample_does_not_depend_on_the_order_of_rows():
    keys = np.arange(5_000, dtype=np.int64)
    samples = []
    for order in (keys, keys[::-1]):
        sample = _Sample(500)
        for piece in np.array_split(order, 7):
            sample.add(piece, {"key": piece.astype(float)})
        samples.append(sample["key"])
    assert len(samples[0]) == 500
    assert set(samples[0]) == set(samples[1])
    # Neighbouring keys are drawn as if by chance: the mean of 500 of 5,000 is within four standard errors.
    assert abs(samples[0].mean() - keys.mean()) < 4 * keys.std() / np.sqrt(500)


@pytest.mark.parametrize("edition", ["sealed", "open"])
def test_sites_have_their_places(edition, toy_release, toy_open_release):
    release = Release(toy_release if edition == "sealed" else toy_open_release)
    for name, source in release.provenance.sources.items():
        found = overview.sites(release, name)
        assert [site.number for site in found] == list(range(1, len(source.folds) + 1))
        assert {site.name for site in found} == set(source.folds)
        assert [site.lat for site in found] == pytest.approx([40 + site.number / 10 for site in found], abs=1e-5)


def test_figures_of_an_open_release(tmp_path):
    sources = ToySource("towers", 6, secret=TOY_SECRET), ToySource("mesocosm", 6, secret=TOY_SECRET)
    release = build(Plan(Edition.OPEN, None, 0, TOY_SECRET, sources), tmp_path / "agroflux", workers=1)
    found = survey(release, figures=True)
    assert {one.split for one in found.spreads if one.source == "towers"} == {
        "train", "validation", "test", "fold_0", "fold_1", "fold_2", "fold_3", "fold_4", "always_train",
    }  # fmt: skip
    folder = tmp_path / "new" / "figures"
    saved = [path.name for path in survey_figures.save(found, folder)]
    assert saved == ["sites.png", "seasons.png", "shift_towers.png", "shift_mesocosm.png"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(saved)


def test_the_command_prints_a_table_or_json(command, towers, tmp_path):
    result = command("agroflux-data", "inspect", str(towers.path), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    row = next(line.split() for line in result.stdout.splitlines() if "towers_spatial" in line and "test" in line)
    assert row[-2:] == ["hidden", "hidden"]
    assert f"revision {towers.revision}, sealed edition" in result.stdout

    folder = targets_folder(towers.path)
    result = command(
        "agroflux-data",
        "inspect",
        str(towers.path),
        "--targets",
        str(folder),
        "--plot",
        "figures",
        "--json",
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["revision"], found["origins"]) == (towers.revision, {"towers": "embedded"})
    assert all(0 < split["observed"]["NEE"] < 1 for split in found["splits"])
    assert (tmp_path / "figures" / "shift_towers.png").is_file()


def test_bad_folders_are_one_clear_error(command, towers, tmp_path):
    shutil.copytree(towers.path, tmp_path / "broken")
    broken = Release(tmp_path / "broken").paths("towers_temporal", "train")[0]
    broken.write_bytes(broken.read_bytes()[:-50])
    (tmp_path / "file").write_text("")
    for arguments, said in (
        (["broken"], "unreadable shard"),
        ([str(towers.path), "--plot", "file"], "no place for the figures"),
    ):
        result = command("agroflux-data", "inspect", *arguments, cwd=tmp_path)
        assert result.returncode == 2, result.stdout
        assert said in result.stderr
        assert "Traceback" not in result.stderr
