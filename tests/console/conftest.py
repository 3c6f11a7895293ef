"""A console over a cluster as people have it."""

import time
from collections.abc import Iterator

import pytest
from harness.background import Background
from harness.chromium import chromium
from harness.console import Console, kubeconfig
from harness.fake_api import Trouble
from harness.fake_cluster import BALANCERS, FakeCluster
from harness.ports import Ports
from selenium.webdriver import Chrome

from console import scene
from console.page import Page


@pytest.fixture(scope="module")
def running(background: Background, ports: Ports) -> Iterator[FakeCluster]:
    """The API server of a module's tests; its proxies have been busy for an hour."""
    cluster = FakeCluster(background, ports)
    begun = time.time() - 3600
    cluster.metrics = lambda pod: scene.metrics(pod, time.time() - begun)
    scene.furnish(cluster)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def console(running: FakeCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console of all namespaces."""
    console = Console(kubeconfig(tmp_path_factory.mktemp("user"), running.url))
    yield console
    console.stop()


@pytest.fixture
def cluster(running: FakeCluster) -> Iterator[FakeCluster]:
    """The API server with everything of the scene as it was, before the test and after it."""
    yield running
    running.now(Trouble.NONE)
    running.refusal = None
    running.unreadable.clear()
    running.writes.clear()
    for name in running.names(BALANCERS):
        running.remove(BALANCERS, name)
    scene.furnish(running)


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
