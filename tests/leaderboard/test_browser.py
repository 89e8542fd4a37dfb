"""The page in a real Chromium: what visitors do with it, by mouse, by keyboard, on a phone, in the dark."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.leaderboard.conftest import FileMaker, Served

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.browser

WAIT = 90_000
"""Milliseconds: two busy cores are no fault of the page."""
NAME = re.compile("^Model")
MARKUP = "<img src=x onerror=\"document.title='taken over'\"> ${document.title='taken over'} {{value}}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    with playwright.sync_playwright() as driver:
        if path is None and not Path(driver.chromium.executable_path).exists():
            pytest.skip("Chromium is not installed: no chromium on the path, and none of playwright's own")
        playwright.expect.set_options(timeout=WAIT)
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, served: Served) -> Iterator[Any]:
    """The page on a wide screen; whatever goes wrong in it, or is fetched from elsewhere, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(WAIT)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("dialog", lambda dialog: wrong.append(f"a dialog: {dialog.message}"))
    opened.on("request", lambda asked: wrong.append(asked.url) if _elsewhere(asked.url, served.url) else None)
    opened.goto(served.url)
    yield opened
    assert wrong == []
    context.close()


def _elsewhere(url: str, home: str) -> bool:
    return url.startswith("http") and not url.startswith(home)


def tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def choose(page: Any, source: str, scenario: str) -> None:
    """The board of a task, waited for."""
    page.locator("#source label", has_text=source).click()
    page.locator("#scenario label", has_text=scenario).click()
    playwright.expect(page.locator("#line")).to_contain_text("Predict")
    playwright.expect(page.locator("#board table, #board .af-quiet").first).to_be_visible()


def drop(page: Any, path: Path) -> None:
    """Put a file into the drop zone, and wait until the form shows what it says of itself."""
    page.locator("#file input[type=file]").set_input_files(path)
    playwright.expect(page.locator("#answer")).to_contain_text("ready to be sent")


def column(page: Any, number: int) -> list[str]:
    """The cells of a column of the board."""
    return page.locator(f"#board tbody tr > :nth-child({number})").all_inner_texts()


def test_from_a_bad_file_to_a_rank_and_off_the_board_again(page: Any, served: Served, make_file: FileMaker) -> None:
    expect = playwright.expect
    answer = page.locator("#answer")
    tab(page, "Submit")
    page.locator("#send").click()
    expect(answer).to_contain_text("No token")
    page.locator("#token input").fill(served.token("visitor"))
    page.locator("#token input").blur()
    expect(page.locator("#quota")).to_contain_text("Left today, visitor")
    expect(page.locator("#quota")).to_contain_text("5 of 5")

    drop(page, make_file(task="daycent_temporal", drop=1, model=MARKUP))
    page.locator("#send").click()
    expect(answer).to_contain_text("The file was not accepted")
    expect(answer).to_contain_text("Missing sequences")
    expect(answer).to_contain_text("Predict every sequence of the split")
    expect(answer).to_contain_text(MARKUP)
    expect(page.locator("#quota")).to_contain_text("4 of 5")

    # What the form says is on the board; what the file says is kept.
    drop(page, make_file(task="daycent_temporal", model="as the file says"))
    name = page.locator("#metadata").get_by_role("textbox", name=NAME)
    expect(name).to_have_value("as the file says")
    name.fill(MARKUP)
    page.locator("#metadata").get_by_label("Links").fill("https://github.com/an/example\njavascript:alert(1)")
    page.locator("#send").click()
    expect(answer).to_contain_text("a list of http(s) addresses")
    drop(page, make_file(task="daycent_temporal", model="as the file says", levels=(5, 50, 95)))
    name.fill(MARKUP)
    page.locator("#metadata").get_by_label("Links").fill("https://github.com/an/example\nhttps://example.org/x")
    page.locator("#send").click()
    expect(answer).to_contain_text("mean skill")
    expect(answer).to_contain_text(MARKUP)

    tab(page, "Leaderboard")
    choose(page, "Daycent", "Temporal")
    row = page.locator("#board tbody tr", has_text="visitor")
    expect(row).to_contain_text(MARKUP)
    row.click()
    expect(page.locator("#detail h2")).to_have_text(MARKUP)
    expect(page.locator("#detail")).to_contain_text("95 % interval")
    expect(page.locator("#detail")).to_contain_text("Days in 90 %")
    about = page.locator("#about-it")
    expect(about).to_contain_text("the file called the model “as the file says”")
    assert about.locator("a").evaluate_all("all => all.map(a => a.href)") == ["https://github.com/an/example"]
    expect(about).to_contain_text("https://example.org/x")

    tab(page, "My submissions")
    mine = page.locator("#mine")
    expect(mine.locator("tbody tr")).to_have_count(2)
    expect(mine).to_contain_text("rejected")
    mine.locator("tbody tr", has_text="scored").locator("button").click()
    expect(page.locator("#standing")).to_contain_text("Scored.")
    page.get_by_text("Edit what it says of itself").click()
    page.locator("#edit").get_by_role("textbox", name=NAME).fill("renamed")
    page.locator("#save").click()
    expect(page.locator("#said")).to_contain_text("Saved")
    expect(page.locator("#edit")).to_contain_text("renamed")
    expect(mine).to_contain_text("renamed")
    page.locator("#withdraw").click()
    page.locator("#sure").click()
    expect(page.locator("#said")).to_contain_text("Withdrawn")
    expect(mine).to_contain_text("scored, withdrawn")

    tab(page, "Leaderboard")
    page.locator("#back").click()
    expect(page.locator("#board")).not_to_contain_text("visitor")
    assert page.title() == "AgroFlux leaderboard"
    assert page.locator("img[src='x']").count() == 0


@pytest.fixture(scope="module")
def ranked(served: Served, make_file: FileMaker) -> list[str]:
    """Some models on the board of mesocosm_spatial, the best first."""
    from gradio_client import Client, handle_file

    client, token = Client(served.url, token=False, verbose=False), served.token("ranked")
    names = ["alpha", "beta", "gamma"]
    for number, name in enumerate(names):
        path = make_file(task="mesocosm_spatial", model=name, offset=2e-4 * number)
        id = client.predict(handle_file(path), token, api_name="/submit")["id"]
        client.predict(id, {"pretraining": "ecosys" if name == "beta" else "none"}, token, api_name="/edit")
    wait(client, token)
    board = client.predict("mesocosm_spatial", api_name="/board")
    return [row["Model"] for row in board if row["Model"] in names]


def wait(client: Any, token: str) -> None:
    stop = time.monotonic() + 300
    while any(one["state"] in ("received", "scoring") for one in client.predict(token, api_name="/list")):
        assert time.monotonic() < stop
        time.sleep(0.5)


@pytest.mark.slow  # it failed once in 18 runs on a very busy machine, why is not known yet
def test_a_board_is_searched_filtered_and_sorted(page: Any, ranked: list[str]) -> None:
    expect = playwright.expect
    choose(page, "Mesocosm", "Spatial")
    expect(page.locator("#board")).to_contain_text("ranked")
    page.get_by_label("Search").fill("RANKED mesocosm_spatial")
    expect(page.locator("#board tbody tr")).to_have_count(3)
    assert column(page, 2) == ranked
    page.locator("#board").get_by_role("button", name="Model").click()
    expect(page.locator("#board th[aria-sort=ascending]")).to_contain_text("Model")
    assert column(page, 2) == ["alpha", "beta", "gamma"]
    page.locator("#board").get_by_role("button", name="Model").click()
    expect(page.locator("#board th[aria-sort=descending]")).to_contain_text("Model")
    assert column(page, 2) == ["gamma", "beta", "alpha"]

    page.get_by_text("Filters and columns").click()
    page.get_by_label("Pretraining").first.click()
    page.get_by_role("option", name="Ecosys").click()
    expect(page.locator("#board tbody tr")).to_have_count(1)
    assert column(page, 2) == ["beta"]
    expect(page.locator("#board thead")).not_to_contain_text("MAE")
    page.locator("#columns label", has_text="MAE by target").click()
    expect(page.locator("#board thead")).to_contain_text("N2O MAE")
    page.get_by_label("Search").fill("nobody has this name")
    expect(page.locator("#board")).to_contain_text("Nothing passes")

    for figure in ("Skill and model size", "Targets and tasks", "Spread over sites", "Rank with intervals"):
        page.get_by_text(figure).click()
        expect(page.locator("#plot .main-svg").first).to_be_visible()
    page.locator("#scenario label", has_text="All").click()
    page.get_by_label("Search").fill("alpha")
    expect(page.locator("#line")).to_contain_text("Mean skill over 2 tasks")
    page.get_by_label("Pretraining").first.click()
    page.get_by_role("option", name="Any").click()
    expect(page.locator("#board tbody tr")).to_contain_text("1 of 2")


def test_all_of_it_by_keyboard(page: Any, ranked: list[str]) -> None:
    expect = playwright.expect
    choose(page, "Mesocosm", "Spatial")
    expect(page.locator("#board")).to_contain_text("alpha")
    page.locator("#board [data-sort=skill]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#board th[aria-sort=descending]")).to_contain_text("Skill")
    expect(page.locator("#board [data-sort=skill]")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#board thead') !== null")
    page.locator("#board tbody button", has_text="alpha").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#detail h2")).to_be_focused()
    expect(page.locator("#detail h2")).to_have_text("alpha")
    page.locator("#back").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#board table")).to_be_visible()
    page.get_by_role("tab", name="Leaderboard").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement !== document.body")


FAINT = """() => {
  const parsed = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((one) => one / 255)
    .map((one) => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const [r, g, b, a = 1] = parsed(getComputedStyle(one).backgroundColor);
      if (a > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll('.gradio-container *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (element.closest('svg, footer, [disabled], .af-sr')) continue;
    const [light, dark] = [parsed(getComputedStyle(element).color), behind(element)].map(luminance)
      .sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) found.push(`${element.tagName} ${element.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""
"""Text that stands out from what is behind it by less than 4.5, which WCAG asks for."""

NAMELESS = """() => [...document.querySelectorAll('input, textarea, select, button, [role=button], a[href]')]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest('footer, .js-plotly-plot'))
  .filter((one) => one.type !== 'file')
  .filter((one) => !(one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.title
    || one.textContent.trim() || one.placeholder || (one.labels && [...one.labels].some((l) => l.textContent.trim()))))
  .map((one) => one.outerHTML.slice(0, 120))"""
"""Controls that a screen reader could not name."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_can_be_read(browser: Any, served: Served, ranked: list[str], scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, color_scheme=scheme
    )
    page = context.new_page()
    page.set_default_timeout(WAIT)
    page.goto(served.url)
    playwright.expect(page.locator("#board table")).to_be_visible()
    assert ("dark" in (page.locator("body").get_attribute("class") or "")) == (scheme == "dark")

    def check(where: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, where
        stop = time.monotonic() + 20
        while (faint := page.evaluate(FAINT)) and time.monotonic() < stop:
            page.wait_for_timeout(200)  # colours change gradually
        assert faint == [], where
        assert page.evaluate(NAMELESS) == [], where

    check("boards")
    choose(page, "Mesocosm", "Spatial")
    page.locator("#board tbody button", has_text="alpha").click()
    playwright.expect(page.locator("#scales .main-svg").first).to_be_visible()
    check("details")
    for name, shown in (("Submit", "#send"), ("My submissions", "#show"), ("About", "#about")):
        tab(page, name)
        playwright.expect(page.locator(shown)).to_be_visible()
        check(name)
    context.close()
