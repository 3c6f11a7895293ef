"""The operator: who leads, and what goes on without it."""

import os
import signal
import time
from pathlib import Path

from harness.cluster_objects import balancer
from harness.kube import OPERATOR, Space, answers, holder, leader, no_operator, run, settled, who
from harness.load import Load
from harness.poll import until


def test_a_leader_that_is_killed_is_replaced_within_15_seconds(web: Space) -> None:
    old = until(holder, limit=30, every=0.3)
    os.kill(leader(old), signal.SIGKILL)
    began = time.monotonic()
    until(lambda: holder() not in ("", old), limit=15, every=0.1, say="a new leader")
    assert time.monotonic() - began < 15
    web.apply(balancer({"deregistrationDelay": "11s"}))
    settled(web)


def test_a_leader_that_hangs_is_replaced_and_leaves_it_at_that(web: Space) -> None:
    old = until(holder, limit=30, every=0.3)
    process = leader(old)
    os.kill(process, signal.SIGSTOP)
    try:
        new = until(lambda: h if (h := holder()) not in ("", old) else None, limit=15, every=0.1, say="a new leader")
    finally:
        os.kill(process, signal.SIGCONT)
    # What the old one held in its hands is refused; it starts anew, as a follower.
    until(lambda: not Path(f"/proc/{process}").exists(), limit=30, every=0.2, say="the old leader's end")
    web.apply(balancer({"deregistrationDelay": "11s"}))
    settled(web)
    assert holder() == new


def test_without_the_operator_targets_come_and_go_and_proxies_start(web: Space) -> None:
    host, port = web.door("zone-b")
    with no_operator(), Load(port, host=host, posts=False, pause=0.05) as load:
        web.kubectl("rollout", "restart", "deployment/web")
        web.kubectl("rollout", "status", "deployment/web", "--timeout=150s")
        new = {pod["metadata"]["name"] for pod in web.pods("app=web")}
        until(lambda: who((host, port), 12) == new, limit=60, every=0.5, say="the new targets, and no other")
        (proxy,) = web.proxies("zone-a")
        web.kubectl("delete", "pod", proxy["metadata"]["name"], "--wait=false")
        started = until(
            lambda: [p for p in web.proxies("zone-a") if p["metadata"]["uid"] != proxy["metadata"]["uid"]], limit=30
        )
        web.wait("condition=Ready", f"pod/{started[0]['metadata']['name']}")
        until(answers(lambda: (web.get("pod", started[0]["metadata"]["name"])["status"]["podIP"], 80)), limit=20)
    load.assert_clean(least=100)


def test_nothing_it_did_was_refused(web: Space) -> None:
    """Its rights are the least, and enough: after all these tests neither replica's log holds a refusal."""
    settled(web)
    log = run(*OPERATOR, "logs", "-l", "app.kubernetes.io/name=elbow-operator", "--tail=-1", "--prefix")
    assert "leads" in log
    assert [line for line in log.splitlines() if "403" in line or "forbidden" in line] == []
