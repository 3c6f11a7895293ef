"""A target group's health check as HAProxy rules (HAProxy configuration manual, http-check and tcp-check)."""

from elbow_api.health_check import HealthCheck, code_ranges
from elbow_api.protocol import ProtocolVersion
from elbow_api.target_group import TargetGroup

from elbow_dataplane.haproxy.render.grpc_check import DEFAULT_MATCHER, DEFAULT_PATH, grpc_lines
from elbow_dataplane.haproxy.render.quote import quote, quote_format

# ELB names the target by its address and the port checked (ELB section 2.1); HAProxy writes IPv6 addresses without brackets.
_TARGET_HOST = """'%[bc_dst,regsub("^(.*:.*)$","[\\1]")]:%[bc_dst_port]'"""
USER_AGENT = "ELB-HealthChecker/2.0"


def check_lines(group: TargetGroup) -> list[str]:
    """The rules of a group's checked backend; none where a connection or a handshake is enough."""
    check = group.health_check
    if not check.enabled:
        return []
    lines = ["  option log-health-checks", f"  timeout check {check.time_limit.milliseconds}ms"]
    if group.protocol_version is ProtocolVersion.GRPC:
        return lines + _grpc(check, group)
    if (check.protocol or group.protocol).is_http:
        return lines + _http(check, group)
    return [*lines, "  option tcp-check"]


def _http(check: HealthCheck, group: TargetGroup) -> list[str]:
    version = "HTTP/2" if group.protocol_version is ProtocolVersion.HTTP2 else "HTTP/1.1"
    return [
        "  option httpchk",
        *_connect(version, encrypted=(check.protocol or group.protocol).is_encrypted),
        f"  http-check send meth GET uri {quote(check.path or '/')} ver {version} hdr Host {_host(check)} hdr User-Agent {USER_AGENT}",
        f"  http-check expect rstatus {quote(_codes(check.matcher or '200'))}",
    ]


def _connect(version: str, *, encrypted: bool) -> list[str]:
    """Without a rule of its own HAProxy 3.3 and newer would ask a TLS target for the name in the check's Host."""
    if encrypted:
        return ["  http-check connect default"]
    return ["  http-check connect default proto h2"] if version == "HTTP/2" else []


def _codes(matcher: str) -> str:
    """A regular expression for the codes; all of them are three digits."""
    codes = sorted({code for low, high in code_ranges(matcher) for code in range(low, high + 1)})
    return f"^({'|'.join(map(str, codes))})$"


def _grpc(check: HealthCheck, group: TargetGroup) -> list[str]:
    return grpc_lines(
        check.path or DEFAULT_PATH,
        check.host,
        _TARGET_HOST,
        check.matcher or DEFAULT_MATCHER,
        USER_AGENT,
        encrypted=(check.protocol or group.protocol).is_encrypted,
    )


def _host(check: HealthCheck) -> str:
    return quote_format(check.host) if check.host else _TARGET_HOST
