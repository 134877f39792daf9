"""The report in headless Chromium: no errors, nothing asked for, filters by keyboard, axe-core."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Built

_CHROMIUM, _DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
pytestmark = pytest.mark.skipif(
    not (_CHROMIUM and _DRIVER and find_spec("selenium")),
    reason="no browser here: apt-get install chromium chromium-driver",
)
# What pages of the Web Content Accessibility Guidelines, level AA, and good practice ask.
_AXE = "return axe.run(document, {resultTypes: ['violations']})"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(_CHROMIUM)
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(str(_DRIVER)))
    yield browser
    browser.quit()


@pytest.fixture
def page(driver: Any, built: Built) -> Any:
    _look(driver, 1280, "light")
    driver.get((built.out / "report.html").as_uri())
    return driver


def _look(driver: Any, width: int, scheme: str) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def _shown(page: Any) -> list[dict[str, str]]:
    """Facts of the samples that the filters leave, those below `Show more` too."""
    script = (
        "const more = document.getElementById('more'); while (!more.hidden) more.click();"
        "return Array.from(document.querySelectorAll('.sample:not([hidden])'),"
        " (card) => ({...card.dataset, text: card.textContent}))"
    )
    found: list[dict[str, str]] = page.execute_script(script)
    return found


def _keys(page: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page).send_keys(*keys).perform()


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
    _keys(page, "QUESTION")
    assert page.switch_to.active_element.get_attribute("id") == "f-text"
    found = _shown(page)
    assert found == [card for card in whole if "question" in card["text"].lower()]
    assert 0 < len(found) < len(whole)
    said = page.find_element("id", "f-count").text
    assert said == f"{len(found)} of {len(whole)} samples"
    page.execute_script("document.getElementById('f-text').focus()")
    _keys(page, Keys.TAB, Keys.TAB, "v")
    assert page.switch_to.active_element.get_attribute("id") == "f-modality"
    both = _shown(page)
    assert both == [card for card in found if card["modality"] == "video"]
    assert 0 < len(both) < len(found)
    page.execute_script("document.getElementById('f-modality').focus()")
    _keys(page, Keys.TAB, Keys.TAB, Keys.ENTER)
    page.execute_async_script("setTimeout(arguments[0], 20)")
    assert len(_shown(page)) == len(whole)


def test_nothing_fits(page: Any) -> None:
    page.execute_script("document.getElementById('f-text').focus()")
    _keys(page, "no such words anywhere")
    assert _shown(page) == []
    assert page.find_element("id", "none").is_displayed()


def test_by_source(page: Any) -> None:
    select = "const s = document.getElementById('f-source'); s.value = 'magpie';"
    page.execute_script(f"{select} s.dispatchEvent(new Event('input', {{bubbles: true}}))")
    assert {card["source"] for card in _shown(page)} == {"magpie"}


@pytest.mark.parametrize("width", [1280, 390])
def test_no_wider_than_the_window(page: Any, width: int) -> None:
    _look(page, width, "light")
    page.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    _shown(page)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe(page: Any, scheme: str, width: int) -> None:
    spec = find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        pytest.skip("no axe-core here: make setup installs axe-playwright-python")
    _look(page, width, scheme)
    page.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.execute_cdp_cmd(
        "Runtime.evaluate",
        {"expression": (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")},
    )
    faults = page.execute_script(_AXE)["violations"]
    said = [(f["id"], f["impact"], f["nodes"][0]["html"][:200], len(f["nodes"])) for f in faults]
    assert said == []
