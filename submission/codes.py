"""What can be wrong with a submission: one table of stable codes, and a fault that names one of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agroflux_data.errors import AgrofluxError

__all__ = ["CODES", "Code", "Fault", "FaultyFileError", "markdown"]

_EXAMPLES = 5


@dataclass(frozen=True)
class Code:
    """A kind of fault; its code never changes its meaning and is never given to another kind.

    Attributes
    ----------
    code : str
        ``AF0..`` the file and its metadata, ``AF1..`` its rows, ``AF2..`` its columns, ``AF3..`` its values.
    meaning : str
    remedy : str
        What to do about it.
    """

    code: str
    meaning: str
    remedy: str


_TABLE = (
    Code("AF001", "not a Parquet file", "Write it with submission.write; convert CSV with agroflux-submit convert."),
    Code("AF002", "unreadable metadata", "Write it with submission.write and a submission.Metadata."),
    Code("AF003", "unknown task", "Name a task of the release in the metadata."),
    Code("AF004", "another revision of the release", "Predict the rows of the present release."),
    Code("AF005", "another task than asked for", "Send the file to its own task, or name the task right."),
    Code("AF006", "damaged file", "Write it again; copy or upload it whole."),
    Code("AF007", "larger than a submission can be", "Keep to one row a sequence, one column a target, 63 quantiles."),
    Code("AF008", "unknown version of the format", "Write it with this version of the kit."),
    Code("AF009", "too much work to read", "Write it with submission.write: float32 in small row groups."),
    Code("AF101", "missing sequences", "Predict every sequence of the split."),
    Code("AF102", "extra sequences", "Leave out what the split does not have."),
    Code("AF103", "duplicate sequences", "Keep one row a sequence."),
    Code("AF104", "no sequence column", "Add the column sequence (int64) that names each row."),
    Code("AF201", "wrong type", "sequence is int64, a target is fixed_size_list<float32>[365]."),
    Code("AF202", "wrong length", "A sequence has 365 days; 29 February is dropped."),
    Code("AF203", "unknown column", "Keep to sequence, the task's targets and their quantiles (GPP_q05)."),
    Code("AF204", "no target", "Predict at least one of the task's ranked targets."),
    Code("AF205", "a column stands there twice", "Keep one of them."),
    Code("AF206", "quantiles without their target", "Add the target's own column: it is what is ranked."),
    Code("AF207", "another number of quantiles of a target", "Give 2 to 21 levels, whole percents: GPP_q05, GPP_q95."),
    Code("AF301", "NaN", "Predict every day, observed or not."),
    Code("AF302", "infinite values", "Look for an overflow in the model."),
    Code("AF303", "outside the physical range", "Check unit and sign; clip what is only noise."),
    Code("AF304", "null", "Predict every day, and let no list be null."),
    Code("AF305", "subnormal values", "Set to 0 what float32 cannot hold with full precision (below 1.2e-38)."),
    Code("AF306", "quantiles cross", "Sort the quantiles of each day: a higher level is nowhere below a lower one."),
)

CODES: dict[str, Code] = {code.code: code for code in _TABLE}
"""All codes, in order."""


def markdown() -> str:
    """The table of the documentation, ``codes.md`` beside this module."""
    rows = [f"| `{code.code}` | {code.meaning} | {code.remedy} |" for code in _TABLE]
    return "\n".join(["| code | meaning | what to do |", "|---|---|---|", *rows]) + "\n"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a file.

    Attributes
    ----------
    code : str
        A key of `CODES`.
    message : str
        What was expected and what came, in this file.
    count : int
        How often: sequences, columns or values, as the message says.
    column : str or None
    examples : tuple
        The first sequence numbers (or column names, for faults of columns) that have it.
    """

    code: str
    message: str
    count: int = 1
    column: str | None = None
    examples: tuple[int | str, ...] = ()

    @classmethod
    def of(
        cls, code: str, message: str, count: int = 1, column: str | None = None, examples: Iterable[Any] = ()
    ) -> Fault:
        """A fault with the first few of its examples, as plain numbers and printable text."""
        first = [_shown(item) if isinstance(item, str) else int(item) for item in itertools.islice(examples, _EXAMPLES)]
        return cls(code, _shown(message), int(count), column, tuple(first))

    @property
    def kind(self) -> Code:
        return CODES[self.code]

    def __str__(self) -> str:
        text = f"{self.code} {self.kind.meaning}: {self.message}"
        if self.examples:
            more = ", ..." if self.count > len(self.examples) else ""
            text += f" (first: {', '.join(str(item) for item in self.examples)}{more})"
        return text

    def to_json(self) -> dict[str, Any]:
        """A JSON object: the fault, its code's meaning and remedy."""
        return {
            "code": self.code,
            "meaning": self.kind.meaning,
            "message": self.message,
            "count": self.count,
            "column": self.column,
            "examples": list(self.examples),
            "remedy": self.kind.remedy,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fault:
        """What `to_json` gave."""
        return cls(data["code"], data["message"], data["count"], data["column"], tuple(data["examples"]))


def _shown(text: str) -> str:
    """Text from a file without what could steer a terminal or hide in a table."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


class FaultyFileError(AgrofluxError):
    """A file that cannot be read as a submission at all, for one of the reasons in `CODES`."""

    def __init__(self, fault: Fault, where: str | Path | None = None):
        super().__init__(str(fault), where=where)
        self.fault = fault
