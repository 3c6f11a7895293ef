"""What a real Prometheus makes of proxies that die and come back."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import Targets
from harness.client import get
from harness.elbow import Elbow
from harness.manifest import http
from harness.poll import until
from harness.ports import Ports
from harness.prometheus import of_this_machine, prometheus

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

_COUNTED = ("elb_request_count_total", "elb_target_request_count_total", "elb_target_response_time_seconds_count")


def test_sums_over_proxies_that_die_and_come_back_never_go_down_and_count_every_request_once(
    elbow: Callable[..., Elbow], targets: Targets, ports: Ports, tmp_path: Path
) -> None:
    two = targets.many(2)
    doors = {"a": ports.take(), "b": ports.take()}
    proxies = {pod: elbow(http(port, two)) for pod, port in doors.items()}
    served = dict.fromkeys(doors, 0)

    scrape = of_this_machine({pod: lb.admin for pod, lb in proxies.items()})
    with prometheus(tmp_path, ports, [scrape], {"groups": []}) as found:

        def serve(pod: str, times: int = 20) -> None:
            until(lambda: serves(proxies[pod]), limit=20, say=f"{pod} has healthy targets")
            for _ in range(times):
                assert get(doors[pod]).status == 200
            served[pod] += times
            for name in _COUNTED:
                until(
                    lambda name=name: found.totals(f'sum({name}{{pod="{pod}"}})') == [served[pod]],
                    limit=20,
                    every=0.3,
                    say=f"{name} of {pod} is {served[pod]}",
                )

        # It hears of its targets every 5 s: what comes before isn't seen at all.
        until(lambda: found.targets() == dict.fromkeys(doors, "up"), limit=60, every=0.3, say="both are scraped")
        for pod in doors:
            serve(pod)
        proxies["a"].restart_agent()
        serve("a")
        proxies["a"].edit(lambda spec: spec["listeners"][0].update(idleTimeout="59s"))  # a reload
        serve("a")
        before = {*proxies["b"].haproxies()}
        proxies["b"].kill_haproxy()
        until(lambda: not before & {*proxies["b"].haproxies()}, limit=20, say="the old ones are gone")
        serve("b")
        for name in _COUNTED:
            assert found.totals(f"sum({name})") == [sum(served.values())]
            assert found.totals(f"resets({name}[10m])") == [0] * len(found.query(name))
        (peak,) = found.totals("max_over_time(sum(elb_request_count_total)[10m:1s])")
        assert peak <= sum(served.values())


def serves(lb: Elbow) -> bool:
    """Whether HAProxy itself says that its targets are up; a request, and any answer to it, would be counted."""
    with suppress(ConnectionError):
        states = [row.split(",")[17] for row in lb.socket("show stat").splitlines() if row.startswith("tg_web,")]
        return states == ["UP"] * 3  # two servers, and the backend
    return False
