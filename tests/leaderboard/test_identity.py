"""Who is asking: the host's tokens, or Hugging Face on a Space; never the mock login, never a form field."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import pytest
from gradio import OAuthToken

from agroflux_data.errors import AgrofluxError
from leaderboard.identity import HostTokens, Unknown, on_space
from leaderboard.tokens import Tokens, check_name


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "store")


def test_a_token_stands_for_its_name(tokens: Tokens, tmp_path: Path) -> None:
    ann, bob = tokens.create("ann"), tokens.create("bob")
    again = Tokens(tmp_path / "store")
    assert (again.owner(ann), again.owner(bob), again.owner(f"  {ann}\n")) == ("ann", "bob", "ann")


def test_only_the_hash_is_kept(tokens: Tokens, tmp_path: Path) -> None:
    token = tokens.create("ann")
    kept = b"".join(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert b"ann" in kept
    assert token.encode() not in kept
    assert token.removeprefix("agf_").encode() not in kept


def test_a_new_token_voids_the_old_one(tokens: Tokens) -> None:
    old, new = tokens.create("ann"), tokens.create("ann")
    assert old != new
    assert (tokens.owner(old), tokens.owner(new)) == (None, "ann")


@pytest.mark.parametrize("token", ["", " ", "agf_", "ann", "agf_" + "A" * 43, "' OR '1'='1"])
def test_no_other_token_is_anybodys(tokens: Tokens, token: str) -> None:
    tokens.create("ann")
    with pytest.raises(Unknown):
        HostTokens(tokens).owner(None, token)


@pytest.mark.parametrize("name", ["", "-ann", "ann-", "a b", "<b>", "a" * 40, "ann\n", "../ann", "änne"])
def test_names_that_could_mislead_are_refused(tokens: Tokens, name: str) -> None:
    with pytest.raises(AgrofluxError, match="not a name"):
        tokens.create(name)


@pytest.mark.parametrize("name", ["a", "Ann-B.2_c", "a" * 39])
def test_other_names_stand(name: str) -> None:
    assert check_name(name) == name


def test_the_hash_of_a_token_is_no_token(tokens: Tokens, tmp_path: Path) -> None:
    tokens.create("ann")
    with sqlite3.connect(tmp_path / "store" / "tokens.sqlite") as database:
        (stolen,) = database.execute("SELECT hash FROM tokens").fetchone()
    assert tokens.owner(stolen) is None


def test_self_hosted_a_hugging_face_token_says_nothing(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("SYSTEM", raising=False)
    monkeypatch.setenv("SPACE_ID", "somebody/something")
    assert not on_space(), "Gradio's login is a mock here, whatever SPACE_ID says"
    forged = OAuthToken("hf_secret", "openid", 2**31)
    with caplog.at_level(logging.DEBUG), pytest.raises(Unknown):
        HostTokens(tokens).owner(forged, "")
    assert "hf_secret" not in caplog.text
