"""The admin port: health of the agent, metrics, the report, and the configuration that runs.

The standard library's server in a thread of its own: it costs a quarter of the memory a web framework does, and answers while the loop is busy.
"""

import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import Any

from elbow_dataplane.agent.agent import Agent
from elbow_dataplane.agent.metrics import exposition
from elbow_dataplane.agent.report import is_ready, report
from elbow_dataplane.agent.report_stream import STALE, ReportStream
from elbow_dataplane.agent.view import View
from elbow_dataplane.haproxy.render.config import render, skeleton
from elbow_dataplane.haproxy.render.stickiness import signing_key

_METRICS = "text/plain; version=0.0.4; charset=utf-8"
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"

_FRESH, _PATIENCE, _POLL = 1.0, 0.5, 0.005  # seconds

Answer = tuple[int, str, bytes]
"""A status, a content type, a body."""


class Admin:
    """The admin port while it is open."""

    def __init__(self, agent: Agent, host: str, port: int) -> None:
        self._agent = agent
        self._draining = False
        self._stream = ReportStream(agent)
        self._server = _Server(host, port, _handler(_pages(agent) | {"/readyz": self._ready}, self._stream))
        bound = self._server.server_address
        self.address = f"[{host}]:{bound[1]}" if ":" in host else f"{host}:{bound[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.5,), daemon=True, name="admin").start()

    def drain(self) -> None:
        """Say that no new clients are wanted."""
        self._draining = True

    def tell_last(self, patience: float) -> None:
        """Tell whoever follows what was counted last; waits as many seconds for somebody if nobody knows it."""
        self._stream.end(patience)

    def _ready(self) -> Answer:
        if self._draining or not is_ready(self._agent.view):
            return 503, _TEXT, b"draining\n" if self._draining else b"not ready\n"
        return 200, _TEXT, b"ready\n"

    def close(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = AF_INET6 if ":" in host else AF_INET
        super().__init__((host, port), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news either."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(pages: dict[str, Callable[[], Answer]], stream: ReportStream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            if self.path == "/report?watch":
                self._follow()
                return
            page = pages.get(self.path.partition("?")[0])
            status, kind, body = page() if page else (404, _TEXT, f"there are {', '.join(pages)}\n".encode())
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _follow(self) -> None:
            """Every report that says something new, as it comes."""
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Connection", "close")
            self.end_headers()
            for line in stream.lines():
                self.wfile.write(line)

        def log_message(self, *_: object) -> None:
            """Nothing: probes and scrapes are no news."""

    return Handler


def _fresh(agent: Agent) -> View:
    """A view at most a second old, if it can be had soon: who has just sent a request wants to see it counted."""
    view, end = agent.view, time.monotonic() + _PATIENCE
    if time.time() - view.at > _FRESH:
        agent.refresh()
        while agent.view is view and time.monotonic() < end:
            time.sleep(_POLL)
    return agent.view


def _pages(agent: Agent) -> dict[str, Callable[[], Answer]]:
    def livez() -> Answer:
        age = time.time() - agent.view.at
        return (200 if age < STALE else 503), _TEXT, f"last look {age:.1f} s ago\n".encode()

    def metrics() -> Answer:
        return 200, _METRICS, exposition(_fresh(agent), agent.counters)

    def report_() -> Answer:
        view = _fresh(agent)
        if view.known is None:
            return 503, _TEXT, "\n".join([*view.faults, ""]).encode()
        whole = report(view, view.known, agent.counters)
        return 200, _JSON, whole.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"

    def shown(text: str) -> bytes:
        """A configuration but for the key that signs cookies: its file is its owner's alone, this page whoever's reaches the port."""
        return text.replace(signing_key(agent.engine), "***").encode()

    def config() -> Answer:
        try:
            return 200, _TEXT, shown(agent.engine.config_file.read_text())
        except OSError as error:
            return 503, _TEXT, f"{error.strerror}\n".encode()

    def wanted() -> Answer:
        """What /config is to become; the same while what runs is what is wanted."""
        if (known := agent.newest) is None:
            return 503, _TEXT, b"nothing is wanted yet\n"
        engine = agent.engine
        return 200, _TEXT, shown(render(skeleton(known.desired.config, engine), known.wanted, engine))

    return {"/livez": livez, "/metrics": metrics, "/report": report_, "/config": config, "/wanted": wanted}
