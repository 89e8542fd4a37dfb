"""Deployment: what a Space gets, what is refused, and that what was deployed starts and answers."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
import yaml
from gradio_client import Client, handle_file
from huggingface_hub import HfApi, constants
from packaging.utils import canonicalize_name

from agroflux_data.hub import Home, push
from agroflux_data.release import Release, Targets
from leaderboard import cli
from leaderboard.space import requirements
from tests.conftest import hub  # noqa: F401 - the whole Hub, not the one route of the others here
from tests.hub import Account, Hub
from tests.leaderboard.conftest import FileMaker

SECRET = "hf_of_the_space_alone"


@pytest.fixture
def published(
    toy_release: Path,
    hub: Hub,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Hub:
    """A Hub with a release and its targets, and the token of a host."""
    token = hub.account("ada", ("fluxes",))
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "cache"))
    api, release = HfApi(token=token), Release(toy_release)
    push(release, Home("fluxes/agroflux", api),
         targets=(Targets.of(release), Home("fluxes/agroflux-targets", api)))  # fmt: skip
    return hub


@pytest.fixture
def deploy(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Run the command: exit code, and all that it said."""
    (tmp_path / "token").write_text(SECRET + "\n")

    def run(*arguments: str, token: bool = True) -> tuple[int, str]:
        given = ["--token-file", str(tmp_path / "token")] if token else []
        monkeypatch.setattr("sys.argv", ["agroflux-leaderboard", "deploy", "fluxes/board", *given, *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), "".join(capsys.readouterr())

    return run


def test_a_space_gets_its_files_settings_and_secret(published: Hub, deploy, toy_release: Path) -> None:
    code, said = deploy("--quota", "3", "--title", "Fluxes: ranked", "--bucket", "fluxes/cache")
    assert code == 0, said
    space, store = published.repository("fluxes/board", "space"), published.repository("fluxes/agroflux-store")
    assert (space.sdk, space.private, store.private) == ("gradio", False, True)
    assert space.secrets == {"HF_TOKEN": SECRET}
    assert SECRET not in said
    assert not any(SECRET.encode() in content for content in space.files.values())
    data, targets = published.repository("fluxes/agroflux"), published.repository("fluxes/agroflux-targets")
    assert space.variables == {
        "AGROFLUX_DATA": f"hf://datasets/fluxes/agroflux@{data.head.oid}",
        "AGROFLUX_TARGETS": f"hf://datasets/fluxes/agroflux-targets@{targets.head.oid}",
        "AGROFLUX_STORE": "hf://datasets/fluxes/agroflux-store",
        "AGROFLUX_QUOTA": "3",
        "HF_HOME": "/data/huggingface",
    }
    assert published.buckets == {"fluxes/cache": True}
    assert space.volumes == [{"type": "bucket", "source": "fluxes/cache", "mountPath": "/data"}]
    front = yaml.safe_load(space.files["README.md"].decode().split("---\n")[1])
    expected = {
        "title": "Fluxes: ranked", "sdk": "gradio", "app_file": "app.py", "hf_oauth": True,
        "datasets": ["fluxes/agroflux"], "python_version": f"{sys.version_info.major}.{sys.version_info.minor}",
    }  # fmt: skip
    assert expected.items() <= front.items()
    assert f"gradio=={front['sdk_version']}\n" in space.files["requirements.txt"].decode()
    files = {"app.py", "leaderboard/app/page.css", "submission/limited.py", "agroflux_data/variables.py"}
    assert files <= set(space.files)
    assert not any("__pycache__" in path or path.startswith("baselines") for path in space.files)
    assert Release(toy_release).revision in space.files["README.md"].decode()


def test_deploying_again_changes_what_is_new_and_removes_what_is_old(published: Hub, deploy) -> None:
    assert deploy()[0] == 0
    space = published.repository("fluxes/board", "space")
    first = dict(space.files)
    space.commit("main", "by hand", {"leaderboard/gone.py": b"", "app.py": b"changed"})
    code, said = deploy(token=False)
    assert code == 0, said
    assert (space.files, space.secrets) == (first, {"HF_TOKEN": SECRET})


def test_what_cannot_be_right_is_refused_before_anything_is_made(
    published: Hub, deploy, toy_open_release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = HfApi(token=next(iter(published.accounts)))
    push(Release(toy_open_release), Home("fluxes/open", api))
    before = set(published.repositories)
    for arguments, said in (
        (("--data", "fluxes/open", "--targets", "fluxes/agroflux-targets"), "a sealed release"),
        (("--data", "fluxes/nothing"), "no such repository"),
        (("--data", "fluxes/agroflux@v9.9.9"), "no such revision"),
        (("--targets", "fluxes/agroflux"), "one repository for several"),
        (("--store", "fluxes/agroflux-targets"), "one repository for several"),
        (("--store", "here"), "not an address"),
    ):
        code, out = deploy(*arguments)
        assert (code, said in out) == (2, True), (arguments, out)
        assert "Traceback" not in out
    code, out = deploy(token=False)
    assert (code, "has no secret HF_TOKEN" in out) == (2, True)
    published.repository("fluxes/agroflux-targets").private = False
    code, out = deploy()
    assert (code, "a public repository" in out) == (2, True)
    assert set(published.repositories) == before


def test_requirements_are_pinned_and_hold_all_that_a_leaderboard_loads() -> None:
    lines = requirements().splitlines()
    assert all(re.fullmatch(r"[a-z0-9-]+==\S+", line) for line in lines)
    pinned = {line.split("==")[0] for line in lines}
    assert not pinned & {"torch", "transformers", "agroflux"}
    code = "import sys, leaderboard.cli, leaderboard.app, leaderboard.worker, submission.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    # Of what is loaded, that which our own modules name: others may load more where they find it.
    ours = [find_spec(name) for name in loaded
            if name.split(".")[0] in ("agroflux_data", "submission", "leaderboard")]  # fmt: skip
    named = {
        word.split(".")[0]
        for spec in ours
        if spec is not None and spec.origin is not None
        for word in re.findall(r"^(?:from|import) (\S+)", Path(spec.origin).read_text(), re.MULTILINE)
    }
    of_module = packages_distributions()
    needed = {canonicalize_name(one) for name in named & set(loaded) for one in of_module.get(name, [])}
    assert {"gradio", "pyarrow", "huggingface-hub"} <= needed
    assert needed - pinned <= {"agroflux"}


def test_what_was_deployed_starts_and_takes_submissions(
    published: Hub, deploy, tmp_path: Path, make_file: FileMaker
) -> None:
    code, said = deploy()
    assert code == 0, said
    space = published.repository("fluxes/board", "space")
    folder = tmp_path / "space"
    for path, content in space.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    # Whoever answers is the copy: it says so.
    server = folder / "leaderboard" / "server.py"
    server.write_text(server.read_text().replace("The leaderboard is at", "The copy is at"))
    published.accounts[SECRET] = Account("robot", ("fluxes",))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    space_sets = {
        "SYSTEM": "spaces", "SPACE_ID": "fluxes/board", "SPACE_HOST": "fluxes-board.hf.space", "OAUTH_CLIENT_ID": "id",
        "OAUTH_CLIENT_SECRET": "s", "OAUTH_SCOPES": "openid profile", "OPENID_PROVIDER_URL": published.url,
        "GRADIO_SERVER_PORT": str(port), **space.secrets, **space.variables,
    }  # fmt: skip
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=folder, stdout=output, stderr=subprocess.STDOUT,
            env=kept | published.environment(tmp_path / "home") | space_sets,
        )  # fmt: skip
        try:
            assert _told(log, "The copy is at", process), log.read_text()
            answer = httpx.get(f"http://127.0.0.1:{port}/", timeout=60)
            client = Client(
                f"http://127.0.0.1:{port}/", token=False, oauth_token=published.account("eve"), verbose=False
            )
            receipt = client.predict(handle_file(make_file()), "", api_name="/submit")
        finally:
            process.terminate()
            process.wait(timeout=60)
    assert (answer.status_code, "AgroFlux leaderboard" in answer.text) == (200, True)
    assert SECRET not in log.read_text()
    store = published.repository("fluxes/agroflux-store")
    assert any(receipt["sha256"] in path for path in store.files), "received means kept in the store"
    assert any(b'"eve"' in content for content in store.files.values())


def _told(log: Path, words: str, process: subprocess.Popen[bytes], seconds: float = 180) -> bool:
    """Whether a process says something, before it ends or the time is over."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop and process.poll() is None:
        if words in log.read_text():
            return True
        time.sleep(0.2)
    return words in log.read_text()
