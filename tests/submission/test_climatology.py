"""The climatology that is kept: the same means without reading the rows again, and never those of other rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agroflux_data.release import Release
from submission import climatology
from submission.climatology import Climatology
from tests.submission.conftest import TASK


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(climatology, "HF_HOME", str(tmp_path))
    return tmp_path / "agroflux"


@pytest.fixture
def without_reading(release: Release, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Climatology]:
    def kept() -> Climatology:
        with monkeypatch.context() as here:
            here.setattr(Release, "read", lambda *_: pytest.fail("rows were read again"))
            return Climatology.kept(release, TASK, ["train", "validation"])

    return kept


def same(one: Climatology, other: Climatology) -> bool:
    assert list(one.means) == list(other.means)
    return all(np.array_equal(one.means[name], other.means[name]) for name in one.means)


def test_the_second_time_no_row_is_read(
    place: Path, release: Release, without_reading: Callable[[], Climatology]
) -> None:
    first = Climatology.kept(release, TASK, ["train", "validation"])
    assert same(first, Climatology.fit(release, TASK, ["train", "validation"]))
    assert same(without_reading(), first)
    assert len(list(place.iterdir())) == 1


def test_other_rows_have_their_own(place: Path, release: Release, open_release: Release) -> None:
    both = Climatology.kept(release, TASK, ["train", "validation"])
    assert not same(Climatology.kept(release, TASK, ["train"]), both)
    assert not same(Climatology.kept(open_release, TASK, ["train", "validation"]), both)
    assert len(list(place.iterdir())) == 3


@pytest.mark.parametrize("damage", [lambda all: b"", lambda all: all[: len(all) // 2], lambda all: b"PK" + all])
def test_a_damaged_one_is_made_again(
    damage: Callable[[bytes], bytes], place: Path, release: Release, without_reading: Callable[[], Climatology]
) -> None:
    first = Climatology.kept(release, TASK, ["train", "validation"])
    [file] = place.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert same(Climatology.kept(release, TASK, ["train", "validation"]), first)
    assert same(without_reading(), first)


def test_one_that_is_no_climatology_is_made_again(place: Path, release: Release) -> None:
    first = Climatology.kept(release, TASK, ["train"])
    [file] = place.iterdir()
    for wrong in ({"GPP": np.zeros(3)}, {"GPP": np.full((2, 365), np.nan, "f4")}, {"X": np.zeros((2, 365), "f4")}):
        np.savez(file, **wrong)
        assert same(Climatology.kept(release, TASK, ["train"]), first)


def test_without_a_place_it_is_fitted(tmp_path: Path, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agroflux").write_text("a file where the folder should be")
    monkeypatch.setattr(climatology, "HF_HOME", str(tmp_path))
    assert same(Climatology.kept(release, TASK, ["train"]), Climatology.fit(release, TASK, ["train"]))
