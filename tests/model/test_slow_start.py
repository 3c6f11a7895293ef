"""The growing share of a target that became healthy, as pure functions."""

from elbow_api.target_health import Reason, State
from elbow_dataplane.model.health import Health, registered
from elbow_dataplane.model.slow_start import STEPS, next_step, slow_start
from hypothesis import given
from hypothesis import strategies as st

_SICK = Health(State.UNHEALTHY, 0, Reason.TIMEOUT)


def healthy(since: float) -> Health:
    return Health(State.HEALTHY, since)


def shares(health: dict[str, Health]) -> dict[str, float]:
    return {key: each.share for key, each in health.items()}


def test_a_target_that_becomes_healthy_beside_another_begins_with_nothing_and_grows_to_its_full_share() -> None:
    last = slow_start({"a": healthy(0)}, {"a": healthy(0), "b": registered(90)}, 100, 95)
    assert shares(last) == {"a": 1, "b": 0}
    for now, share in ((100, 0), (104.9, 0), (105, 0.05), (150, 0.5), (199.9, 0.95), (200, 1), (300, 1)):
        last = slow_start(last, {"a": healthy(0), "b": healthy(100)}, 100, now)
        assert shares(last) == {"a": 1, "b": share}


def test_targets_that_fill_an_empty_group_together_have_their_full_share() -> None:
    new = {key: registered(0, ramps=False) for key in "abc"}
    first = slow_start({}, new, 100, 0)
    second = slow_start(first, {"a": healthy(1), "b": new["b"], "c": new["c"]}, 100, 1)
    third = slow_start(second, {"a": healthy(1), "b": healthy(2), "c": new["c"]}, 100, 2)

    for health in (first, second, third):
        assert set(shares(health).values()) == {1}
    # Only once: after a failure it begins slowly.
    fourth = slow_start(third, {"a": healthy(1), "b": _SICK, "c": new["c"]}, 100, 3)
    assert shares(fourth) == {"a": 1, "b": 0, "c": 1}
    assert shares(slow_start(fourth, {"a": healthy(1), "b": healthy(4), "c": new["c"]}, 100, 4))["b"] == 0


def test_the_first_to_be_healthy_again_and_those_beside_one_that_still_grows_have_their_full_share() -> None:
    sick = slow_start({}, {"a": _SICK, "b": _SICK, "c": _SICK}, 100, 0)
    assert shares(sick) == {"a": 1, "b": 1, "c": 1}
    first = slow_start(sick, {"a": healthy(1), "b": _SICK, "c": _SICK}, 100, 1)
    assert shares(first)["a"] == 1
    second = slow_start(first, {"a": healthy(1), "b": healthy(2), "c": _SICK}, 100, 2)
    assert shares(second) == {"a": 1, "b": 0, "c": 0}
    # Only b is left, and it still grows: c has nobody beside it with a full share.
    alone = slow_start(second, {"a": _SICK, "b": healthy(2), "c": _SICK}, 100, 3)
    assert shares(slow_start(alone, {"a": _SICK, "b": healthy(2), "c": healthy(4)}, 100, 4))["c"] == 1


def test_targets_already_healthy_when_it_is_switched_on_do_not_begin_slowly() -> None:
    off = slow_start({}, {"a": healthy(0), "b": healthy(0)}, 0, 5)

    assert shares(slow_start(off, off, 100, 6)) == {"a": 1, "b": 1}


def test_the_clock_is_set_for_the_next_step() -> None:
    ramping = Health(State.HEALTHY, 0, ramp=1000.0)

    assert next_step(ramping, 100, 1000) == 1005
    assert next_step(ramping, 100, 1007) == 1010
    assert next_step(healthy(0), 100, 1000) is None


@given(
    st.lists(st.tuples(st.dictionaries(st.sampled_from("abcd"), st.booleans()), st.floats(0.1, 60)), max_size=20),
    st.sampled_from([0.0, 30.0, 100.0]),
)
def test_a_share_never_shrinks_while_a_target_is_healthy_and_some_healthy_target_has_all_of_its_own(
    steps: list[tuple[dict[str, bool], float]], duration: float
) -> None:
    last: dict[str, Health] = {}
    now = 0.0
    for up, pause in steps:
        now += pause
        new = slow_start(last, {key: healthy(now) if is_up else _SICK for key, is_up in up.items()}, duration, now)
        for key, health in new.items():
            assert health.share * STEPS == int(health.share * STEPS)
            before = last.get(key)
            if before and health.state is State.HEALTHY and before.state is State.HEALTHY:
                assert health.share >= before.share
            if duration == 0:
                assert health.share == 1
        last = new
