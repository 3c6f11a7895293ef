"""Every object a load balancer owns."""

import base64
import json
import secrets
from collections.abc import Iterable, Mapping

from elbow_api.load_balancer import LoadBalancer
from elbow_api.names import ADMIN_PORT, CONFIG_KEY
from elbow_api.proxy import ExposureType
from elbow_api.proxy_config import ProxyConfig, ZoneState
from elbow_kube.object import Object

from elbow_operator.plan.capacity import ports
from elbow_operator.plan.cluster import Node, Settings
from elbow_operator.plan.config import proxy_config
from elbow_operator.plan.naming import labels, name
from elbow_operator.plan.pod import pod_spec
from elbow_operator.plan.rollout import marked

ACCOUNT = "elbow.dev/service-account"
"""The annotation of proxies that names the UID of their ServiceAccount."""


def objects(
    load_balancer: LoadBalancer,
    *,
    uid: str,
    generation: int,
    zones: Iterable[str],
    nodes: Iterable[Node],
    states: Mapping[str, ZoneState],
    settings: Settings,
    running: Mapping[str, int] | None = None,
    least: int = 0,
    awaited: Iterable[str] = (),
    account: str = "",
) -> list[Object]:
    """All of them but the Secret, in an order in which each finds what it needs.

    `running` is how many proxies zones have now, `least` how many each is to have at least, `account` the UID of their ServiceAccount.
    """
    zones, nodes = list(zones), list(nodes)
    least = max(least, load_balancer.spec.proxy.replicas)
    config = proxy_config(load_balancer, generation, zones, nodes, states, awaited)
    found = [
        service_account(load_balancer),
        _role(load_balancer),
        _role_binding(load_balancer),
        _config_map(load_balancer, config),
    ]
    found += [_network_policy(load_balancer, settings), _service(load_balancer, None)]
    for zone in zones:
        found += [
            _service(load_balancer, zone),
            _deployment(load_balancer, zone, nodes, settings, (running or {}).get(zone, 0), least, account),
            _disruption_budget(load_balancer, zone),
        ]
        if load_balancer.spec.proxy.max_replicas is not None:
            # More than there are ports for would only wait.
            room = ports(load_balancer.spec, zones, nodes).get(zone, least)
            found.append(_autoscaler(load_balancer, zone, max(load_balancer.spec.proxy.replicas, min(least, room))))
    return [owned(document, load_balancer, uid) for document in found]


def secret(load_balancer: LoadBalancer, uid: str, data: Mapping[str, str]) -> Object:
    """The load balancer's secret; made once and never changed, so that cookies stay valid."""
    document = _object("v1", "Secret", load_balancer) | {"type": "Opaque", "immutable": True, "data": dict(data)}
    return owned(document, load_balancer, uid)


def new_secret() -> dict[str, str]:
    """What a new load balancer's Secret holds."""
    return {"secret": base64.b64encode(secrets.token_hex(32).encode()).decode()}


def _object(version: str, kind: str, load_balancer: LoadBalancer, zone: str | None = None) -> Object:
    lb = load_balancer.metadata
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {
            "name": name(lb.name, *([zone] if zone is not None else [])),
            "namespace": lb.namespace,
            "labels": labels(lb.name, zone),
        },
    }


def owned(document: Object, load_balancer: LoadBalancer, uid: str) -> Object:
    """A document that goes with its load balancer."""
    reference = {
        "apiVersion": load_balancer.api_version,
        "kind": load_balancer.kind,
        "name": load_balancer.metadata.name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": False,  # deleting the load balancer waits for nothing
    }
    document["metadata"]["ownerReferences"] = [reference]
    return document


def service_account(load_balancer: LoadBalancer) -> Object:
    """Who the agents are."""
    return _object("v1", "ServiceAccount", load_balancer) | {"automountServiceAccountToken": False}


def _role(load_balancer: LoadBalancer) -> Object:
    """What an agent reads: its configuration, its certificates, the endpoints of its Services."""
    watch = ["list", "watch"]
    secrets = sorted(
        {c.secret_name for li in load_balancer.spec.listeners if li.tls for c in li.tls.certificates if c.secret_name}
    )
    rules: list[Object] = [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": [name(load_balancer.metadata.name)],
            "verbs": watch,
        }
    ]
    if secrets:
        rules.append({"apiGroups": [""], "resources": ["secrets"], "resourceNames": secrets, "verbs": watch})
    if any(group.targets.service for group in load_balancer.spec.target_groups):
        rules.append({"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": watch})
        rules.append({"apiGroups": [""], "resources": ["services"], "verbs": watch})
    return _object("rbac.authorization.k8s.io/v1", "Role", load_balancer) | {"rules": rules}


def _role_binding(load_balancer: LoadBalancer) -> Object:
    lb = load_balancer.metadata
    return _object("rbac.authorization.k8s.io/v1", "RoleBinding", load_balancer) | {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name(lb.name)},
        "subjects": [{"kind": "ServiceAccount", "name": name(lb.name), "namespace": lb.namespace}],
    }


def _config_map(load_balancer: LoadBalancer, config: ProxyConfig) -> Object:
    text = json.dumps(
        config.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True), sort_keys=True
    )
    return _object("v1", "ConfigMap", load_balancer) | {"data": {CONFIG_KEY: text}}


def _service(load_balancer: LoadBalancer, zone: str | None) -> Object:
    """A zone's Service is how clients reach the zone; the one over all zones is the name inside the cluster."""
    spec: Object = {
        "type": "ClusterIP",
        "selector": labels(load_balancer.metadata.name, zone),
        "ports": [
            {"name": li.name, "port": li.port, "targetPort": li.port, "protocol": "TCP"}
            for li in load_balancer.spec.listeners
        ],
    }
    document = _object("v1", "Service", load_balancer, zone)
    exposure, kind = load_balancer.spec.exposure, load_balancer.spec.exposed_by
    if zone is not None and kind in (ExposureType.LOAD_BALANCER, ExposureType.NODE_PORT):
        spec |= {"type": kind.value, "externalTrafficPolicy": exposure.external_traffic_policy or "Local"}
        if kind is ExposureType.LOAD_BALANCER and exposure.load_balancer_class:
            spec["loadBalancerClass"] = exposure.load_balancer_class
        if load_balancer.spec.allowed_sources and kind is ExposureType.LOAD_BALANCER:
            spec["loadBalancerSourceRanges"] = load_balancer.spec.allowed_sources
    if zone is not None and exposure.annotations:
        document["metadata"]["annotations"] = dict(exposure.annotations)
    return document | {"spec": spec}


def _deployment(
    load_balancer: LoadBalancer,
    zone: str,
    nodes: list[Node],
    settings: Settings,
    running: int,
    least: int,
    account: str,
) -> Object:
    lb = load_balancer.metadata.name
    host_ports = load_balancer.spec.exposed_by is ExposureType.HOST_PORT
    replicas = least
    if (most := load_balancer.spec.proxy.max_replicas) is not None:
        # The autoscaler's choice. Left out, the API server would take it for 1 when the autoscaler is new.
        replicas = max(least, min(running, most))
    if host_ports:  # two proxies can't share a node's port
        replicas = max(1, min(replicas, sum(node.ready and node.zone == zone for node in nodes)))
    spec: Object = {
        "replicas": replicas,
        "selector": {"matchLabels": labels(lb, zone)},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 1 if host_ports else 0, "maxSurge": 0 if host_ports else 1},
        },
        "template": {
            # The tokens of pods are worth nothing once their ServiceAccount was deleted, though another has its name.
            "metadata": {"labels": labels(lb, zone), "annotations": {ACCOUNT: account}},
            "spec": pod_spec(load_balancer, zone, settings),
        },
        "minReadySeconds": 2,
        "revisionHistoryLimit": 2,
    }
    return marked(_object("apps/v1", "Deployment", load_balancer, zone) | {"spec": spec})


def _disruption_budget(load_balancer: LoadBalancer, zone: str) -> Object:
    selector = {"matchLabels": labels(load_balancer.metadata.name, zone)}
    return _object("policy/v1", "PodDisruptionBudget", load_balancer, zone) | {
        "spec": {"maxUnavailable": 1, "selector": selector}
    }


def _autoscaler(load_balancer: LoadBalancer, zone: str, least: int) -> Object:
    proxy, lb = load_balancer.spec.proxy, load_balancer.metadata.name
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", load_balancer, zone) | {
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name(lb, zone)},
            "minReplicas": least,
            "maxReplicas": proxy.max_replicas,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
                }
            ],
            # A proxy that leaves drains for minutes: don't take it away for a short lull.
            "behavior": {
                "scaleDown": {
                    "stabilizationWindowSeconds": 600,
                    "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
                }
            },
        }
    }


def _network_policy(load_balancer: LoadBalancer, settings: Settings) -> Object:
    """Clients reach the listeners; the operator's namespace, Prometheus', and nodes for probes reach the admin port."""
    ports = [{"protocol": "TCP", "port": listener.port} for listener in load_balancer.spec.listeners]
    clients: Object = {"ports": ports}
    if load_balancer.spec.allowed_sources:
        clients["from"] = [{"ipBlock": {"cidr": cidr}} for cidr in load_balancer.spec.allowed_sources]
    readers = [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
        for namespace in (settings.namespace, settings.metrics_namespace)
        if namespace
    ]
    return _object("networking.k8s.io/v1", "NetworkPolicy", load_balancer) | {
        "spec": {
            "podSelector": {"matchLabels": labels(load_balancer.metadata.name)},
            "policyTypes": ["Ingress"],
            "ingress": [clients, {"from": readers, "ports": [{"protocol": "TCP", "port": ADMIN_PORT}]}],
        }
    }
