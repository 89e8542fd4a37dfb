"""Who is asking: the host's tokens, or Hugging Face on a Space; never the mock login, never a form field."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import httpx
import pytest
from gradio import OAuthToken
from huggingface_hub.errors import HfHubHTTPError

from agroflux_data.errors import AgrofluxError
from leaderboard import identity
from leaderboard.identity import HostTokens, HuggingFace, Unknown, on_space
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


class _Accounts:
    """What Hugging Face says of tokens, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status: int | None = None

    def __call__(self) -> _Accounts:
        return self

    def whoami(self, token: str) -> dict[str, str]:
        self.asked.append(token)
        if self.status == 0:
            raise OSError(f"no way to the Hub for {token}")
        status = self.status or (200 if token in ("hf_ann", "hf_org") else 401)
        if status != 200:
            request = httpx.Request("GET", "https://hub.invalid", headers={"authorization": f"Bearer {token}"})
            raise HfHubHTTPError(f"said of {token}", response=httpx.Response(status, request=request))
        return (
            {"type": "org", "name": "org"} if token == "hf_org" else {"type": "user", "name": "ann", "fullname": "Bob"}
        )


def login(token: str) -> OAuthToken:
    return OAuthToken(token, "openid", 2**31)


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> _Accounts:
    found = _Accounts()
    monkeypatch.setattr(identity, "HfApi", found)
    return found


def test_hugging_face_is_asked_once_in_a_while(accounts: _Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    who = HuggingFace()
    assert [who.owner(login("hf_ann"), "agf_of_the_host") for _ in range(5)] == ["ann"] * 5
    assert accounts.asked == ["hf_ann"]
    assert "hf_ann" not in str(vars(who))
    monkeypatch.setattr(identity, "_BELIEVED", 0.0)
    later = HuggingFace()
    assert [later.owner(login("hf_ann"), "") for _ in range(2)] == ["ann"] * 2
    assert accounts.asked == ["hf_ann"] * 3
    assert len(vars(later)["_known"]) == 1, "what is over is forgotten"


@pytest.mark.parametrize(
    ("token", "status", "said"),
    [("hf_stolen", None, "does not confirm"), ("hf_org", None, "not a person's account"),
     ("hf_ann", 429, "another attempt"), ("hf_ann", 503, "another attempt"),
     ("hf_ann", 0, "another attempt"), ("hf_ann", 403, "log in again")],
)  # fmt: skip
def test_who_is_refused_is_not_believed_later(
    accounts: _Accounts, caplog: pytest.LogCaptureFixture, token: str, status: int | None, said: str
) -> None:
    who, accounts.status = HuggingFace(), status
    with caplog.at_level(logging.DEBUG):
        for _ in range(2):
            with pytest.raises(Unknown, match=said) as told:
                who.owner(login(token), "")
            assert token not in str(told.value)
    assert accounts.asked == [token] * 2
    assert token not in caplog.text


def test_without_a_login_nobody_is_asked(accounts: _Accounts, tokens: Tokens) -> None:
    with pytest.raises(Unknown, match="not logged in"):
        HuggingFace().owner(None, tokens.create("ann"))
    assert accounts.asked == []
