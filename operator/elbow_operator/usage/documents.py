"""Where usage is kept: a ConfigMap for what is still counted, one for each month that isn't. They outlive their load balancer.

Months are kept for 13 of them, so that a year can be compared with the one before.
"""

from collections.abc import Mapping
from datetime import datetime

from elbow_api.ledger import KEY, LABEL, LIVED, OF, OPEN, Ledger, Lifetime, month_name, open_name
from elbow_api.usage import Usage
from elbow_kube.object import Object

_KEPT = 13
_SWEPT = 3
"""Months before those that are looked for, should nobody have looked for a while."""


def open_document(namespace: str, load_balancer: str, ledger: Ledger, version: str = "") -> Object:
    """The ConfigMap of a ledger; with a version it is for replacing just that."""
    document = _document(namespace, load_balancer, open_name(load_balancer), OPEN)
    if version:
        document["metadata"]["resourceVersion"] = version
    return {**document, "data": {KEY: ledger.model_dump_json(by_alias=True, exclude_defaults=True)}}


def ledger_of(document: Object) -> tuple[str, Ledger]:
    """The load balancer's name, and its ledger; raises ValueError and KeyError where someone wrote something else."""
    return document["metadata"]["annotations"][OF], Ledger.model_validate_json(document["data"][KEY])


def month_documents(
    namespace: str, load_balancer: str, hours: Mapping[str, Usage], lives: Mapping[str, Lifetime]
) -> list[Object]:
    """What goes into months: of each a ConfigMap with what is new in it. Written twice it says the same."""
    data: dict[str, dict[str, str]] = {}
    for hour, usage in hours.items():
        data.setdefault(hour[:7], {})[hour] = usage.model_dump_json(by_alias=True, exclude_defaults=True)
    for uid, life in lives.items():
        if life.until is not None:
            data.setdefault(f"{life.until:%Y-%m}", {})[f"{LIVED}{uid}"] = life.model_dump_json(by_alias=True)
    return [
        {**_document(namespace, load_balancer, month_name(load_balancer, month), month), "data": entries}
        for month, entries in data.items()
    ]


def outdated(now: datetime) -> list[str]:
    """The months that are to be deleted."""
    number = now.year * 12 + now.month - 1 - _KEPT
    return [f"{month // 12:04}-{month % 12 + 1:02}" for month in range(number - _SWEPT, number)]


def _document(namespace: str, load_balancer: str, name: str, label: str) -> Object:
    labels = {"app.kubernetes.io/managed-by": "elbow", LABEL: label}
    metadata = {"name": name, "namespace": namespace, "labels": labels, "annotations": {OF: load_balancer}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
