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


def backends_of(group: str) -> tuple[str, str]:
    """The backends of a target group by its name: one whose servers are checked, and one for when too few targets are healthy."""
    return f"tg_{group}", f"tg_{group}_open"


def backend_of(group: TargetGroup) -> str:
    """The backend whose servers are checked."""
    return backends_of(group.name)[0]


def open_backend_of(group: TargetGroup) -> str:
    """The backend used when too few targets are healthy: the same servers, unchecked."""
    return backends_of(group.name)[1]


def checked_options(group: TargetGroup, engine: Engine) -> str:
    """What every checked server of a group has in common."""
    return " ".join([*_traffic(group, engine), *_check(group)])


def open_options(group: TargetGroup, engine: Engine) -> str:
    """What every server has in common in the backend used when too few are healthy."""
    return " ".join(_traffic(group, engine))


def init_state(server: Server) -> str:
    """How a server starts: as it was, or down until its first success (HAProxy 3.2, init-state)."""
    return _INIT_STATE.get(server.state, "down")


def words(server: Server, group: Group, engine: Engine, *, checked: bool) -> str:
    """A server as it is added while HAProxy runs, without its name: in maintenance until it is said to be ready."""
    options = checked_options(group.spec, engine) if checked else open_options(group.spec, engine)
    parts = [server.target.endpoint, options, f"weight {server.weight}"]
    if group.spec.max_connections_per_target is not None:
        parts.append(f"maxconn {group.spec.max_connections_per_target}")
    if checked and group.spec.health_check.enabled:
        parts.append(f"init-state {init_state(server)}")
    return " ".join(part for part in parts if part)


def file_lines(group: Group, engine: Engine) -> list[str]:
    """The server lines of a group's checked backend."""
    own = " ".join(["", *_plain_check(group.spec)])
    return [
        f"  server {s.name} {words(s, group, engine, checked=True)}{own}" + (" disabled" if s.draining else "")
        for s in group.servers
    ]


def open_file_lines(group: Group, engine: Engine) -> list[str]:
    """The server lines of the backend used when too few targets are healthy."""
    return [
        f"  server {s.name} {words(s, group, engine, checked=False)}"
        + ("" if s.takes_part_in_fail_open else " disabled")
        for s in group.servers
    ]


def _traffic(group: TargetGroup, engine: Engine) -> list[str]:
    options: list[str] = []
    if group.protocol.is_encrypted:
        options += _tls(group, engine)
    if group.protocol_version is not ProtocolVersion.HTTP1:
        options += ["alpn", "h2"] if group.protocol is Protocol.HTTPS else ["proto", "h2"]
    elif group.protocol.is_http:
        options += ["pool-conn-name", "var(txn.alone)"]
    if group.proxy_protocol is not ProxyProtocol.OFF:
        options += [_SEND_PROXY[group.proxy_protocol]]
    if group.stickiness is not None and group.stickiness.type is StickinessType.SOURCE_IP:
        options += ["hash-key", "addr-port"]  # the same in every proxy, in whatever order targets came
    return options


def _tls(group: TargetGroup, engine: Engine) -> list[str]:
    tls = group.tls
    name = tls.server_name if tls else None
    options = ["ssl"]
    if tls is not None and tls.verify:
        options += ["verify", "required", "ca-file", str(engine.certificates / f"ca-{group.name}.pem")]
        options += ["verifyhost", name] if name else []
    else:
        options += ["verify", "none"]
    if name:
        return [*options, "sni", f"str({name})", "check-sni", name]
    # Nothing that is ever set: HAProxy 3.3 and newer would ask for the Host of the request, and verify it.
    return [*options, "sni", "var(proc.no_name)"]


def _check(group: TargetGroup) -> list[str]:
    check = group.health_check
    if not check.enabled:
        return []
    protocol = check.protocol or group.protocol
    options = [
        "check",
        "inter",
        f"{check.interval.milliseconds}ms",
        "fall",
        str(check.unhealthy_threshold),
        "rise",
        str(check.healthy_threshold),
    ]
    if check.port != "traffic-port":
        options += ["port", str(check.port)]
    if group.proxy_protocol is not ProxyProtocol.OFF:
        options += ["check-send-proxy"]
    if protocol.is_encrypted:
        options += ["check-ssl"] + ([] if group.protocol.is_encrypted else ["verify", "none"])
        if group.protocol_version is not ProtocolVersion.HTTP1:
            options += ["check-alpn", "h2"]
    return options


def _plain_check(group: TargetGroup) -> list[str]:
    """A server of the file inherits TLS for its check, one added later doesn't and can't be told so (HAProxy 3.2)."""
    check = group.health_check
    encrypted = (check.protocol or group.protocol).is_encrypted
    return ["no-check-ssl"] if check.enabled and group.protocol.is_encrypted and not encrypted else []
