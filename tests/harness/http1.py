"""HTTP/1 as a target speaks it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from websockets.server import ServerProtocol

from harness.behaviour import BEFORE_THE_BODY
from harness.exchange import Exchange, Headers
from harness.request import Request, parse_head

if TYPE_CHECKING:
    from websockets.frames import Frame

    from harness.server import Connection
    from harness.target import Target

PREFACE = b"PRI * HTTP/2.0\r\n\r\n"


class Http1Exchange(Exchange):
    """A request on a connection of its own turn."""

    is_over = False
    _chunked = False

    async def start(self, status: int, headers: Headers, length: int | None) -> None:
        """Send the head."""
        self._chunked = length is None
        reason = HTTPStatus(status).phrase if status in list(HTTPStatus) else "Status"
        framing = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))
        if status < 200 or status in (204, 304):
            framing = ("X-Framing", "none")
        lines = [("X-Target", self.target.name), framing, *headers]
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        await self.raw(f"HTTP/1.1 {status} {reason}\r\n{head}\r\n".encode("latin-1"))

    async def send(self, data: bytes) -> None:
        """Send a part of the body."""
        if data:
            await self.raw(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)

    async def finish(self) -> None:
        """End the body."""
        if self._chunked:
            await self.raw(b"0\r\n\r\n")

    async def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.connection.writer.write(data)
        await self.connection.writer.drain()

    def close(self) -> None:
        """End the connection with FIN."""
        self.is_over = True
        self.connection.writer.close()

    def abort(self) -> None:
        """End the connection with RST."""
        self.is_over = True
        self.connection.abort()

    def is_gone(self) -> bool:
        """Whether the other side ended the connection."""
        return self.connection.reader.at_eof() or self.connection.writer.transport.is_closing()


async def serve_http1(target: Target, connection: Connection) -> None:
    """Answer requests until the connection is over; hands over to HTTP/2 at its preface."""
    reader = connection.reader
    while True:
        try:
            # A connection that was never used is not kept yet.
            async with asyncio.timeout(target.idle_timeout if connection.requests else 75):
                head = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            return None
        if head == PREFACE:
            return await _http2(target, connection)
        request = parse_head(head, connection.number)
        connection.requests += 1
        target.record(request)
        exchange = Http1Exchange(target, connection, request)
        if (request.header("Upgrade") or "").lower() == "websocket":
            return await _websocket(exchange)
        early = request.path in BEFORE_THE_BODY
        if not early:
            await _read_body(exchange)
        await exchange.target.answer(exchange)
        if exchange.is_over or early or not _keeps_alive(request):
            return None


async def _http2(target: Target, connection: Connection) -> None:
    from harness.http2 import Http2Session  # noqa: PLC0415  (one is made of the other)

    await connection.reader.readexactly(6)
    await Http2Session(target, connection).run(PREFACE + b"SM\r\n\r\n")


async def _read_body(exchange: Http1Exchange) -> None:
    request, reader = exchange.request, exchange.connection.reader
    if (request.header("Expect") or "").lower() == "100-continue":
        await exchange.raw(b"HTTP/1.1 100 Continue\r\n\r\n")
    parts: list[bytes] = []
    try:
        if "chunked" in (request.header("Transfer-Encoding") or "").lower():
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                parts.append(await reader.readexactly(size))
                await reader.readexactly(2)
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass
        elif length := int(request.header("Content-Length") or 0):
            parts.append(await reader.readexactly(length))
    except asyncio.IncompleteReadError as error:
        parts.append(error.partial)
        raise
    finally:
        request.body = b"".join(parts)
        exchange.connection.received += len(request.body)
    request.is_complete = True


def _keeps_alive(request: Request) -> bool:
    word = (request.header("Connection") or "").lower()
    return "close" not in word and (request.version == "HTTP/1.1" or "keep-alive" in word)


async def _websocket(exchange: Http1Exchange) -> None:
    """Echo messages as they come until the other side closes."""
    protocol = ServerProtocol()
    protocol.receive_data(exchange.request.raw)
    response = protocol.accept(protocol.events_received()[0])
    response.headers["X-Target"] = exchange.target.name
    protocol.send_response(response)
    exchange.request.is_complete = True
    while True:
        for data in protocol.data_to_send():
            if data:
                await exchange.raw(data)
        if protocol.close_expected():
            return
        data = await exchange.connection.reader.read(65536)
        if not data:
            raise EOFError
        protocol.receive_data(data)
        for frame in protocol.events_received():
            _echo(protocol, frame)


def _echo(protocol: ServerProtocol, frame: Frame) -> None:
    send = {0: protocol.send_continuation, 1: protocol.send_text, 2: protocol.send_binary}.get(frame.opcode)
    if send is not None:
        send(bytes(frame.data), frame.fin)
