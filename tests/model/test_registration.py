"""Who is registered and who leaves, as pure functions."""

from typing import Any

import pytest
from elbow_api.proxy_config import ProxyConfig, Zone, ZoneState
from elbow_dataplane.model.registration import Registration, forget, register
from elbow_dataplane.model.target import Target
from elbow_dataplane.model.wanted import is_zone_enabled, plan, usable
from harness.proxy_config import config
from hypothesis import given
from hypothesis import strategies as st

A, B, C = (Target(f"10.0.0.{i}", 80, zone=f"zone-{i}") for i in (1, 2, 3))


def test_a_target_leaves_for_as_long_as_the_delay_was_when_it_left() -> None:
    both = register(Registration(), config(), None, {"web": (A, B)}, 100)
    one = register(both, config(), None, {"web": (A,)}, 200)
    longer = register(one, config("1h"), None, {"web": (A,)}, 205)

    (drain,) = longer.drains.values()
    assert (drain.target, drain.began, drain.ends, drain.cuts) == (B, 200, 210, True)
    still, cut = forget(longer, 209.9)
    assert (still, cut) == (longer, ())
    over, cut = forget(longer, 210)
    assert over.drains == {}
    assert cut == (("web", B.key),)


def test_what_is_left_at_the_end_is_not_cut_where_termination_is_off() -> None:
    off = config(group={"connectionTermination": False})
    left = register(register(Registration(), off, None, {"web": (A,)}, 0), off, None, {"web": ()}, 1)

    assert forget(left, 1e9) == (Registration({"web": ()}, {}), ())


def test_a_target_that_comes_back_leaves_no_more() -> None:
    both = register(Registration(), config(), None, {"web": (A, B)}, 0)
    one = register(both, config(), None, {"web": (A,)}, 1)

    again = register(one, config(), None, {"web": (A, B)}, 2)

    assert again.drains == {}
    assert again.targets == {"web": (A, B)}


def test_a_change_of_weight_or_zone_is_no_deregistration() -> None:
    first = register(Registration(), config(), None, {"web": (A,)}, 0)
    changed = Target(A.ip, A.port, zone="zone-2", weight=7)

    assert register(first, config(), None, {"web": (changed,)}, 1) == Registration({"web": (changed,)}, {})


def test_a_proxy_uses_its_own_zone_where_cross_zone_is_off_and_enabled_zones_only() -> None:
    everywhere, own = config(), config(crossZone="disabled")
    overridden = config(crossZone="disabled", group={"crossZone": "enabled"})
    two = config(zones=(Zone(name="zone-3", state=ZoneState.SHIFTED),))
    listed = config(enabled=["zone-1", "zone-2"])

    def used(which: ProxyConfig, zone: str | None) -> tuple[Target, ...]:
        return usable(which, which.spec.target_groups[0], zone, (A, B, C))

    assert used(everywhere, "zone-1") == used(overridden, "zone-1") == used(everywhere, None) == (A, B, C)
    assert used(own, "zone-1") == (A,)
    assert used(own, "zone-9") == ()
    assert used(two, "zone-1") == used(listed, "zone-1") == (A, B)
    assert is_zone_enabled(listed, None)


NAMED = Target("10.0.0.7", 80, pod="web-7", node="a1")


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        ({"pod": "web-7"}, (A,)),
        ({"node": "a1"}, (A,)),
        ({"ip": "10.0.0.7"}, (A,)),
        ({"ip": "10.0.0.7", "port": 80}, (A,)),
        ({"ip": "10.0.0.7", "port": 81}, (A, NAMED)),
        ({"pod": "web-8"}, (A, NAMED)),
        ({"pod": "web-7", "targetGroup": "other"}, (A, NAMED)),
    ],
)
def test_a_target_is_taken_out_by_its_pod_its_node_or_its_address(
    entry: dict[str, Any], left: tuple[Target, ...]
) -> None:
    taken = config(deregisteredTargets=[{"targetGroup": "web", **entry}])
    assert register(Registration(), taken, None, {"web": (A, NAMED)}, 0).targets == {"web": left}


def test_a_target_taken_out_by_hand_drains_and_comes_back_as_if_it_were_new() -> None:
    both = register(Registration(), config(), None, {"web": (A, B)}, 0)
    taken = config(deregisteredTargets=[{"targetGroup": "web", "ip": B.ip}])

    out = register(both, taken, None, {"web": (A, B)}, 5)
    (drain,) = out.drains.values()
    assert (out.targets, drain.target, drain.ends) == ({"web": (A,)}, B, 15)
    assert register(forget(out, 15)[0], taken, None, {"web": (A, B)}, 16).drains == {}
    assert register(out, config(), None, {"web": (A, B)}, 6) == both


SETS = st.lists(st.tuples(st.sets(st.sampled_from([A, B, C])), st.floats(0.1, 20)), max_size=20)


@given(SETS)
def test_whoever_comes_and_goes_each_target_is_registered_or_leaving_or_forgotten(
    steps: list[tuple[set[Target], float]],
) -> None:
    now, last, left = 0.0, Registration(), {}
    for members, pause in steps:
        now += pause
        last, cut = forget(last, now)
        for _, key in cut:
            assert now >= left[key] + 10
        new = register(last, config(), None, {"web": tuple(sorted(members, key=lambda t: t.key))}, now)
        registered, leaving = {t.key for t in new.targets["web"]}, {key for _, key in new.drains}
        assert registered == {t.key for t in members}
        assert not registered & leaving
        for target in last.targets.get("web", ()):
            if target not in members:
                left[target.key] = now
        assert leaving == {key for key, at in left.items() if key not in registered and now < at + 10}
        wanted = plan(config(), None, b"secret", new.targets, new.leaving(), {}).groups[0]
        assert {s.target.key: s.draining for s in wanted.servers} == dict.fromkeys(registered, False) | dict.fromkeys(
            leaving, True
        )
        left = {key: at for key, at in left.items() if key not in registered}
        last = new
