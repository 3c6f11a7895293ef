"""Which certificate a client of a listener gets (ELB section 8.1)."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from conftest import Targets
from cryptography import x509
from harness.certificates import Authority, Certificate
from harness.client import Client
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer, tls
from harness.ports import Ports

MODERN = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
RSA_ONLY = "ECDHE-RSA-AES128-GCM-SHA256"


@dataclass
class Site:
    port: int
    certificates: dict[str, Certificate]

    def served(self, name: str | None, *, ciphers: str = MODERN) -> str:
        """Which certificate a client that asks for a name gets."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
        with Client(self.port) as client, context.wrap_socket(client.socket, server_hostname=name) as secure:
            got = secure.getpeercert(binary_form=True)
        assert got is not None
        serial = x509.load_der_x509_certificate(got).serial_number
        return next(key for key, certificate in self.certificates.items() if certificate.serial == serial)


@pytest.fixture(scope="module")
def site(shared: Callable[..., Elbow], fleet: Targets, ports: Ports, authority: Authority) -> Site:
    port = ports.take()
    certificates = {
        "first": authority.issue("first.example.com", kind="rsa"),
        "both, RSA": authority.issue("both.example.com", kind="rsa"),
        "both, ECDSA": authority.issue("both.example.com"),
        "second": authority.issue("second.example.com", "also.example.net"),
        "wild": authority.issue("*.wild.example.com"),
        "one of the wild": authority.issue("one.wild.example.com"),
        "key apart": authority.issue("apart.example.com"),
    }
    bundles = [certificate.bundle for key, certificate in certificates.items() if key != "key apart"]
    settings = tls(*bundles)
    apart = certificates["key apart"]
    settings["certificates"].append({"file": str(apart.chain), "key": str(apart.key)})
    shared(load_balancer([listener(port, "HTTPS", tls=settings)], [group([fleet.http()])]))
    return Site(port, certificates)


@pytest.mark.parametrize(
    ("name", "served"),
    [
        ("first.example.com", "first"),
        ("second.example.com", "second"),
        ("SECOND.example.com", "second"),
        ("also.example.net", "second"),
        ("two.wild.example.com", "wild"),
        ("one.wild.example.com", "one of the wild"),
        ("apart.example.com", "key apart"),
        ("unknown.example.com", "first"),
        ("a.b.wild.example.com", "first"),
        (None, "first"),
    ],
)
def test_the_name_asked_for_chooses_the_certificate_and_the_first_serves_all_others(
    site: Site, name: str | None, served: str
) -> None:
    assert site.served(name) == served


def test_of_two_certificates_for_a_name_the_elliptic_one_is_for_those_who_can(site: Site) -> None:
    assert site.served("both.example.com") == "both, ECDSA"
    assert site.served("both.example.com", ciphers=RSA_ONLY) == "both, RSA"


def test_a_listener_of_one_kind_of_key_refuses_clients_who_know_the_other_only(site: Site) -> None:
    with pytest.raises(ssl.SSLError):
        site.served("second.example.com", ciphers=RSA_ONLY)
