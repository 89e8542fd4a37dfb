"""The text of a user's file, or one clear error."""

from __future__ import annotations

from pathlib import Path

from agroflux_data.errors import AgrofluxError

__all__ = ["read"]


def read(path: Path, expected: str) -> str:
    """A file's text in UTF-8, with or without a byte order mark.

    Parameters
    ----------
    path : Path
    expected : str
        What the file should be, for the errors.

    Raises
    ------
    AgrofluxError
        The file cannot be read, or is no text in UTF-8: the message names the line.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise AgrofluxError("unreadable file", expected=expected, came=error.strerror, where=path) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise AgrofluxError(
            "no text in UTF-8", expected=expected, came=error.object[error.start : error.end],
            where=f"{path}, line {line}",
        ) from None  # fmt: skip
