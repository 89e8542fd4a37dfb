"""The Hub's HTTP API over the repositories that `tests.hub.repositories` keeps."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub.repositories import KINDS, Account, Commit, Repository, blob_id


@dataclass(frozen=True)
class Request:
    """A request that came: its method, its path without the query, and the bytes of its body."""

    method: str
    path: str
    size: int


class Hub:
    """The server: a context manager that listens on a free port of 127.0.0.1.

    Attributes
    ----------
    accounts : dict of str to Account
        By token.
    repositories : dict of (kind, id) to Repository
    buckets : dict of str to bool
        Storage buckets by their id, and whether each is private.
    requests : list of Request
        All that came, in order.
    fault : callable, optional
        Asked before each request is answered; the HTTP status that it gives is answered instead, None lets it pass.
    lost : callable, optional
        Asked after each request was done; where it says True the answer is lost on its way.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.buckets: dict[str, bool] = {}
        self.requests: list[Request] = []
        self.fault: Callable[[Request], int | None] | None = None
        self.lost: Callable[[Request], bool] | None = None
        self.lock = threading.Lock()
        hub = self

        class Handler(_Handler):
            def __init__(self, *arguments: Any):
                self.hub = hub
                super().__init__(*arguments)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """What HF_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def environment(self, cache: Path) -> dict[str, str]:
        """What a child process needs in its environment to take this for the Hub, with a cache of its own."""
        return {"HF_ENDPOINT": self.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HOME": str(cache)}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def account(self, name: str, organizations: tuple[str, ...] = (), *, writes: bool = True) -> str:
        """A new account's token."""
        token = f"hf_{name}{len(self.accounts)}"
        self.accounts[token] = Account(name, organizations, writes)
        return token

    def repository(self, id: str, kind: str = "dataset") -> Repository:
        """A repository that is there."""
        return self.repositories[kind, id]

    def sent(self, method: str, part: str) -> list[Request]:
        """The requests of a method whose path holds a text."""
        return [request for request in self.requests if request.method == method and part in request.path]


class Refusal(Exception):
    """An answer other than success, as the Hub words it: a status, and a code that its client reads."""

    def __init__(self, status: int, message: str, code: str | None = None, **facts: str):
        super().__init__(message)
        self.status, self.message, self.code, self.facts = status, message, code, facts


_ROUTES: list[tuple[str, re.Pattern[str], str]] = []


def _route(method: str, pattern: str) -> Callable[[Callable], Callable]:
    def register(handler: Callable) -> Callable:
        _ROUTES.append((method, re.compile(pattern), handler.__name__))
        return handler

    return register


_REPOSITORY = rf"/api/(?P<kind>{'|'.join(KINDS)})s/(?P<id>[^/]+/[^/]+)"
_REVISION = "(?P<revision>[^/]+)"
_FILE = rf"/(?:(?P<kind>dataset|space)s/)?(?P<id>[^/]+/[^/]+)/resolve/{_REVISION}/(?P<path>.+)"


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"
    # Without it, the headers and the body of an answer are two packets, and the second waits for 40 ms.
    wbufsize = -1

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: `Hub.requests` tells."""

    def _serve(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        request = Request(self.command, unquote(url.path), len(self.body))
        self.hub.requests.append(request)
        try:
            if self.hub.fault is not None and (status := self.hub.fault(request)) is not None:
                raise Refusal(status, "a fault that the test asked for")
            for method, pattern, name in _ROUTES:
                if method == self.command and (match := pattern.fullmatch(url.path)):
                    parts = {part: unquote(text) for part, text in match.groupdict().items() if text is not None}
                    with self.hub.lock:
                        answer = getattr(self, name)(**parts)
                    if self.hub.lost is not None and self.hub.lost(request):
                        raise Refusal(502, "the answer was lost")
                    answer()
                    return
            raise Refusal(404, f"no such page: {self.command} {url.path}")
        except Refusal as refusal:
            headers = {"X-Error-Message": refusal.message} | ({"X-Error-Code": refusal.code} if refusal.code else {})
            self._answer(refusal.status, json.dumps({"error": refusal.message} | refusal.facts).encode(), headers)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, content: object) -> Callable[[], None]:
        body = json.dumps(content).encode()
        return lambda: self._answer(HTTPStatus.OK, body, {})

    # --- Who asks, and for what.

    @property
    def _account(self) -> Account | None:
        """Who asks; None for a request without a token."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            return None
        if token not in self.hub.accounts:
            raise Refusal(401, "Invalid credentials in Authorization header")
        return self.hub.accounts[token]

    def _writer(self, id: str) -> Account:
        account = self._account
        if account is None:
            raise Refusal(401, "Invalid username or password.")
        if not (account.writes and account.owns(id)):
            raise Refusal(403, f"You don't have the rights to write to {id}")
        return account

    def _repository(self, kind: str, id: str, *, write: bool = False) -> Repository:
        repository, account = self.hub.repositories.get((kind, id)), self._account
        if repository is None or (repository.private and not (account and account.owns(id))):
            # Whether a repository is absent or private is not for everyone to know.
            raise Refusal(404 if account else 401, "Repository not found", "RepoNotFound")
        if write:
            self._writer(id)
        return repository

    def _commit(self, repository: Repository, revision: str) -> Commit:
        commit = repository.at(revision)
        if commit is None:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    @property
    def _sent(self) -> dict[str, Any]:
        """The body, which is JSON or a form."""
        if "form-urlencoded" in self.headers.get("Content-Type", ""):
            return parse_qs(self.body.decode())
        return json.loads(self.body)

    # --- Accounts and repositories.

    @_route("GET", "/api/whoami-v2")
    def whoami(self) -> Callable[[], None]:
        account = self._account
        if account is None:
            raise Refusal(401, "Invalid username or password.")
        role = "write" if account.writes else "read"
        return self._json(
            {
                "type": "user", "name": account.name, "fullname": account.name,
                "orgs": [{"type": "org", "name": name} for name in account.organizations],
                "auth": {"type": "access_token", "accessToken": {"displayName": "test", "role": role}},
            }
        )  # fmt: skip

    @_route("POST", "/api/repos/create")
    def create(self) -> Callable[[], None]:
        asked, account = self._sent, self._account
        kind = asked.get("type") or "model"
        id = f"{asked.get('organization') or (account.name if account else '')}/{asked['name']}"
        self._writer(id)
        if (kind, id) in self.hub.repositories:
            raise Refusal(409, "You already created this repo", url=self._url(kind, id))
        self.hub.repositories[kind, id] = Repository(kind, id, asked.get("visibility") == "private", asked.get("sdk"))
        return self._json({"url": self._url(kind, id), "name": id})

    @_route("DELETE", "/api/repos/delete")
    def delete(self) -> Callable[[], None]:
        asked = self._sent
        kind, id = asked.get("type") or "model", f"{asked['organization']}/{asked['name']}"
        self._repository(kind, id, write=True)
        del self.hub.repositories[kind, id]
        return self._json({})

    def _url(self, kind: str, id: str) -> str:
        return f"{self.hub.url}/{'' if kind == 'model' else kind + 's/'}{id}"

    @_route("PUT", f"{_REPOSITORY}/settings")
    def settings(self, kind: str, id: str) -> Callable[[], None]:
        repository = self._repository(kind, id, write=True)
        repository.private = self._sent["visibility"] == "private"
        return self._json({"private": repository.private})

    @_route("GET", f"{_REPOSITORY}(?:/revision/{_REVISION})?")
    def info(self, kind: str, id: str, revision: str = "main") -> Callable[[], None]:
        repository = self._repository(kind, id)
        commit = self._commit(repository, revision)
        blobs = "blobs" in self.query
        return self._json(
            {
                "_id": id, "id": id, "author": id.split("/")[0], "sha": commit.oid, "private": repository.private,
                "lastModified": _date(commit), "gated": False, "disabled": False, "tags": [], "downloads": 0,
                "likes": 0, "sdk": repository.sdk,
                "siblings": [
                    {"rfilename": path} | ({"size": len(content), "blobId": blob_id(content)} if blobs else {})
                    for path, content in commit.files.items()
                ],
            }
        )  # fmt: skip

    @_route("GET", f"{_REPOSITORY}/refs")
    def refs(self, kind: str, id: str) -> Callable[[], None]:
        repository = self._repository(kind, id)

        def listed(refs: dict[str, Commit], folder: str) -> list[dict[str, str]]:
            return [
                {"name": name, "ref": f"refs/{folder}/{name}", "targetCommit": commit.oid}
                for name, commit in refs.items()
            ]

        return self._json(
            {"branches": listed(repository.branches, "heads"), "tags": listed(repository.tags, "tags"), "converts": []}
        )

    @_route("POST", f"{_REPOSITORY}/branch/(?P<branch>[^/]+)")
    def branch(self, kind: str, id: str, branch: str) -> Callable[[], None]:
        repository = self._repository(kind, id, write=True)
        return self._name(repository, repository.branches, branch, self._sent.get("startingPoint", "main"))

    @_route("POST", f"{_REPOSITORY}/tag/{_REVISION}")
    def tag(self, kind: str, id: str, revision: str) -> Callable[[], None]:
        repository = self._repository(kind, id, write=True)
        return self._name(repository, repository.tags, self._sent["tag"], revision)

    def _name(self, repository: Repository, refs: dict[str, Commit], name: str, revision: str) -> Callable[[], None]:
        if name in refs:
            raise Refusal(409, f"Reference already exists: {name}")
        refs[name] = self._commit(repository, revision)
        return self._json({})

    @_route("DELETE", f"{_REPOSITORY}/tag/(?P<tag>[^/]+)")
    def untag(self, kind: str, id: str, tag: str) -> Callable[[], None]:
        repository = self._repository(kind, id, write=True)
        if repository.tags.pop(tag, None) is None:
            raise Refusal(404, f"Invalid rev id: {tag}", "RevisionNotFound")
        return self._json({})

    @_route("GET", f"{_REPOSITORY}/commits/{_REVISION}")
    def commits(self, kind: str, id: str, revision: str) -> Callable[[], None]:
        repository = self._repository(kind, id)
        return self._json(
            [
                {"id": commit.oid, "title": commit.title, "message": "", "date": _date(commit), "authors": []}
                for commit in _history(self._commit(repository, revision))
            ]
        )

    # --- Spaces and buckets.

    @_route("GET", r"/api/spaces/(?P<id>[^/]+/[^/]+)/(?P<what>secrets|variables)")
    def settings_of_space(self, id: str, what: str) -> Callable[[], None]:
        space = self._repository("space", id, write=True)
        # A secret can be written and named, never read.
        known = {name: {} for name in space.secrets} if what == "secrets" else {
            name: {"value": value} for name, value in space.variables.items()
        }  # fmt: skip
        return self._json(known)

    @_route("POST", r"/api/spaces/(?P<id>[^/]+/[^/]+)/(?P<what>secrets|variables)")
    def set_of_space(self, id: str, what: str) -> Callable[[], None]:
        space, sent = self._repository("space", id, write=True), self._sent
        (space.secrets if what == "secrets" else space.variables)[sent["key"]] = sent["value"]
        return self._json({name: {"value": value} for name, value in space.variables.items()})

    @_route("PUT", r"/api/spaces/(?P<id>[^/]+/[^/]+)/volumes")
    def mount(self, id: str) -> Callable[[], None]:
        space = self._repository("space", id, write=True)
        space.volumes = self._sent["volumes"]
        return self._json({"volumes": space.volumes})

    @_route("POST", r"/api/buckets/(?P<id>[^/]+/[^/]+)")
    def bucket(self, id: str) -> Callable[[], None]:
        self._writer(id)
        url = f"{self.hub.url}/buckets/{id}"
        if id in self.hub.buckets:
            raise Refusal(409, "You already created this bucket", url=url)
        self.hub.buckets[id] = self._sent.get("visibility") == "private"
        return self._json({"url": url})

    # --- Files.

    @_route("GET", f"{_REPOSITORY}/tree/{_REVISION}(?:/(?P<path>.*))?")
    def tree(self, kind: str, id: str, revision: str, path: str = "") -> Callable[[], None]:
        files = self._commit(self._repository(kind, id), revision).files
        root = PurePosixPath(path)
        inside = [file for file in files if not path or root in PurePosixPath(file).parents]
        if path and not inside:
            raise Refusal(404, f"{path} does not exist on {revision}", "EntryNotFound")
        everything = self.query.get("recursive", ["false"])[0].lower() == "true"
        entries = {}
        for file in inside:
            for entry in (PurePosixPath(file), *PurePosixPath(file).parents):
                if root in entry.parents and (everything or entry.parent == root):
                    entries[str(entry)] = _entry(files, str(entry))
        return self._json(list(entries.values()))

    @_route("POST", f"{_REPOSITORY}/paths-info/{_REVISION}")
    def paths_info(self, kind: str, id: str, revision: str) -> Callable[[], None]:
        files = self._commit(self._repository(kind, id), revision).files
        folders = {str(parent) for file in files for parent in PurePosixPath(file).parents}
        return self._json([_entry(files, path) for path in self._sent["paths"] if path in files or path in folders])

    @_route("POST", f"{_REPOSITORY}/preupload/{_REVISION}")
    def preupload(self, kind: str, id: str, revision: str) -> Callable[[], None]:
        files = self._commit(self._repository(kind, id, write=True), revision).files
        return self._json(
            {
                "files": [
                    {
                        "path": file["path"], "uploadMode": "regular", "shouldIgnore": False,
                        "oid": blob_id(files[file["path"]]) if file["path"] in files else None,
                    }
                    for file in self._sent["files"]
                ]
            }
        )  # fmt: skip

    @_route("POST", "/api/validate-yaml")
    def validate_yaml(self) -> Callable[[], None]:
        return self._json({"errors": [], "warnings": []})

    @_route("POST", f"{_REPOSITORY}/commit/{_REVISION}")
    def commit(self, kind: str, id: str, revision: str) -> Callable[[], None]:
        repository = self._repository(kind, id, write=True)
        lines = [json.loads(line) for line in self.body.splitlines()]
        header = lines[0]["value"]
        parent = header.get("parentCommit")
        if parent is not None and parent != self._commit(repository, revision).oid:
            raise Refusal(412, "A commit has happened since. Please refresh and try again.")
        changes: dict[str, bytes | None] = {}
        for line in lines[1:]:
            change = line["value"]
            if line["key"] == "file":
                changes[change["path"]] = base64.b64decode(change["content"])
            elif line["key"] == "deletedFile":
                if change["path"] not in repository.branches[revision].files:
                    raise Refusal(404, f"A file with this name doesn't exist: {change['path']}", "EntryNotFound")
                changes[change["path"]] = None
            elif line["key"] == "deletedFolder":
                changes[change["path"].rstrip("/") + "/"] = None
            else:
                raise Refusal(400, f"this small Hub knows no {line['key']}")
        made = repository.commit(revision, header["summary"], changes)
        return self._json({"commitUrl": f"{self._url(kind, id)}/commit/{made.oid}", "commitOid": made.oid})

    @_route("HEAD", _FILE)
    @_route("GET", _FILE)
    def resolve(self, id: str, revision: str, path: str, kind: str = "model") -> Callable[[], None]:
        commit = self._commit(self._repository(kind, id), revision)
        content = commit.files.get(path)
        if content is None:
            raise Refusal(404, "Entry not found", "EntryNotFound")
        headers = {
            "Content-Type": "application/octet-stream", "ETag": f'"{blob_id(content)}"', "X-Repo-Commit": commit.oid,
            "Accept-Ranges": "bytes",
        }  # fmt: skip
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if match is None:
            return lambda: self._answer(HTTPStatus.OK, content, headers)
        first, last = match.groups()
        start = int(first) if first else len(content) - int(last)
        stop = min(int(last) + 1, len(content)) if first and last else len(content)
        if start >= len(content):
            raise Refusal(416, f"{len(content)} bytes only")
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        return lambda: self._answer(HTTPStatus.PARTIAL_CONTENT, content[start:stop], headers)


def _date(commit: Commit) -> str:
    return commit.date.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _history(commit: Commit | None) -> Iterator[Commit]:
    while commit is not None:
        yield commit
        commit = commit.parent


def _entry(files: dict[str, bytes], path: str) -> dict[str, object]:
    """A file or folder as the Hub lists it."""
    if path not in files:
        return {"type": "directory", "oid": blob_id(path.encode()), "size": 0, "path": path}
    return {"type": "file", "oid": blob_id(files[path]), "size": len(files[path]), "path": path}
