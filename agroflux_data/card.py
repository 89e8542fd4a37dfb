"""The dataset card of a release, README.md: the YAML that `load_dataset` reads, and tables of what is inside."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

from datasets import DatasetInfo, SplitDict, SplitInfo
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard, DatasetCardData

from agroflux_data.release import Release
from agroflux_data.shards import Shard
from agroflux_data.splits import Edition
from agroflux_data.variables import VARIABLES

__all__ = ["README", "renamed", "write"]

README = "README.md"
_FLOAT, _KEYS_BYTES = 4, 40

_EDITIONS = {
    Edition.SEALED: """This is a **sealed** release. Each source is cut as a matrix of sites and years, and the
outputs of the hidden cells are NaN here; a leaderboard holds them. Q are the sites of fold 4, P the others, late years
are the test years.

|         | early years                           | late years             |
|---------|---------------------------------------|------------------------|
| P sites | public: train, validation, fold_0..3  | hidden: temporal test  |
| Q sites | hidden: spatial test                  | hidden: spatial test   |

No (source, site, treatment, year) of the hidden set has an output value anywhere in this repository.""",
    Edition.OPEN: """This is an **open** release: the paper's protocol, every target public. Its splits leak into
each other: a spatial fold trains on the years that the temporal test hides. Train for fold 0 with
`split="fold_1+fold_2+fold_3+fold_4"`, and so on.""",
}


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


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
    data = DatasetCardData(
        pretty_name="AgroFlux",
        license="cc-by-4.0",
        task_categories=["time-series-forecasting", "tabular-regression"],
        tags=["agriculture", "carbon", "nitrous-oxide", "eddy-covariance", "climate", "benchmark"],
        size_categories=[_size(sum(shard.rows for name in release.tasks for shard in _shards(release, name)))],
    )
    _infos(release).to_dataset_card_data(data)
    _configs(release).to_dataset_card_data(data)
    return data


def _size(rows: int) -> str:
    for bound, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")):
        if rows < bound:
            return name
    return "1M<n<10M"


def _text(release: Release) -> dict[str, str]:
    made = release.provenance
    columns = {name for task in release.tasks for name in (*release.task(task).inputs, *release.task(task).targets)}
    return {
        "example": release.tasks[0],
        "version": str(release.version),
        "revision": release.revision,
        "edition": _EDITIONS[release.edition],
        "summary": f"**Origin of the numbers: {', '.join(sorted({s.origin for s in made.sources.values()}))}.** "
        f"{len(release.tasks)} tasks, {release.edition} edition, seed {made.seed}"
        + (f", scale {made.scale}." if made.scale else "."),
        "origins": _table(
            ("source", "origin", "made from", "sites", "years"),
            (
                (name, source.origin, source.content, len(source.folds), f"{source.years.first}-{source.years.last}")
                for name, source in made.sources.items()
            ),
        ),
        "warnings": "\n".join(
            f"- {name}: {warning}" for name, source in made.sources.items() for warning in source.warnings
        ),
        "variables": _table(
            ("column", "unit", "meaning", "tasks"),
            (
                (f"`{name}`", variable.unit, variable.description, _having(release, name))
                for name, variable in VARIABLES.items()
                if name in columns
            ),
        ),
        "splits": _table(
            ("task", "split", "sequences", "sites", "years", "targets", "MB"),
            (
                (
                    f"`{name}`", f"`{split}`", record.rows, record.sites, f"{record.first_year}-{record.last_year}",
                    "hidden" if record.hidden else "public", f"{sum(s.bytes for s in record.shards) / 1e6:.2f}",
                )
                for name in release.tasks
                for split, record in release.splits(name).items()
            ),
        ),
    }  # fmt: skip


def _having(release: Release, column: str) -> str:
    having = [n for n in release.tasks if column in (*release.task(n).inputs, *release.task(n).targets)]
    if len(having) == len(release.tasks):
        return "all"
    return ", ".join(sorted({release.task(name).source for name in having}))


def renamed(card: str, name: str) -> str:
    """The text of a card for a release that is known under another name: what it says to load.

    >>> renamed('load_dataset("agroflux", "towers_temporal")', "fluxes/agroflux")
    'load_dataset("fluxes/agroflux", "towers_temporal")'
    """
    return re.sub(r'(?<=load_dataset\(")[^"]+(?=")', name, card)


def write(folder: Path, name: str) -> None:
    """Write README.md of the release in ``folder``, known as ``name``, from the template ``dataset_card.md``."""
    release = Release(folder)
    template = Template(files("agroflux_data").joinpath("dataset_card.md").read_text(encoding="utf-8"))
    card = DatasetCard(f"---\n{_data(release).to_yaml()}\n---\n{template.substitute(_text(release), name=name)}")
    temporary = folder / f".{README}.tmp"
    card.save(temporary)
    os.replace(temporary, folder / README)
