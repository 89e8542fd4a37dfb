"""What the tests of submissions share: files made from the toy release, right and wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agroflux_data.release import Release, Targets
from agroflux_data.sequences import values
from submission import Metadata, write

Arrays = dict[str, np.ndarray]

TASK = "ecosys_temporal"
SHOWN = ("NEE", "GPP", "N2O")


@pytest.fixture(scope="session")
def release(toy_release: Path) -> Release:
    return Release(toy_release)


@pytest.fixture(scope="session")
def open_release(toy_open_release: Path) -> Release:
    return Release(toy_open_release)


def truth_of(release: Release, task: str, split: str = "test", targets: tuple[str, ...] = SHOWN) -> Arrays:
    """The truth of a split as predictions; NaN where nothing was observed."""
    home: Any = Targets.of(release) if release.split(task, split).hidden else release
    names = [name for name in targets if name in release.task(task).targets]
    rows = home.table(task, split, ["sequence", *names])
    return {"sequence": rows["sequence"].to_numpy()} | {name: values(rows[name]).copy() for name in names}


def metadata_for(release: Release, task: str = TASK, **changes: Any) -> Metadata:
    return replace(Metadata(task=task, revision=release.revision, model="a model"), **changes)


@pytest.fixture
def truth(release: Release) -> Arrays:
    """The hidden truth of `TASK`, to be changed by a test."""
    return truth_of(release, TASK)


@pytest.fixture
def metadata(release: Release) -> Metadata:
    return metadata_for(release)


@pytest.fixture
def perfect(truth: Arrays, metadata: Metadata, tmp_path: Path) -> Path:
    """A submission to `TASK` that is the truth itself."""
    return write(truth, tmp_path / "perfect.parquet", metadata)


@pytest.fixture
def submit(truth: Arrays, metadata: Metadata, tmp_path: Path) -> Callable[..., Path]:
    """Write the truth with some columns changed and some of the metadata."""

    def made(name: str = "file.parquet", columns: Arrays | None = None, **changes: Any) -> Path:
        return write(truth | (columns or {}), tmp_path / name, replace(metadata, **changes))

    return made
