"""Whatever was fitted, behind one face: arrays of inputs in, arrays of fluxes out, in physical units."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.variables import VARIABLES
from baselines.models.base import FluxModel

__all__ = ["Ensemble", "Fitted", "Network"]


class Fitted(ABC):
    """A model that was fitted to some rows.

    Attributes
    ----------
    kind : str
        Its name, as the command knows it.
    method : str
        The kind of method in a few words.
    inputs, targets : tuple of str
    task, revision, origin : str or None
        What it was fitted to.
    training_splits : tuple of str
    parameters : int or None
        How many numbers were fitted.
    """

    kind: str
    method: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    task: str | None
    revision: str | None
    origin: str | None
    training_splits: tuple[str, ...]
    parameters: int | None

    @abstractmethod
    def raw(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """What it says of inputs (B, T, F): (B, T, D)."""

    def fluxes(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Its predictions.

        Parameters
        ----------
        inputs : float32 array (B, T, F)
            Physical units, no NaN.

        Returns
        -------
        float32 array (B, T, D)
            Physical units. Values outside what is physically possible are moved to its edge: a submission with such
            values is refused.
        """
        if not np.isfinite(inputs).all():
            bad = [not np.isfinite(inputs[..., number]).all() for number in range(len(self.inputs))]
            raise AgrofluxError(
                "inputs that are NaN or infinite", expected="numbers on every day",
                where=", ".join(name for name, column in zip(self.inputs, bad, strict=True) if column),
            )  # fmt: skip
        low, high = (np.array([getattr(VARIABLES[name], edge) for name in self.targets]) for edge in ("low", "high"))
        return self.raw(inputs).clip(low, high).astype(np.float32)


class Network(Fitted):
    """A `FluxModel`."""

    def __init__(self, model: FluxModel):
        config = model.config
        self.model = model.eval()
        self.kind = config.model_type.removeprefix("agroflux-")
        self.method = type(model).__name__.removesuffix("Model")
        self.inputs, self.targets = tuple(config.inputs), tuple(config.targets)
        self.task, self.revision, self.origin = config.task, config.revision, config.origin
        self.training_splits = tuple(config.training_splits)
        self.parameters = model.num_parameters(only_trainable=True)

    def raw(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return self.model(torch.from_numpy(inputs).to(self.model.device)).predictions.float().cpu().numpy()


class Ensemble(Fitted):
    """Several that take and give the same columns: the mean of what they say."""

    def __init__(self, members: Sequence[Fitted]):
        first = members[0]
        for member in members[1:]:
            if (member.inputs, member.targets, member.task) != (first.inputs, first.targets, first.task):
                raise AgrofluxError(
                    "members of an ensemble that do not fit", expected="the same task, inputs and targets",
                    came=f"{member.task}: {', '.join(member.targets)}",
                )  # fmt: skip
        self.members = tuple(members)
        self.kind = f"{first.kind}-ensemble"
        self.method = f"{first.method}, mean of {len(members)} seeds"
        self.inputs, self.targets = first.inputs, first.targets
        self.task, self.revision, self.origin = first.task, first.revision, first.origin
        self.training_splits = first.training_splits
        counts = [member.parameters for member in members]
        self.parameters = None if None in counts else sum(count for count in counts if count is not None)

    def raw(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.mean([member.fluxes(inputs) for member in self.members], axis=0, dtype=np.float32)
