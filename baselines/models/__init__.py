"""The learned models, one file each.

A model's file imports `torch`, `transformers` and its neighbours in this folder alone: saved beside the weights, these
files are all that ``trust_remote_code=True`` needs where this package is not installed.
"""

from baselines.models.base import FluxConfig, FluxModel, FluxOutput, ModelError
from baselines.models.registry import MODELS, load, model_class

__all__ = ["MODELS", "FluxConfig", "FluxModel", "FluxOutput", "ModelError", "load", "model_class"]
