"""Envoy three times in one process: plain, with what Elbow adds to requests, and with that and a sticky cookie."""

import json
from typing import Any

from bench.peer import HTTP, HTTPS, TARGETS, TCP, Peer, Place
from bench.program import TOOLS, Program

_PLAIN, _SAME, _STICKY = "127.0.0.21", "127.0.0.22", "127.0.0.23"
_HTTP = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
_TCP = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
_SESSION = "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession"
_COOKIE = "type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState"

Fields = dict[str, Any]


def envoy(place: Place) -> list[Peer]:
    """Start it."""
    file = place.write("envoy.json", json.dumps(_bootstrap(place)))
    command = [TOOLS / "envoy" / "envoy", "-c", file, "--concurrency", "1", "--disable-hot-restart", "-l", "error"]
    program = Program(command, place.directory / "envoy.log")

    def workers() -> list[int]:
        return [program.pid]

    return [
        Peer("Envoy", _PLAIN, program, workers),
        Peer("Envoy, same features", _SAME, program, workers),
        Peer("Envoy, same and cookie", _STICKY, program, workers, sticky=True),
    ]


def _bootstrap(place: Place) -> Fields:
    listeners = [
        *_web(place, _PLAIN, same=False, sticky=False),
        *_web(place, _SAME, same=True, sticky=False),
        *_web(place, _STICKY, same=True, sticky=True),
        _listener(
            "tcp",
            _PLAIN,
            TCP,
            "envoy.filters.network.tcp_proxy",
            {"@type": _TCP, "stat_prefix": "tcp", "cluster": "web"},
        ),
    ]
    return {"static_resources": {"listeners": listeners, "clusters": [_cluster()]}}


def _web(place: Place, address: str, *, same: bool, sticky: bool) -> list[Fields]:
    """An HTTP and an HTTPS listener."""
    found = []
    for port in (HTTP, HTTPS):
        manager = _manager(f"{address}:{port}", port, same=same, sticky=sticky)
        name = "envoy.filters.network.http_connection_manager"
        listener = _listener(f"{address}:{port}", address, port, name, manager)
        if port == HTTPS:
            listener["filter_chains"][0]["transport_socket"] = _tls(place)
        found.append(listener)
    return found


def _listener(name: str, address: str, port: int, filter_name: str, config: Fields) -> Fields:
    return {
        "name": name,
        "address": {"socket_address": {"address": address, "port_value": port}},
        "filter_chains": [{"filters": [{"name": filter_name, "typed_config": config}]}],
    }


def _manager(name: str, port: int, *, same: bool, sticky: bool) -> Fields:
    route: Fields = {"cluster": "web", "timeout": "0s"}
    if same:
        # A connect that fails, or a target that dies before it answered: another target, once.
        route["retry_policy"] = {"retry_on": "connect-failure,reset", "num_retries": 1}
    host: Fields = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": route}]}
    if same:
        host["request_headers_to_add"] = [
            {"header": {"key": "x-forwarded-port", "value": str(port)}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        ]
    router = {"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}}
    return {
        "@type": _HTTP,
        "stat_prefix": name,
        "use_remote_address": True,
        "generate_request_id": same,
        "route_config": {"name": "all", "virtual_hosts": [host]},
        "http_filters": [*([_session()] if sticky else []), router],
    }


def _session() -> Fields:
    cookie = {"name": "session", "ttl": "86400s", "path": "/"}
    state = {"name": "envoy.http.stateful_session.cookie", "typed_config": {"@type": _COOKIE, "cookie": cookie}}
    return {"name": "envoy.filters.http.stateful_session", "typed_config": {"@type": _SESSION, "session_state": state}}


def _tls(place: Place) -> Fields:
    certificate = place.certificate
    files = {
        "certificate_chain": {"filename": str(certificate.chain)},
        "private_key": {"filename": str(certificate.key)},
    }
    common = {"alpn_protocols": ["h2", "http/1.1"], "tls_certificates": [files]}
    return {"name": "envoy.transport_sockets.tls", "typed_config": {"@type": _TLS, "common_tls_context": common}}


def _cluster() -> Fields:
    endpoints = [
        {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}} for port in TARGETS
    ]
    check = {
        "timeout": "1s",
        "interval": "2s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 2,
        "http_health_check": {"path": "/health"},
    }
    most = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), 60000)
    return {
        "name": "web",
        "type": "STATIC",
        "lb_policy": "ROUND_ROBIN",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [most]},
        "health_checks": [check],
        "load_assignment": {"cluster_name": "web", "endpoints": [{"lb_endpoints": endpoints}]},
    }
