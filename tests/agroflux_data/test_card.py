"""The dataset card: what the Hub and `load_dataset` read in its YAML, what a reader finds in its text, its figures."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from datasets import load_dataset
from huggingface_hub import DatasetCard

from agroflux_data import card
from agroflux_data.build import build
from agroflux_data.card import FIGURES, linked_figures
from agroflux_data.check import check, known_files
from agroflux_data.origins import ORIGINS
from agroflux_data.plan import Plan
from agroflux_data.release import Release
from agroflux_data.sources.source import Site
from agroflux_data.splits import Edition
from tests.conftest import TOY_SECRET
from tests.toy import ToySource


class Unplaced(ToySource):
    """Towers of which no file says where they are."""

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(Site(site.name, site.number, float("nan"), float("nan")) for site in super().sites)


def sections(text: str) -> dict[str, str]:
    """The text under each heading of the second level."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def read(folder: Path) -> DatasetCard:
    return DatasetCard.load(folder / "README.md", ignore_metadata_errors=False)


@pytest.fixture(scope="module")
def brought(tmp_path_factory) -> Path:
    """An open release of towers that a user brought, and of embedded chambers."""
    sources = Unplaced("towers", 5, origin="ameriflux"), ToySource("mesocosm", 6)
    out = tmp_path_factory.mktemp("brought") / "agroflux"
    return build(Plan(Edition.OPEN, None, 0, TOY_SECRET, sources), out, workers=1).path


def test_the_yaml_has_what_croissant_metadata_are_made_from(toy_release):
    data = read(toy_release).data.to_dict()
    release = Release(toy_release)
    assert (data["pretty_name"], data["license"], data["size_categories"]) == ("AgroFlux", "cc-by-4.0", ["n<1K"])
    assert "license_name" not in data
    assert "time-series-forecasting" in data["task_categories"]
    assert {"origin-embedded", "simulation"} <= set(data["tags"])
    assert {config["config_name"] for config in data["configs"]} == set(release.tasks)
    for info in data["dataset_info"]:
        columns = {feature["name"]: feature for feature in info["features"]}
        assert list(columns) == list(release.features(info["config_name"]))
        assert (columns["TMAX"]["list"], columns["TMAX"]["length"]) == ("float32", 365)
        rows = {split["name"]: split["num_examples"] for split in info["splits"]}
        assert rows == {name: split.rows for name, split in release.splits(info["config_name"]).items()}


def test_the_card_answers_what_a_datasheet_asks(toy_release):
    text = sections(read(toy_release).text)
    assert list(text) == [
        "Motivation", "Composition", "Collection and origin", "Preprocessing", "Splits", "Known limits", "Uses",
        "Licence of each origin", "Versions", "Citation",
    ]  # fmt: skip
    assert "not the AgroFlux release" in text["Collection and origin"]
    assert "every number of theirs here is simulated" in text["Collection and origin"]
    assert "hidden: temporal test" in text["Splits"]
    assert "CO2_FLUX" in text["Known limits"]
    assert "| embedded | simulated by" in text["Licence of each origin"]
    assert "@article{cheng2026agroflux" in text["Citation"]
    assert not re.search(r"\$\w|\bNone\b|\bnan\b", read(toy_release).text)


def test_tables_come_from_the_release(toy_release):
    release, text = Release(toy_release), sections(read(toy_release).text)
    for task in release.tasks:
        for name, split in release.splits(task).items():
            years, state = f"{split.first_year}-{split.last_year}", "hidden" if split.hidden else "public"
            assert f"| `{task}` | `{name}` | {split.rows} | {split.sites} | {years} | {state} |" in text["Splits"]
    moments = release.statistics("towers_temporal")
    days = 365 * release.split("towers_temporal", "train").rows
    share = f"{100 * moments['GPP'].n / days:.1f} %"
    assert 50 < float(share.split()[0]) < 100
    assert f"gross primary production | -15 to 50 | 100.0 % | 100.0 % | {share} |  |" in text["Composition"]
    assert "| `WIND` | m s-1 | mean wind speed | 365 | 0 to 50 | all |" in text["Composition"]


def test_what_a_user_brought_keeps_its_licence(brought):
    loaded = read(brought)
    assert loaded.data.license == ["cc-by-4.0", "other"]
    assert loaded.data["license_name"] == "terms-of-each-origin"
    text = sections(loaded.text)
    assert "data policy of each site" in text["Licence of each origin"]
    assert "CC-BY-4.0" in text["Licence of each origin"]
    assert "every number of theirs here is simulated" not in loaded.text
    assert "parted from NEE by a model" in text["Known limits"]
    assert "open** release" in text["Splits"]
    assert "hidden: temporal test" not in text["Splits"]


@pytest.mark.parametrize("origin", ORIGINS)
def test_every_origin_has_terms(origin):
    assert ORIGINS[origin].licence in {"cc-by-4.0", "other", "unknown"}
    assert ORIGINS[origin].terms.endswith(".")


def test_figures_are_in_the_release_and_the_card_shows_them(toy_release, brought):
    for folder in (toy_release, brought):
        assert linked_figures(folder) == set(FIGURES)
        assert all((folder / file).read_bytes().startswith(b"\x89PNG") for file in FIGURES)
        assert set(FIGURES) <= known_files(Release(folder))
        assert list(check(Release(folder))) == []


def test_a_missing_figure_is_found(brought, tmp_path):
    copy = Path(shutil.copytree(brought, tmp_path / "agroflux"))
    (copy / FIGURES[0]).unlink()
    (copy / "figures" / "another.png").write_bytes(b"")
    found = [(finding.where, finding.problem) for finding in check(Release(copy))]
    assert found == [
        ("figures/another.png", "a file that the release does not know"),
        (FIGURES[0], "missing figure: the dataset card shows it"),
    ]


def test_a_card_written_again_has_the_same_bytes_whatever_the_users_settings(brought, tmp_path):
    copy = Path(shutil.copytree(brought, tmp_path / "agroflux"))
    (tmp_path / "matplotlibrc").write_text("font.size: 20\naxes.facecolor: red\nsavefig.dpi: 30\nfigure.dpi: 30\n")
    for file in (card.README, *FIGURES):
        (copy / file).unlink()
    script = "import pathlib, sys; from agroflux_data import card; card.write(pathlib.Path(sys.argv[1]), 'agroflux')"
    environment = os.environ | {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}
    subprocess.run([sys.executable, "-c", script, copy], env=environment, cwd=Path(__file__).parents[2], check=True)
    for file in (card.README, *FIGURES):
        assert (copy / file).read_bytes() == (brought / file).read_bytes(), file


def test_figures_are_not_taken_for_data(brought, monkeypatch):
    monkeypatch.chdir(brought.parent)
    for streaming in (False, True):
        loaded = load_dataset("agroflux", "mesocosm_temporal", streaming=streaming)
        assert set(loaded) == {"train", "validation", "test"}
        assert "image" not in loaded["train"].features
    assert sum(1 for _ in load_dataset("agroflux", "towers_spatial", split="fold_0", streaming=True)) == (
        Release("agroflux").split("towers_spatial", "fold_0").rows
    )
