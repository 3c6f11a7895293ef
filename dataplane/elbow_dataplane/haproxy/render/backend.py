"""A target group as HAProxy backends: one with checks, and one without for when too few targets are healthy."""

from collections.abc import Iterator, Sequence

from elbow_api.listener import Listener
from elbow_api.protocol import ProtocolVersion
from elbow_api.proxy_config import ProxyConfig
from elbow_api.target_group import Algorithm, StickinessType, TargetGroup

from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render import access_log, errors, latency, stickiness
from elbow_dataplane.haproxy.render.check import check_lines
from elbow_dataplane.haproxy.render.server import backend_of, checked_options, open_backend_of
from elbow_dataplane.haproxy.render.variable import limit_variable, queue_variable


def sections(
    group: TargetGroup, listeners: Sequence[Listener], config: ProxyConfig, engine: Engine
) -> Iterator[tuple[str, list[str]]]:
    """The backends of a group that listeners forward to."""
    common = _common(group, listeners, config, engine, backend_of(group))
    yield (
        f"backend {backend_of(group)}",
        [
            *common,
            "  log ring@events format raw local0",
            *check_lines(group),
            f"  # every server: {checked_options(group, engine)}",
        ],
    )
    if group.protocol.is_http:
        yield latency.section(group)
    if group.fail_open:
        yield f"backend {open_backend_of(group)}", _common(group, listeners, config, engine, open_backend_of(group))


def _common(
    group: TargetGroup, listeners: Sequence[Listener], config: ProxyConfig, engine: Engine, name: str
) -> list[str]:
    idle = max(listener.idle.milliseconds for listener in listeners)
    lines = [
        f"  mode {'http' if group.protocol.is_http else 'tcp'}",
        *_balance(group),
        f"  timeout server {idle}ms",
        f"  timeout tunnel {idle}ms",
        f"  timeout queue {group.surge_queue.timeout.milliseconds}ms",
    ]
    if not group.health_check.enabled:
        # A target found unhealthy before would stay so.
        lines.append("  load-server-state-from-file none")
    if not group.protocol.is_http:
        return [*lines, *_spill(group, name, engine), *stickiness.lines(group, engine)]
    return [
        *lines,
        "  errorfiles awselb",
        *_shorter(listeners, idle),
        *errors.pages(engine),
        *access_log.group_lines(group, config),
        *_spill(group, name, engine),
        f"  http-response track-sc1 res.timer.hdr table {latency.table_of(group)}",
        *stickiness.lines(group, engine),
        *_send(group),
        *stickiness.choice(group),
    ]


def _spill(group: TargetGroup, name: str, engine: Engine) -> list[str]:
    """Refuse what finds the surge queue full (ELB section 7.1).

    Threads look at the queue and join it side by side. What is present, counted before anyone looks, is exact: with it
    there are never too many. The queue itself, but for what the other threads may be adding, tells that it matters. What is
    present may be so on targets that leave or are unhealthy: where the others have a place free for each thread, none is refused.
    """
    rules, refuse = (
        ("http-request", "deny deny_status 503") if group.protocol.is_http else ("tcp-request content", "reject")
    )
    queue, limit = queue_variable(group), limit_variable(group)
    others = f"add({engine.threads - 1})," if engine.threads > 1 else ""
    nearly = f"{{ queue({name}),{others}sub({queue}) ge 0 }} {{ nbsrv({name}) gt 0 }}"
    present = f"{{ be_conn({name}),set-var(txn.present) -m found }}"
    over = f"{{ nbsrv({name}),mul({limit}),add({queue}),sub(txn.present) lt 0 }}"
    return [f"  {rules} {refuse} if {nearly} {present} {over} {{ be_conn_free({name}) lt {engine.threads} }}"]


def _shorter(listeners: Sequence[Listener], idle: int) -> list[str]:
    """Listeners that share a group may have idle timeouts of their own."""
    return [
        f"  http-request set-timeout {which} {listener.idle.milliseconds}ms if {{ fe_name ls_{listener.name} }}"
        for listener in listeners
        if listener.idle.milliseconds < idle
        for which in ("server", "tunnel")
    ]


def _balance(group: TargetGroup) -> list[str]:
    if group.stickiness is not None and group.stickiness.type is StickinessType.SOURCE_IP:
        return ["  balance source", "  hash-type consistent"]
    return [
        "  balance leastconn" if group.algorithm is Algorithm.LEAST_OUTSTANDING_REQUESTS else "  balance roundrobin"
    ]


def _send(group: TargetGroup) -> list[str]:
    """How requests are sent, and sent again: only what is safe to repeat, and the rest on a connection of its own.

    A target may close an idle connection in the very moment a request is written to it; nobody can tell whether it was
    read. What may be repeated may so go over any idle connection, the first request of a client too.
    """
    lines = [
        "  http-reuse always",
        "  retry-on conn-failure empty-response",
        "  http-request allow if METH_GET",
        "  http-request allow if { method HEAD OPTIONS }",
        "  http-request disable-l7-retry",
    ]
    if group.protocol_version is ProtocolVersion.HTTP1:
        lines += [
            "  http-request set-var(txn.alone) uuid()",
            "  http-request set-header Connection close if !{ req.hdr(upgrade) -m found }",
        ]
    return lines
