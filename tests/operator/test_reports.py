"""What proxies report, followed at their admin ports."""

import asyncio
from collections.abc import AsyncIterator

import elbow_operator.reports as module
import pytest
from elbow_api.proxy_report import ProxyReport
from elbow_api.usage import UsageReport
from elbow_operator.reports import Reports
from harness.observed import NOW, group_report
from harness.ports import Ports

POD, LB = ("shop", "elb-web-1"), ("shop", "web")


class Agent:
    """The admin port of a proxy, as far as reports go."""

    def __init__(self, address: str, port: int) -> None:
        self.address, self.port = address, port
        self.streams: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.address, self.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n")
        self.streams.append(writer)

    async def say(self, line: str) -> None:
        await until(lambda: bool(self.streams))
        self.streams[-1].write(line.encode() + b"\n")

    async def stop(self) -> None:
        self._server.close()
        for stream in self.streams:
            stream.close()


class Seen:
    """Reports that are followed, and how often a load balancer was said to have changed."""

    def __init__(self, port: int) -> None:
        self.news = 0
        self.usage: list[tuple[tuple[str, str], UsageReport]] = []
        self.reports = Reports(self._changed, self._counted, port)

    def _counted(self, pod: tuple[str, str], load_balancer: tuple[str, str], report: UsageReport) -> None:
        assert load_balancer == LB
        self.usage.append((pod, report))

    def _changed(self, load_balancer: tuple[str, str]) -> None:
        assert load_balancer == LB
        self.news += 1

    def generation(self) -> int | None:
        found = self.reports.newest.get(POD)
        return None if found is None else found.generation


async def until(what: object, limit: float = 10) -> None:
    async with asyncio.timeout(limit):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def line(generation: int, *, requests: int = 0, time: str = NOW) -> str:
    group = group_report(["healthy"]).model_copy(update={"requests": requests})
    given = {"name": "web", "namespace": "shop", "generation": generation, "converged": True, "ready": True}
    report = ProxyReport(**given, time=time, listeners=[], target_groups=[group], faults=[])
    return report.model_dump_json(by_alias=True, exclude_none=True)


@pytest.fixture
async def agent(ports: Ports) -> AsyncIterator[Agent]:
    agent = Agent("127.0.0.1", ports.take())
    await agent.start()
    yield agent
    await agent.stop()


@pytest.fixture
async def seen(agent: Agent) -> AsyncIterator[Seen]:
    seen = Seen(agent.port)
    seen.reports.follow(POD, agent.address, LB)
    yield seen
    await seen.reports.close()


async def test_the_newest_report_is_kept_and_told_of(agent: Agent, seen: Seen) -> None:
    await agent.say(line(1))
    await until(lambda: seen.generation() == 1)
    await agent.say(line(2))
    await until(lambda: seen.generation() == 2)
    assert seen.news == 2


async def test_counters_are_kept_and_are_no_news(agent: Agent, seen: Seen) -> None:
    await agent.say(line(1))
    await agent.say(line(1, requests=5, time="2026-01-01T00:00:09Z"))
    await until(lambda: (r := seen.reports.newest.get(POD)) is not None and r.target_groups[0].requests == 5)
    assert seen.news == 1


async def test_a_sign_of_life_is_no_report(agent: Agent, seen: Seen) -> None:
    await agent.say(line(1))
    await agent.say("")
    await agent.say(line(2))
    await until(lambda: seen.generation() == 2)
    assert seen.news == 2


async def test_what_cant_be_read_leaves_the_last_report(agent: Agent, seen: Seen) -> None:
    await agent.say(line(1))
    await agent.say("{nonsense")
    await agent.say(line(1, requests=1))
    await until(lambda: (r := seen.reports.newest.get(POD)) is not None and r.target_groups[0].requests == 1)
    assert seen.news == 1


async def test_a_pod_that_comes_back_with_another_address_is_followed_there(agent: Agent, seen: Seen) -> None:
    await agent.say(line(1))
    await until(lambda: seen.generation() == 1)
    other = Agent("127.0.0.2", agent.port)
    await other.start()
    seen.reports.follow(POD, other.address, LB)
    await other.say(line(7))
    await until(lambda: seen.generation() == 7)
    await agent.say(line(1, requests=3))  # the old address is nobody's any more
    await other.say(line(8))
    await until(lambda: seen.generation() == 8)
    await other.stop()


async def test_a_lost_stream_is_opened_again(agent: Agent, seen: Seen) -> None:
    await agent.say(line(1))
    await until(lambda: seen.generation() == 1)
    agent.streams.pop().close()
    await agent.say(line(2))
    await until(lambda: seen.generation() == 2)


async def test_a_proxy_that_is_silent_for_long_says_nothing_any_more(
    agent: Agent, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FORGET", 0.5)
    await agent.say(line(1))
    await until(lambda: seen.generation() == 1)
    await agent.stop()
    await until(lambda: seen.generation() is None)
    assert seen.news == 2


async def test_a_dropped_pod_is_forgotten(agent: Agent, seen: Seen) -> None:
    await agent.say(line(1))
    await until(lambda: seen.generation() == 1)
    seen.reports.drop(POD)
    assert seen.generation() is None


USAGE = '{"usage":{"stream":"s1","since":"2026-01-01T00:00:00Z","usage":{"http":{"requests":5}}}}'


async def test_what_is_billed_is_handed_on_and_is_no_report(agent: Agent, seen: Seen) -> None:
    await agent.say(USAGE)
    await until(lambda: bool(seen.usage))
    ((pod, told),) = seen.usage
    assert (pod, told.stream, told.usage.http.requests) == (POD, "s1", 5)
    assert seen.generation() is None
    assert seen.news == 0


async def test_a_pod_that_stops_is_followed_for_what_it_counts_and_still_serves_to_its_end(
    agent: Agent, seen: Seen
) -> None:
    await agent.say(line(1))
    await until(lambda: seen.generation() == 1)
    seen.reports.ends(POD)
    await agent.say(line(2))
    await agent.say(USAGE)
    await until(lambda: bool(seen.usage))
    assert seen.generation() == 2
    assert seen.reports.followed(LB) == {POD[1]}
    seen.reports.drop(POD)
    assert not seen.reports.followed(LB)
    assert seen.generation() is None
