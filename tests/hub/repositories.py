"""What the Hub keeps: accounts, and repositories with their commits, branches and tags."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

KINDS = ("model", "dataset", "space")


@dataclass(frozen=True)
class Account:
    """Who a token belongs to, and what it may do.

    Attributes
    ----------
    name : str
    organizations : tuple of str
        Those that the account is a member of, and writes to.
    writes : bool
        Whether the token may write at all.
    """

    name: str
    organizations: tuple[str, ...] = ()
    writes: bool = True

    def owns(self, repository: str) -> bool:
        """Whether a repository stands in the account's own name or in an organization's of it."""
        return repository.split("/")[0] in (self.name, *self.organizations)


@dataclass(frozen=True)
class Commit:
    """All files of a repository at one moment."""

    oid: str
    title: str
    files: dict[str, bytes]
    date: datetime
    parent: Commit | None = None


def blob_id(content: bytes) -> str:
    """The name that git gives to a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Repository:
    """A repository, with a first commit and the branch ``main``.

    Attributes
    ----------
    kind : {"model", "dataset", "space"}
    id : str
        OWNER/NAME.
    private : bool
    sdk : str, optional
        Of a Space, as all that follows but branches and tags.
    secrets, variables : dict of str to str
        What the Space's process will have in its environment.
    volumes : list of dict
        What is mounted in it.
    branches, tags : dict of str to Commit
    """

    kind: str
    id: str
    private: bool
    sdk: str | None = None
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    volumes: list[dict[str, object]] = field(default_factory=list)
    branches: dict[str, Commit] = field(default_factory=dict)
    tags: dict[str, Commit] = field(default_factory=dict)
    _commits: dict[str, Commit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.commit("main", "initial commit", {".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"})

    @property
    def head(self) -> Commit:
        """The newest commit of ``main``."""
        return self.branches["main"]

    @property
    def files(self) -> dict[str, bytes]:
        """The files at the newest commit of ``main``."""
        return self.head.files

    def at(self, revision: str) -> Commit | None:
        """The commit that a branch, a tag or the commit's own name stands for."""
        return self.branches.get(revision) or self.tags.get(revision) or self._commits.get(revision)

    def commit(self, branch: str, title: str, changes: dict[str, bytes | None]) -> Commit:
        """Write files, or delete those whose new content is None; a name that ends in / is a folder."""
        parent = self.branches.get(branch)
        files = dict(parent.files) if parent else {}
        for path, content in changes.items():
            if content is not None:
                files[path] = content
            elif path.endswith("/"):
                files = {name: kept for name, kept in files.items() if not name.startswith(path)}
            else:
                del files[path]
        number = f"{self.kind} {self.id} {len(self._commits)} {title}"
        made = Commit(hashlib.sha1(number.encode()).hexdigest(), title, files, datetime.now(UTC), parent)
        self._commits[made.oid] = self.branches[branch] = made
        return made
