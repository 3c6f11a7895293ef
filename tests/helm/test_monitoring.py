"""What the chart gives Prometheus and Grafana: what is scraped, the alerts, the dashboard."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from conftest import Targets
from elbow_operator.metrics import Metrics
from elbow_operator.status.fold import fold
from harness.background import Background
from harness.chart import CHART, of_kind, rendered
from harness.client import get
from harness.elbow import Elbow
from harness.manifest import http
from harness.monitoring import ALERTS, alerts, asked, panels, queries, rules_file
from harness.observed import NOW, observed
from harness.poll import until
from harness.ports import Ports
from harness.programs import program
from harness.prometheus import of_this_machine, prometheus
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

_ON = tuple(f"{part}.enabled=true" for part in ("podMonitors", "alerts", "dashboard"))
_TESTS = Path(__file__).with_name("alerts.yaml")


def samples(page: str) -> set[str]:
    return {sample.name for family in text_string_to_metric_families(page) for sample in family.samples}


def operators() -> set[str]:
    """What an operator that leads tells."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.lead({})
    metrics.heard(("/api/v1/pods", ""))
    metrics.tell(("shop", "web"), fold(observed(), {}, NOW))
    return samples(generate_latest(registry).decode())


def test_alerts_and_dashboard_ask_for_what_proxies_and_operator_tell(
    elbow: Callable[..., Elbow], targets: Targets, port: int
) -> None:
    lb = elbow(http(port, [targets.http("a", zone="zone-a")]))
    status, page = lb.page("/metrics")
    assert status == 200
    assert asked() - samples(page) - operators() == set()


def test_every_panel_says_what_it_shows() -> None:
    titles = [panel["title"] for panel in panels()]
    assert len(titles) == len(set(titles))
    assert all(panel["fieldConfig"]["defaults"]["unit"] for panel in panels())
    assert len({panel["id"] for panel in panels()}) == len(titles)


@pytest.mark.cluster
def test_nothing_of_it_is_installed_unless_asked() -> None:
    found = rendered()
    assert not of_kind(found, "PodMonitor") + of_kind(found, "PrometheusRule") + of_kind(found, "ConfigMap")


@pytest.mark.cluster
def test_the_pod_monitors_choose_the_pods_there_are() -> None:
    found = rendered(*_ON)
    proxies, operator = of_kind(found, "PodMonitor")
    (deployment,) = of_kind(found, "Deployment")
    template = deployment["spec"]["template"]
    assert operator["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert operator["spec"]["namespaceSelector"] == {"matchNames": ["elbow-system"]}
    assert proxies["spec"]["namespaceSelector"] == {"any": True}
    (held, _) = of_kind(rendered(*_ON, 'watchNamespaces=["shop"]'), "PodMonitor")
    assert held["spec"]["namespaceSelector"] == {"matchNames": ["shop"]}
    golden = CHART.parents[1] / "tests" / "operator" / "golden" / "minimal.objects.yaml"
    for proxy in of_kind(list(yaml.safe_load_all(golden.read_text())), "Deployment"):
        pod = proxy["spec"]["template"]
        assert proxies["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        (endpoint,) = proxies["spec"]["podMetricsEndpoints"]
        assert endpoint["port"] in [port["name"] for port in pod["spec"]["containers"][0]["ports"]]


@pytest.mark.cluster
def test_proxies_let_the_namespace_of_prometheus_in_only_when_they_are_scraped() -> None:
    def told(*settings: str) -> list[Any]:
        (deployment,) = of_kind(rendered(*settings), "Deployment")
        environment = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        return [each["value"] for each in environment if each["name"] == "ELBOW_METRICS_NAMESPACE"]

    assert told() == []
    assert told("podMonitors.enabled=true") == ["monitoring"]


@pytest.mark.cluster
def test_labels_given_to_them_are_added_and_none_is_lost() -> None:
    for part, kind in (("podMonitors", "PodMonitor"), ("alerts", "PrometheusRule"), ("dashboard", "ConfigMap")):
        for document in of_kind(rendered(*_ON, f'{part}.labels={{"release":"prometheus"}}'), kind):
            assert document["metadata"]["labels"]["release"] == "prometheus"
            assert document["metadata"]["labels"]["app.kubernetes.io/name"] == "elbow-operator"


@pytest.mark.cluster
def test_what_is_installed_is_what_is_tested() -> None:
    found = rendered(*_ON)
    (rule,) = of_kind(found, "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(ALERTS.read_text())
    (dashboard,) = of_kind(found, "ConfigMap")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(dashboard["data"]["elbow.json"])["title"] == "Elbow"


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.cluster
def test_alerts_fire_for_what_they_are_for_and_for_nothing_else() -> None:
    promtool("test", "rules", _TESTS)


@pytest.mark.cluster
def test_prometheus_can_read_every_query_of_the_dashboard(tmp_path: Path) -> None:
    promtool("check", "rules", rules_file(tmp_path))


def test_of_every_alert_both_is_tested_that_it_fires_and_that_it_does_not() -> None:
    cases = [case for test in yaml.safe_load(_TESTS.read_text())["tests"] for case in test["alert_rule_test"]]
    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    quiet = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert fires == quiet == {rule["alert"] for rule in alerts()}


@pytest.fixture
def operator(background: Background, ports: Ports) -> Iterator[int]:
    """The port of a page as an operator that leads has it."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.lead({})
    metrics.heard(("/api/v1/pods", ""))
    metrics.tell(("default", "web"), fold(observed(), {}, NOW))

    async def page(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry))

    async def started() -> web.AppRunner:
        application = web.Application()
        application.add_routes([web.get("/metrics", page)])
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner

    port = ports.take()
    runner = background.run(started())
    yield port
    background.run(runner.cleanup())


@pytest.mark.cluster
@pytest.mark.timeout(180)
def test_a_real_prometheus_answers_every_query_of_the_dashboard_and_no_alert_fires_when_all_is_well(
    elbow: Callable[..., Elbow], targets: Targets, ports: Ports, operator: int, tmp_path: Path
) -> None:
    lb = elbow(http(port := ports.take(), [targets.http("a", zone="zone-a")]))
    scrape = of_this_machine({"p1": lb.admin, "o1": operator})
    with prometheus(tmp_path, ports, [scrape], yaml.safe_load(ALERTS.read_text())) as found:

        def empty() -> list[str]:
            get(port)
            return [query for of_panel in queries().values() for query in of_panel if not found.query(query)]

        until(lambda: not empty(), limit=60, every=1, say=lambda: f"every query finds something, but {empty()}")
        until(lambda: all(rule["health"] == "ok" for rule in found.rules()), limit=30, every=0.5)
        assert {rule["name"]: rule["state"] for rule in found.rules()} == dict.fromkeys(
            (rule["alert"] for rule in alerts()), "inactive"
        )
