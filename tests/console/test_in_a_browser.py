"""The console as its user has it: in Chromium."""

from harness.fake_cluster import BALANCERS, FakeCluster
from harness.poll import until
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from console import scene
from console.page import Page


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
