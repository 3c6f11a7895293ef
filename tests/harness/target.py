"""A target: what a load balancer sends requests to. Speaks HTTP/1, and HTTP/2 to those who begin with it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.behaviour import behaviour, health
from harness.exchange import Exchange
from harness.http1 import serve_http1
from harness.request import Request
from harness.server import Connection, Server


@dataclass
class Health:
    """How a target answers health checks; set its fields at any time."""

    path: str = "/healthz"
    """Requests for this path are checks, and kept apart from the others."""
    status: int = 200
    script: list[int] = field(default_factory=list)
    """What the next checks are answered, one after the other, before `status` counts."""
    delay: float = 0.0
    """Seconds before the answer."""
    mode: Literal["answer", "hang", "close", "reset", "garbage"] = "answer"
    body: bytes = b"ok\n"


class Target(Server):
    """A target that serves HTTP. Its behaviours by path are in behaviour.py."""

    def __init__(self, *listens: Any, idle_timeout: float = 75.0, **options: Any) -> None:
        self.requests: list[Request] = []
        """Every request since the start or the last forget(), health checks apart."""
        self.checks: list[Request] = []
        """Every health check."""
        self.health = Health()
        self.idle_timeout = idle_timeout
        """Seconds a kept connection may be silent before the target closes it."""
        self.status = 200
        """What plain paths answer."""
        self.delay = 0.0
        """Seconds before plain paths answer."""
        self.raw_answers: dict[str, bytes] = {}
        """Answers by path, sent as they are."""
        self.held: list[asyncio.Future[None]] = []
        """The requests waiting at /hold."""
        super().__init__(*listens, **options)

    def release(self) -> None:
        """Let the requests waiting at /hold go on."""
        self.background.call(self._release)

    def forget(self) -> None:
        """Forget what was recorded so far."""
        super().forget()
        self.requests, self.checks = [], []

    def record(self, request: Request) -> None:
        """Note a request that arrived."""
        (self.checks if request.path == self.health.path else self.requests).append(request)

    async def serve(self, connection: Connection) -> None:
        """Answer requests until the connection is over."""
        await serve_http1(self, connection)

    async def answer(self, exchange: Exchange) -> None:
        """Answer one request."""
        request = exchange.request
        if request.path == self.health.path:
            await health(exchange)
        elif request.path in self.raw_answers:
            await exchange.raw(self.raw_answers[request.path])
        else:
            await behaviour(request.path)(exchange)

    def _release(self) -> None:
        for released in self.held:
            if not released.done():
                released.set_result(None)


def addresses(*targets: Server, **fields: Any) -> list[dict[str, Any]]:
    """Targets as a manifest names them."""
    return [target.address(**fields) for target in targets]
