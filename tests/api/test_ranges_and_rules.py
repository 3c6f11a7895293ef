"""Every range and rule refuses with the field named and the way out; what is within is taken; defaults are as documented."""

from typing import Any

import pytest
from elbow_api.fault import Refused
from elbow_api.load_balancer import parse

Fields = dict[str, Any]
TLS = {"certificates": [{"file": "web.pem"}]}


def document(listener: Fields | None = None, group: Fields | None = None, **spec: Any) -> Fields:
    """The least resource, with fields of its listener, its target group and its spec changed; `...` removes one."""
    return {
        "apiVersion": "elbow.dev/v1alpha1",
        "kind": "LoadBalancer",
        "metadata": {"name": "web"},
        "spec": _changed(
            {
                "listeners": [
                    _changed({"name": "http", "port": 80, "protocol": "HTTP", "targetGroup": "web"}, listener or {})
                ],
                "targetGroups": [
                    _changed({"name": "web", "protocol": "HTTP", "targets": {"addresses": []}}, group or {})
                ],
            },
            spec,
        ),
    }


def _changed(fields: Fields, changes: Fields) -> Fields:
    return {key: value for key, value in (fields | changes).items() if value is not ...}


def https(listener: Fields | None = None, group: Fields | None = None) -> Fields:
    """An HTTPS listener over the group."""
    return document({"protocol": "HTTPS", "port": 443, "tls": TLS} | (listener or {}), group)


def tcp(listener: Fields | None = None, group: Fields | None = None, **spec: Any) -> Fields:
    """A TCP listener over a TCP group."""
    return document({"protocol": "TCP"} | (listener or {}), {"protocol": "TCP"} | (group or {}), **spec)


def check(**fields: Any) -> Fields:
    """A group with that health check."""
    return document(group={"healthCheck": fields})


def sticky(**fields: Any) -> Fields:
    """A group with that stickiness."""
    return document(group={"stickiness": fields})


def targets(*addresses: Fields, **spec: Any) -> Fields:
    """A group with those targets."""
    return document(group={"targets": {"addresses": list(addresses)}}, **spec)


def refusals(resource: Fields) -> dict[str, str]:
    """What is said to each field; nothing for a resource that is taken."""
    try:
        parse(resource)
    except Refused as refused:
        return {fault.field: fault.message for fault in refused.faults}
    return {}


LAUNCH: Fields = {
    "name": "launch",
    "start": "2030-01-31T18:00:00Z",
    "end": "2030-01-31T20:00:00Z",
    "requestsPerSecond": 10_000,
}


def reserved(**fields: Any) -> Fields:
    """A reservation, changed."""
    return document(capacity={"reservations": [_changed(LAUNCH, fields)]})


L, G = "spec.listeners[0]", "spec.targetGroups[0]"
R = "spec.capacity.reservations[0]"
ONE: Fields = {"ip": "10.0.0.1", "port": 80}
NAMED = [{"name": f"l{i}", "port": i + 1, "protocol": "HTTP", "targetGroup": "web"} for i in range(51)]
GROUPS = [{"name": f"g{i}", "protocol": "HTTP", "targets": {"addresses": []}} for i in range(51)]

REFUSED: dict[str, tuple[Fields, str, str]] = {
    # The document
    "api-version": (document() | {"apiVersion": "elbow.dev/v1"}, "apiVersion", "must be elbow.dev/v1alpha1"),
    "kind": (document() | {"kind": "Service"}, "kind", "must be LoadBalancer"),
    "no-name": (document() | {"metadata": {}}, "metadata.name", "required"),
    "bad-name": (document() | {"metadata": {"name": "Web"}}, "metadata.name", "not a DNS label: lower-case letters"),
    "unknown": (document() | {"extra": 1}, "extra", "unknown field; remove it, or look for a typing error"),
    "unknown-in-spec": (document(listner=[]), "spec.listner", "unknown field"),
    "unknown-in-listener": (document({"portt": 1}), f"{L}.portt", "unknown field"),
    "snake-case": (document({"idle_time": "1s"}), f"{L}.idle_time", "unknown field"),
    "scheme": (document(scheme="public"), "spec.scheme", "not one of internal or internet-facing"),
    "no-zones": (document(zones=[]), "spec.zones", "at least 1 needed"),
    "17-zones": (document(zones=[f"z{i}" for i in range(17)]), "spec.zones", "at most 16 items"),
    "zone-twice": (document(zones=["a", "a"]), "spec.zones[1]", "a is listed twice"),
    "zone-name": (document(zones=["a b"]), "spec.zones[0]", "not a zone name"),
    "cross-zone": (document(crossZone=True), "spec.crossZone", "not one of enabled or disabled"),
    "no-sources": (document(allowedSources=[]), "spec.allowedSources", "at least 1 needed"),
    "101-sources": (document(allowedSources=["10.0.0.0/8"] * 101), "spec.allowedSources", "at most 100 items"),
    "source": (document(allowedSources=["10.0.0.1"]), "spec.allowedSources[0]", "not a CIDR such as 10.0.0.0/8"),
    "no-listeners": (document(listeners=[]), "spec.listeners", "at least 1 needed"),
    "listeners-missing": (document(listeners=...), "spec.listeners", "required"),
    "51-listeners": (document(listeners=NAMED), "spec.listeners", "at most 50 items"),
    "no-groups": (document(targetGroups=[]), "spec.targetGroups", "at least 1 needed"),
    "51-groups": (document(targetGroups=GROUPS), "spec.targetGroups", "at most 50 items"),
    "not-a-list": (document(listeners={}), "spec.listeners", "not a list"),
    "not-a-mapping": (document(listeners=["x"]), f"{L}", "not a mapping of fields"),
    # Listeners
    "port-0": (document({"port": 0}), f"{L}.port", "must be at least 1"),
    "port-65536": (document({"port": 65536}), f"{L}.port", "must be at most 65535"),
    "port-text": (document({"port": "80"}), f"{L}.port", "not a whole number"),
    "port-missing": (document({"port": ...}), f"{L}.port", "required"),
    "name-64": (document({"name": "a" * 64}), f"{L}.name", "at most 63 characters"),
    "name-number": (document({"name": 1}), f"{L}.name", "not a string; put it in quotes"),
    "port-twice": (
        document(listeners=[NAMED[0], NAMED[1] | {"port": 1}]),
        "spec.listeners[1].port",
        "1 is used twice; each listener needs a port of its own",
    ),
    "name-twice": (
        document(listeners=[NAMED[0], NAMED[1] | {"name": "l0"}]),
        "spec.listeners[1].name",
        "l0 is used twice; each listener needs a name of its own",
    ),
    "group-twice": (
        document(targetGroups=[*document()["spec"]["targetGroups"]] * 2),
        "spec.targetGroups[1].name",
        "web is used twice; each targetGroup needs a name of its own",
    ),
    "protocol": (document({"protocol": "UDP"}), f"{L}.protocol", "not one of HTTP, HTTPS, TCP or TLS"),
    "lower-case": (document({"protocol": "http"}), f"{L}.protocol", "not one of HTTP, HTTPS, TCP or TLS"),
    "no-such-group": (document({"targetGroup": "api"}), f"{L}.targetGroup", "there is no target group api; there is web"),
    "http-to-tcp": (
        document(group={"protocol": "TCP"}),
        f"{L}.targetGroup",
        "a HTTP listener can't forward to a TCP target group; HTTP and HTTPS go together, and TCP and TLS",
    ),
    "tls-to-https": (
        document({"protocol": "TLS", "tls": TLS}, {"protocol": "HTTPS"}),
        f"{L}.targetGroup",
        "a TLS listener can't forward to a HTTPS target group",
    ),
    "http2-from-http": (
        document(group={"protocolVersion": "HTTP2"}),
        f"{L}.targetGroup",
        "a target group of version HTTP2 needs an HTTPS listener",
    ),
    "grpc-from-http": (document(group={"protocolVersion": "GRPC"}), f"{L}.targetGroup", "needs an HTTPS listener"),
    "https-without-tls": (
        document({"protocol": "HTTPS"}),
        f"{L}.tls",
        "required for HTTPS: add tls.certificates",
    ),
    "tls-without-tls": (tcp({"protocol": "TLS"}), f"{L}.tls", "required for TLS: add tls.certificates"),
    "http-with-tls": (document({"tls": TLS}), f"{L}.tls", "HTTP has no TLS; use HTTPS or remove tls"),
    "tcp-with-tls": (tcp({"tls": TLS}), f"{L}.tls", "TCP has no TLS; use TLS or remove tls"),
    "no-certificates": (https({"tls": {"certificates": []}}), f"{L}.tls.certificates", "at least 1 needed"),
    "26-certificates": (
        https({"tls": {"certificates": [{"file": "x"}] * 26}}),
        f"{L}.tls.certificates",
        "at most 25 items",
    ),
    "policy": (https({"tls": TLS | {"policy": "Modern"}}), f"{L}.tls.policy", "not one of ELBSecurityPolicy-TLS13"),
    "idle-0": (document({"idleTimeout": "0s"}), f"{L}.idleTimeout", "outside 1s to 6000s"),
    "idle-4001": (document({"idleTimeout": "4001s"}), f"{L}.idleTimeout", "outside 1s to 4000s, the range for HTTP"),
    "tcp-idle-59": (tcp({"idleTimeout": "59s"}), f"{L}.idleTimeout", "outside 60s to 6000s, the range for TCP"),
    "tcp-idle-6001": (tcp({"idleTimeout": "6001s"}), f"{L}.idleTimeout", "outside 1s to 6000s"),
    "keep-alive-59": (document({"clientKeepAlive": "59s"}), f"{L}.clientKeepAlive", "outside 60s to 7d"),
    "keep-alive-8d": (document({"clientKeepAlive": "169h"}), f"{L}.clientKeepAlive", "outside 60s to 7d"),
    "keep-alive-mixed": (document({"clientKeepAlive": "1d12h"}), f"{L}.clientKeepAlive", "not a duration; write it like"),
    "tcp-keep-alive": (tcp({"clientKeepAlive": "1h"}), f"{L}.clientKeepAlive", "only for HTTP and HTTPS listeners, not for TCP"),
    "tcp-http": (tcp({"http": {}}), f"{L}.http", "only for HTTP and HTTPS listeners, not for TCP; remove it"),
    "accept-proxy": (document({"acceptProxyProtocol": "yes"}), f"{L}.acceptProxyProtocol", "neither true nor false"),
    "forwarded": (document({"http": {"xForwardedFor": "drop"}}), f"{L}.http.xForwardedFor", "not one of append, preserve or remove"),
    "desync": (
        document({"http": {"desyncMitigation": "off"}}),
        f"{L}.http.desyncMitigation",
        "not one of monitor, defensive or strictest",
    ),
    "client-port": (
        document({"http": {"xForwardedFor": "preserve", "xForwardedForClientPort": True}}),
        f"{L}.http.xForwardedForClientPort",
        "only with xForwardedFor: append",
    ),
    # Target groups
    "tcp-version": (
        tcp(group={"protocolVersion": "HTTP2"}),
        f"{G}.protocolVersion",
        "only for HTTP and HTTPS target groups, not for TCP; remove it",
    ),
    "no-targets": (document(group={"targets": ...}), f"{G}.targets", "required"),
    "1001-targets": (
        targets(*({"ip": f"10.0.{i // 250}.{i % 250 + 1}", "port": 80} for i in range(1001))),
        f"{G}.targets.addresses",
        "at most 1000 items",
    ),
    "target-twice": (targets(ONE, ONE), f"{G}.targets.addresses[1]", "10.0.0.1 port 80 is listed twice"),
    "other-spelling": (
        targets(ONE | {"ip": "2001:DB8:0::1"}),
        f"{G}.targets.addresses[0].ip",
        "write it in its one short form, as 2001:db8::1",
    ),
    "host-name": (targets(ONE | {"ip": "example.com"}), f"{G}.targets.addresses[0].ip", "not an IPv4 or IPv6 address"),
    "scope": (targets(ONE | {"ip": "fe80::1%eth0"}), f"{G}.targets.addresses[0].ip", "not an IPv4 or IPv6 address"),
    "scope-breaks-out": (targets(ONE | {"ip": "fd00::1%\nserver"}), f"{G}.targets.addresses[0].ip", "not an IPv4 or IPv6"),
    "link-local": (targets(ONE | {"ip": "fe80::1"}), f"{G}.targets.addresses[0].ip", "an IPv6 address of one link only"),
    "compatible": (targets(ONE | {"ip": "::10.0.0.1"}), f"{G}.targets.addresses[0].ip", "write IPv4 without ::"),
    "mapped": (targets(ONE | {"ip": "::ffff:10.0.0.1"}), f"{G}.targets.addresses[0].ip", "write IPv4 without ::"),
    "unspecified": (targets(ONE | {"ip": "0.0.0.0"}), f"{G}.targets.addresses[0].ip", "an unspecified, multicast or"),
    "multicast": (targets(ONE | {"ip": "ff02::1"}), f"{G}.targets.addresses[0].ip", "an unspecified, multicast or"),
    "mapped-source": (document(allowedSources=["::ffff:10.0.0.0/104"]), "spec.allowedSources[0]", "write IPv4 without ::"),
    "weight-257": (targets(ONE | {"weight": 257}), f"{G}.targets.addresses[0].weight", "must be at most 256"),
    "weight-negative": (targets(ONE | {"weight": -1}), f"{G}.targets.addresses[0].weight", "must be at least 0"),
    "no-zone": (
        targets(ONE, crossZone="disabled"),
        f"{G}.targets.addresses[0].zone",
        "required while cross-zone is disabled",
    ),
    "no-zone-in-group": (
        document(group={"crossZone": "disabled", "targets": {"addresses": [ONE]}}),
        f"{G}.targets.addresses[0].zone",
        "required while cross-zone is disabled",
    ),
    "algorithm": (document(group={"algorithm": "random"}), f"{G}.algorithm", "not one of round_robin or least_outstanding_requests"),
    "slow-start-29": (document(group={"slowStart": "29s"}), f"{G}.slowStart", "neither 0s nor within 30s to 15m"),
    "slow-start-16m": (document(group={"slowStart": "15m1s"}), f"{G}.slowStart", "neither 0s nor within 30s to 15m"),
    "slow-start-least": (
        document(group={"slowStart": "30s", "algorithm": "least_outstanding_requests"}),
        f"{G}.slowStart",
        "not with least_outstanding_requests; use round_robin or remove slowStart",
    ),
    "delay": (document(group={"deregistrationDelay": "61m"}), f"{G}.deregistrationDelay", "outside 0s to 1h"),
    "duration-number": (document(group={"deregistrationDelay": 30}), f"{G}.deregistrationDelay", "write it like 30s, 5m, 1h30m or 500ms"),
    "duration-unit": (document(group={"deregistrationDelay": "30 s"}), f"{G}.deregistrationDelay", "not a duration"),
    "duration-fraction": (document(group={"deregistrationDelay": "1.5m"}), f"{G}.deregistrationDelay", "not a duration"),
    "draining-interval": (
        document(group={"unhealthyDrainingInterval": "101h"}),
        f"{G}.unhealthyDrainingInterval",
        "outside 0s to 100h",
    ),
    "draining-and-cutting": (
        document(group={"unhealthyDrainingInterval": "1m", "unhealthyConnectionTermination": True}),
        f"{G}.unhealthyDrainingInterval",
        "use one of the two",
    ),
    "minimum": (document(group={"minimumHealthy": {"routing": -1}}), f"{G}.minimumHealthy.routing", "neither a count (0 to 1000) nor a percentage"),
    "minimum-percent": (document(group={"minimumHealthy": {"dns": "101%"}}), f"{G}.minimumHealthy.dns", "nor a percentage (0% to 100%)"),
    "fail-open": (document(group={"failOpen": "false"}), f"{G}.failOpen", "neither true nor false"),
    "no-connections": (document(group={"maxConnectionsPerTarget": 0}), f"{G}.maxConnectionsPerTarget", "must be at least 1"),
    "many-connections": (
        document(group={"maxConnectionsPerTarget": 100_001}),
        f"{G}.maxConnectionsPerTarget",
        "must be at most 100000",
    ),
    "queue": (document(group={"surgeQueue": {"length": 100_001}}), f"{G}.surgeQueue.length", "must be at most 100000"),
    "queue-negative": (document(group={"surgeQueue": {"length": -1}}), f"{G}.surgeQueue.length", "must be at least 0"),
    "queue-time": (document(group={"surgeQueue": {"timeout": "0s"}}), f"{G}.surgeQueue.timeout", "outside 1s to 4000s"),
    "proxy-protocol": (tcp(group={"proxyProtocol": "v3"}), f"{G}.proxyProtocol", "not one of off, v1 or v2"),
    "http-proxy-protocol": (
        document(group={"proxyProtocol": "v1"}),
        f"{G}.proxyProtocol",
        "only for TCP and TLS target groups; HTTP targets get X-Forwarded-For",
    ),
    "target-tls": (document(group={"tls": {}}), f"{G}.tls", "only for HTTPS and TLS target groups, not for HTTP; remove it"),
    "verify-without-ca": (
        document(group={"protocol": "HTTPS", "tls": {"verify": True}}),
        f"{G}.tls.ca",
        "required with verify: the authorities to trust",
    ),
    "ca-without-verify": (
        document(group={"protocol": "HTTPS", "tls": {"ca": "ca.pem"}}),
        f"{G}.tls.verify",
        "ca is only used with verify: true",
    ),
    "server-name": (
        document(group={"protocol": "HTTPS", "tls": {"serverName": "a_b"}}),
        f"{G}.tls.serverName",
        "not a host name such as app.example.com",
    ),
    # Health checks
    "check-protocol": (check(protocol="UDP"), f"{G}.healthCheck.protocol", "not one of HTTP, HTTPS, TCP or TLS"),
    "check-port": (check(port=0), f"{G}.healthCheck.port", "neither traffic-port nor a port, 1 to 65535"),
    "check-port-word": (check(port="http"), f"{G}.healthCheck.port", "neither traffic-port nor a port"),
    "check-path": (check(path="healthz"), f"{G}.healthCheck.path", "not a path: it starts with /"),
    "check-path-space": (check(path="/a b"), f"{G}.healthCheck.path", "holds visible ASCII only"),
    "check-path-1025": (check(path="/" + "a" * 1024), f"{G}.healthCheck.path", "at most 1024 characters"),
    "check-host": (check(host="a b"), f"{G}.healthCheck.host", "not a Host header: a name or address, with or without :port"),
    "check-interval-0": (check(interval="999ms"), f"{G}.healthCheck.interval", "outside 1s to 300s"),
    "check-interval-301": (check(interval="301s"), f"{G}.healthCheck.interval", "outside 1s to 300s"),
    "check-timeout-0": (check(timeout="499ms"), f"{G}.healthCheck.timeout", "outside 500ms to 120s"),
    "check-timeout-121": (check(timeout="121s", interval="300s"), f"{G}.healthCheck.timeout", "outside 500ms to 120s"),
    "check-timeout-interval": (
        check(timeout="10s", interval="10s"),
        f"{G}.healthCheck.timeout",
        "must be below the interval (10s)",
    ),
    "healthy-0": (check(healthyThreshold=0), f"{G}.healthCheck.healthyThreshold", "must be at least 1"),
    "healthy-11": (check(healthyThreshold=11), f"{G}.healthCheck.healthyThreshold", "must be at most 10"),
    "unhealthy-0": (check(unhealthyThreshold=0), f"{G}.healthCheck.unhealthyThreshold", "must be at least 1"),
    "unhealthy-11": (check(unhealthyThreshold=11), f"{G}.healthCheck.unhealthyThreshold", "must be at most 10"),
    "matcher-number": (check(matcher=200), f"{G}.healthCheck.matcher", 'write it in quotes, like "200"'),
    "matcher-199": (check(matcher="199"), f"{G}.healthCheck.matcher", "codes must be 200 to 599"),
    "matcher-600": (check(matcher="200-600"), f"{G}.healthCheck.matcher", "codes must be 200 to 599"),
    "matcher-down": (check(matcher="299-200"), f"{G}.healthCheck.matcher", "a range must go upwards, like 200-299"),
    "matcher-space": (check(matcher="200, 202"), f"{G}.healthCheck.matcher", "not codes like 200,202 or 200-299"),
    "matcher-grpc": (
        https(group={"protocolVersion": "GRPC", "healthCheck": {"matcher": "100"}}),
        f"{G}.healthCheck.matcher",
        "codes must be 0 to 99",
    ),
    "grpc-check": (
        https(group={"protocolVersion": "GRPC", "healthCheck": {"protocol": "TCP"}}),
        f"{G}.healthCheck.protocol",
        "a GRPC target group is checked by gRPC",
    ),
    "tcp-check-path": (tcp(group={"healthCheck": {"path": "/"}}), f"{G}.healthCheck.path", "only for HTTP and HTTPS checks, not for TCP"),
    "tcp-check-host": (tcp(group={"healthCheck": {"host": "a"}}), f"{G}.healthCheck.host", "only for HTTP and HTTPS checks"),
    "tcp-check-matcher": (check(protocol="TLS", matcher="200"), f"{G}.healthCheck.matcher", "not for TLS"),
    # Stickiness
    "sticky-type": (sticky(type="cookie"), f"{G}.stickiness.type", "not one of lb_cookie, app_cookie or source_ip"),
    "sticky-type-missing": (sticky(), f"{G}.stickiness.type", "required"),
    "sticky-0": (sticky(type="lb_cookie", duration="0s"), f"{G}.stickiness.duration", "outside 1s to 7d"),
    "sticky-8d": (sticky(type="lb_cookie", duration="8d"), f"{G}.stickiness.duration", "outside 1s to 7d"),
    "sticky-name": (sticky(type="app_cookie"), f"{G}.stickiness.cookieName", "required for app_cookie"),
    "sticky-name-lb": (sticky(type="lb_cookie", cookieName="x"), f"{G}.stickiness.cookieName", "only for app_cookie; lb_cookie has its own"),
    "sticky-name-ip": (sticky(type="source_ip", cookieName="x"), f"{G}.stickiness.cookieName", "only for app_cookie"),
    "sticky-name-257": (sticky(type="app_cookie", cookieName="x" * 257), f"{G}.stickiness.cookieName", "at most 256 characters"),
    "sticky-name-dollar": (sticky(type="app_cookie", cookieName="$x"), f"{G}.stickiness.cookieName", "not beginning with $"),
    "sticky-name-ours": (
        sticky(type="app_cookie", cookieName="AWSALBAPP-0"),
        f"{G}.stickiness.cookieName",
        "names that begin with AWSALB are the load balancer's own",
    ),
    "sticky-tcp": (
        tcp(group={"stickiness": {"type": "lb_cookie"}}),
        f"{G}.stickiness.type",
        "lb_cookie needs an HTTP or HTTPS target group; TCP has source_ip",
    ),
    "sticky-tcp-app": (
        tcp(group={"stickiness": {"type": "app_cookie", "cookieName": "x"}}),
        f"{G}.stickiness.type",
        "app_cookie needs an HTTP or HTTPS target group",
    ),
    # Capacity
    "units-0": (document(capacity={"minimumUnits": 0}), "spec.capacity.minimumUnits", "must be at least 1"),
    "units-many": (document(capacity={"minimumUnits": 100_001}), "spec.capacity.minimumUnits", "must be at most 100000"),
    "reservations-33": (
        document(capacity={"reservations": [LAUNCH | {"name": f"r{i}"} for i in range(33)]}),
        "spec.capacity.reservations",
        "at most 32 items",
    ),
    "reservation-twice": (
        document(capacity={"reservations": [LAUNCH, LAUNCH]}),
        "spec.capacity.reservations[1].name",
        "launch is used twice; each reservation needs a name of its own",
    ),
    "reservation-name": (reserved(name="Launch day"), f"{R}.name", "not a DNS label"),
    "reservation-unnamed": (reserved(name=...), f"{R}.name", "required"),
    "reservation-start": (reserved(start="tomorrow"), f"{R}.start", "not a time such as 2026-01-31T18:00:00Z"),
    "reservation-no-end": (reserved(end=...), f"{R}.end", "required"),
    "reservation-backwards": (
        reserved(end="2030-01-31T18:00:00Z"),
        f"{R}.end",
        "must be after the start (2030-01-31T18:00:00Z)",
    ),
    "reservation-backwards-by-zone": (reserved(end="2030-01-31T18:30:00+01:00"), f"{R}.end", "must be after the start"),
    "reservation-of-nothing": (
        reserved(requestsPerSecond=...),
        f"{R}.requestsPerSecond",
        "required, unless connectionsPerSecond is given",
    ),
    "reservation-of-requests-by-tcp": (
        tcp(capacity={"reservations": [LAUNCH]}),
        f"{R}.requestsPerSecond",
        "only with HTTP and HTTPS listeners; use connectionsPerSecond",
    ),
    "reservation-requests-0": (reserved(requestsPerSecond=0), f"{R}.requestsPerSecond", "must be at least 1"),
    "reservation-requests-many": (reserved(requestsPerSecond=10_000_001), f"{R}.requestsPerSecond", "must be at most"),
    "reservation-connections-0": (reserved(connectionsPerSecond=0), f"{R}.connectionsPerSecond", "must be at least 1"),
    "reservation-bytes": (reserved(bytesPerRequest=-1), f"{R}.bytesPerRequest", "must be at least 0"),
    "reservation-tls": (reserved(tlsPercent=101), f"{R}.tlsPercent", "must be at most 100"),
    "reservation-tls-text": (reserved(tlsPercent="90%"), f"{R}.tlsPercent", "not a whole number"),
    "reservation-note": (reserved(note="x" * 1025), f"{R}.note", "at most 1024 characters"),
}  # fmt: skip
TAKEN: dict[str, Fields] = {
    "the-least": document(),
    "zones-16": document(zones=[f"z{i}" for i in range(16)]),
    "sources-100": document(allowedSources=["10.0.0.0/8", "2001:db8::/32"] * 50),
    "listeners-50": document(listeners=NAMED[:50]),
    "groups-50": document({"targetGroup": "g0"}, targetGroups=GROUPS[:50]),
    "port-ends": document(listeners=[NAMED[0], NAMED[1] | {"port": 65535}]),
    "name-63": document({"name": "a" * 63}),
    "idle-ends": document({"idleTimeout": "1s"}),
    "idle-4000": document({"idleTimeout": "4000s"}),
    "tcp-idle-60": tcp({"idleTimeout": "60s"}),
    "tcp-idle-6000": tcp({"idleTimeout": "1h40m"}),
    "keep-alive-60": document({"clientKeepAlive": "60s"}),
    "keep-alive-7d": document({"clientKeepAlive": "7d"}),
    "http-to-https": document(group={"protocol": "HTTPS"}),
    "https-to-http": https(),
    "tcp-to-tls": tcp(group={"protocol": "TLS"}),
    "tls-to-tcp": tcp({"protocol": "TLS", "tls": TLS}),
    "certificates-25": https({"tls": {"certificates": [{"file": "x"}] * 25}}),
    "grpc": https(group={"protocolVersion": "GRPC", "healthCheck": {"matcher": "0-99"}}),
    "http2": https(group={"protocolVersion": "HTTP2"}),
    "targets-1000": targets(*({"ip": f"10.0.{i // 250}.{i % 250 + 1}", "port": 80} for i in range(1000))),
    "ports-of-one-address": targets(ONE, ONE | {"port": 81}),
    "weights": targets(ONE | {"weight": 0}, ONE | {"port": 81, "weight": 256}),
    "cross-zone-back-on": document(group={"crossZone": "enabled", "targets": {"addresses": [ONE]}}, crossZone="disabled"),
    "slow-start-30s": document(group={"slowStart": "30s"}),
    "slow-start-15m": document(group={"slowStart": "15m"}),
    "delay-0": document(group={"deregistrationDelay": "0s"}),
    "delay-1h": document(group={"deregistrationDelay": "1h"}),
    "minimum": document(group={"minimumHealthy": {"routing": 1000, "dns": "0%"}}),
    "connections": document(group={"maxConnectionsPerTarget": 100_000, "surgeQueue": {"length": 0, "timeout": "1s"}}),
    "queue-100000": document(group={"surgeQueue": {"length": 100_000, "timeout": "4000s"}}),
    "check-slow": check(interval="300s", timeout="120s"),
    "check-quick": check(interval="1s", timeout="500ms"),
    "check-ends": check(healthyThreshold=1, unhealthyThreshold=10, matcher="200-599", port=65535, path="/" + "a" * 1023),
    "check-by-tcp": check(protocol="TCP"),
    "tcp-check-by-http": tcp(group={"healthCheck": {"protocol": "HTTP", "path": "/", "matcher": "200"}}),
    "sticky-1s": sticky(type="lb_cookie", duration="1s"),
    "sticky-7d": sticky(type="app_cookie", duration="7d", cookieName="x" * 256),
    "sticky-http-by-address": sticky(type="source_ip"),
    "sticky-tcp-by-address": tcp(group={"stickiness": {"type": "source_ip"}}),
    "target-tls": document(group={"protocol": "HTTPS", "tls": {"verify": True, "ca": "ca.pem", "serverName": "a.b"}}),
    "no-capacity": document(capacity={}),
    "units": document(capacity={"minimumUnits": 100_000}),
    "reservation": reserved(bytesPerRequest=0, connectionsPerSecond=1_000_000, tlsPercent=0, note="n" * 1024),
    "reservation-of-connections": reserved(requestsPerSecond=..., connectionsPerSecond=1),
    "reservation-by-tcp": tcp(capacity={"reservations": [_changed(LAUNCH, {"requestsPerSecond": ..., "connectionsPerSecond": 1})]}),
    "reservation-by-zone": reserved(end="2030-01-31T18:30:00-01:00"),
    "reservations-32": document(capacity={"reservations": [LAUNCH | {"name": f"r{i}"} for i in range(32)]}),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_its_field_and_the_way_out(name: str) -> None:
    resource, field, words = REFUSED[name]

    said = refusals(resource)

    assert set(said) == {field}
    assert words in said[field]


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_within_is_taken(name: str) -> None:
    assert refusals(TAKEN[name]) == {}


def test_every_fault_is_found_at_once() -> None:
    resource = document({"port": 0, "name": "Web"}, {"slowStart": "1s", "targets": {"addresses": [{"ip": "x"}]}})

    assert set(refusals(resource)) == {
        f"{L}.port",
        f"{L}.name",
        f"{G}.slowStart",
        f"{G}.targets.addresses[0].ip",
        f"{G}.targets.addresses[0].port",
    }


def test_the_defaults_are_the_documented_ones() -> None:
    spec = parse(document()).spec
    listener, group = spec.listeners[0], spec.target_groups[0]

    assert (spec.scheme, spec.cross_zone, spec.zones, spec.allowed_sources) == (
        "internet-facing",
        "enabled",
        None,
        None,
    )
    assert (listener.idle, listener.keep_alive, listener.accept_proxy_protocol) == ("60s", "1h", False)
    assert parse(tcp()).spec.listeners[0].idle == "350s"
    assert listener.options.model_dump() == {
        "x_forwarded_for": "append",
        "x_forwarded_for_client_port": False,
        "preserve_host": False,
        "desync_mitigation": "defensive",
        "drop_invalid_headers": False,
        "http2": True,
    }
    tls = parse(https()).spec.listeners[0].tls
    assert tls is not None
    assert tls.policy == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    assert (group.protocol_version, group.algorithm, group.cross_zone) == ("HTTP1", "round_robin", None)
    assert (group.slow_start, group.deregistration_delay, group.stickiness) == ("0s", "300s", None)
    assert (group.unhealthy_connection_termination, group.unhealthy_draining_interval) == (False, None)
    assert (group.fail_open, group.max_connections_per_target, group.proxy_protocol) == (True, None, "off")
    assert (group.minimum_healthy.routing, group.minimum_healthy.dns) == (1, 1)
    assert (group.surge_queue.length, group.surge_queue.timeout) == (1024, "60s")
    assert group.tls is None
    assert group.cuts_after_delay
    assert not parse(tcp()).spec.target_groups[0].cuts_after_delay
    health = group.health_check
    assert (health.enabled, health.protocol, health.port, health.path) == (True, None, "traffic-port", None)
    assert (health.interval, health.time_limit, health.healthy_threshold, health.unhealthy_threshold) == (
        "30s",
        "5s",
        5,
        2,
    )
    assert (health.matcher, health.host) == (None, None)
    sticky_group = parse(sticky(type="lb_cookie")).spec.target_groups[0]
    assert sticky_group.stickiness is not None
    assert sticky_group.stickiness.duration == "1d"
    assert parse(targets(ONE)).spec.target_groups[0].targets.addresses[0].weight == 1  # type: ignore[index]


def test_a_reservation_has_a_tenth_as_many_connections_as_requests_unless_it_says() -> None:
    for fields, connections in (({}, 1000), ({"connectionsPerSecond": 7}, 7)):
        capacity = parse(reserved(**fields)).spec.capacity
        assert capacity is not None
        (reservation,) = capacity.reservations or []
        assert (reservation.connections, reservation.bytes_per_request, reservation.tls_percent) == (
            connections,
            10_000,
            None,
        )


def test_a_short_intervals_timeout_is_half_of_it() -> None:
    assert parse(check(interval="5s")).spec.target_groups[0].health_check.time_limit.milliseconds == 2500
    assert parse(check(interval="1s")).spec.target_groups[0].health_check.time_limit.milliseconds == 500


def test_sources_are_kept_in_one_spelling() -> None:
    assert parse(document(allowedSources=["10.1.2.3/8"])).spec.allowed_sources == ["10.0.0.0/8"]


def test_a_resource_with_everything_reads_back_as_it_was() -> None:
    for resource in TAKEN.values():
        read = parse(resource)
        again = read.model_dump(mode="json", by_alias=True, exclude_none=True)
        assert parse(again) == read
