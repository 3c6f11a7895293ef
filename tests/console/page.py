"""A page of the console in Chromium."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.console import Console
from harness.poll import until
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

_IMAGES = Path(__file__).parents[2] / "docs" / "images"


@dataclass
class Page:
    """What the browser shows."""

    browser: Chrome
    console: Console
    shoots: bool

    def open(self, path: str = "/", theme: str = "light") -> None:
        """Go to a page of the console, as with the address that was printed."""
        self.browser.get("about:blank")
        self.browser.get(self.console.address)
        self.browser.execute_script("localStorage.setItem('elbow-console-theme', arguments[0])", theme)
        self.browser.get(f"{self.console.url}{path}")

    def text(self, selector: str = "body") -> str:
        """The text of the first that fits; empty if there is none."""
        try:
            return self.browser.find_element(By.CSS_SELECTOR, selector).text
        except (NoSuchElementException, StaleElementReferenceException):
            return ""

    def until_text(self, words: str, selector: str = "body", *, limit: float = 15) -> None:
        until(lambda: words in self.text(selector), limit=limit, every=0.05, say=f"{words!r} in {selector}")

    def one(self, selector: str) -> WebElement:
        """The first that fits, once it is there."""

        def found() -> WebElement | None:
            fitting = self.browser.find_elements(By.CSS_SELECTOR, selector)
            return fitting[0] if fitting else None

        return until(found, say=selector)

    def press(self, words: str) -> None:
        """The button or link of that text, once it is there."""

        def pressed() -> bool:
            for button in self.browser.find_elements(By.CSS_SELECTOR, "dialog button, button, a"):
                try:
                    if button.is_displayed() and button.text == words and button.is_enabled():
                        button.click()
                        return True
                except StaleElementReferenceException:
                    return False
            return False

        until(pressed, say=f"a button {words}")

    def field(self, path: str) -> WebElement:
        """The form's control of a field."""
        return self.one(f'[data-path="{path}"]')

    def fill(self, path: str, value: str) -> None:
        control = self.field(path)
        if control.tag_name == "select":
            control.find_element(By.CSS_SELECTOR, f'option[value="{value}"]').click()
            return
        control.send_keys(Keys.CONTROL, "a")
        control.send_keys(value)

    def wrong(self, path: str) -> str:
        """What is said to be wrong with a field, where the user sees it."""
        script = (
            "return document.querySelector(arguments[0]).closest('.field').querySelector(':scope > .wrong').textContent"
        )
        found: str = self.browser.execute_script(script, f'[data-path="{path}"]')
        return found

    def shoot(self, name: str, height: int) -> None:
        """Keep what is shown for the documentation, if asked to."""
        if not self.shoots:
            return
        self.browser.set_window_size(1280, height)
        until(lambda: self.browser.execute_script("return innerWidth") == 1280)
        self.browser.execute_async_script("const [done] = arguments; scrollTo(0, 0); setTimeout(done, 600)")
        _IMAGES.mkdir(exist_ok=True)
        self.browser.save_screenshot(str(_IMAGES / name))

    def complaints(self) -> list[Any]:
        """What the browser's log says against the page; answers that refuse a draft are no complaint."""
        entries = self.browser.get_log("browser")
        return [entry for entry in entries if "the server responded with a status of 4" not in entry["message"]]
