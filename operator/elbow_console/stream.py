"""Server-sent events: what the page shows, sent as it changes."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from typing import Any

from aiohttp import web

from elbow_console.live import Live
from elbow_console.scraper import Scraper
from elbow_console.view.balancer import balancer
from elbow_console.view.balancers import balancers
from elbow_console.view.series import Series
from elbow_console.view.snapshot import Key

_HEARTBEAT = 10.0
_LEAST = 0.2
"""Seconds between two looks: of a burst of changes the last is sent."""


class Feed:
    """What one page has been sent; says what is new."""

    def __init__(self, live: Live, scraper: Scraper, wanted: Key | None, series: Series | None) -> None:
        self.live, self.scraper, self.wanted, self.series = live, scraper, wanted, series
        self._sent: dict[str, str] = {}
        self._until = 0.0

    def news(self) -> list[tuple[str, str]]:
        """Events by name, and their data, of all that differs from what was sent."""
        snapshot = self.live.snapshot
        shown: dict[str, Any] = {"cluster": self._cluster()}
        if self.wanted is None:
            shown["balancers"] = balancers(snapshot)
        else:
            shown["balancer"] = balancer(snapshot, self.wanted)
        texts = {name: json.dumps(value) for name, value in shown.items()}
        found = [(name, text) for name, text in texts.items() if self._sent.get(name) != text]
        self._sent.update(texts)
        if self.series is not None and (points := self.series.since(self._until))["times"]:
            self._until = points["times"][-1]
            found.append(("points", json.dumps(points)))
        return found

    def _cluster(self) -> dict[str, Any]:
        away = self.live.away
        return {
            "server": self.live.client.host,
            "namespace": self.live.namespace,
            "away": {"since": away.since, "message": away.message} if away else None,
            "metricsRefused": self.scraper.refused if self.wanted else "",
        }


async def feed(live: Live, scraper: Scraper, wanted: Key | None) -> AsyncGenerator[list[tuple[str, str]], None]:
    """What is new, for ever; an empty list now and then tells that the console lives."""
    async with AsyncExitStack() as stack:
        series = await stack.enter_async_context(scraper.look(wanted)) if wanted else None
        page, version = Feed(live, scraper, wanted, series), live.version
        while True:
            yield page.news()
            await asyncio.sleep(_LEAST)
            version = await live.newer(version, _HEARTBEAT)


async def send(request: web.Request, live: Live, scraper: Scraper, wanted: Key | None) -> web.StreamResponse:
    """Answer a request with events until the page is closed."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    try:
        async with aclosing(feed(live, scraper, wanted)) as found:
            async for events in found:
                told = "".join(f"event: {name}\ndata: {data}\n\n" for name, data in events)
                await response.write((told or ": alive\n\n").encode())
    except ConnectionResetError:
        pass
    return response
