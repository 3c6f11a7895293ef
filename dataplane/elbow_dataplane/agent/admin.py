"""The admin port: health of the agent, metrics, the report, and the configuration that runs.

The standard library's server in a thread of its own: it costs a quarter of the memory a web framework does, and answers while the loop is busy.
"""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6

from elbow_dataplane.agent.agent import READ_BACK, Agent
from elbow_dataplane.agent.metrics import exposition
from elbow_dataplane.agent.report import is_ready, report

_STALE = 5 * READ_BACK
_METRICS = "text/plain; version=0.0.4; charset=utf-8"
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"

Answer = tuple[int, str, bytes]
"""A status, a content type, a body."""


class Admin:
    """The admin port while it is open."""

    def __init__(self, agent: Agent, host: str, port: int) -> None:
        pages = _pages(agent)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_GET(self) -> None:
                page = pages.get(self.path.partition("?")[0])
                status, kind, body = page() if page else (404, _TEXT, f"there are {', '.join(pages)}\n".encode())
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing: probes and scrapes are no news."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            address_family = AF_INET6 if ":" in host else ThreadingHTTPServer.address_family

        self._server = Server((host, port), Handler)
        bound = self._server.server_address
        self.address = f"[{host}]:{bound[1]}" if ":" in host else f"{host}:{bound[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.5,), daemon=True, name="admin").start()

    def close(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


def _pages(agent: Agent) -> dict[str, Callable[[], Answer]]:
    def livez() -> Answer:
        age = time.time() - agent.view.at
        return (200 if age < _STALE else 503), _TEXT, f"last look {age:.1f} s ago\n".encode()

    def readyz() -> Answer:
        return (200, _TEXT, b"ready\n") if is_ready(agent.view) else (503, _TEXT, b"not ready\n")

    def metrics() -> Answer:
        return 200, _METRICS, exposition(agent.view, agent.counters)

    def report_() -> Answer:
        view = agent.view
        if view.known is None:
            return 503, _TEXT, "\n".join([*view.faults, ""]).encode()
        whole = report(view, view.known, agent.counters)
        return 200, _JSON, whole.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"

    def config() -> Answer:
        try:
            return 200, _TEXT, agent.engine.config_file.read_bytes()
        except OSError as error:
            return 503, _TEXT, f"{error.strerror}\n".encode()

    return {"/livez": livez, "/readyz": readyz, "/metrics": metrics, "/report": report_, "/config": config}
