"""A release on the Hugging Face Hub: pushed as a dataset repository, its targets as a private one, and pulled back.

Shards go first, task by task, then one commit with the card and everything else that speaks of them, then the tag of
the version. Whoever needs a whole release while another one is being pushed reads it at its tag.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile, get_token
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from agroflux_data.card import README, renamed
from agroflux_data.check import check, damage, known_files
from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.release import PROVENANCE, SECRET, STATISTICS, Release, Targets, targets_folder
from agroflux_data.shards import Shard
from agroflux_data.splits import Edition
from agroflux_data.tasks import TASKS

__all__ = ["Home", "pull", "push"]

_DATASET = "dataset"
_REMEDIES = {401: "a valid token: hf auth login, or HF_TOKEN", 403: "a token that may write there"}

Told = Callable[[str], None]
Folder = TypeVar("Folder", bound=Release | Targets)


@dataclass(frozen=True)
class Home:
    """Where a folder of a release lives on the Hub: a dataset repository.

    Attributes
    ----------
    id : str
        ORG/NAME.
    api : HfApi
        Speaks to the Hub, with the token of whoever runs this.

    Raises
    ------
    AgrofluxError
        A text that names no repository.
    """

    id: str
    api: HfApi

    def __post_init__(self) -> None:
        try:
            validate_repo_id(self.id)
        except HFValidationError as error:
            raise AgrofluxError("not a repository", expected="ORG/NAME", came=str(error)) from None
        if "/" not in self.id:
            raise AgrofluxError("not a repository", expected="ORG/NAME", came=self.id)

    def same_as(self, other: Home) -> bool:
        """Whether both are one repository: the Hub ignores case."""
        return self.id.lower() == other.id.lower()

    @contextmanager
    def talking(self) -> Iterator[None]:
        """Say what the Hub refuses, or that it is out of reach, as an `AgrofluxError`."""
        try:
            yield
        except LocalEntryNotFoundError as error:
            # The library looked for a copy on disk before it said why the Hub gave none.
            raise self._said(error.__cause__ or error) from None
        except (HTTPError, OfflineModeIsEnabled) as error:
            raise self._said(error) from None

    def _said(self, error: BaseException) -> AgrofluxError:
        match error:
            case OfflineModeIsEnabled():
                return AgrofluxError("the Hub is out of reach", expected="HF_HUB_OFFLINE unset", came="offline")
            case RepositoryNotFoundError():
                return AgrofluxError(
                    "no such repository on the Hub", expected="a dataset that is there, or a token that may see it",
                    came=self.id, where=self.api.endpoint,
                )  # fmt: skip
            case RevisionNotFoundError():
                return AgrofluxError("no such revision", expected="a tag, a branch or a commit", where=self.id)
            case HfHubHTTPError():
                status = error.response.status_code
                expected = _REMEDIES.get(status, "success; run it again to go on")
                said = error.server_message or "no reason given"
                return AgrofluxError("refused by the Hub", expected=expected, came=f"{status}: {said}", where=self.id)
        return AgrofluxError(
            "the Hub did not answer", expected="a connection; run it again to go on",
            came=str(error) or type(error).__name__, where=self.api.endpoint,
        )  # fmt: skip

    @property
    def private(self) -> bool:
        """Whether only its owners see it, as the Hub says now."""
        return bool(self.api.dataset_info(self.id).private)

    def files(self) -> dict[str, RepoFile]:
        """The files that are there, by path."""
        entries = self.api.list_repo_tree(self.id, recursive=True, repo_type=_DATASET)
        return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}

    def open(self, *, private: bool) -> None:
        """Make the repository, unless it is there.

        Raises
        ------
        AgrofluxError
            It shall be private, and one that is there is public.
        """
        self.api.create_repo(self.id, repo_type=_DATASET, private=private, exist_ok=True)
        if private:
            self.refuse_public("nothing was sent")

    def refuse_public(self, so_far: str) -> None:
        """Raise `AgrofluxError` if everyone can read the repository."""
        if not self.private:
            raise AgrofluxError(
                "a public repository", expected=f"a private one; {so_far}", came="public", where=self.id
            )

    def refuse_other(self, folder: Release | Targets) -> None:
        """Raise `AgrofluxError` for a repository of the other kind, or for a version that is there with other rows."""
        there = self.files()
        other = STATISTICS if isinstance(folder, Targets) else SECRET
        if other in there:
            raise AgrofluxError(
                "a repository of something else", where=self.id,
                expected="hidden targets" if isinstance(folder, Targets) else "a public release",
                came=f"one that holds {other}",
            )  # fmt: skip
        tag = folder.version.tag
        if tag not in {ref.name for ref in self.api.list_repo_refs(self.id, repo_type=_DATASET).tags}:
            return
        with tempfile.TemporaryDirectory() as temporary:
            self._download(PROVENANCE, tag, Path(temporary))
            published = Release(temporary).revision
        if published != folder.revision:
            raise AgrofluxError(
                f"version {folder.version} is published already, with other rows",
                expected="a release built with a higher --version (agroflux-data diff says which)",
                came=f"revision {folder.revision}, there {published}", where=self.id,
            )  # fmt: skip

    def _download(self, file: str, revision: str, into: Path) -> None:
        self.api.hf_hub_download(self.id, file, repo_type=_DATASET, revision=revision, local_dir=into)

    def send(self, folder: Release | Targets, message: str, told: Told) -> None:
        """Send a folder: what is there already is not sent again, and shards of another release are deleted."""
        hidden = isinstance(folder, Targets)
        there = self.files()
        for number, task in enumerate(folder.tasks, start=1):
            told(f"{self.id}: {task}, task {number} of {len(folder.tasks)}")
            if hidden:
                self.refuse_public("stopped before the next task")
            if all(_stored(there.get(shard.file), shard) for shard in folder.shards if _task(shard.file) == task):
                continue
            self.api.upload_folder(
                repo_id=self.id, folder_path=folder.path, repo_type=_DATASET, allow_patterns=[f"{task}/*.parquet"],
                commit_message=f"{message}: {task}",
            )  # fmt: skip
        known = known_files(folder)
        papers = {path for path in known - {shard.file for shard in folder.shards} if (folder.path / path).is_file()}
        stale = sorted(path for path in self.files() if _is_shard(path) and path not in known)
        commit = self.api.create_commit(
            self.id,
            [CommitOperationDelete(path) for path in stale]
            + [CommitOperationAdd(path, self._paper(folder.path / path)) for path in sorted(papers)],
            commit_message=message,
            repo_type=_DATASET,
        )
        if hidden:
            self.refuse_public("whoever read it knows hidden values: make it private and build with another secret")
        self.api.create_tag(
            self.id, tag=folder.version.tag, revision=commit.oid, repo_type=_DATASET, exist_ok=True,
            tag_message=f"revision {folder.revision}",
        )  # fmt: skip

    def _paper(self, path: Path) -> bytes:
        """What stands in a file beside the shards; the card shows the name under which the Hub has the release."""
        if path.name != README:
            return path.read_bytes()
        card = path.read_text(encoding="utf-8")
        return renamed(card, self.id).encode()

    def fetch(self, kind: type[Folder], revision: str | None, staging: Path, part: str) -> Folder:
        """Bring a folder to ``staging/PART-COMMIT`` and compare it with the SHA-256 that it states.

        Files that came whole before are not fetched again. Anything else that was fetched for the same part is thrown
        away.

        Raises
        ------
        AgrofluxError
            It is no release, or not what was built.
        """
        commit = self.api.dataset_info(self.id, revision=revision).sha
        assert commit is not None
        into = staging / f"{part}-{commit}"
        for old in staging.glob(f"{part}-*"):
            if old != into:
                shutil.rmtree(old)
        try:
            self._download(PROVENANCE, commit, into)
        except EntryNotFoundError:
            raise AgrofluxError("not a release", expected=f"a repository with {PROVENANCE}", where=self.id) from None
        folder = kind(into)
        papers = known_files(folder) - {shard.file for shard in folder.shards}
        self.api.snapshot_download(
            self.id, repo_type=_DATASET, revision=commit, local_dir=into,
            allow_patterns=[*papers, *(f"{task}/*.parquet" for task in folder.tasks)],
        )  # fmt: skip
        if findings := list(damage(folder)):
            for finding in findings:
                (into / finding.where).unlink(missing_ok=True)
            raise AgrofluxError(
                "not what was built", expected="files with the SHA-256 that the release states; pull again to retry",
                came=listing(f"{finding.where}: {finding.problem}" for finding in findings), where=self.id,
            )  # fmt: skip
        shutil.rmtree(into / ".cache")
        return folder


def _task(file: str) -> str:
    return PurePosixPath(file).parts[0]


def _is_shard(path: str) -> bool:
    return _task(path) in TASKS and path.endswith(".parquet")


def _stored(there: RepoFile | None, shard: Shard) -> bool:
    """Whether the Hub's store of large files has a shard, by its SHA-256. Of small files it states another hash."""
    return there is not None and there.lfs is not None and there.lfs.sha256 == shard.sha256


def push(
    release: Release,
    home: Home,
    *,
    targets: tuple[Targets, Home] | None = None,
    private: bool = False,
    message: str | None = None,
    told: Told = lambda work: None,
) -> None:
    """Publish a release as a dataset repository, and its hidden targets as a private one.

    A push that broke off goes on when it is run again: files that are there are not sent twice. The newest commit holds
    the last release that was pushed, the tag of its version holds it for good.

    Parameters
    ----------
    release : Release
    home : Home
        Made if it is not there.
    targets : tuple of (Targets, Home), optional
        The hidden targets and their repository, which is made private, or is private already.
    private : bool
        Make the release's own repository private as well.
    message : str, optional
        Of the commits.
    told : callable
        Told what is being sent.

    Raises
    ------
    AgrofluxError
        `agroflux_data.check.check` finds anything; hidden targets would be public; the version is published with other
        rows; or the Hub refuses.
    """
    if targets is not None:
        if home.same_as(targets[1]):
            raise AgrofluxError(
                "one repository for both", expected="hidden targets in a repository of their own", came=home.id
            )
        if release.edition is Edition.OPEN:
            raise AgrofluxError("an open release hides nothing", expected="no targets", where=release.path)
    if home.api.token is None and get_token() is None:
        raise AgrofluxError("no token", expected="hf auth login, or HF_TOKEN, with the right to write")
    told("checking the release")
    if findings := list(check(release, targets[0].path if targets else None)):
        raise AgrofluxError(
            "not fit to be published", expected="a release that agroflux-data check finds nothing wrong with",
            came=listing(f"{finding.where}: {finding.problem}" for finding in findings), where=release.path,
        )  # fmt: skip
    message = message or f"AgroFlux {release.version}, revision {release.revision}"
    # Everything that can be refused is refused before the first byte is sent.
    if targets is not None:
        hidden, vault = targets
        with vault.talking():
            vault.open(private=True)
            vault.refuse_other(hidden)
    with home.talking():
        home.open(private=private)
        home.refuse_other(release)
    if targets is not None:
        with vault.talking():
            vault.send(hidden, message, told)
    with home.talking():
        home.send(release, message, told)


def pull(home: Home, out: Path, *, revision: str | None = None, vault: Home | None = None) -> Release:
    """Bring a release from the Hub to ``out``, and its targets beside it.

    It is fetched into ``.NAME.pulling`` beside ``out``, compared with the SHA-256 of each of its files, and renamed
    into place. A pull that broke off goes on from there.

    Parameters
    ----------
    home : Home
    out : Path
        Where nothing stands yet.
    revision : str, optional
        A tag such as ``v1.0.0``, a branch or a commit; the newest by default.
    vault : Home, optional
        The repository of the hidden targets: they are taken at the tag of the release's version, if there is one.

    Raises
    ------
    AgrofluxError
        Something stands at ``out``, the repository holds no whole release, or the Hub refuses.
    """
    places = [targets_folder(out), out] if vault else [out]
    for place in places:
        if place.exists():
            raise AgrofluxError("something stands there already", expected="the name of a new folder", where=place)
    staging = out.with_name(f".{out.name}.pulling")
    staging.mkdir(mode=0o700, parents=True, exist_ok=True)
    with home.talking():
        release = home.fetch(Release, revision, staging, "public")
    fetched = [release.path]
    if vault is not None:
        with vault.talking():
            refs = vault.api.list_repo_refs(vault.id, repo_type=_DATASET)
            tagged = release.version.tag in {ref.name for ref in refs.tags}
            targets = vault.fetch(Targets, release.version.tag if tagged else None, staging, "targets")
        Targets.of(release, targets.path)
        (targets.path / SECRET).chmod(0o600)
        fetched.insert(0, targets.path)
    for new, final in zip(fetched, places, strict=True):
        os.rename(new, final)
    shutil.rmtree(staging)
    return Release(out)
