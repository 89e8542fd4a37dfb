"""The skill of baselines side by side, from the folders of their runs: models by targets, for each task."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import Progress

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.variables import VARIABLES
from baselines.predicted import label_of
from baselines.process import predict_process, process_model
from baselines.run import Run, RunFolder
from baselines.saved import ENSEMBLE_FILE, members_of
from baselines.trainer import metrics_of, reference_errors
from submission.climatology import Climatology
from submission.template import CLIMATOLOGY

__all__ = ["Line", "as_csv", "as_markdown", "collect", "references"]

_METRICS = ("n", "r2", "rmse", "mae", "bias", "skill")
_SHOWN = {"r2": "R²", "rmse": "RMSE", "skill": "skill"}


@dataclass(frozen=True)
class Line:
    """One model on one task.

    Attributes
    ----------
    model : str
    run : Run
        That made it, or of a reference, the one that it stands beside.
    seeds : tuple of int
    metrics : dict
        By target, then by metric; on the run's validation rows.
    parameters : int or None
    """

    model: str
    run: Run
    seeds: tuple[int, ...]
    metrics: Mapping[str, Mapping[str, float | None]]
    parameters: int | None

    @property
    def key(self) -> tuple[str, tuple[str, ...], str]:
        """What lines must share to be compared: task, validation splits and revision."""
        return self.run.task, self.run.validation or self.run.training, self.run.revision

    @property
    def skill(self) -> float:
        """The mean skill over targets, of those where it is defined."""
        skills = [one["skill"] for one in self.metrics.values() if one.get("skill") is not None]
        return math.fsum(skills) / len(skills) if skills else -math.inf  # type: ignore[arg-type]


def collect(paths: Iterable[Path]) -> list[Line]:
    """The lines of all finished runs and ensembles in some folders.

    Parameters
    ----------
    paths : iterable of Path
        Folders of runs or ensembles, or folders that hold such.

    Raises
    ------
    AgrofluxError
        None is there.
    """
    paths, lines = list(paths), []
    for path in paths:
        for folder in [path] if _is_line(path) else sorted(one for one in path.glob("*") if _is_line(one)):
            runs = [RunFolder(one).read() for one in members_of(folder)]
            if not (folder / "metrics.json").is_file() or not runs or None in runs:
                continue  # unfinished
            metrics = RunFolder(folder).metrics()
            first = runs[0]
            assert first is not None
            name = label_of(first) if len(runs) == 1 else f"{label_of(first)}, {len(runs)} seeds"
            seeds = tuple(run.recipe.seed for run in runs if run is not None)
            lines.append(Line(name, first, seeds, metrics["metrics"], metrics["parameters"]))
    if not lines:
        raise AgrofluxError("no finished runs", expected="folders of runs, or one that holds them", where=paths[0])
    return lines


def _is_line(folder: Path) -> bool:
    return (folder / "run.json").is_file() or (folder / ENSEMBLE_FILE).is_file()


def references(lines: Sequence[Line], release: Release, names: Sequence[str], bar: Progress) -> list[Line]:
    """What is not learned, on the rows of the lines: the climatology and process models.

    Parameters
    ----------
    lines : sequence of Line
    release : Release
        Of the runs.
    names : sequence of str
        ``climatology`` and some of `PROCESS_MODELS`.
    bar : rich.progress.Progress

    Raises
    ------
    AgrofluxError
        Another release, or what `predict_process` raises.
    """
    found = []
    for line in {line.key: line for line in lines}.values():
        task, splits, revision = line.key
        if revision != release.revision:
            raise AgrofluxError("another release", expected=f"revision {revision}", came=release.revision)
        rows = Arrays.read(Columns.of(release, task, splits, (), line.run.targets))
        usual = reference_errors(rows, line.run.training)
        for name in names:
            predicted: dict[str, list] = {}
            for split in splits:
                if name == CLIMATOLOGY:
                    own = Climatology.fit(release, task, line.run.training).predict(release, task, split)
                else:
                    own = predict_process(process_model(name), release, task, split, bar)
                for target, flux in own.items():
                    predicted.setdefault(target, []).extend(flux)
            metrics = {
                target: metrics_of(rows.labels[:, number], np.stack(predicted[target]), usual.get(target, math.nan))
                for number, target in enumerate(line.run.targets)
                if target in predicted
            }
            size = len(metrics) * 2 * rows.labels.shape[-1] if name == CLIMATOLOGY else 0
            found.append(Line(name, line.run, (), metrics, size))
    return found


def as_markdown(lines: Sequence[Line], release: Release | None, command: str) -> str:
    """A table for each task: models by mean skill, with R2, RMSE and skill of each target.

    Parameters
    ----------
    lines : sequence of Line
    release : Release, optional
        Says at which scale it was built.
    command : str
        What makes this text.
    """
    parts = []
    for key in dict.fromkeys(line.key for line in lines):
        task, splits, revision = key
        own = sorted((line for line in lines if line.key == key), key=lambda line: -line.skill)
        run = own[0].run
        targets = list(dict.fromkeys(target for line in own for target in line.metrics))
        scale = f", scale {release.provenance.scale}" if release is not None and release.provenance.scale else ""
        head = ["model", "parameters", *(f"{target} {shown}" for target in targets for shown in _SHOWN.values())]
        parts += [
            f"## {task}",
            "",
            f"Validation on `{'+'.join(splits)}`, trained on `{'+'.join(run.training)}`;"
            f" origin **{run.origin}**{scale}, revision `{revision}`. RMSE in "
            + ", ".join(f"{VARIABLES[target].unit} ({target})" for target in targets)
            + ". Skill is 1 - MSE / MSE of the climatology.",
            "",
            "| " + " | ".join(head) + " |",
            "|" + "|".join(["---", *["---:"] * (len(head) - 1)]) + "|",
        ]
        for line in own:
            cells = [line.model, "-" if line.parameters is None else f"{line.parameters:,}"]
            for target in targets:
                scores = line.metrics.get(target, {})
                cells += [_cell(scores.get(metric), metric) for metric in _SHOWN]
            parts.append("| " + " | ".join(cells) + " |")
        parts.append("")
    return "\n".join([*parts, f"Made by `{command}`.", ""])


def _cell(value: float | None, metric: str) -> str:
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.3g}" if metric == "rmse" else f"{round(value, 3) + 0.0:.3f}"  # no negative zeros


def as_csv(lines: Sequence[Line]) -> str:
    """The same in long form: a line for each task, model and target."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ("task", "validation", "origin", "revision", "model", "seeds", "parameters", "target", "unit")
    writer.writerow([*head, *_METRICS])
    for line in lines:
        task, splits, revision = line.key
        for target, scores in line.metrics.items():
            numbers = ["" if scores.get(metric) is None else f"{scores[metric]:.6g}" for metric in _METRICS]
            writer.writerow(
                [task, "+".join(splits), line.run.origin, revision, line.model, " ".join(map(str, line.seeds)),
                 line.parameters, target, VARIABLES[target].unit, *numbers]
            )  # fmt: skip
    return text.getvalue()
