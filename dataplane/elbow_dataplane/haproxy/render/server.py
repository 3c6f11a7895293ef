"""A target as a HAProxy server: the same options whether it stands in the file or is added while HAProxy runs."""

from elbow_api.protocol import Protocol, ProtocolVersion
from elbow_api.target_group import ProxyProtocol, StickinessType, TargetGroup
from elbow_api.target_health import State

from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.model.wanted import Group, Server

_INIT_STATE = {
    State.HEALTHY: "fully-up",
    State.UNHEALTHY: "fully-down",
    State.UNHEALTHY_DRAINING: "fully-down",
}
_SEND_PROXY = {ProxyProtocol.V1: "send-proxy", ProxyProtocol.V2: "send-proxy-v2"}


def backend_of(group: TargetGroup) -> str:
    """The backend whose servers are checked."""
    return f"tg_{group.name}"


def open_backend_of(group: TargetGroup) -> str:
    """The backend used when too few targets are healthy: the same servers, unchecked."""
    return f"tg_{group.name}_open"


def checked_options(group: TargetGroup, engine: Engine) -> str:
    """What every checked server of a group has in common."""
    return " ".join([*_traffic(group, engine), *_check(group)])


def open_options(group: TargetGroup, engine: Engine) -> str:
    """What every server has in common in the backend used when too few are healthy."""
    return " ".join(_traffic(group, engine))


def init_state(server: Server) -> str:
    """How a server starts: as it was, or down until its first success (HAProxy 3.2, init-state)."""
    return _INIT_STATE.get(server.state, "down")


def file_lines(group: Group, engine: Engine) -> list[str]:
    """The server lines of a group's checked backend."""
    options = " ".join([checked_options(group.spec, engine), *_plain_check(group.spec)])
    checks = group.spec.health_check.enabled
    return [
        f"  server {s.name} {s.target.endpoint} {options} weight {s.target.weight}"
        + (f" init-state {init_state(s)}" if checks else "")
        + (" disabled" if s.draining else "")
        for s in group.servers
    ]


def open_file_lines(group: Group, engine: Engine) -> list[str]:
    """The server lines of the backend used when too few targets are healthy."""
    options = open_options(group.spec, engine)
    return [
        f"  server {s.name} {s.target.endpoint} {options} weight {s.target.weight}"
        + ("" if s.takes_part_in_fail_open else " disabled")
        for s in group.servers
    ]


def _traffic(group: TargetGroup, engine: Engine) -> list[str]:
    words = []
    if group.protocol.is_encrypted:
        words += _tls(group, engine)
    if group.protocol_version is not ProtocolVersion.HTTP1:
        words += ["alpn", "h2"] if group.protocol is Protocol.HTTPS else ["proto", "h2"]
    elif group.protocol.is_http:
        words += ["pool-conn-name", "var(txn.alone)"]
    if group.proxy_protocol is not ProxyProtocol.OFF:
        words += [_SEND_PROXY[group.proxy_protocol]]
    if group.stickiness is not None and group.stickiness.type is StickinessType.SOURCE_IP:
        words += ["hash-key", "addr-port"]  # the same in every proxy, in whatever order targets came
    if group.slow_start.milliseconds:
        words += ["slowstart", f"{group.slow_start.milliseconds}ms"]
    if group.max_connections_per_target is not None:
        words += ["maxconn", str(group.max_connections_per_target)]
    return words


def _tls(group: TargetGroup, engine: Engine) -> list[str]:
    tls = group.tls
    name = tls.server_name if tls else None
    words = ["ssl"]
    if tls is not None and tls.verify:
        words += ["verify", "required", "ca-file", str(engine.certificates / f"ca-{group.name}.pem")]
        words += ["verifyhost", name] if name else []
    else:
        words += ["verify", "none"]
    if name:
        words += ["sni", f"str({name})", "check-sni", name]
    return words


def _check(group: TargetGroup) -> list[str]:
    check = group.health_check
    if not check.enabled:
        return []
    protocol = check.protocol or group.protocol
    words = [
        "check",
        "inter",
        f"{check.interval.milliseconds}ms",
        "fall",
        str(check.unhealthy_threshold),
        "rise",
        str(check.healthy_threshold),
    ]
    if check.port != "traffic-port":
        words += ["port", str(check.port)]
    if group.proxy_protocol is not ProxyProtocol.OFF:
        words += ["check-send-proxy"]
    if protocol.is_encrypted:
        words += ["check-ssl"] + ([] if group.protocol.is_encrypted else ["verify", "none"])
        if group.protocol_version is not ProtocolVersion.HTTP1:
            words += ["check-alpn", "h2"]
    return words


def _plain_check(group: TargetGroup) -> list[str]:
    """A server of the file inherits TLS for its check, one added later doesn't and can't be told so (HAProxy 3.2)."""
    check = group.health_check
    encrypted = (check.protocol or group.protocol).is_encrypted
    return ["no-check-ssl"] if check.enabled and group.protocol.is_encrypted and not encrypted else []
