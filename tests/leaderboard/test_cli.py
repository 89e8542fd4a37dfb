"""The command: what it prints, and how it refuses."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from leaderboard.store import LocalStore, State
from leaderboard.tokens import Tokens
from tests.conftest import hub  # noqa: F401 - the whole Hub, not the one route of the others here
from tests.hub import Hub
from tests.leaderboard.conftest import Command, FileMaker


def test_add_and_table(command: Command, toy_release: Path, tmp_path: Path, make_file: FileMaker) -> None:
    home = ("--data", toy_release, "--store", tmp_path / "store")
    path = make_file(task="mesocosm_spatial", model="[bold]name[/]")
    code, out, _ = command("add", path, "--owner", "ann", "--wait", *home)
    assert code == 0
    assert re.search(
        r"received (\S+): \[bold\]name\[/\] for mesocosm_spatial\n\1: scored, mean skill -?\d\.\d+, rank 1 of 1", out
    )
    code, out, _ = command("add", path, "--owner", "ann", "--wait", *home)
    assert code == 0
    assert "had been received before" in out
    assert len(LocalStore(tmp_path / "store").entries()) == 1
    code, out, _ = command("table", "mesocosm_spatial", *home)
    assert code == 0
    assert re.search(r"1 +\[bold\]name\[/\] +-?\d\.\d{3} +ann", out)
    assert "embedded data" in out
    assert "not comparable with the paper" in out
    code, out, _ = command("table", "mesocosm_temporal", *home)
    assert (code, "Nobody has a score yet" in out) == (0, True)


def test_a_store_on_the_hub_serves_the_commands(
    command: Command,
    toy_release: Path,
    make_file: FileMaker,
    hub: Hub,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.account("ada", ("fluxes",)))
    home = ("--data", toy_release, "--store", "hf://datasets/fluxes/records")
    code, _, err = command("table", "mesocosm_spatial", *home)
    assert (code, "no such repository" in err) == (2, True)
    code, out, _ = command("add", make_file(task="mesocosm_spatial"), "--owner", "ann", "--wait", *home)
    assert code == 0
    assert "scored, mean skill" in out
    code, out, _ = command("table", "mesocosm_spatial", *home)
    assert (code, "ann" in out) == (0, True)
    assert hub.repository("fluxes/records").private
    code, _, err = command("token", "create", "ann", *home[2:])
    assert (code, "expected a folder as the store, or a Space" in " ".join(err.split())) == (2, True)
    code, _, err = command("serve", *home)
    assert (code, "expected a folder as the store, or a Space" in " ".join(err.split())) == (2, True)


def test_add_without_waiting_leaves_it_to_the_worker(
    command: Command, toy_release: Path, tmp_path: Path, make_file: FileMaker
) -> None:
    code, out, _ = command("add", make_file(), "--owner", "a", "--data", toy_release, "--store", tmp_path / "s")
    assert code == 0
    (entry,) = LocalStore(tmp_path / "s").entries()
    assert entry.submission.id in out
    assert entry.state is State.RECEIVED


def test_a_rejected_file_ends_with_its_faults(
    command: Command, toy_release: Path, tmp_path: Path, make_file: FileMaker
) -> None:
    code, out, _ = command(
        "add", make_file(drop=1), "--owner", "ann", "--wait", "--data", toy_release, "--store", tmp_path / "store"
    )
    assert code == 2
    assert "rejected" in out
    assert "AF101" in out


def test_a_token_is_printed_once(command: Command, tmp_path: Path) -> None:
    code, out, err = command("token", "create", "ann", "--store", tmp_path / "store")
    assert code == 0
    assert Tokens(tmp_path / "store").owner(out.strip()) == "ann"
    assert "shown this once" in err


def test_tokens_are_listed_without_themselves_and_revoked(command: Command, tmp_path: Path) -> None:
    home = ("--store", tmp_path / "store")
    _, first, _ = command("token", "create", "ann", *home)
    _, second, _ = command("token", "create", "bob", *home)
    code, out, _ = command("token", "list", *home)
    assert code == 0
    assert re.match(r"ann +20\d\d-\d\d-\d\d .* UTC\nbob ", out)
    assert first.strip() not in out
    assert command("token", "revoke", "ann", *home)[0] == 0
    tokens = Tokens(tmp_path / "store")
    assert (tokens.owner(first), tokens.owner(second)) == (None, "bob")
    code, _, err = command("token", "revoke", "ann", *home)
    assert (code, "nobody of that name" in err) == (2, True)


def test_bad_input_is_one_clear_error(
    command: Command, toy_release: Path, toy_open_release: Path, tmp_path: Path, make_file: FileMaker
) -> None:
    other = tmp_path / "other-targets"
    shutil.copytree(toy_release.with_name("agroflux-targets"), other)
    provenance = other / "provenance.json"
    provenance.write_text(re.sub(r'"revision": "\w+"', '"revision": "feedfeedfeedfeed"', provenance.read_text()))
    (tmp_path / "mine.csv").write_text("sequence,day,NEE\n")
    (tmp_path / "empty").mkdir()
    store = ("--store", tmp_path / "store")
    add = ("add", make_file(), "--owner", "ann", *store)
    for arguments, said in (
        ((*add, "--data", tmp_path / "nothing"), "no such release"),
        ((*add, "--data", tmp_path / "empty"), "not a release"),
        ((*add, "--data", toy_release, "--targets", other), "targets of another release"),
        ((*add, "--data", toy_open_release, "--targets", other), "targets of another release"),
        (("add", make_file(), "--owner", "a b", *store, "--data", toy_release), "not a name"),
        (("add", tmp_path / "mine.csv", "--owner", "ann", *store, "--data", toy_release), "it looks like CSV"),
        (("add", tmp_path / "gone", "--owner", "ann", *store, "--data", toy_release), "no such file"),
        (("table", "no_task", *store, "--data", toy_release), "unknown task"),
        (("table", "towers_temporal", "--store", tmp_path / "gone", "--data", toy_release), "no such store"),
        (("token", "create", "<b>", *store), "not a name"),
        (("serve", *store, "--data", toy_release, "--targets", tmp_path / "gone"), "no such release"),
    ):
        code, out, err = command(*arguments)
        assert (code, said in err) == (2, True), (arguments, err)
        assert "Traceback" not in err
        assert out == ""
    assert not (tmp_path / "store" / "files").exists() or not list((tmp_path / "store" / "files").iterdir())
