"""The dataset card of a release, README.md, and its figures: the YAML that the Hub and `load_dataset` read, then text.

Of the YAML the Hub makes Croissant metadata by itself: the licence, the name and keywords from `license`,
`pretty_name` and `tags`; one record set for each of `configs`, with a field for every column of `dataset_info`.
"""

from __future__ import annotations

import hashlib
import os
import re
from importlib.resources import files
from pathlib import Path
from string import Template

from datasets import DatasetInfo, SplitDict, SplitInfo
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard, DatasetCardData

from agroflux_data.card_text import paragraphs
from agroflux_data.origins import ORIGINS
from agroflux_data.release import Release
from agroflux_data.shards import Shard

__all__ = ["FIGURES", "README", "linked_figures", "renamed", "write"]

README = "README.md"
FIGURES_FOLDER = "figures"
_FIGURES = {
    "splits": "A matrix of sites and years for each source: what is public, and what is hidden",
    "sites": "Maps of the sites of each source by fold",
    "sequence": "One sequence: its weather, management and fluxes over a year",
}
"""The figures of a card by name, and what each shows, in words."""
FIGURES = tuple(f"{FIGURES_FOLDER}/{name}.png" for name in _FIGURES)
"""Where they lie in a release."""
_FLOAT, _KEYS_BYTES = 4, 40


def _shards(release: Release, task: str) -> list[Shard]:
    return [shard for split in release.splits(task).values() for shard in split.shards]


def _infos(release: Release) -> DatasetInfosDict:
    """The dataset info of every task, as `datasets` would have written it."""
    infos = DatasetInfosDict()
    for name in release.tasks:
        task, splits = release.task(name), SplitDict()
        row_bytes = _KEYS_BYTES + _FLOAT * (len(task.statics) + 365 * (len(task.daily_inputs) + len(task.targets)))
        for split, record in release.splits(name).items():
            splits.add(SplitInfo(name=split, num_bytes=record.rows * row_bytes, num_examples=record.rows))
        infos[name] = DatasetInfo(
            features=release.features(name),
            splits=splits,
            download_size=sum(shard.bytes for shard in _shards(release, name)),
            dataset_size=sum(info.num_bytes for info in splits.values()),
        )
    return infos


def _configs(release: Release) -> MetadataConfigs:
    """The files of every task's splits.

    `load_dataset` keys its cache on this YAML and not on the files behind it, so each description holds a hash of the
    content: a rebuilt release is read anew.
    """
    configs = MetadataConfigs()
    for name in release.tasks:
        digests = "".join(shard.sha256 for shard in _shards(release, name))
        content = hashlib.sha256(digests.encode()).hexdigest()[:16]
        configs[name] = {
            "data_files": [{"split": split, "path": f"{name}/{split}-*.parquet"} for split in release.splits(name)],
            "description": f"{name}, {release.edition} edition, origin {release.origin(name)}, content {content}",
        }
    return configs


def _data(release: Release) -> DatasetCardData:
    origins = sorted({source.origin for source in release.provenance.sources.values()})
    licences = sorted({ORIGINS[origin].licence for origin in origins})
    data = DatasetCardData(
        pretty_name="AgroFlux",
        license=licences[0] if len(licences) == 1 else licences,
        license_name="terms-of-each-origin" if "other" in licences else None,
        task_categories=["time-series-forecasting", "tabular-regression"],
        tags=[
            "agriculture", "carbon", "nitrous-oxide", "eddy-covariance", "climate", "benchmark",
            *(["simulation"] if "embedded" in origins else []), *(f"origin-{origin}" for origin in origins),
        ],
        size_categories=[_size(sum(shard.rows for shard in release.shards))],
    )  # fmt: skip
    _infos(release).to_dataset_card_data(data)
    _configs(release).to_dataset_card_data(data)
    return data


def _size(rows: int) -> str:
    for bound, name in (
        (1_000, "n<1K"),
        (10_000, "1K<n<10K"),
        (100_000, "10K<n<100K"),
        (1_000_000, "100K<n<1M"),
        (10_000_000, "1M<n<10M"),
    ):
        if rows < bound:
            return name
    return "10M<n<100M"


def renamed(card: str, name: str) -> str:
    """The text of a card for a release that is known under another name: what it says to load.

    >>> renamed('load_dataset("agroflux", "towers_temporal")', "fluxes/agroflux")
    'load_dataset("fluxes/agroflux", "towers_temporal")'
    """
    return re.sub(r'(?<=load_dataset\(")[^"]+(?=")', name, card)


def linked_figures(folder: Path) -> frozenset[str]:
    """The figures that the card in a folder shows, by their paths in it; none where there is no card."""
    card = folder / README
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    return frozenset(file for file in FIGURES if f"({file})" in text)


def write(folder: Path, name: str) -> None:
    """Write README.md of the release in ``folder``, known as ``name``, from the template ``dataset_card.md``.

    Its figures go into ``figures``. They and the text follow from the release alone: equal releases have equal cards,
    and none of it is in the revision.
    """
    # Loading matplotlib takes longer than writing a card, and whoever checks or pulls a release draws nothing.
    from agroflux_data import card_figures, figures

    release = Release(folder)
    drawn = [path.relative_to(folder) for path in figures.save(card_figures.draw(release), folder / FIGURES_FOLDER)]
    template = Template(files("agroflux_data").joinpath("dataset_card.md").read_text(encoding="utf-8"))
    text = template.substitute(
        paragraphs(release), name=name,
        **{f"figure_{path.stem}": f"![{_FIGURES[path.stem]}]({path.as_posix()})" for path in drawn},
    )  # fmt: skip
    # Where a release has nothing to say in a place, one empty line is enough.
    text = re.sub(r"\n{3,}", "\n\n", text)
    card = DatasetCard(f"---\n{_data(release).to_yaml()}\n---\n{text}")
    temporary = folder / f".{README}.tmp"
    card.save(temporary)
    os.replace(temporary, folder / README)
