"""A real browser without a screen, to look at pages with: Debian's chromium and its driver, nothing downloaded."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
)
# What the page must never cause: anything that its policy stops, a dialog, an error.
LISTENER = """
window.noticed = [];
document.addEventListener("securitypolicyviolation", (e) => noticed.push(`${e.violatedDirective}: ${e.blockedURI}`));
addEventListener("error", (e) => noticed.push(`error: ${e.message}`));
for (const name of ["alert", "confirm", "prompt", "open"]) window[name] = () => noticed.push(name);
"""


def missing() -> str:
    """Why there is no browser to look with; empty where there is one."""
    for names in (("chromium", "google-chrome", "chromium-browser"), ("chromedriver",)):
        if not any(shutil.which(name) for name in names):
            return f"there is no {names[0]} on this machine (apt-get install chromium chromium-driver)"
    return ""


class Browser:
    """One browser with one page open at a time."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        driver.execute_cdp_cmd("Page.enable", {})
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTENER})

    def look(self, file: Path, *, width: int = 1280, height: int = 900, scheme: str = "light", at: str = "") -> None:
        """Open a file in a window of this size, under a system of this colour scheme."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.get("about:blank")
        self.driver.get(f"{file.as_uri()}{at}")

    def run(self, script: str, *given: Any) -> Any:
        """What a function body gives back in the page."""
        return self.driver.execute_script(script, *given)

    def noticed(self) -> list[str]:
        """What the page caused that it must not, and what the browser complained of."""
        logged = [entry["message"] for entry in self.driver.get_log("browser")]
        return [*self.run("return window.noticed"), *logged]


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own, closed in the end."""
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = [shutil.which(name) for name in ("chromium", "google-chrome", "chromium-browser")]
    options.binary_location = next(path for path in found if path)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_script_timeout(60)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


def picture(png: bytes) -> tuple[int, int, int]:
    """Width and height of a PNG, and how many different bytes its pixels are made of: few where it is blank."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    at, held = 8, b""
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            held += png[at + 8 : at + 8 + size]
        at += size + 12
    return width, height, len(set(zlib.decompress(held)))
