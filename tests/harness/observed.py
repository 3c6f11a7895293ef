"""What an operator may observe of a load balancer, as values."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from elbow_api.load_balancer import LoadBalancer, parse
from elbow_api.proxy_report import ProxyReport, TargetGroupReport
from elbow_api.target_health import State, TargetHealth
from elbow_operator.plan.cluster import Node
from elbow_operator.status.observed import Observed, ProxyPod, ZoneService

NOW = "2026-01-01T00:00:00Z"
LATER = "2026-01-01T00:01:00Z"
ZONES = ("zone-a", "zone-b", "zone-c")
NODES = tuple(Node(f"{zone}-1", zone, True, (f"10.0.0.{n}",), {"disk": "ssd"}) for n, zone in enumerate(ZONES, 1))


def load_balancer(**spec: Any) -> LoadBalancer:
    """One HTTP listener over a Service, changed by what is given."""
    whole = {
        "listeners": [{"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "web"}],
        "targetGroups": [
            {"name": "web", "protocol": "HTTP", "targets": {"service": {"name": "web", "port": 80}}},
        ],
        **spec,
    }
    return parse(
        {
            "apiVersion": "elbow.dev/v1alpha1",
            "kind": "LoadBalancer",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": whole,
        }
    )


def group_report(states: Iterable[str], name: str = "web") -> TargetGroupReport:
    """A group with a target in each of the given states; their addresses count up from 10.1.0.1."""
    targets = [
        TargetHealth(address=f"10.1.0.{n}", port=8080, zone="zone-a", state=State(state), since=NOW)
        for n, state in enumerate(states, 1)
    ]
    count = {state: sum(target.state == state for target in targets) for state in State}
    zeros = dict.fromkeys(
        ("requests", "target2xx", "target3xx", "target4xx", "target5xx", "connection_errors", "surge_queue_length"), 0
    )
    return TargetGroupReport(
        name=name,
        healthy=count[State.HEALTHY],
        unhealthy=count[State.UNHEALTHY],
        initial=count[State.INITIAL],
        draining=count[State.DRAINING],
        unused=count[State.UNUSED],
        spillover=0,
        fails_open=False,
        targets=targets,
        **zeros,
    )


def report(
    zone: str,
    states: Iterable[str] = ("healthy", "healthy"),
    *,
    generation: int = 1,
    converged: bool = True,
    faults: Iterable[str] = (),
) -> ProxyReport:
    """What a proxy of a zone reports."""
    return ProxyReport(
        name="web",
        namespace="shop",
        zone=zone,
        generation=generation,
        converged=converged,
        ready=True,
        time=NOW,
        listeners=[],
        target_groups=[group_report(states)],
        faults=list(faults),
    )


def observed(
    spec: LoadBalancer | None = None, states: Mapping[str, Iterable[str]] | None = None, **other: Any
) -> Observed:
    """Three zones with a ready proxy each, which see targets in the given states; `other` replaces fields."""
    by_zone = dict.fromkeys(ZONES, ("healthy", "healthy")) | dict(states or {})
    whole = Observed(
        generation=1,
        running=1,
        spec=(spec or load_balancer()).spec,
        faults=(),
        zones=ZONES,
        desired=dict.fromkeys(ZONES, 1),
        pods=tuple(ProxyPod(f"elb-web-{zone}", zone, True, report(zone, by_zone[zone])) for zone in ZONES),
        services=tuple(ZoneService(zone, (("IPAddress", f"10.9.0.{n}"),)) for n, zone in enumerate(ZONES, 1)),
        dns_name="elb-web.shop.svc",
    )
    return replace(whole, **other)
