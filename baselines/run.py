"""A training run: the choices that decide its result, and the folder that keeps all it made."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.splits import Edition

__all__ = ["Recipe", "Run", "RunFolder", "choose_inputs", "choose_splits", "choose_targets"]


@dataclass(frozen=True)
class Recipe:
    """How a model is fitted.

    Attributes
    ----------
    epochs : int
        Passes over the training rows, at most.
    batch_size : int
    learning_rate : float
        Its peak: it rises over the first twentieth of the steps and falls to zero along a cosine.
    patience : int or None
        Epochs without a better validation after which training ends; None without validation rows.
    seed : int
        Of the first weights, dropout and the order of the rows.
    input_noise : float
        Spread of the noise on normalised inputs.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int | None
    seed: int
    input_noise: float = 0.0

    @classmethod
    def for_rows(
        cls,
        rows: int,
        *,
        validated: bool,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        seed: int = 0,
    ) -> Recipe:
        """The recipe for some number of training rows, where the user has not chosen.

        The paper trains on tens of thousands of rows with batches of 256 and Adam at 1e-3. What a recurrent model
        needs is steps, about `_STEPS` of them: fewer rows get smaller batches, more epochs and larger steps. A few
        years of one tower without validation are learned by heart soon: they get few epochs and noisy inputs.
        """
        size = batch_size or next((size for size in (8, 16, 32, 64, 128) if rows <= 32 * size), 256)
        steps = -(-rows // size)
        by_heart = not validated and rows < _FEW_ROWS
        passes = epochs or min(max(round(_STEPS / steps), 10), 150 if by_heart else 300)
        return cls(
            epochs=passes,
            batch_size=size,
            learning_rate=learning_rate or (1e-3 if size >= 256 else 3e-3),
            patience=max(5, passes // 4) if validated else None,
            seed=seed,
            input_noise=1.0 if by_heart else 0.0,
        )


_STEPS = 900
_FEW_ROWS = 32


@dataclass(frozen=True)
class Run:
    """Every choice that decides what a run makes.

    Attributes
    ----------
    task, model : str
    revision, origin : str
        Of the release.
    training, validation : tuple of str
        Splits; without validation the last epoch is kept.
    left_out : str or None
        The fold of an open spatial task that the model never sees, to be tested on.
    inputs, targets : tuple of str
    recipe : Recipe
    """

    task: str
    model: str
    revision: str
    origin: str
    training: tuple[str, ...]
    validation: tuple[str, ...]
    left_out: str | None
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    recipe: Recipe

    def rows(self, release: Release, splits: Sequence[str]) -> Columns:
        """The rows of some splits with this run's columns."""
        return Columns.of(release, self.task, splits, self.inputs, self.targets)

    def to_json(self) -> dict[str, Any]:
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Run:
        lists = {name: tuple(data[name]) for name in ("training", "validation", "inputs", "targets")}
        return cls(**data | lists | {"recipe": Recipe(**data["recipe"])})


def choose_splits(
    release: Release, task: str, hold_out: str | None = None
) -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
    """Training splits, validation splits, and the fold that is left out to be tested on.

    A temporal task has its validation years. A spatial task holds one of its training folds out, by default the
    last. In the open edition, where every fold is tested once, the first fold other than that is left out.

    Parameters
    ----------
    release : Release
    task : str
    hold_out : str, optional
        The training split to validate on.
    """
    has = release.splits(task)
    training = [name for name in release.task(task).training_splits(release.edition) if name in has]
    if hold_out is not None and hold_out not in training:
        raise AgrofluxError("no such training split", expected="one of " + ", ".join(training), came=hold_out)
    folds = [name for name in training if name.startswith("fold_")]
    left_out = None
    if hold_out is None and "validation" in has:
        validation: tuple[str, ...] = ("validation",)
    elif hold_out is not None:
        validation = (hold_out,)
    else:
        validation = (folds[-1],) if len(training) > 1 and folds else ()
    if folds and release.edition is Edition.OPEN:
        left_out = next((name for name in folds if name not in validation), None)
    training = [name for name in training if name not in validation and name != left_out]
    if not training:
        raise AgrofluxError(f"no training rows left for {task}", expected="another split to hold out", came=hold_out)
    return tuple(training), validation, left_out


def choose_inputs(release: Release, task: str, asked: str) -> tuple[str, ...]:
    """The inputs that ``core`` (those of the paper's eleven that the release has) or ``all`` stands for."""
    known = release.task(task)
    return known.core_inputs if asked == "core" else known.inputs


def choose_targets(release: Release, task: str, training: Iterable[str], asked: str) -> tuple[str, ...]:
    """The targets that ``ranked``, ``all`` or a list of names stands for.

    Of the first two, what was never observed in the training rows is left out; a name that is asked for must be
    there.
    """
    known = release.task(task)
    if asked not in ("ranked", "all"):
        return tuple(name.strip() for name in asked.split(","))
    moments = release.statistics(task, training)
    wanted = known.ranked_targets if asked == "ranked" else known.targets
    chosen = tuple(name for name in wanted if name in moments and moments[name].n > 0)
    if not chosen:
        raise AgrofluxError(f"{task} has no {asked} target with training data", expected=", ".join(wanted) or "any")
    return chosen


class RunFolder:
    """Where a run lives and what it leaves.

    ``run.json``, the model (``config.json``, ``model.safetensors``), ``log.json``, ``curves.png`` and, last of all,
    ``metrics.json``; while it lasts ``checkpoints`` and, for rows that memory cannot hold, ``arrays``.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path):
        self.path = path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def arrays(self) -> Path:
        """Where training rows are kept that memory cannot hold."""
        return self.path / "arrays"

    @property
    def finished(self) -> bool:
        """``metrics.json`` is written last."""
        return (self.path / "metrics.json").is_file()

    def read(self) -> Run | None:
        """The run that lives here, or None where nothing does; raises `AgrofluxError` for anything else."""
        path = self.path / "run.json"
        if not path.is_file():
            if self.path.exists() and not (self.path.is_dir() and set(self.path.iterdir()) <= {self.arrays}):
                raise AgrofluxError("not a run", expected="a new folder, or one that a run made", where=self.path)
            return None
        try:
            return Run.from_json(json.loads(path.read_text())["run"])
        except (ValueError, KeyError, TypeError) as error:
            raise AgrofluxError("damaged run", expected="what a run wrote", came=str(error), where=path) from None

    def begin(self, run: Run) -> None:
        """Write ``run.json``: the choices, and the versions of what matters."""
        self.path.mkdir(parents=True, exist_ok=True)
        versions = {name: version(name) for name in ("agroflux", "torch", "transformers", "numpy", "pyarrow")}
        self.write("run.json", {"run": run.to_json(), "versions": versions})

    def write(self, name: str, data: object) -> None:
        """A JSON file that appears whole or not at all; NaN becomes null."""
        temporary = self.path / f".{name}.tmp"
        temporary.write_text(json.dumps(_without_nan(data), indent=1, allow_nan=False) + "\n")
        os.replace(temporary, self.path / name)


def _without_nan(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_without_nan(value) for value in data]
    return None if isinstance(data, float) and math.isnan(data) else data
