"""Publishing a fitted model on the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import CommitOperationAdd, get_token

from agroflux_data.errors import AgrofluxError
from agroflux_data.hub import Home
from baselines.model_card import card, eval_results
from baselines.run import RunFolder
from baselines.saved import Saved

__all__ = ["EVAL_RESULTS", "push"]

EVAL_RESULTS = ".eval_results/agroflux-validation.yaml"
"""Where a model's repository has its results, beside those that a leaderboard gives."""
_KINDS = {".json", ".safetensors", ".txt", ".py", ".png"}


def push(
    saved: Saved,
    home: Home,
    *,
    private: bool = False,
    licence: str | None = None,
    dataset: str | None = None,
    dataset_revision: str | None = None,
    message: str | None = None,
) -> str:
    """Publish a run or an ensemble as a model repository, in one commit.

    Parameters
    ----------
    saved : Saved
        A finished run or ensemble.
    home : Home
        Made if it is not there.
    private : bool
    licence : str, optional
        The Hub's identifier; by default that of the data.
    dataset, dataset_revision : str, optional
        The benchmark's dataset on the Hub and its commit; with a dataset, results go along in the Hub's form.
    message : str, optional
        Of the commit.

    Returns
    -------
    str
        The commit.

    Raises
    ------
    AgrofluxError
        Not made by a run, unfinished, no token, or the Hub refuses.
    """
    if not saved.runs:
        raise AgrofluxError("not made by a run", expected="the folder of a run or an ensemble", where=saved.folder)
    metrics = RunFolder(saved.folder).metrics()
    if home.api.token is None and get_token() is None:
        raise AgrofluxError("no token", expected="hf auth login, or HF_TOKEN, with the right to write")
    source = RunFolder(saved.folder).source  # what a network was before it was adapted is not the model
    files: dict[str, Path | bytes] = {
        path.relative_to(saved.folder).as_posix(): path
        for path in sorted(saved.folder.rglob("*"))
        if path.is_file() and path.suffix in _KINDS and not path.name.startswith(".") and source not in path.parents
    }
    files["README.md"] = card(saved, metrics, home.id, licence=licence, dataset=dataset).encode()
    if dataset is not None and (results := eval_results(saved, metrics, dataset, dataset_revision)):
        files[EVAL_RESULTS] = results.encode()
    with home.talking():
        home.api.create_repo(home.id, private=private, exist_ok=True)
        commit = home.api.create_commit(
            home.id,
            [CommitOperationAdd(path, content) for path, content in files.items()],
            commit_message=message or f"{saved.fitted.method} on {saved.runs[0].task}",
        )
    return commit.oid
