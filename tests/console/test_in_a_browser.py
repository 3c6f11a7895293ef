"""The console as its user has it: in Chromium."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.chromium import chromium
from harness.console import Console
from harness.fake_cluster import BALANCERS, FakeCluster
from harness.poll import until
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from console import scene

_IMAGES = Path(__file__).parents[2] / "docs" / "images"
GROUP = "spec.targetGroups.0"


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
        entries = self.browser.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry for entry in entries if "the server responded with a status of 4" not in entry["message"]]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    browser = chromium(tmp_path_factory.mktemp("chromium"), "--hide-scrollbars")
    yield browser
    browser.quit()


@pytest.fixture
def page(browser: Chrome, console: Console, cluster: FakeCluster, pytestconfig: pytest.Config) -> Iterator[Page]:
    browser.set_window_size(1280, 1000)
    page = Page(browser, console, bool(pytestconfig.getoption("--screenshots")))
    page.complaints()
    yield page
    assert page.complaints() == []


def test_the_list_shows_every_load_balancer_and_its_state_as_it_changes(page: Page, cluster: FakeCluster) -> None:
    page.open()
    page.until_text("Load balancers 6", "h1")
    row = page.text('tr[data-name="ledger"]')
    for words in ("payments", "active_impaired", "TooFewHealthyTargets", "2/4 healthy", "TCP 9042", "internal"):
        assert words in row
    assert "ProxiesPending" in page.text('tr[data-name="preview"]')
    page.shoot("console-list.png", 720)
    cluster.remove(BALANCERS, "preview")
    page.until_text("Load balancers 5", "h1")


def test_the_key_does_not_stay_in_the_address(page: Page) -> None:
    page.open()
    page.until_text("Load balancers 6", "h1")
    page.browser.get(page.console.address)  # once more, over the page that is open
    until(lambda: page.browser.current_url == f"{page.console.url}/", say="the key goes")
    page.until_text("Load balancers 6", "h1")


def test_the_list_is_used_by_keyboard_alone(page: Page) -> None:
    page.open()
    page.until_text("Load balancers 6", "h1")
    body = page.one("body")
    body.send_keys("/")
    page.browser.switch_to.active_element.send_keys("internal")
    page.until_text("2 of 6", "h1")
    assert page.browser.execute_script("return document.activeElement.type") == "search"
    page.one('tr[data-name="ledger"] a').send_keys(Keys.ARROW_DOWN)
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)
    page.until_text("search", "h1")
    assert page.browser.current_url.endswith("/shop/search")


def test_the_picture_shows_zones_proxies_and_targets_with_states_and_reasons(page: Page, cluster: FakeCluster) -> None:
    page.open("/shop/web")
    page.until_text("Target.Respon", ".drawing")
    labels = [
        node.get_attribute("aria-label") or "" for node in page.browser.find_elements(By.CSS_SELECTOR, ".chip-node")
    ]
    assert sum(label.startswith("Proxy ") and "ready" in label for label in labels) == 6
    assert sum(label.startswith("Target ") for label in labels) == 10
    sick = next(label for label in labels if "unhealthy" in label)
    assert "Target.ResponseCodeMismatch" in sick
    assert "Health checks failed with these codes: [503]" in sick
    spoken = page.one(".drawing").get_attribute("aria-label") or ""
    assert "zone-a active, 2 of 2 proxies ready, 2 of 3 targets healthy" in spoken

    cluster.put(
        BALANCERS,
        scene.balancer(
            "web",
            "shop",
            targets=[scene.target(21, "zone-b")],
            zones={"zone-a": "impaired", "zone-b": "active", "zone-c": "active"},
        ),
    )

    page.until_text("impaired · TooFewHealthyTargets", ".drawing")
    page.until_text("active_impaired", ".title")


def test_the_picture_is_walked_by_keys_and_tells_all_of_what_is_reached(page: Page) -> None:
    page.open("/shop/web")
    first = page.one('.chip-node[tabindex="0"]')
    page.browser.execute_script("arguments[0].focus()", first)
    page.until_text("on node a1", ".tip")
    for _ in range(2):
        page.browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    page.until_text("Health checks failed with these codes: [503]", ".tip")


def test_the_charts_move(page: Page) -> None:
    page.open("/shop/web")
    values = "return [...document.querySelectorAll('.chart')].map(c => c.querySelector('b').textContent)"
    before = until(
        lambda: (now := page.browser.execute_script(values)) and "\u2013" not in now[:2] and now,
        limit=20,
        every=0.2,
        say="figures",
    )
    assert len(before) == 8
    until(lambda: page.browser.execute_script(values)[0] != before[0], limit=20, every=0.2, say="other figures")
    ink = """
        const canvas = document.querySelector('.chart canvas');
        return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(value => value > 0);
    """
    assert page.browser.execute_script(ink)
    page.until_text("req/s · p99", ".drawing")
    page.one('option[value="zone-b"]').click()
    until(lambda: page.browser.execute_script(values)[0] != "\u2013", say="figures of one zone")


def test_the_page_of_one_by_night(page: Page) -> None:
    page.open("/shop/web", theme="dark")
    page.until_text("req/s · p99", ".drawing", limit=20)
    assert page.browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(14, 19, 25)"
    if page.shoots:
        page.browser.execute_async_script("const [done] = arguments; setTimeout(done, 25000)")
    page.shoot("console-load-balancer.png", 1160)
    page.one("#theme").click()
    until(
        lambda: (
            page.browser.execute_script("return getComputedStyle(document.body).backgroundColor")
            == "rgb(246, 247, 249)"
        )
    )


def test_a_load_balancer_is_created_in_a_few_clicks(page: Page, cluster: FakeCluster) -> None:
    page.open("/create")
    page.fill("metadata.name", "cart")
    page.fill(f"{GROUP}.targets.service.name", "cart")
    page.until_text("accepts it", ".verdict")
    assert "port: 8080" in page.text(".code")
    page.press("Create load balancer")
    page.until_text("cart", "h1")
    assert page.browser.current_url.endswith("/shop/cart")
    made = cluster.balancer("cart")
    assert made
    assert made["spec"] == {
        "listeners": [{"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "cart"}],
        "targetGroups": [
            {
                "name": "cart",
                "protocol": "HTTP",
                "targets": {"service": {"name": "cart", "port": 8080}},
                "healthCheck": {"interval": "10s"},
                "deregistrationDelay": "30s",
            }
        ],
    }


def test_every_choice_of_the_form_is_in_the_yaml(page: Page) -> None:
    page.open("/create")
    page.fill("metadata.name", "cart")
    page.one('[data-path="spec.scheme"][value="internal"]').click()
    page.fill("spec.listeners.0.protocol", "HTTPS")
    page.fill("spec.listeners.0.tls.certificates.0.secretName", "cart-tls")
    page.press("Add a listener")
    page.fill("spec.listeners.1.protocol", "HTTP")
    page.fill(f"{GROUP}.targets.service.name", "cart")
    page.fill(f"{GROUP}.algorithm", "least_outstanding_requests")
    for name, value in (
        ("path", "/healthz"),
        ("matcher", "200-299"),
        ("interval", "5s"),
        ("timeout", "2s"),
        ("healthyThreshold", "3"),
        ("unhealthyThreshold", "4"),
    ):
        page.fill(f"{GROUP}.healthCheck.{name}", value)
    page.one(f'[data-path="{GROUP}.stickiness.type"][value="app_cookie"]').click()
    page.fill(f"{GROUP}.stickiness.cookieName", "SESSION")
    page.fill(f"{GROUP}.deregistrationDelay", "2m")
    page.one('[name="some-zones"][value="some"]').click()
    page.one('[type="checkbox"][value="zone-b"]').click()
    page.one('[data-path="spec.crossZone"][value="disabled"]').click()
    page.until_text("crossZone: disabled", ".code")
    page.until_text("accepts it", ".verdict")
    yaml = page.text(".code")
    for wanted in (
        "scheme: internal", "zones:", "- zone-b", "- name: https", "port: 443", "- secretName: cart-tls", "- name: http", "port: 80",
        "algorithm: least_outstanding_requests", "path: /healthz", "matcher: 200-299", "interval: 5s", "timeout: 2s", "healthyThreshold: 3",
        "unhealthyThreshold: 4", "type: app_cookie", "duration: 1h", "cookieName: SESSION", "deregistrationDelay: 2m",
    ):  # fmt: skip
        assert wanted in yaml


def test_what_is_wrong_is_said_at_its_field_as_it_is_typed(page: Page, cluster: FakeCluster) -> None:
    page.open("/create")
    page.until_text("still to be filled in", ".verdict")
    assert page.wrong("metadata.name") == ""  # nobody has been there yet
    page.fill("metadata.name", "Cart_1")
    until(lambda: "DNS label" in page.wrong("metadata.name"), say="the name's fault")
    assert page.field("metadata.name").get_attribute("aria-invalid") == "true"
    page.fill(f"{GROUP}.targets.service.name", "cart")
    page.fill(f"{GROUP}.healthCheck.interval", "5")
    until(lambda: "not a duration" in page.wrong(f"{GROUP}.healthCheck.interval"), say="the interval's fault")
    page.fill("spec.listeners.0.protocol", "HTTPS")
    page.press("Create load balancer")
    until(
        lambda: page.browser.execute_script("return document.activeElement.dataset.path") == "metadata.name",
        say="the focus at the first fault",
    )
    page.shoot("console-create.png", 1000)
    page.fill("metadata.name", "cart")
    page.fill(f"{GROUP}.healthCheck.interval", "5s")
    until(
        lambda: "required for HTTPS" in page.wrong("spec.listeners.0.tls.certificates.0.secretName"),
        say="the certificate's fault",
    )
    page.fill("metadata.name", "web")
    page.fill("spec.listeners.0.tls.certificates.0.secretName", "web-tls")
    until(lambda: "exists" in page.wrong("metadata.name"), say="the name that is taken")
    page.fill("metadata.name", "cart")
    page.until_text("accepts it", ".verdict")
    assert cluster.writes == []


def test_a_listener_that_is_removed_leaves_the_others_their_faults(page: Page) -> None:
    page.open("/create")
    page.press("Add a listener")
    page.fill("spec.listeners.1.port", "70000")
    page.one('[aria-label="Remove this listener"]').click()
    until(lambda: "at most 65535" in page.wrong("spec.listeners.0.port"), say="the fault, now at the first")


def test_the_form_goes_on_as_yaml(page: Page, cluster: FakeCluster) -> None:
    page.open("/create")
    page.fill("metadata.name", "cart")
    page.fill(f"{GROUP}.targets.service.name", "cart")
    page.until_text("accepts it", ".verdict")
    page.press("Go on in YAML")
    area = page.one("textarea")
    area.send_keys(Keys.CONTROL, Keys.END)
    area.send_keys("    failOpen: maybe\n")
    page.until_text("neither true nor false", ".faults")
    assert "failOpen" in page.text(".wrong-line")
    area.send_keys(*[Keys.BACKSPACE] * 6, "false")
    page.until_text("accepts it", ".verdict")
    page.press("Create load balancer")
    until(
        lambda: (cluster.balancer("cart") or {}).get("spec", {}).get("targetGroups", [{}])[0].get("failOpen") is False,
        say="it is made",
    )


def test_an_edit_says_who_else_writes_and_does_not_overwrite_what_changed_meanwhile(
    page: Page, cluster: FakeCluster
) -> None:
    page.open("/payments/checkout/edit")
    page.until_text("Also written by argocd", ".notices")
    page.until_text("accepts it", ".verdict")
    cluster.put(BALANCERS, scene.balancer("checkout", "payments", scheme="internal"))
    area = page.one("textarea")
    area.send_keys(Keys.CONTROL, Keys.END)
    area.send_keys("# a remark\n")
    page.press("Save")
    page.until_text("It has changed since you opened it; nothing was saved.", ".notices")
    page.press("Load the newest")
    until(lambda: "scheme: internal" in (page.one("textarea").get_attribute("value") or ""), say="the newest")
    page.press("Save")
    page.until_text("checkout", "h1")
    until(lambda: page.browser.current_url.endswith("/payments/checkout"))


def test_deleting_asks_for_the_name(page: Page, cluster: FakeCluster) -> None:
    page.open("/shop/search")
    page.press("Delete")
    typed = page.one("dialog input")
    button = page.one("dialog button.danger")
    typed.send_keys("sear")
    assert not button.is_enabled()
    typed.send_keys("ch")
    button.click()
    until(lambda: cluster.balancer("search") is None, say="it is gone")
    page.until_text("Load balancers 5", "h1")


def test_one_that_is_protected_says_so_instead(page: Page) -> None:
    page.open("/payments/checkout")
    page.press("Delete")
    page.until_text("deletion protection", "dialog")
    page.one("dialog").send_keys(Keys.ESCAPE)
    until(lambda: not page.browser.find_elements(By.CSS_SELECTOR, "dialog"), say="Escape closes it")


def test_a_zonal_shift_is_started_and_cancelled(page: Page, cluster: FakeCluster) -> None:
    page.open("/shop/web")
    page.press("Zonal shift")
    page.one("dialog select option:nth-child(2)").click()
    page.one("dialog input").send_keys("power")
    page.press("Start the shift")
    page.until_text("Shifted away from zone-b", ".notices")
    assert "power" in page.text(".notices")
    page.press("Cancel the shift")
    until(lambda: "zonalShift" not in (cluster.balancer("web") or {})["spec"], say="it is cancelled")
    until(lambda: "Shifted" not in page.text(".notices"), say="the notice goes")


def test_one_that_is_not_there_says_so(page: Page) -> None:
    page.open("/shop/none")
    page.until_text("There is no load balancer none in shop.", ".notices")


def test_with_the_api_server_away_the_last_is_shown_in_grey_until_it_is_back(page: Page, cluster: FakeCluster) -> None:
    page.open("/shop/web")
    page.until_text("Target.Respon", ".drawing")
    cluster.stop()
    try:
        page.until_text("The API server doesn't answer", "#banner")
        assert "What is shown was seen at" in page.text("#banner")
        assert "stale" in (page.one("main").get_attribute("class") or "")
        assert "Target.Respon" in page.text(".drawing")
    finally:
        cluster.start()
    until(lambda: not page.text("#banner"), limit=20, say="the banner goes")


def test_a_name_that_is_markup_is_text(page: Page, cluster: FakeCluster) -> None:
    nasty = '<img src=x onerror="document.title=1">'
    web = scene.balancer(
        "web",
        "shop",
        targets=[scene.target(11, "zone-a", "unhealthy", nasty, nasty)],
        conditions=(scene.condition("Accepted", "False", nasty, nasty),),
    )
    cluster.put(BALANCERS, web)
    page.open("/shop/web")
    page.until_text(nasty, ".notices")
    assert not page.browser.find_elements(By.CSS_SELECTOR, "main img")


def test_every_control_has_a_name_and_every_text_its_contrast(page: Page) -> None:
    unnamed = """
        return [...document.querySelectorAll('button, input, select, textarea, a')].filter(node => !node.closest('[hidden]'))
            .filter(node => !(node.textContent.trim() || node.getAttribute('aria-label') || node.labels?.length)).map(node => node.outerHTML);
    """
    contrast = """
        const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
        const channels = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
        const behind = node => { for (let at = node; at; at = at.parentElement) { const c = channels(getComputedStyle(at).backgroundColor); if (c.length === 3 || c[3] > .99) return c; } return [255, 255, 255]; };
        const low = [];
        for (const node of document.querySelectorAll('main *, header *')) {
            if (!node.childElementCount && node.textContent.trim() && node.checkVisibility() && !node.closest('svg, textarea, :disabled')) {
                const [a, b] = [light(channels(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
                if ((a + .05) / (b + .05) < 4.5) low.push(`${node.className} ${node.textContent.slice(0, 30)} ${((a + .05) / (b + .05)).toFixed(2)}`);
            }
        }
        return low;
    """
    for theme in ("light", "dark"):
        for path, there in (
            ("/", "tr[data-name]"),
            ("/shop/web", ".drawing"),
            ("/create", ".code-line"),
            ("/shop/web/edit", ".code-line"),
        ):
            page.open(path, theme)
            page.one(there)
            assert page.browser.execute_script(unnamed) == [], path
            assert page.browser.execute_script(contrast) == [], (path, theme)
