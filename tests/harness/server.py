"""A listening socket that a test controls; what is said on a connection is its subclass's business."""

import asyncio
import contextlib
import itertools
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.background import Background
from harness.proxy_protocol import ProxyHeader, read_proxy_header

_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER that makes close() send RST


@dataclass
class Connection:
    """One accepted connection, open or over."""

    number: int
    peer: tuple[str, int]
    opened: float
    """time.monotonic() when it was accepted."""
    closed: float | None = None
    ended_by: Literal["peer", "reset", "target"] | None = None
    requests: int = 0
    proxy: ProxyHeader | None = None
    received: int = 0
    reader: asyncio.StreamReader = field(repr=False, default=None)  # set once TLS is done
    writer: asyncio.StreamWriter = field(repr=False, default=None)

    def abort(self) -> None:
        """End it with RST."""
        if self.writer is not None:
            self.ended_by = "target"
            raw = self.writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            self.writer.transport.abort()


class Server:
    """Listens at ip:port. Methods may be called from the test's thread at any time."""

    def __init__(
        self,
        background: Background,
        name: str,
        ip: str,
        port: int,
        *,
        zone: str | None = None,
        tls: ssl.SSLContext | None = None,
        proxy_protocol: bool = False,
    ) -> None:
        self.background = background
        self.name, self.ip, self.port, self.zone = name, ip, port, zone
        self.tls, self.proxy_protocol = tls, proxy_protocol
        self.connections: list[Connection] = []
        """Every connection since the start or the last forget()."""
        self.faults: list[str] = []
        """What went wrong in the target itself; tests end with none."""
        self.on_accept: Literal["serve", "hang", "reset"] = "serve"
        """What new connections get: service, silence, or RST."""
        self._numbers = itertools.count(1)
        self._listener: socket.socket | None = None
        self._tasks: dict[asyncio.Task[None], Connection] = {}
        self.listen()

    def listen(self) -> None:
        """Accept connections (again)."""
        if self._listener is None:
            listener = socket.socket(socket.AF_INET6 if ":" in self.ip else socket.AF_INET)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.ip, self.port))
            listener.listen(1024)
            listener.setblocking(False)
            self._listener = listener
            self.background.call(self._start)

    def refuse(self) -> None:
        """Close the listening socket: new connections are refused, open ones go on."""
        self.background.call(self._refuse)

    def reset_connections(self) -> None:
        """End all open connections with RST."""
        self.background.call(self._reset)

    def die(self) -> None:
        """Refuse new connections and end open ones with RST, as a killed process does."""
        self.refuse()
        self.reset_connections()

    def stop(self) -> None:
        """Close everything."""
        self.background.run(self._stop())

    def forget(self) -> None:
        """Forget what was recorded so far."""
        self.connections = [c for c in self.connections if c.closed is None]

    @property
    def open_connections(self) -> list[Connection]:
        """The connections still open."""
        return [c for c in self.connections if c.closed is None]

    def address(self, **fields: Any) -> dict[str, Any]:
        """The target as a manifest names it; fields such as weight are added, None leaves one out."""
        entry: dict[str, Any] = {"ip": self.ip, "port": self.port, "zone": self.zone} | fields
        return {key: value for key, value in entry.items() if value is not None}

    async def serve(self, connection: Connection) -> None:
        """Talk on one connection until it is over."""
        raise NotImplementedError

    def _start(self) -> None:
        assert self._listener is not None
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def _refuse(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _reset(self) -> None:
        for task, connection in list(self._tasks.items()):
            connection.abort()
            task.cancel()

    async def _stop(self) -> None:
        self._refuse()
        self._reset()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, listener: socket.socket) -> None:
        # No await between a connection and its task: a connection that nobody knows would stay open, unanswered.
        try:
            raw, peer = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        raw.setblocking(False)
        connection = Connection(next(self._numbers), peer[:2], time.monotonic())
        self.connections.append(connection)
        task = asyncio.get_running_loop().create_task(self._handle(raw, connection))
        self._tasks[task] = connection
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def _handle(self, raw: socket.socket, connection: Connection) -> None:
        try:
            await self._greet(raw, connection)
            if connection.writer is not None:
                await self.serve(connection)
        except (ConnectionResetError, BrokenPipeError):
            connection.ended_by = connection.ended_by or "reset"
        except (asyncio.IncompleteReadError, ssl.SSLError, ConnectionAbortedError, TimeoutError, EOFError):
            connection.ended_by = connection.ended_by or "peer"
        except Exception as error:  # noqa: BLE001  (shown by the test that meets it)
            self.faults.append(f"{self.name}: {error!r}")
        finally:
            connection.ended_by = connection.ended_by or "target"
            if connection.writer is not None:
                connection.writer.close()
            else:
                raw.close()
            connection.closed = time.monotonic()

    async def _greet(self, raw: socket.socket, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        if self.on_accept == "reset":
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            return
        if self.on_accept == "hang":
            await asyncio.Event().wait()
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.proxy_protocol:
            connection.proxy = await read_proxy_header(lambda size: _exactly(raw, size))
        reader = asyncio.StreamReader(limit=1 << 22, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, raw, ssl=self.tls)
        connection.reader = reader
        connection.writer = asyncio.StreamWriter(transport, protocol, reader, loop)


async def _exactly(raw: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        more = await asyncio.get_running_loop().sock_recv(raw, size - len(got))
        if not more:
            raise EOFError
        got += more
    return got
