"""HTTP/2 as a target speaks it, with prior knowledge or by ALPN."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from harness.behaviour import BEFORE_THE_BODY
from harness.exchange import Exchange, Headers
from harness.request import Request

if TYPE_CHECKING:
    from harness.server import Connection
    from harness.target import Target


class Http2Exchange(Exchange):
    """A stream."""

    def __init__(self, session: Http2Session, request: Request, stream: int) -> None:
        super().__init__(session.target, session.connection, request)
        self.session, self.stream = session, stream

    async def start(self, status: int, headers: Headers, length: int | None) -> None:
        """Send the head."""
        lines = [(":status", str(status)), ("x-target", self.target.name)]
        lines += [("content-length", str(length))] if length is not None else []
        self.session.h2.send_headers(self.stream, lines + [(name.lower(), value) for name, value in headers])
        await self.session.flush()

    async def send(self, data: bytes) -> None:
        """Send a part of the body as the windows allow."""
        while data:
            room = min(self.session.h2.local_flow_control_window(self.stream), self.session.h2.max_outbound_frame_size)
            if room <= 0:
                self.session.room.clear()
                await self.session.room.wait()
                continue
            self.session.h2.send_data(self.stream, data[:room])
            data = data[room:]
            await self.session.flush()

    async def finish(self) -> None:
        """End the stream."""
        self.session.h2.end_stream(self.stream)
        await self.session.flush()

    async def raw(self, data: bytes) -> None:
        """HTTP/2 has no raw bytes."""
        raise NotImplementedError

    def close(self) -> None:
        """Reset the stream."""
        self.abort()

    def abort(self) -> None:
        """Reset the stream."""
        self.session.h2.reset_stream(self.stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        self.connection.writer.write(self.session.h2.data_to_send())

    def is_gone(self) -> bool:
        """Whether the other side ended the connection; a reset stream cancels its task."""
        return self.connection.reader.at_eof()


class Http2Session:
    """A connection with its streams."""

    def __init__(self, target: Target, connection: Connection) -> None:
        self.target, self.connection = target, connection
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
        self.room = asyncio.Event()
        self._exchanges: dict[int, Http2Exchange] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self, data: bytes) -> None:
        """Serve streams until the connection is over."""
        self.h2.initiate_connection()
        try:
            while data:
                for event in self.h2.receive_data(data):
                    self._handle(event)
                await self.flush()
                data = await self.connection.reader.read(65536)
            raise EOFError
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def flush(self) -> None:
        """Send what is due."""
        if data := self.h2.data_to_send():
            self.connection.writer.write(data)
            await self.connection.writer.drain()

    def _handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._request(event)
        elif isinstance(event, h2.events.DataReceived):
            request = self._exchanges[event.stream_id].request
            request.body += event.data
            self.connection.received += len(event.data)
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self._exchanges[event.stream_id].request.is_complete = True
            self._start(event.stream_id)
        elif isinstance(event, h2.events.StreamReset) and (task := self._tasks.get(event.stream_id)):
            task.cancel()
        self.room.set()  # WINDOW_UPDATE and SETTINGS may have made some

    def _request(self, event: h2.events.RequestReceived) -> None:
        headers = [(str(name), str(value)) for name, value in event.headers]
        pseudo = dict(headers)
        request = Request(pseudo[":method"], pseudo.get(":path", ""), "HTTP/2", headers, b"", self.connection.number)
        self.connection.requests += 1
        self.target.record(request)
        self._exchanges[event.stream_id] = Http2Exchange(self, request, event.stream_id)
        if request.path in BEFORE_THE_BODY:
            self._start(event.stream_id)

    def _start(self, stream: int) -> None:
        if stream not in self._tasks:
            self._tasks[stream] = asyncio.ensure_future(self._answer(self._exchanges[stream]))

    async def _answer(self, exchange: Http2Exchange) -> None:
        try:
            # A stream that the other side has reset meanwhile takes no more frames.
            with contextlib.suppress(h2.exceptions.StreamClosedError, OSError):
                await self.target.answer(exchange)
        except Exception as error:  # noqa: BLE001  (shown by the test that meets it)
            self.target.faults.append(f"{self.target.name}: {error!r}")
