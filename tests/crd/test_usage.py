"""Usage, as a real API server keeps it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from elbow_api.usage import Counts, Usage, UsageReport
from elbow_kube.client import Client
from elbow_operator.meter import Meter
from harness.api_server import ApiServer

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

_LIST = "/api/v1/configmaps"
BEGIN = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)


class Life:
    """A load balancer's usage, and the time."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.key = ("default", name)
        self.now = BEGIN
        self.turned = 0

    async def lead(self) -> Meter:
        """Another operator."""
        meter = Meter(self.client, self._turn, lambda _: {"pod"}, lambda: self.now)
        await meter.load([_LIST], None)
        meter.lives(self.key, "u1")
        return meter

    def _turn(self, key: tuple[str, str]) -> None:
        self.turned += key == self.key

    async def later(self, meter: Meter, requests: int, **time: float) -> None:
        """So many requests are reported, and written after a time."""
        counts = Counts(requests=requests, new_connections=requests)
        report = UsageReport(stream=self.key[1], since="2026-11-30T23:30:00Z", usage=Usage(http=counts))
        meter.counted(("default", "pod"), self.key, report)
        self.now += timedelta(**time)
        for _ in range(4):
            await meter.write()


@pytest.fixture
async def client(api: ApiServer) -> AsyncIterator[Client]:
    async with api.client() as client:
        yield client


def kept(api: ApiServer, name: str) -> dict[str, str]:
    found: dict[str, str] = api.http.get(f"/api/v1/namespaces/default/configmaps/{name}").json()["data"]
    return found


def requests(api: ApiServer, name: str) -> dict[str, int]:
    """By hour, what isn't in a month yet."""
    hours = json.loads(kept(api, f"elbow-usage-{name}")["ledger"]).get("hours", {})
    return {hour: usage["http"]["requests"] for hour, usage in hours.items()}


async def test_it_is_written_read_again_and_moved_into_its_month(api: ApiServer, client: Client) -> None:
    life = Life(client, "web")
    meter = await life.lead()
    await life.later(meter, 5, seconds=20)
    assert requests(api, "web") == {"2026-11-30T23": 5}
    meter = await life.lead()
    await life.later(meter, 7, hours=1)
    assert kept(api, "elbow-usage-web.2026-11") == {
        "2026-11-30T23": '{"http":{"requests":7,"newConnections":7}}',
    }
    await life.later(meter, 9, hours=1)
    assert kept(api, "elbow-usage-web.2026-12").keys() == {"2026-12-01T00"}
    assert requests(api, "web") == {}
    assert life.turned == 2


async def test_a_leader_that_is_one_no_more_is_told_so_and_counts_nothing_twice(api: ApiServer, client: Client) -> None:
    life = Life(client, "two")
    old = await life.lead()
    await life.later(old, 5, seconds=20)
    new = await life.lead()
    await life.later(new, 8, seconds=20)
    await life.later(old, 9, seconds=20)
    await life.later(old, 9, seconds=20)
    await life.later(new, 9, seconds=20)
    assert requests(api, "two") == {"2026-11-30T23": 9}


async def test_old_months_are_deleted_and_the_rest_of_a_namespace_is_let_be(api: ApiServer, client: Client) -> None:
    for month in ("2025-09", "2025-10"):
        labels = {"elbow.dev/usage": month}
        metadata = {"name": f"elbow-usage-old.{month}", "namespace": "default", "labels": labels}
        await client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}})
    await (await Life(client, "old").lead()).write()
    names = {one["metadata"]["name"] for one in api.http.get("/api/v1/namespaces/default/configmaps").json()["items"]}
    assert "elbow-usage-old.2025-09" not in names
    assert "elbow-usage-old.2025-10" in names
