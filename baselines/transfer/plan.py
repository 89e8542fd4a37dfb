"""How a pretrained network is brought to another task: the choices of a transfer that decide its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from agroflux_data.errors import AgrofluxError
from agroflux_data.tasks import Task

__all__ = ["METHODS", "Method", "Transfer", "check_sources"]

Method = Literal["none", "finetune", "adversarial"]
METHODS: tuple[str, ...] = get_args(Method)


@dataclass(frozen=True)
class Transfer:
    """A pretrained network, and what is done to it under the target task.

    Attributes
    ----------
    method : str
        ``none``: it predicts the target task as it is. ``finetune``: training goes on, on the target task's rows.
        ``adversarial``: the same beside rows of the task it was pretrained on, while its features of days are kept
        from telling the two apart (`adversarial`).
    source : str
        The network: folder of a finished run or saved model, or ``ORG/NAME`` or ``ORG/NAME@REVISION`` on the Hub.
    layers : tuple of str
        What moves: ``all``, ``head``, ``last`` (the head and the last layer), or patterns of modules and parameters
        such as ``layers.2`` or ``lstm.*_l2``. The head always moves: it is made anew for the target task.
    encoder_learning_rate : float or None
        Peak of what is below the head; that of the head is the recipe's. None until a run is planned.
    warm_up : float
        Share of the steps over which the learning rates rise.
    domain_weight : float
        What the gradient that confuses the discriminator counts at the end of an adversarial training.
    source_task : str or None
        The task that the network was pretrained on; a planned run has it from the saved model.
    source_splits : tuple of str
        The splits of that task that it was fitted to.
    """

    method: str
    source: str
    layers: tuple[str, ...] = ("all",)
    encoder_learning_rate: float | None = None
    warm_up: float = 0.1
    domain_weight: float = 0.1
    source_task: str | None = None
    source_splits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise AgrofluxError("unknown method of transfer", expected="one of " + ", ".join(METHODS), came=self.method)
        if not self.layers:
            raise AgrofluxError("nothing moves", expected="all, head, last, or patterns of modules")
        if not 0 <= self.warm_up < 1:
            raise AgrofluxError("bad warm-up", expected="a share of the steps, from 0 to below 1", came=self.warm_up)
        for name in ("encoder_learning_rate", "domain_weight"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise AgrofluxError(f"bad {name}", expected="at least 0", came=value)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Transfer:
        return cls(**data | {name: tuple(data[name]) for name in ("layers", "source_splits")})


def check_sources(pretrained_on: str | None, task: str) -> None:
    """Refuse a network of the task's own source: other splits of the same rows may have been tested rows."""
    target = Task.from_name(task)
    if pretrained_on is not None and Task.from_name(pretrained_on).source == target.source:
        raise AgrofluxError(
            "the pretrained network may have seen what is tested", expected=f"another source than {target.source}",
            came=pretrained_on,
        )  # fmt: skip
