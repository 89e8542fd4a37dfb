"""The submission: the file that a participant holds in hand, its validation and its scores."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from submission.file import convert_csv, read, read_metadata, write
    from submission.metadata import Metadata
    from submission.scoring import score
    from submission.validation import validate

__all__ = ["Metadata", "convert_csv", "read", "read_metadata", "score", "validate", "write"]

_HOME = {
    "Metadata": "metadata", "convert_csv": "file", "read": "file", "read_metadata": "file", "score": "scoring",
    "validate": "validation", "write": "file",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """A name of `__all__`, loaded when it is first asked for: the command must set up Arrow before it is loaded."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
