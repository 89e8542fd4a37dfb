"""Fixtures that every package's tests share: small releases of the analytic toy source."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# Before anything imports Arrow: memory that limits count, as in the children that read what others send.
os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
# Before anything imports the Hugging Face libraries: no network, and no cache but our own.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="agroflux-tests-hf-")

import pytest
from huggingface_hub import constants

from agroflux_data.build import build
from agroflux_data.plan import Plan
from agroflux_data.splits import Edition
from tests.hub import Hub
from tests.toy import ToySource

TOY_SECRET = b"the secret of the toy"
_SITES = {"ecosys": 8, "daycent": 6, "towers": 11, "mesocosm": 6}

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Facts and samples beside the repository, which not every machine has."""


def toy_plan(edition: Edition, seed: int = 0, secret: bytes = TOY_SECRET) -> Plan:
    """A plan over all four sources, made of toys."""
    return Plan(
        edition, None, seed, secret, tuple(ToySource(name, count, secret=secret) for name, count in _SITES.items())
    )


@pytest.fixture(scope="session")
def toy_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public folder of a sealed release of all 8 tasks, its targets beside it. Read only."""
    out = tmp_path_factory.mktemp("sealed") / "agroflux"
    build(toy_plan(Edition.SEALED), out, workers=1)
    return out


@pytest.fixture(scope="session")
def toy_open_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an open release of all 8 tasks. Read only."""
    out = tmp_path_factory.mktemp("open") / "agroflux"
    build(toy_plan(Edition.OPEN), out, workers=1)
    return out


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of facts and samples; a test that needs it is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no samples: {SHARED} is absent")
    return SHARED


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty Hub on 127.0.0.1. This process takes it for the Hub; a child does with ``Hub.environment``."""
    with Hub() as running:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        files = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, running.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        yield running


@pytest.fixture(scope="session")
def command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs one of our commands as a user would: ``command("agroflux-data", "check", "agroflux", cwd=folder)``."""

    def run(name: str, *arguments: str, cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        script = Path(sys.executable).with_name(name)
        return subprocess.run([script, *arguments], cwd=cwd, capture_output=True, text=True, timeout=timeout)

    return run
