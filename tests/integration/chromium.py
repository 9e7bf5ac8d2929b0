"""A real headless Chromium that looks at a page of this machine."""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--force-color-profile=srgb",
)  # fmt: skip
LIMIT_S = 30.0  # for anything that is waited for; a test that passes never waits so long


class Browser:
    """A browser window, and what it complained about."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        self.driver.get(url)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript in the page; `arguments` are its own, and it gives what it returns."""
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        """Give the words that are seen of an element, a space between two."""
        found = self.run("return document.querySelector(arguments[0])?.innerText", selector)
        return " ".join(str(found or "").split())

    def sees(self, selector: str) -> bool:
        """Tell whether an element is there and shown."""
        script = "return Boolean(document.querySelector(arguments[0])?.checkVisibility())"
        return bool(self.run(script, selector))

    def click(self, selector: str) -> None:
        self.driver.find_element("css selector", selector).click()

    def type(self, selector: str, text: str) -> None:
        self.driver.find_element("css selector", selector).send_keys(text)

    def wait_for(self, happened: Callable[[], Any], what: str = "") -> Any:
        """Wait until something is true, and give it."""
        end_s = time.monotonic() + LIMIT_S
        while not (result := happened()):
            assert time.monotonic() < end_s, f"it never happened: {what}\n{self.text('body')}"
            time.sleep(0.05)
        return result

    def wait_for_text(self, selector: str, text: str) -> None:
        self.wait_for(lambda: text in self.text(selector), f"{text!r} in {selector}")

    def look(
        self, *, width: int = 1280, height: int = 900, dark: bool = False, phone: bool = False
    ) -> None:
        """Take another screen."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        touch = {"enabled": phone}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", touch)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def photograph(self, path: Path) -> None:
        """Write what is seen as a PNG."""
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        path.write_bytes(base64.b64decode(taken["data"]))

    def complaints(self) -> list[str]:
        """Give the errors and warnings of the console since it was asked last."""
        entries = self.driver.get_log("browser")
        return [entry["message"] for entry in entries if entry["level"] in {"SEVERE", "WARNING"}]

    def requests(self) -> list[str]:
        """Give the addresses that were asked for since it was asked last."""
        messages = [json.loads(one["message"]) for one in self.driver.get_log("performance")]
        return [
            message["message"]["params"]["request"]["url"]
            for message in messages
            if message["message"]["method"] == "Network.requestWillBeSent"
        ]


@contextmanager
def browsing(profile: Path) -> Iterator[Browser]:
    """Open a browser with a new profile in an empty folder."""
    try:
        from selenium import webdriver
    except ImportError:
        _give_up("selenium is not installed: pip install selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = _program("chromium", "chromium")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(_program("chromedriver", "chromium-driver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


def _program(name: str, package: str) -> str:
    """Find a program; without it the test is skipped, but fails where CI says that it is there."""
    path = shutil.which(name)
    if path is None:
        _give_up(f"{name} is not installed: apt install {package}")
    return path


def _give_up(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
