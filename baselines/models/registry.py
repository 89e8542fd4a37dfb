"""The models by name, and what makes them known to `transformers.AutoModel`."""

from __future__ import annotations

import json
from pathlib import Path

from transformers import AutoConfig, AutoModel

from agroflux_data.errors import AgrofluxError
from baselines.models.base import FluxModel
from baselines.models.ea_lstm import EaLstmModel
from baselines.models.gru import GruModel
from baselines.models.itransformer import ITransformerModel
from baselines.models.linear import LinearModel
from baselines.models.lstm import LstmModel
from baselines.models.pyraformer import PyraformerModel
from baselines.models.tcn import TcnModel
from baselines.models.transformer import TransformerModel

__all__ = ["MODELS", "load", "model_class"]

MODELS: dict[str, type[FluxModel]] = {
    "lstm": LstmModel,
    "ea-lstm": EaLstmModel,
    "tcn": TcnModel,
    "transformer": TransformerModel,
    "itransformer": ITransformerModel,
    "pyraformer": PyraformerModel,
    "gru": GruModel,
    "linear": LinearModel,
}
"""Every learned model, by the name that the command knows."""

_TYPES = {model.config_class.model_type for model in MODELS.values()}

for _model in MODELS.values():
    AutoConfig.register(_model.config_class.model_type, _model.config_class, exist_ok=True)
    AutoModel.register(_model.config_class, _model, exist_ok=True)
    # Saved models carry their code, for those who have not installed this package.
    _model.config_class.register_for_auto_class()
    _model.register_for_auto_class("AutoModel")


def model_class(name: str) -> type[FluxModel]:
    """The model of that name; raises `AgrofluxError` for an unknown one."""
    if name not in MODELS:
        raise AgrofluxError("unknown model", expected="one of " + ", ".join(MODELS), came=name)
    return MODELS[name]


def load(folder: str | Path) -> FluxModel:
    """A saved model, ready to predict; code that lies beside the weights is not run.

    Raises
    ------
    AgrofluxError
        The folder is missing, or is no model of this package.
    """
    config = Path(folder) / "config.json"
    if not config.is_file():
        raise AgrofluxError("not a model", expected="a folder that agroflux-train run made", where=folder)
    try:
        kind = json.loads(config.read_text())["model_type"]
        if kind not in _TYPES:
            raise AgrofluxError("not a flux model", expected="one of " + ", ".join(MODELS), came=kind, where=folder)
        model = AutoModel.from_pretrained(folder, use_safetensors=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise AgrofluxError(
            "a model that cannot be loaded", expected="config.json and model.safetensors", came=str(error), where=folder
        ) from None
    return model.eval()
