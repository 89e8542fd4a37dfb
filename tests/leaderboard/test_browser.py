"""The page in a real Chromium: a visitor submits a bad and a good file, and watches the score arrive."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.leaderboard.conftest import FileMaker, Served

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror=\"document.title='taken over'\"> ${document.title='taken over'} {{value}}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    with playwright.sync_playwright() as driver:
        if path is None and not Path(driver.chromium.executable_path).exists():
            pytest.skip("Chromium is not installed: no chromium on the path, and none of playwright's own")
        playwright.expect.set_options(timeout=30_000)  # two busy cores are no fault of the page
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


def test_a_visitor_submits_and_is_ranked(browser: Any, served: Served, make_file: FileMaker) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"a dialog: {dialog.message}"))
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if served.url not in request.url else None)
    page.goto(served.url)
    answer = page.locator("#answer")
    page.get_by_role("tab", name="Submit").click()

    page.locator("#send").click()
    playwright.expect(answer).to_contain_text("No token")

    def submit(path: Path) -> None:
        page.locator("#file input[type=file]").set_input_files(path)
        # The name is shown in two pieces, a stem and an ending; the link to the stored upload has it whole.
        playwright.expect(page.locator(f'#file a[href$="/{path.name}"]')).to_be_visible(timeout=30_000)
        page.locator("#send").click()

    page.locator("#token input").fill(served.token("visitor"))
    submit(make_file(task="daycent_temporal", drop=1, model=MARKUP))
    playwright.expect(answer).to_contain_text("The file was not accepted")
    playwright.expect(answer).to_contain_text("Missing sequences")
    playwright.expect(answer).to_contain_text("Predict every sequence of the split")
    playwright.expect(answer).to_contain_text(MARKUP)

    submit(make_file(task="daycent_temporal", model=MARKUP))
    playwright.expect(answer).to_contain_text("mean skill")
    playwright.expect(answer).to_contain_text("Left today")

    page.get_by_role("tab", name="Leaderboard").click()
    page.locator("#task input").click()
    page.get_by_role("option", name="Daycent, temporal").click()
    playwright.expect(page.locator("#board")).to_contain_text("visitor")
    playwright.expect(page.locator("#board")).to_contain_text(MARKUP)
    playwright.expect(page.locator("#skill .plot-container")).to_be_visible()

    assert page.title() == "AgroFlux leaderboard"
    assert page.locator("img[src='x']").count() == 0
    assert complaints == []
    assert [url for url in elsewhere if url.startswith("http")] == []
    page.close()


def test_the_page_fits_a_phone(browser: Any, served: Served) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, color_scheme="dark")
    page = context.new_page()
    page.goto(served.url)
    for tab in ("Leaderboard", "Submit", "About"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, tab
    assert "dark" in (page.locator("body").get_attribute("class") or "")
    context.close()
