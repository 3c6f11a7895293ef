"""Changes that come together: each is sent at once, and what became of them is read back once. Against a proxy of lists."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

from elbow_api.fault import Refused
from elbow_dataplane.agent.agent import Agent
from elbow_dataplane.agent.memory import Past
from elbow_dataplane.agent.state import Known
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.model.desired import Desired
from elbow_dataplane.model.target import Target
from harness.proxy_config import config

ENGINE = Engine(Path("/run/elbow"), b"secret", threads=2, max_connections=1000)


class FakeProxy:
    """Notes how many targets it was to have, by what was done for it."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []
        self.sent, self.read = asyncio.Event(), asyncio.Event()
        self.newest: Known | None = None
        self.reloads: Counter[str] = Counter()
        self.snapshot, self.workers, self.finishing, self.finishes = None, 1, frozenset[Any](), False
        self.memory, self.runtime = self, self

    async def hurry(self, known: Known) -> bool:
        self.done.append(("sent", len(known.registration.targets["web"])))
        self.sent.set()
        return True

    async def converge(self, known: Known) -> tuple[Known, bool]:
        self.done.append(("read", len(known.registration.targets["web"])))
        self.newest = known
        self.read.set()
        return known, True

    async def count(self, _: Known) -> None: ...

    async def is_there(self) -> bool:
        return True

    def recall(self, _: object) -> Past:
        return Past()

    async def events(self) -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield ""

    def let_go(self) -> None: ...


class Running:
    """An agent over a fake proxy, fed by hand."""

    def __init__(self) -> None:
        self.proxy = FakeProxy()
        self.agent = Agent(ENGINE, None, None)
        self.agent.proxy = self.proxy
        self.inputs: asyncio.Queue[Desired | Refused] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.agent.run(self._changes()))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})

    async def _changes(self) -> AsyncIterator[Desired | Refused]:
        while True:
            yield await self.inputs.get()

    def want(self, count: int, certificate: bytes = b"") -> None:
        targets = tuple(Target(f"10.0.0.{n}", 80) for n in range(count))
        self.inputs.put_nowait(Desired(config(), {"web": targets}, {"http-0.pem": certificate}))

    async def until_sent(self, count: int) -> None:
        """Wait until HAProxy was sent so many targets."""
        while ("sent", count) not in self.proxy.done:
            self.proxy.sent.clear()
            await self.proxy.sent.wait()

    async def until_read(self) -> list[tuple[str, int]]:
        """What was done until HAProxy was read back the next time."""
        await self.proxy.read.wait()
        self.proxy.read.clear()
        done, self.proxy.done = self.proxy.done, []
        return done


async def test_changes_that_come_together_are_each_sent_at_once_and_read_back_once() -> None:
    async with asyncio.timeout(10), Running() as running:
        running.want(1)
        assert await running.until_read() == [("read", 1)]

        running.want(2)
        await running.until_sent(2)
        running.want(3)
        await running.until_sent(3)
        running.want(2)

        assert await running.until_read() == [("sent", 2), ("sent", 3), ("sent", 2), ("read", 2)]


async def test_a_target_that_was_sent_and_is_gone_before_it_was_read_back_drains_all_the_same() -> None:
    async with asyncio.timeout(10), Running() as running:
        running.want(1)
        await running.until_read()

        running.want(2)
        await running.until_sent(2)
        running.want(1)
        await running.until_read()

        assert running.proxy.newest is not None
        assert list(running.proxy.newest.registration.drains) == [("web", ("10.0.0.1", 80))]


async def test_changes_without_end_are_read_back_too() -> None:
    async def change_for_ever(running: Running) -> None:
        count = 1
        while True:
            running.want(count := 3 - count)
            await asyncio.sleep(0.005)

    async with asyncio.timeout(10), Running() as running:
        running.want(1)
        await running.until_read()
        changing = asyncio.create_task(change_for_ever(running))

        done = await running.until_read()

        assert len(done) > 10, "most are gathered"
        changing.cancel()


async def test_targets_that_come_with_another_certificate_are_not_sent_before_it_is_accepted() -> None:
    async with asyncio.timeout(10), Running() as running:
        running.want(1)
        await running.until_read()

        running.want(2, b"another")

        assert await running.until_read() == [("read", 2)]
