"""The comparison of a simulated release with official moments and observed fields: its arithmetic, and the command."""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib import image

from agroflux_data import realism, realism_tables
from agroflux_data.build import build
from agroflux_data.plan import Plan
from agroflux_data.release import Release
from agroflux_data.splits import Edition
from agroflux_data.variables import DAYS
from tests.conftest import TOY_SECRET
from tests.toy import ToySource


@pytest.fixture(scope="module")
def found(toy_release) -> realism.Realism:
    return realism.measure(Release(toy_release))


def _frame(release: Release, source: str) -> pd.DataFrame:
    """The public rows of a source by pandas alone."""
    splits = [name for name, split in release.splits(f"{source}_temporal").items() if not split.hidden]
    return pd.concat([release.table(f"{source}_temporal", split).to_pandas() for split in splits])


class TestFacts:
    """The table that is compared with is the published one, and passes its own targets where it should."""

    def test_the_official_numbers_are_those_of_the_sheet(self, shared):
        sheet = pd.read_csv(shared / "process_models" / "realism.csv", dtype={"month": str})
        official = sheet[sheet.section == "official"].set_index("variable")
        own = {row["variable"]: row for row in realism._facts("official")}
        assert list(own) == list(official.index)
        assert len(own) == 31
        for name, row in own.items():
            assert (float(row["mean"]), float(row["sd"])) == (official["mean"][name], official["sd"][name]), name

    @pytest.mark.parametrize("flux", ["GPP_NT_VUT_REF", "RECO_NT_VUT_REF", "NEE_VUT_REF"])
    @pytest.mark.parametrize(
        ("subset", "tower", "crop"),
        [
            ("US-Ne1_maize", "US-Ne1", "corn"),
            ("US-Ne3_maize", "US-Ne3", "corn"),
            ("US-Ne3_soybean", "US-Ne3", "soybean"),
        ],
    )
    def test_the_bands_are_those_of_the_sheet(self, shared, flux, subset, tower, crop):
        sheet = pd.read_csv(shared / "process_models" / "realism.csv")
        rows = sheet[(sheet.section == "obs_monthly") & (sheet.variable == flux) & (sheet.subset == subset)]
        rows = rows.assign(month=rows.month.astype(int)).sort_values("month")
        band = realism.bands()[tower, crop, flux.split("_")[0]]
        np.testing.assert_array_equal(band.mean, rows["mean"])
        np.testing.assert_array_equal(band.sd, rows["sd"])

    def test_observed_carbon_closes_over_the_year(self):
        """GPP, RECO and NEE of a tower are sorted to the right months, crops and signs."""
        for tower, crop in (("US-Ne1", "corn"), ("US-Ne3", "corn"), ("US-Ne3", "soybean")):
            gpp, reco, nee = (
                realism.monthly_total(realism.bands()[tower, crop, flux].mean) for flux in ("GPP", "RECO", "NEE")
            )
            assert 800 < gpp < 1800
            assert reco - gpp == pytest.approx(nee, abs=40)
            assert realism.bands()[tower, crop, "GPP"].mean.argmax() in (6, 7)

    def test_runs_of_the_real_model_meet_the_targets_of_the_response(self):
        rates, grain = realism.reference_response("YIELD")
        _, n2o = realism.reference_response("N2O")
        assert realism.SATURATION[0] <= realism.plateau(rates, grain) <= realism.SATURATION[1]
        assert realism.EMISSION_FACTOR[0] <= np.polyfit(rates, n2o, 1)[0] <= realism.EMISSION_FACTOR[1]
        assert np.all(np.diff(n2o) > 0)

    def test_every_fact_names_its_source(self):
        assert all(row["source"] and row["unit"] for row in realism._table())


class TestArithmetic:
    def test_top_days_of_a_year_are_18(self):
        flux = np.ones((1, DAYS))
        flux[0, 100:118] = 10
        assert realism.top_days(flux)[0] == pytest.approx(180 / (180 + DAYS - 18))

    def test_top_days_take_the_highest_of_those_observed(self):
        flux = np.full((2, DAYS), np.nan)
        flux[0, 90:210] = 1.0
        flux[0, [100, 130, 140]] = 20.0, 30.0, 50.0  # 6 of 120 days
        share = realism.top_days(flux)
        assert share[0] == pytest.approx((100 + 3) / (100 + 117))
        assert math.isnan(share[1])

    @pytest.mark.parametrize("join", [9.0, 17.5, 24.0])
    def test_plateau_finds_the_join(self, join):
        rates = np.linspace(0, 33.6, 11)
        grain = 410 - 180 * (1 - np.minimum(rates, join) / join) ** 2
        assert realism.plateau(rates, grain) == pytest.approx(join, abs=0.1)

    def test_no_response_has_no_plateau(self):
        rates = np.linspace(0, 33.6, 6)
        assert math.isnan(realism.plateau(rates, 400 - 2 * rates))
        assert math.isnan(realism.plateau(rates[:3], rates[:3]))

    def test_nothing_has_no_spread_and_meets_no_target(self):
        nothing = realism.TopDays("mesocosm", 0, realism.Spread.of(np.empty(0)), ())
        assert math.isnan(nothing.share.mean)
        assert nothing.targets == {"top 5 % of days": False}

    def test_a_month_is_in_its_band_up_to_two_deviations(self):
        band = realism.Band(np.zeros(12), np.ones(12))
        assert band.holds(np.full(12, 1.99)).all()
        assert not band.holds(np.full(12, -2.01)).any()
        assert not band.holds(np.full(12, np.nan)).any()

    def test_a_scaler_fails_by_its_mean_or_by_its_spread(self):
        good = realism.Scaler("GPP", ("GPP",), "", 2.8 + 0.3 * 4.8, 4.8 * 1.4, 2.8, 4.8)
        assert good.targets == {"moments": True}
        assert replace(good, mean=2.8 - 0.4 * 4.8).targets == {"moments": False}
        assert replace(good, sd=4.8 * 1.6).targets == {"moments": False}
        assert replace(good, sd=4.8 * 0.6).targets == {"moments": False}
        assert replace(good, sd=math.nan).targets == {"moments": False}


class TestMeasure:
    def test_moments_pool_18_to_21_in_official_signs(self, toy_release, found):
        release = Release(toy_release)
        scalers = {one.official: one for one in found.scalers}
        assert len(scalers) == 31

        def rows(source: str, name: str) -> np.ndarray:
            return np.concatenate(
                [np.ravel(part) for part in release.table(f"{source}_temporal", "train")[name].to_numpy()], axis=None
            )

        def pooled(ecosys: np.ndarray, daycent: np.ndarray) -> tuple[float, float]:
            weights = np.concatenate([np.full(len(ecosys), 18 / len(ecosys)), np.full(len(daycent), 21 / len(daycent))])
            both = np.concatenate([ecosys, daycent])
            mean = np.average(both, weights=weights)
            return float(mean), float(np.sqrt(np.average((both - mean) ** 2, weights=weights)))

        for official, ecosys, daycent in (
            ("GPP", rows("ecosys", "GPP"), rows("daycent", "GPP")),
            ("Reco", -rows("ecosys", "RECO"), -rows("daycent", "RECO")),
            ("N2O_FLUX", -rows("ecosys", "N2O"), -rows("daycent", "N2O")),
            ("CO2_FLUX", -rows("ecosys", "SOIL_CO2"), -rows("daycent", "NEE")),
            ("TCSAND", rows("ecosys", "TCSAND"), rows("daycent", "TCSAND")),
        ):
            assert (scalers[official].mean, scalers[official].sd) == pytest.approx(pooled(ecosys, daycent), rel=1e-4)
            for source, own in (("ecosys", ecosys), ("daycent", daycent)):
                alone = float(own.astype(float).mean()), float(own.astype(float).std())
                assert scalers[official].by_source[source] == pytest.approx(alone, rel=1e-4)

    def test_seasons_are_monthly_means_of_what_is_public(self, toy_release, found):
        rows = _frame(Release(toy_release), "towers")
        rows = rows[[plant[0] == 1 for plant in rows["PLANTT"]]]
        month = pd.date_range("2001-01-01", periods=DAYS).month.to_numpy()
        daily = np.nanmean(np.stack(rows["GPP"].to_list()).astype(float), axis=0)
        (season,) = (one for one in found.seasons if (one.source, one.crop, one.flux) == ("towers", "corn", "GPP"))
        assert season.rows == len(rows)
        np.testing.assert_allclose(season.monthly, [daily[month == m].mean() for m in range(1, 13)], rtol=1e-5)
        assert season.annual == pytest.approx(daily.sum(), rel=1e-5)
        assert season.either >= max(season.within.values())

    def test_simulators_are_judged_by_what_farmers_would_give(self, toy_release, found):
        rows = _frame(Release(toy_release), "daycent")
        corn = np.array([plant[0] == 1 for plant in rows["PLANTT"]])
        fed = {number: rows["FERTZR_N"][corn & (rows["treatment"] == number)].iloc[0].sum() for number in (0, 1)}
        assert fed == {0: 0.0, 1: 16.0}
        for crop, grown in (("corn", corn), ("soybean", ~corn)):
            (season,) = (one for one in found.seasons if (one.source, one.crop, one.flux) == ("daycent", crop, "NEE"))
            assert season.rows == int(np.sum(grown & (rows["treatment"] == 1)))

    def test_response_is_that_of_corn_years(self, toy_release, found):
        rows = _frame(Release(toy_release), "ecosys")
        rows = rows[[plant[0] == 1 for plant in rows["PLANTT"]]]
        n2o = rows["N2O"].map(lambda days: float(days.astype(float).sum()))
        (response,) = (one for one in found.responses if one.source == "ecosys")
        assert response.rates == (0.0, 16.0)
        means = [n2o[rows["treatment"] == number].mean() for number in (0, 1)]
        assert [one.mean for one in response.n2o] == pytest.approx(means, rel=1e-5)
        assert response.emission_factor == pytest.approx((means[1] - means[0]) / 16, rel=1e-4)
        assert response.rises == 1
        assert math.isnan(response.saturation)

    def test_says_how_far_it_is(self, toy_release):
        release, said = Release(toy_release), []
        realism.measure(release, lambda done, total: said.append((done, total)))
        rows = sum(len(_frame(release, source)) for source in ("daycent", "ecosys", "towers", "mesocosm"))
        assert said == sorted(said)
        assert said[-1] == (rows, rows)

    def test_hidden_targets_are_not_needed(self, toy_release, found, tmp_path):
        shutil.copytree(toy_release, tmp_path / "alone")
        assert realism.measure(Release(tmp_path / "alone")).to_json() == found.to_json()

    def test_an_open_release_counts_its_test_years_too(self, toy_open_release, found):
        opened = realism.measure(Release(toy_open_release))
        assert sum(sum(one.counts) for one in opened.top_days) > sum(sum(one.counts) for one in found.top_days)

    def test_targets_are_counted_once_each(self, found):
        asked = {name: of for name, (_, of) in found.counts.items()}
        assert asked == {
            "moments": 31, "months in band": 18, "N2O rises": 2, "emission factor": 2, "yield saturates": 2,
            "top 5 % of days": 3,
        }  # fmt: skip
        assert all(0 <= met <= of for met, of in found.counts.values())


class TestCommand:
    def test_prints_every_comparison_and_counts_the_targets(self, command, toy_release, found):
        result = command("agroflux-data", "realism", str(toy_release), cwd=toy_release.parent)
        assert result.returncode == 0
        lines = result.stdout.splitlines()
        assert max(len(line) for line in lines[:-2]) <= 120
        for one in found.scalers:
            assert any(line.split()[:1] == [one.official] for line in lines), one.official
        met = sum(held for held, _ in found.counts.values())
        assert lines[-1].startswith(f"{met} of 58 targets met: moments ")
        marks = [line.split()[-1] for line in lines if line.split()[-1:] in (["met"], ["missed"])]
        assert len(marks) == 58
        assert marks.count("met") == met
        assert "Origin embedded" in lines[0]
        assert "no results" in lines[1]

    def test_json_is_one_object_with_the_same_numbers(self, command, toy_release, found):
        result = command("agroflux-data", "realism", str(toy_release), "--json", cwd=toy_release.parent)
        assert result.returncode == 0
        data = json.loads(result.stdout)
        assert data == json.loads(json.dumps(found.to_json()))
        assert data["origin"] == "embedded"
        assert data["revision"] == Release(toy_release).revision
        assert sum(kind["asked"] for kind in data["targets"].values()) == 58
        assert {"difference", "ratio", "targets"} <= data["scalers"][0].keys()
        assert "NaN" not in result.stdout

    def test_figures_are_drawn(self, command, toy_release, tmp_path):
        result = command("agroflux-data", "realism", str(toy_release), "--plot", "figures", cwd=tmp_path)
        assert result.returncode == 0
        names = {"moments.png", "seasons.png", "yield_response.png", "n2o_response.png", "n2o_top_days.png"}
        assert {path.name for path in (tmp_path / "figures").iterdir()} == names
        for name in names:
            pixels = image.imread(tmp_path / "figures" / name)
            assert pixels.shape[0] > 500
            assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 50
            assert name in result.stderr

    def test_numbers_never_show_an_exponent(self, found):
        shown = [realism_tables._number(value) for value in (1e-5, -0.000541, 0.0, 1234.6, 12.3456, math.nan)]
        assert shown == ["0.000010", "-0.000541", "0", "1235", "12.35", "-"]
        assert not any(re.search(r"e[+-]\d", line) for line in shown)

    def test_another_origin_is_refused(self, command, tmp_path):
        sources = (
            ToySource("ecosys", 6, secret=TOY_SECRET),
            ToySource("daycent", 6, secret=TOY_SECRET),
            ToySource("towers", 6, secret=TOY_SECRET, origin="ameriflux"),
        )
        build(Plan(Edition.SEALED, None, 0, TOY_SECRET, sources), tmp_path / "mine", workers=1)
        result = command("agroflux-data", "realism", "mine", "--plot", "figures", cwd=tmp_path)
        assert result.returncode == 2
        for text in ("towers is not simulated", "origin embedded", "'ameriflux'"):
            assert text in result.stderr
        assert "Traceback" not in result.stderr
        assert not (tmp_path / "figures").exists()

    def test_a_release_without_a_simulator_is_refused(self, command, tmp_path):
        plan = Plan(Edition.SEALED, None, 0, TOY_SECRET, (ToySource("daycent", 6, secret=TOY_SECRET),))
        build(plan, tmp_path / "half", workers=1)
        result = command("agroflux-data", "realism", "half", cwd=tmp_path)
        assert result.returncode == 2
        for text in ("a simulator is missing", "ecosys and daycent", "no ecosys"):
            assert text in result.stderr

    @pytest.mark.parametrize(("where", "said"), [("nowhere", "no such release"), (".", "not a release")])
    def test_a_folder_that_is_no_release_is_refused(self, command, tmp_path, where, said):
        result = command("agroflux-data", "realism", where, cwd=tmp_path)
        assert result.returncode == 2
        assert said in result.stderr

    def test_a_file_in_place_of_the_folder_of_figures_is_refused(self, command, toy_release, tmp_path):
        (tmp_path / "figures").write_text("precious")
        result = command("agroflux-data", "realism", str(toy_release), "--plot", "figures", cwd=tmp_path)
        assert result.returncode == 2
        assert "a folder" in result.stderr
        assert (tmp_path / "figures").read_text() == "precious"
