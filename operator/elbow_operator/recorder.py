"""Writes Events (events.k8s.io/v1); what happens again is counted in the Event there is."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from elbow_api.timestamp import timestamp
from elbow_kube.client import ApiError, Client, path_of
from elbow_kube.object import Object

from elbow_operator.status.events import Event

log = logging.getLogger("elbow")

_CONTROLLER = "elbow.dev/operator"
_SPACING = timedelta(seconds=60)
_KEPT = timedelta(hours=1)  # as long as the API server keeps an Event
_LONGEST = 1024


@dataclass
class _Series:
    count: int
    written: datetime


class Recorder:
    """Tells what happened; an Event that can't be written is not worth more than a line in the log."""

    def __init__(self, client: Client, identity: str) -> None:
        self._client = client
        self._identity = identity[:128]
        self._known: dict[str, _Series] = {}

    async def record(self, resource: Object, events: Iterable[Event], now: datetime) -> None:
        """Write what happened to a load balancer."""
        for event in events:
            try:
                await self._record(self._document(resource, event, now), now)
            except (ApiError, OSError, TimeoutError) as error:
                log.warning("an Event can't be written: %s", error)

    async def _record(self, document: Object, now: datetime) -> None:
        name = document["metadata"]["name"]
        self._known = {key: series for key, series in self._known.items() if now < series.written + _KEPT}
        series = self._known.get(name)
        if series is None:
            self._known[name] = await self._create(document, now)
            return
        series.count += 1
        if now >= series.written + _SPACING:
            await self._count(document, series, now)

    async def _create(self, document: Object, now: datetime) -> _Series:
        try:
            await self._client.create(document)
        except ApiError as error:
            if error.status != 409:
                raise
            there = await self._client.get(path_of(document))  # another replica wrote it
            series = _Series((there.get("series") or {}).get("count", 1) + 1, now)
            await self._count(document, series, now)
            return series
        return _Series(1, now)

    async def _count(self, document: Object, series: _Series, now: datetime) -> None:
        series.written = now
        change = {"series": {"count": series.count, "lastObservedTime": timestamp(now, "microseconds")}}
        await self._client.merge(document, change)

    def _document(self, resource: Object, event: Event, now: datetime) -> Object:
        metadata = resource["metadata"]
        same = "\n".join((metadata["uid"], event.reason, event.note))
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name']}.{hashlib.sha256(same.encode()).hexdigest()[:16]}",
                "namespace": metadata["namespace"],
            },
            "regarding": {
                "apiVersion": resource["apiVersion"],
                "kind": resource["kind"],
                **{key: metadata[key] for key in ("name", "namespace", "uid")},
            },
            "type": "Warning" if event.warning else "Normal",
            "reason": event.reason.value,
            "action": "Reconcile",
            "note": event.note[:_LONGEST],
            "eventTime": timestamp(now, "microseconds"),
            "reportingController": _CONTROLLER,
            "reportingInstance": self._identity,
        }
