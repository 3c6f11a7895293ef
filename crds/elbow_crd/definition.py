"""The whole CustomResourceDefinition."""

from typing import Any

from elbow_api.load_balancer import LoadBalancerSpec

from elbow_crd import rules
from elbow_crd.schema import Schema, structural

_LISTS = {"listeners": "name", "targetGroups": "name"}
_ONE_MACHINE_ONLY = ("file", "key")
_TARGETS_ON_ONE_MACHINE_ONLY = ("verify", "ca")

_CONDITIONS = {
    "type": "array",
    "maxItems": 16,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
    "items": {
        "type": "object",
        "required": ["type", "status", "reason", "lastTransitionTime"],
        "properties": {
            "type": {"type": "string"},
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "reason": {"type": "string"},
            "message": {"type": "string"},
            "observedGeneration": {"type": "integer", "format": "int64"},
            "lastTransitionTime": {"type": "string", "format": "date-time"},
        },
    },
}


def definition() -> dict[str, Any]:
    """The document `kubectl apply` takes."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "loadbalancers.elbow.dev"},
        "spec": {
            "group": "elbow.dev",
            "scope": "Namespaced",
            "names": {
                "kind": "LoadBalancer",
                "listKind": "LoadBalancerList",
                "plural": "loadbalancers",
                "singular": "loadbalancer",
                "shortNames": ["lb", "elb"],
                "categories": ["elbow"],
            },
            "versions": [
                {
                    "name": "v1alpha1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _columns(),
                    "schema": {"openAPIV3Schema": _whole()},
                }
            ],
        },
    }


def _whole() -> Schema:
    return {
        "type": "object",
        "description": "A load balancer with the semantics of AWS Elastic Load Balancing.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": _spec(),
            "status": _status(),
        },
        "x-kubernetes-validations": [rules.NAME],
    }


def _spec() -> Schema:
    spec = structural(LoadBalancerSpec.model_json_schema(by_alias=True))
    for field, key in _LISTS.items():
        spec["properties"][field] |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
    reservations = spec["properties"]["capacity"]["properties"]["reservations"]
    reservations |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    addresses = spec["properties"]["targetGroups"]["items"]["properties"]["targets"]["properties"]["addresses"]
    addresses |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["ip", "port"]}
    certificate = spec["properties"]["listeners"]["items"]["properties"]["tls"]["properties"]["certificates"]["items"]
    for name in _ONE_MACHINE_ONLY:
        del certificate["properties"][name]
    certificate["required"] = ["secretName"]
    to_targets = spec["properties"]["targetGroups"]["items"]["properties"]["tls"]["properties"]
    for name in _TARGETS_ON_ONE_MACHINE_ONLY:
        del to_targets[name]
    rules.install(spec)
    spec["properties"]["listeners"]["items"]["properties"]["port"]["x-kubernetes-validations"] = [rules.LISTENER_PORT]
    return spec


def _status() -> Schema:
    text, number, large = {"type": "string"}, {"type": "integer"}, {"type": "integer", "format": "int64"}

    def group(**properties: Schema) -> Schema:
        return {"type": "object", "properties": properties}

    def many(item: Schema) -> Schema:
        return {"type": "array", "items": item}

    target = group(
        address=text, port=number, zone=text, node=text, pod=text, state=text, reason=text, description=text, since=text
    )
    reserved = {"state": text, "message": text, "since": text, "proxiesPerZone": number}
    counts = dict.fromkeys(("healthy", "unhealthy", "initial", "draining", "unused"), number)
    return group(
        observedGeneration={"type": "integer", "format": "int64"},
        conditions=_CONDITIONS,
        dnsName=text,
        addresses=many(group(zone=text, type=text, value=text)),
        zones=many(
            group(name=text, state=text, reason=text, proxies=group(desired=number, ready=number, converged=number))
        ),
        listeners=many(group(name=text, port=number, attachedTargetGroup=text, conditions=_CONDITIONS)),
        targetGroups=many(group(name=text, **counts, targets=many(target))),
        capacity=group(
            proxiesPerZone=number,
            minimumUnits=group(units=number, **reserved),
            reservations=many(group(name=text, **reserved)),
        ),
        usage=group(
            since=text,
            hours=large,
            requests=large,
            newConnections=large,
            processedBytes=large,
            capacityUnits=text,
        ),
        summary=group(address=text, zones=text, targets=text, listeners=text),
    )


def _columns() -> list[dict[str, Any]]:
    ready = ".status.conditions[?(@.type=='Ready')]"
    columns = [
        ("Scheme", ".spec.scheme", 0),
        ("Address", ".status.summary.address", 0),
        ("Zones", ".status.summary.zones", 0),
        ("Targets", ".status.summary.targets", 0),
        ("Ready", f"{ready}.status", 0),
        ("Listeners", ".status.summary.listeners", 1),
        ("Reason", f"{ready}.reason", 1),
    ]
    found: list[dict[str, Any]] = [
        {"name": n, "type": "string", "jsonPath": path, **({"priority": 1} if p else {})} for n, path, p in columns
    ]
    return [*found, {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}]
