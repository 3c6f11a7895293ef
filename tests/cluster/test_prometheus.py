"""The chart's PodMonitors, alerts and dashboard, with a real Prometheus that scrapes a real cluster (docs/metrics.md)."""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from elbow_kube.object import Object
from harness.kube import OPERATOR, run
from harness.monitoring import alerts, definitions, queries
from harness.poll import until
from harness.ports import Ports
from harness.prometheus import Prometheus, discovered, of_pods, prometheus
from harness.traffic import Traffic

_ON = ("podMonitors.enabled=true", "podMonitors.interval=5s", "alerts.enabled=true")


def installed(kind: str, name: str) -> Object:
    """What the chart made of it."""
    found: Object = json.loads(run(*OPERATOR, "get", kind, name, "-o", "json"))
    return found


@pytest.fixture(scope="module")
def scraped(install: Callable[..., None], ports: Ports) -> Iterator[Prometheus]:
    """Prometheus, told by what the chart installs whom to scrape and what to alert of."""
    resources = json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions()})
    run("kubectl", "apply", "--server-side", "-f", "-", stdin=resources)
    run("kubectl", "wait", "--for=condition=Established", "crd", *names(), "--timeout=60s")
    install(*(word for setting in _ON for word in ("--set", setting)))
    monitors = [installed("podmonitor", name) for name in ("elbow-proxies", "elbow-operator")]
    rules = installed("prometheusrule", "elbow")["spec"]
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        files = {directory / f"{monitor['metadata']['name']}.json": monitor for monitor in monitors}
        scrapes = [of_pods(monitor, file) for file, monitor in files.items()]
        with discovered(files), prometheus(directory, ports, scrapes, rules) as found:
            yield found
    install()
    run("kubectl", "delete", "crd", *names(), "--timeout=60s")


def names() -> list[str]:
    """The resources of the Prometheus operator."""
    return [definition["metadata"]["name"] for definition in definitions()]


def test_the_operator_and_every_proxy_are_scraped(scraped: Prometheus, till: Traffic) -> None:
    def pods() -> set[str]:
        operators = json.loads(
            run(*OPERATOR, "get", "pods", "-l", "app.kubernetes.io/name=elbow-operator", "-o", "json")
        )
        return {pod["metadata"]["name"] for pod in [*operators["items"], *till.space.proxies()]}

    until(lambda: pods() <= {pod for pod, health in scraped.targets().items() if health == "up"}, limit=60, every=1)
    assert len(pods()) == 5


def test_every_query_of_the_dashboard_finds_something_and_every_alert_can_be_evaluated(
    scraped: Prometheus, till: Traffic
) -> None:
    with till.flows():
        left = [query for of_panel in queries().values() for query in of_panel]

        def all_found() -> bool:
            left[:] = [query for query in left if not scraped.query(query)]
            return not left

        until(all_found, limit=90, every=2, say=lambda: f"that something is found by {left}")
    until(lambda: {rule["health"] for rule in scraped.rules()} == {"ok"}, limit=30, every=0.5)
    assert {rule["name"] for rule in scraped.rules()} == {rule["alert"] for rule in alerts()}
    assert {rule["name"] for rule in scraped.rules() if rule["state"] == "firing"} == set()


def test_requests_are_counted_once_while_a_proxys_pod_ends_and_an_agent_is_killed(
    scraped: Prometheus, till: Traffic
) -> None:
    till.flow_while_a_pod_ends_and_an_agent_is_killed()
    of_proxies = f'elb_request_count_total{{namespace="{till.space.name}"}}[15m]'

    def counted() -> dict[str, float]:
        """By proxy: what each told last, also one that is gone."""
        found = scraped.query(f"sum by (pod) (last_over_time({of_proxies}))")
        return {labels["pod"]: values[0] for labels, values in found}

    until(
        lambda: till.is_all(int(sum(counted().values()))),
        limit=45,
        every=1,
        say=lambda: f"{till}; that all are counted, of which are {counted()},",
    )
    assert len(counted()) == 4
    assert scraped.totals(f"sum(resets({of_proxies}))") == [0]
