"""Who leads: one Lease, held by renewing it (coordination.k8s.io/v1).

The kubernetes package's own leader election can't create a Lease in release 37 (it sends a boolean its model refuses).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from elbow_api.timestamp import timestamp
from elbow_kube.client import ApiError, Client

log = logging.getLogger("elbow")

DURATION, RENEW = 12, 2.0
"""Seconds a leader that vanished is waited for, and between two renewals: another one leads within 15."""

Lease = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """A Lease as it was last seen to change, by this replica's own clock: clocks of others are not trusted."""

    record: tuple[str, str]
    at: float


def may_take(lease: Lease, seen: Seen | None, me: str, now: float) -> tuple[bool, Seen]:
    """Whether the Lease is free, ours, or hasn't changed for its duration."""
    spec = lease.get("spec") or {}
    record = (spec.get("holderIdentity") or "", spec.get("renewTime") or "")
    if seen is None or seen.record != record:
        seen = Seen(record, now)
    return record[0] in ("", me) or now >= seen.at + DURATION, seen


class Leadership:
    """Runs the work while this replica holds the Lease."""

    def __init__(self, client: Client, namespace: str, me: str) -> None:
        self.client = client
        self.me = me
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/elbow-operator"
        self._new: Lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "elbow-operator", "namespace": namespace},
            "spec": {},
        }
        self._seen: Seen | None = None
        self._reached = -DURATION * 1.0
        self.led_before: datetime | None = None
        """When the one that led before this one last said so; None if nobody did."""

    def is_current(self, now: float) -> bool:
        """Whether the Lease could be read of late, by the loop's clock."""
        return now < self._reached + DURATION

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for the Lease, work, and return when the work is done or the Lease is lost; it is free after that."""
        loop = asyncio.get_running_loop()
        while True:
            if await self._try(loop.time()):
                break
            await asyncio.sleep(RENEW)
        log.info("%s leads", self.me)
        try:
            await self._hold(work)
        finally:
            await self._release()

    async def _hold(self, work: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        working = asyncio.ensure_future(work())
        held = loop.time()
        try:
            while not working.done() and loop.time() < held + DURATION - RENEW:
                if await self._try(loop.time()):
                    held = loop.time()
                await asyncio.wait({working}, timeout=RENEW)
            if working.done():
                working.result()
            else:
                log.error("leadership is lost")
        finally:
            working.cancel()
            await asyncio.wait({working})

    async def _release(self) -> None:
        """Let another replica lead at once."""
        with suppress(ApiError, OSError, TimeoutError):
            lease = await self._current()
            if (lease.get("spec") or {}).get("holderIdentity") == self.me:
                await self._write(lease, "")

    async def _try(self, now: float) -> bool:
        try:
            lease = await self._current()
            self._reached = now
            free, self._seen = may_take(lease, self._seen, self.me, now)
            if free:
                await self._write(lease, self.me)
                self._remember(lease.get("spec") or {})
        except (ApiError, OSError, TimeoutError) as error:
            log.warning("the Lease can't be had: %s", error)
            return False
        return free

    def _remember(self, before: dict[str, Any]) -> None:
        if before.get("holderIdentity") != self.me and (renewed := before.get("renewTime")):
            self.led_before = datetime.fromisoformat(renewed)

    async def _current(self) -> Lease:
        try:
            return await self.client.get(self._path)
        except ApiError as error:
            if error.status != 404:
                raise
            return await self.client.create(self._new)

    async def _write(self, lease: Lease, holder: str) -> None:
        """The version makes sure that of two that try at once one fails."""
        time = timestamp(datetime.now(UTC), "microseconds")
        spec = {"holderIdentity": holder, "leaseDurationSeconds": DURATION, "renewTime": time}
        await self.client.replace({**lease, "spec": spec})
