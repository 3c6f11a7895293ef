"""Certificates change while HAProxy runs: new handshakes get the new one, open connections go on."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.certificates import Authority
from harness.client import Client
from harness.elbow import Elbow
from harness.load import Load
from harness.manifest import group, listener, load_balancer, tls
from harness.poll import until
from harness.targets import Targets

Start = Callable[..., Elbow]


def serial(port: int, context: ssl.SSLContext) -> int:
    """The serial number of the certificate served."""
    with Client(port, tls=context, server_name="web.test") as client:
        assert isinstance(client.socket, ssl.SSLSocket)
        certificate = client.socket.getpeercert()
    assert certificate is not None
    return int(str(certificate["serialNumber"]), 16)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The certificate file that the manifest names."""
    return tmp_path / "web.pem"


@pytest.fixture
def https(elbow: Start, targets: Targets, port: int, authority: Authority, bundle: Path) -> Elbow:
    """An HTTPS listener over that file."""
    authority.issue("web.test", file=bundle)
    return elbow(load_balancer([listener(port, "HTTPS", tls=tls(bundle))], [group(targets.many(2))]))


def test_fifty_rotations_under_load_fail_nothing_reload_nothing_and_each_is_served(
    https: Elbow, port: int, authority: Authority, bundle: Path
) -> None:
    context = authority.client_context()
    with (
        Client(port, tls=context, server_name="web.test") as old,
        Load(port, keep_alive=2, fresh=2, tls=context, server_name="web.test", pause=0.05) as load,
    ):
        for _ in range(50):
            issued = authority.issue("web.test", file=bundle)
            until(lambda issued=issued: serial(port, context) == issued.serial, say="the new certificate is served")
        assert old.get().status == 200
    load.assert_clean(least=50)
    assert https.reloads() == {}


def test_a_certificate_that_someone_changed_at_the_socket_is_put_right_within_5_s(
    https: Elbow, port: int, authority: Authority, bundle: Path
) -> None:
    context = authority.client_context()
    ours = serial(port, context)
    other = authority.issue("web.test")
    file = https.run_dir / "certificates" / "https-0.pem"
    pem = "\n".join(line for line in other.bundle.read_text().splitlines() if line)
    https.socket(f"set ssl cert {file} <<\n{pem}\n")
    assert "Success" in https.socket(f"commit ssl cert {file}")
    assert serial(port, context) == other.serial

    until(lambda: serial(port, context) == ours, limit=5)
    assert https.reloads() == {}


def test_a_change_that_someone_began_at_the_socket_and_left_is_in_nobodys_way(
    elbow: Start, targets: Targets, port: int, authority: Authority, tmp_path: Path
) -> None:
    first, second = tmp_path / "web.pem", tmp_path / "other.pem"
    authority.issue("web.test", file=first)
    authority.issue("other.test", file=second)
    lb = elbow(load_balancer([listener(port, "HTTPS", tls=tls(first, second))], [group(targets.many(1))]))
    pem = "\n".join(line for line in second.read_text().splitlines() if line)
    assert "created" in lb.socket(f"set ssl cert {lb.run_dir}/certificates/https-1.pem <<\n{pem}\n")

    issued = authority.issue("web.test", file=first)

    until(lambda: serial(port, authority.client_context()) == issued.serial, limit=5)


def test_a_file_that_is_no_certificate_is_refused_the_old_one_goes_on_and_a_good_one_cures_it(
    https: Elbow, port: int, authority: Authority, bundle: Path
) -> None:
    context = authority.client_context()
    ours = serial(port, context)

    bundle.write_text("no certificate")
    until(lambda: https.report().faults, limit=5)
    assert "spec.listeners[0].tls.certificates[0].file: not a PEM certificate" in https.report().faults[0]
    assert https.metric("elbow_faults") == 1
    assert serial(port, context) == ours

    issued = authority.issue("web.test", file=bundle)
    until(lambda: serial(port, context) == issued.serial, limit=5)
    until(lambda: not https.report().faults)


def test_the_key_of_a_certificate_that_is_no_longer_used_is_removed(
    elbow: Start, targets: Targets, port: int, authority: Authority, tmp_path: Path
) -> None:
    first, second = tmp_path / "web.pem", tmp_path / "other.pem"
    authority.issue("web.test", file=first)
    authority.issue("other.test", file=second)
    manifest = load_balancer([listener(port, "HTTPS", tls=tls(first, second))], [group(targets.many(1))])
    lb = elbow(manifest)
    assert len(list((lb.run_dir / "certificates").iterdir())) == 2

    lb.edit(lambda spec: spec["listeners"][0]["tls"]["certificates"].pop())

    assert [path.name for path in (lb.run_dir / "certificates").iterdir()] == ["https-0.pem"]


def test_one_too_large_for_haproxys_socket_is_served_after_one_reload(
    elbow: Start, targets: Targets, port: int, authority: Authority, tmp_path: Path
) -> None:
    first, second = authority.issue("web.test"), authority.issue("web.test")
    file, trusted = tmp_path / "web.pem", tmp_path / "ca.pem"
    many = b"".join(authority.issue(f"{number}.example").chain.read_bytes() for number in range(40))
    file.write_bytes(first.bundle.read_bytes())
    trusted.write_bytes(authority.file.read_bytes())
    checked = group([targets.http(tls=first.server_context())], "HTTPS", tls={"verify": True, "ca": str(trusted)})
    lb = elbow(load_balancer([listener(port, "HTTPS", tls=tls(file))], [checked]))

    file.write_bytes(second.bundle.read_bytes() + many)
    until(lambda: serial(port, authority.client_context()) == second.serial)
    until(lambda: lb.reloads() == {"CertificateChanged": 1})

    trusted.write_bytes(authority.file.read_bytes() * 2 + many)
    until(lambda: lb.reloads() == {"CertificateChanged": 2})
    lb.wait_settled()
    lb.apply(lb.manifest | {"spec": lb.manifest["spec"] | {"allowedSources": ["127.0.0.0/8"]}})
    assert lb.reloads() == {"CertificateChanged": 2, "ListenerChanged": 1}
    assert lb.group().healthy == 1
