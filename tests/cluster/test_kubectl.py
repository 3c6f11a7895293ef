"""`kubectl elb` on the real cluster: kubectl finds the plugin, and what it shows and does is true."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from harness.cluster_objects import balancer
from harness.kube import Space, ask, run, settled
from harness.poll import until

_BIN = Path(sys.executable).parent


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin and its completion are on the PATH."""
    monkeypatch.setenv("PATH", f"{_BIN}{os.pathsep}{os.environ['PATH']}")


def said(space: Space, *words: str) -> str:
    """What a command prints; kubectl wants a plugin's name before any option."""
    return run("kubectl", "elb", *words, "-n", space.name)


def elb(space: Space, *words: str) -> Any:
    """What a command says to programs."""
    return json.loads(said(space, *words, "-o", "json"))


def test_list_and_describe_tell_what_the_status_does(web: Space) -> None:
    (found,) = elb(web, "list", "web")
    assert found["ready"]
    assert found["targets"]["healthy"] == 6
    (page,) = elb(web, "describe", "web")
    assert {proxy["zone"] for proxy in page["proxies"] if proxy["converged"]} == {"zone-a", "zone-b", "zone-c"}


def test_targets_are_the_pods_with_their_zones(web: Space) -> None:
    found = elb(web, "targets", "web")

    assert {target["pod"] for target in found} == {pod["metadata"]["name"] for pod in web.pods("app=web")}
    assert {target["state"] for target in found} == {"healthy"}


def test_a_drained_target_gets_nothing_until_it_is_undrained(web: Space) -> None:
    gone = web.pods("app=web")[0]["metadata"]["name"]
    said(web, "drain", "web", gone, "--wait", "--reason", "a test")
    door = web.door("zone-a")
    assert gone not in {ask(door)["name"] for _ in range(24)}
    said(web, "undrain", "web", gone)
    settled(web)
    until(lambda: gone in {ask(door)["name"] for _ in range(12)}, limit=20, say="it serves again")


def test_a_zonal_shift_empties_a_zone_and_ends(web: Space) -> None:
    said(web, "zonal-shift", "start", "zone-a", "web", "--for", "30m")
    until(lambda: elb(web, "list", "web")[0]["zones"]["zone-a"] == "shifted", limit=30, every=0.3, say="shifted")
    said(web, "zonal-shift", "cancel", "web")
    until(lambda: elb(web, "list", "web")[0]["zones"]["zone-a"] == "active", limit=60, every=0.3, say="active")
    settled(web)


def test_logs_of_all_zones_come_in_the_order_of_time(web: Space, zones: tuple[str, ...]) -> None:
    web.apply(balancer(accessLog={"format": "alb"}))
    settled(web)
    marks = [f"/mark-{n}-{datetime.now(UTC):%H%M%S%f}" for n in range(6)]
    for n, mark in enumerate(marks):
        ask(web.door(zones[n % 3]), mark)

    def paths() -> list[str]:
        lines = said(web, "logs", "web", "--path", "/mark-*", "-o", "json").splitlines()
        return [json.loads(line)["request"].split()[1] for line in lines]

    until(lambda: len(paths()) >= 6, limit=20, every=0.5, say="the lines are there")
    assert [path[path.index("/mark") :] for path in paths()] == marks


def test_top_counts_requests_of_all_zones(web: Space) -> None:
    command = ["kubectl", "elb", "top", "web", "-n", web.name, "--once", "--interval", "3", "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as top:
        while top.poll() is None:
            ask(web.door("zone-a"))
        assert top.stdout is not None
        (found,) = json.loads(top.stdout.read())
    assert found["requests"] > 1
    assert found["target5xx"] == 0


def test_config_shows_what_runs_and_no_difference(web: Space) -> None:
    assert "generation" in said(web, "config", "web").lower()
    assert "frontend ls_http" in said(web, "config", "web", "--zone", "zone-a")


def test_the_doctor_finds_a_service_that_is_misspelt(web: Space) -> None:
    healthy = elb(web, "doctor", "web")
    assert [one for part in healthy for one in part["findings"] if one["severity"] == "error"] == []
    web.apply(balancer({"targets": {"service": {"name": "wbe", "port": 80}}}))
    until(lambda: web.condition("Ready").get("status") == "False", limit=30, say="it isn't ready")

    command = ["kubectl", "elb", "doctor", "web", "-n", web.name, "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found = [one for part in json.loads(done.stdout) for one in part["findings"]]
    assert done.returncode == 1
    assert "did you mean web?" in next(one["cure"] for one in found if one["reason"] == "ServiceMissing")


def test_kubectl_completes_the_plugins_words(web: Space) -> None:
    assert "doctor" in run("kubectl", "__complete", "elb", "")
    assert "web" in run("kubectl", "__complete", "elb", "describe", "-n", web.name, "w").split()
