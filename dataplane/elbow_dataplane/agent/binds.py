"""Whether the addresses of new listeners are free.

HAProxy shares a port with another HAProxy without a word, and what it says of a port that anyone else has names no listener.
"""

import errno
import re
import socket
from collections.abc import Iterator

from elbow_dataplane.haproxy.render.config import Skeleton

_BIND = re.compile(r"^  bind \[?([^\s\]]+?)\]?:(\d+)( |$)", re.MULTILINE)

Address = tuple[str, int]


def addresses(text: str) -> set[Address]:
    """Where a configuration listens."""
    return {(address, int(port)) for address, port, _ in _BIND.findall(text)}


def taken(frame: Skeleton, ours: set[Address]) -> list[str]:
    """What is in the way of each listener, apart from addresses that are ours already; of IPv4 and IPv6 alike it is said once."""
    found = [
        f"listener {listener}: {why}"
        for listener, address in _listeners(frame)
        if address not in ours and (why := _in_the_way(*address))
    ]
    return list(dict.fromkeys(found))


def _listeners(frame: Skeleton) -> Iterator[tuple[str, Address]]:
    for title, lines in frame.sections:
        kind, _, name = title.partition(" ls_")
        if kind == "frontend":
            for address in sorted(addresses("\n".join(lines))):
                yield name, address


def _in_the_way(address: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Connections that linger after their end are in nobody's way; a listening socket is.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(("" if address == "*" else address, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            where = "" if address in ("*", "::") else f" of {address}"
            return f"port {port}{where} is in use by another program"
        if error.errno == errno.EADDRNOTAVAIL:
            return f"{address} is no address of this machine"
    return ""  # what else there may be, HAProxy tells
