"""The plan of a study: a YAML file that names what is to be compared, read with one clear error for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from agroflux_data.errors import AgrofluxError
from agroflux_data.tasks import TASKS
from agroflux_data.variables import GROUPS, OUTPUTS
from baselines.models import MODELS
from baselines.process import PROCESS_MODELS
from baselines.recipe import Recipe, TreeRecipe
from baselines.run import CONSTRAINTS, LEARNED, QUANTILES, TREES, value_of
from baselines.transfer.plan import METHODS, Transfer
from submission.template import CLIMATOLOGY

__all__ = ["REFERENCES", "SCRATCH", "Contestant", "StudyPlan", "title_of"]

SCRATCH = "scratch"
"""The method of a model that is fitted to the target task alone; the others are `METHODS`."""
REFERENCES = (CLIMATOLOGY, *PROCESS_MODELS)
"""What is not learned from a seed: one prediction for each fold."""

_TITLES = {
    "ea-lstm": "EALSTM", "lstm": "LSTM", "pyraformer": "Pyraformer", "tcn": "TCN", "transformer": "Transformer",
    "itransformer": "iTransformer", "gru": "GRU", "linear": "Linear", "xgboost": "XGBoost", "lightgbm": "LightGBM",
    CLIMATOLOGY: "Climatology",
}  # fmt: skip
_KEYS = (
    "data", "models", "tasks", "folds", "seeds", "methods", "sources", "source_seed", "transfer", "recipes", "inputs",
    "targets",
)  # fmt: skip
_TASKS = tuple(TASKS)
_OF_TRANSFER = ("layers", "encoder_learning_rate", "warm_up", "domain_weight")
_TYPES: dict[str, type | tuple[type, ...]] = {"int": int, "float": (int, float), "bool": bool, "dict": dict}
_KINDS = {
    one.name: one.type.split(" |")[0].split("[")[0]  # annotations are texts
    for kind in (TreeRecipe, Recipe)
    for one in fields(kind)
    if one.name != "seed"
}


def title_of(model: str, options: Mapping[str, Any] | None = None) -> str:
    """How tables call a model: ``LSTM``, or with options ``LSTM (hidden 128)``."""
    name = _TITLES.get(model) or f"Process model ({model.partition(':')[2] or model})"
    told = ", ".join(f"{key.removesuffix('_size').replace('_', ' ')} {value}" for key, value in (options or {}).items())
    return f"{name} ({told})" if told else name


@dataclass(frozen=True)
class Contestant:
    """A model as a plan names it.

    Attributes
    ----------
    model : str
        A learned model, the climatology or a process model, by the name that the command knows.
    label : str
        What tables call it; folders are named for it too.
    options : dict
        Of a network's architecture.
    recipe : dict
        Fields of its recipe.
    """

    model: str
    label: str
    options: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The label as a name of a folder: ``lstm-hidden-128``."""
        return re.sub(r"[^a-z0-9]+", "-", self.label.lower()).strip("-")

    @property
    def methods(self) -> tuple[str, ...]:
        """What can be done with it: networks alone can be pretrained."""
        return (SCRATCH, *METHODS) if self.model in MODELS else (SCRATCH,)


@dataclass(frozen=True)
class StudyPlan:
    """What is compared.

    Attributes
    ----------
    models : tuple of Contestant
    tasks : tuple of str
        The target tasks.
    folds : tuple of str or None
        Of spatial tasks, such as ``fold_0``; None for all that a release has. Temporal tasks have none.
    seeds : tuple of int
    methods : tuple of str
        Some of ``scratch`` and `METHODS`.
    sources : tuple of str
        Tasks that networks are pretrained on for the methods of transfer.
    source_seed : int or None
        The seed of the pretrained networks; None: each has that of the run which it is for.
    transfer : dict
        Fields of `Transfer`, and fields of the recipe for the runs which transfer.
    recipes : dict of str to dict
        By task, fields of the recipe that go before those of the models.
    inputs : str
        ``core`` or ``all``.
    targets : tuple of str
        As of `choose_targets`, each a study of its own.
    data : Path or None
        The release, relative to the working directory.
    """

    models: tuple[Contestant, ...]
    tasks: tuple[str, ...]
    folds: tuple[str, ...] | None = None
    seeds: tuple[int, ...] = (0,)
    methods: tuple[str, ...] = (SCRATCH,)
    sources: tuple[str, ...] = ()
    source_seed: int | None = None
    transfer: dict[str, Any] = field(default_factory=dict)
    recipes: dict[str, dict[str, Any]] = field(default_factory=dict)
    inputs: str = "all"
    targets: tuple[str, ...] = ("ranked",)
    data: Path | None = None

    @classmethod
    def read(cls, path: Path) -> StudyPlan:
        """Read a plan; raises one `AgrofluxError` that names the line and the key of what is wrong."""
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise AgrofluxError("no such plan", expected="a YAML file", came=str(error)) from None
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            value = None if node is None else loader.construct_document(node)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"{path}, line {mark.line + 1}" if mark is not None else path
            raise AgrofluxError("not YAML", came=getattr(error, "problem", None) or str(error), where=where) from None
        finally:
            loader.dispose()
        part = _Part(path, value, node)
        if not isinstance(value, dict):
            raise part.error("not a plan", "keys such as models, tasks and seeds")
        return _plan(part)


class _Part:
    """A value of the plan, and where it stands."""

    def __init__(self, path: Path, value: Any, node: yaml.Node | None, key: str = "", line: int | None = None):
        self.path, self.value, self.node, self.key = path, value, node, key
        self.line = line or (1 if node is None else node.start_mark.line + 1)

    def error(self, problem: str, expected: str, came: object = None) -> AgrofluxError:
        where = f"{self.path}, line {self.line}" + (f", {self.key}" if self.key else "")
        return AgrofluxError(problem, expected=expected, came=came, where=where)

    def checked(self, make: Callable[[], Any]) -> Any:
        """What a function gives; its error gets the place."""
        try:
            return make()
        except AgrofluxError as error:
            raise AgrofluxError(
                error.problem, expected=error.expected, came=error.came,
                where=f"{self.path}, line {self.line}" + (f", {self.key}" if self.key else ""),
            ) from None  # fmt: skip

    def items(self, known: tuple[str, ...] | None = None) -> dict[str, _Part]:
        """The values of a mapping by key, whose keys must be known and stand there once."""
        if not isinstance(self.value, dict) or not isinstance(self.node, yaml.MappingNode):
            raise self.error("not a mapping", "KEY: VALUE", self.value)
        found: dict[str, _Part] = {}
        for key_node, node in self.node.value:
            name = str(key_node.value)
            part = _Part(
                self.path, self.value.get(name), node, f"{self.key}.{name}" if self.key else name,
                key_node.start_mark.line + 1,
            )  # fmt: skip
            if known is not None and name not in known:
                raise part.error("unknown key", "one of " + ", ".join(known), name)
            if name in found:
                raise part.error("a key that stands there twice", "each key once", name)
            found[name] = part
        return found

    def list(self) -> list[_Part]:
        """The values of a list that has some; one value stands for a list of one."""
        if not isinstance(self.value, list) or not isinstance(self.node, yaml.SequenceNode):
            parts = [self]
        else:
            parts = [
                _Part(self.path, value, node, f"{self.key}[{number}]")
                for number, (value, node) in enumerate(zip(self.value, self.node.value, strict=True))
            ]
        if not parts or self.value is None:
            raise self.error("an empty list", "at least one value")
        texts = [repr(part.value) for part in parts]
        for number, part in enumerate(parts):
            if texts[number] in texts[:number]:
                raise part.error("a value that stands there twice", "each value once", part.value)
        return parts

    def choice(self, known: tuple[str, ...]) -> str:
        if self.value not in known:
            raise self.error(
                f"unknown {self.key.split('[')[0].split('.')[-1]}", "one of " + ", ".join(known), self.value
            )
        return str(self.value)

    def whole(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 0:
            raise self.error("not a whole number", "0 or above", self.value)
        return self.value


def _plan(part: _Part) -> StudyPlan:
    given = part.items(_KEYS)
    for name in ("models", "tasks"):
        if name not in given:
            raise part.error("a plan without " + name, f"{name}: [...]")
    chosen: dict[str, Any] = {
        "models": _contestants(given["models"]),
        "tasks": tuple(one.choice(_TASKS) for one in given["tasks"].list()),
    }
    if "folds" in given and given["folds"].value != "all":
        chosen["folds"] = tuple(_fold(one) for one in given["folds"].list())
    if "seeds" in given:
        chosen["seeds"] = tuple(one.whole() for one in given["seeds"].list())
    if "source_seed" in given:
        chosen["source_seed"] = given["source_seed"].whole()
    for name, known in (("methods", (SCRATCH, *METHODS)), ("sources", _TASKS)):
        if name in given:
            chosen[name] = tuple(one.choice(known) for one in given[name].list())
    if "inputs" in given:
        chosen["inputs"] = given["inputs"].choice(("core", "all"))
    if "targets" in given:
        chosen["targets"] = tuple(_targets(one) for one in given["targets"].list())
    if "transfer" in given:
        chosen["transfer"] = _transfer(given["transfer"])
    if "recipes" in given:
        by_task = given["recipes"].items(_TASKS)
        chosen["recipes"] = {name: _fields(one.items(), tuple(_KINDS)) for name, one in by_task.items()}
    if "data" in given:
        if not isinstance(given["data"].value, str):
            raise given["data"].error("not a folder", "the path of a release", given["data"].value)
        chosen["data"] = Path(given["data"].value)
    plan = StudyPlan(**chosen)
    transferring = [name for name in plan.methods if name != SCRATCH]
    if transferring and not plan.sources:
        raise given["methods"].error("transfer from where?", "sources: [ecosys_temporal, ...]", ", ".join(transferring))
    if plan.sources and not transferring:
        raise given["sources"].error("sources that nothing transfers from", "methods with one of " + ", ".join(METHODS))
    for number, model in enumerate(plan.models):
        if not set(model.methods) & set(plan.methods):
            where = given["models"].list()[number]
            raise where.error(f"{model.model} cannot be transferred", "scratch among methods", ", ".join(plan.methods))
    return plan


def _contestants(part: _Part) -> tuple[Contestant, ...]:
    found: list[Contestant] = []
    for one in part.list():
        contestant = _contestant(one)
        if any(contestant.folder == other.folder for other in found):
            raise one.error("two models of one name", "a label of its own for each", contestant.label)
        found.append(contestant)
    return tuple(found)


def _contestant(part: _Part) -> Contestant:
    known = (*LEARNED, *REFERENCES)
    if not isinstance(part.value, dict):
        model = part.choice(known) if part.value in known else None
        if model is None:
            raise part.error("unknown model", "one of " + ", ".join(known), part.value)
        return Contestant(model, title_of(model))
    given = part.items()
    if "model" not in given:
        raise part.error("a model without its name", "model: NAME")
    model = given.pop("model").choice(known)
    label, options = given.pop("label", None), given.pop("options", None)
    if label is not None and (not isinstance(label.value, str) or not re.search(r"[A-Za-z0-9]", label.value)):
        raise label.error("not a label", "a text", label.value)
    told: dict[str, Any] = {}
    if options is not None:
        names = (*MODELS[model].config_class.options(), *CONSTRAINTS, QUANTILES) if model in MODELS else ()
        told = {name: _value(one) for name, one in options.items(names).items()}
    kind = TreeRecipe if model in TREES else Recipe
    fields_of = () if model in REFERENCES else tuple(one.name for one in fields(kind) if one.name != "seed")
    recipe = _fields(given, fields_of)
    return Contestant(model, label.value if label is not None else title_of(model, told), told, recipe)


def _value(part: _Part) -> Any:
    """Numbers such as 1e-3 are texts to YAML."""
    return value_of(part.value) if isinstance(part.value, str) else part.value


def _fields(given: Mapping[str, _Part], known: tuple[str, ...]) -> dict[str, Any]:
    """Fields of a recipe."""
    found = {}
    for name, part in given.items():
        if name not in known:
            raise part.error("unknown key", "one of " + ", ".join(known) if known else "no more keys", name)
        value, kind = _value(part), _KINDS[name]
        wrong = not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "bool")
        if wrong or (kind == "int" and value < 1) or (kind == "float" and value < 0):
            words = {
                "int": "a whole number above 0",
                "float": "a number",
                "bool": "true or false",
                "dict": "NAME: NUMBER",
            }
            raise part.error(f"bad {name}", words[kind], part.value)
        found[name] = value
    return found


def _transfer(part: _Part) -> dict[str, Any]:
    given = part.items((*_OF_TRANSFER, *_KINDS))
    own = {name: one for name, one in given.items() if name in _OF_TRANSFER}
    found: dict[str, Any] = _fields({name: one for name, one in given.items() if name not in own}, tuple(_KINDS))
    for name, one in own.items():
        if name == "layers":
            found[name] = tuple(str(layer.value) for layer in one.list())
        else:
            value = _value(one)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise one.error(f"bad {name}", "a number", one.value)
            found[name] = value
        one.checked(partial(Transfer, "finetune", "a network", **{name: found[name]}))
    return found


def _fold(part: _Part) -> str:
    if isinstance(part.value, int) and not isinstance(part.value, bool) and part.value >= 0:
        return f"fold_{part.value}"
    if not isinstance(part.value, str) or not re.fullmatch(r"fold_\d+", part.value):
        raise part.error("not a fold", "all, numbers or names such as fold_0", part.value)
    return part.value


def _targets(part: _Part) -> str:
    known = ("ranked", "all", *GROUPS, *OUTPUTS)
    words = [word.strip() for word in str(part.value).split(",")]
    if unknown := [word for word in words if word not in known]:
        raise part.error(
            "unknown targets", "ranked, all, a group (" + ", ".join(GROUPS) + ") or names", ", ".join(unknown)
        )
    return ",".join(words)
