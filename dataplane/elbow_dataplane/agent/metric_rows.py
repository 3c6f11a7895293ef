"""ELB's counters as a listener and a target group have them: name, help and value (ELB sections 10.1 and 10.2)."""

from collections.abc import Iterator

from elbow_api.listener import Listener
from elbow_api.target_group import TargetGroup

from elbow_dataplane.haproxy import elb_counters as elb
from elbow_dataplane.haproxy.counters import Counters

Row = tuple[str, str, float]


def listener_rows(count: Counters, listener: Listener) -> Iterator[Row]:
    """What every listener counts, and what those of HTTP do besides."""
    refused = elb.listener_count(count, listener, "dcon") + elb.listener_count(count, listener, "dses")
    failed = elb.listener_count(count, listener, "ssl_failed_handshake")
    yield (
        "new_connection_count",
        "NewConnectionCount: clients that connected",
        elb.listener_count(count, listener, "conn_tot"),
    )
    yield (
        "processed_bytes",
        "ProcessedBytes: both directions, headers included",
        elb.processed_bytes(count, listener),
    )
    yield "client_tls_negotiation_error_count", "ClientTLSNegotiationErrorCount", failed
    yield (
        "blocked_connection_count",
        "Connections refused by allowedSources (SecurityGroupBlockedFlowCount)",
        refused,
    )
    if listener.protocol.is_http:
        yield "request_count", "RequestCount: requests received", elb.listener_count(count, listener, "req_tot")
        yield from _codes(count, listener)
        yield from _findings(count, listener)


def _codes(count: Counters, listener: Listener) -> Iterator[Row]:
    for hundreds in (4, 5):
        name = f"HTTPCode_ELB_{hundreds}XX_Count"
        yield name.lower(), f"{name}: made by the load balancer", elb.elb_codes(count, listener, hundreds)
    for code in (500, 502, 503, 504):
        name = f"HTTPCode_ELB_{code}_Count"
        yield name.lower(), f"{name}: made by the load balancer", elb.rule_count(count, listener, f"elb_{code}")


def _findings(count: Counters, listener: Listener) -> Iterator[Row]:
    """What requests were found to be."""
    drops = listener.options.drop_invalid_headers
    invalid = elb.rule_count(count, listener, "invalid_headers")
    yield (
        "desync_mitigation_mode_non_compliant_request_count",
        "DesyncMitigationMode_NonCompliant_Request_Count",
        elb.rule_count(count, listener, "noncompliant"),
    )
    yield "dropped_invalid_header_request_count", "DroppedInvalidHeaderRequestCount", invalid if drops else 0
    yield "forwarded_invalid_header_request_count", "ForwardedInvalidHeaderRequestCount", 0 if drops else invalid
    yield (
        "non_sticky_request_count",
        "NonStickyRequestCount: no usable cookie came along",
        elb.rule_count(count, listener, "not_sticky"),
    )


def group_rows(count: Counters, group: TargetGroup, listeners: list[Listener]) -> Iterator[Row]:
    """What a target group counts; the listeners are those that lead to it."""
    failed = elb.connection_errors(count, group)
    yield (
        "target_request_count",
        "RequestCount: requests (or connections) sent to targets",
        elb.group_count(count, group, "stot"),
    )
    yield "target_connection_error_count", "TargetConnectionErrorCount: failed connections to targets", failed
    yield (
        "target_tls_negotiation_error_count",
        "TargetTLSNegotiationErrorCount",
        elb.group_count(count, group, "ssl_failed_handshake"),
    )
    yield (
        "backend_connection_errors",
        "BackendConnectionErrors: failed connections to targets, health checks included",
        failed + elb.group_count(count, group, "chkfail"),
    )
    yield (
        "target_new_connection_count",
        "NewConnectionCount: connections opened to targets",
        elb.group_count(count, group, "connect"),
    )
    yield (
        "spillover_count",
        "SpilloverCount: refused because the surge queue was full",
        elb.spillover(count, group, listeners),
    )
    yield (
        "unhealthy_routing_request_count",
        "UnhealthyRoutingRequestCount: sent while too few targets were healthy",
        elb.failed_open(count, group),
    )
    if group.protocol.is_http:
        for hundreds in (2, 3, 4, 5):
            name = f"HTTPCode_Target_{hundreds}XX_Count"
            yield name.lower(), f"{name}: made by targets", elb.group_count(count, group, f"hrsp_{hundreds}xx")
