"""Hidden values stay in the targets: none is in a log, error, answer, cache or temporary folder, nor in the store."""

from __future__ import annotations

import os
import re
import signal
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from agroflux_data.release import Release, Targets
from agroflux_data.sequences import values
from leaderboard.store import LocalStore
from submission.client import Leaderboard
from tests.conftest import TOY_SECRET
from tests.leaderboard.conftest import FileMaker, serving
from tests.leaderboard.writing import until

_NUMBER = re.compile(rb"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?")
_RUN = 3
"""So many hidden values next to each other in bytes are no accident."""


@dataclass(frozen=True)
class Secrets:
    """What is to be kept: the hidden values' float32 bits, sorted, and other texts that only the host knows."""

    bits: NDArray[np.uint32]
    texts: tuple[bytes, ...]

    @classmethod
    def of(cls, release: Release, targets: Targets, task: str) -> Secrets:
        outputs = list(release.task(task).targets)
        hidden = _bits(targets.read(task, "test", outputs))
        # What everybody can read as well, such as a value that a toy has every year, is none.
        public = [_bits(release.read(task, split, outputs)) for split in ("train", "validation")]
        return cls(np.setdiff1d(hidden, np.concatenate(public)), (TOY_SECRET, TOY_SECRET.hex().encode()))

    def known(self, bits: NDArray[np.uint32]) -> NDArray[np.bool_]:
        places = np.minimum(np.searchsorted(self.bits, bits), len(self.bits) - 1)
        return self.bits[places] == bits

    def leaks(self, content: bytes) -> list[str]:
        """What of them stands in some bytes, as values or as text."""
        found = [f"a secret text of {len(text)} bytes" for text in self.texts if text in content]
        for offset in range(4):
            whole = content[offset : offset + (len(content) - offset) // 4 * 4]
            known = self.known(np.frombuffer(whole, np.uint32))
            runs = np.convolve(known, np.ones(_RUN, int), "valid") if len(known) >= _RUN else np.zeros(0)
            found += [f"values at byte {offset + 4 * at}" for at in np.flatnonzero(runs == _RUN)[:3]]
        for text in _NUMBER.findall(content):
            digits = len(text.lower().split(b"e")[0].lstrip(b"-+").replace(b".", b"").lstrip(b"0"))
            with np.errstate(over="ignore"):
                single = np.float32(float(text))
            # The shortest text of a float32, or that of it as a double; other doubles have as many digits.
            exact = 7 <= digits <= 9 or (digits > 9 and float(single) == float(text))
            if exact and self.known(np.array([single]).view(np.uint32))[0]:
                found.append(f"the number {text.decode()}")
        return found


@pytest.fixture(scope="module")
def secrets(toy_release: Path) -> Secrets:
    release = Release(toy_release)
    found = Secrets.of(release, Targets.of(release), "ecosys_temporal")
    assert len(found.bits) > 1000
    return found


def _bits(tables: Iterable[pa.Table]) -> NDArray[np.uint32]:
    """The float32 bits of all values that are no short fraction, sorted: zeros and the like stand everywhere."""
    numbers = np.concatenate([values(column).ravel() for table in tables for column in table.columns])
    telling = np.isfinite(numbers) & (np.abs(numbers) > 1e-6) & (numbers * 64 % 1 != 0)
    return np.unique(numbers[telling].astype(np.float32).view(np.uint32))


def everything_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All files, and their names too."""
    for path in folder.rglob("*"):
        yield f"name of {path}", os.fsencode(path.name)
        if path.is_file() and not path.is_symlink():
            yield str(path), path.read_bytes()


def test_a_leak_would_be_seen(secrets: Secrets) -> None:
    some = secrets.bits[100:104].view(np.float32)
    value = some[0]
    leaking = [
        b"x" + some.tobytes() + b"y", b'{"value": %s}' % repr(float(value)).encode(), f"got {value}".encode(),
        f"{value:.9g}".encode(), secrets.texts[0], b"key " + secrets.texts[1],
    ]  # fmt: skip
    for content in leaking:
        assert secrets.leaks(content), content
    for content in (b"", b"RMSE 1.234", struct.pack("<3f", 0.0, 1.0, 2.0), b'{"rmse": 0.12345678901234567}'):
        assert not secrets.leaks(content), content


def test_hidden_values_leave_no_trace_whatever_is_sent(
    secrets: Secrets, toy_release: Path, tmp_path: Path, make_file: FileMaker
) -> None:
    around = {name: tmp_path / name.lower() for name in ("TMPDIR", "HOME", "HF_HOME", "MPLCONFIGDIR")}
    for folder in around.values():
        folder.mkdir()
    heard: list[tuple[str, bytes]] = []

    def listen(response: httpx.Response) -> None:
        response.read()
        heard.append((f"answer to {response.request.url.path}", response.content))

    environment = {name: str(folder) for name, folder in around.items()}
    with serving(toy_release, tmp_path / "store", environment) as served:
        board = Leaderboard(served.url, served.token("ann"))
        ids = {
            "good": board.send(make_file(task="ecosys_temporal"))["id"],
            "bad": board.send(make_file(task="ecosys_temporal", drop=2, offset=1e6))["id"],
        }
        until(lambda: all(board.status(id)["state"] in ("scored", "rejected") for id in ids.values()))
        store = LocalStore(served.store)
        for attempt in range(3):  # one whose scorer is met in the midst of its work
            ids["crashing"] = board.send(make_file(task="ecosys_temporal", offset=0.01 * (1 + attempt)))["id"]
            until(lambda: kill_scorer(toy_release) or store.waiting() == 0)
            until(lambda: store.waiting() == 0)
            if board.status(ids["crashing"])["state"] == "failed":
                break
        else:
            raise AssertionError("no scorer could be made to break off")
        heard += [(f"status of {kind}", repr(board.status(id)).encode()) for kind, id in ids.items()]
        heard.append(("list", repr(board.submissions()).encode()))
        hidden = Path(f"{toy_release}-targets")
        with httpx.Client(base_url=served.url, event_hooks={"response": [listen]}, timeout=60) as client:
            for path in ("", "config", "gradio_api/info", "gradio_api/openapi.json", "no/such/page"):
                client.get(path)
            for file in [path for path in hidden.rglob("*") if path.is_file()][:20]:
                for route in ("gradio_api/file=", "file=", "gradio_api/file/"):
                    assert client.get(f"{route}{file}").status_code in (403, 404, 405)
            event = client.post("gradio_api/call/board", json={"data": ["ecosys_temporal"]}).json()["event_id"]
            client.get(f"gradio_api/call/board/{event}")
        assert any(b"ann" in content for name, content in heard if "call/board" in name), "the board was among it"
    heard.append(("log", "".join(served.log).encode()))
    assert "received" in "".join(served.log)
    for folder in (tmp_path / "store", *around.values()):
        heard += everything_in(folder)
    leaks = {name: found for name, content in heard if (found := secrets.leaks(content))}
    assert leaks == {}


def kill_scorer(release: Path) -> bool:
    """Have the scoring child of this release break off as by a fault of its own, if there is one."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
            if b"submission.limited" in command and os.fsencode(release) in command:
                os.kill(int(path.parent.name), signal.SIGSEGV)
                return True
        except (OSError, ValueError):
            continue
    return False


def test_a_scorer_that_breaks_off_with_hidden_values_in_its_words_is_not_quoted(
    secrets: Secrets, toy_release: Path, tmp_path: Path, make_file: FileMaker,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A scorer whose every word, on both its outputs, is a hidden value."""
    from leaderboard import child
    from leaderboard.child import SCORING, score
    from leaderboard.store import State

    value = float(secrets.bits[100:101].view(np.float32)[0])
    (tmp_path / "talking.py").write_text(
        f"import sys\nprint({value!r})\nprint({value!r}, file=sys.stderr)\nraise ValueError({value!r})\n"
    )
    assert secrets.leaks(repr(value).encode())
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    run = child.run
    monkeypatch.setattr(child, "run", lambda module, arguments, *rest: run("talking", arguments, *rest))
    caplog.set_level("DEBUG")
    verdict = score(make_file(), toy_release, Path(f"{toy_release}-targets"), SCORING)
    assert verdict is not None
    assert verdict.state is State.FAILED
    assert not secrets.leaks((caplog.text + "".join(capfd.readouterr()) + repr(verdict)).encode())
