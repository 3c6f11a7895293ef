"""Making a load balancer with the console, in Chromium."""

from harness.fake_cluster import FakeCluster
from harness.poll import until
from selenium.webdriver.common.keys import Keys

from console.page import Page

GROUP = "spec.targetGroups.0"


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
