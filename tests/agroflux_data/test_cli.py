"""The command as a user types it: what it prints, and that bad input is one clear error with exit code 2."""

from __future__ import annotations

import shutil

import pytest

from agroflux_data.release import Release, targets_folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "out", "--scale", "huge"], ["unknown scale", "tiny, small, paper", "'huge'"]),
        (["build", "out", "--edition", "shut"], ["unknown edition", "sealed or open", "'shut'"]),
        (["build", "out", "--source", "forests=embedded"], ["unknown source", "ecosys, daycent, towers, mesocosm"]),
        (["build", "out", "--source", "towers"], ["a source without a path", "NAME=FOLDER", "'towers'"]),
        (["build", "out", "--source", "towers=nowhere"], ["nowhere"]),
        (["build", "out", "--secret-file", "nowhere"], ["unreadable secret", "nowhere"]),
        (["build", "out", "--seed", "one"], ["--seed", "integer"]),
        (["check", "nowhere"], ["no such release", "nowhere"]),
        (["check", "."], ["not a release", "provenance.json"]),
    ],
)
def test_bad_input_is_one_clear_error_and_leaves_nothing(command, tmp_path, arguments, said):
    result = command("agroflux-data", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    for text in said:
        assert text in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_short_secret_is_refused(command, tmp_path):
    (tmp_path / "secret").write_text("hunter2\n")
    result = command("agroflux-data", "build", "out", "--secret-file", "secret", cwd=tmp_path)
    assert result.returncode == 2
    assert "at least 16 bytes" in result.stderr
    assert "hunter2" not in result.stderr


def test_a_folder_of_something_else_is_never_replaced(command, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("precious")
    result = command("agroflux-data", "build", "thesis", "--scale", "tiny", "--force", cwd=tmp_path)
    assert result.returncode == 2
    assert "not a release" in result.stderr
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "precious"


def test_check_says_that_all_is_well(command, toy_release):
    result = command("agroflux-data", "check", str(toy_release), cwd=toy_release.parent)
    assert result.returncode == 0
    assert "nothing wrong found" in result.stdout


def test_check_names_a_truncated_shard(command, toy_release, tmp_path):
    shutil.copytree(toy_release, tmp_path / "agroflux")
    shutil.copytree(targets_folder(toy_release), tmp_path / "agroflux-targets")
    path = Release(tmp_path / "agroflux").paths("towers_spatial", "fold_3")[0]
    path.write_bytes(path.read_bytes()[:-100])
    result = command("agroflux-data", "check", "agroflux", cwd=tmp_path)
    assert result.returncode == 2
    assert "towers_spatial/fold_3-00000-of-" in result.stdout
    assert "Traceback" not in result.stderr
