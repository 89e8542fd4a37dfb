"""The cells of a study: what each runs, which folder it has, and which cell must be there before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.tasks import Task
from baselines.cross_validation import folds_of
from baselines.recipe import Recipe, TreeRecipe
from baselines.run import TREES, Run
from baselines.study.plan import REFERENCES, SCRATCH, Contestant, StudyPlan
from baselines.transfer.plan import Transfer

__all__ = ["Cell", "cells_of"]

_OBSERVED = ("towers", "mesocosm")


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Attributes
    ----------
    name : str
        Its folder below that of the study: ``towers_spatial/lstm/finetune-ecosys_temporal/fold_0/seed-0``.
    task, model, label : str
    method : str
        ``scratch``, or a method of transfer.
    source : str or None
        The task that its network was pretrained on.
    pretrained : str or None
        The name of the cell that trains that network.
    fold : str or None
        Of a spatial task: it is left out and tested on.
    seed : int or None
        None for what is not learned.
    inputs, targets : str
        As of `Run.plan`.
    options, recipe, transfer : dict
        Of the architecture, the recipe and the transfer: what was chosen.
    """

    name: str
    task: str
    model: str
    label: str
    method: str = SCRATCH
    source: str | None = None
    pretrained: str | None = None
    fold: str | None = None
    seed: int | None = None
    inputs: str = "all"
    targets: str = "ranked"
    options: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    transfer: dict[str, Any] = field(default_factory=dict)

    @property
    def learned(self) -> bool:
        return self.model not in REFERENCES

    def plan(self, release: Release, study: Path) -> Run:
        """The run of a learned model; where it transfers, the cell of its pretrained network must be finished."""
        chosen: dict[str, Any] = dict(self.recipe)
        if self.pretrained is not None:
            given: dict[str, Any] = {
                key: tuple(value) if key == "layers" else value for key, value in self.transfer.items()
            }
            chosen["transfer"] = Transfer(method=self.method, source=str(study / self.pretrained), **given)
        return Run.plan(
            release, self.task, self.model, inputs=self.inputs, targets=self.targets, left_out=self.fold,
            options=self.options, seed=self.seed, **chosen,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Cell:
        return cls(**{one.name: data[one.name] for one in fields(cls)})


def cells_of(plan: StudyPlan, release: Release) -> list[Cell]:
    """Every cell of a plan, each after the one that it needs; of all seeds the first comes first.

    Networks are transferred to observations alone: what a simulation teaches of another is not asked. The network
    that all runs of one model, source and seed start from is a cell like any other, trained once: where the plan
    compares models on that source too, the very same.

    Parameters
    ----------
    plan : StudyPlan
    release : Release

    Raises
    ------
    AgrofluxError
        The release lacks a task, a fold, a target or an input, or a choice that no run can have.
    """
    found: dict[str, Cell] = {}
    seeds: list[int | None] = [None, *plan.seeds]
    for seed in seeds:
        own = [model for model in plan.models if (model.model in REFERENCES) == (seed is None)]
        for targets in plan.targets:
            for task in plan.tasks:
                for model in own:
                    for method in (method for method in plan.methods if method in model.methods):
                        for cell in _of_method(plan, release, task, model, method, seed, targets):
                            found.setdefault(cell.name, cell)
    if not found:
        raise AgrofluxError("an empty study", expected="towers or mesocosm tasks among those to transfer to")
    _check(list(found.values()), release)
    return list(found.values())


def _of_method(
    plan: StudyPlan, release: Release, task: str, model: Contestant, method: str, seed: int | None, targets: str
) -> list[Cell]:
    """The cells of all folds, and before them those of the networks that they start from."""
    if method == SCRATCH:
        return [_scratch(plan, task, model, fold, seed, targets) for fold in _folds(plan, release, task)]
    if Task.from_name(task).source not in _OBSERVED:
        return []
    found = []
    for source in plan.sources:
        first = _folds(plan, release, source)[0]
        start = seed if plan.source_seed is None else plan.source_seed
        pretrained = _scratch(plan, source, model, first, start, targets)
        found.append(pretrained)
        moved = {key: value for key, value in plan.transfer.items() if key not in _names(Recipe)}
        for fold in _folds(plan, release, task):
            cell = replace(
                _scratch(plan, task, model, fold, seed, targets),
                name=_name(task, model, f"{method}-{source}", targets, fold, seed), method=method, source=source,
                pretrained=pretrained.name, transfer=moved,
            )  # fmt: skip
            recipe = cell.recipe | {key: value for key, value in plan.transfer.items() if key not in moved}
            found.append(replace(cell, recipe=recipe))
    return found


def _scratch(plan: StudyPlan, task: str, model: Contestant, fold: str | None, seed: int | None, targets: str) -> Cell:
    recipe: dict[str, Any] = {}
    if model.model not in REFERENCES:
        known = _names(TreeRecipe if model.model in TREES else Recipe)
        recipe = model.recipe | {key: value for key, value in plan.recipes.get(task, {}).items() if key in known}
    return Cell(
        name=_name(task, model, SCRATCH, targets, fold, seed), task=task, model=model.model, label=model.label,
        fold=fold, seed=seed, inputs=plan.inputs, targets=targets, options=model.options, recipe=recipe,
    )  # fmt: skip


def _name(task: str, model: Contestant, method: str, targets: str, fold: str | None, seed: int | None) -> str:
    parts = [task, model.folder, method if model.model not in REFERENCES else None]
    parts += [targets.replace(",", "-") if targets != "ranked" else None, fold]
    parts.append(None if seed is None else f"seed-{seed}")
    return "/".join(part for part in parts if part)


def _folds(plan: StudyPlan, release: Release, task: str) -> Sequence[str | None]:
    if release.task(task).scenario == "temporal":
        return [None]
    folds = folds_of(release, task)
    for fold in plan.folds or ():
        if fold not in folds:
            raise AgrofluxError(f"{task} has no such fold", expected="one of " + ", ".join(folds), came=fold)
    return plan.folds or folds


def _names(kind: type[Recipe] | type[TreeRecipe]) -> set[str]:
    return {one.name for one in fields(kind)}


def _check(cells: Sequence[Cell], release: Release) -> None:
    """Plan what can be planned before the hours of work: all but the transfer itself."""
    seen = set()
    for cell in cells:
        key = (cell.task, cell.label, cell.targets, cell.fold, cell.method)
        if cell.learned and key not in seen:
            seen.add(key)
            replace(cell, pretrained=None).plan(release, Path())
