"""The rules of elbow_api.rules in CEL, by where they stand in the spec; a test holds the two equal."""

from typing import Any

_IS_HTTP = "{0}.protocol in ['HTTP', 'HTTPS']"


def _rule(rule: str, message: str) -> dict[str, str]:
    return {"rule": " ".join(rule.split()), "message": message}


def _is_http(what: str) -> str:
    return _IS_HTTP.format(what)


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
        "self.slowStart == '0s' || self.algorithm != 'least_outstanding_requests'",
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
    _rule("!has(self.tls) || self.tls.verify == has(self.tls.ca)", "tls.ca is required with verify, and only with it"),
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
]

HEALTH_CHECK = [
    _rule(
        "!has(self.timeout) || duration(self.timeout) < duration(self.interval)", "timeout must be below the interval"
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

SOURCE = [_rule("isCIDR(self)", "not a CIDR such as 10.0.0.0/8 or 2001:db8::/32")]

ADDRESS = [_rule("isIP(self)", "not an IPv4 or IPv6 address")]

AT: dict[tuple[str, ...], list[dict[str, str]]] = {
    (): SPEC,
    ("listeners",): LISTENER,
    ("targetGroups",): GROUP,
    ("targetGroups", "healthCheck"): HEALTH_CHECK,
    ("targetGroups", "stickiness"): STICKINESS,
    ("targetGroups", "targets"): TARGETS,
    ("proxy",): PROXY,
    ("allowedSources",): SOURCE,
    ("targetGroups", "targets", "addresses", "ip"): ADDRESS,
}

# Durations by where they stand: least, most. CEL's duration() knows no days.
DURATIONS: dict[tuple[str, ...], tuple[str, str]] = {
    ("listeners", "idleTimeout"): ("1s", "6000s"),
    ("listeners", "clientKeepAlive"): ("60s", "168h"),
    ("targetGroups", "healthCheck", "interval"): ("1s", "300s"),
    ("targetGroups", "healthCheck", "timeout"): ("500ms", "120s"),
    ("targetGroups", "deregistrationDelay"): ("0s", "1h"),
    ("targetGroups", "unhealthyDrainingInterval"): ("0s", "100h"),
    ("targetGroups", "stickiness", "duration"): ("1s", "168h"),
    ("targetGroups", "surgeQueue", "timeout"): ("1s", "4000s"),
}


# A number within these, or a string of this form.
_PORT = {"minimum": 1, "maximum": 65535, "maxLength": 15}
VALUES: dict[tuple[str, ...], dict[str, Any]] = {
    ("targetGroups", "targets", "service", "port"): {**_PORT, "pattern": "^[0-9-]*[a-z]([-a-z0-9]*[a-z0-9])?$"},
    ("targetGroups", "healthCheck", "port"): {**_PORT, "pattern": "^traffic-port$"},
    ("targetGroups", "healthCheck", "matcher"): {"pattern": "^[0-9]{1,3}(-[0-9]{1,3})?(,[0-9]{1,3}(-[0-9]{1,3})?)*$"},
}


def install(spec: dict[str, Any]) -> None:
    """Put the rules where they stand in a spec's schema."""
    for path, rules in AT.items():
        _at(spec, path)["x-kubernetes-validations"] = rules
    for path, values in VALUES.items():
        _at(spec, path).update(values)
    for path, (least, most) in DURATIONS.items():
        days = "self.matches('^[0-9]+d$')" if most == "168h" else "false"
        limit = "int(self.substring(0, self.size() - 1)) >= 1 && int(self.substring(0, self.size() - 1)) <= 7"
        inside = f"duration(self) >= duration('{least}') && duration(self) <= duration('{most}')"
        node = _at(spec, path)
        node["pattern"] = (
            "^([0-9]{1,5}(h|m|s|ms)){1,4}$" if days == "false" else "^(([0-9]{1,5}(h|m|s|ms)){1,4}|[0-9]d)$"
        )
        rule = inside if days == "false" else f"{days} ? ({limit}) : ({inside})"
        node["x-kubernetes-validations"] = [_rule(rule, f"outside {least} to {'7d' if most == '168h' else most}")]
    slow = _at(spec, ("targetGroups", "slowStart"))
    slow["pattern"] = "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
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
