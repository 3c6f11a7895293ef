"""A cluster as people have it: a busy shop in three zones, and five more load balancers in all states."""

import math
from typing import Any

from elbow_kube.object import Object
from harness.fake_cluster import BALANCERS, FakeCluster

ZONES = ("zone-a", "zone-b", "zone-c")
PODS, SERVICES, NODES = "/api/v1/pods", "/api/v1/services", "/api/v1/nodes"
_SINCE = "2026-11-25T03:12:08Z"
_LIMITS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


def condition(kind: str, status: str, reason: str, message: str = "") -> Object:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": _SINCE,
        "observedGeneration": 1,
    }


READY = (
    condition("Accepted", "True", "Accepted"),
    condition("Programmed", "True", "Programmed"),
    condition("Ready", "True", "Ready"),
    condition("Reconciling", "False", "Reconciled"),
    condition("Stalled", "False", "NotStalled"),
)


def target(
    number: int, zone: str, state: str = "healthy", reason: str = "", description: str = "", pod: str = "web-6f7c9d8b5"
) -> Object:
    found = {
        "address": f"10.244.{ZONES.index(zone) + 1}.{number}",
        "port": 8080,
        "zone": zone,
        "pod": f"{pod}-{'bcdfghjklmnpqrstvwxz'[number % 20]}{number}x7k",
        "state": state,
        "since": _SINCE,
    }
    return found | ({"reason": reason, "description": description} if reason else {})


def group(name: str, targets: list[Object]) -> Object:
    counts = dict.fromkeys(("healthy", "unhealthy", "initial", "draining", "unused"), 0)
    for one in targets:
        counts[one["state"].partition(".")[0]] += 1
    return {"name": name, **counts, "targets": targets}


def balancer(
    name: str,
    namespace: str,
    *,
    conditions: tuple[Object, ...] = READY,
    targets: list[Object] | None = None,
    zones: dict[str, str] | None = None,
    protocol: str = "HTTP",
    port: int = 80,
    ready: int = 2,
    addresses: bool = True,
    **spec: Any,
) -> Object:
    listener = {"name": protocol.lower(), "protocol": protocol, "port": port, "targetGroup": name}
    tls = {"tls": {"certificates": [{"secretName": "web-tls"}]}} if protocol == "HTTPS" else {}
    states = zones or dict.fromkeys(ZONES, "active")
    plain = "HTTP" if protocol in ("HTTP", "HTTPS") else "TCP"
    check = {"path": "/healthz", "interval": "5s"} if plain == "HTTP" else {"interval": "10s"}
    listeners = [{**listener, **tls}] + (
        [{"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": name}] if protocol == "HTTPS" else []
    )
    values = [
        {"zone": zone, "type": "IPAddress", "value": f"203.0.113.{10 + i}"}
        for i, zone in enumerate(states)
        if addresses and states[zone] == "active"
    ]
    told = group(name, targets or [])
    return {
        "apiVersion": "elbow.dev/v1alpha1",
        "kind": "LoadBalancer",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "generation": 1,
            "uid": f"uid-{name}",
            "creationTimestamp": "2026-11-21T09:30:00Z",
            "managedFields": [{"manager": "argocd", "fieldsV1": {"f:spec": {}}}] if namespace == "payments" else [],
        },
        "spec": {
            "listeners": listeners,
            "targetGroups": [
                {
                    "name": name,
                    "protocol": plain,
                    "targets": {"service": {"name": name, "port": 80}},
                    "healthCheck": check,
                    **({"stickiness": {"type": "lb_cookie", "duration": "1h"}} if name == "web" else {}),
                    "deregistrationDelay": "30s",
                }
            ],
            **spec,
        },
        "status": {
            "observedGeneration": 1,
            "conditions": list(conditions),
            "dnsName": f"elb-{name}.{namespace}.svc.cluster.local",
            "addresses": values,
            "zones": [
                {
                    "name": zone,
                    "state": state,
                    **({"reason": "TooFewHealthyTargets"} if state == "impaired" else {}),
                    "proxies": {"desired": 2, "ready": ready, "converged": ready},
                }
                for zone, state in states.items()
            ],
            "listeners": [
                {
                    "name": one["name"],
                    "port": one["port"],
                    "attachedTargetGroup": name,
                    "conditions": [condition("ResolvedRefs", "True", "ResolvedRefs")],
                }
                for one in listeners
            ],
            "targetGroups": [told],
        },
    }


def proxy(name: str, namespace: str, zone: str, node: str, *, ready: bool = True) -> Object:
    labels = {"app.kubernetes.io/name": "elbow-proxy", "elbow.dev/load-balancer": name, "elbow.dev/zone": zone}
    status: Object = {
        "phase": "Running",
        "conditions": [
            {"type": "Ready", "status": "True" if ready else "False", "reason": "" if ready else "ContainersNotReady"}
        ],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"elb-{name}-{zone}-5d8f7b9c4-{node}q2z", "namespace": namespace, "labels": labels},
        "spec": {"nodeName": node},
        "status": status,
    }


def service(name: str, namespace: str, *ports: tuple[int, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "type": "ClusterIP",
            "ports": [{"port": port, "name": title, "protocol": "TCP"} for port, title in ports],
        },
    }


def web_targets() -> list[Object]:
    return [
        target(11, "zone-a"), target(12, "zone-a"), target(13, "zone-a", "unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"),
        target(21, "zone-b"), target(22, "zone-b"), target(23, "zone-b"), target(24, "zone-b", "initial", "Elb.InitialHealthChecking", "Initial health checks in progress"),
        target(31, "zone-c"), target(32, "zone-c"), target(33, "zone-c", "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"),
    ]  # fmt: skip


def furnish(cluster: FakeCluster) -> None:
    """Put everything there."""
    pending = (
        condition("Accepted", "True", "Accepted"),
        condition("Programmed", "False", "ProxiesPending", "zone zone-a has no ready proxy"),
        condition("Ready", "False", "ProxiesPending", "zone zone-a has no ready proxy"),
    )
    said = "spec.listeners[0].tls: required for HTTPS: add tls.certificates"
    refused = (condition("Accepted", "False", "Invalid", said), condition("Ready", "False", "Invalid", said))
    checkout = [target(40 + i, ZONES[i % 3], pod="checkout-5c9b7f6d4") for i in range(6)]
    dead = [
        target(50 + i, "zone-c", "unhealthy", "Target.Timeout", "Request timed out", pod="ledger-7d5f9c8b6")
        for i in range(2)
    ]
    for one in (
        balancer("web", "shop", targets=web_targets(), protocol="HTTPS", port=443),
        balancer("search", "shop", targets=[target(60 + i, ZONES[i % 3], pod="search-8c7d6b5f9") for i in range(24)], port=8080, scheme="internal"),
        balancer("checkout", "payments", targets=checkout, protocol="HTTPS", port=443, deletionProtection=True),
        balancer("ledger", "payments", targets=dead + [target(55 + i, ZONES[i], pod="ledger-7d5f9c8b6") for i in range(2)],
                 zones={"zone-a": "active", "zone-b": "active", "zone-c": "impaired"}, protocol="TCP", port=9042, scheme="internal"),
        balancer("preview", "staging", conditions=pending, ready=0, addresses=False),
        balancer("legacy", "staging", conditions=refused, targets=[target(70, "zone-a", pod="legacy-6b8d7c5f9")]),
    ):  # fmt: skip
        cluster.put(BALANCERS, one)
    for name, namespace in (("web", "shop"), ("search", "shop"), ("checkout", "payments"), ("ledger", "payments")):
        for zone, node in (
            ("zone-a", "a1"),
            ("zone-a", "a2"),
            ("zone-b", "b1"),
            ("zone-b", "b2"),
            ("zone-c", "c1"),
            ("zone-c", "c2"),
        ):
            cluster.put(PODS, proxy(name, namespace, zone, node))
    for one in (service("web", "shop", (80, "http"), (9090, "metrics")), service("search", "shop", (80, "http")), service("cart", "shop", (8080, "")),
                service("checkout", "payments", (80, "http")), service("ledger", "payments", (9042, "cql"))):  # fmt: skip
        cluster.put(SERVICES, one)
    for node, zone in (("a1", "zone-a"), ("a2", "zone-a"), ("b1", "zone-b"), ("c1", "zone-c")):
        cluster.put(
            NODES,
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": node, "labels": {"topology.kubernetes.io/zone": zone}},
            },
        )


def metrics(pod: str, now: float) -> str:
    """A proxy's metrics page: a day's wave of requests, a few of them failing, now and then a burst that queues."""
    name, zone = next((n, z) for n in ("web", "search", "checkout", "ledger") for z in ZONES if f"-{n}-{z}-" in pod)
    labels = f'namespace="shop",load_balancer="{name}",zone="{zone}"'
    weight = {"zone-a": 1.0, "zone-b": 1.25, "zone-c": 0.8}[zone]
    requests = weight * (62 * now + 900 * math.sin(now / 45) + 120 * math.sin(now / 7))
    burst = max(0.0, math.sin(now / 23) - 0.8)
    failed = {"2xx": 0.93, "3xx": 0.045, "4xx": 0.02, "5xx": 0.005}
    lines = [f'{key}{{{labels},listener="https"}} {value}' for key, value in (
        ("elb_request_count_total", requests), ("elb_new_connection_count_total", requests / 14), ("elb_processed_bytes_total", requests * 11_400),
        ("elb_httpcode_elb_4xx_count_total", requests * 0.004), ("elb_httpcode_elb_5xx_count_total", requests * 0.0012),
        ("elb_active_connection_count", round(weight * (84 + 16 * math.sin(now / 20)))),
    )]  # fmt: skip
    lines += [
        f'elb_httpcode_target_{code}_count_total{{{labels},target_group="{name}"}} {requests * share}'
        for code, share in failed.items()
    ]
    lines += [
        f'elb_surge_queue_length{{{labels},target_group="{name}"}} {round(burst * 60)}',
        f'elb_spillover_count_total{{{labels},target_group="{name}"}} {max(0.0, now) * 0.02}',
    ]
    late = 0.06 * requests + weight * 25 * math.sin(now / 11)
    for limit in (*_LIMITS, math.inf):
        answered = (requests - late) * (1 - math.exp(-limit / 0.009)) + late * (1 - math.exp(-limit / 0.07))
        le = "+Inf" if limit == math.inf else str(limit)
        lines.append(f'elb_target_response_time_seconds_bucket{{{labels},target_group="{name}",le="{le}"}} {answered}')
    for place, up, down in (("zone-a", 2, 1), ("zone-b", 3, 0), ("zone-c", 2, 0)):
        lines += [
            f'elb_healthy_host_count{{{labels},target_group="{name}",target_zone="{place}"}} {up}',
            f'elb_unhealthy_host_count{{{labels},target_group="{name}",target_zone="{place}"}} {down}',
        ]
    return "\n".join(lines) + "\n"
