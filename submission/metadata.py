"""What a submission says of itself."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from agroflux_data.errors import AgrofluxError

__all__ = ["FORMAT", "Metadata", "Pretraining"]

FORMAT = 1
"""Version of the file format; a reader refuses another one."""

Pretraining = Literal["none", "ecosys", "daycent", "external"]

LARGEST = 1 << 16
"""Bytes of JSON that metadata may have."""
_LINE, _TEXT, _ITEMS = 200, 10_000, 100
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


@dataclass(frozen=True)
class Metadata:
    """What a submission says of itself, kept in its file as JSON.

    Attributes
    ----------
    task : str
        The task's name, such as ``ecosys_temporal``.
    revision : str
        `Release.revision` of the release whose rows are predicted.
    model : str
        The name that a leaderboard shows.
    authors : tuple of str
    description : str
    links : tuple of str
        Paper, code, weights: http or https.
    parameters : int or None
        How many numbers were fitted.
    pretraining : {"none", "ecosys", "daycent", "external"}
        What the model learned from before the task's own training splits.
    method : str
        The kind of method in a few words: ``LSTM``, ``gradient boosting``, ``process model``.
    external_data : bool
        Whether data outside the release went in.
    external_data_used : str
        Which.
    seeds : tuple of int
        Random seeds; several for an ensemble.
    format : int
        Version of the file format.

    Raises
    ------
    AgrofluxError
        A field of another type, too long, or with control characters.
    """

    task: str
    revision: str
    model: str
    authors: tuple[str, ...] = ()
    description: str = ""
    links: tuple[str, ...] = ()
    parameters: int | None = None
    pretraining: Pretraining = "none"
    method: str = ""
    external_data: bool = False
    external_data_used: str = ""
    seeds: tuple[int, ...] = ()
    format: int = FORMAT

    def __post_init__(self) -> None:
        for name in ("authors", "links", "seeds"):
            if isinstance(given := getattr(self, name), list):
                object.__setattr__(self, name, tuple(given))
        for name in ("task", "revision", "model", "method"):
            self._check(name, "one line of text", lambda value: _is_text(value, _LINE))
        for name in ("task", "revision", "model"):
            self._check(name, "not empty", lambda value: bool(value.strip()))
        for name in ("description", "external_data_used"):
            self._check(name, "text", lambda value: _is_text(value, _TEXT, lines=True))
        self._check("authors", "a list of names", lambda value: _is_tuple(value, lambda item: _is_text(item, _LINE)))
        self._check("links", "a list of http(s) addresses", lambda value: _is_tuple(value, _is_link))
        self._check("seeds", "a list of whole numbers", lambda value: _is_tuple(value, _is_whole))
        self._check(
            "parameters", "a whole number >= 0", lambda value: value is None or (_is_whole(value) and value >= 0)
        )
        self._check("pretraining", "one of " + ", ".join(get_args(Pretraining)), get_args(Pretraining).__contains__)
        self._check("external_data", "true or false", lambda value: isinstance(value, bool))
        self._check("format", "a whole number", _is_whole)
        if self.external_data and not self.external_data_used.strip():
            raise AgrofluxError(
                "external data without a name", expected="external_data_used says which", where="metadata"
            )

    def _check(self, name: str, expected: str, holds: Callable[[Any], bool]) -> None:
        value = getattr(self, name)
        if not holds(value):
            raise AgrofluxError(f"metadata: bad {name}", expected=expected, came=str(value)[:_LINE])

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Any) -> Metadata:
        """From a parsed JSON object; raises `AgrofluxError` for an unknown or missing field, or a bad value."""
        if not isinstance(data, dict):
            raise AgrofluxError("metadata: not an object", expected="a JSON object", came=type(data).__name__)
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(data) - set(known)):
            raise AgrofluxError("metadata: unknown fields", expected="some of " + ", ".join(known), came=_some(unknown))
        if lacking := [name for name in ("task", "revision", "model") if name not in data]:
            raise AgrofluxError("metadata: missing fields", expected=", ".join(lacking))
        return cls(**data)

    def to_bytes(self) -> bytes:
        """The JSON text, as it lies in a file."""
        text = json.dumps(self.to_json(), ensure_ascii=False, allow_nan=False).encode()
        if len(text) > LARGEST:
            raise AgrofluxError("metadata: too long", expected=f"at most {LARGEST} bytes of JSON", came=len(text))
        return text


def parse(text: bytes) -> Any:
    """What JSON text says; raises `ValueError` where it is none, gives a name twice or is nested without end."""
    # The parser calls itself for each level, which may end the process; metadata have two.
    if len(re.findall(rb"[\[{]", _STRING.sub(b"", text))) > _ITEMS:
        raise ValueError(f"more than {_ITEMS} lists and objects")
    return json.loads(text.decode(), object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) < len(pairs):
        raise ValueError("a name that is given twice")
    return given


def _some(names: list[str]) -> str:
    return ", ".join(name[:40] for name in names[:5])


def _is_text(value: Any, longest: int, lines: bool = False) -> bool:
    # Control and format characters, separators of lines and half characters could hide or reorder what a table shows.
    return (
        isinstance(value, str)
        and len(value) <= longest
        and all(
            unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Zl", "Zp") or (lines and one in "\n\t")
            for one in value
        )
    )


def _is_tuple(value: Any, holds: Callable[[Any], bool]) -> bool:
    return isinstance(value, tuple) and len(value) <= _ITEMS and all(holds(item) for item in value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def _is_link(value: Any) -> bool:
    return (
        _is_text(value, 10 * _LINE)
        and value.startswith(("https://", "http://"))
        and not any(one.isspace() or one in '<>"' for one in value)
    )
