"""A leaderboard as a Space: its files, made from what is installed here, and how they come to the Hub.

The package's own source goes along, so that the Space runs the very code that its host tried. A wheel would not do:
a Space installs its requirements before it has any other file of its repository.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile, SpaceCardData, Volume
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from agroflux_data.errors import AgrofluxError
from agroflux_data.hub import Home
from agroflux_data.release import PROVENANCE, Release, Targets
from agroflux_data.splits import Edition
from leaderboard.locations import Address

__all__ = ["SECRET", "Plan", "deploy", "requirements", "space_files"]

SECRET = "HF_TOKEN"
"""The Space's secret: a token that may read the release and its targets, and write to the store."""
_SPACE = "space"
_PACKAGES = ("agroflux_data", "submission", "leaderboard")
_DISTRIBUTION, _EXTRA = "agroflux", "leaderboard"
_MOUNT = "/data"

Folder = TypeVar("Folder", bound=Release | Targets)

_APP = '''"""The AgroFlux leaderboard. Written by `agroflux-leaderboard deploy`; the next deployment overwrites it."""

import os
from pathlib import Path

# Submissions are scored in child processes, which shall find the same package.
os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent)

from agroflux_data import console
from leaderboard.server import serve

console.run(
    lambda: serve(
        os.environ["AGROFLUX_DATA"],
        os.environ["AGROFLUX_TARGETS"],
        os.environ["AGROFLUX_STORE"],
        host="0.0.0.0",
        port=int(os.environ.get("GRADIO_SERVER_PORT", "7860")),
        quota=int(os.environ["AGROFLUX_QUOTA"]),
    )
)
'''

_README = """---
{front}
---

# {title}

Predictions of daily carbon and nitrogen fluxes of cropland, scored against hidden targets of release `{revision}`
([{data}](https://huggingface.co/datasets/{data})). Origin of the numbers: {origins}. Scores are not comparable with the
tables of the AgroFlux paper (arXiv 2602.01614).

Submit on the page, or with `agroflux-submit send`. Nobody's token is kept: the page needs none beyond your login, and
a program a fine-grained one without any permission.

Written by `agroflux-leaderboard deploy` with agroflux {version}; the next deployment overwrites every file here.
"""


@dataclass(frozen=True)
class Plan:
    """What a Space shall be.

    Attributes
    ----------
    space : str
        ORG/NAME.
    data, targets : Address
        The release and its hidden targets.
    store : Address
        The private dataset repository of the submissions; made if it is not there.
    quota : int
        Submissions that an owner has a day for each task.
    title : str
    private : bool
        Make the Space visible to its owners alone; of one that is there this is left as it is.
    bucket : str or None
        ORG/NAME of a storage bucket, made private if it is not there, that keeps what was fetched when the Space
        restarts. The submissions do not need it.
    """

    space: str
    data: Address
    targets: Address
    store: Address
    quota: int
    title: str = "AgroFlux leaderboard"
    private: bool = False
    bucket: str | None = None


def deploy(plan: Plan, api: HfApi, token: str | None, told: Callable[[str], None] = lambda work: None) -> str:
    """Make a Space or bring it up to date, and give its address.

    Everything that can be refused is refused before anything is made. The files come last, in one commit, since that
    starts the Space. Doing it again changes nothing but what is new.

    Parameters
    ----------
    plan : Plan
    api : HfApi
        Speaks to the Hub, with a token that may write to the Space.
    token : str or None
        The value of the Space's secret; None where the Space has one already.
    told : callable
        Told what is being done.

    Raises
    ------
    AgrofluxError
        The release is not sealed, the targets are another release's or public, a name is none, or the Hub refuses.
    """
    space = Home(plan.space, api)
    told("looking at the release and its targets")
    data, targets, public = _pinned(plan, api)
    with space.talking():
        there = api.repo_exists(plan.space, repo_type=_SPACE)
        if token is None and not (there and SECRET in api.get_space_secrets(plan.space)):
            raise AgrofluxError(
                f"the Space has no secret {SECRET}",
                expected=f"--token-file, a token that may read {targets.id} and write to {plan.store.id}",
                where=plan.space,
            )  # fmt: skip
    told(f"store: {plan.store.id}")
    store = plan.store.home(api)
    with store.talking():
        store.open(private=True)
    variables = {
        "AGROFLUX_DATA": str(data),
        "AGROFLUX_TARGETS": str(targets),
        "AGROFLUX_STORE": str(plan.store),
        "AGROFLUX_QUOTA": str(plan.quota),
    }
    with space.talking():
        told(f"Space: {plan.space}")
        api.create_repo(plan.space, repo_type=_SPACE, space_sdk="gradio", private=plan.private or None, exist_ok=True)
        if token is not None:
            told(f"secret: {SECRET}")
            api.add_space_secret(plan.space, SECRET, token, description="Reads release and targets, writes the store")
        if plan.bucket is not None:
            told(f"storage: {plan.bucket} at {_MOUNT}")
            api.create_bucket(plan.bucket, private=True, exist_ok=True)
            api.set_space_volumes(plan.space, [Volume(type="bucket", source=plan.bucket, mount_path=_MOUNT)])
            variables["HF_HOME"] = f"{_MOUNT}/huggingface"
        for name, value in variables.items():
            told(f"variable: {name}={value}")
            api.add_space_variable(plan.space, name, value)
        files = space_files(plan, public)
        known = {entry.path for entry in api.list_repo_tree(plan.space, recursive=True, repo_type=_SPACE)
                 if isinstance(entry, RepoFile)}  # fmt: skip
        stale = sorted(known - set(files) - {".gitattributes"})
        told(f"{len(files)} files")
        api.create_commit(
            plan.space,
            [CommitOperationDelete(path) for path in stale]
            + [CommitOperationAdd(path, content) for path, content in sorted(files.items())],
            commit_message=f"agroflux {_version(_DISTRIBUTION)}, release {public.revision}",
            repo_type=_SPACE,
        )
    return f"{api.endpoint}/spaces/{plan.space}"


def _pinned(plan: Plan, api: HfApi) -> tuple[Address, Address, Release]:
    """The release and its targets at the commits that stand there now, and the release's own words."""
    data, vault = plan.data.home(api), plan.targets.home(api)
    if data.same_as(vault) or plan.store.home(api).same_as(vault) or plan.store.home(api).same_as(data):
        raise AgrofluxError("one repository for several", expected="release, targets and store, each in its own")
    with data.talking():
        of_data = _commit(data, plan.data.revision)
        public = _words(data, of_data, Release)
    if public.edition is not Edition.SEALED:
        raise AgrofluxError("nothing to score against", expected="a sealed release", came="an open one", where=data.id)
    with vault.talking():
        vault.refuse_public("nothing was deployed")
        # Unless the host names another one, the targets of this very version.
        of_vault = _commit(vault, plan.targets.revision or public.version.tag)
        hidden = _words(vault, of_vault, Targets)
    if hidden.revision != public.revision:
        raise AgrofluxError(
            "targets of another release", expected=f"revision {public.revision}", came=hidden.revision, where=vault.id
        )
    return Address(data.id, of_data), Address(vault.id, of_vault), public


def _commit(home: Home, revision: str | None) -> str:
    return str(home.api.dataset_info(home.id, revision=revision).sha)


def _words(home: Home, commit: str, kind: type[Folder]) -> Folder:
    """A folder with nothing but its provenance."""
    with tempfile.TemporaryDirectory() as temporary:
        home.api.hf_hub_download(home.id, PROVENANCE, repo_type="dataset", revision=commit, local_dir=temporary)
        return kind(temporary)


def space_files(plan: Plan, public: Release) -> dict[str, bytes]:
    """The files of a Space by their path."""
    origins = sorted({public.origin(task) for task in public.tasks})
    front = SpaceCardData(
        title=plan.title,
        emoji="🌽",
        colorFrom="green",
        colorTo="yellow",
        sdk="gradio",
        sdk_version=_version("gradio"),
        python_version=f"{sys.version_info.major}.{sys.version_info.minor}",
        app_file="app.py",
        license="apache-2.0",
        short_description="Carbon and nitrogen fluxes of cropland, ranked",
        hf_oauth=True,
        hf_oauth_expiration_minutes=480,
        datasets=[plan.data.id],
        tags=["leaderboard", "submission:automatic", "test:private", "judge:auto", "modality:timeseries"],
    )
    readme = _README.format(
        front=front.to_yaml(), title=plan.title, data=plan.data.id, revision=public.revision,
        origins=", ".join(origins), version=_version(_DISTRIBUTION),
    )  # fmt: skip
    files = {"README.md": readme.encode(), "app.py": _APP.encode(), "requirements.txt": requirements().encode()}
    for package in _PACKAGES:
        spec = find_spec(package)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        (root,) = spec.submodule_search_locations
        for path in sorted(Path(root).rglob("*")):
            inside = path.relative_to(root)
            if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in inside.parts):
                files[f"{package}/{inside.as_posix()}"] = path.read_bytes()
    return files


def requirements() -> str:
    """Everything that the leaderboard needs, at the versions that are installed here."""
    pins: dict[str, str] = {}
    pending = [(_DISTRIBUTION, frozenset({_EXTRA}))]
    done: set[tuple[str, frozenset[str]]] = set()
    while pending:
        name, extras = pending.pop()
        if (name, extras) in done:
            continue
        done.add((name, extras))
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            raise AgrofluxError(
                f"{name} is not installed", expected="pip install 'agroflux[leaderboard]' where you deploy from"
            ) from None
        if name != _DISTRIBUTION:
            pins[name] = installed.version
        for line in installed.requires or []:
            need = Requirement(line)
            wanted = need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in {"", *extras})
            if wanted:
                pending.append((canonicalize_name(need.name), frozenset(need.extras)))
    return "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))


def _version(name: str) -> str:
    return distribution(name).version
