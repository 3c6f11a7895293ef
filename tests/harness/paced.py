"""Requests at an even rate over kept connections, target and clients in one loop: it costs little, so it can be fast."""

import asyncio
import time
from typing import Any

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_END = b"\r\n\r\n"


class _Target(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(_ANSWER * data.count(_END))


class _Client(asyncio.Protocol):
    """One request at a time, each when it is due; one that is late follows at once."""

    def __init__(self, path: str, count: int, pause: float) -> None:
        self.request = f"GET {path} HTTP/1.1\r\nHost: web.example\r\n\r\n".encode()
        self.left, self.pause = count, pause
        self.answers = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport, self.due = transport, time.monotonic()
        self._ask()

    def _ask(self) -> None:
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if not data.endswith(b"ok"):
            return
        self.answers += data.startswith(b"HTTP/1.1 200")
        self.left -= 1
        if not self.left:
            self.transport.close()
            return
        self.due += self.pause
        asyncio.get_running_loop().call_at(self.due, self._ask)

    def connection_lost(self, _: Exception | None) -> None:
        self.over.set_result(None)


async def paced(port: int, count: int, rate: int, *, clients: int = 50) -> int:
    """Ask so often, at most so many times a second; returns how many were answered 200."""
    loop = asyncio.get_running_loop()
    made = []
    for number in range(clients):
        each = count // clients
        _, client = await loop.create_connection(
            lambda each=each, number=number: _Client(f"/{number}", each, clients / rate), "127.0.0.1", port
        )
        made.append(client)
    await asyncio.gather(*(client.over for client in made))
    return sum(client.answers for client in made)


async def target(port: int) -> asyncio.Server:
    """A target that answers everything with 200."""
    return await asyncio.get_running_loop().create_server(_Target, "127.0.0.1", port)
