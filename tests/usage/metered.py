"""A meter, the API server it writes to, and the time."""

from datetime import UTC, datetime, timedelta
from typing import cast

from elbow_api.ledger import Ledger
from elbow_api.usage import Counts, Usage, UsageReport
from elbow_kube.client import Client
from elbow_operator.meter import Meter

from usage.fake_store import LIST, FakeStore

LB = ("shop", "web")
BEGIN = datetime(2026, 11, 30, 22, 30, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def report(stream: str, requests: int, since: datetime) -> UsageReport:
    counts = Counts(requests=requests, new_connections=requests, processed_bytes=1000 * requests)
    return UsageReport(stream=stream, since=since.isoformat(), usage=Usage(http=counts))


class Cluster:
    """The API server, the time, and the meter of the operator that leads."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.now = BEGIN
        self.pods = {"pod"}
        self.turned: list[tuple[str, str]] = []
        self.meter = self.another()

    def another(self) -> Meter:
        client = cast("Client", self.store)
        return Meter(client, self.turned.append, lambda _: self.pods, lambda: self.now)

    async def lead(self) -> None:
        """Another operator leads from now on."""
        self.meter = self.another()
        await self.meter.load([LIST], self.now)

    def counted(self, requests: int, stream: str = "s1", pod: str = "pod") -> None:
        self.meter.counted(("shop", pod), LB, report(stream, requests, BEGIN))

    async def later(self, time: timedelta) -> None:
        """So much later, with all written that is due."""
        self.now += time
        for _ in range(4):
            await self.meter.write()

    def ledger(self) -> Ledger:
        return Ledger.model_validate_json(self.store.data("elbow-usage-web")["ledger"])

    def billed(self) -> int:
        return billed(self.store)


def billed(store: FakeStore) -> int:
    """All requests that are written down."""
    hours: dict[str, Usage] = {}
    for document in store.objects.values():
        for key, text in document["data"].items():
            if key[:2] == "20":
                hours[key] = Usage.model_validate_json(text)
    for document in store.objects.values():
        if "ledger" in document["data"]:
            hours |= Ledger.model_validate_json(document["data"]["ledger"]).hours
    return sum(usage.http.requests for usage in hours.values())
