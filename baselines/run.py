"""A training run: the choices that decide its result, and the folder that keeps all it made."""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.splits import Edition
from agroflux_data.tasks import TASKS
from agroflux_data.variables import GROUPS
from baselines.models import FluxConfig
from baselines.models.registry import MODELS
from baselines.recipe import Recipe, TreeRecipe
from baselines.transfer.fine_tuning import moving
from baselines.transfer.matching import check_options, kind_of, matched_inputs, pretrained
from baselines.transfer.plan import Transfer, check_sources

__all__ = [
    "CONSTRAINTS",
    "LEARNED",
    "QUANTILES",
    "TREES",
    "Run",
    "RunFolder",
    "choose_inputs",
    "choose_splits",
    "choose_targets",
    "value_of",
]

TREES = ("xgboost", "lightgbm")
"""Boosted trees, by the name that the command knows."""
LEARNED = (*MODELS, *TREES)
"""Everything that can be fitted."""
CONSTRAINTS = ("carbon_closure", "non_negative_gpp")
"""Options of every network: weights of physical constraints in its loss."""
QUANTILES = "quantiles"
"""An option of every network: the levels of the quantiles that it gives."""
_ENCODER = 0.3
"""What the layers of a pretrained network move by, of the learning rate of its head."""


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
        The fold of a spatial task that the model never sees, to be tested on.
    inputs, targets : tuple of str
    recipe : Recipe or TreeRecipe
    options : dict
        Of a network's architecture, such as ``hidden_size``, weights of constraints, and levels of quantiles.
    transfer : Transfer or None
        The pretrained network that it starts from; None where it starts from nothing.
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
    recipe: Recipe | TreeRecipe
    options: dict[str, Any] = field(default_factory=dict)
    transfer: Transfer | None = None

    @classmethod
    def plan(
        cls,
        release: Release,
        task: str,
        model: str,
        *,
        inputs: str = "all",
        targets: str = "ranked",
        hold_out: str | None = None,
        left_out: str | None = None,
        options: Mapping[str, Any] | None = None,
        transfer: Transfer | None = None,
        **chosen: Any,
    ) -> Run:
        """The run that follows from what a user chose, and from the data where they did not.

        Parameters
        ----------
        release : Release
        task, model : str
        inputs, targets : str
            As of `choose_inputs` and `choose_targets`.
        hold_out, left_out : str, optional
            As of `choose_splits`.
        options : mapping, optional
            Of a network's architecture; of trees, fields of their recipe.
        transfer : Transfer, optional
            The pretrained network to start from, which has to be finished. Its inputs, and without training its
            targets, are those of the run.
        **chosen
            Fields of the recipe.

        Raises
        ------
        AgrofluxError
            No such task, model, column, split, field or option, or a pretrained network that does not fit.
        """
        if model not in LEARNED:
            raise AgrofluxError("unknown model", expected="one of " + ", ".join(LEARNED), came=model)
        training, validation, tested = choose_splits(release, task, hold_out, left_out)
        wanted = choose_targets(release, task, training, targets)
        rows = sum(release.split(task, split).rows for split in training)
        given = dict(options or {})
        kind: type[Recipe] | type[TreeRecipe] = Recipe
        if model in TREES:
            if transfer is not None:
                raise AgrofluxError(
                    "trees have no layers to transfer", expected="one of " + ", ".join(MODELS), came=model
                )
            chosen, given, kind = chosen | given, {}, TreeRecipe
        else:
            names = (*MODELS[model].config_class.options(), *CONSTRAINTS, QUANTILES)
            if unknown := [name for name in given if name not in names]:
                raise AgrofluxError(
                    f"{model} has no such option", expected="some of " + ", ".join(names), came=", ".join(unknown)
                )
            if strange := [name for name in chosen.get("weights") or () if name not in wanted]:
                raise AgrofluxError(
                    "weights of other targets", expected="some of " + ", ".join(wanted), came=", ".join(strange)
                )
        read = choose_inputs(release, task, inputs)
        if transfer is not None:
            chosen["adapted"] = True
        recipe = kind.for_rows(rows, model=model, validated=bool(validation), **chosen)
        if transfer is not None:
            network = pretrained(transfer.source)
            moving(network, transfer.layers)  # refuses what it does not have
            source = network.config
            transfer = _planned(transfer, source, release, task, model, recipe)
            check_options(source, given, as_it_is=transfer.method == "none")
            read = matched_inputs(source, read, task)
            if transfer.method == "none":
                wanted = _known_targets(source, wanted, targets)
        return cls(
            task=task,
            model=model,
            revision=release.revision,
            origin=release.origin(task),
            training=training,
            validation=validation,
            left_out=tested,
            inputs=read,
            targets=wanted,
            recipe=recipe,
            options=given,
            transfer=transfer,
        )

    def rows(self, release: Release, splits: Sequence[str]) -> Columns:
        """The rows of some splits with this run's columns."""
        return Columns.of(release, self.task, splits, self.inputs, self.targets)

    def to_json(self) -> dict[str, Any]:
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Run:
        lists = {name: tuple(data[name]) for name in ("training", "validation", "inputs", "targets")}
        kind = TreeRecipe if data["model"] in TREES else Recipe
        transfer = Transfer.from_json(data["transfer"]) if data.get("transfer") else None
        return cls(**data | lists | {"recipe": kind(**data["recipe"]), "transfer": transfer})


def _planned(
    transfer: Transfer, source: FluxConfig, release: Release, task: str, model: str, recipe: Recipe | TreeRecipe
) -> Transfer:
    """A transfer with what is known of its source, which has to be a network of the run's kind and of other rows."""
    kind = kind_of(source)
    if kind != model:
        raise AgrofluxError("the pretrained network is another model", expected=model, came=kind, where=transfer.source)
    check_sources(source.task, task)
    known = TASKS.get(source.task or "")
    if transfer.method == "adversarial":
        if known is None:
            raise AgrofluxError(
                "no source task", expected="a network that names the task it was fitted to", where=transfer.source
            )
        for split in source.training_splits:
            release.split(known.name, split)
    rate = transfer.encoder_learning_rate
    return replace(
        transfer,
        encoder_learning_rate=_ENCODER * recipe.learning_rate if rate is None else rate,
        source_task=source.task,
        source_splits=tuple(source.training_splits),
    )


def _known_targets(source: FluxConfig, wanted: tuple[str, ...], asked: str) -> tuple[str, ...]:
    """The targets that a network predicts as it is; what was asked for by name has to be among them."""
    named = {word.strip() for word in asked.split(",")}
    found = tuple(name for name in wanted if name in source.targets)
    if not found or (named & set(wanted)) - set(found):
        raise AgrofluxError(
            "targets that the pretrained network does not know", expected="some of " + ", ".join(source.targets),
            came=", ".join(wanted),
        )  # fmt: skip
    return found


def choose_splits(
    release: Release, task: str, hold_out: str | None = None, left_out: str | None = None
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
    left_out : str, optional
        The fold that is tested on, where it is not that of the edition: `validation` is then the fold after it.
    """
    has = release.splits(task)
    training = [name for name in release.task(task).training_splits(release.edition) if name in has]
    for asked in (hold_out, left_out):
        if asked is not None and asked not in training:
            raise AgrofluxError("no such training split", expected="one of " + ", ".join(training), came=asked)
    folds = [name for name in training if name.startswith("fold_")]
    if left_out is not None and hold_out is None and left_out in folds:
        hold_out = folds[(folds.index(left_out) + 1) % len(folds)]
    if hold_out is None and "validation" in has:
        validation: tuple[str, ...] = ("validation",)
    elif hold_out is not None:
        validation = (hold_out,)
    else:
        validation = (folds[-1],) if len(training) > 1 and folds else ()
    if folds and left_out is None and release.edition is Edition.OPEN:
        left_out = next((name for name in folds if name not in validation), None)
    training = [name for name in training if name not in validation and name != left_out]
    if not training:
        raise AgrofluxError(f"no training rows left for {task}", expected="another split to hold out", came=hold_out)
    return tuple(training), validation, left_out


def choose_inputs(release: Release, task: str, asked: str) -> tuple[str, ...]:
    """The inputs that ``core`` (those of the paper's eleven that the release has), ``all`` or names stand for."""
    known = release.task(task)
    if asked in ("core", "all"):
        return known.core_inputs if asked == "core" else known.inputs
    names = tuple(name.strip() for name in asked.split(","))
    if lacking := [name for name in names if name not in known.inputs]:
        raise AgrofluxError(
            f"no such input of {task}", expected="core, all, or some of " + ", ".join(known.inputs),
            came=", ".join(lacking),
        )  # fmt: skip
    return names


def choose_targets(release: Release, task: str, training: Iterable[str], asked: str) -> tuple[str, ...]:
    """The targets that ``ranked``, ``all``, a group of outputs or a name stands for, or several with commas between.

    Of what stands for several, what was never observed in the training rows is left out; a name that is asked for
    must be there.
    """
    known = release.task(task)
    moments = release.statistics(task, training)
    several = {"ranked": known.ranked_targets, "all": known.targets} | {
        group: tuple(name for name in names if name in known.targets) for group, names in GROUPS.items()
    }
    chosen: dict[str, None] = {}
    for word in (part.strip() for part in asked.split(",")):
        found = [name for name in several.get(word, ()) if name in moments and moments[name].n > 0]
        if word in several and not found:
            raise AgrofluxError(
                f"{task} has no {word} target with training data", expected=", ".join(several[word]) or "any"
            )
        chosen |= dict.fromkeys(found or [word])
    return tuple(chosen)


_DISTRIBUTIONS = (
    "agroflux", "torch", "transformers", "accelerate", "numpy", "pyarrow", "xgboost-cpu", "xgboost", "lightgbm",
)  # fmt: skip


def _versions() -> dict[str, str]:
    """Of what decides a result; XGBoost comes as either of two distributions."""
    found = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def value_of(text: str) -> Any:
    """What a text of the command line stands for: a number, true, false, or itself.

    >>> value_of("0.1"), value_of("true"), value_of("linear")
    (0.1, True, 'linear')
    """
    try:
        return json.loads(text)
    except ValueError:
        return text


class RunFolder:
    """Where a run lives and what it leaves.

    ``run.json``, the model (``config.json``, ``model.safetensors`` and the code of networks; ``trees.json`` and a
    file for each target of trees), ``log.json``, ``curves.png``, ``sites.csv`` where it was tested and, last of all,
    ``metrics.json``; while it lasts ``checkpoints``.

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
    def source(self) -> Path:
        """Where the run lies that pretrained what this one adapts, if it was made for it."""
        return self.path / "source"

    @property
    def finished(self) -> bool:
        """``metrics.json`` is written last."""
        return (self.path / "metrics.json").is_file()

    def read(self) -> Run | None:
        """The run that lives here, or None where nothing does; raises `AgrofluxError` for anything else."""
        path = self.path / "run.json"
        if not path.is_file():
            if self.path.exists() and not (self.path.is_dir() and set(self.path.iterdir()) <= {self.source}):
                raise AgrofluxError("not a run", expected="a new folder, or one that a run made", where=self.path)
            return None
        try:
            return Run.from_json(json.loads(path.read_text())["run"])
        except (ValueError, KeyError, TypeError) as error:
            raise AgrofluxError("damaged run", expected="what a run wrote", came=str(error), where=path) from None

    def claim(self, run: Run, resume: bool) -> bool:
        """Whether there is anything left to do for a run in this folder.

        Raises
        ------
        AgrofluxError
            Something else lives there, or this very run, and `resume` is false.
        """
        before = self.read()
        if before is None:
            return True
        if not resume:
            raise AgrofluxError("a run lives there", expected="a new folder, or --resume", where=self.path)
        if before != run:
            old, new = before.to_json(), run.to_json()
            raise AgrofluxError(
                "another run lives there", expected="the same choices, or a new folder",
                came=", ".join(f"{key} {new[key]} instead of {old[key]}" for key in new if old[key] != new[key]),
                where=self.path,
            )  # fmt: skip
        return not self.finished

    def metrics(self) -> dict[str, Any]:
        """What ``metrics.json`` of a finished run says; raises `AgrofluxError` where there is none."""
        try:
            return json.loads((self.path / "metrics.json").read_text())
        except (OSError, ValueError):
            raise AgrofluxError("not a finished run", expected="a folder with metrics.json", where=self.path) from None

    def begin(self, run: Run) -> None:
        """Write ``run.json``: the choices, and the versions of what matters."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.write("run.json", {"run": run.to_json(), "versions": _versions()})

    def write(self, name: str, data: object) -> None:
        """A JSON file that appears whole or not at all; NaN becomes null."""
        self.write_text(name, json.dumps(_without_nan(data), indent=1, allow_nan=False) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """A file that appears whole or not at all."""
        temporary = self.path / f".{name}.tmp"
        temporary.write_text(text)
        os.replace(temporary, self.path / name)


def _without_nan(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_without_nan(value) for value in data]
    return None if isinstance(data, float) and math.isnan(data) else data
