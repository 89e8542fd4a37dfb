from __future__ import annotations

import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.splits import ALWAYS_TRAIN, SEALED_FOLD, YEARS, Edition, Place, assign_folds, place
from agroflux_data.tasks import TASKS, Task

SITES = [f"site-{number}" for number in range(23)]


def test_simulated_sites_go_into_five_near_equal_folds():
    folds = list(assign_folds(SITES, remainder="spread").values())
    assert sorted(folds.count(fold) for fold in range(5)) == [4, 4, 5, 5, 5]


def test_observed_sites_that_are_left_over_always_train():
    folds = list(assign_folds(SITES, remainder="always_train").values())
    assert [folds.count(fold) for fold in range(5)] == [4] * 5
    assert folds.count(ALWAYS_TRAIN) == 3


def test_folds_do_not_depend_on_the_order_of_sites():
    assert assign_folds(SITES, remainder="spread") == assign_folds(SITES[::-1], remainder="spread")


def test_the_shuffle_is_the_published_one():
    # Releases already out would change meaning if this ever moved.
    assert assign_folds(list("abcdefg"), remainder="spread") == {"e": 0, "d": 1, "a": 2, "g": 3, "c": 4, "f": 0, "b": 1}


def test_years_are_those_of_the_design():
    assert list(YEARS["ecosys"].of("test")) == [2016, 2017, 2018]
    assert list(YEARS["daycent"].of("validation")) == [2017, 2018]
    assert YEARS["towers"].of("train") == range(2000, 2014)
    assert [len(YEARS["mesocosm"].of(period)) for period in ("train", "validation", "test")] == [1, 1, 1]


@pytest.mark.parametrize("fold", [0, 1, 2, 3, SEALED_FOLD, ALWAYS_TRAIN])
@pytest.mark.parametrize("period", ["train", "validation", "test"])
def test_a_sealed_cell_is_public_at_most_where_it_is_hidden_nowhere(fold, period):
    places = [place(scenario, Edition.SEALED, fold, period) for scenario in ("temporal", "spatial")]
    standing = [at for at in places if at is not None]
    assert standing, "every cell is used somewhere"
    assert len({at.hidden for at in standing}) == 1


def test_the_sealed_matrix():
    def sealed(scenario, fold, period):
        return place(scenario, Edition.SEALED, fold, period)

    assert sealed("temporal", 0, "train") == Place("train")
    assert sealed("temporal", 0, "test") == Place("test", hidden=True)
    assert sealed("temporal", SEALED_FOLD, "train") is None
    assert sealed("spatial", 2, "validation") == Place("fold_2")
    assert sealed("spatial", 2, "test") is None
    assert sealed("spatial", SEALED_FOLD, "train") == Place("test", hidden=True)
    assert sealed("spatial", ALWAYS_TRAIN, "train") == Place("always_train")


def test_the_open_edition_hides_nothing():
    for task in TASKS.values():
        for fold in (*range(5), ALWAYS_TRAIN):
            for year in task.years.all:
                at = place(task.scenario, Edition.OPEN, fold, task.years.period(year))
                assert at is not None
                assert not at.hidden
                assert fold == ALWAYS_TRAIN or at.split in task.splits(Edition.OPEN)


def test_there_are_eight_tasks_and_an_unknown_one_is_an_error_that_names_them():
    assert len(TASKS) == 8
    with pytest.raises(AgrofluxError, match=r"ecosys_temporal.*mesocosm_spatial.*'ecosys_spacial'"):
        Task.from_name("ecosys_spacial")


def test_ranked_targets_are_the_papers_three():
    assert TASKS["ecosys_spatial"].ranked_targets == ("NEE", "GPP", "N2O")
    assert TASKS["towers_spatial"].ranked_targets == ("NEE", "GPP")
    assert TASKS["mesocosm_temporal"].ranked_targets == ("N2O",)


def test_the_core_inputs_are_the_official_eleven_in_their_order():
    assert TASKS["daycent_temporal"].core_inputs == (
        "TMAX", "TMIN", "PREC", "FERTZR_N", "PDOY", "PLANTT", "TBKDS", "TCSAND", "TCSILT", "TPH", "TSOC",
    )  # fmt: skip
