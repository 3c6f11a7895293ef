"""Whoever dies is back soon, and knows what it knew."""

import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import processes
from harness.certificates import Authority
from harness.client import Client, Closed, get
from harness.elbow import Elbow
from harness.load import Load
from harness.machine import slowness
from harness.manifest import group, http, listener, load_balancer, tls
from harness.poll import until
from harness.target import addresses
from harness.targets import Targets

Start = Callable[..., Elbow]


def answers(port: int, **options: Any) -> bool:
    """Whether a request is served."""
    try:
        with Client(port, **options) as client:
            return client.get().status == 200
    except (OSError, Closed):
        return False


def lives(pid: int) -> bool:
    """Whether a process still runs; one that ended may wait for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("who", ["worker", "master", "both"])
def test_haproxy_killed_is_back_within_1_s_with_the_same_targets_and_health(
    elbow: Start, targets: Targets, port: int, who: str
) -> None:
    three = targets.many(3)
    sick = three[0]
    lb = elbow(http(port, three, check={"interval": "2s", "timeout": "1s"}))
    sick.health.status = 500
    lb.wait_state(sick, "unhealthy")
    before = {t.name: lb.health_of(t) for t in three}
    served = sum(len(t.requests) for t in three)
    for target in three:
        target.forget()
    master, *workers = lb.haproxies()
    began = time.monotonic()

    for pid in {"worker": workers, "master": [master], "both": [*workers, master]}[who]:
        processes.kill(pid)

    # The old ones are gone first, or a request might still be theirs.
    until(lambda: not any(lives(pid) for pid in workers), every=0.005)
    until(lambda: answers(port), limit=10, every=0.01)
    took = time.monotonic() - began
    # Healthy ones serve before they were checked again, sick ones don't.
    assert Counter(get(port).target for _ in range(20)) == {"b": 10, "c": 10}
    assert not sick.requests
    assert {t.name: lb.health_of(t) for t in three} == before
    lb.wait_settled()
    assert lb.reloads() == {}
    until(lambda: lb.group().requests >= served)
    assert took < 1.0 * slowness(), f"{took:.2f} s"


def test_haproxy_killed_is_back_although_someone_removed_all_it_starts_from(
    elbow: Start, targets: Targets, port: int, authority: Authority, tmp_path: Path
) -> None:
    bundle = tmp_path / "web.pem"
    authority.issue("web.test", file=bundle)
    lb = elbow(load_balancer([listener(port, "HTTPS", tls=tls(bundle))], [group(targets.many(1))]))
    before = lb.haproxies()
    for directory in ("errors", "certificates"):
        shutil.rmtree(lb.run_dir / directory)
    (lb.run_dir / "haproxy.cfg").unlink()

    lb.kill_haproxy()

    until(lambda: not any(lives(pid) for pid in before))
    until(lambda: answers(port, tls=authority.client_context(), server_name="web.test"), limit=10)
    lb.wait_settled()
    assert lb.reloads() == {}


def test_the_agent_killed_is_nothing_to_the_traffic_and_the_next_one_takes_over_without_a_reload(
    elbow: Start, targets: Targets, port: int
) -> None:
    four = targets.many(4)
    lb = elbow(http(port, four))
    four[0].health.status = 500
    lb.wait_state(four[0], "unhealthy")
    before = [lb.health_of(t) for t in four]
    worker = lb.haproxies()
    with Load(port) as load:
        load.wait_for(30)
        until(lambda: lb.group().requests >= 30)
        lb.kill_agent()
        load.wait_for(100)
        counted = load.served
        lb.start()
        load.wait_for(30)
        assert lb.group().requests >= counted - 10  # what was counted stays, what was missed is made up
    load.assert_clean()
    assert [lb.health_of(t) for t in four] == before
    assert (lb.haproxies(), lb.reloads()) == (worker, {})
    until(lambda: lb.group().requests == load.served, say=f"all {load.served} requests are counted")
    assert lb.listener().requests == load.served


def test_a_change_made_while_the_agent_was_dead_is_applied_by_the_next_one(
    elbow: Start, targets: Targets, port: int
) -> None:
    a, b, c = targets.many(3)
    lb = elbow(http(port, [a, b], deregistrationDelay="30s"))
    lb.kill_agent()

    lb.write(http(port, [b, c], deregistrationDelay="30s"))
    lb.start()

    assert lb.state_of(a) == "draining"
    lb.wait_state(c, "healthy")
    assert {get(port).target for _ in range(10)} == {"b", "c"}
    assert lb.reloads() == {}


def test_the_clock_of_a_drain_goes_on_while_the_agent_is_dead(elbow: Start, targets: Targets, port: int) -> None:
    a, b = targets.many(2)
    lb = elbow(http(port, [a, b], deregistrationDelay="5s"))
    with Client(port) as client:
        client.send(b"GET /hold HTTP/1.1\r\nHost: web\r\n\r\n")
        until(lambda: a.held or b.held)
        leaving, staying = (a, b) if a.held else (b, a)
        lb.set_targets(addresses(staying))
        began = time.monotonic()
        before = lb.health_of(leaving)

        lb.restart_agent()

        assert lb.health_of(leaving) == before
        until(lambda: not client.is_open(), limit=15)
        took = time.monotonic() - began
    assert 4.0 < took < 5.0 + 2 * slowness()
    lb.wait_state(leaving, None)


def test_agents_killed_again_and_again_under_load_fail_no_request(elbow: Start, targets: Targets, port: int) -> None:
    four = targets.many(4)
    lb = elbow(http(port, four, deregistrationDelay="1s"))
    with Load(port) as load:
        for turn in range(4):
            lb.kill_agent()
            lb.write(http(port, four[turn % 2 :], deregistrationDelay="1s"))
            lb.start()
            load.wait_for(20)
    load.assert_clean(least=80)
    assert lb.reloads() == {}


def test_a_second_agent_of_the_same_run_directory_refuses_and_says_why(
    elbow: Start, targets: Targets, port: int
) -> None:
    lb = elbow(http(port, targets.many(1)))
    first = lb.process
    assert first is not None

    lb.start(wait=False)

    assert lb.process is not None
    assert lb.process.wait(20) == 1
    assert f"{lb.run_dir} is in use by another `elbow run`, process {first.pid}; stop that one" in lb.logs()
    assert answers(port)
    first.send_signal(signal.SIGKILL)
    first.wait()
    lb.start()
    assert lb.reloads() == {}


def test_the_file_that_haproxy_starts_from_follows_every_change(elbow: Start, targets: Targets, port: int) -> None:
    a, b, c = targets.many(3)
    lb = elbow(load_balancer([listener(port)], [group([a, b])]))
    a.health.status = 500
    lb.wait_state(a, "unhealthy")
    lb.set_targets(addresses(a, b, c))
    lb.wait_settled()

    def states() -> dict[str, str]:
        servers = re.findall(r"^  server \S+ (127\S+) .* init-state (\S+)$", lb.config(), re.MULTILINE)
        return dict(servers)

    until(
        lambda: states() == {f"{t.ip}:{t.port}": "fully-down" if t is a else "fully-up" for t in (a, b, c)},
        say="the file tells each target's health",
    )
