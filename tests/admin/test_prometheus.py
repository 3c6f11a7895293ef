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

    def serve(pod: str, times: int = 20) -> None:
        until(lambda: listens(doors[pod]), limit=20, say=f"{pod} listens")
        served[pod] += 1
        for _ in range(times):
            assert get(doors[pod]).status == 200
        served[pod] += times
        until(lambda: proxies[pod].listener().requests >= served[pod], limit=20, say="all of them are counted")

    scrape = of_this_machine({pod: lb.admin for pod, lb in proxies.items()})
    with prometheus(tmp_path, ports, [scrape], {"groups": []}) as found:
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
            until(
                lambda name=name: found.query(f"sum({name})")[0][1][0] == sum(served.values()),
                limit=20,
                every=0.3,
                say=f"{name} is {sum(served.values())}",
            )
            assert {metric["pod"]: values for metric, values in found.query(f"resets({name}[10m])")} == {
                "a": [0.0],
                "b": [0.0],
            }
        (peak,) = found.query("max_over_time(sum(elb_request_count_total)[10m:1s])")
        assert peak[1][0] <= sum(served.values())


def listens(port: int) -> bool:
    """Whether a request is answered; one that nobody listens for isn't sent."""
    with suppress(ConnectionRefusedError):
        return get(port).status == 200
    return False
