"""A pretrained network under another task: its columns and the task's are brought together by name and unit.

The layers below the head were fitted to inputs as the source's scalers make them, so those scalers stay. The head is
made anew for the task's targets: the row of a target that the network knows is copied, and expressed in the task's
scalers, so that predictions in physical units are what they were; other rows are fresh.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from agroflux_data.errors import AgrofluxError
from agroflux_data.units import conversion
from agroflux_data.variables import VARIABLES
from baselines.models import FluxConfig, FluxModel, load
from baselines.repository import fetched

__all__ = ["adapted_config", "adapted_model", "check_options", "kind_of", "matched_inputs", "pretrained", "reduced"]

_FITTED_TO_TARGETS = ("head.", "quantile_", "target_", "input_mean", "input_sd")
"""What of a network's state is made anew for a task; `adapted_config` has the scalers."""
_FREE = ("dropout",)
"""Options of an architecture that layers may differ in from those that they were fitted with."""


def pretrained(source: str) -> FluxModel:
    """The network that a transfer starts from; code that lies beside its weights is not run.

    Parameters
    ----------
    source : str
        Folder of a finished run or of a saved model, or ``ORG/NAME`` or ``ORG/NAME@REVISION`` on the Hub.

    Raises
    ------
    AgrofluxError
        Nothing there, or no single network.
    """
    folder = Path(source) if Path(source).exists() else fetched(source)
    for file, kind in (("ensemble.json", "an ensemble"), ("trees.json", "trees")):
        if (folder / file).is_file():
            raise AgrofluxError("nothing to adapt", expected="a single network", came=kind, where=source)
    return load(folder)


def kind_of(config: FluxConfig) -> str:
    """The name of a network's kind, as the command knows it."""
    return config.model_type.removeprefix("agroflux-")


def matched_inputs(source: FluxConfig, available: Sequence[str], task: str) -> tuple[str, ...]:
    """The inputs of a pretrained network, in its order; a task has to have them, and more is dropped.

    Parameters
    ----------
    source : FluxConfig
        Of the network.
    available : sequence of str
        The inputs that the task gives.
    task : str
        Its name.

    Raises
    ------
    AgrofluxError
        The network reads an input that the task lacks, or has in a unit that cannot be converted.
    """
    lacking = [name for name in source.inputs if name not in available]
    strange = [
        name
        for name, unit in zip(source.inputs, source.input_units, strict=True)
        if name in available and not _positive(conversion(VARIABLES[name].unit, unit))
    ]
    if lacking or strange:
        units = dict(zip(source.inputs, source.input_units, strict=True))
        problem = f"inputs of the pretrained network that {task} lacks: {', '.join(lacking)}" if lacking else (
            f"units of inputs that cannot be converted: {', '.join(strange)}"
        )  # fmt: skip
        raise AgrofluxError(
            problem,
            expected=", ".join(f"{name} [{unit}]" for name, unit in units.items()),
            came=", ".join(f"{name} [{VARIABLES[name].unit}]" for name in available),
        )
    return tuple(source.inputs)


def check_options(source: FluxConfig, options: Mapping[str, Any], *, as_it_is: bool) -> None:
    """Refuse options of an architecture that the pretrained layers do not have, or without training the heads."""
    held = {*source.options(), "quantiles"} if as_it_is else {*source.options()} - set(_FREE)
    for name, value in options.items():
        if name in held and value != getattr(source, name):
            raise AgrofluxError(
                "another architecture than that of the pretrained network", expected=f"{name} {getattr(source, name)}",
                came=f"{name} {value}",
            )  # fmt: skip


def adapted_config(
    source: FluxConfig, target: FluxConfig, *, keep_targets: bool = False, as_it_is: bool = False
) -> FluxConfig:
    """The configuration of a pretrained network under another task.

    Parameters
    ----------
    source : FluxConfig
        Of the network.
    target : FluxConfig
        What a network of its kind would have that is fitted to the task's training rows alone, with the same inputs
        in the same order.
    keep_targets : bool
        Whether the source's other targets follow those of the task.
    as_it_is : bool
        Whether the targets keep the source's scalers, since nothing will be trained.

    Returns
    -------
    FluxConfig
        The inputs and targets, units and target scalers of `target`, and the input scalers of `source`.
    """
    fields = target.to_diff_dict()
    folded = [
        _into(conversion(came, unit), mean, sd)
        for came, unit, mean, sd in zip(
            source.input_units, target.input_units, source.input_means, source.input_sds, strict=True
        )
    ]
    fields |= {"input_means": [mean for mean, _ in folded], "input_sds": [sd for _, sd in folded]}
    scalers = {
        name: _into(_target_conversion(name, came), mean, sd)
        for name, came, mean, sd in zip(
            source.targets, source.target_units, source.target_means, source.target_sds, strict=True
        )
        if name in target.targets or keep_targets
    }
    if as_it_is:
        fields |= {
            "target_means": [scalers[name][0] for name in target.targets],
            "target_sds": [scalers[name][1] for name in target.targets],
        }
    if keep_targets:
        for name, (mean, sd) in scalers.items():
            if name not in target.targets:
                own = {"targets": name, "target_units": VARIABLES[name].unit, "target_means": mean, "target_sds": sd}
                if target.target_weights:
                    own["target_weights"] = 1.0
                fields |= {key: [*fields[key], value] for key, value in own.items()}
    return type(target)(**fields)


@torch.no_grad()
def adapted_model(source: FluxModel, config: FluxConfig) -> FluxModel:
    """A network with the layers of another, and its head where targets have the same names.

    Parameters
    ----------
    source : FluxModel
    config : FluxConfig
        From `adapted_config`.

    Returns
    -------
    FluxModel
        In training mode, as a new one is. Rows of the head for targets that `source` lacks are fresh.
    """
    model, old = type(source)(config), source.config
    own = model.state_dict()
    state = {name: value for name, value in source.state_dict().items() if not name.startswith(_FITTED_TO_TARGETS)}
    model.load_state_dict(own | state)
    levels = len(config.quantiles) if config.quantiles == old.quantiles else 0
    inner = min(range(levels), key=lambda place: abs(config.quantiles[place] - 0.5), default=0)
    for row, name in enumerate(config.targets):
        if name not in old.targets:
            continue
        place = old.targets.index(name)
        mean, sd = _into(_target_conversion(name, old.target_units[place]), old.target_means[place],
                         old.target_sds[place])  # fmt: skip
        factor = sd / config.target_sds[row]
        shift = (mean - config.target_means[row]) / config.target_sds[row]
        model.head.weight[row] = factor * source.head.weight[place]
        model.head.bias[row] = factor * source.head.bias[place] + shift
        if levels:
            ours = slice(row * levels, (row + 1) * levels)
            theirs = slice(place * levels, (place + 1) * levels)
            model.quantile_head.weight[ours] = source.quantile_head.weight[theirs]
            model.quantile_head.bias[ours] = source.quantile_head.bias[theirs]
            # The innermost level is a linear output, as the prediction is; gaps between levels stay as they are in
            # spreads of the target, since what makes them positive does not scale.
            score = source.quantile_scores[inner]
            bias = source.quantile_head.bias[theirs][inner] + score
            model.quantile_head.weight[ours][inner] *= factor
            model.quantile_head.bias[ours][inner] = factor * bias + shift - score
    return model


@torch.no_grad()
def reduced(model: FluxModel, targets: Sequence[str]) -> FluxModel:
    """The same network with the head's rows of some of its targets alone."""
    old = model.config
    places = [old.targets.index(name) for name in targets]
    fields = old.to_diff_dict()
    for key in ("targets", "target_units", "target_means", "target_sds", "target_weights"):
        if fields.get(key):
            fields[key] = [fields[key][place] for place in places]
    smaller = type(model)(type(old)(**fields))
    state = model.state_dict()
    for name, value in state.items():
        if name.startswith(("head.", "target_")):
            state[name] = value[places]
        elif name.startswith("quantile_head."):
            state[name] = value.unflatten(0, (len(old.targets), -1))[places].flatten(0, 1)
    smaller.load_state_dict(state)
    smaller.to(model.device)  # type: ignore[arg-type]
    return smaller


def _target_conversion(name: str, unit: str) -> tuple[float, float]:
    found = conversion(unit, VARIABLES[name].unit)
    if found is None or not _positive(found):
        raise AgrofluxError(
            f"a target in a unit that cannot be converted: {name}", expected=VARIABLES[name].unit, came=unit
        )
    return found


def _positive(found: tuple[float, float] | None) -> bool:
    return found is not None and found[0] > 0


def _into(found: tuple[float, float] | None, mean: float, sd: float) -> tuple[float, float]:
    """Mean and spread in another unit."""
    assert found is not None  # checked when the run was planned
    factor, offset = found
    return factor * mean + offset, factor * sd
