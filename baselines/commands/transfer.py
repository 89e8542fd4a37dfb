"""`agroflux-train transfer`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.tasks import TASKS
from baselines.allocator import keep_large_blocks
from baselines.commands import choices
from baselines.commands.metrics import metrics_table
from baselines.distributed import this_process
from baselines.models import MODELS, model_class
from baselines.run import CONSTRAINTS, Run, RunFolder, choose_inputs
from baselines.training import train
from baselines.transfer.matching import kind_of, pretrained
from baselines.transfer.plan import METHODS, Transfer, check_sources

__all__ = ["transfer"]


def transfer(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="TASK|FOLDER|ORG/NAME",
            help="A task to pretrain on, such as daycent_temporal, or a pretrained network.",
        ),
    ],
    target: Annotated[str, typer.Option("--to", metavar="TASK", help="Task, such as towers_spatial.")],
    method: Annotated[
        str,
        typer.Option(
            help="none: predict as it is; finetune; adversarial: also learn features that do not tell the two"
            " tasks apart."
        ),
    ] = "finetune",
    model: Annotated[
        str | None,
        typer.Option(help="One of " + ", ".join(MODELS) + "; by default lstm, or what the pretrained network is."),
    ] = None,
    data: choices.Data = Path("agroflux"),
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the run; by default runs/TARGET-from-SOURCE-MODEL-METHOD-SEED. Pretraining leaves"
            " its own in it, named source."
        ),
    ] = None,
    layers: Annotated[
        str,
        typer.Option(
            help="What moves: all, head, last (the head and the last layer), or patterns of modules with commas"
            " between, such as layers.2 or lstm.*_l2. The head always moves."
        ),
    ] = "all",
    epochs: choices.Epochs = None,
    batch_size: choices.BatchSize = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="Of Adam, the head's peak.")] = None,
    encoder_learning_rate: Annotated[
        float | None, typer.Option(min=0, help="Of the layers below the head; by default 0.3 of the head's.")
    ] = None,
    warm_up: Annotated[
        float | None, typer.Option(min=0, max=0.99, help="Share of the steps over which the learning rates rise.")
    ] = None,
    domain_weight: Annotated[
        float | None, typer.Option(min=0, help="Of the gradient that confuses the discriminator, at the end.")
    ] = None,
    patience: choices.Patience = None,
    seed: choices.Seed = 0,
    accumulation: choices.Accumulation = None,
    weights: choices.Weights = None,
    input_noise: choices.InputNoise = None,
    bf16: choices.Bf16 = False,
    compile: choices.Compile = False,
    streaming: choices.Streaming = False,
    option: choices.Options = None,
    inputs: choices.InputsOption = choices.Inputs.ALL,
    targets: choices.Targets = "ranked",
    source_targets: Annotated[str, typer.Option(help="Of pretraining: ranked, all, or names.")] = "ranked",
    source_epochs: Annotated[int | None, typer.Option(min=1, help="Of pretraining, at most.")] = None,
    hold_out: Annotated[str | None, typer.Option(help="Training split to validate on, such as fold_0.")] = None,
    resume: choices.Resume = False,
) -> None:
    """Pretrain a network on a simulation, or take a pretrained one, and adapt it to observations.

    Inputs and targets of both are matched by name, units are converted. What is left is a run as any other: predict,
    push and table take its folder.
    """  # fmt: skip
    keep_large_blocks()
    if method not in METHODS:
        raise AgrofluxError("unknown method of transfer", expected="one of " + ", ".join(METHODS), came=method)
    release, options = Release(data), choices.options(option)
    console.messages.quiet = console.output.quiet = not this_process().is_main_process  # one of several speaks
    pretrains = source in TASKS
    kind = model or ("lstm" if pretrains else kind_of(pretrained(source).config))
    name = source if pretrains else Path(source).name
    folder = RunFolder(output or Path("runs") / f"{target}-from-{name}-{kind}-{method}-{seed}")
    model_class(kind)
    if pretrains:
        check_sources(source, target)
        folder.read()  # refuses what is no run before the work
        shared = set(choose_inputs(release, target, inputs.value))
        first = Run.plan(
            release, source, kind, targets=source_targets, seed=seed,
            inputs=",".join(one for one in choose_inputs(release, source, inputs.value) if one in shared),
            options={one: value for one, value in options.items() if one not in CONSTRAINTS},
            **choices.chosen(epochs=source_epochs, bf16=bf16, compile=compile, streaming=streaming),
        )  # fmt: skip
        if RunFolder(folder.source).claim(first, resume):
            _say(f"pretraining: {kind} on {source} ({first.origin} data), targets {', '.join(first.targets)}")
            with console.progress() as bar:
                train(first, release, RunFolder(folder.source), bar)
    more: dict[str, Any] = {
        "encoder_learning_rate": encoder_learning_rate, "warm_up": warm_up, "domain_weight": domain_weight,
    }  # fmt: skip
    plan = Run.plan(
        release, target, kind, inputs=inputs.value, targets=targets, hold_out=hold_out, seed=seed, options=options,
        transfer=Transfer(
            method=method,
            source=str(folder.source) if pretrains else source,
            layers=tuple(pattern.strip() for pattern in layers.split(",")),
            **{key: value for key, value in more.items() if value is not None},
        ),
        **choices.chosen(
            epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, patience=patience,
            accumulation=accumulation, weights=weights, input_noise=input_noise, bf16=bf16, compile=compile,
            streaming=streaming,
        ),
    )  # fmt: skip
    if not folder.claim(plan, resume):
        console.messages.print(f"{folder.path} is finished")
        return
    known = pretrained(str(folder.source) if pretrains else source).config
    if dropped := [one for one in choose_inputs(release, target, inputs.value) if one not in plan.inputs]:
        _say(f"left out, since the pretrained network does not read them: {', '.join(dropped)}")
    if fresh := [one for one in plan.targets if one not in known.targets]:
        _say(f"new to the pretrained network: {', '.join(fresh)}")
    rows = sum(release.split(target, split).rows for split in plan.training)
    _say(
        f"{method}: {kind} of {known.task or name} on {target} ({plan.origin} data), {rows:,} sequences of"
        f" {'+'.join(plan.training)}: {len(plan.inputs)} inputs, targets {', '.join(plan.targets)}"
    )
    with console.progress() as bar:
        outcome = train(plan, release, folder, bar)
    at = "as it is" if method == "none" else f"the best of epoch {outcome.epoch:.0f}"
    console.messages.print(f"{at}, on {'+'.join(outcome.splits)}:")
    console.output.print(metrics_table(outcome.metrics))
    console.output.print(folder.path, soft_wrap=True)


def _say(text: str) -> None:
    console.messages.print(text, markup=False, soft_wrap=True)
