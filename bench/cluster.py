"""Elbow on the real cluster: how soon a change is everywhere. Runs inside it; see scripts/bench-cluster."""

import datetime as dt
import json
import os
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from harness.cluster_objects import balancer
from harness.kube import Space, answers, api, no_operator, run
from harness.poll import until

from bench import report
from bench.agent import Figure, text
from bench.machine import commit, description

_ROOT = Path(__file__).resolve().parents[1]
_ZONES = ("zone-a", "zone-b", "zone-c")
_CHANGES, _SPECS, _STARTS = 60, 40, 5
_PAUSE = 0.005
_GROUP = {"targets": {"service": {"name": "many", "port": 80}}, "healthCheck": {"interval": "30s", "timeout": "5s"}}
_METHOD = """Four nodes in three zones on this one machine (docs/cluster.md), a proxy in each zone, all of it on the same cores as the API server, the load
of the measuring itself, and whatever else the machine does. A change of an EndpointSlice counts from when its write is sent until every
zone's HAProxy has the server, read from its socket every 5 ms. A change of the spec counts from when its write is answered until a watch tells Programmed at
the new generation; every second one takes a reload. A start counts from `kubectl apply` until a NodePort answers a request; images are on the nodes."""


class Api:
    """The API server."""

    def __init__(self) -> None:
        self.http = api()

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A merge patch."""
        answer = self.http.patch(path, json=body, headers={"Content-Type": "application/merge-patch+json"})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


class HAProxy:
    """One proxy's HAProxy, by its socket in the pod's run directory."""

    def __init__(self, uid: str) -> None:
        self._path = f"/proc/{_haproxy_of(uid)}/root/run/elbow/haproxy.sock"

    def has(self, ip: str) -> bool:
        """Whether a target takes requests; cheaper than to read them all."""
        return any(_takes_requests(line.split()) for line in self._told().splitlines() if f" {ip} " in line)

    def has_many(self, count: int) -> bool:
        """Whether so many targets take requests; with fewer lines, none needs to be read."""
        lines = self._told().splitlines()
        return len(lines) >= count and sum(_takes_requests(line.split()) for line in lines) >= count

    def count(self) -> int:
        """How many targets take requests."""
        return sum(_takes_requests(line.split()) for line in self._told().splitlines())

    def _told(self) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._path)
            connection.sendall(b"show servers state tg_web\n")
            data = b""
            while more := connection.recv(1 << 20):
                data += more
        return data.decode()


def _takes_requests(row: list[str]) -> bool:
    in_maintenance = 1
    return len(row) > 7 and row[1] == "tg_web" and not int(row[6]) & in_maintenance


def _haproxy_of(uid: str) -> int:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "comm").read_text() == "haproxy\n" and uid in (entry / "cgroup").read_text().replace("_", "-"):
                return int(entry.name)
        except OSError:
            continue
    raise AssertionError(f"no HAProxy of pod {uid}")


class Fleet:
    """The proxies of all zones."""

    def __init__(self, space: Space) -> None:
        self.members = [HAProxy(pod["metadata"]["uid"]) for zone in _ZONES for pod in space.proxies(zone)]

    def until(self, holds: Callable[[HAProxy], bool], write: Callable[[], object]) -> float:
        """Seconds from before the write until it holds in every one of them."""
        seen: list[float] = []

        def follow(member: HAProxy) -> None:
            end = time.perf_counter() + 30
            while time.perf_counter() < end:
                if holds(member):
                    seen.append(time.perf_counter())
                    return
                time.sleep(_PAUSE)

        threads = [threading.Thread(target=follow, args=(member,)) for member in self.members]
        for thread in threads:
            thread.start()
        began = time.perf_counter()
        write()
        for thread in threads:
            thread.join()
        assert len(seen) == len(self.members), "a change doesn't reach every HAProxy"
        return max(seen) - began


def _address(number: int) -> str:
    return f"198.18.{number // 250}.{number % 250 + 1}"


def _slice(space: Space, name: str, numbers: range) -> tuple[str, dict[str, Any]]:
    endpoints = [{"addresses": [_address(n)], "conditions": {"ready": True}} for n in numbers]
    path = f"/apis/discovery.k8s.io/v1/namespaces/{space.name}/endpointslices/{name}"
    return path, {"endpoints": endpoints}


def _new_slice(name: str, numbers: range) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": "many"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [{"addresses": [_address(n)], "conditions": {"ready": True}} for n in numbers],
    }


def _place() -> Space:
    """A namespace with a Service whose endpoints are written by hand, and a LoadBalancer over it."""
    space = Space(f"bench-{os.getpid()}")
    run("kubectl", "create", "namespace", space.name)
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "many"}, "spec": {"ports": ports}}
    space.apply(service, _new_slice("many-0", range(100)))
    space.apply(balancer(_GROUP))
    space.wait("condition=Programmed", "lb/web")
    return space


def _changes(api: Api, space: Space, when: str) -> Iterator[Figure]:
    fleet = Fleet(space)
    extra, took = _address(100), []
    for n in range(_CHANGES):
        comes = n % 2 == 0
        path, body = _slice(space, "many-0", range(101 if comes else 100))
        took.append(fleet.until(lambda member, comes=comes: member.has(extra) == comes, lambda: api.patch(path, body)))  # noqa: B023
        time.sleep(0.4)
    yield from _quantiles(f"an endpoint comes or goes at 100{when}: in every zone's HAProxy", took, 30, 100)


def _thousand(server: Api, space: Space) -> Iterator[Figure]:
    fleet, took = Fleet(space), []
    path = f"/apis/discovery.k8s.io/v1/namespaces/{space.name}/endpointslices"
    for _ in range(3):

        def write() -> None:
            for n in range(100, 1000, 100):
                answer = server.http.post(path, json=_new_slice(f"more-{n}", range(n, n + 100)))
                assert answer.status_code == 201, answer.text

        took.append(fleet.until(lambda member: member.has_many(1000), write))
        space.kubectl("delete", "endpointslice", *(f"more-{n}" for n in range(100, 1000, 100)))
        until(lambda: all(member.count() == 100 for member in fleet.members), limit=60, every=0.2)
    note = "nine more slices, one after the other; the API server's time is in it"
    yield Figure(
        "from 100 to 1,000 endpoints, in every zone's HAProxy", statistics.median(took) * 1000, "ms", 1000, note
    )


def _programmed(api: Api, space: Space) -> Iterator[Figure]:
    path, took = f"/apis/elbow.dev/v1alpha1/namespaces/{space.name}/loadbalancers/web", []
    http = {"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "web"}
    for n in range(_SPECS):
        idle = {"idleTimeout": f"{60 + n}s"} if n % 2 else {}  # a listener's timers take a reload
        spec = {"listeners": [{**http, **idle}], "deregistrationDelay": None}
        group = {**balancer(_GROUP)["spec"]["targetGroups"][0], "deregistrationDelay": f"{10 + n}s"}
        took.append(_until_programmed(api, path, {"spec": {"listeners": spec["listeners"], "targetGroups": [group]}}))
        time.sleep(1.2)
    yield from _quantiles("a change of the spec, until Programmed", took, None, 1000)


def _until_programmed(api: Api, path: str, body: dict[str, Any]) -> float:
    base, _, name = path.rpartition("/")
    version = api.http.get(path).json()["metadata"]["resourceVersion"]
    generation: list[int] = []
    answered: list[float] = []

    def write() -> None:
        time.sleep(0.1)
        found = api.patch(path, body)
        answered.append(time.perf_counter())
        generation.append(found["metadata"]["generation"])

    writer = threading.Thread(target=write)
    writer.start()
    query = {"watch": "1", "fieldSelector": f"metadata.name={name}", "resourceVersion": version, "timeoutSeconds": "30"}
    with api.http.stream("GET", base, params=query) as response:
        for line in response.iter_lines():
            status = json.loads(line)["object"].get("status", {})
            done = [c for c in status.get("conditions", []) if c["type"] == "Programmed" and c["status"] == "True"]
            if generation and done and done[0]["observedGeneration"] >= generation[0]:
                writer.join()
                return time.perf_counter() - answered[0]
    raise AssertionError("it isn't programmed within 30 s")


def _starts(space: Space) -> Iterator[Figure]:
    took = []
    space.serve("quick", 3)
    for n in range(_STARTS):
        name = f"start-{n}"
        began = time.perf_counter()
        space.apply(balancer({"targets": {"service": {"name": "quick", "port": 80}}}, name=name))

        def door(name: str = name) -> tuple[str, int]:
            ports = space.get("service", f"elb-{name}-zone-a")["spec"]["ports"]
            return "10.89.0.11" if _on(space, name, "a1") else "10.89.0.12", ports[0]["nodePort"]

        until(answers(door), limit=90, every=0.05, say=f"{name} answers")
        took.append(time.perf_counter() - began)
        space.kubectl("delete", "lb", name)
        until(lambda name=name: not space.proxies(lb=name), limit=90, every=0.3)
    note = f"of {_STARTS}: {', '.join(f'{each:.1f}' for each in took)} s"
    yield Figure("apply, until the first request is served", statistics.median(took), "s", 5, note)


def _on(space: Space, name: str, node: str) -> bool:
    return any(pod["spec"].get("nodeName") == node for pod in space.proxies("zone-a", name))


def _quantiles(name: str, seconds: list[float], half: float | None, most: float | None) -> Iterator[Figure]:
    values = sorted(value * 1000 for value in seconds)
    last = values[min(len(values) - 1, round(0.99 * len(values)))]
    note = f"min {values[0]:.0f}, max {values[-1]:.0f}, {len(values)} changes"
    yield Figure(f"{name}, p50", statistics.median(values), "ms", half, note)
    yield Figure(f"{name}, p99", last, "ms", most, note)


def measure() -> Iterator[Figure]:
    """All figures."""
    server, space = Api(), _place()
    try:
        yield from _changes(server, space, "")
        with no_operator():
            yield from _changes(server, space, ", with no operator")
        yield from _thousand(server, space)
        yield from _programmed(server, space)
        yield from _starts(space)
    finally:
        run("kubectl", "delete", "namespace", space.name, "--wait=false")


def main() -> None:
    """Measure, and write it down."""
    figures = []
    for figure in measure():
        figures.append(figure)
        print(figure, file=sys.stderr, flush=True)
    base = _ROOT / "bench" / "results" / f"{dt.datetime.now(tz=dt.UTC).date()}-cluster"
    version = json.loads(run("kubectl", "version", "-o", "json"))["serverVersion"]["gitVersion"]
    busy = f"Kubernetes {version}. Load average at the end: {os.getloadavg()[1]:.1f}."
    header = f"# {base.name}\n\nElbow {commit()}. {description()}. {busy}\n\n{_METHOD}\n"
    body = text(figures, "The cluster")
    report.write(base, header, body, [figure.row() | {"scenario": "cluster"} for figure in figures])
    print(body)


if __name__ == "__main__":
    main()
