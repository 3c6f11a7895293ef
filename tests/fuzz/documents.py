"""Manifests that between them carry every field there is, and the way to each of their values."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, get_args

from elbow_api.load_balancer import LoadBalancer
from pydantic import BaseModel

Document = dict[str, Any]
Path = tuple[str | int, ...]

_CHECK = {
    "enabled": True,
    "protocol": "HTTP",
    "port": "traffic-port",
    "path": "/zqx",
    "host": "zqx-host",
    "interval": "10s",
    "timeout": "2s",
    "healthyThreshold": 3,
    "unhealthyThreshold": 3,
    "matcher": "200",
}
_ADDRESSES = {"addresses": [{"ip": "10.0.0.1", "port": 8080, "zone": "zqx-zone", "weight": 5}]}


def _document(**spec: Any) -> Document:
    head = {"apiVersion": "elbow.dev/v1alpha1", "kind": "LoadBalancer", "status": {}}
    return head | {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec}


HTTP = _document(
    scheme="internal",
    zones=["zqx-zone"],
    crossZone="enabled",
    allowedSources=["10.0.0.0/8"],
    deregisteredTargets=[{"targetGroup": "web", "ip": "10.0.0.9", "port": 8080, "reason": "x"}],
    capacity={
        "reservations": [
            {
                "name": "zqx-launch",
                "start": "2030-01-31T18:00:00Z",
                "end": "2030-01-31T20:00:00Z",
                "requestsPerSecond": 10000,
            }
        ]
    },
    listeners=[
        {
            "name": "https",
            "port": 443,
            "protocol": "HTTPS",
            "targetGroup": "web",
            "tls": {
                "certificates": [{"file": "web.pem", "key": "web.key"}],
                "policy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
            },
            "idleTimeout": "60s",
            "clientKeepAlive": "1h",
            "acceptProxyProtocol": False,
            "http": {
                "xForwardedFor": "append",
                "xForwardedForClientPort": True,
                "preserveHost": False,
                "desyncMitigation": "defensive",
                "dropInvalidHeaders": True,
                "http2": True,
            },
        }
    ],
    targetGroups=[
        {
            "name": "web",
            "protocol": "HTTPS",
            "protocolVersion": "HTTP1",
            "targets": _ADDRESSES,
            "algorithm": "round_robin",
            "crossZone": "enabled",
            "slowStart": "30s",
            "healthCheck": _CHECK,
            "stickiness": {"type": "app_cookie", "duration": "1h", "cookieName": "zqx-cookie"},
            "deregistrationDelay": "1m",
            "connectionTermination": True,
            "unhealthyConnectionTermination": False,
            "unhealthyDrainingInterval": "1m",
            "minimumHealthy": {"routing": 1, "dns": "50%"},
            "failOpen": True,
            "maxConnectionsPerTarget": 10,
            "surgeQueue": {"length": 10, "timeout": "10s"},
            "tls": {"verify": True, "ca": "ca.pem", "serverName": "zqx-name"},
        }
    ],
)
TCP = _document(
    listeners=[{"name": "tcp", "port": 5432, "protocol": "TCP", "targetGroup": "db"}],
    targetGroups=[
        {
            "name": "db",
            "protocol": "TCP",
            "targets": _ADDRESSES,
            "proxyProtocol": "v2",
            "healthCheck": {"protocol": "HTTPS", "path": "/zqx", "host": "zqx-host", "port": 8443},
            "stickiness": {"type": "source_ip"},
        }
    ],
)
CLUSTER = _document(
    deregisteredTargets=[{"targetGroup": "pods", "pod": "zqx-pod"}, {"targetGroup": "nodes", "node": "zqx-node"}],
    accessLog={"format": "json", "sample": 50},
    deletionProtection=True,
    zonalShift={"awayFrom": "zqx-zone", "until": "2030-01-31T18:00:00Z", "reason": "x"},
    capacity={
        "minimumUnits": 10,
        "reservations": [
            {
                "name": "launch",
                "start": "2030-01-31T18:00:00Z",
                "end": "2030-01-31T20:00:00Z",
                "bytesPerRequest": 20000,
                "connectionsPerSecond": 500,
                "tlsPercent": 90,
                "note": "x",
            }
        ],
    },
    proxy={
        "replicas": 2,
        "maxReplicas": 4,
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "edge"}],
        "priorityClassName": "high",
    },
    exposure={
        "type": "LoadBalancer",
        "annotations": {"a": "b"},
        "loadBalancerClass": "example.com/x",
        "externalTrafficPolicy": "Local",
    },
    listeners=[
        {
            "name": "tls",
            "port": 443,
            "protocol": "TLS",
            "targetGroup": "pods",
            "tls": {"certificates": [{"secretName": "web"}]},
        }
    ],
    targetGroups=[
        {"name": "pods", "protocol": "TLS", "targets": {"service": {"name": "web", "port": "http"}}},
        {"name": "nodes", "protocol": "TCP", "targets": {"nodes": {"selector": {"role": "edge"}, "port": 30000}}},
    ],
)
DOCUMENTS = {"http": HTTP, "tcp": TCP, "cluster": CLUSTER}


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """The way to every value that is neither a mapping nor a list."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, (*path, key))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from leaves(part, (*path, i))
    else:
        yield path


def mappings(value: Any, path: Path = ()) -> Iterator[Path]:
    """The way to every mapping."""
    if isinstance(value, dict):
        yield path
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from mappings(part, (*path, key))


def with_value(document: Document, path: Path, value: Any) -> Document:
    """The document with another value in one place."""
    changed = copy.deepcopy(document)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


def value_at(document: Document, path: Path) -> Any:
    """The value in a place."""
    place: Any = document
    for step in path:
        place = place[step]
    return place


def carried(value: Any, annotation: Any = LoadBalancer) -> set[tuple[str, str]]:
    """The fields of the models, as (model, field), that a document carries."""
    found: set[tuple[str, str]] = set()
    for model in _models(annotation):
        for part in value if isinstance(value, list) else [value]:
            for field in model.model_fields.values():
                if isinstance(part, dict) and field.alias in part:
                    found.add((model.__name__, field.alias))
                    found |= carried(part[field.alias], field.annotation)
    return found


def existing(annotation: Any = LoadBalancer) -> set[tuple[str, str]]:
    """All fields of the models, as (model, field)."""
    found: set[tuple[str, str]] = set()
    for model in _models(annotation):
        for field in model.model_fields.values():
            found |= {(model.__name__, field.alias or "")} | existing(field.annotation)
    return found


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
