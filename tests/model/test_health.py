"""From checks to states, as pure functions."""

from dataclasses import replace

import pytest
from elbow_api.target_group import TargetGroup
from elbow_api.target_health import Reason, State
from elbow_dataplane.model.health import (
    Check,
    Health,
    may_serve,
    not_in_use,
    observe,
    registered,
    unchecked,
)
from hypothesis import given
from hypothesis import strategies as st

_CHECK = {"interval": "10s", "timeout": "2s", "healthyThreshold": 3, "unhealthyThreshold": 3}


def group(protocol: str = "HTTP", **fields: object) -> TargetGroup:
    whole = {"name": "web", "protocol": protocol, "targets": {"addresses": []}, "healthCheck": _CHECK, **fields}
    return TargetGroup.model_validate(whole)


def test_every_state_has_its_reason_and_description() -> None:
    healthy = Health(State.HEALTHY, 5)

    def after(status: str, code: int | None = None, protocol: str = "HTTP") -> tuple[str, str | None, str | None]:
        health = observe(healthy, Check(up=False, status=status, code=code), group(protocol), 10)
        return health.state.value, health.reason, health.description

    failed = ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
    assert after("L7STS", 503) == (
        "unhealthy",
        "Target.ResponseCodeMismatch",
        "Health checks failed with these codes: [503]",
    )
    for status in ("L4TOUT", "L6TOUT", "L7TOUT"):
        assert after(status) == ("unhealthy", "Target.Timeout", "Request timed out")
        assert after(status, protocol="TCP") == failed
    for status in ("L4CON", "L6RSP", "L7RSP", "SOCKERR"):
        assert after(status) == failed
    assert after("L7STS", 503, "TCP") == failed
    told = {
        "registered": registered(1),
        "unchecked": unchecked(healthy, 1),
        "no listener": not_in_use(healthy, 1, zone_is_off=False),
        "zone off": not_in_use(healthy, 1, zone_is_off=True),
    }
    assert {key: (h.state.value, h.description) for key, h in told.items()} == {
        "registered": ("initial", "Target registration is in progress"),
        "unchecked": ("unavailable", "Health checks are disabled"),
        "no listener": ("unused", "Target group is not configured to receive traffic from the load balancer"),
        "zone off": (
            "unused",
            "Target is in an Availability Zone that is not enabled for the load balancer",
        ),
    }


def test_an_initial_target_is_unhealthy_when_as_many_checks_failed_as_the_threshold_says() -> None:
    failed = Check(up=False, status="L4CON", duration=0.5)
    first = observe(registered(0), failed, group(), 1)

    # Each of the two that follow begins an interval after the last one's end, give or take its spread.
    assert (first.state, first.verdict) == (State.INITIAL, pytest.approx(1 + 2 * 10.7))
    assert observe(first, failed, group(), 20).state is State.INITIAL
    last = observe(first, failed, group(), 22.5)
    assert (last.state, last.since, last.verdict) == (State.UNHEALTHY, 22.5, None)


def test_one_success_makes_an_initial_target_healthy_since_then() -> None:
    first = observe(registered(0), Check(up=False, status="L4CON"), group(), 1)

    health = observe(first, Check(up=True, status="L7OK", since=11), group(), 12)

    assert (health.state, health.since, health.reason) == (State.HEALTHY, 11, None)


def test_an_unhealthy_target_keeps_why_and_since_when_until_it_is_healthy() -> None:
    sick = observe(Health(State.HEALTHY, 0), Check(up=False, status="L7STS", code=500, since=20), group(), 21)
    recovering = observe(sick, Check(up=False, status="L7OK"), group(), 40)
    worse = observe(recovering, Check(up=False, status="L7TOUT"), group(), 50)

    assert recovering == sick
    assert (worse.since, worse.reason) == (20, Reason.TIMEOUT)


def test_connections_to_an_unhealthy_target_end_as_its_group_says() -> None:
    sick = Health(State.UNHEALTHY, 100, Reason.TIMEOUT)
    at_once = group(unhealthyConnectionTermination=True)
    later = group(unhealthyDrainingInterval="30s")

    assert may_serve(sick, group(), 1e9)
    assert not may_serve(sick, at_once, 100)
    assert may_serve(Health(State.HEALTHY, 100), at_once, 100)
    assert [may_serve(sick, later, now) for now in (100, 129, 130)] == [True, True, False]
    failing = Check(up=False, status="L7TOUT", since=100)
    states = [observe(Health(State.HEALTHY, 0), failing, later, now).state for now in (101, 129, 130)]
    assert states == [State.UNHEALTHY_DRAINING, State.UNHEALTHY_DRAINING, State.UNHEALTHY]


CHECKS = st.builds(
    Check,
    up=st.booleans(),
    status=st.sampled_from(["", "L4OK", "L6OK", "L7OK", "L4CON", "L4TOUT", "L7TOUT", "L7STS", "L7RSP", "L6RSP"]),
    code=st.sampled_from([None, 200, 404, 500]),
    duration=st.floats(0, 2),
)


@given(st.lists(st.tuples(CHECKS, st.floats(0.01, 20)), max_size=30), st.sampled_from(["HTTP", "TCP"]))
def test_whatever_checks_say_a_state_is_true_to_them_and_since_is_when_it_began(
    steps: list[tuple[Check, float]], protocol: str
) -> None:
    now, health = 0.0, registered(0.0)
    for check, pause in steps:
        now += pause
        new = observe(health, replace(check, since=now - pause / 2), group(protocol), now)
        assert (new.state is State.HEALTHY) == check.up
        assert (new.description is None) == (new.state is State.HEALTHY)
        assert health.since <= new.since <= now
        if new.state is health.state:
            assert new.since == health.since
        if health.state is State.UNHEALTHY:
            assert new.state is not State.INITIAL
        health = new
