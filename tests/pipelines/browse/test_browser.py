"""Pages in headless Chromium: no errors, nothing from elsewhere, filters by keyboard, axe-core."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import NEEDS_BROWSER, browser, faults, fits, look, send_keys
from tests.conftest import Built
from tests.pipelines.browse.serving import Served, serving

pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture(scope="module")
def pages(served: Served) -> dict[str, str]:
    """Queries of one page of each kind."""
    row = served.get("rows", rule="near_duplicate").attributes("href", "row?")[0]
    sample = served.get("", modality="multi_image").attributes("href", "sample?")[0]
    return {
        "samples": "",
        "clips": "?modality=video",
        "ledger": "rows?fate=dropped",
        "row": row,
        "sample": sample,
        "thresholds": "thresholds?filter=image_bounds&min_side_px=100",
        "fault": "rows?nothing=1",
    }


def count(page: Any) -> int:
    found = re.search(r"of ([\d,]+)", page.find_element("id", "count").text)
    return int(found[1].replace(",", "")) if found else 0


def wait_for(page: Any, text: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(page, 30).until(lambda d: text in d.find_element("id", "count").text)


@pytest.mark.parametrize("name", ["samples", "clips", "ledger", "row", "sample", "thresholds"])
def test_opens_without_errors(
    driver: Any, served: Served, pages: dict[str, str], name: str
) -> None:
    look(driver, 1280, "light")
    driver.get("about:blank")
    driver.get_log("performance")
    driver.get(served.server.address + pages[name])
    driver.execute_script(
        "document.querySelectorAll('img').forEach((i) => { i.loading = 'eager'; })"
    )
    loaded = "return Array.from(document.images).every((i) => i.complete)"
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, 30).until(lambda d: d.execute_script(loaded))
    assert driver.get_log("browser") == []
    told = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [
        m["params"]["request"]["url"] for m in told if m["method"] == "Network.requestWillBeSent"
    ]
    outside = [u for u in sent if not u.startswith(("data:", "about:", served.server.address))]
    assert outside == [] and len(sent) > 2
    broken = "return Array.from(document.images).filter((i) => !i.naturalWidth).length"
    assert driver.execute_script(broken) == 0


def test_filters_by_keyboard(driver: Any, served: Served) -> None:
    """What was found changes while one asks, and the address with it; focus stays."""
    from selenium.webdriver.common.keys import Keys

    look(driver, 1280, "light")
    driver.get(served.server.address)
    whole = count(driver)
    driver.execute_script("document.querySelector('[name=modality]').focus()")
    send_keys(driver, "v")
    videos = served.get("", modality="video").total
    wait_for(driver, f"of {videos} samples")
    assert "modality=video" in driver.current_url and 0 < videos < whole
    assert driver.switch_to.active_element.get_attribute("name") == "modality"
    driver.execute_script("document.querySelector('[name=of]').focus()")
    send_keys(driver, "num t")
    driver.execute_script("document.querySelector('[name=low]').focus()")
    send_keys(driver, "1000")
    long = served.get("", modality="video", of="num_tokens", low="1000", high="").total
    wait_for(driver, f"of {long} samples")
    assert 0 < long < videos
    driver.refresh()
    assert count(driver) == long
    driver.find_element("link text", "Next").send_keys(Keys.ENTER)
    assert "page=2" in driver.current_url and count(driver) == long
    assert driver.get_log("browser") == []


def test_a_threshold_that_is_moved_changes_counts(driver: Any, served: Served) -> None:
    from selenium.webdriver.common.keys import Keys

    look(driver, 1280, "light")
    driver.get(served.server.address + "thresholds?filter=image_bounds")
    before = driver.find_element("id", "count").text
    field = driver.find_element("id", "k-min_side_px")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("200")
    wait_for(driver, "(-")
    assert driver.find_element("id", "count").text != before
    slider = driver.find_element("css selector", "[data-for=k-min_side_px]")
    assert slider.get_attribute("value") == "200"
    slider.send_keys(Keys.HOME)
    wait_for(driver, "(+")
    assert field.get_attribute("value") == "1"
    assert driver.get_log("browser") == []


def test_a_bad_number_is_said(driver: Any, served: Served) -> None:
    driver.get(served.server.address + "thresholds?filter=image_bounds")
    driver.find_element("id", "k-min_side_px").send_keys("x")
    wait_for(driver, "is no whole number")
    # The browser's own word of it, and nothing of the script's.
    (entry,) = driver.get_log("browser")
    assert entry["source"] == "network" and "400" in entry["message"]


@pytest.mark.parametrize("width", [1280, 390])
def test_no_wider_than_the_window(
    driver: Any, served: Served, pages: dict[str, str], width: int
) -> None:
    look(driver, width, "light")
    for page in pages.values():
        driver.get(served.server.address + page)
        fits(driver, width)


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe(driver: Any, served: Served, pages: dict[str, str], scheme: str, width: int) -> None:
    look(driver, width, scheme)
    for page in pages.values():
        driver.get(served.server.address + page)
        assert faults(driver) == [], page


@pytest.mark.slow
def test_axe_of_a_store(driver: Any, built: Built) -> None:
    look(driver, 1280, "light")
    # Pages that say what is wrong with an address are answers of 400, and stay in the log.
    driver.get_log("browser")
    with serving(built.store) as store:
        for page in ("", "rows", "thresholds?filter=turn_length"):
            driver.get(store.server.address + page)
            assert driver.get_log("browser") == []
            assert faults(driver) == [], page
