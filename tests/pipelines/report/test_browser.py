"""The report in headless Chromium: no errors, nothing asked for, filters by keyboard, axe-core."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import NEEDS_BROWSER, browser, faults, fits, look, send_keys
from tests.conftest import Built

pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture
def page(driver: Any, built: Built) -> Any:
    look(driver, 1280, "light")
    driver.get((built.out / "report.html").as_uri())
    return driver


def _shown(page: Any) -> list[dict[str, str]]:
    """Facts of the samples that the filters leave, those below `Show more` too."""
    script = (
        "const more = document.getElementById('more'); while (!more.hidden) more.click();"
        "return Array.from(document.querySelectorAll('.sample:not([hidden])'),"
        " (card) => ({...card.dataset, text: card.textContent}))"
    )
    found: list[dict[str, str]] = page.execute_script(script)
    return found


def test_opens_without_errors_or_requests(driver: Any, built: Built) -> None:
    driver.get("about:blank")
    driver.get_log("performance")
    driver.get((built.out / "report.html").as_uri())
    assert driver.get_log("browser") == []
    told = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [
        m["params"]["request"]["url"] for m in told if m["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in sent if not url.startswith(("data:", "file:"))] == []
    assert len([url for url in sent if url.startswith("file:")]) == 1
    broken = "return Array.from(document.images).filter((i) => !i.naturalWidth).length"
    assert driver.execute_script(broken) == 0


def test_a_script_in_the_page_does_not_run(page: Any, tmp_path: Path, built: Built) -> None:
    """Were a text not escaped, the page's own policy would still stop it."""
    text = (built.out / "report.html").read_text(encoding="utf-8")
    hostile = tmp_path / "hostile.html"
    evil = (
        "<script>document.title='run'</script><img src='data:,' onerror=\"document.title='run'\">"
    )
    hostile.write_text(text.replace('<div class="sheet"', f'{evil}<div class="sheet"', 1))
    page.get(hostile.as_uri())
    assert page.title == "video mixture: report"
    page.get_log("browser")


def test_filters_by_keyboard(page: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    whole = _shown(page)
    page.execute_script("document.getElementById('f-text').focus()")
    send_keys(page, "QUESTION")
    assert page.switch_to.active_element.get_attribute("id") == "f-text"
    found = _shown(page)
    assert found == [card for card in whole if "question" in card["text"].lower()]
    assert 0 < len(found) < len(whole)
    said = page.find_element("id", "f-count").text
    assert said == f"{len(found)} of {len(whole)} samples"
    page.execute_script("document.getElementById('f-text').focus()")
    send_keys(page, Keys.TAB, Keys.TAB, "v")
    assert page.switch_to.active_element.get_attribute("id") == "f-modality"
    both = _shown(page)
    assert both == [card for card in found if card["modality"] == "video"]
    assert 0 < len(both) < len(found)
    page.execute_script("document.getElementById('f-modality').focus()")
    send_keys(page, Keys.TAB, Keys.TAB, Keys.ENTER)
    page.execute_async_script("setTimeout(arguments[0], 20)")
    assert len(_shown(page)) == len(whole)


def test_nothing_fits(page: Any) -> None:
    page.execute_script("document.getElementById('f-text').focus()")
    send_keys(page, "no such words anywhere")
    assert _shown(page) == []
    assert page.find_element("id", "none").is_displayed()


def test_by_source(page: Any) -> None:
    select = "const s = document.getElementById('f-source'); s.value = 'magpie';"
    page.execute_script(f"{select} s.dispatchEvent(new Event('input', {{bubbles: true}}))")
    assert {card["source"] for card in _shown(page)} == {"magpie"}


@pytest.mark.parametrize("width", [1280, 390])
def test_no_wider_than_the_window(page: Any, width: int) -> None:
    look(page, width, "light")
    page.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    _shown(page)
    fits(page, width)


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe(page: Any, scheme: str, width: int) -> None:
    look(page, width, scheme)
    page.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert faults(page) == []
