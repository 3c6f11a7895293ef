"""ELB's security policies, scanned (ELB section 8.2)."""

import ssl
import struct
import warnings
from collections.abc import Callable

import pytest
from conftest import Targets
from elbow_api.tls_policy import TlsPolicy
from harness.certificates import Authority
from harness.client import Client
from harness.elbow import Elbow
from harness.manifest import group, listener, load_balancer, tls
from harness.ports import Ports

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from sslyze import (
        ScanCommand,
        Scanner,
        ServerNetworkConfiguration,
        ServerNetworkLocation,
        ServerScanRequest,
        ServerScanResult,
    )

T13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
G = [f"ECDHE-{kind}-{cipher}" for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384") for kind in ("ECDSA", "RSA")]
S2 = [f"ECDHE-{kind}-{cipher}" for cipher in ("AES128-SHA256", "AES256-SHA384") for kind in ("ECDSA", "RSA")]
S1 = [f"ECDHE-{kind}-{cipher}" for cipher in ("AES128-SHA", "AES256-SHA") for kind in ("ECDSA", "RSA")]
R12 = ["AES128-GCM-SHA256", "AES128-SHA256", "AES256-GCM-SHA384", "AES256-SHA256"]
R1 = ["AES128-SHA", "AES256-SHA"]
OF_OLD_VERSIONS = {*S1, *R1}
"""The ciphers that exist in TLS 1.0 and 1.1."""
ORDER = [
    *["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
    *["ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256"],
    *["ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA"],
    *["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
    *["ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384"],
    *["ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA"],
    *["AES128-GCM-SHA256", "AES128-SHA256", "AES128-SHA", "AES256-GCM-SHA384", "AES256-SHA256", "AES256-SHA"],
]
"""As ELB's tables list them."""

POLICIES = {
    "TLS13-1-3-2021-06": ("1.3", "1.3", []),
    "TLS13-1-2-2021-06": ("1.2", "1.3", G + S2),
    "TLS13-1-2-Res-2021-06": ("1.2", "1.3", G),
    "TLS13-1-2-Ext1-2021-06": ("1.2", "1.3", G + S2 + R12),
    "TLS13-1-2-Ext2-2021-06": ("1.2", "1.3", G + S2 + S1 + R12 + R1),
    "TLS13-1-1-2021-06": ("1.1", "1.3", G + S2 + S1 + R12 + R1),
    "TLS13-1-0-2021-06": ("1.0", "1.3", G + S2 + S1 + R12 + R1),
    "TLS13-1-3-PQ-2025-09": ("1.3", "1.3", []),
    "TLS13-1-2-PQ-2025-09": ("1.2", "1.3", G + S2),
    "TLS13-1-2-Res-PQ-2025-09": ("1.2", "1.3", G),
    "TLS13-1-2-Ext1-PQ-2025-09": ("1.2", "1.3", G + S2 + R12),
    "TLS13-1-2-Ext2-PQ-2025-09": ("1.2", "1.3", G + S2 + S1 + R12 + R1),
    "TLS13-1-0-PQ-2025-09": ("1.0", "1.3", G + S2 + S1 + R12 + R1),
    "FS-1-2-Res-2020-10": ("1.2", "1.2", G),
    "FS-1-2-Res-2019-08": ("1.2", "1.2", G + S2),
    "FS-1-2-2019-08": ("1.2", "1.2", G + S2 + S1),
    "FS-1-1-2019-08": ("1.1", "1.2", G + S2 + S1),
    "FS-2018-06": ("1.0", "1.2", G + S2 + S1),
    "TLS-1-2-Ext-2018-06": ("1.2", "1.2", G + S2 + S1 + R12 + R1),
    "TLS-1-2-2017-01": ("1.2", "1.2", G + S2 + R12),
    "TLS-1-1-2017-01": ("1.1", "1.2", G + S2 + S1 + R12 + R1),
    "TLS-1-0-2015-04": ("1.0", "1.2", G + S2 + S1 + R12 + R1),
    "2016-08": ("1.0", "1.2", G + S2 + S1 + R12 + R1),
    "2015-05": ("1.0", "1.2", G + S2 + S1 + R12 + R1),
}
VERSIONS = {
    "SSLv2": ScanCommand.SSL_2_0_CIPHER_SUITES,
    "SSLv3": ScanCommand.SSL_3_0_CIPHER_SUITES,
    "1.0": ScanCommand.TLS_1_0_CIPHER_SUITES,
    "1.1": ScanCommand.TLS_1_1_CIPHER_SUITES,
    "1.2": ScanCommand.TLS_1_2_CIPHER_SUITES,
    "1.3": ScanCommand.TLS_1_3_CIPHER_SUITES,
}


NAME = "policy.example.com"
ELLIPTIC = "ecdsa.example.com"
"""A name with a certificate of that kind only: to clients of TLS 1.0 and 1.1, who can't say what they know, RSA is given."""


@pytest.fixture(scope="module")
def listening(shared: Callable[..., Elbow], fleet: Targets, ports: Ports, authority: Authority) -> dict[str, int]:
    """The port of each policy's listener."""
    taken = {name: ports.take() for name in POLICIES}
    bundles = [authority.issue(NAME, kind="rsa").bundle, authority.issue(NAME).bundle, authority.issue(ELLIPTIC).bundle]
    listeners = [
        listener(port, "TLS", name=f"p{port}", tls=tls(*bundles, policy=f"ELBSecurityPolicy-{name}"))
        for name, port in taken.items()
    ]
    shared(load_balancer(listeners, [group([fleet.tcp()], "TCP")]))
    return taken


Scanned = dict[tuple[str, str], ServerScanResult]


@pytest.fixture(scope="module")
def scanned(listening: dict[str, int]) -> Scanned:
    """Every policy's listener by the name asked for, scanned side by side."""
    old = {VERSIONS["1.0"], VERSIONS["1.1"]}
    wanted = {(policy, NAME): set(VERSIONS.values()) for policy in POLICIES}
    wanted |= {(policy, ELLIPTIC): old for policy, (least, *_) in POLICIES.items() if least < "1.2"}
    scanner = Scanner(per_server_concurrent_connections_limit=2, concurrent_server_scans_limit=8)
    requests = {key: _request(key[1], listening[key[0]], commands) for key, commands in wanted.items()}
    scanner.queue_scans(list(requests.values()))
    results = {(r.server_location.port, r.server_location.hostname): r for r in scanner.get_results()}
    return {(policy, name): results[listening[policy], name] for policy, name in wanted}


def _request(name: str, port: int, commands: set[ScanCommand]) -> ServerScanRequest:
    return ServerScanRequest(
        ServerNetworkLocation(name, port, ip_address="127.0.0.1"),
        network_configuration=ServerNetworkConfiguration(name, network_timeout=30),
        scan_commands=commands,
    )


def accepted(result: ServerScanResult, version: str) -> set[str]:
    """OpenSSL's names of the ciphers a listener agrees to in a version."""
    assert result.scan_result is not None, result.connectivity_error_trace
    attempt = getattr(result.scan_result, VERSIONS[version].value)
    assert attempt.result is not None, (attempt.error_reason, attempt.error_trace)
    return {suite.cipher_suite.openssl_name for suite in attempt.result.accepted_cipher_suites}


def test_every_policy_the_resource_takes_is_tested_here() -> None:
    assert {policy.value for policy in TlsPolicy} == {f"ELBSecurityPolicy-{name}" for name in POLICIES}


@pytest.mark.parametrize("policy", list(POLICIES))
def test_a_policy_offers_exactly_its_protocols_and_ciphers(scanned: Scanned, policy: str) -> None:
    least, most, ciphers = POLICIES[policy]
    wanted = {version: set[str]() for version in VERSIONS}
    for version in ("1.0", "1.1", "1.2"):
        if least <= version <= most:
            wanted[version] = set(ciphers) if version == "1.2" else set(ciphers) & OF_OLD_VERSIONS
    if most == "1.3":
        wanted["1.3"] = set(T13)
    offered = {version: accepted(scanned[policy, NAME], version) for version in VERSIONS}
    if least < "1.2":
        for version in ("1.0", "1.1"):
            offered[version] |= accepted(scanned[policy, ELLIPTIC], version)
    assert offered == wanted


def chosen(port: int, ciphers: list[str]) -> str | None:
    """What the listener chooses of ciphers that a client of TLS 1.2 names in this order; None if it takes none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join([*ciphers, "@SECLEVEL=0"]))
    try:
        with Client(port, tls=context, server_name=NAME) as client:
            cipher = client.socket.cipher()
            return cipher[0] if cipher else None
    except (ssl.SSLError, ConnectionResetError):
        return None


@pytest.mark.parametrize("policy", ["TLS13-1-2-Res-2021-06", "TLS13-1-2-Ext2-2021-06", "FS-2018-06", "2016-08"])
def test_the_listeners_order_of_ciphers_counts_not_the_clients(listening: dict[str, int], policy: str) -> None:
    ciphers = [cipher for cipher in ORDER if cipher in POLICIES[policy][2]]
    # The kind of certificate is chosen before the cipher.
    for wanted in ([c for c in ciphers if "ECDSA" in c], [c for c in ciphers if "ECDSA" not in c]):
        left, order = wanted[::-1], []
        while left and (cipher := chosen(listening[policy], left)):
            order.append(cipher)
            left.remove(cipher)
        assert order == wanted


GROUPS = {"X25519MLKEM768": 0x11EC, "SecP256r1MLKEM768": 0x11EB, "X25519": 0x001D, "P-256": 0x0017}


def agreed(port: int, *groups: int) -> int | None:
    """The group that the listener asks a client of TLS 1.3 for, who knows these; None if it refuses."""
    with Client(port) as client:
        client.send(client_hello(groups))
        hello = client.socket.recv(4096)
    handshake = hello[5:]
    if hello[0] != 22 or handshake[0] != 2:
        return None
    session = handshake[38]
    extensions = handshake[38 + 1 + session + 2 + 1 + 2 :]
    while extensions:
        kind, length = struct.unpack("!HH", extensions[:4])
        if kind == 51:
            return int.from_bytes(extensions[4:6], "big")
        extensions = extensions[4 + length :]
    return None


def client_hello(groups: tuple[int, ...]) -> bytes:
    """A ClientHello without a key share: the answer names the group the server would have."""

    def extension(kind: int, data: bytes) -> bytes:
        return struct.pack("!HH", kind, len(data)) + data

    def listed(values: tuple[int, ...]) -> bytes:
        return struct.pack(f"!H{len(values)}H", 2 * len(values), *values)

    name = NAME.encode()
    extensions = b"".join(
        [
            extension(0, struct.pack("!HBH", len(name) + 3, 0, len(name)) + name),
            extension(10, listed(groups)),
            extension(13, listed((0x0403, 0x0804, 0x0401))),
            extension(43, b"\x02\x03\x04"),
            extension(51, b"\0\0"),
        ]
    )
    body = b"\x03\x03" + bytes(range(32)) + b"\0" + listed((0x1301,)) + b"\x01\0"
    body += struct.pack("!H", len(extensions)) + extensions
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack("!H", len(message)) + message


@pytest.mark.parametrize("policy", [name for name, (_, most, _) in POLICIES.items() if most == "1.3"])
def test_post_quantum_policies_and_no_others_agree_on_hybrid_key_exchange(
    listening: dict[str, int], policy: str
) -> None:
    port, is_hybrid = listening[policy], "-PQ-" in policy
    hybrids = GROUPS["X25519MLKEM768"], GROUPS["SecP256r1MLKEM768"]
    assert [agreed(port, group) for group in hybrids] == (list(hybrids) if is_hybrid else [None, None])
    assert agreed(port, GROUPS["X25519"], *hybrids) == (hybrids[0] if is_hybrid else GROUPS["X25519"])
    assert agreed(port, GROUPS["P-256"]) == GROUPS["P-256"]
