"""What external-dns is told."""

from typing import Any

import pytest
from elbow_operator.plan.dns import HOSTNAME, ExternalDns, dns_endpoint, hostnames, misnamed
from elbow_operator.status.fold import fold
from elbow_operator.status.observed import Dns
from elbow_operator.status.reason import Reason
from elbow_operator.status.zone import addresses, zone_states
from harness.observed import NOW, load_balancer, observed

LB = load_balancer()
SICK = ("unhealthy", "unhealthy")


def records(*found: str, names: tuple[str, ...] = ("web.example.com",)) -> list[tuple[str, str, list[str]]]:
    endpoint = dns_endpoint(LB, names, found, ExternalDns())
    return [(e["dnsName"], e["recordType"], e["targets"]) for e in endpoint["spec"]["endpoints"]]


def published(dns: Dns | None, **other: Any) -> tuple[str, str]:
    found = fold(observed(dns=dns, **other), {}, NOW)["conditions"]
    (one,) = [c for c in found if c["type"] == "DnsPublished"]
    return one["reason"], one["message"]


def test_a_name_is_the_annotations_or_made_of_the_domain() -> None:
    assert hostnames(LB, {}, ExternalDns()) == ()
    assert hostnames(LB, {}, ExternalDns("example.com")) == ("web.shop.example.com",)
    both = {HOSTNAME: "a.example.com, b.example.com,a.example.com,"}
    assert hostnames(LB, both, ExternalDns("example.com")) == ("a.example.com", "b.example.com")


def test_addresses_of_both_families_have_records_of_their_own() -> None:
    assert records("10.0.0.2", "fd00::1", "10.0.0.1") == [
        ("web.example.com", "A", ["10.0.0.1", "10.0.0.2"]),
        ("web.example.com", "AAAA", ["fd00::1"]),
    ]


def test_a_name_is_an_alias_where_there_are_only_host_names() -> None:
    assert records("b.elb.example.net", "a.elb.example.net") == [("web.example.com", "CNAME", ["a.elb.example.net"])]
    assert records("a.elb.example.net", "10.0.0.1") == [("web.example.com", "A", ["10.0.0.1"])]


def test_each_name_has_them_all() -> None:
    assert [name for name, _, _ in records("10.0.0.1", "fd00::1", names=("a.x", "b.x"))] == ["a.x", "a.x", "b.x", "b.x"]


def test_only_zones_that_get_clients_are_told() -> None:
    seen = observed(states={"zone-b": SICK}, shifted=frozenset({"zone-c"}))
    assert addresses(seen, zone_states(seen)) == [{"zone": "zone-a", "type": "IPAddress", "value": "10.9.0.1"}]


@pytest.mark.parametrize(
    "bad", ["localhost", "a..example.com", "-a.example.com", "a b.example.com", "*", f"{'a' * 64}.x"]
)
def test_what_is_no_host_name_is_refused(bad: str) -> None:
    assert misnamed(["*.example.com", "_tcp.example.com", bad]) == [bad]


def test_the_status_says_whether_it_is_published_and_why_not() -> None:
    assert "DnsPublished" not in {c["type"] for c in fold(observed(), {}, NOW)["conditions"]}, "switched off"
    assert published(Dns(("web.example.com",))) == ("DnsPublished", "")
    assert published(Dns(("web.example.com",)), services=())[0] == "AddressPending"
    assert published(Dns(()))[0] == "HostnameMissing"
    fault = (Reason.DNS_UNAVAILABLE, "the cluster has no DNSEndpoints")
    assert published(Dns(("web.example.com",), fault)) == ("DnsUnavailable", "the cluster has no DNSEndpoints")


def test_a_fault_of_dns_keeps_nothing_from_being_ready() -> None:
    found = fold(observed(dns=Dns(())), {}, NOW)["conditions"]
    assert {c["status"] for c in found if c["type"] in ("Ready", "Programmed", "Accepted")} == {"True"}
