"""Cookies as a real browser takes and sends them: Chromium."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from harness.background import Background
from harness.certificates import Authority
from harness.chromium import chromium
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer, tls
from harness.poll import until
from harness.ports import Ports
from harness.request import Request
from harness.target import Target
from harness.targets import Targets
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from stickiness.visitor import WEEK, until_of, value_for


@dataclass
class Site:
    """shop.example over HTTP and HTTPS with lb_cookie, and with app_cookie on a port of its own; Chromium sees all."""

    lb: Elbow
    targets: list[Target]
    browser: Chrome
    http: int
    https: int
    app: int

    def url(self, path: str = "/", *, host: str = "shop.example", secure: bool = True) -> str:
        return f"https://{host}:{self.https}{path}" if secure else f"http://{host}:{self.http}{path}"

    def visit(self, url: str) -> str:
        """The text of a page; plain pages say their target's name."""
        self.browser.get(url)
        return self.browser.find_element(By.TAG_NAME, "body").text.strip()

    def page(self, url: str, html: str) -> None:
        """A page of that host with that content."""
        answer = json.dumps({"body": f"<!doctype html>{html}", "headers": [["Content-Type", "text/html"]]})
        self.browser.get(f"{url}respond?json={quote(answer)}")

    def jar(self) -> dict[str, dict[str, Any]]:
        """The browser's cookies for the page it shows."""
        return {cookie["name"]: cookie for cookie in self.browser.get_cookies()}

    def asked(self, path: str) -> tuple[str, set[str]]:
        """Who was asked for a path, which is asked for once, and the names of the cookies that came along."""

        def found() -> tuple[str, Request] | None:
            return next(((t.name, r) for t in self.targets for r in list(t.requests) if r.path == path), None)

        name, request = until(found, say=f"a request for {path}")
        return name, {pair.partition("=")[0] for pair in (request.header("Cookie") or "").split("; ") if pair}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    flags = ("--ignore-certificate-errors", "--host-resolver-rules=MAP * 127.0.0.1")
    browser = chromium(tmp_path_factory.mktemp("chromium"), *flags)
    # Its answer may come, with a cookie, when the next test has begun.
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/favicon.ico"]})
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def running(background: Background, ports: Ports, authority: Authority, browser: Chrome) -> Iterator[Site]:
    targets = Targets(background, ports)
    three = targets.many(3)
    http, https, app = ports.take(), ports.take(), ports.take()
    certificate = tls(authority.issue("shop.example").bundle)
    listeners = [
        listener(http),
        listener(https, "HTTPS", tls=certificate),
        listener(app, "HTTPS", tls=certificate, name="app", group="app"),
    ]
    groups = [
        group(three, stickiness={"type": "lb_cookie", "duration": "1h"}),
        group(three, name="app", stickiness={"type": "app_cookie", "cookieName": "SESSION", "duration": "1h"}),
    ]
    lb = Elbow(load_balancer(listeners, groups), ports)
    yield Site(lb, three, browser, http, https, app)
    lb.stop()
    targets.stop()


@pytest.fixture
def site(running: Site) -> Site:
    running.browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    for target in running.targets:
        target.forget()
    return running


@pytest.mark.parametrize("secure", [True, False])
def test_a_browser_stays_on_its_target_over_reloads(site: Site, secure: bool) -> None:
    name = site.visit(site.url(secure=secure))

    assert name in "abc"
    for _ in range(6):
        site.browser.refresh()
        assert site.browser.find_element(By.TAG_NAME, "body").text.strip() == name
    assert {site.visit(site.url(f"/{i}", secure=secure)) for i in range(3)} == {name}


def test_over_https_the_browser_keeps_both_cookies_for_a_week_as_they_were_meant(site: Site) -> None:
    site.visit(site.url())

    jar = site.jar()
    assert set(jar) == {"AWSALB", "AWSALBCORS"}
    for cookie in jar.values():
        assert (cookie["path"], cookie["domain"], cookie["httpOnly"]) == ("/", "shop.example", False)
        assert abs(cookie["expiry"] - time.time() - WEEK) < 10
    assert not jar["AWSALB"]["secure"]
    assert jar["AWSALB"]["sameSite"] == "Lax"  # what a browser takes a cookie without the attribute for
    assert jar["AWSALBCORS"]["secure"]
    assert jar["AWSALBCORS"]["sameSite"] == "None"
    assert jar["AWSALB"]["value"] == jar["AWSALBCORS"]["value"]


def test_over_http_the_browser_keeps_the_cookie_and_refuses_the_twin(site: Site) -> None:
    site.visit(site.url(secure=False))

    assert set(site.jar()) == {"AWSALB"}


def test_a_twin_of_https_is_not_sent_over_http_and_the_client_stays(site: Site) -> None:
    name = site.visit(site.url())

    assert site.visit(site.url("/plain", secure=False)) == name
    assert site.asked("/plain") == (name, {"AWSALB"})
    assert site.visit(site.url("/safe")) == name
    assert site.asked("/safe") == (name, {"AWSALB", "AWSALBCORS"})


@pytest.mark.parametrize(
    ("embed", "path"),
    [
        ("<iframe src='{}'></iframe>", "/frame"),
        ("<img src='{}'>", "/image"),
        ("<script>fetch('{}', {{mode: 'no-cors', credentials: 'include'}})</script>", "/fetch"),
    ],
    ids=["iframe", "image", "fetch"],
)
def test_what_another_site_embeds_brings_the_twin_alone_and_stays_on_the_target(
    site: Site, embed: str, path: str
) -> None:
    name = site.visit(site.url())

    site.page(site.url(host="other.example"), embed.format(site.url(path)))

    assert site.asked(path) == (name, {"AWSALBCORS"})


def test_what_the_same_site_embeds_brings_both(site: Site) -> None:
    name = site.visit(site.url())

    site.page(site.url(host="www.shop.example"), f"<iframe src='{site.url('/frame')}'></iframe>")

    assert site.asked("/frame") == (name, {"AWSALB", "AWSALBCORS"})


def test_a_link_from_another_site_brings_both(site: Site) -> None:
    name = site.visit(site.url())

    site.page(site.url(host="other.example"), f"<a id='go' href='{site.url('/linked')}'>shop</a>")
    site.browser.find_element(By.ID, "go").click()

    assert site.asked("/linked") == (name, {"AWSALB", "AWSALBCORS"})


def test_another_host_has_ties_of_its_own(site: Site) -> None:
    site.visit(site.url())
    site.visit(site.url("/elsewhere", host="other.example"))

    assert site.asked("/elsewhere")[1] == set()


def test_a_tie_that_lapsed_is_replaced_although_the_browser_still_sends_it(site: Site) -> None:
    name = site.visit(site.url())
    mine = next(target for target in site.targets if target.name == name)
    lapsed = value_for(site.lb, mine, lasts=-2)

    seen = []
    for i in range(3):
        for cookie in ("AWSALB", "AWSALBCORS"):
            attributes = {"secure": True, "sameSite": "None"} if cookie == "AWSALBCORS" else {}
            site.browser.add_cookie({"name": cookie, "value": lapsed, "path": "/", **attributes})
        seen.append(site.visit(site.url(f"/lapsed{i}")))
        assert site.asked(f"/lapsed{i}")[1] == {"AWSALB", "AWSALBCORS"}
        assert until_of(site.jar()["AWSALB"]["value"]) > time.time()
    assert sorted(seen) == ["a", "b", "c"]


def test_a_cookie_past_its_expires_is_not_sent_and_a_new_one_is_made(site: Site) -> None:
    site.visit(site.url())
    jar = site.jar()
    for cookie in jar.values():
        site.browser.add_cookie(cookie | {"domain": "", "expiry": int(time.time()) + 1})
    until(lambda: not site.jar(), say="the browser drops them")

    site.visit(site.url("/after"))

    assert site.asked("/after")[1] == set()
    assert set(site.jar()) == {"AWSALB", "AWSALBCORS"}


def test_many_requests_at_once_on_one_connection_stay_on_the_target(site: Site) -> None:
    name = site.visit(site.url())

    script = """
        const done = arguments[arguments.length - 1];
        Promise.all([...Array(40).keys()].map(i => fetch('/many' + i).then(r => r.text()))).then(done);
    """
    answers = site.browser.execute_async_script(script)

    assert {answer.strip() for answer in answers} == {name}


def test_an_application_cookie_ties_the_browser_until_it_is_removed(site: Site) -> None:
    base = f"https://shop.example:{site.app}"
    assert len({site.visit(f"{base}/{i}") for i in range(3)}) == 3

    name = site.visit(f"{base}/set-cookie?set={quote('SESSION=1; Path=/; HttpOnly')}")
    jar = site.jar()
    assert set(jar) == {"SESSION", "AWSALBAPP-0"}
    assert not jar["AWSALBAPP-0"]["httpOnly"]
    assert abs(jar["AWSALBAPP-0"]["expiry"] - time.time() - WEEK) < 10
    assert {site.visit(f"{base}/{i}") for i in range(3, 9)} == {name}

    site.visit(f"{base}/set-cookie?set={quote('SESSION=; Path=/; Max-Age=0')}")
    assert set(site.jar()) == {"AWSALBAPP-0"}
    assert len({site.visit(f"{base}/{i}") for i in range(9, 12)}) == 3
