"""The models by name, and what makes them known to `transformers.AutoModel`."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoConfig, AutoModel

from agroflux_data.errors import AgrofluxError
from baselines.base import FluxModel
from baselines.lstm import LstmModel

__all__ = ["MODELS", "load", "model_class"]

MODELS: dict[str, type[FluxModel]] = {"lstm": LstmModel}
"""Every learned model, by the name that the command knows."""

for _model in MODELS.values():
    AutoConfig.register(_model.config_class.model_type, _model.config_class, exist_ok=True)
    AutoModel.register(_model.config_class, _model, exist_ok=True)


def model_class(name: str) -> type[FluxModel]:
    """The model of that name; raises `AgrofluxError` for an unknown one."""
    if name not in MODELS:
        raise AgrofluxError("unknown model", expected="one of " + ", ".join(MODELS), came=name)
    return MODELS[name]


def load(folder: str | Path) -> FluxModel:
    """A saved model, ready to predict.

    Raises
    ------
    AgrofluxError
        The folder is missing, or is no model of this package.
    """
    config = Path(folder) / "config.json"
    if not config.is_file():
        raise AgrofluxError("not a model", expected="a folder that agroflux-train run made", where=folder)
    try:
        model = AutoModel.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise AgrofluxError(
            "a model that cannot be loaded", expected="config.json and model.safetensors", came=str(error), where=folder
        ) from None
    if not isinstance(model, FluxModel):
        raise AgrofluxError(
            "not a flux model", expected="one of " + ", ".join(MODELS), came=type(model).__name__, where=folder
        )
    return model.eval()
