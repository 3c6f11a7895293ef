"""A small target: says its name over HTTP and TCP, and can be broken and mended.

HTTP: any path answers the target's name and zone; /slow?ms=3000 takes its time; /healthz is the health check;
POST /break makes the health check fail with 500 while everything else goes on, POST /mend ends that.
TCP: each line comes back with the target's name before it.
What was served since the last line is printed on stdout as JSON, twice a second. It ends when its stdin does.
"""

import json
import signal
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import parse_qs, urlsplit

TELL = 0.5
"""Seconds between two reports of what was served."""
GRACE = 0.4
"""Seconds from the end of listening to the end of the program; what runs may finish."""
_SLOWEST = 60_000  # milliseconds


class Life:
    """What the two servers of a target share."""

    def __init__(self, name: str, zone: str) -> None:
        self.name, self.zone = name, zone
        self.broken = False
        self.ends = threading.Event()
        self._served: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, what: str) -> None:
        """Count one request or connection."""
        with self._lock:
            self._served[what] += 1

    def taken(self) -> dict[str, int]:
        """What was counted since the last call."""
        with self._lock:
            served, self._served = self._served, Counter()
        return dict(served)


class Door(ThreadingTCPServer):
    """Stops listening without leaving anyone in the queue: whoever got in is served."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512
    _waiting = True

    def handle_timeout(self) -> None:
        """Nobody waits."""
        self._waiting = False

    def handle_error(self, *_: object) -> None:
        """Nothing: a client that went away is no news."""

    def close(self) -> None:
        """Let in who waits already, and nobody else."""
        self.shutdown()
        self.timeout = 0
        while self._waiting:
            self.handle_request()
        self.socket.close()


def http_door(life: Life, address: str, port: int) -> Door:
    """The HTTP server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body leave in one piece

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/healthz":
                return self._answer(*((500, "broken") if life.broken else (200, "well")))
            if parts.path == "/slow":
                asked = parse_qs(parts.query).get("ms", ["3000"])[0]
                time.sleep(min(int(asked) if asked.isdecimal() else 3000, _SLOWEST) / 1000)
            life.count("http")
            return self._answer(200, f"{life.name} in {life.zone}")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path in {"/break", "/mend"}:
                life.broken = self.path == "/break"
                return self._answer(200, f"{life.name} is {'broken' if life.broken else 'well'}")
            life.count("http")
            return self._answer(200, f"{life.name} in {life.zone}")

        def _answer(self, status: int, text: str) -> None:
            body = f"{text}\n".encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            if life.ends.is_set():
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Door((address, port), Handler)


def tcp_door(life: Life, address: str, port: int) -> Door:
    """The TCP server."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            life.count("tcp")
            for line in self.rfile:
                self.wfile.write(f"{life.name} in {life.zone}: ".encode() + line)

    return Door((address, port), Handler)


def main() -> None:
    """Serve until told to end: NAME ZONE ADDRESS HTTP_PORT TCP_PORT."""
    name, zone, address, http_port, tcp_port = sys.argv[1:]
    life = Life(name, zone)
    doors = (http_door(life, address, int(http_port)), tcp_door(life, address, int(tcp_port)))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: life.ends.set())
    for door in doors:
        threading.Thread(target=door.serve_forever, args=(0.05,), daemon=True).start()
    threading.Thread(target=_follow_parent, args=(life,), daemon=True).start()
    _tell(life)
    while not life.ends.wait(TELL):
        _tell(life)
    for door in doors:
        door.close()
    time.sleep(GRACE)
    _tell(life)


def _follow_parent(life: Life) -> None:
    sys.stdin.read()
    life.ends.set()


def _tell(life: Life) -> None:
    try:
        sys.stdout.write(json.dumps(life.taken()) + "\n")
        sys.stdout.flush()
    except OSError:
        life.ends.set()


if __name__ == "__main__":
    main()
