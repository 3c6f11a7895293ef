"""A proxy that stops is billed to its last request."""

import asyncio
import os
import threading
from collections.abc import Callable

from elbow_api.usage import UsageReport
from elbow_dataplane.agent.admin import Admin
from elbow_dataplane.agent.agent import Agent
from elbow_dataplane.agent.process import Process
from elbow_dataplane.cli.place import find_haproxy
from elbow_dataplane.cli.proxy import _finish
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.sources.file import FileSource
from harness.client import Client, get
from harness.elbow import Elbow
from harness.manifest import http
from harness.targets import Targets

from usage.told import usage_reports

Start = Callable[..., Elbow]


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


class Proxy:
    """The agent of a pod's proxy, in this process, over the HAProxy that `lb` started."""

    def __init__(self, lb: Elbow) -> None:
        engine = Engine(
            run=lb.run_dir,
            secret=lb.secret_file.read_bytes().strip(),
            threads=len(os.sched_getaffinity(0)),
            max_connections=1000,
            identity="test",
            addresses=("127.0.0.1",),
        )
        self.agent = Agent(engine, None, Process(find_haproxy(), engine))
        self.source = FileSource(lb.file)

    async def serve(self) -> None:
        self._work = asyncio.ensure_future(self.agent.run(self.source.changes()))
        await until(lambda: self.agent.view.converged)
        self.door = Admin(self.agent, "127.0.0.1", 0)

    async def stop(self) -> None:
        """No more looks: what comes after this is the end."""
        self._work.cancel()
        await asyncio.wait({self._work})

    def requests(self) -> int:
        told = self.agent.counters.usage()
        assert told is not None
        return told.usage.http.requests


class Follower:
    """An operator, as far as usage goes."""

    def __init__(self, door: Admin) -> None:
        self.told: list[UsageReport] = []
        port = int(door.address.rpartition(":")[2])
        self._thread = threading.Thread(target=lambda: self.told.extend(usage_reports(port, 60)))
        self._thread.start()

    async def end(self) -> int:
        """How many requests it was told of last."""
        await asyncio.to_thread(self._thread.join, 60)
        return self.told[-1].usage.http.requests


async def test_requests_of_its_last_moments_are_counted_and_told(elbow: Start, targets: Targets, port: int) -> None:
    (a,) = targets.many(1)
    lb = elbow(http(port, [a]))
    lb.kill_agent()
    proxy = Proxy(lb)
    await proxy.serve()
    follower = Follower(proxy.door)
    await until(lambda: follower.told)
    with Client(port, limit=60) as slow:
        await proxy.stop()
        for _ in range(3):
            await asyncio.to_thread(get, port)
        slow.send(b"GET /hold HTTP/1.1\r\nHost: web\r\n\r\n")
        await until(lambda: a.held)
        ending = asyncio.ensure_future(_finish(proxy.agent, 60.0))
        await until(lambda: proxy.requests() >= 3)
        a.release()
        assert (await asyncio.to_thread(slow.read)).status == 200
        await ending
    assert proxy.requests() == 4
    await asyncio.to_thread(proxy.door.tell_last, 0.0)
    assert await follower.end() == 4
    proxy.door.close()


async def test_it_waits_for_somebody_to_tell_but_not_for_ever(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, targets.many(1)))
    lb.kill_agent()
    proxy = Proxy(lb)
    await proxy.serve()
    await asyncio.to_thread(get, port)
    await until(lambda: proxy.requests() == 1)
    await proxy.stop()
    await asyncio.to_thread(proxy.door.tell_last, 0.2)  # nobody comes
    waiting = asyncio.ensure_future(asyncio.to_thread(proxy.door.tell_last, 30.0))
    await asyncio.sleep(0)
    assert not waiting.done()
    follower = Follower(proxy.door)
    await asyncio.wait_for(waiting, 20)
    assert await follower.end() == 1
    proxy.door.close()
