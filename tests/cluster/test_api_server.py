"""The API server is away for a while: everything goes on, and what changed meanwhile is found afterwards."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.client import Client
from harness.cluster_objects import balancer
from harness.kube import Space, run, settled, who
from harness.load import Load
from harness.poll import until


def process() -> int:
    """The API server of this cluster, whose network these tests run in."""
    mine = Path("/proc/self/ns/net").stat().st_ino
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "comm").read_text().strip() == "kube-apiserver" and (entry / "ns/net").stat().st_ino == mine:
                return int(entry.name)
        except OSError:
            continue
    raise AssertionError("no API server")


@contextmanager
def silence() -> Iterator[None]:
    """Connections stay open, and nobody answers."""
    pid = process()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_while_it_is_silent_proxies_go_on_checking_and_serving_and_all_heals_after_it(web: Space) -> None:
    door = web.door("zone-a")
    (sick, *_) = web.pods("app=web")
    with Load(door[1], host=door[0], posts=False, pause=0.05) as load:
        with silence():
            began = time.monotonic()
            with Client(8080, sick["status"]["podIP"]) as client:
                assert client.request("POST", "/break").status == 200
            until(lambda: sick["metadata"]["name"] not in who(door, 12), limit=30, every=0.2, say="it gets nothing")
            # Longer than the leader's Lease: nobody leads meanwhile.
            load.wait_for(100)
            time.sleep(max(0.0, began + 16 - time.monotonic()))
        until(lambda: run("kubectl", "get", "--raw", "/readyz") == "ok", limit=60, every=0.5)
        with Client(8080, sick["status"]["podIP"]) as client:
            assert client.request("POST", "/mend").status == 200
        web.kubectl("scale", "deployment/web", "--replicas=5")
        settled(web, 5, limit=90)
        web.apply(balancer({"deregistrationDelay": "11s"}))
        settled(web, 5, limit=90)
    load.assert_clean(least=100)
