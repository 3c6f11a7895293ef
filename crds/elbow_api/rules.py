"""Rules that span fields. Each is checked here and, word for word the same, by the API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from elbow_api.fault import Fault, Path
from elbow_api.health_check import HealthCheck, code_ranges
from elbow_api.protocol import ProtocolVersion
from elbow_api.target_group import Algorithm, CrossZone, StickinessType, TargetGroup

if TYPE_CHECKING:
    from elbow_api.listener import Listener
    from elbow_api.load_balancer import LoadBalancerSpec


def broken(spec: LoadBalancerSpec) -> list[Fault]:
    """Every rule a spec breaks; none for a spec that can be accepted."""
    faults = [*_unique(spec)]
    faults += _reservations(spec)
    for i, listener in enumerate(spec.listeners):
        faults += _listener(("spec", "listeners", i), listener, spec)
    for i, group in enumerate(spec.target_groups):
        faults += _group(("spec", "targetGroups", i), group, spec)
    return faults


def _unique(spec: LoadBalancerSpec) -> Iterator[Fault]:
    ports = [listener.port for listener in spec.listeners]
    names = [listener.name for listener in spec.listeners]
    groups = [group.name for group in spec.target_groups]
    for what, field, values in (
        ("listeners", "port", ports),
        ("listeners", "name", names),
        ("targetGroups", "name", groups),
    ):
        for i, value in enumerate(values):
            if value in values[:i]:
                yield Fault(
                    ("spec", what, i, field), f"{value} is used twice; each {what[:-1]} needs a {field} of its own"
                )
    for i, zone in enumerate(spec.zones or []):
        if zone in (spec.zones or [])[:i]:
            yield Fault(("spec", "zones", i), f"{zone} is listed twice")


def _reservations(spec: LoadBalancerSpec) -> Iterator[Fault]:
    names: set[str] = set()
    for i, reservation in enumerate(spec.capacity.reservations or [] if spec.capacity else []):
        at: Path = ("spec", "capacity", "reservations", i)
        if reservation.name in names:
            yield Fault((*at, "name"), f"{reservation.name} is used twice; each reservation needs a name of its own")
        names.add(reservation.name)
        if reservation.end_time <= reservation.start_time:
            yield Fault((*at, "end"), f"must be after the start ({reservation.start})")
        if reservation.requests_per_second is None and reservation.connections_per_second is None:
            yield Fault((*at, "requestsPerSecond"), "required, unless connectionsPerSecond is given")
        if reservation.requests_per_second is not None and not any(li.protocol.is_http for li in spec.listeners):
            yield Fault((*at, "requestsPerSecond"), "only with HTTP and HTTPS listeners; use connectionsPerSecond")


def _listener(at: Path, listener: Listener, spec: LoadBalancerSpec) -> Iterator[Fault]:
    group = next((g for g in spec.target_groups if g.name == listener.target_group), None)
    if group is None:
        known = ", ".join(g.name for g in spec.target_groups)
        yield Fault((*at, "targetGroup"), f"there is no target group {listener.target_group}; there is {known}")
    elif group.protocol.is_http != listener.protocol.is_http:
        yield Fault(
            (*at, "targetGroup"),
            f"a {listener.protocol} listener can't forward to a {group.protocol} target group; HTTP and HTTPS go together, and TCP and TLS",
        )
    elif (
        group.protocol.is_http and group.protocol_version is not ProtocolVersion.HTTP1 and listener.protocol != "HTTPS"
    ):
        yield Fault((*at, "targetGroup"), f"a target group of version {group.protocol_version} needs an HTTPS listener")
    if listener.protocol.is_encrypted and listener.tls is None:
        yield Fault((*at, "tls"), f"required for {listener.protocol}: add tls.certificates")
    if not listener.protocol.is_encrypted and listener.tls is not None:
        yield Fault(
            (*at, "tls"),
            f"{listener.protocol} has no TLS; use {'HTTPS' if listener.protocol.is_http else 'TLS'} or remove tls",
        )
    yield from _listener_times(at, listener)
    if (
        listener.http is not None
        and listener.http.x_forwarded_for_client_port
        and listener.http.x_forwarded_for != "append"
    ):
        yield Fault((*at, "http", "xForwardedForClientPort"), "only with xForwardedFor: append")


def _listener_times(at: Path, listener: Listener) -> Iterator[Fault]:
    idle = listener.idle.milliseconds
    if listener.protocol.is_http:
        if idle > 4_000_000:
            yield Fault((*at, "idleTimeout"), f"outside 1s to 4000s, the range for {listener.protocol}")
        return
    if idle < 60_000:
        yield Fault((*at, "idleTimeout"), f"outside 60s to 6000s, the range for {listener.protocol}")
    for name, value in (("clientKeepAlive", listener.client_keep_alive), ("http", listener.http)):
        if value is not None:
            yield Fault((*at, name), f"only for HTTP and HTTPS listeners, not for {listener.protocol}; remove it")


def _group(at: Path, group: TargetGroup, spec: LoadBalancerSpec) -> Iterator[Fault]:
    if not group.protocol.is_http and group.protocol_version is not ProtocolVersion.HTTP1:
        yield Fault(
            (*at, "protocolVersion"), f"only for HTTP and HTTPS target groups, not for {group.protocol}; remove it"
        )
    if group.slow_start.milliseconds and group.algorithm is Algorithm.LEAST_OUTSTANDING_REQUESTS:
        yield Fault((*at, "slowStart"), "not with least_outstanding_requests; use round_robin or remove slowStart")
    if group.proxy_protocol != "off" and group.protocol.is_http:
        yield Fault((*at, "proxyProtocol"), "only for TCP and TLS target groups; HTTP targets get X-Forwarded-For")
    if group.unhealthy_connection_termination and group.unhealthy_draining_interval is not None:
        yield Fault(
            (*at, "unhealthyDrainingInterval"),
            "connections are cut at once with unhealthyConnectionTermination; use one of the two",
        )
    yield from _group_tls(at, group)
    yield from _stickiness((*at, "stickiness"), group)
    yield from _health_check((*at, "healthCheck"), group.health_check, group)
    yield from _addresses((*at, "targets", "addresses"), group, spec)


def _group_tls(at: Path, group: TargetGroup) -> Iterator[Fault]:
    if group.tls is None:
        return
    if not group.protocol.is_encrypted:
        yield Fault((*at, "tls"), f"only for HTTPS and TLS target groups, not for {group.protocol}; remove it")
    if group.tls.verify and group.tls.ca is None:
        yield Fault((*at, "tls", "ca"), "required with verify: the authorities to trust")
    if not group.tls.verify and group.tls.ca is not None:
        yield Fault((*at, "tls", "verify"), "ca is only used with verify: true")


def _stickiness(at: Path, group: TargetGroup) -> Iterator[Fault]:
    sticky = group.stickiness
    if sticky is None:
        return
    if sticky.type is not StickinessType.SOURCE_IP and not group.protocol.is_http:
        yield Fault((*at, "type"), f"{sticky.type} needs an HTTP or HTTPS target group; {group.protocol} has source_ip")
    if sticky.type is StickinessType.APP_COOKIE:
        if sticky.cookie_name is None:
            yield Fault((*at, "cookieName"), "required for app_cookie: the name of the application's cookie")
        elif sticky.cookie_name.upper().startswith("AWSALB"):
            yield Fault((*at, "cookieName"), "names that begin with AWSALB are the load balancer's own")
    elif sticky.cookie_name is not None:
        yield Fault((*at, "cookieName"), f"only for app_cookie; {sticky.type} has its own")


def _health_check(at: Path, check: HealthCheck, group: TargetGroup) -> Iterator[Fault]:
    if check.time_limit.milliseconds >= check.interval.milliseconds:
        yield Fault((*at, "timeout"), f"must be below the interval ({check.interval})")
    is_http = (check.protocol or group.protocol).is_http
    if not is_http:
        for name, value in (("path", check.path), ("host", check.host), ("matcher", check.matcher)):
            if value is not None:
                yield Fault((*at, name), f"only for HTTP and HTTPS checks, not for {check.protocol or group.protocol}")
    elif check.matcher is not None:
        least, most = (0, 99) if group.protocol_version is ProtocolVersion.GRPC else (200, 599)
        if any(low < least or high > most for low, high in code_ranges(check.matcher)):
            yield Fault((*at, "matcher"), f"codes must be {least} to {most}")
    if group.protocol_version is ProtocolVersion.GRPC and check.protocol is not None and not is_http:
        yield Fault((*at, "protocol"), "a GRPC target group is checked by gRPC: use HTTP or HTTPS, or leave it out")


def _addresses(at: Path, group: TargetGroup, spec: LoadBalancerSpec) -> Iterator[Fault]:
    seen: set[tuple[str, int]] = set()
    off = (group.cross_zone or spec.cross_zone) is CrossZone.DISABLED
    for i, address in enumerate(group.targets.addresses or []):
        if (address.ip, address.port) in seen:
            yield Fault((*at, i), f"{address.ip} port {address.port} is listed twice")
        seen.add((address.ip, address.port))
        if off and address.zone is None:
            yield Fault((*at, i, "zone"), "required while cross-zone is disabled")
