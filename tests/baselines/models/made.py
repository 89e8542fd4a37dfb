"""Models that are made without a release: normalised numbers in and out."""

from __future__ import annotations

from typing import TypeVar

import torch

from baselines.models import FluxModel

__all__ = ["days", "made"]

INPUTS = ("TMAX", "PREC", "TCSAND", "PLANTT", "TPH")
TARGETS = ("NEE", "GPP", "RECO")

M = TypeVar("M", bound=FluxModel)


def made(
    kind: type[M],
    inputs: tuple[str, ...] = INPUTS,
    targets: tuple[str, ...] = TARGETS,
    seed: int = 0,
    **options: object,
) -> M:
    """An untrained model of these columns, in evaluation mode; means are 0 and spreads 1."""
    torch.manual_seed(0)
    config = kind.config_class(
        inputs=list(inputs), targets=list(targets),
        input_units=["-"] * len(inputs), target_units=["-"] * len(targets),
        input_means=[0.0] * len(inputs), target_means=[0.0] * len(targets),
        input_sds=[1.0] * len(inputs), target_sds=[1.0] * len(targets),
        **options,
    )  # fmt: skip
    return kind(config).eval()


def days(rows: int, length: int, width: int = len(INPUTS), seed: int = 1) -> torch.Tensor:
    """Inputs (rows, length, width); those of `INPUTS` that are static do not change over the days."""
    inputs = torch.randn(rows, length, width, generator=torch.Generator().manual_seed(seed))
    for column, name in enumerate(INPUTS[:width]):
        if name in ("TCSAND", "TPH"):
            inputs[:, :, column] = inputs[:, :1, column]
    return inputs
