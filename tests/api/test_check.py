"""`elbow check` says for each fault the file, the line, the field, and what to do."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from elbow_dataplane.cli.main import main
from harness.certificates import Authority

MANIFEST = """\
apiVersion: elbow.dev/v1alpha1
kind: LoadBalancer
metadata:
  name: web
spec:
  listeners:
    - name: http
      port: 80
      protocol: HTTP
      targetGroup: web
    - name: https
      port: 443
      protocol: HTTPS
      targetGroup: web
      tls:
        certificates:
          - file: web.pem
          - {file: cert.pem, key: key.pem}
  targetGroups:
    - name: web
      protocol: HTTPS
      targets:
        addresses:
          - {ip: 10.0.0.1, port: 8080}
          - ip: 10.0.0.2
            port: 8080
      healthCheck:
        path: /healthz
        interval: 10s
      tls:
        verify: true
        ca: ca.pem
"""


@pytest.fixture
def place(tmp_path: Path, authority: Authority) -> Path:
    """A directory with a good manifest and all it names."""
    made = authority.issue("web.example", file=tmp_path / "web.pem")
    (tmp_path / "cert.pem").write_bytes(made.chain.read_bytes())
    (tmp_path / "key.pem").write_bytes(made.key.read_bytes())
    (tmp_path / "ca.pem").write_bytes(authority.file.read_bytes())
    (tmp_path / "lb.yaml").write_text(MANIFEST)
    return tmp_path


def check(place: Path) -> list[str]:
    """What `elbow check` complains of, without the file's name; nothing if it is content."""
    done = CliRunner().invoke(main, ["check", str(place / "lb.yaml")], catch_exceptions=False)
    assert done.exit_code == (1 if done.stderr else 0)
    return [line.removeprefix(f"{place / 'lb.yaml'}:") for line in done.stderr.splitlines()]


def test_a_good_manifest_draws_no_complaint(place: Path) -> None:
    assert check(place) == []


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("      port: 80\n", "      port: 0\n", ["8: spec.listeners[0].port: must be at least 1"]),
        (
            "      port: 443",
            "      port: 80",
            ["12: spec.listeners[1].port: 80 is used twice; each listener needs a port of its own"],
        ),
        ("      port: 80\n", "", ["7: spec.listeners[0].port: required"]),
        ("{ip: 10.0.0.1,", "{ip: 10.0.0.1, wieght: 2,", ["24: spec.targetGroups[0].targets.addresses[0].wieght: unknown field; did you mean weight?"]),
        (
            "      targetGroup: web\n    - name: https",
            "      target_group: web\n    - name: https",
            ["7: spec.listeners[0].targetGroup: required", "10: spec.listeners[0].target_group: unknown field; did you mean targetGroup?"],
        ),
        (
            "      healthCheck:",
            "      health-check:",
            ["27: spec.targetGroups[0].health-check: unknown field; did you mean healthCheck?"],
        ),
        ("        path: /healthz", "        weight: 1", ["28: spec.targetGroups[0].healthCheck.weight: unknown field; remove it, or look"]),
        ("kind: LoadBalancer", "kind: LoadBalancer\nmeta: {}", ["3: meta: unknown field; "]),
        ("ip: 10.0.0.2", "ip: 10.0.0.1", ["25: spec.targetGroups[0].targets.addresses[1]: 10.0.0.1 port 8080 is listed twice"]),
        ("ip: 10.0.0.2", "ip: ten", ["25: spec.targetGroups[0].targets.addresses[1].ip: not an IPv4 or IPv6 address"]),
        ("interval: 10s", "interval: 2s\n        timeout: 3s", ["30: spec.targetGroups[0].healthCheck.timeout: must be below"]),
        ("  name: web\n", "  name: Web\n", ["4: metadata.name: not a DNS label"]),
        ("kind: LoadBalancer", "kind: Service", ["2: kind: must be LoadBalancer"]),
        ("kind: LoadBalancer\n", "", ["1: kind: required"]),
        (
            "  listeners:",
            "  zones: [a, a]\n  scheme: public\n  listeners:",
            ["7: spec.scheme: not one of internal or internet-facing"],
        ),
        ("file: web.pem", "file: none.pem", ["17: spec.listeners[1].tls.certificates[0].file: "]),
        ("key: key.pem", "key: none.pem", ["18: spec.listeners[1].tls.certificates[1].key: "]),
        ("ca: ca.pem", "ca: key.pem", ["32: spec.targetGroups[0].tls.ca: not a PEM file of certificate authorities"]),
        ("file: web.pem", "file: cert.pem", ["17: spec.listeners[1].tls.certificates[0].file: not a PEM certificate"]),
        (
            "      port: 80\n      protocol: HTTP",
            "      port: no\n      protocol: http",
            ["8: spec.listeners[0].port: not a whole number", "9: spec.listeners[0].protocol: not one of HTTP, HTTPS, TCP or TLS"],
        ),
    ],
)  # fmt: skip
def test_each_fault_is_said_with_its_line(place: Path, was: str, becomes: str, says: list[str]) -> None:
    assert MANIFEST.count(was) == 1
    (place / "lb.yaml").write_text(MANIFEST.replace(was, becomes))

    said = check(place)

    assert len(said) == len(says), said
    assert all(line.startswith(start) for line, start in zip(said, says, strict=True)), said


def test_lines_are_right_whatever_ends_them(place: Path) -> None:
    text = MANIFEST.replace("port: 443", "port: 0")
    for written in (text.encode(), text.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + text.encode()):
        (place / "lb.yaml").write_bytes(written)
        assert check(place) == ["12: spec.listeners[1].port: must be at least 1"]


def test_a_field_that_is_an_alias_has_its_own_line(place: Path) -> None:
    anchored = MANIFEST.replace("port: 80\n", "port: &port 0\n", 1).replace("port: 443", "port: *port")
    (place / "lb.yaml").write_text(anchored)
    assert check(place) == [
        "8: spec.listeners[0].port: must be at least 1",
        "12: spec.listeners[1].port: must be at least 1",
    ]
