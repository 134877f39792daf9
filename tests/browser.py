"""Headless Chromium, which tests of pages share; without it they are skipped with one line."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

_CHROMIUM, _DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
NEEDS_BROWSER = pytest.mark.skipif(
    not (_CHROMIUM and _DRIVER and find_spec("selenium")),
    reason="no browser here: apt-get install chromium chromium-driver",
)
# What pages of the Web Content Accessibility Guidelines, level AA, and good practice ask.
_AXE = "return axe.run(document, {resultTypes: ['violations']})"


@contextmanager
def browser(profile: Path) -> Iterator[Any]:
    """A driver with a profile of its own, whose logs tell of errors and of what was asked for."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(_CHROMIUM)
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(_DRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


def look(driver: Any, width: int, scheme: str) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def fits(driver: Any, width: int) -> None:
    """The page is no wider than that: at once, or when a phone's zoom has settled."""
    from selenium.webdriver.support.ui import WebDriverWait

    wide = "return document.documentElement.scrollWidth"
    WebDriverWait(driver, 10).until(
        lambda d: d.execute_script(wide) <= width,
        f"{driver.current_url} stays wider than {width} px",
    )


def send_keys(page: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page).send_keys(*keys).perform()


def faults(page: Any) -> list[tuple[str, str, str, int]]:
    """What axe-core finds: rule, how bad it is, the first place, how many."""
    spec = find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        pytest.skip("no axe-core here: make setup installs axe-playwright-python")
    page.execute_cdp_cmd(
        "Runtime.evaluate",
        {"expression": (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")},
    )
    found = page.execute_script(_AXE)["violations"]
    return [(f["id"], f["impact"], f["nodes"][0]["html"][:200], len(f["nodes"])) for f in found]
