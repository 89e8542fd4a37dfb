"""A small search for better choices, judged on validation rows alone.

Choices are drawn at random (Bergstra and Bengio 2012, Random search for hyper-parameter optimization, JMLR 13), the
first trial being the defaults, so that a search never ends below them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from agroflux_data.errors import AgrofluxError
from agroflux_data.randomness import stream
from agroflux_data.release import Release
from baselines.models import MODELS
from baselines.recipe import Recipe
from baselines.run import TREES, Run, RunFolder, value_of

__all__ = ["Range", "Trial", "default_space", "judged", "parse_space", "plan_trials"]


@dataclass(frozen=True)
class Range:
    """Numbers between two, drawn evenly in their logarithm."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise AgrofluxError("no such range", expected="LOW:HIGH, above 0", came=f"{self.low}:{self.high}")


Space = dict[str, Range | tuple[Any, ...]]


@dataclass(frozen=True)
class Trial:
    """One set of choices and its run.

    Attributes
    ----------
    number : int
    choices : dict
        What differs from the defaults.
    run : Run
    folder : Path
    """

    number: int
    choices: dict[str, Any]
    run: Run
    folder: Path


def default_space(model: str) -> Space:
    """What is searched where the user names nothing: the step size, and the size of the model."""
    if model in TREES:
        return {"learning_rate": Range(0.02, 0.2), "leaves": (15, 31, 63, 127)}
    space: Space = {"learning_rate": Range(3e-4, 1e-2)}
    options = MODELS[model].config_class.options()
    if "hidden_size" in options:
        space["hidden_size"] = (30, 50, 100)
    if "dropout" in options:
        space["dropout"] = (0.0, 0.1, 0.2, 0.4)
    return space


def parse_space(texts: Sequence[str]) -> Space:
    """``NAME=LOW:HIGH`` or ``NAME=VALUE,VALUE,...`` texts by name; raises `AgrofluxError` for anything else."""
    space: Space = {}
    for name, text in ((text.partition("=")[0], text.partition("=")[2]) for text in texts):
        low, colon, high = text.partition(":")
        try:
            space[name] = Range(float(low), float(high)) if colon else tuple(value_of(one) for one in text.split(","))
        except ValueError:
            raise AgrofluxError("bad search", expected="NAME=LOW:HIGH or NAME=VALUE,...", came=text) from None
    return space


def plan_trials(
    release: Release,
    task: str,
    model: str,
    output: Path,
    *,
    space: Space,
    trials: int,
    draw: int,
    options: Mapping[str, Any],
    **choices: Any,
) -> list[Trial]:
    """The trials of a search, the same for the same arguments.

    Parameters
    ----------
    release : Release
    task, model : str
    output : Path
    space : dict
        What to search: options of the model or fields of the recipe.
    trials : int
    draw : int
        Seed of what is drawn.
    options, **choices
        What all trials share, as of `Run.plan`.

    Raises
    ------
    AgrofluxError
        There is nothing to validate on, or what `Run.plan` raises.
    """
    recipe = {one.name for one in fields(Recipe)} if model not in TREES else set()
    planned = []
    for number in range(trials):
        drawn = {} if number == 0 else {name: _drawn(one, draw, number, name) for name, one in space.items()}
        fields_drawn = {name: value for name, value in drawn.items() if name in recipe}
        options_drawn = {name: value for name, value in drawn.items() if name not in recipe}
        run = Run.plan(release, task, model, options={**options, **options_drawn}, **choices | fields_drawn)
        if not run.validation:
            raise AgrofluxError("nothing to tune on", expected="a task with validation rows", came=task)
        planned.append(Trial(number, drawn, run, output / f"trial-{number}"))
    return planned


def judged(trials: Sequence[Trial]) -> list[tuple[Trial, float, dict[str, dict[str, float]]]]:
    """The finished trials with their mean validation skill and metrics by target, the best first."""
    found = []
    for trial in trials:
        metrics = RunFolder(trial.folder).metrics()["metrics"]
        skills = [one["skill"] for one in metrics.values() if one["skill"] is not None]
        found.append((trial, sum(skills) / len(skills) if skills else -math.inf, metrics))
    return sorted(found, key=lambda item: -item[1])


def _drawn(one: Range | tuple[Any, ...], draw: int, number: int, name: str) -> Any:
    draws = stream(draw, "trial", number, name)
    if isinstance(one, Range):
        return float(f"{math.exp(draws.uniform(math.log(one.low), math.log(one.high))):.3g}")
    return one[int(draws.integers(len(one)))]
