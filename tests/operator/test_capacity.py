"""Capacity set aside: how many proxies each zone gets, and when."""

from datetime import datetime, timedelta
from typing import Any

from elbow_api.capacity import LEAD
from elbow_api.load_balancer import LoadBalancer
from elbow_operator.plan.capacity import Phase, changes_in, plan, ports
from elbow_operator.plan.cluster import Node, Settings
from elbow_operator.plan.objects import objects
from harness.observed import NODES, ZONES, load_balancer
from harness.reservations import END, MINUTE, NEEDED, START, launch, reserved
from hypothesis import given
from hypothesis import strategies as st


def proxies(resource: LoadBalancer, now: datetime, zones: int = 3) -> int:
    return plan(resource.spec, zones, now).proxies


def test_proxies_are_there_a_quarter_of_an_hour_ahead_and_until_the_end() -> None:
    resource = reserved(launch())

    assert NEEDED > 2
    assert proxies(resource, START - LEAD - MINUTE) == 2
    assert proxies(resource, START - LEAD) == NEEDED
    assert proxies(resource, START) == NEEDED
    assert proxies(resource, END - MINUTE) == NEEDED
    assert proxies(resource, END) == 2


def test_the_other_zones_carry_it_all_when_one_is_lost() -> None:
    alone, two, three = (plan(reserved(launch()).spec, zones, START).needed for zones in (1, 2, 3))

    assert two == alone, "the one that is left carries the whole"
    assert three == -(-alone // 2) or three == -(-alone // 2) + 1


def test_a_larger_proxy_carries_more() -> None:
    large = reserved(launch(), proxy={"resources": {"requests": {"cpu": 1}, "limits": {"memory": "1Gi"}}})

    assert plan(large.spec, 1, START).needed <= -(-plan(reserved(launch()).spec, 1, START).needed // 4) + 1


def test_tls_connections_and_bytes_each_take_more() -> None:
    plain = plan(reserved(launch()).spec, 1, START).needed

    for more in ({"tlsPercent": 100}, {"connectionsPerSecond": 30_000}, {"bytesPerRequest": 1_000_000}):
        assert plan(reserved(launch(**more)).spec, 1, START).needed > plain


def test_all_of_it_uses_tls_where_a_listener_does_unless_it_says_how_much() -> None:
    https = {
        "listeners": [
            {"name": "https", "protocol": "HTTPS", "port": 443, "targetGroup": "web", "tls": {"certificates": [{"secretName": "c"}]}}
        ]
    }  # fmt: skip
    unsaid, whole, none = (
        plan(reserved(launch(**fields), **https).spec, 1, START).needed
        for fields in ({}, {"tlsPercent": 100}, {"tlsPercent": 0})
    )
    assert unsaid == whole > none


def test_reservations_that_overlap_add_up() -> None:
    both = reserved(launch("one"), launch("two", START + timedelta(hours=1), END + timedelta(hours=1)))

    once, twice = proxies(both, START), proxies(both, START + timedelta(hours=1))
    assert once == NEEDED
    assert twice in (2 * NEEDED - 1, 2 * NEEDED)
    assert proxies(both, END) == NEEDED


def test_units_are_always_set_aside() -> None:
    resource = reserved(launch(), minimumUnits=10)

    always = proxies(resource, END + timedelta(days=365))
    assert always == plan(reserved(minimumUnits=10).spec, 3, START).needed > 2
    assert proxies(resource, START) == max(always, NEEDED)


def test_never_more_than_max_replicas_and_a_hundred_without() -> None:
    assert proxies(reserved(launch(), proxy={"replicas": 1, "maxReplicas": 3}), START) == 3
    assert proxies(reserved(launch(requestsPerSecond=10_000_000)), START) == 100


def test_the_clock_is_looked_at_when_it_changes_something() -> None:
    spec = reserved(launch()).spec

    assert changes_in(spec, START - LEAD - MINUTE) == 60
    assert changes_in(spec, START) == 7200
    assert changes_in(spec, END) is None
    assert changes_in(load_balancer().spec, START) is None


def test_times_at_the_edges_of_the_calendar_are_times() -> None:
    eternal = reserved(
        launch() | {"start": "0001-01-01T00:00:00+14:00", "end": "9999-12-31T23:59:59-14:00"},
    )
    assert proxies(eternal, START) == NEEDED
    assert (changes_in(eternal.spec, START) or 0) > 0


def scaled(resource: LoadBalancer, now: datetime, running: int = 0) -> tuple[int, int | None]:
    """The replicas of a zone's Deployment, and the minimum of its autoscaler."""
    found = objects(
        resource,
        uid="u",
        generation=1,
        zones=ZONES,
        nodes=NODES,
        states={},
        settings=Settings("elbow:1", "haproxy:3.2"),
        running=dict.fromkeys(ZONES, running),
        least=proxies(resource, now),
    )
    replicas = {d["spec"]["replicas"] for d in found if d["kind"] == "Deployment"}
    least = {d["spec"]["minReplicas"] for d in found if d["kind"] == "HorizontalPodAutoscaler"}
    assert len(replicas) == 1
    return replicas.pop(), least.pop() if least else None


def test_a_deployment_is_scaled_up_and_back() -> None:
    resource = reserved(launch())

    assert [scaled(resource, now)[0] for now in (START - LEAD - MINUTE, START, END)] == [2, NEEDED, 2]


def test_an_autoscaler_gets_a_higher_minimum_and_then_judges_for_itself() -> None:
    resource = reserved(launch(), proxy={"replicas": 2, "maxReplicas": 50})

    assert scaled(resource, START - LEAD - MINUTE, running=4) == (4, 2)
    assert scaled(resource, START, running=4) == (NEEDED, NEEDED)
    assert scaled(resource, START, running=NEEDED + 5) == (NEEDED + 5, NEEDED)
    assert scaled(resource, END, running=NEEDED + 5) == (NEEDED + 5, 2)


def test_an_autoscaler_is_not_asked_for_more_than_there_are_ports_for() -> None:
    proxy, ports = {"replicas": 1, "maxReplicas": 50}, {"exposure": {"type": "HostPort"}}

    assert scaled(reserved(launch(), proxy=proxy), START)[1] == NEEDED
    assert scaled(reserved(launch(), proxy=proxy, **ports), START) == (1, 1)


TIMES = st.integers(-300, 300).map(lambda minutes: START + minutes * MINUTE)


@st.composite
def specs(draw: st.DrawFn) -> LoadBalancer:
    replicas = draw(st.integers(1, 10))
    most = draw(st.none() | st.integers(replicas, 30))
    reservations = []
    for n in range(draw(st.integers(0, 4))):
        start = draw(TIMES)
        end = start + draw(st.integers(1, 300)) * MINUTE
        requests, tls = draw(st.integers(1, 100_000)), draw(st.none() | st.integers(0, 100))
        fields: dict[str, Any] = {"requestsPerSecond": requests}
        reservations.append(launch(f"r{n}", start, end, **fields, **({} if tls is None else {"tlsPercent": tls})))
    proxy = {"replicas": replicas} | ({} if most is None else {"maxReplicas": most})
    units = draw(st.none() | st.integers(1, 30))
    return reserved(*reservations, proxy=proxy, **({} if units is None else {"minimumUnits": units}))


@given(specs(), TIMES, st.integers(1, 40), st.integers(1, 5))
def test_there_are_never_fewer_than_replicas_nor_than_the_autoscaler_runs(
    resource: LoadBalancer, now: datetime, running: int, zones: int
) -> None:
    proxy = resource.spec.proxy
    found = plan(resource.spec, zones, now)
    most = proxy.max_replicas or 100
    assert proxy.replicas <= found.proxies <= max(proxy.replicas, most)
    assert found.proxies >= min(found.needed, most)
    replicas, least = scaled(resource, now, running)
    assert replicas >= proxy.replicas
    if least is not None:
        assert replicas >= min(running, most)
        assert replicas >= least >= proxy.replicas


@given(specs(), TIMES, st.integers(1, 5))
def test_nothing_changes_before_the_clock_is_looked_at_again(resource: LoadBalancer, now: datetime, zones: int) -> None:
    seconds = changes_in(resource.spec, now)
    before = now + (timedelta(seconds=seconds) if seconds is not None else timedelta(days=1000)) - MINUTE / 60
    assert plan(resource.spec, zones, max(now, before)) == plan(resource.spec, zones, now)


@given(specs(), TIMES, st.integers(1, 5))
def test_a_reservation_more_never_takes_a_proxy_away(resource: LoadBalancer, now: datetime, zones: int) -> None:
    there = resource.spec.model_dump(mode="json", by_alias=True, exclude_none=True)["capacity"]["reservations"]
    fewer = reserved(*there[:-1], proxy=resource.spec.proxy.model_dump(by_alias=True, exclude_none=True))
    more = reserved(*there, proxy=resource.spec.proxy.model_dump(by_alias=True, exclude_none=True))
    assert proxies(more, now, zones) >= proxies(fewer, now, zones)


def test_host_ports_are_counted_by_ready_nodes() -> None:
    spec = reserved(launch(), exposure={"type": "HostPort"}).spec
    nodes = [*NODES, Node("a-2", "zone-a", True), Node("b-2", "zone-b", False)]

    assert ports(spec, ZONES, nodes) == {"zone-a": 2, "zone-b": 1, "zone-c": 1}
    assert ports(load_balancer().spec, ZONES, nodes) == {}


def test_the_phase_is_told_by_the_clock_alone() -> None:
    spec = reserved(launch()).spec
    phases = [plan(spec, 3, now).reserved[0].phase for now in (START - LEAD - MINUTE, START - LEAD, END)]
    assert phases == [Phase.AHEAD, Phase.IN_FORCE, Phase.ENDED]
