"""Whatever was fitted, behind one face: arrays of inputs in, arrays of fluxes out, in physical units."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.variables import VARIABLES
from baselines.calibration import LEVELS, Calibration
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
    quantiles : tuple of float
        Levels of the quantiles that it gives beside its predictions, ascending; maybe none.
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
    quantiles: tuple[float, ...] = ()

    @abstractmethod
    def raw(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """What it says of inputs (B, T, F): (B, T, D)."""

    def raw_quantiles(self, inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What it says of inputs (B, T, F), and its quantiles: (B, T, D) and (B, T, D, Q)."""
        flux = self.raw(inputs)
        return flux, np.empty((*flux.shape, 0), np.float32)

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
        self._refuse_gaps(inputs)
        low, high = self._range()
        return self.raw(inputs).clip(low, high).astype(np.float32)

    def with_quantiles(self, inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Its predictions, as of `fluxes`, and their quantiles.

        Parameters
        ----------
        inputs : float32 array (B, T, F)

        Returns
        -------
        float32 array (B, T, D)
        float32 array (B, T, D, Q)
            Of each of its levels, in physical units, within what is possible, never falling from level to level.
        """
        self._refuse_gaps(inputs)
        low, high = self._range()
        flux, quantiles = self.raw_quantiles(inputs)
        return (
            flux.clip(low, high).astype(np.float32),
            quantiles.clip(low[:, None], high[:, None]).astype(np.float32),
        )

    def _range(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The edges of what is physically possible, each (D,)."""
        low, high = (np.array([getattr(VARIABLES[name], edge) for name in self.targets]) for edge in ("low", "high"))
        return low, high

    def _refuse_gaps(self, inputs: NDArray[np.float32]) -> None:
        if not np.isfinite(inputs).all():
            bad = [not np.isfinite(inputs[..., number]).all() for number in range(len(self.inputs))]
            raise AgrofluxError(
                "inputs that are NaN or infinite", expected="numbers on every day",
                where=", ".join(name for name, column in zip(self.inputs, bad, strict=True) if column),
            )  # fmt: skip


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
        self.quantiles = tuple(config.quantiles)

    def raw(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._output(inputs).predictions.float().cpu().numpy()

    def raw_quantiles(self, inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if not self.quantiles:
            return super().raw_quantiles(inputs)
        output = self._output(inputs)
        return output.predictions.float().cpu().numpy(), output.quantiles.float().cpu().numpy()

    @torch.inference_mode()
    def _output(self, inputs: NDArray[np.float32]) -> Any:
        return self.model(torch.from_numpy(inputs).to(self.model.device))


class Ensemble(Fitted):
    """Several that take and give the same columns: the mean of what they say.

    Where the members have quantiles, its are their means, level by level (Ratcliff 1979, Psychol. Bull. 86:446);
    otherwise they are those of a calibration.

    Parameters
    ----------
    members : sequence of Fitted
    calibration : Calibration, optional
        Of all targets.
    """

    def __init__(self, members: Sequence[Fitted], calibration: Calibration | None = None):
        first = members[0]
        for member in members[1:]:
            if (member.inputs, member.targets, member.task) != (first.inputs, first.targets, first.task):
                raise AgrofluxError(
                    "members of an ensemble that do not fit", expected="the same task, inputs and targets",
                    came=f"{member.task}: {', '.join(member.targets)}",
                )  # fmt: skip
            if member.quantiles != first.quantiles:
                raise AgrofluxError(
                    "members of an ensemble with other quantiles", expected=f"{first.quantiles}", came=member.quantiles
                )
        if calibration is not None and set(calibration.noise) != set(first.targets):
            raise AgrofluxError(
                "a calibration of other targets", expected=", ".join(first.targets), came=", ".join(calibration.noise)
            )
        self.members = tuple(members)
        self.calibration = calibration
        self.quantiles = first.quantiles or (LEVELS if calibration is not None else ())
        self.kind = f"{first.kind}-ensemble"
        self.method = f"{first.method}, mean of {len(members)} seeds"
        self.inputs, self.targets = first.inputs, first.targets
        self.task, self.revision, self.origin = first.task, first.revision, first.origin
        self.training_splits = first.training_splits
        counts = [member.parameters for member in members]
        self.parameters = None if None in counts else sum(count for count in counts if count is not None)

    def raw(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.mean([member.fluxes(inputs) for member in self.members], axis=0, dtype=np.float32)

    def raw_quantiles(self, inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if self.calibration is None:
            several = [member.with_quantiles(inputs) for member in self.members]
            flux, quantiles = (np.stack(one).mean(axis=0, dtype=np.float32) for one in zip(*several, strict=True))
            return flux, quantiles
        flux, variance = self.moments(inputs)
        of_target = [
            self.calibration.quantiles(name, flux[..., number], variance[..., number], self.quantiles)
            for number, name in enumerate(self.targets)
        ]
        return flux, np.stack(of_target, axis=2)

    def moments(self, inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The mean of what the members say of inputs (B, T, F), and their variance, each (B, T, D)."""
        several = np.stack([member.fluxes(inputs) for member in self.members])
        return several.mean(axis=0, dtype=np.float32), several.var(axis=0, dtype=np.float32)
