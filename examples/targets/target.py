#!/usr/bin/env python3
"""A small program to put behind a load balancer. Needs nothing but Python.

    python3 target.py --name a --zone zone-a --http 127.0.0.1:8081 --tcp 127.0.0.1:9081

HTTP answers its name and zone, and what it saw of the request:
    GET /healthz       200, or 503 while it is broken
    GET /slow?ms=500   the answer after a while
    POST /break        health checks fail from now on; other requests are still answered
    POST /mend         health checks succeed again
TCP greets with the name and echoes. Its health is told by /healthz, too.
"""

import argparse
import json
import signal
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit


class Http(BaseHTTPRequestHandler):
    """The HTTP side."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120  # longer than a load balancer keeps an idle connection: the target is never first to close one
    about: ClassVar[dict[str, str]] = {}
    is_broken = False

    def do_GET(self) -> None:
        """Answer."""
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path == "/healthz":
            return self._say(503 if Http.is_broken else 200, {"status": "broken" if Http.is_broken else "ok"})
        if path == "/slow":
            time.sleep(min(int(query.get("ms", ["500"])[0]), 60_000) / 1000)
        return self._say(200, self.about | {"path": self.path, "client": self.headers.get("X-Forwarded-For", "")})

    def do_POST(self) -> None:
        """Break, mend, or answer with the length of what was sent."""
        size = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if self.path in ("/break", "/mend"):
            Http.is_broken = self.path == "/break"
        self._say(200, self.about | {"path": self.path, "received": str(size)})

    def log_message(self, *_: object) -> None:
        """Say nothing: the load balancer tells who got what."""

    def _say(self, status: int, what: dict[str, str]) -> None:
        body = json.dumps(what).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Echo(BaseRequestHandler):
    """The TCP side."""

    def handle(self) -> None:
        """Greet, and echo until the client is done."""
        try:
            self.request.sendall(f"{Http.about['name']}\n".encode())
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except OSError:
            return  # the client, or a health check, is gone


class HttpServer(ThreadingHTTPServer):
    """Takes many clients at once."""

    request_queue_size = 1024

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""


class EchoServer(ThreadingTCPServer):
    """Takes many clients at once."""

    request_queue_size = 1024
    allow_reuse_address = daemon_threads = True


def address(text: str) -> tuple[str, int]:
    """An address as ip:port."""
    ip, _, port = text.rpartition(":")
    return ip, int(port)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default=socket.gethostname())
    parser.add_argument("--zone", default="")
    parser.add_argument("--http", type=address, default="127.0.0.1:8081", metavar="IP:PORT")
    parser.add_argument("--tcp", type=address, metavar="IP:PORT")
    options = parser.parse_args()
    Http.about = {"name": options.name, "zone": options.zone}
    if options.tcp:
        threading.Thread(target=EchoServer(options.tcp, Echo).serve_forever, daemon=True).start()
    server = HttpServer(options.http, Http)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    with suppress(KeyboardInterrupt):
        server.serve_forever(0.1)


if __name__ == "__main__":
    main()
