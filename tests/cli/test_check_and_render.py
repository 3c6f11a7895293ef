"""A manifest is judged, or becomes a configuration, and nothing is started."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.manifest import http

from cli.command import printed, run

_ROOT = Path(__file__).parents[2]


def test_check_says_that_a_good_manifest_is_good(tmp_path: Path) -> None:
    file = tmp_path / "lb.yaml"
    file.write_text(yaml.safe_dump(http(8080, [{"ip": "10.0.0.1", "port": 80}, {"ip": "10.0.0.2", "port": 80}])))

    assert printed("check", file) == f"{file}: good: 1 listener, 1 target group, 2 targets\n"


def test_check_names_every_fault_with_its_line_its_field_and_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "lb.yaml"
    file.write_text(
        """\
apiVersion: elbow.dev/v1alpha1
kind: LoadBalancer
metadata: {name: web}
spec:
  listeners:
    - name: http
      port: 70000
      protocol: HTTP
      targetGroup: web
  targetGroups:
    - name: web
      protocol: HTTP
      healthCheck:
        interval: 30
      targets: {addresses: []}
"""
    )

    done = run("check", file)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{file}:7: spec.listeners[0].port: must be at most 65535",
        f"{file}:14: spec.targetGroups[0].healthCheck.interval: not a duration; write it like 30s, 5m, 1h30m or 500ms",
    ]


def test_check_says_when_there_is_no_such_file(tmp_path: Path) -> None:
    done = run("check", tmp_path / "missing.yaml")

    assert done.returncode == 1
    assert "missing.yaml: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["http", "https", "tcp", "sticky", "zones"])
def test_every_example_is_a_good_manifest(name: str, tmp_path: Path, authority: Any) -> None:
    certificate = authority.issue("localhost")
    (tmp_path / "certificate.pem").write_bytes(certificate.chain.read_bytes())
    (tmp_path / "key.pem").write_bytes(certificate.key.read_bytes())
    file = tmp_path / f"{name}.yaml"
    file.write_text((_ROOT / "examples" / f"{name}.yaml").read_text())

    assert f"{file}: good" in printed("check", file)


def test_render_prints_the_configuration_and_runs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "lb.yaml"
    file.write_text(yaml.safe_dump(http(8080, [{"ip": "10.0.0.1", "port": 80}])))

    text = printed("render", file, "--run-dir", tmp_path / "run")

    assert "frontend ls_http" in text
    assert "10.0.0.1:80" in text
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["run", "render"])
def test_an_address_that_is_none_is_refused_by_name(command: str, tmp_path: Path) -> None:
    done = run(command, tmp_path / "lb.yaml", "--address", "web:80")
    assert done.returncode == 2
    assert "Invalid value for '--address': 'web:80' is no IP address, such as 192.0.2.10 or ::1" in done.stderr
