"""Defaults are as documented."""

from elbow_api.load_balancer import parse

from api.documents import ONE, check, document, https, reserved, sticky, targets, tcp


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
    assert parse(targets(ONE)).spec.target_groups[0].targets.addresses[0].weight == 1


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
