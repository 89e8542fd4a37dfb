"""Verification: the host runs the model of a submission again, and finds the same predictions or not.

Only the weights, as safetensors, and their configuration are taken from a model's repository: no pickle and no code of
a stranger is ever loaded. The model runs in a child process with limits and without any credential.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.release import Release
from leaderboard.store import Entry, State, Store
from submission.child import Limits, TookTooLongError, run

__all__ = ["TOLERANCE", "Verification", "hub_model", "verified", "verify"]

TOLERANCE = 1e-3
"""How far predictions may be off, as a share of the stored values' spread: other processors round otherwise."""
_EVENT = "verification"
_LINK = re.compile(
    r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/(?P<id>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:/.*)?"
)
_NO_OWNERS = {"datasets", "spaces", "papers", "docs", "blog", "collections", "models", "organizations", "api", "posts"}
_KEPT = ("config.json", "*.safetensors", "*.safetensors.index.json")
_FAMILY = "agroflux-"
"""How the model types of our architectures begin."""
_LARGEST = 4 << 30
_RUNNING = Limits(memory=12 << 30, cpu=4 * 3600, wall=4 * 3600.0)
_READING = Limits(memory=4 << 30, cpu=3600, wall=3600.0)


@dataclass(frozen=True)
class Verification:
    """What came of running a model again.

    Attributes
    ----------
    agrees : bool
        Whether every target of the stored file is within the tolerance.
    model : str
        ORG/NAME@COMMIT, or the folder that the host named.
    differences : dict of str to (float or None)
        By target: root mean square over the stored values' spread; None where there is nothing to compare with.
    tolerance : float
    """

    agrees: bool
    model: str
    differences: dict[str, float | None]
    tolerance: float


def verified(store: Store) -> frozenset[str]:
    """The ids of the submissions whose latest verification found the same predictions."""
    latest = {event.submission: event.data["agrees"] for event in store.events(_EVENT)}
    return frozenset(id for id, agrees in latest.items() if agrees and id is not None)


def hub_model(entry: Entry) -> str | None:
    """The model on the Hub that a submission's links name first, as ORG/NAME; None where none does."""
    for link in entry.metadata.get("links") or ():
        match = _LINK.fullmatch(str(link).split("?")[0].split("#")[0].rstrip("/"))
        if match is not None and match["id"].split("/")[0] not in _NO_OWNERS:
            return match["id"]
    return None


def verify(
    store: Store,
    release: Release,
    id: str,
    *,
    model: str | None = None,
    tolerance: float = TOLERANCE,
    told: Callable[[str], None] = lambda work: None,
) -> Verification:
    """Run a submission's model again, and record whether it says the same.

    Parameters
    ----------
    store : Store
    release : Release
        The one that was predicted.
    id : str
        Of the submission.
    model : str, optional
        A folder, or ORG/NAME on the Hub; by default what the submission's links name.
    tolerance : float
    told : callable
        Told what is being done.

    Raises
    ------
    AgrofluxError
        No such submission, no model of ours, or it does not run. Nothing is recorded then.
    """
    if find_spec("torch") is None:
        raise AgrofluxError("torch is not installed, with which models run", expected="pip install 'agroflux[train]'")
    entry = store.entry(id)
    if entry is None or entry.state is not State.SCORED:
        raise AgrofluxError("nothing to verify", expected="a scored submission", came=id)
    submission = entry.submission
    if submission.revision != release.revision:
        raise AgrofluxError(
            "a submission to another release", expected=f"revision {release.revision}", came=submission.revision
        )
    named = model or hub_model(entry)
    if named is None:
        raise AgrofluxError(
            "its links name no model on the Hub", expected="https://huggingface.co/ORG/NAME, or --model FOLDER",
            came=listing(entry.metadata.get("links") or ["no links"]), where=id,
        )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="agroflux-verify-") as temporary:
        weights, again = Path(temporary) / "model", Path(temporary) / "again.parquet"
        weights.mkdir()
        told(f"taking {named}")
        source = _copied(Path(named), weights) if Path(named).is_dir() else _downloaded(named, weights)
        _check(weights, source)
        told(f"predicting {submission.task}")
        _predict(weights, release, submission.task, again, source)
        told("comparing")
        found = _differences(store.path(submission), again, source)
    agrees = bool(found) and all(value is not None and value <= tolerance for value in found.values())
    made = Verification(agrees, source, found, tolerance)
    store.record(
        _EVENT,
        {"agrees": agrees, "model": source, "differences": found, "tolerance": tolerance, "sha256": submission.sha256,
         "made_with": version("agroflux")},
        id,
    )  # fmt: skip
    return made


def _fits(name: str) -> bool:
    return any(Path(name).match(pattern) for pattern in _KEPT) and "/" not in name


def _refuse(files: Iterable[str], where: str) -> None:
    """Raise `AgrofluxError` where there are no safetensors, whatever else there is."""
    names = sorted(files)
    if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        raise AgrofluxError(
            "a model that is not run", expected="config.json and weights as safetensors; pickles are never opened",
            came=listing(names) or "no files", where=where,
        )  # fmt: skip


def _copied(folder: Path, into: Path) -> str:
    names = [path.name for path in folder.iterdir() if path.is_file()]
    _refuse(names, str(folder))
    for name in filter(_fits, names):
        shutil.copyfile(folder / name, into / name)
    return str(folder.resolve())


def _downloaded(id: str, into: Path) -> str:
    api = HfApi()
    with _talking(id):
        info = api.model_info(id, files_metadata=True)
        sizes = {one.rfilename: one.size or 0 for one in info.siblings or ()}
        _refuse(sizes, id)
        kept = [name for name in sizes if _fits(name)]
        if (size := sum(sizes[name] for name in kept)) > _LARGEST:
            raise AgrofluxError(
                "too large a model",
                expected=f"at most {_LARGEST / 2**30:.0f} GiB",
                came=f"{size / 2**30:.1f}",
                where=id,
            )
        for name in kept:
            api.hf_hub_download(id, name, revision=info.sha, local_dir=into)
    shutil.rmtree(into / ".cache", ignore_errors=True)
    return f"{id}@{info.sha}"


@contextmanager
def _talking(id: str) -> Iterator[None]:
    try:
        yield
    except (HfHubHTTPError, HTTPError, OfflineModeIsEnabled, ValueError) as error:
        said = getattr(error, "server_message", None) or str(error).splitlines()[0]
        raise AgrofluxError(
            "no such model", expected="a folder, or a model that the Hub shows to you", came=said, where=id
        ) from None


def _check(folder: Path, where: str) -> None:
    """Refuse what is none of our architectures; whether it loads is the child's to say."""
    try:
        kind = json.loads((folder / "config.json").read_text()).get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise AgrofluxError("unreadable config.json", expected="a JSON object", came=str(error), where=where) from None
    if not str(kind).startswith(_FAMILY):
        raise AgrofluxError(
            "none of our architectures", expected=f"model_type {_FAMILY}...", came=str(kind)[:60], where=where
        )


def _predict(model: Path, release: Release, task: str, output: Path, where: str) -> None:
    arguments = ["predict", str(model.resolve()), "--task", task, "--data", str(release.path.resolve()),
                 "--split", "test", "--output", str(output)]  # fmt: skip
    try:
        ended = run("baselines.cli", arguments, _RUNNING)
    except TookTooLongError:
        raise AgrofluxError(
            "the model did not come to an end", expected=f"at most {_RUNNING.wall / 3600:.0f} hours", where=where
        ) from None
    if ended is None or ended.code != 0 or not output.is_file():
        raise AgrofluxError(
            "the model does not run here", expected="what agroflux-train predict can load and run on the release",
            came=f"exit code {None if ended is None else ended.code}", where=where,
        )  # fmt: skip


def _differences(stored: Path, again: Path, where: str) -> dict[str, float | None]:
    try:
        ended = run("leaderboard.agreement", [str(stored.resolve()), str(again)], _READING)
    except TookTooLongError:
        ended = None
    if ended is None or ended.code != 0:
        raise AgrofluxError("the predictions cannot be compared", expected="the same sequences", where=where)
    found: dict[str, Any] = json.loads(ended.output)
    return {name: None if value is None else _significant(value) for name, value in found.items()}


def _significant(value: float) -> float:
    return value if value == 0 or not math.isfinite(value) else float(f"{value:.3g}")
