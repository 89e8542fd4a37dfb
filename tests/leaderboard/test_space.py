"""Deployment: what a Space gets, what is refused, and that what was deployed starts and answers."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from huggingface_hub import HfApi, constants
from packaging.utils import canonicalize_name

from agroflux_data.hub import Home, push
from agroflux_data.release import Release, Targets
from leaderboard import cli
from leaderboard.space import requirements
from tests.conftest import hub  # noqa: F401 - the whole Hub, not the one route of the others here
from tests.hub import Hub

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
    assert {"app.py", "leaderboard/page.css", "submission/limited.py", "agroflux_data/variables.py"} <= set(space.files)
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
