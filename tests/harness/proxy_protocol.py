"""The PROXY protocol, versions 1 and 2, as a target reads it and a balancer in front sends it."""

import ipaddress
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


@dataclass(frozen=True)
class ProxyHeader:
    """What a PROXY header said; an address is None for UNKNOWN and LOCAL."""

    version: int
    source: tuple[str, int] | None
    destination: tuple[str, int] | None
    raw: bytes


async def read_proxy_header(take: Callable[[int], Awaitable[bytes]]) -> ProxyHeader:
    """Read a header byte-exactly; `take(n)` returns exactly n bytes. ValueError if it is none."""
    raw = await take(12)
    if raw == SIGNATURE:
        return await _second(raw, take)
    if not raw.startswith(b"PROXY "):
        raise ValueError(f"no PROXY header: {raw!r}")
    while not raw.endswith(b"\r\n"):
        if len(raw) > 107:
            raise ValueError(f"PROXY header without an end: {raw!r}")
        raw += await take(1)
    words = raw.decode("ascii").split()
    if words[1] == "UNKNOWN":
        return ProxyHeader(1, None, None, raw)
    return ProxyHeader(1, (words[2], int(words[4])), (words[3], int(words[5])), raw)


async def _second(raw: bytes, take: Callable[[int], Awaitable[bytes]]) -> ProxyHeader:
    raw += await take(4)
    command, family, length = struct.unpack("!BBH", raw[12:])
    rest = await take(length)
    raw += rest
    if command & 0x0F == 0:
        return ProxyHeader(2, None, None, raw)
    size = 4 if family >> 4 == 1 else 16
    source, destination = (str(ipaddress.ip_address(rest[i : i + size])) for i in (0, size))
    ports = struct.unpack("!HH", rest[2 * size : 2 * size + 4])
    return ProxyHeader(2, (source, ports[0]), (destination, ports[1]), raw)


def header_v1(source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    """The header of version 1 for a connection over TCP and IPv4 or IPv6."""
    family = f"TCP{ipaddress.ip_address(source[0]).version}"
    return f"PROXY {family} {source[0]} {destination[0]} {source[1]} {destination[1]}\r\n".encode()


def header_v2(source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    """The header of version 2 for a connection over TCP and IPv4 or IPv6."""
    ends = [ipaddress.ip_address(ip).packed for ip, _ in (source, destination)]
    body = ends[0] + ends[1] + struct.pack("!HH", source[1], destination[1])
    return SIGNATURE + struct.pack("!BBH", 0x21, 0x11 if len(ends[0]) == 4 else 0x21, len(body)) + body
