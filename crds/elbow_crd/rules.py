"""The rules of elbow_api.rules in CEL, by where they stand in the spec; a test holds the two equal."""

from typing import Any

from elbow_api.names import ADMIN_PORT

_IS_HTTP = "{0}.protocol in ['HTTP', 'HTTPS']"


def _rule(rule: str, message: str) -> dict[str, str]:
    return {"rule": " ".join(rule.split()), "message": message}


def _is_http(what: str) -> str:
    return _IS_HTTP.format(what)


NAME = _rule(
    "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')",
    "metadata.name must be a DNS label: lower-case letters, digits and -, at most 63",
)

LISTENER_PORT = _rule(f"self != {ADMIN_PORT}", "the proxies' own port in a cluster; choose another")

SPEC = [
    _rule(
        "self.listeners.all(l, self.listeners.exists_one(m, m.port == l.port))", "each listener needs a port of its own"
    ),
    _rule(
        "self.listeners.all(l, self.targetGroups.exists(g, g.name == l.targetGroup))",
        "a listener's targetGroup must be the name of a target group",
    ),
    _rule(
        f"self.listeners.all(l, self.targetGroups.all(g, g.name != l.targetGroup || ({_is_http('l')}) == ({_is_http('g')})))",
        "HTTP and HTTPS listeners forward to HTTP and HTTPS target groups, TCP and TLS listeners to TCP and TLS",
    ),
    _rule(
        "self.listeners.all(l, l.protocol == 'HTTPS' || self.targetGroups.all(g, g.name != l.targetGroup || g.protocolVersion == 'HTTP1'))",
        "a target group of version HTTP2 or GRPC needs an HTTPS listener",
    ),
    _rule(
        """self.targetGroups.all(g, (has(g.crossZone) ? g.crossZone : self.crossZone) != 'disabled'
        || !has(g.targets.addresses) || g.targets.addresses.all(a, has(a.zone)))""",
        "addresses need a zone while cross-zone is disabled",
    ),
    _rule(
        f"""!has(self.capacity) || !has(self.capacity.reservations) || self.listeners.exists(l, {_is_http("l")})
        || self.capacity.reservations.all(r, !has(r.requestsPerSecond))""",
        "a reservation's requestsPerSecond is only for HTTP and HTTPS listeners; use connectionsPerSecond",
    ),
    _rule("!has(self.zones) || self.zones.all(z, self.zones.exists_one(y, y == z))", "a zone is listed twice"),
]

LISTENER = [
    _rule(
        "(self.protocol in ['HTTPS', 'TLS']) == has(self.tls)", "tls is required for HTTPS and TLS, and only for them"
    ),
    _rule(
        f"({_is_http('self')}) || !(has(self.clientKeepAlive) || has(self.http))",
        "clientKeepAlive and http are only for HTTP and HTTPS listeners",
    ),
    _rule(
        f"""!has(self.idleTimeout) || (({_is_http("self")})
        ? duration(self.idleTimeout) <= duration('4000s') : duration(self.idleTimeout) >= duration('60s'))""",
        "idleTimeout is 1s to 4000s for HTTP and HTTPS, 60s to 6000s for TCP and TLS",
    ),
    _rule(
        "!has(self.http) || !self.http.xForwardedForClientPort || self.http.xForwardedFor == 'append'",
        "http.xForwardedForClientPort only with xForwardedFor: append",
    ),
]

GROUP = [
    _rule(
        f"({_is_http('self')}) || self.protocolVersion == 'HTTP1'",
        "protocolVersion is only for HTTP and HTTPS target groups",
    ),
    _rule(
        "duration(self.slowStart) == duration('0s') || self.algorithm != 'least_outstanding_requests'",
        "slowStart not with least_outstanding_requests",
    ),
    _rule(
        f"self.proxyProtocol == 'off' || !({_is_http('self')})", "proxyProtocol is only for TCP and TLS target groups"
    ),
    _rule(
        "!self.unhealthyConnectionTermination || !has(self.unhealthyDrainingInterval)",
        "use one of unhealthyConnectionTermination and unhealthyDrainingInterval",
    ),
    _rule("!has(self.tls) || self.protocol in ['HTTPS', 'TLS']", "tls is only for HTTPS and TLS target groups"),
    _rule(
        f"!has(self.stickiness) || self.stickiness.type == 'source_ip' || ({_is_http('self')})",
        "stickiness by cookie is only for HTTP and HTTPS target groups",
    ),
    _rule(
        f"""({_is_http("self")}) || has(self.healthCheck.protocol) && self.healthCheck.protocol in ['HTTP', 'HTTPS']
        || !(has(self.healthCheck.path) || has(self.healthCheck.host) || has(self.healthCheck.matcher))""",
        "healthCheck.path, host and matcher are only for HTTP and HTTPS checks",
    ),
    _rule(
        "self.protocolVersion != 'GRPC' || !has(self.healthCheck.protocol) || self.healthCheck.protocol in ['HTTP', 'HTTPS']",
        "a GRPC target group is checked by gRPC",
    ),
    _rule(
        """!has(self.healthCheck.matcher) || self.healthCheck.matcher.matches(self.protocolVersion == 'GRPC'
        ? '^0?[0-9]{1,2}([-,]0?[0-9]{1,2})*$' : '^[2-5][0-9]{2}([-,][2-5][0-9]{2})*$')""",
        "healthCheck.matcher takes 200 to 599, for GRPC 0 to 99",
    ),
]

HEALTH_CHECK = [
    _rule(
        "!has(self.timeout) || duration(self.timeout) < duration(self.interval)", "timeout must be below the interval"
    ),
    _rule(
        "!has(self.matcher) || self.matcher.split(',').all(r, int(r.split('-')[0]) <= int(r.split('-')[r.split('-').size() - 1]))",
        "a range of matcher must go upwards, like 200-299",
    ),
]

STICKINESS = [
    _rule(
        "(self.type == 'app_cookie') == has(self.cookieName)", "cookieName is required for app_cookie, and only for it"
    ),
    _rule(
        "!has(self.cookieName) || !self.cookieName.upperAscii().startsWith('AWSALB')",
        "names that begin with AWSALB are the load balancer's own",
    ),
]

TARGETS = [
    _rule(
        "[has(self.service), has(self.nodes), has(self.addresses)].filter(x, x).size() == 1",
        "exactly one of service, nodes and addresses",
    )
]

PROXY = [_rule("!has(self.maxReplicas) || self.maxReplicas >= self.replicas", "maxReplicas must not be below replicas")]

RESERVATION = [
    _rule("self.end > self.start", "end must be after start"),
    _rule(
        "has(self.requestsPerSecond) || has(self.connectionsPerSecond)",
        "one of requestsPerSecond and connectionsPerSecond is required",
    ),
]

SOURCE = [_rule("isCIDR(self)", "not a CIDR such as 10.0.0.0/8 or 2001:db8::/32")]

ADDRESS = [
    _rule("isIP(self)", "not an IPv4 or IPv6 address; write IPv4 without ::"),
    _rule(
        "!isIP(self) || ip(self).isGlobalUnicast() || ip(self).isLoopback() || ip(self).family() == 4 && ip(self).isLinkLocalUnicast()",
        "an unspecified, multicast, broadcast or link-local address can't be a target",
    ),
    _rule(
        "!isIP(self) || !cidr('::/96').containsIP(self) || ip(self).isLoopback()",
        "not an IPv4 or IPv6 address; write IPv4 without ::",
    ),
    _rule("!isIP(self) || ip.isCanonical(self)", "write an address in its one short form, like fd00::1"),
]

PORT_NAME = [_rule("type(self) != string || self.matches('[a-z]')", "the name of a port holds a letter")]

DEREGISTERED = [
    _rule("[has(self.pod), has(self.node), has(self.ip)].filter(x, x).size() == 1", "exactly one of pod, node and ip"),
    _rule("!has(self.port) || has(self.ip)", "port only with ip"),
]

AT: dict[tuple[str, ...], list[dict[str, str]]] = {
    (): SPEC,
    ("listeners",): LISTENER,
    ("targetGroups",): GROUP,
    ("targetGroups", "healthCheck"): HEALTH_CHECK,
    ("targetGroups", "stickiness"): STICKINESS,
    ("targetGroups", "targets"): TARGETS,
    ("capacity", "reservations"): RESERVATION,
    ("proxy",): PROXY,
    ("allowedSources",): SOURCE,
    ("deregisteredTargets",): DEREGISTERED,
    ("deregisteredTargets", "ip"): ADDRESS,
    ("targetGroups", "targets", "addresses", "ip"): ADDRESS,
    ("targetGroups", "targets", "service", "port"): PORT_NAME,
}

# Durations by where they stand: least, most, and the most days. CEL's duration() knows no days.
DURATIONS: dict[tuple[str, ...], tuple[str, str, int]] = {
    ("listeners", "idleTimeout"): ("1s", "6000s", 0),
    ("listeners", "clientKeepAlive"): ("60s", "168h", 7),
    ("targetGroups", "healthCheck", "interval"): ("1s", "300s", 0),
    ("targetGroups", "healthCheck", "timeout"): ("500ms", "120s", 0),
    ("targetGroups", "deregistrationDelay"): ("0s", "1h", 0),
    ("targetGroups", "unhealthyDrainingInterval"): ("0s", "100h", 4),
    ("targetGroups", "stickiness", "duration"): ("1s", "168h", 7),
    ("targetGroups", "surgeQueue", "timeout"): ("1s", "4000s", 0),
}
_SPAN = "([0-9]{1,5}(h|m|s|ms)){1,4}"


# A number within these, or a string of this form.
_PORT = {"minimum": 1, "maximum": 65535, "maxLength": 15}
VALUES: dict[tuple[str, ...], dict[str, Any]] = {
    ("targetGroups", "targets", "service", "port"): {**_PORT, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
    ("targetGroups", "healthCheck", "port"): {**_PORT, "pattern": "^traffic-port$"},
    ("targetGroups", "healthCheck", "matcher"): {
        "pattern": "^[0-9]{1,3}(-[0-9]{1,3})?(,[0-9]{1,3}(-[0-9]{1,3})?){0,49}$"
    },
}


def install(spec: dict[str, Any]) -> None:
    """Put the rules where they stand in a spec's schema."""
    for path, rules in AT.items():
        _at(spec, path)["x-kubernetes-validations"] = rules
    for path, values in VALUES.items():
        _at(spec, path).update(values)
    for path, (least, most, days) in DURATIONS.items():
        inside = f"duration(self) >= duration('{least}') && duration(self) <= duration('{most}')"
        node = _at(spec, path)
        node["pattern"] = f"^({_SPAN}|[1-{days}]d)$" if days else f"^{_SPAN}$"
        rule = f"self.endsWith('d') || {inside}" if days else inside
        node["x-kubernetes-validations"] = [_rule(rule, f"outside {least} to {'7d' if days == 7 else most}")]
    slow = _at(spec, ("targetGroups", "slowStart"))
    slow["pattern"] = f"^{_SPAN}$"
    within = "duration(self) >= duration('30s') && duration(self) <= duration('15m')"
    slow["x-kubernetes-validations"] = [
        _rule(f"duration(self) == duration('0s') || ({within})", "neither 0s nor within 30s to 15m")
    ]


def _at(node: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for step in path:
        node = node["properties"][step]
        if node.get("type") == "array":
            node = node["items"]
    return node
