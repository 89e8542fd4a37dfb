"""What a study keeps beside its cells: ``study.json``, which says what each folder is and what became of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.run import RunFolder
from baselines.study.cells import Cell

__all__ = ["STUDY_FILE", "Done", "StudyFolder"]

STUDY_FILE = "study.json"


@dataclass(frozen=True)
class Done:
    """What became of a cell.

    Attributes
    ----------
    seconds : float
        That it took.
    error : str or None
        Why it failed.
    """

    seconds: float
    error: str | None = None


class StudyFolder:
    """Where a study lives.

    Attributes
    ----------
    path : Path
    release : dict
        ``revision``, ``edition`` and ``scale`` of the release, and ``origins`` by task.
    cells : dict of str to Cell
        By name: those of the plan, and those of earlier plans in this folder.
    done : dict of str to Done
    """

    def __init__(self, path: Path):
        self.path = path
        self.release: dict[str, Any] = {}
        self.cells: dict[str, Cell] = {}
        self.done: dict[str, Done] = {}

    @classmethod
    def read(cls, path: Path) -> StudyFolder:
        """The study that lives in a folder.

        Raises
        ------
        AgrofluxError
            None does, or its file is damaged.
        """
        study = cls(path)
        try:
            data = json.loads((path / STUDY_FILE).read_text())
            study.release = data["release"]
            for one in data["cells"]:
                cell = Cell.from_json(one["cell"])
                study.cells[cell.name] = cell
                if one["done"] is not None:
                    study.done[cell.name] = Done(**one["done"])
        except FileNotFoundError:
            raise AgrofluxError("not a study", expected=f"a folder with {STUDY_FILE}", where=path) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AgrofluxError(
                "damaged study", expected="what agroflux-train study wrote", came=str(error), where=path / STUDY_FILE
            ) from None
        return study

    @classmethod
    def claim(cls, path: Path, cells: Sequence[Cell], release: Release, resume: bool) -> StudyFolder:
        """Take a folder for a study.

        Raises
        ------
        AgrofluxError
            Something else lives there; or a study, and `resume` is false or a cell of it is another one.
        """
        study = cls(path)
        if (path / STUDY_FILE).is_file():
            if not resume:
                raise AgrofluxError("a study lives there", expected="a new folder, or --resume", where=path)
            study = cls.read(path)
            if study.release["revision"] != release.revision:
                raise AgrofluxError(
                    "a study of another release", expected=f"revision {study.release['revision']}",
                    came=release.revision, where=path,
                )  # fmt: skip
            for cell in cells:
                new = json.loads(json.dumps(cell.to_json()))
                old = study.cells[cell.name].to_json() if cell.name in study.cells else new
                if changed := [f"{key} {new[key]} instead of {old[key]}" for key in new if old[key] != new[key]]:
                    raise AgrofluxError(
                        "another cell lives there", expected="the same choices, another label, or a new folder",
                        came=", ".join(changed), where=path / cell.name,
                    )  # fmt: skip
        elif path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise AgrofluxError("not a study", expected="a new folder, or one that a study made", where=path)
        study.release = {
            "revision": release.revision,
            "edition": str(release.edition),
            "scale": release.provenance.scale,
            "origins": {task: release.origin(task) for task in release.tasks},
        }
        study.cells |= {cell.name: cell for cell in cells}
        path.mkdir(parents=True, exist_ok=True)
        study._write()
        return study

    def finished(self, cell: Cell) -> bool:
        return RunFolder(self.path / cell.name).finished

    def keep(self, cell: Cell, done: Done) -> None:
        """Note what became of a cell."""
        self.done[cell.name] = done
        self._write()

    def _write(self) -> None:
        def done_of(name: str) -> dict[str, Any] | None:
            done = self.done.get(name)
            return None if done is None else {"seconds": round(done.seconds, 1), "error": done.error}

        cells = [{"cell": cell.to_json(), "done": done_of(name)} for name, cell in self.cells.items()]
        RunFolder(self.path).write(STUDY_FILE, {"release": self.release, "cells": cells})
