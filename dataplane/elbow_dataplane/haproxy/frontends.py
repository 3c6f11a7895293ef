"""Listeners that someone closed or narrowed at the socket, and how they are opened again."""

from collections.abc import Iterator

from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render.frontend import frontend_of
from elbow_dataplane.haproxy.stats import Info, Stats
from elbow_dataplane.model.wanted import Wanted


def reopen(wanted: Wanted, stats: Stats, info: Info, engine: Engine) -> list[str]:
    """Runtime commands; none when all listeners are open and as wide as they should be."""
    lines = [] if info.max_connections == engine.max_connections else [f"set maxconn global {engine.max_connections}"]
    return [*lines, *_frontends(wanted, stats, engine)]


def _frontends(wanted: Wanted, stats: Stats, engine: Engine) -> Iterator[str]:
    for listener in wanted.config.spec.listeners:
        name = frontend_of(listener)
        row = stats.frontends.get(name)
        if row is None:
            continue
        if row.text("status") == "PAUSED":
            yield f"enable frontend {name}"
        if row.number("slim") != engine.max_connections:
            yield f"set maxconn frontend {name} {engine.max_connections}"


def shut_down(wanted: Wanted, stats: Stats) -> list[str]:
    """The listeners that someone shut down for good: only a reload opens them again."""
    rows = ((listener.name, stats.frontends.get(frontend_of(listener))) for listener in wanted.config.spec.listeners)
    return [name for name, row in rows if row is not None and row.text("status") == "STOP"]
