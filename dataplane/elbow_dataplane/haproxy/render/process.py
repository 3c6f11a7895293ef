"""The sections every configuration has: the process, the event ring, and the defaults."""

from collections.abc import Iterator

from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render import errors, flood, listener_counter
from elbow_dataplane.model.health import CHECK_SPREAD

CONNECT_ATTEMPTS = 5
CONNECT_MS = 2000
"""ELB gives up connecting after 10 s (section 6.1); so many attempts of this length, each at another target, fit into it."""


BUFFER = 16_384
"""Bytes; what a request's or a response's headers may come to, and what HAProxy copies for a request it may have to repeat."""
SMALL_BUFFER = 4096
"""Bytes; HAProxy 3.4 and newer keeps such a request in so many if it fits, where 3.2 copies a whole buffer (bench/README.md)."""
HOT = 4_194_304
"""Bytes of freed buffers a thread keeps for itself: 256, so as many requests at once as a core has under way find theirs in its
cache, the copies of what may be repeated included. HAProxy's own half a MiB costs a request 5 to 12 % more (bench/README.md)."""
PIPE = 262_144
"""Bytes a pipe holds that bodies are spliced through: four times the kernel's own, for a fourth of the calls."""
PIPES = 256
"""So many of them fill what the kernel lets an unprivileged user have in full (pipe-user-pages-soft, 64 MiB); it makes further
ones so small that copying is cheaper, and HAProxy copies when it has no pipe left."""


def global_lines(engine: Engine) -> list[str]:
    """The process."""
    return [
        f"  nbthread {engine.threads}",
        f"  maxconn {engine.max_connections}",
        f"  stats socket {engine.worker_socket} mode 600 level admin expose-fd listeners",
        "  stats timeout 1h",
        f"  hard-stop-after {engine.hard_stop}s",
        f"  server-state-file {engine.state_file}",
        # A server added while HAProxy runs would wait a whole interval for its first check.
        "  max-spread-checks 300ms",
        f"  spread-checks {CHECK_SPREAD}",
        f"  maxpipes {max(1, min(PIPES, engine.max_connections // 4))}",
        f"  tune.pipesize {PIPE}",
        f"  tune.bufsize {BUFFER}",
        f"  tune.memory.hot-size {HOT}",
        *_since_34(f"tune.bufsize.small {SMALL_BUFFER}"),
        "  tune.http.maxhdr 1000",
        "  h1-accept-payload-with-any-method",
        "  tune.h2.fe.max-concurrent-streams 128",
        "  tune.h2.fe.max-total-streams 10000",
        # HAProxy would take back part of the window every client begins with, and some fail when they have used it.
        "  tune.h2.fe.initial-window-size 65535",
        "  ssl-default-server-options ssl-min-ver TLSv1.0",
        "  ssl-default-server-ciphers DEFAULT@SECLEVEL=0",
    ]


def fixed_sections(engine: Engine) -> Iterator[tuple[str, list[str]]]:
    """What stands between the process and the listeners."""
    yield errors.section(engine)
    yield listener_counter.section()
    yield flood.section()
    yield "ring events", ["  format raw", "  maxlen 1024", "  size 262144"]
    yield (
        "defaults",
        [
            "  load-server-state-from-file global",
            f"  timeout connect {CONNECT_MS}ms",
            "  timeout client 60s",
            "  timeout server 60s",
            f"  retries {CONNECT_ATTEMPTS - 1}",
            "  option redispatch 1",
            "  option splice-auto",
            *_since_34("option use-small-buffers l7-retries"),
        ],
    )


def _since_34(line: str) -> list[str]:
    """What HAProxy knows since 3.4 only."""
    return ["  .if version_atleast(3.4)", f"  {line}", "  .endif"]
