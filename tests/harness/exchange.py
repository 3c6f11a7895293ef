"""One request and its answer, whatever the version of HTTP."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from harness.request import Request

if TYPE_CHECKING:
    from harness.server import Connection
    from harness.target import Target

Headers = list[tuple[str, str]]


class Exchange(ABC):
    """What a behaviour answers with."""

    def __init__(self, target: Target, connection: Connection, request: Request) -> None:
        self.target, self.connection, self.request = target, connection, request

    async def answer(self, status: int, body: bytes = b"", headers: Headers | None = None) -> None:
        """Send a whole answer, with the target's name in X-Target."""
        await self.start(status, headers or [], len(body))
        if self.request.method != "HEAD":
            await self.send(body)
        await self.finish()

    async def wait(self, seconds: float) -> None:
        """Pause; ConnectionResetError as soon as the other side is gone."""
        released: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = asyncio.get_running_loop().call_later(seconds, released.cancel)
        try:
            await self.wait_for(released)
        finally:
            timer.cancel()

    async def wait_for(self, released: asyncio.Future[None]) -> None:
        """Wait for a future; ConnectionResetError as soon as the other side is gone."""
        while not released.done():
            await asyncio.wait([released], timeout=0.02)
            if self.is_gone():
                raise ConnectionResetError

    @abstractmethod
    async def start(self, status: int, headers: Headers, length: int | None) -> None:
        """Send the head; without a length the body is chunked."""

    @abstractmethod
    async def send(self, data: bytes) -> None:
        """Send a part of the body."""

    @abstractmethod
    async def finish(self) -> None:
        """End the body."""

    @abstractmethod
    async def raw(self, data: bytes) -> None:
        """Send bytes as they are; HTTP/1 only."""

    @abstractmethod
    def close(self) -> None:
        """End without another byte: FIN, or RST_STREAM."""

    @abstractmethod
    def abort(self) -> None:
        """End with RST, or RST_STREAM."""

    @abstractmethod
    def is_gone(self) -> bool:
        """Whether the other side ended it."""
