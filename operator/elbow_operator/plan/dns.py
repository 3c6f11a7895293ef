"""The DNSEndpoint of a load balancer, from which external-dns makes its records."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from elbow_api.load_balancer import LoadBalancer

from elbow_operator.plan.naming import labels, name

HOSTNAME = "external-dns.alpha.kubernetes.io/hostname"
"""The annotation external-dns' users know: the names a load balancer gets, with commas between them."""
_LABEL = r"[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$)(\*\.)?{_LABEL}(\.{_LABEL})+")


@dataclass(frozen=True)
class ExternalDns:
    """How the operator feeds external-dns."""

    domain: str = ""
    """Load balancers without the annotation are called NAME.NAMESPACE.DOMAIN; empty: they get no name."""
    ttl: int = 60
    """Seconds a resolver may keep a record; 60, as ELB's."""


def hostnames(load_balancer: LoadBalancer, annotations: Mapping[str, str], settings: ExternalDns) -> tuple[str, ...]:
    """The names a load balancer is to have."""
    lb = load_balancer.metadata
    if HOSTNAME in annotations:
        return tuple(dict.fromkeys(filter(None, (part.strip() for part in annotations[HOSTNAME].split(",")))))
    return (f"{lb.name}.{lb.namespace}.{settings.domain}",) if settings.domain else ()


def misnamed(names: Iterable[str]) -> list[str]:
    """The names that can't be had."""
    return [found for found in names if not _NAME.fullmatch(found)]


def dns_endpoint(
    load_balancer: LoadBalancer, names: Iterable[str], addresses: Iterable[str], settings: ExternalDns
) -> dict[str, Any]:
    """The names with the addresses of the zones that get clients, IP addresses or host names.

    A name that has addresses can't be an alias too (RFC 1034, 3.6.2), and not an alias of two.
    """
    found = sorted(set(addresses))
    numbers = [address for address in found if _is_ip(address)]
    records = [
        ("A", [address for address in numbers if ":" not in address]),
        ("AAAA", [address for address in numbers if ":" in address]),
        ("CNAME", [] if numbers else found[:1]),
    ]
    endpoints = [
        {"dnsName": host, "recordType": kind, "recordTTL": settings.ttl, "targets": targets}
        for host in names
        for kind, targets in records
        if targets
    ]
    lb = load_balancer.metadata
    return {
        "apiVersion": "externaldns.k8s.io/v1alpha1",
        "kind": "DNSEndpoint",
        "metadata": {"name": name(lb.name), "namespace": lb.namespace, "labels": labels(lb.name)},
        "spec": {"endpoints": endpoints},
    }


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
