"""A listener as a HAProxy frontend."""

from collections.abc import Iterator

from elbow_api.listener import Listener
from elbow_api.proxy_config import ProxyConfig
from elbow_api.target_group import TargetGroup

from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render import access_log, flood, request, stickiness
from elbow_dataplane.haproxy.render.listener_counter import COUNTERS_TABLE
from elbow_dataplane.haproxy.render.server import backend_of, open_backend_of
from elbow_dataplane.haproxy.render.tls_policy import offer
from elbow_dataplane.haproxy.render.variable import minimum_variable
from elbow_dataplane.model.desired import certificate_name

# HAProxy reads 64 words of a line.
_MOST_SOURCES = 50
_MOST_CERTIFICATES = 16


def frontend_of(listener: Listener) -> str:
    """The frontend of a listener."""
    return f"ls_{listener.name}"


def sections(
    listener: Listener, group: TargetGroup, config: ProxyConfig, engine: Engine
) -> Iterator[tuple[str, list[str]]]:
    """The frontend of a listener and of what it counts."""
    idle = listener.idle.milliseconds
    lines = [
        f"  mode {'http' if listener.protocol.is_http else 'tcp'}",
        *_binds(listener, engine),
        *_more_certificates(listener, engine),
        f"  timeout client {idle}ms",
    ]
    if listener.protocol.is_http:
        lines.append(f"  tcp-request connection track-sc0 fe_id table {COUNTERS_TABLE}")
    lines += _sources(listener, config)
    lines += flood.lines(listener, engine)
    lines += access_log.listener_lines(listener, group, config)
    if listener.protocol.is_encrypted:
        lines.append("  timeout client-hs 10s")
    if listener.protocol.is_http:
        lines += [
            "  errorfiles awselb",
            f"  timeout http-request {idle}ms",
            f"  timeout http-keep-alive {idle}ms",
            "  option idle-close-on-response",
        ]
        lines += request.lines(listener, group, engine, before=access_log.request_lines(listener, config))
        lines += access_log.own_answer_lines(listener, config, engine)
        lines += stickiness.cookies(listener, group)
    yield f"frontend {frontend_of(listener)}", [*lines, *_forward(group)]


def _binds(listener: Listener, engine: Engine) -> list[str]:
    words = []
    if listener.accept_proxy_protocol:
        words.append("accept-proxy")
    if listener.tls is not None:
        words.append("ssl")
        words += _certificates(listener, engine)[:_MOST_CERTIFICATES]
        words += offer(listener.tls.policy).bind_options
        if listener.protocol.is_http:
            words += ["alpn", "h2,http/1.1" if listener.options.http2 else "http/1.1"]
    # An IPv4 client of an IPv6 socket would be named ::ffff:192.0.2.1.
    return [
        " ".join([f"  bind {_address(a)}:{listener.port}", *(["v6only"] if ":" in a else []), *words])
        for a in engine.addresses
    ]


def _more_certificates(listener: Listener, engine: Engine) -> list[str]:
    """Those beyond what fits a bind line; none of them is the default."""
    return [f"  ssl-f-use {words}" for words in _certificates(listener, engine)[_MOST_CERTIFICATES:]]


def _certificates(listener: Listener, engine: Engine) -> list[str]:
    count = len(listener.tls.certificates) if listener.tls else 0
    return [f"crt {engine.certificates / certificate_name(listener.name, n)}" for n in range(count)]


def _address(address: str) -> str:
    return f"[{address}]" if ":" in address and address != "::" else address


def _sources(listener: Listener, config: ProxyConfig) -> list[str]:
    if config.spec.allowed_sources is None:
        return []
    sources = sorted(config.spec.allowed_sources)
    return [
        *(
            f"  acl allowed_source src {' '.join(sources[at : at + _MOST_SOURCES])}"
            for at in range(0, len(sources), _MOST_SOURCES)
        ),
        f"  tcp-request {flood.client_layer(listener)} reject if !allowed_source",
    ]


def _forward(group: TargetGroup) -> list[str]:
    checked, unchecked = backend_of(group), open_backend_of(group)
    lines = []
    if group.fail_open:
        lines.append(f"  use_backend {unchecked} if {{ nbsrv({checked}),sub({minimum_variable(group)}) lt 0 }}")
    return [*lines, f"  default_backend {checked}"]
