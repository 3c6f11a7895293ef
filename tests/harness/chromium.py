"""Chromium without a screen, that talks to nobody but the test."""

import shutil
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)


def chromium(directory: Path, *flags: str) -> Chrome:
    """Start it with a new profile in a directory."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert program, "Chromium is not installed; scripts/test installs it where apt has it"
    assert driver, "chromedriver is not installed; scripts/test installs it where apt has it"
    options = ChromeOptions()
    options.binary_location = program
    for flag in (*_FLAGS, *flags, f"--user-data-dir={directory}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"profile.cookie_controls_mode": 0})  # other sites' cookies are allowed
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options, ChromeService(driver))
    browser.set_page_load_timeout(30)
    return browser
