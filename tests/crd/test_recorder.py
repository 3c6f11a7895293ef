"""Events, as a real API server keeps them."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from elbow_operator.recorder import Recorder
from elbow_operator.status.events import Event
from elbow_operator.status.reason import Reason
from harness.api_server import ApiServer

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IMPAIRED = Event(True, Reason.ZONE_IMPAIRED, "zone zone-b gets no clients: TooFewHealthyTargets")
ACTIVE = Event(False, Reason.ZONE_ACTIVE, "zone zone-b gets clients")


def load_balancer(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "uid": f"uid-of-{name}"}
    return {"apiVersion": "elbow.dev/v1alpha1", "kind": "LoadBalancer", "metadata": metadata}


def kept(api: ApiServer, name: str) -> list[dict[str, Any]]:
    """The Events of a load balancer, as `kubectl describe` looks for them."""
    fields = f"involvedObject.name={name},involvedObject.kind=LoadBalancer,involvedObject.uid=uid-of-{name}"
    found: list[dict[str, Any]] = api.http.get(
        "/api/v1/namespaces/default/events", params={"fieldSelector": fields}
    ).json()["items"]
    return sorted(found, key=lambda event: event["reason"])


@pytest.fixture
async def recorder(api: ApiServer) -> AsyncIterator[Recorder]:
    async with api.client() as client:
        yield Recorder(client, "elbow-operator-1")


async def record(recorder: Recorder, name: str, events: Iterable[Event], *, after: float = 0) -> None:
    await recorder.record(load_balancer(name), events, NOW + timedelta(seconds=after))


async def test_what_happened_can_be_read_with_kubectl_describe(api: ApiServer, recorder: Recorder) -> None:
    await record(recorder, "one", [IMPAIRED, ACTIVE])
    active, impaired = kept(api, "one")
    assert (impaired["type"], impaired["reason"], impaired["message"]) == ("Warning", "ZoneImpaired", IMPAIRED.note)
    assert (active["type"], active["reason"], active["message"]) == ("Normal", "ZoneActive", ACTIVE.note)
    assert impaired["reportingComponent"] == "elbow.dev/operator"
    assert impaired["eventTime"] == "2026-01-01T00:00:00.000000Z"


async def test_what_happens_again_is_counted_and_written_once_a_minute(api: ApiServer, recorder: Recorder) -> None:
    for second in range(0, 130, 5):
        await record(recorder, "again", [IMPAIRED], after=second)
    (event,) = kept(api, "again")
    assert event["series"] == {"count": 25, "lastObservedTime": "2026-01-01T00:02:00.000000Z"}


async def test_another_replica_counts_on(api: ApiServer, recorder: Recorder) -> None:
    await record(recorder, "two", [IMPAIRED])
    async with api.client() as client:
        await record(Recorder(client, "elbow-operator-2"), "two", [IMPAIRED], after=300)
    (event,) = kept(api, "two")
    assert event["series"]["count"] == 2


async def test_an_event_that_cannot_be_written_is_no_failure(api: ApiServer, recorder: Recorder) -> None:
    resource = load_balancer("lost")
    resource["metadata"]["namespace"] = "there-is-none"
    await recorder.record(resource, [IMPAIRED], NOW)
    await record(recorder, "lost", [IMPAIRED])
    assert len(kept(api, "lost")) == 1
