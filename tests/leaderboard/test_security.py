"""What strangers write stands on the page, in figures, in the terminal and in exports as text, and does nothing."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets
from leaderboard.intake import Intake
from leaderboard.store import LocalStore, Result, State
from leaderboard.worker import Worker
from submission import Metadata
from submission.client import Leaderboard
from tests.leaderboard.conftest import FileMaker, Served, serving
from tests.leaderboard.writing import put, serve

EVIL = "window.ran=1"
PAYLOADS = (
    f"<script>{EVIL}</script>",
    f"<img src=evil:x onerror={EVIL}>",
    f"'\"><svg onload={EVIL}>",
    f"</td></tr></table><iframe srcdoc='<script>parent.{EVIL}</script>'>",
    f"<a href=javascript:{EVIL}>a</a>",
    f"[a](javascript:{EVIL}) ![b](evil:b)",
    f"${{{EVIL}}} {{{{{EVIL}}}}} {{% evil %}} #{{{EVIL}}}",
    f"&lt;img src=evil:x onerror={EVIL}&gt; &#60;script&#62;",
    f"</script><script>{EVIL}</script><!--",
    "%{x} %{customdata} <b>bold</b><br><a href='evil:y'>y</a>",
    "[bold red]red[/] [link=evil:z]z[/link] :smile:",
    "<style>*{display:none}</style><base href=//evil.example/>",
    f"<math><mtext></p><img src=evil:x onerror={EVIL}></mtext></math>",
    f"x\" autofocus onfocus=\"{EVIL}\" style=\"position:fixed",
)  # fmt: skip
TASK = "towers_temporal"
LINKS = (
    f"https://evil.example/%3Cscript%3E{EVIL}", "http://evil.example/a'b", "https://github.com@evil.example/a/b",
    "https://huggingface.co/ok/fine", "https://arxiv.org/abs/2602.01614",
)  # fmt: skip


@pytest.fixture(scope="module")
def attacked(toy_release: Path, make_file: FileMaker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which every text that a stranger can give is a payload."""
    release, folder = Release(toy_release), tmp_path_factory.mktemp("attacked") / "store"
    store = LocalStore(folder)
    first = Intake(store, release).receive(make_file(model="the honest one"), "ann").id
    assert Worker(store, release, Targets.of(release)).step()
    entry = store.entry(first)
    assert entry is not None
    assert entry.result is not None
    assert entry.result.scores is not None
    for number, text in enumerate(PAYLOADS):
        metadata = Metadata(
            TASK, release.revision, text, authors=(text, "ann"), description=f"{text}\n{text}", links=LINKS,
            parameters=10 ** (number + 1), method=text, external_data=True, external_data_used=text,
        ).to_json()  # fmt: skip
        put(store, text.encode(), owner=f"owner-{number}", task=TASK, model=text, metadata=metadata,
            revision=release.revision)  # fmt: skip
        serve(store, dataclasses.replace(entry.result, scores=entry.result.scores))
    rejected = [{"code": "AF101", "meaning": PAYLOADS[0], "message": PAYLOADS[1], "remedy": PAYLOADS[2], "count": 1,
                 "column": PAYLOADS[3], "examples": [PAYLOADS[4]]}]  # fmt: skip
    put(store, b"rejected", owner="owner-0", task=TASK, model=PAYLOADS[5],
        metadata=Metadata(TASK, release.revision, PAYLOADS[5]).to_json(), revision=release.revision)  # fmt: skip
    serve(store, Result(State.REJECTED, release.revision, "1", PAYLOADS[6], rejected))
    return folder


@pytest.fixture(scope="module")
def board(attacked: Path, toy_release: Path) -> Iterator[Served]:
    with serving(toy_release, attacked) as running:
        yield running


@pytest.mark.browser
def test_nothing_that_strangers_write_does_anything(board: Served) -> None:
    """Every tab, every board, every row opened, every figure drawn."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
    with playwright.sync_playwright() as driver:
        if path is None and not Path(driver.chromium.executable_path).exists():
            pytest.skip("Chromium is not installed")
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(90_000)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
        page.on("request", lambda asked: wrong.append(asked.url) if "evil" in asked.url else None)

        def harmless() -> None:
            assert page.evaluate("window.ran") is None
            assert page.evaluate(
                """() => [...document.querySelectorAll('*')].filter(one => [...one.attributes].some(
                    at => /^on/i.test(at.name) && at.value.includes('window.ran')
                    || ['src', 'href', 'srcdoc', 'xlink:href', 'action'].includes(at.name)
                       && /evil|javascript:/i.test(at.value))).map(one => one.outerHTML.slice(0, 200))"""
            ) == []  # fmt: skip
            assert (
                page.locator("#board iframe, #board svg, #detail iframe, #about-it img, #about-it iframe").count() == 0
            )
            assert page.title() == "AgroFlux leaderboard"
            assert wrong == []

        page.goto(board.url)
        page.locator("#source label", has_text="Towers").click()
        page.locator("#scenario label", has_text="Temporal").click()
        rows = page.locator("#board tbody tr")
        playwright.expect(rows).to_have_count(len(PAYLOADS) + 1, timeout=90_000)
        for text in PAYLOADS:
            playwright.expect(page.locator("#board")).to_contain_text(text)
        harmless()
        for figure in ("Skill and model size", "Targets and tasks", "Spread over sites", "Rank with intervals"):
            page.get_by_text(figure).click()
            playwright.expect(page.locator("#plot .main-svg").first).to_be_visible()
            harmless()
        for number, text in enumerate(PAYLOADS):
            rows.filter(has_text=f"owner-{number}").filter(has_text=text).first.click()
            playwright.expect(page.locator("#detail h2")).to_have_text(text, timeout=90_000)
            playwright.expect(page.locator("#about-it")).to_contain_text(text)
            links = page.locator("#about-it a").evaluate_all("all => all.map(a => a.href)")
            assert links == ["https://huggingface.co/ok/fine", "https://arxiv.org/abs/2602.01614"]
            harmless()
            page.locator("#back").click()
        token = board.token("owner-0")
        page.get_by_role("tab", name="My submissions", exact=True).click()
        page.locator("#my-token input").fill(token)
        page.locator("#my-token input").blur()
        page.locator("#show").click()
        playwright.expect(page.locator("#mine")).to_contain_text(PAYLOADS[0], timeout=90_000)
        page.locator("#mine tbody tr", has_text="rejected").locator("button").click()
        playwright.expect(page.locator("#standing")).to_contain_text(PAYLOADS[1])
        harmless()
        browser.close()


def test_the_page_itself_carries_payloads_as_text_alone(board: Served) -> None:
    client = Client(board.url, token=False, verbose=False)
    rows = client.predict(TASK, api_name="/board")
    assert {row["Model"] for row in rows} == {"the honest one", *PAYLOADS}, "programs get what was written"
    said = json.dumps(client.config)
    assert EVIL not in said


def test_a_terminal_shows_payloads_as_text(attacked: Path, toy_release: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "leaderboard.cli", "table", TASK, "--data", str(toy_release), "--store", str(attacked)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "\x1b" not in told.stdout
    for text in PAYLOADS:
        # A narrow column breaks words and cuts what is longer.
        assert text.split()[0][:12] in told.stdout


@pytest.mark.parametrize(
    "text",
    ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "a\rb", "a\bb", "\0", "\x7f", "a\u202eb", "\u2066a", "a\u200bb",
     "\ufeffa", "a\u2028b", "\ud800"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["model", "method", "authors", "description", "links", "external_data_used"])
def test_what_could_steer_a_terminal_is_no_metadata(name: str, text: str) -> None:
    value: Any = {"authors": (text,), "links": (f"https://example.org/{text}",)}.get(name, text)
    with pytest.raises(AgrofluxError, match=f"metadata: bad {name}"):
        Metadata(**({"task": TASK, "revision": "r", "model": "m"} | {name: value}))


@pytest.mark.parametrize("count", [6, pytest.param(30, marks=pytest.mark.slow)])
def test_participants_who_come_at_once_are_all_scored_and_none_twice(
    toy_release: Path, make_file: FileMaker, tmp_path: Path, count: int
) -> None:
    """The small sister of ``benchmarks.load``, without its clock."""
    files = [make_file(task="mesocosm_temporal", model=f"m{number}", offset=1e-6 * number) for number in range(count)]
    with serving(toy_release, tmp_path / "store") as crowd:
        tokens = [crowd.token(f"p{number}") for number in range(6)]
        receipts: list[str] = []
        problems: list[str] = []

        def submit(number: int) -> None:
            try:
                receipts.append(Leaderboard(crowd.url, tokens[number % 6], pause=0.2).send(files[number])["id"])
            except Exception as error:
                problems.append(repr(error))

        threads = [threading.Thread(target=submit, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(300)
        assert problems == []
        assert len(set(receipts)) == count
        store, stop = LocalStore(tmp_path / "store"), time.monotonic() + 600
        while store.waiting():
            assert time.monotonic() < stop
            time.sleep(0.5)
        entries = {entry.submission.id: entry for entry in store.entries()}
        assert set(entries) == set(receipts)
        assert {entry.state for entry in entries.values()} == {State.SCORED}
        assert [len(store.results(id)) for id in receipts] == [1] * count
        assert [
            path for path in (tmp_path / "store" / "uploads").rglob("*") if path.is_file() and path.stat().st_size
        ] == []


def test_a_request_of_another_is_of_no_use(served: Served, make_file: FileMaker) -> None:
    """What was seen on the way, sent again: the same receipt for its owner, nothing for anybody else."""
    eve, fay = served.token("eve"), served.token("fay")
    client = Client(served.url, token=False, verbose=False)
    file = make_file(task="mesocosm_temporal", offset=3e-5)
    first = Leaderboard(served.url, eve).send(file)
    again = Leaderboard(served.url, eve).send(file)
    assert (again["id"], again["new"], again["quota"]["left"]) == (first["id"], False, first["quota"]["left"])
    hers = Leaderboard(served.url, fay).send(file)
    assert hers["id"] != first["id"], "equal bytes of two participants are two submissions"
    for token in ("", "agf_", fay[:-1], fay.upper(), "hf_" + fay[4:], f"Bearer {fay}x", fay + "\0"):
        with pytest.raises(Exception, match="token"):
            client.predict(handle_file(file), token, api_name="/submit")
    assert len(Leaderboard(served.url, eve).submissions()) == 1
