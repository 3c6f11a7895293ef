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
from harness.poll import until
from harness.ports import Ports

MODERN = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
RSA_ONLY = "ECDHE-RSA-AES128-GCM-SHA256"


@dataclass
class Site:
    port: int
    certificates: dict[str, Certificate]

    def served(self, name: str | None, *, ciphers: str = MODERN) -> str:
        """Which certificate a client that asks for a name gets."""
        serial = self.serial(name, ciphers=ciphers)
        return next(key for key, certificate in self.certificates.items() if certificate.serial == serial)

    def serves(self, name: str) -> bool:
        """Whether a client that asks for a name gets the newest certificate for it."""
        return self.serial(name) == self.certificates[name].serial

    def serial(self, name: str | None, *, ciphers: str = MODERN) -> int:
        """The number of the certificate a client that asks for a name gets."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
        with Client(self.port) as client, context.wrap_socket(client.socket, server_hostname=name) as secure:
            got = secure.getpeercert(binary_form=True)
        assert got is not None
        return x509.load_der_x509_certificate(got).serial_number


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


def test_a_listener_serves_as_many_certificates_as_it_may_have_and_each_changes_without_a_reload(
    elbow: Callable[..., Elbow], targets: Targets, port: int, authority: Authority
) -> None:
    names = [f"{number}.many.example" for number in range(25)]
    certificates = {name: authority.issue(name, kind="rsa" if name == names[-1] else "ec") for name in names}
    settings = tls(*(certificate.bundle for certificate in certificates.values()))
    lb = elbow(load_balancer([listener(port, "HTTPS", tls=settings)], [group([targets.http()])]))
    site = Site(port, certificates)

    assert [site.served(name) for name in names] == names
    assert site.served(None) == site.served("unknown.example") == names[0]
    certificates[names[20]] = authority.issue(names[20], file=certificates[names[20]].bundle)

    until(lambda: site.serves(names[20]), limit=10)
    assert lb.reloads() == {}
