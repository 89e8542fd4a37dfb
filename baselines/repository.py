"""Model repositories on the Hub: what is fetched of one, and how what goes wrong is said."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from agroflux_data.errors import AgrofluxError

__all__ = ["SAVED_FILES", "fetched"]

SAVED_FILES = ("*.json", "*.safetensors", "*.txt")
"""Of a repository: what a model is read from. Code that lies there is neither fetched nor run."""


def fetched(name: str) -> Path:
    """The local folder of a repository's model.

    Parameters
    ----------
    name : str
        ``ORG/NAME`` or ``ORG/NAME@REVISION``.

    Raises
    ------
    AgrofluxError
        No such repository or revision, or the Hub cannot be reached.
    """
    repository, _, revision = name.partition("@")
    if repository.count("/") != 1 or repository.startswith((".", "/")):
        raise AgrofluxError(
            "not a model", expected="a folder that agroflux-train run made, or ORG/NAME on the Hub", came=name
        )
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=list(SAVED_FILES)))
    except HFValidationError as error:
        raise AgrofluxError("not a repository", expected="ORG/NAME", came=str(error)) from None
    except RepositoryNotFoundError:
        raise AgrofluxError("no such folder, and no such model on the Hub", came=name) from None
    except RevisionNotFoundError:
        raise AgrofluxError("no such revision", expected="a tag, a branch or a commit", came=name) from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise AgrofluxError(
            "no such folder, and the Hub did not give it", expected="a folder, or a Hub in reach", where=name,
            came=str(error.__cause__ or error).splitlines()[0],
        ) from None  # fmt: skip
