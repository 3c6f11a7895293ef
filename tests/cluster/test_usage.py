"""What a load balancer is billed by on a real cluster: each request once, whatever ends meanwhile (docs/usage.md)."""

import json
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from elbow_api.ledger import KEY, Ledger, hour_of, open_name
from elbow_kube.object import Object
from harness.kube import Space, holder, leader, no_operator, process, run, settled
from harness.poll import until
from harness.traffic import Traffic, served

_WRITTEN = 75
"""Seconds until what was served stands in the cluster: 10 until a proxy tells it, 20 until it is written, and what a busy machine takes."""
_UNTOLD = 13
"""Seconds until an operator knows what a proxy did: 3 until its agent looks, 10 until it tells."""
_HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin is on the PATH."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def bill(space: Space) -> Object:
    """What `kubectl elb usage` tells of the load balancer; that of yesterday too, for who works around midnight."""
    since = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    told = json.loads(run("kubectl", "elb", "usage", "--from", since, "-n", space.name, "-o", "json"))
    (found,) = told["loadBalancers"]
    return dict(found)


def ledger(space: Space) -> Ledger:
    """What is written of hours that aren't over, and of each proxy."""
    return Ledger.model_validate_json(space.get("configmap", open_name("web"))["data"][KEY])


def by_proxy(space: Space) -> dict[str, int]:
    """How many requests each proxy that ever was is known to have counted."""
    return {name: stream.counted.http.requests for name, stream in ledger(space).streams.items()}


def assert_billed(till: Traffic) -> None:
    """Every request, and none twice."""
    until(
        lambda: till.is_all(bill(till.space)["requests"]),
        limit=_WRITTEN,
        every=2,
        say=lambda: f"{till}; that {bill(till.space)['requests']} are billed, by proxy {by_proxy(till.space)},",
    )


def hours(since: datetime) -> set[int]:
    """How many hours have begun since then, be it a moment ago or now."""
    first = since.replace(minute=0, second=0, microsecond=0)
    return {int((datetime.now(UTC) - delay - first) / _HOUR) + 1 for delay in (timedelta(0), timedelta(seconds=30))}


def an_hour_passes(space: Space) -> datetime:
    """Puts what is written an hour back, as nobody can wait for one; returns since when the load balancer is there now."""
    now = ledger(space)
    back = {hour: hour_of(datetime.fromisoformat(f"{hour}:00") - _HOUR) for hour in [now.hour, now.first, *now.hours]}
    lives = {uid: life.model_copy(update={"since": life.since - _HOUR}) for uid, life in now.lifetimes.items()}
    past = now.model_copy(
        update={
            "began": now.began - _HOUR,
            "hour": back[now.hour],
            "first": back[now.first],
            "hours": {back[hour]: usage for hour, usage in now.hours.items()},
            "lifetimes": lives,
        }
    )
    text = past.model_dump_json(by_alias=True, exclude_defaults=True)
    space.kubectl("patch", "configmap", open_name("web"), "--type=merge", "-p", json.dumps({"data": {KEY: text}}))
    (life,) = lives.values()
    return life.since.replace(microsecond=0)


def test_requests_served_while_a_proxys_pod_ends_and_an_agent_is_killed_are_billed_once(till: Traffic) -> None:
    till.flow_while_a_pod_ends_and_an_agent_is_killed()
    assert_billed(till)


def test_requests_served_while_the_operator_that_leads_is_killed_are_billed_once(till: Traffic) -> None:
    old = until(holder, limit=30, every=0.3)
    with till.flows() as loads:
        until(lambda: sum(by_proxy(till.space).values()), limit=_WRITTEN, every=1, say="some of it is written")
        os.kill(leader(old), signal.SIGKILL)
        until(lambda: holder() not in ("", old), limit=15, every=0.2, say="a new leader")
        served(*loads.values())
    assert_billed(till)


def test_an_hour_that_is_over_is_told_by_the_status_also_when_it_ended_without_an_operator(till: Traffic) -> None:
    with till.flows():
        pass
    assert_billed(till)
    before = bill(till.space)
    with no_operator():
        since = an_hour_passes(till.space)
        with till.flows():
            pass
    told = ("requests", "newConnections", "processedBytes")
    until(
        lambda: [till.space.status()["usage"][what] for what in told] == [before[what] for what in told],
        limit=60,
        every=0.5,
        say=f"the status tells {before}",
    )
    status = till.space.status()["usage"]
    assert datetime.fromisoformat(status["since"]) == since
    assert status["hours"] in hours(since)
    assert_billed(till)
    after = bill(till.space)
    assert after["hours"] in hours(since)
    assert after["hours"] > before["hours"]


def test_of_a_proxy_that_is_lost_all_but_its_last_seconds_is_billed(till: Traffic) -> None:
    (pod,) = till.space.proxies("zone-b")
    agent = process(pod, "elbow")
    with till.flows() as loads:
        load, marks = loads["zone-b"], list[tuple[float, int]]()

        def for_long() -> bool:
            marks.append((time.monotonic(), load.served))
            return marks[-1][0] > marks[0][0] + 2 * _UNTOLD

        until(for_long, limit=60, every=0.1)
        known = max(number for at, number in marks if at < marks[-1][0] - _UNTOLD)
        till.space.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
        until(lambda: not Path(f"/proc/{agent}").exists(), limit=60, every=0.1, say="the proxy's end")
        till.lost += load.served - known
        settled(till.space, 3)
        served(load)
    assert_billed(till)
