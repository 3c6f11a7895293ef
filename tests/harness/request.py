"""A request as a target received it."""

import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass
class Request:
    """Recorded as soon as its head is there; the body follows."""

    method: str
    target: str
    """The request target as it came: path and query."""
    version: str
    headers: list[tuple[str, str]]
    """Names and values in the order and spelling they came."""
    raw: bytes
    """The head as it came; empty for HTTP/2."""
    connection: int
    time: float = field(default_factory=time.monotonic)
    body: bytes = b""
    is_complete: bool = False
    """Whether the whole body arrived."""

    @property
    def path(self) -> str:
        """The path without the query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The first value of each parameter."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}

    def values(self, name: str) -> list[str]:
        """All values of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next(iter(self.values(name)), None)


def parse_head(raw: bytes, connection: int) -> Request:
    """Take the head of an HTTP/1 request apart; ValueError if it is none."""
    start, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, target, version = start.split(" ")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError(f"not a header: {line!r}")
        headers.append((name, value.strip(" \t")))
    return Request(method, target, version, headers, raw, connection)
