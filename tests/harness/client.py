"""An HTTP/1 client of exact bytes: one connection, nothing done behind the test's back."""

import socket
import ssl
import struct
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

from harness.response import Response, body_length, parse_response_head

Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class Closed(Exception):
    """The other side ended the connection; the message says when and how."""


class Client:
    """A connection to host:port; every call has the time limit, in seconds."""

    def __init__(
        self,
        port: int,
        host: str = "127.0.0.1",
        *,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        source: str | None = None,
        limit: float = 15.0,
        first: bytes = b"",
    ) -> None:
        raw = socket.create_connection((host, port), limit, (source, 0) if source else None)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.sendall(first)  # a PROXY header comes before TLS
        self.socket = tls.wrap_socket(raw, server_hostname=server_name or host) if tls else raw
        self.authority = f"{server_name or host}:{port}"
        self.buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def address(self) -> tuple[str, int]:
        """This end's address and port."""
        name = self.socket.getsockname()
        return name[0], name[1]

    def request(self, method: str = "GET", path: str = "/", headers: Headers = (), body: bytes = b"") -> Response:
        """Send a request and read its response. Host and Content-Length are added where they are missing."""
        self.send(head(method, path, headers, body, self.authority) + body)
        return self.read(method)

    def get(self, path: str = "/", headers: Headers = ()) -> Response:
        """GET."""
        return self.request("GET", path, headers)

    def post(self, path: str = "/echo", body: bytes = b"body", headers: Headers = ()) -> Response:
        """POST."""
        return self.request("POST", path, headers, body)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def end(self) -> None:
        """Send FIN and go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def read(self, method: str = "GET") -> Response:
        """Read one response. Closed if it doesn't come whole; the error's second argument is what came."""
        response = self.read_head()
        length = body_length(response, method)
        try:
            if length is None:
                while chunk := self.read_chunk():
                    response.body += chunk
            elif length >= 0:
                response.body = self._exactly(length)
            else:
                while data := self._more("in a body"):
                    response.body += data
        except Closed as error:
            response.body += self.buffer
            raise Closed(str(error), response) from None
        response.is_complete = True
        return response

    def read_head(self) -> Response:
        """Read the head of the final response, and the interim ones before it."""
        interim: list[int] = []
        while True:
            response = parse_response_head(self._until(b"\r\n\r\n"))
            if response.status >= 200 or response.status == 101:
                response.interim = interim
                return response
            interim.append(response.status)

    def read_chunk(self) -> bytes:
        """Read one chunk of a chunked body; empty at its end."""
        size = int(self._until(b"\r\n").split(b";")[0], 16)
        if size == 0:
            while self._until(b"\r\n") != b"\r\n":
                pass
            return b""
        return self._exactly(size + 2)[:-2]

    def is_open(self) -> bool:
        """Whether the other side hasn't ended the connection, as of now."""
        before = self.socket.gettimeout()
        self.socket.settimeout(0)
        try:
            data = self.socket.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        finally:
            self.socket.settimeout(before)
        self.buffer += data
        return bool(data)

    def read_to_end(self) -> bytes:
        """Read until the other side ends the connection; Closed if by RST."""
        data, self.buffer = self.buffer, b""
        while more := self._more("before the end"):
            data += more
        return data

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def reset(self) -> None:
        """End the connection by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            data = self._more("before a response")
            if not data:
                raise Closed("closed in a head" if self.buffer else "closed before a response")
            self.buffer += data
        got, _, self.buffer = self.buffer.partition(end)
        return got + end

    def _exactly(self, size: int) -> bytes:
        parts, have = [self.buffer], len(self.buffer)
        self.buffer = b""
        while have < size:
            data = self._more("in a body")
            if not data:
                self.buffer = b"".join(parts)
                raise Closed("closed in a body")
            parts.append(data)
            have += len(data)
        whole = b"".join(parts)
        self.buffer = whole[size:]
        return whole[:size]

    def _more(self, when: str) -> bytes:
        try:
            return self.socket.recv(262144)
        except ConnectionResetError:
            raise Closed(f"reset {when}") from None
        except ssl.SSLEOFError:
            raise Closed(f"closed without close_notify {when}") from None


def head(method: str, path: str, headers: Headers, body: bytes, authority: str) -> bytes:
    """The bytes of a request's head."""
    lines = list(headers.items() if isinstance(headers, Mapping) else headers)
    names = {name.lower() for name, _ in lines}
    if "host" not in names:
        lines.insert(0, ("Host", authority))
    if body and not names & {"content-length", "transfer-encoding"}:
        lines.append(("Content-Length", str(len(body))))
    text = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"{method} {path} HTTP/1.1\r\n{text}\r\n".encode("latin-1")


def get(port: int, path: str = "/", headers: Headers = (), *, host: str = "127.0.0.1") -> Response:
    """One GET on a connection of its own."""
    with Client(port, host) as client:
        return client.get(path, headers)


def post(port: int, path: str = "/echo", body: bytes = b"body", headers: Headers = ()) -> Response:
    """One POST on a connection of its own."""
    with Client(port) as client:
        return client.post(path, body, headers)
