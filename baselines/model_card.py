"""The card of a published model: what it is, what it was fitted to, how good it is, and how to make it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResultEntry, ModelCardData, eval_result_entries_to_yaml

from agroflux_data.origins import ORIGINS
from agroflux_data.variables import EXTENDED_INPUTS, VARIABLES
from baselines.evaluation import headings
from baselines.fitted import Network
from baselines.run import QUANTILES, TREES, Run, RunFolder
from baselines.saved import Saved
from baselines.transfer.plan import Transfer

__all__ = ["card", "command_of", "eval_results", "mean_skill"]

_NAMES = {"epochs", "batch_size", "learning_rate", "patience", "seed", "accumulation", "input_noise"}
_SWITCHES = {"bf16", "compile", "streaming"}


def command_of(run: Run) -> str:
    """The command that makes a run again, where the release lies at hand."""
    recipe: dict[str, Any] = asdict(run.recipe)
    words = ["agroflux-train", "run", "--task", run.task, "--model", run.model]
    if run.transfer is not None:
        words = [*_transfer_words(run.task, run.transfer), "--model", run.model]
    words += ["--inputs", "all" if set(run.inputs) & set(EXTENDED_INPUTS) else "core"]
    words += ["--targets", ",".join(run.targets)]
    if run.validation and run.validation != ("validation",):
        words += ["--hold-out", run.validation[0]]
    settings = dict(run.options)
    for name, value in recipe.items():
        if name in _SWITCHES:
            words += [f"--{name}"] if value else []
        elif name == "weights":
            words += ["--weights", ",".join(f"{one}={weight:g}" for one, weight in value.items())] if value else []
        elif name in _NAMES and value is not None:
            words += ["--" + name.replace("_", "-"), f"{value}"]
        elif run.model in TREES and value is not None:
            settings[name] = value
    if levels := settings.pop(QUANTILES, None):
        words += ["--quantiles", ",".join(f"{level:g}" for level in levels)]
    for name, value in settings.items():
        words += ["--set", f"{name}={value}"]
    return shlex.join(words)


def _transfer_words(task: str, transfer: Transfer) -> list[str]:
    words = ["agroflux-train", "transfer", "--from", transfer.source, "--to", task, "--method", transfer.method]
    if transfer.method == "none":
        return words
    words += ["--layers", ",".join(transfer.layers), "--warm-up", f"{transfer.warm_up:g}"]
    words += ["--encoder-learning-rate", f"{transfer.encoder_learning_rate:g}"]
    return words + (["--domain-weight", f"{transfer.domain_weight:g}"] if transfer.method == "adversarial" else [])


def _how(transfer: Transfer) -> str:
    done = {
        "none": "predicts the task as it is: nothing was fitted to the task's rows",
        "finetune": "training went on, on the task's rows (fine-tuning)",
        "adversarial": "training went on, on the task's rows and beside them those that it was pretrained on, against a"
        " discriminator of the two (Ganin et al. 2016)",
    }
    source = f"`{transfer.source_task}`" if transfer.source_task else "another task"
    return f"- transfer: pretrained on {source} (`{transfer.source}`); {done[transfer.method]}"


def _commands(run: Run) -> list[str]:
    """The command of a run, after that of the run which pretrained its network, where that lies at hand."""
    before = None
    if run.transfer is not None and (Path(run.transfer.source) / "run.json").is_file():
        before = RunFolder(Path(run.transfer.source)).read()
    first = [] if before is None or run.transfer is None else [
        f"{command_of(before)} --output {shlex.quote(run.transfer.source)}"
    ]  # fmt: skip
    return [*first, command_of(run)]


def mean_skill(metrics: Mapping[str, Mapping[str, float | None]]) -> float | None:
    """The mean skill over targets; None where it is defined for none."""
    skills = [one["skill"] for one in metrics.values() if one.get("skill") is not None]
    return sum(skills) / len(skills) if skills else None  # type: ignore[arg-type]


def eval_results(saved: Saved, metrics: Mapping[str, Any], dataset: str, revision: str | None) -> str:
    """YAML of the Hub's evaluation results: the mean validation skill.

    Parameters
    ----------
    saved : Saved
    metrics : mapping
        What ``metrics.json`` says.
    dataset : str
        The benchmark's dataset on the Hub, ORG/NAME.
    revision : str, optional
        Its commit.
    """
    run = saved.runs[0]
    skill = mean_skill(metrics["metrics"])
    if skill is None:
        return ""
    entry = EvalResultEntry(
        dataset_id=dataset,
        task_id=run.task,
        value=round(skill, 4),
        dataset_revision=revision,
        notes=f"mean skill against climatology of {', '.join(metrics['metrics'])} on {'+'.join(metrics['splits'])},"
        f" not on hidden rows; {run.origin} data, release {run.revision}",
    )
    return yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False, allow_unicode=True)


def card(saved: Saved, metrics: Mapping[str, Any], name: str, *, licence: str | None, dataset: str | None) -> str:
    """The text of ``README.md``.

    Parameters
    ----------
    saved : Saved
        Made by runs.
    metrics : mapping
        What ``metrics.json`` says.
    name : str
        ORG/NAME of the repository.
    licence : str, optional
        The Hub's identifier; by default that of the data.
    dataset : str, optional
        The benchmark's dataset on the Hub, ORG/NAME.
    """
    run, fitted = saved.runs[0], saved.fitted
    origin = ORIGINS[run.origin]
    own = licence or (origin.licence if origin.licence not in ("unknown", "other") else "other")
    network = isinstance(fitted, Network)
    data = ModelCardData(
        license=own,
        license_name="terms-of-the-data" if own == "other" else None,
        library_name="transformers" if network else None,
        pipeline_tag="time-series-forecasting",
        datasets=None if dataset is None else [dataset],
        tags=["agroflux", "carbon-flux", "nitrous-oxide", "agriculture", run.task, f"origin-{run.origin}"],
    )
    units = ", ".join(f"{target} [{VARIABLES[target].unit}]" for target in fitted.targets)
    lines = [
        "---", data.to_yaml(), "---", "", f"# {name}", "",
        f"{fitted.method}: a baseline of the AgroFlux benchmark for the task `{run.task}`. It predicts the daily fluxes"
        f" {units} from {', '.join(fitted.inputs)}, in physical units.",
        "",
        f"- task: `{run.task}`, trained on `{'+'.join(run.training)}`"
        + (f", `{run.left_out}` left out" if run.left_out else ""),
        *([] if run.transfer is None else [_how(run.transfer)]),
        f"- data: origin **{run.origin}**, {origin.made_by}; release revision `{run.revision}`. {origin.terms}",
        f"- parameters: {fitted.parameters:,}; seeds: {', '.join(map(str, saved.seeds))}",
        "",
        f"## Metrics on `{'+'.join(metrics['splits'])}`",
        "",
        "Pooled over observed days; skill is 1 - MSE / MSE of the climatology. These rows chose the epoch, and are not"
        " the hidden ones of a leaderboard.",
        "",
        *_table(metrics["metrics"]),
    ]  # fmt: skip
    if fitted.quantiles:
        lines += [
            "",
            "CRPS is in the unit of the flux; *in P %* is the share of days inside the central interval of P %.",
        ]
    if metrics.get("tested"):
        lines += [
            "", f"## Tested on `{run.left_out or 'test'}`", "",
            "Rows that neither its training nor the choice of its epoch has seen.", "", *_table(metrics["tested"]),
        ]  # fmt: skip
    plots = sorted(path.relative_to(saved.folder) for path in saved.folder.rglob("curves.png"))
    lines += ["", *(f"![Training of {plot.parent.name or fitted.kind}]({plot.as_posix()})" for plot in plots), ""]
    lines += [
        "## Use", "", "```python", "from baselines.predictor import FluxPredictor", "",
        f'predictor = FluxPredictor.from_pretrained("{name}")',
        "predictor(rows)  # rows of the dataset, a DataFrame, or a release", "```", "",
    ]  # fmt: skip
    if network:
        lines += [
            "Without the `agroflux` package:", "", "```python", "from transformers import AutoModel", "",
            f'model = AutoModel.from_pretrained("{name}", trust_remote_code=True)', "```", "",
        ]  # fmt: skip
    lines += ["## Make it again", "", "```console"]
    lines += [*(f"$ {command}" for run in saved.runs for command in _commands(run)), "```", ""]
    return "\n".join(lines)


def _table(metrics: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    columns = headings(metrics)
    lines = ["| target | unit | " + " | ".join(columns.values()) + " |", "|---|---|" + "---:|" * len(columns)]
    for target, scores in metrics.items():
        values = [scores.get(one) for one in columns]
        cells = ("-" if value is None else f"{value:.3g}" for value in values)
        lines.append(f"| {target} | {VARIABLES[target].unit} | " + " | ".join(cells) + " |")
    return lines
