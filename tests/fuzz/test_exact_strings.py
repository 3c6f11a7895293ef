"""Strings with everything HAProxy treats specially reach targets exactly as their user wrote them. Cookie names: stickiness/."""

import socket
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import pytest
from harness.certificates import Authority
from harness.client import Client, Closed, get
from harness.elbow import Elbow
from harness.manifest import group, http, listener, load_balancer
from harness.poll import until
from harness.ports import Ports
from harness.targets import Targets

Start = Callable[..., Elbow]
PATHS = [
    "/'",
    "/''",
    '/"',
    '/""',
    "/\\",
    "/\\\\",
    "/\\n\\r\\0",
    "/a\\'b\\",
    "/#",
    "/#fragment#",
    "/%",
    "/%%",
    "/%[src]",
    "/%[env(HOME)]",
    "/%{+Q}o%ci",
    "/%00%0d%0a",
    "/$HOME",
    "/${HOME}",
    '/"${HOME}"',
    "/$(id)`id`",
    "/;|&<>()[]{}",
    "/{}!{always_true}",
    "/,),lower",
    "//twice",
    "/..//./",
    "/?q='%[src]'&r=\"#$HOME\\",
    "/*~!@^_+-=.:",
    "/" + "x" * 1023,
]
HOSTS = ["a", "A.B_c-D", "app.example.com:8443", "10.0.0.1", "[::1]", "[::1]:443", "a:b:c", "a[]b]", "0", "x" * 255]


class Recorder(ThreadingTCPServer):
    """Answers 200 to everything, and keeps each request's first line and Host, by the address it came to."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        self.lines: dict[str, set[bytes]] = defaultdict(set)
        self.hosts: dict[str, set[bytes]] = defaultdict(set)
        super().__init__(("0.0.0.0", port), _Recording)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that end early are no one's fault."""


class _Recording(StreamRequestHandler):
    def handle(self) -> None:
        while line := self.rfile.readline():
            at = self.request.getsockname()[0]
            host = b""
            while (header := self.rfile.readline()).strip():
                if header.lower().startswith(b"host:"):
                    host = header[5:].strip()
            self.server.lines[at].add(line.rstrip(b"\r\n"))
            self.server.hosts[at].add(host)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def recorder(ports: Ports) -> Iterator[Recorder]:
    server = Recorder(ports.take())
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_health_checks_path_and_host_are_sent_exactly_as_written(
    elbow: Start, recorder: Recorder, ports: Ports
) -> None:
    checks = [{"path": path, "host": HOSTS[i % len(HOSTS)]} for i, path in enumerate(PATHS)]
    port = recorder.server_address[1]
    listeners = [listener(ports.take(), name=f"l{i}", group=f"g{i}") for i in range(len(checks))]
    groups = [
        group([{"ip": f"127.0.4.{i + 1}", "port": port}], name=f"g{i}", check=check) for i, check in enumerate(checks)
    ]
    lb = elbow(load_balancer(listeners, groups))

    for i, check in enumerate(checks):
        at = f"127.0.4.{i + 1}"
        until(lambda at=at: recorder.lines[at], say=f"a check of {check}")
        assert recorder.lines[at] == {f"GET {check['path']} HTTP/1.1".encode()}
        assert recorder.hosts[at] == {check["host"].encode()}
    # A target added while HAProxy runs is asked for the same.
    lb.set_targets([{"ip": "127.0.4.100", "port": port}], group="g25")
    until(lambda: recorder.lines["127.0.4.100"], say="a check of the new target")
    assert recorder.lines["127.0.4.100"] == {f"GET {PATHS[25]} HTTP/1.1".encode()}


def test_the_name_for_targets_is_sent_exactly_as_written(
    elbow: Start, targets: Targets, ports: Ports, authority: Authority
) -> None:
    names = ["app.example.com", "A-b.Example", "x" * 63 + ".example", "0"]
    asked: dict[str, set[str | None]] = {name: set() for name in names}
    listeners, groups, taken = [], [], [ports.take() for _ in names]
    for i, name in enumerate(names):
        context = authority.issue(name.lower()).server_context()
        context.sni_callback = lambda _socket, sni, _context, name=name: asked[name].add(sni)
        settings = {"verify": True, "ca": str(authority.file), "serverName": name}
        listeners.append(listener(taken[i], name=f"l{i}", group=f"g{i}"))
        groups.append(group([targets.http(name, tls=context)], "HTTPS", name=f"g{i}", tls=settings))
    elbow(load_balancer(listeners, groups))

    assert [get(port).target for port in taken] == names
    assert asked == {name: {name} for name in names}


def test_only_the_clients_named_are_let_in(elbow: Start, targets: Targets, port: int) -> None:
    manifest = http(port, [targets.http()])
    manifest["spec"]["allowedSources"] = ["127.0.6.0/30", "2001:DB8::/32", "127.0.7.9/32"]
    elbow(manifest)

    def is_let_in(source: str) -> bool:
        try:
            with Client(port, source=source) as client:
                return client.get().status == 200
        except (Closed, ConnectionResetError, BrokenPipeError):
            return False

    answers = {source: is_let_in(source) for source in ("127.0.6.3", "127.0.6.4", "127.0.7.9", "127.0.7.8")}
    assert answers == {"127.0.6.3": True, "127.0.6.4": False, "127.0.7.9": True, "127.0.7.8": False}


def test_certificates_may_have_any_file_name(
    elbow: Start, targets: Targets, port: int, authority: Authority, tmp_path: Path
) -> None:
    odd = tmp_path / "a b'c\"d#e%[src]$HOME\\é;.pem"
    authority.issue("localhost", file=odd)
    manifest = load_balancer(
        [listener(port, "HTTPS", tls={"certificates": [{"file": str(odd)}]})], [group([targets.http()])]
    )
    elbow(manifest)

    context = authority.client_context()
    with (
        socket.create_connection(("127.0.0.1", port), 10) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as client,
    ):
        assert client.version() in ("TLSv1.2", "TLSv1.3")
