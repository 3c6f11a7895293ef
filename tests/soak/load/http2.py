"""HTTP/2 by the h2 library: many streams on a connection, and what GOAWAY allows."""

import asyncio
import random
import ssl
import struct
import time
import zlib
from dataclasses import dataclass, field

from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived, StreamEnded, StreamReset

from soak.load.http import NAME, evenly
from soak.load.ledger import Ledger, Wrong

_GOAWAY, _HEAD, _REFUSED = 7, 9, 7
_MOST_STREAMS = 5000
"""A connection is left after so many, as clients do."""
_PATIENCE = 5.0
"""After so many seconds in which nothing came, though something is awaited, a PING is sent; after as many again the connection is lost."""


class Unprocessed(Exception):
    """The server said that it did nothing with the request: it may be sent again (RFC 9113, 8.7)."""


@dataclass
class Answer:
    """A response while it comes."""

    done: asyncio.Future[None]
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class Connection:
    """One connection; after GOAWAY it finishes the streams it has."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, patience: float = _PATIENCE
    ) -> None:
        self.reader, self.writer, self.host, self.patience = reader, writer, host, patience
        self.h2 = H2Connection()
        self.answers: dict[int, Answer] = {}
        self.is_going = False
        self._rest = b""
        self.h2.initiate_connection()
        self._flush()
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, address: str, port: int, tls: ssl.SSLContext, host: str) -> "Connection":
        made = asyncio.open_connection(address, port, ssl=tls, server_hostname=host)
        reader, writer = await asyncio.wait_for(made, 5)
        return cls(reader, writer, host)

    @property
    def takes_more(self) -> bool:
        """Whether another request may go over it: not if as many are under way as the peer allows."""
        return not self.is_going and self.h2.open_outbound_streams < self.h2.remote_settings.max_concurrent_streams

    def leave(self) -> None:
        """What is under way ends; nothing more goes over it."""
        self.is_going = True
        self._close_if_done()

    async def ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        stream = self.h2.get_next_available_stream_id()
        answer = self.answers[stream] = Answer(asyncio.get_running_loop().create_future())
        names = {":method": method, ":scheme": "https", ":authority": self.host, ":path": path}
        try:
            self.h2.send_headers(stream, list(names.items()), end_stream=not body)
            if body:
                self.h2.send_data(stream, body, end_stream=True)  # fails at once where the peer's window is used up
            if stream > 2 * _MOST_STREAMS:
                self.is_going = True
            self._flush()
            await answer.done
        finally:
            self.answers.pop(stream, None)
            self._close_if_done()
        return answer

    def _flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    async def _read(self) -> None:
        why: Exception = EOFError("closed")
        try:
            while data := await self._heard():
                for event in self.h2.receive_data(self._without_goaway(data)):
                    self._take(event)
                self._flush()
        except Exception as error:  # noqa: BLE001 - whatever ends a connection ends what is on it
            why = error
        self.is_going = True
        for answer in self.answers.values():
            if not answer.done.done():
                answer.done.set_exception(EOFError(f"connection {why!r}"))
        self.writer.close()

    async def _heard(self) -> bytes:
        """What comes next; TimeoutError if the peer doesn't even answer a PING. Nobody tells of a machine without power."""
        pinged = False
        while True:
            try:
                async with asyncio.timeout(self.patience):
                    return await self.reader.read(65536)
            except TimeoutError:
                if pinged:
                    raise
            if self.answers:
                self.h2.ping(b"are you?")
                self._flush()
                pinged = True

    def _without_goaway(self, data: bytes) -> bytes:
        """The library closes its books at GOAWAY, though streams under way go on: it isn't told."""
        data, out = self._rest + data, b""
        while len(data) >= _HEAD:
            size = _HEAD + int.from_bytes(data[:3])
            if len(data) < size:
                break
            if data[3] == _GOAWAY:
                self._goaway(*struct.unpack("!II", data[_HEAD : _HEAD + 8]))
            else:
                out += data[:size]
            data = data[size:]
        self._rest = data
        return out

    def _goaway(self, last: int, code: int) -> None:
        self.is_going = True
        for stream, answer in list(self.answers.items()):
            if stream > (last & 0x7FFFFFFF) and not answer.done.done():
                answer.done.set_exception(Unprocessed(f"GOAWAY {code}"))
        self._close_if_done()

    def _take(self, event: Event) -> None:
        answer = self.answers.get(getattr(event, "stream_id", 0) or 0)
        if isinstance(event, DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if answer is None or answer.done.done():
            return
        if isinstance(event, ResponseReceived):
            answer.headers = {_text(k): _text(v) for k, v in event.headers}
        elif isinstance(event, DataReceived):
            answer.body += event.data
        elif isinstance(event, StreamEnded):
            answer.done.set_result(None)
        elif isinstance(event, StreamReset):
            refused = event.error_code == _REFUSED
            answer.done.set_exception(Unprocessed() if refused else EOFError(f"stream reset {event.error_code!r}"))

    def _close_if_done(self) -> None:
        if self.is_going and not self.answers:
            self.writer.close()


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


async def streams(ledger: Ledger, door: str, address: str, port: int, tls: ssl.SSLContext, pause: float) -> None:
    """A connection with several requests on it at a time; a new one when it is told to go."""
    connection: Connection | None = None
    tasks: set[asyncio.Task[None]] = set()

    async def one(turn: int) -> None:
        nonlocal connection
        async with ledger.request("HTTP/2", door):
            end = time.monotonic() + 20
            while True:
                async with opening:
                    if connection is None or not connection.takes_more:
                        if connection is not None:
                            connection.leave()
                        connection = await Connection.open(address, port, tls, NAME)
                    mine = connection
                try:
                    await _once(mine, turn)
                except Unprocessed:
                    ledger.of("HTTP/2", door).repeated += 1
                    if time.monotonic() > end:
                        raise
                    mine.is_going = True
                    continue
                except BaseException:
                    mine.is_going = True  # it may be dead, and nobody tells: what comes next goes over another one
                    raise
                return

    opening = asyncio.Lock()
    async for turn in evenly(ledger, pause):
        task = asyncio.create_task(one(turn))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)


async def _once(connection: Connection, turn: int) -> None:
    body = random.randbytes(random.randrange(16, 4096)) if turn % 3 == 0 else b""
    answer = await connection.ask("POST" if body else "GET", f"/turn/{turn}", body)
    status = answer.headers.get(":status")
    if status != "200":
        raise Wrong(f"{status} by {answer.headers.get('x-target') or 'the balancer'}")
    if body and f'"crc": {zlib.crc32(body)}'.encode() not in bytes(answer.body):
        raise Wrong("changed body")
