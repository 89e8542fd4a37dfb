"""The served app, as a program meets it: in another process, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import httpx
import itsdangerous
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from agroflux_data.release import Release, Targets
from agroflux_data.sequences import values
from leaderboard.store import LocalStore
from tests.leaderboard.conftest import FileMaker, Served, serving

INJECTION = "<img src=x onerror=\"document.title='taken over'\">${7*7}{{value}}"


@pytest.fixture(scope="session")
def client(served: Served) -> Client:
    return Client(served.url, token=False, verbose=False)


@pytest.fixture(scope="session")
def token(served: Served) -> str:
    return served.token("ann")


def wait(client: Client, id: str, token: str) -> dict[str, Any]:
    stop = time.monotonic() + 60
    while (status := client.predict(id, token, api_name="/status"))["state"] in ("received", "scoring"):
        assert time.monotonic() < stop
        time.sleep(0.3)
    return status


def test_a_submission_goes_all_the_way(
    served: Served, client: Client, token: str, make_file: FileMaker, release: Release
) -> None:
    path = make_file(model=INJECTION, offset=0.5)
    receipt = client.predict(handle_file(path), token, api_name="/submit")
    assert receipt["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (receipt["task"], receipt["new"], receipt["quota"]["left"]) == ("towers_temporal", True, 4)
    status = wait(client, receipt["id"], token)
    assert (status["state"], status["revision"]) == ("scored", release.revision)
    assert status["scores"]["half"] == "public"
    (row,) = [row for row in client.predict("towers_temporal", api_name="/board") if row["Model"] == INJECTION]
    assert row["By"] == "ann"
    assert row["Skill"] == pytest.approx(status["scores"]["skill"], abs=1e-3)
    again = client.predict(handle_file(path), token, api_name="/submit")
    assert (again["id"], again["new"], again["quota"]["left"]) == (receipt["id"], False, 4)
    assert receipt["id"] in [mine["id"] for mine in client.predict(token, api_name="/list")]


def test_a_bad_file_gets_its_faults(client: Client, token: str, make_file: FileMaker) -> None:
    receipt = client.predict(handle_file(make_file(drop=3)), token, api_name="/submit")
    status = wait(client, receipt["id"], token)
    assert status["state"] == "rejected"
    assert [(fault["code"], fault["count"]) for fault in status["faults"]] == [("AF101", 3)]
    assert status["faults"][0]["remedy"]
    assert status["scores"] is None


def test_a_withdrawn_submission_leaves_the_board(client: Client, token: str, make_file: FileMaker) -> None:
    receipt = client.predict(handle_file(make_file(model="regretted", offset=0.7)), token, api_name="/submit")
    wait(client, receipt["id"], token)
    assert client.predict(receipt["id"], token, api_name="/withdraw")["withdrawn"]
    assert "regretted" not in [row["Model"] for row in client.predict("towers_temporal", api_name="/board")]


def test_nobody_sees_or_withdraws_what_is_anothers(
    served: Served, client: Client, token: str, make_file: FileMaker
) -> None:
    receipt = client.predict(handle_file(make_file(offset=0.8)), token, api_name="/submit")
    other = served.token("bob")
    for action in ("/status", "/withdraw"):
        with pytest.raises(AppError, match="you have no such submission"):
            client.predict(receipt["id"], other, api_name=action)
    assert client.predict(other, api_name="/list") == []
    assert not client.predict(receipt["id"], token, api_name="/status")["withdrawn"]


@pytest.mark.parametrize(("given", "said"), [("", "no token"), ("agf_guess", "not valid"), ("ann", "not valid")])
def test_without_a_token_nothing_is_received(
    served: Served, client: Client, make_file: FileMaker, given: str, said: str
) -> None:
    before = len(LocalStore(served.store).entries())
    with pytest.raises(AppError, match=said):
        client.predict(handle_file(make_file()), given, api_name="/submit")
    assert len(LocalStore(served.store).entries()) == before


def test_a_file_that_is_no_submission_is_refused_with_a_reason(client: Client, token: str, tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_text("sequence,day,NEE\n1,1,0.5\n")
    with pytest.raises(AppError, match=r"AF001 not a Parquet file: it looks like CSV .*in predictions.csv"):
        client.predict(handle_file(tmp_path / "predictions.csv"), token, api_name="/submit")
    with pytest.raises(AppError, match="no file"):
        client.predict(None, token, api_name="/submit")
    with pytest.raises(AppError, match="unknown task"):
        client.predict("no_task", api_name="/board")


def test_a_fault_of_ours_is_said_to_be_ours(served: Served, client: Client, token: str, make_file: FileMaker) -> None:
    (served.store / "incoming").rename(served.store / "gone")
    try:
        with pytest.raises(AppError, match="fault of its own; please try again later") as told:
            client.predict(handle_file(make_file(offset=1.3)), token, api_name="/submit")
    finally:
        (served.store / "gone").rename(served.store / "incoming")
    assert str(served.store) not in str(told.value)
    assert any("FileNotFoundError" in line for line in served.log), "the host is told more"


def upload(url: str, content: bytes, name: str = "mine.parquet", copies: int = 1) -> httpx.Response:
    files = [("files", (name, content)) for _ in range(copies)]
    return httpx.post(f"{url}gradio_api/upload", files=files)


def test_nobody_fetches_what_was_uploaded(served: Served, make_file: FileMaker) -> None:
    content = make_file(offset=0.9).read_bytes()
    (path,) = upload(served.url, content).json()
    assert Path(path).read_bytes() == content, "it waits on the server"
    for route in (f"gradio_api/file={path}", f"gradio_api/file/{path}", f"file={path}", f"gradio_api/file%3D{path}"):
        answer = httpx.get(served.url + route, follow_redirects=True)
        assert content not in answer.content
    assert httpx.get(f"{served.url}gradio_api/file={path}").status_code == 404
    assert httpx.head(f"{served.url}gradio_api/file={path}").status_code == 404


def test_the_temporary_copy_goes_with_the_receipt(
    served: Served, client: Client, token: str, make_file: FileMaker
) -> None:
    path = make_file(task="mesocosm_temporal", offset=0.001)
    client.predict(handle_file(path), token, api_name="/submit")
    uploads = [left for left in (served.store / "uploads").rglob("*") if left.is_file() and left.stat().st_size]
    assert path.read_bytes() not in [left.read_bytes() for left in uploads]


@pytest.mark.parametrize("copies", [1, 40])
def test_more_than_a_submission_is_not_taken_in(served: Served, copies: int) -> None:
    answer = upload(served.url, b"x" * (12_000_000 // copies), copies=copies)
    assert answer.status_code == 413
    assert "bytes allowed here" in answer.text


def test_a_body_of_unknown_length_is_counted(served: Served) -> None:
    def endless():  # type: ignore[no-untyped-def]
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(200):
            yield b"x" * 100_000

    headers = {"content-type": "multipart/form-data; boundary=b"}
    try:
        status = httpx.post(f"{served.url}gradio_api/upload", content=endless(), headers=headers).status_code
    except httpx.TransportError:
        status = 413  # The server hung up before the end, which refuses it as well.
    assert status == 413


def call(url: str, name: str, data: list[Any], **headers: Any) -> str:
    """Call an endpoint by hand, as a client of ours never would; the last event's data."""
    begun = httpx.post(f"{url}gradio_api/call/{name}", json={"data": data}, headers=headers)
    if begun.status_code != 200:
        return begun.text
    return httpx.get(f"{url}gradio_api/call/{name}/{begun.json()['event_id']}", headers=headers, timeout=30).text


def test_a_path_on_the_server_is_no_upload(served: Served, token: str, toy_release: Path) -> None:
    for path in ("/etc/passwd", str(served.store / "records.sqlite"), str(toy_release / "provenance.json")):
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        answer = call(served.url, "submit", [file, token])
        assert "no such upload" in answer
        assert "root:" not in answer
        assert Path(path).is_file(), "and it is still there"


def test_a_forged_login_is_nobodys(served: Served, client: Client, make_file: FileMaker) -> None:
    """The cookie that Gradio's mock login would set, signed with the key that anybody can derive."""
    session = {"oauth_info": {"access_token": "hf_forged", "scope": "", "expires_at": 2**31,
                              "userinfo": {"preferred_username": "ann", "name": "ann"}}}  # fmt: skip
    key = hashlib.sha256(b"-v4").hexdigest()
    signed = itsdangerous.TimestampSigner(key).sign(base64.b64encode(json.dumps(session).encode())).decode()
    path = upload(served.url, make_file(offset=1.1).read_bytes()).json()[0]
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    assert "no token" in call(served.url, "submit", [file, ""], cookie=f"session={signed}")
    assert httpx.get(f"{served.url}login/huggingface").status_code == 404
    begun = httpx.post(f"{served.url}gradio_api/call/list", json={"data": [""], "oauth_token": "hf_forged"})
    answer = httpx.get(f"{served.url}gradio_api/call/list/{begun.json()['event_id']}", timeout=30).text
    assert "no token" in answer


def test_the_pages_own_events_are_no_endpoints(client: Client) -> None:
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert sorted(named) == ["/board", "/edit", "/list", "/status", "/submit", "/withdraw"]


def test_nothing_is_fetched_from_elsewhere(served: Served) -> None:
    page = httpx.get(served.url).text
    for elsewhere in ("fonts.googleapis", "fonts.gstatic", "google-analytics"):
        assert elsewhere not in page


def test_tokens_and_hidden_values_are_nowhere_to_be_read(
    served: Served, client: Client, token: str, release: Release, make_file: FileMaker
) -> None:
    """After all that the tests above did: the log, every answer's shape, and the store's records."""
    hidden = values(Targets.of(release).table("towers_temporal", "test", ["NEE"])["NEE"])
    numbers = {repr(float(value)) for value in hidden[hidden == hidden][:200]}
    receipt = client.predict(handle_file(make_file(offset=0.5)), token, api_name="/submit")
    status = json.dumps(wait(client, receipt["id"], token))
    said = "".join(served.log) + status + json.dumps(client.predict("towers_temporal", api_name="/board"))
    said += httpx.get(served.url).text + httpx.get(f"{served.url}config").text
    assert token not in said
    assert str(Targets.of(release).path) not in said
    assert not [number for number in numbers if number in said]
    kept = b"".join(path.read_bytes() for path in served.store.glob("*.sqlite*"))
    assert token.encode() not in kept


def test_on_a_space_hugging_face_says_who_it_is(
    toy_release: Path,
    tmp_path: Path,
    hub: str,
    make_file: FileMaker,
) -> None:
    space = {
        "SYSTEM": "spaces", "SPACE_ID": "org/board", "OAUTH_CLIENT_ID": "id", "OAUTH_CLIENT_SECRET": "secret",
        "OAUTH_SCOPES": "openid profile", "OPENID_PROVIDER_URL": hub, "HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0",
    }  # fmt: skip
    with serving(toy_release, tmp_path / "store", space) as board:
        host_token = board.token("bob")
        path = make_file(offset=0.25)
        ann = Client(board.url, token=False, oauth_token="hf_ann", verbose=False)
        receipt = ann.predict(handle_file(path), host_token, api_name="/submit")
        (entry,) = LocalStore(board.store).entries()
        assert (entry.submission.id, entry.submission.owner) == (receipt["id"], "ann")
        for oauth, said in (
            (None, "not logged in"), ("hf_stolen", "does not confirm"), ("hf_org", "not a person's account")
        ):  # fmt: skip
            other = Client(board.url, token=False, oauth_token=oauth, verbose=False)
            with pytest.raises(AppError, match=said):
                other.predict(handle_file(path), host_token, api_name="/submit")
        assert httpx.get(f"{board.url}login/huggingface").status_code != 404
    assert "hf_" not in "".join(board.log)
