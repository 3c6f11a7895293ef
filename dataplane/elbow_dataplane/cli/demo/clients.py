"""The demo's own clients: HTTP, HTTPS and TCP, a steady stream of each.

What they met since the last line is printed on stdout as JSON, four times a second. They end when their stdin does.
"""

import itertools
import json
import random
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection

TELL = 0.25
"""Seconds between two reports."""
_PATIENCE = 10.0
_CLIENTS = 3
_PAUSE = 0.06
"""Seconds a client waits between two requests, on average."""
_PER_CONNECTION = 20
_POST_EVERY = 5


class Tally:
    """What the clients of one listener met since it was last taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: dict[str, int] = {}
        self._errors: list[str] = []
        self._milliseconds: list[float] = []

    def served(self, code: str, seconds: float) -> None:
        """Count an answer."""
        with self._lock:
            self._codes[code] = self._codes.get(code, 0) + 1
            self._milliseconds.append(round(seconds * 1000, 2))

    def failed(self, why: str) -> None:
        """Count a request that was not served as it should."""
        with self._lock:
            self._errors.append(why)

    def taken(self) -> dict[str, object]:
        """What was counted since the last call."""
        with self._lock:
            met: dict[str, object] = {"codes": self._codes, "errors": self._errors, "milliseconds": self._milliseconds}
            self._codes, self._errors, self._milliseconds = {}, [], []
        return met


def http_client(connect: Callable[[], HTTPConnection], tally: Tally, ends: threading.Event) -> None:
    """Ask again and again, over a connection that is kept for some requests."""
    connection = connect()
    for number in itertools.count(1):
        if _pause(ends):
            break
        method = "POST" if number % _POST_EVERY == 0 else "GET"
        began = time.monotonic()
        try:
            connection.request(method, "/", body=b"x" * 100 if method == "POST" else None)
            response = connection.getresponse()
            body = response.read()
        except (OSError, HTTPException) as error:
            tally.failed(f"{method}: {error or type(error).__name__}")
            connection.close()
            continue
        tally.served(str(response.status), time.monotonic() - began)
        if response.status != 200:
            tally.failed(f"{method}: {response.status} {body[:80].decode(errors='replace').strip()}")
        if number % _PER_CONNECTION == 0:
            connection.close()
    connection.close()


def tcp_client(address: tuple[str, int], tally: Tally, ends: threading.Event) -> None:
    """Connect, say a line, hear it back, close; again and again."""
    while not _pause(ends):
        began = time.monotonic()
        try:
            with socket.create_connection(address, timeout=_PATIENCE) as connection:
                connection.sendall(b"hello\n")
                heard = connection.makefile("rb").readline()
        except OSError as error:
            tally.failed(str(error or type(error).__name__))
            continue
        if heard.endswith(b": hello\n"):
            tally.served("echoed", time.monotonic() - began)
        else:
            tally.failed("closed before the echo" if not heard else f"heard {heard!r}")


def main() -> None:
    """Ask until told to end: HOST HTTP_PORT HTTPS_PORT TCP_PORT CERTIFICATE."""
    host, http_port, https_port, tcp_port, certificate = sys.argv[1:]
    context = ssl.create_default_context(cafile=certificate)
    ends = threading.Event()
    tallies = {name: Tally() for name in ("http", "https", "tcp")}

    def plain() -> HTTPConnection:
        return HTTPConnection(host, int(http_port), timeout=_PATIENCE)

    def encrypted() -> HTTPConnection:
        return HTTPSConnection(host, int(https_port), timeout=_PATIENCE, context=context)

    threads = [threading.Thread(target=http_client, args=(plain, tallies["http"], ends)) for _ in range(_CLIENTS)]
    threads += [threading.Thread(target=http_client, args=(encrypted, tallies["https"], ends)) for _ in range(_CLIENTS)]
    threads += [
        threading.Thread(target=tcp_client, args=((host, int(tcp_port)), tallies["tcp"], ends)) for _ in range(_CLIENTS)
    ]
    for thread in threads:
        thread.start()
    threading.Thread(target=_follow_parent, args=(ends,), daemon=True).start()
    while not ends.wait(TELL):
        _tell(tallies, ends)
    for thread in threads:
        thread.join()
    _tell(tallies, ends)


def _pause(ends: threading.Event) -> bool:
    return ends.wait(random.uniform(0, 2 * _PAUSE))  # noqa: S311  (spreads the clients, no secret)


def _follow_parent(ends: threading.Event) -> None:
    sys.stdin.read()
    ends.set()


def _tell(tallies: dict[str, Tally], ends: threading.Event) -> None:
    try:
        sys.stdout.write(json.dumps({name: tally.taken() for name, tally in tallies.items()}) + "\n")
        sys.stdout.flush()
    except OSError:
        ends.set()


if __name__ == "__main__":
    main()
