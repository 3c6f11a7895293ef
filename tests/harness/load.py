"""Requests that go on beside a test, and a count of every one that failed, by kind."""

from __future__ import annotations

import asyncio
import itertools
import ssl
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

from harness.client import head
from harness.response import Response, body_length, parse_response_head


class Load:
    """Clients that send GET and POST by turns until the `with` block ends.

    `keep_alive` of them keep their connections, `fresh` ones make one for each request. Each waits `pause` seconds
    between requests: 5 clients at 10 ms are about 400 requests a second.
    """

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        keep_alive: int = 4,
        fresh: int = 2,
        path: str = "/",
        posts: bool = True,
        pause: float = 0.01,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        limit: float = 10.0,
    ) -> None:
        self.port, self.host, self.path, self.posts, self.pause, self.limit = port, host, path, posts, pause, limit
        self.tls, self.server_name = tls, server_name
        self.statuses: Counter[int] = Counter()
        """Whole responses, by status."""
        self.targets: Counter[str] = Counter()
        """Whole responses, by the target that made them; "" is the balancer itself."""
        self.failures: Counter[str] = Counter()
        """Everything else, by kind: refused, reset or closed and when, timeout, changed body."""
        self.closes = 0
        """Responses that asked to close the connection."""
        self.slowest = 0.0
        """Seconds the slowest whole response took."""
        self.events: list[str] = []
        """The first failures and responses of 500 and more, each with its time (time.time) and what is known of it."""
        self._clients = [(i, i < keep_alive) for i in range(keep_alive + fresh)]
        self._is_over = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Let requests in progress end, and stop."""
        self._is_over = True
        self._thread.join(self.limit + 5)
        assert not self._thread.is_alive(), "the load did not stop"

    @property
    def served(self) -> int:
        """Whole responses so far."""
        return self.statuses.total()

    def wait_for(self, more: int, *, limit: float = 20.0) -> None:
        """Return once so many more requests were served or failed."""
        goal, deadline = self.served + self.failures.total() + more, time.monotonic() + limit
        while self.served + self.failures.total() < goal:
            assert time.monotonic() < deadline, f"no {more} requests in {limit} s; {self}"
            time.sleep(0.01)

    def assert_clean(self, *, least: int = 1) -> None:
        """Every request was answered, whole and with 200, and there were at least so many."""
        bad = self.statuses.total() - self.statuses[200]
        assert not self.failures, f"{self}"
        assert not bad, f"{self}"
        assert self.served >= least, f"only {self.served} requests; {self}"

    def __str__(self) -> str:
        return "\n".join(
            [f"statuses {dict(self.statuses)}, failures {dict(self.failures)}, closes {self.closes}", *self.events]
        )

    async def _run(self) -> None:
        await asyncio.gather(*(self._client(number, keeps) for number, keeps in self._clients))

    async def _client(self, number: int, keeps: bool) -> None:
        connection: _Connection | None = None
        for turn in itertools.count():
            if self._is_over:
                break
            is_post = self.posts and turn % 2 == 1
            body = f"client {number} turn {turn} ".encode() * 20 if is_post else b""
            began, reused = time.monotonic(), connection is not None
            try:
                async with asyncio.timeout(self.limit):
                    connection = connection or await _Connection.open(self)
                    response = await connection.ask(
                        "POST" if is_post else "GET", "/echo" if is_post else self.path, body
                    )
                self._count(response, body, began)
                again = keeps and response.keeps_alive
            except (OSError, TimeoutError, EOFError, ValueError) as error:
                self._fail(error, connection, reused=reused)
                again = False
            if connection is not None and not again:
                connection.close()
                connection = None
            await asyncio.sleep(self.pause)
        if connection is not None:
            connection.close()

    def _count(self, response: Response, body: bytes, began: float) -> None:
        if body and response.status == 200 and response.body != body:
            raise ValueError("changed body")
        self.statuses[response.status] += 1
        self.targets[response.target or ""] += 1
        self.closes += not response.keeps_alive
        self.slowest = max(self.slowest, time.monotonic() - began)
        if response.status >= 500:
            self._note(f"{response.status} by {response.target or 'the balancer'}")

    def _fail(self, error: Exception, connection: _Connection | None, *, reused: bool) -> None:
        kinds: dict[type[Exception], str] = {
            ConnectionRefusedError: "refused",
            ConnectionResetError: "reset",
            TimeoutError: "timeout",
        }
        told = str(error) if isinstance(error, EOFError | ValueError) else repr(error)
        kind = kinds.get(type(error), told)
        if connection is not None:
            kind += f" {connection.stage}{' (kept connection)' if reused else ''}"
        self.failures[kind] += 1
        self._note(kind)

    def _note(self, what: str) -> None:
        if len(self.events) < 20:
            self.events.append(f"{time.time():.3f} {what}")


class _Connection:
    """One connection of the load."""

    stage = "connecting"

    def __init__(self, load: Load, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.authority, self.reader, self.writer = f"{load.server_name or load.host}:{load.port}", reader, writer

    @classmethod
    async def open(cls, load: Load) -> _Connection:
        name = (load.server_name or load.host) if load.tls else None
        return cls(load, *await asyncio.open_connection(load.host, load.port, ssl=load.tls, server_hostname=name))

    async def ask(self, method: str, path: str, body: bytes) -> Response:
        """Send a request and read the whole response; EOFError if it is cut."""
        self.stage = "before a response"
        self.writer.write(head(method, path, (), body, self.authority) + body)
        try:
            response = parse_response_head(await self.reader.readuntil(b"\r\n\r\n"))
            self.stage = "in a body"
            length = body_length(response, method)
            if length is None:
                while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                    response.body += (await self.reader.readexactly(size + 2))[:-2]
                await self.reader.readuntil(b"\r\n")
            else:
                response.body = await (self.reader.readexactly(length) if length >= 0 else self.reader.read(-1))
        except asyncio.IncompleteReadError:
            raise EOFError("closed") from None
        return response

    def close(self) -> None:
        self.writer.close()
