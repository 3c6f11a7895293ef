"""From what runs to what is wanted: the commands, carried out by a HAProxy made of dictionaries."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from elbow_api.target_group import TargetGroup
from elbow_api.target_health import State
from elbow_dataplane.haproxy.diff import Commands, Place, Running, commands, news
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.server_state import ServerState
from elbow_dataplane.haproxy.stats import Row, Stats
from elbow_dataplane.model.target import Target
from elbow_dataplane.model.wanted import Group, Server, Wanted
from harness.proxy_config import config
from hypothesis import given
from hypothesis import strategies as st

ENGINE = Engine(Path("/run/elbow"), b"secret", threads=2, max_connections=1000)


@dataclass
class FakeServer:
    """What HAProxy keeps of a server, and what clients do with it."""

    endpoint: str
    weight: int
    limit: int = 0
    maint: bool = True
    checked: bool = False
    enabled: bool = False
    up: bool = True
    sessions: int = 0


@dataclass
class FakeHAProxy:
    """Carries out runtime commands; AssertionError at one that HAProxy would refuse."""

    servers: dict[Place, FakeServer] = field(default_factory=dict)
    variables: dict[str, int] = field(default_factory=dict)

    def running(self) -> Running:
        rows = {
            place: Row(
                *place,
                (
                    "MAINT" if s.maint else "UP" if s.up else "DOWN",
                    str(s.limit or ""),
                    str(s.sessions),
                    "L7OK" if s.up else "L7STS",
                ),
                {"status": 0, "slim": 1, "scur": 2, "check_status": 3},
            )
            for place, s in self.servers.items()
        }
        states = {
            place: ServerState(s.endpoint, s.maint, False, s.weight, s.checked, s.enabled, 0, "-")
            for place, s in self.servers.items()
        }
        empty: MappingProxyType[str, Row] = MappingProxyType({})
        return Running(Stats(empty, empty, MappingProxyType(rows)), states, self.variables)

    def carry_out(self, todo: Commands) -> None:
        for line in [*todo.add, *todo.change, *todo.close]:
            self._command(line.split())
        for place in todo.remove:
            server = self.servers.pop(place)
            assert server.maint, "only a server in maintenance can be deleted"
            assert not server.sessions, "a server with sessions can't be deleted"

    def _command(self, words: list[str]) -> None:
        if words[:2] == ["experimental-mode", "on;set"]:
            self.variables[words[3]] = int(words[4].removeprefix("int(").removesuffix(")"))
            return
        at = 3 if words[1] in ("sessions", "maxconn") else 2
        verb, place = words[:at], self._place(words[at])
        if verb == ["add", "server"]:
            assert place not in self.servers, "the server exists"
            of = dict(itertools.pairwise(words))
            self.servers[place] = FakeServer(
                words[3], int(of["weight"]), int(of.get("maxconn", 0)), checked="check" in words
            )
            return
        server = self.servers[place]
        if verb == ["enable", "health"]:
            server.enabled = True
        elif verb == ["set", "maxconn", "server"]:
            server.limit = int(words[4])
        elif verb == ["shutdown", "sessions", "server"]:
            server.sessions = 0
        elif words[3] == "state":
            server.maint = words[4] == "maint"
        elif words[3] == "weight":
            server.weight = int(words[4])
        elif words[3] == "health":
            server.up = words[4] == "up"
        elif words[3] == "addr":
            server.endpoint = f"{words[4]}:{words[6]}"

    def _place(self, text: str) -> Place:
        backend, _, name = text.partition("/")
        return backend, name


def wanted(servers: tuple[Server, ...], **fields: object) -> Wanted:
    whole = config()
    spec = TargetGroup.model_validate({"name": "web", "protocol": "HTTP", "targets": {"addresses": []}, **fields})
    return Wanted(whole, None, (Group(spec, servers),))


SERVERS = st.lists(
    st.builds(
        Server,
        name=st.sampled_from(["one", "two", "three"]),
        target=st.builds(Target, ip=st.just("10.0.0.1"), port=st.integers(1, 3)),
        draining=st.booleans(),
        state=st.sampled_from(State),
        weight=st.integers(0, 256),
    ),
    unique_by=lambda server: server.name,
).map(tuple)
GROUPS = st.fixed_dictionaries(
    {"failOpen": st.booleans(), "maxConnectionsPerTarget": st.sampled_from([None, 1, 50])},
    optional={"surgeQueue": st.just({"length": 3}), "healthCheck": st.just({"enabled": False})},
)


@given(SERVERS, GROUPS, SERVERS, st.sets(st.sampled_from(["one", "two", "three"])))
def test_commands_lead_from_any_state_to_any_other_and_then_there_are_none(
    first: tuple[Server, ...], fields: dict[str, object], second: tuple[Server, ...], busy: set[str]
) -> None:
    haproxy = FakeHAProxy()
    haproxy.carry_out(commands(wanted(first, **fields), haproxy.running(), ENGINE))
    for (_, name), server in haproxy.servers.items():
        server.sessions = 3 if name in busy else 0
    goal = wanted(second, **fields)

    for _ in range(3):
        haproxy.carry_out(commands(goal, haproxy.running(), ENGINE))
    assert not commands(goal, haproxy.running(), ENGINE), "nothing differs, though some that left are still busy"

    names = {server.name: server for server in second}
    for (backend, name), server in haproxy.servers.items():
        if name not in names:
            assert server.maint
            assert name in busy
            continue
        target = names[name]
        takes = not target.draining if backend == "tg_web" else target.takes_part_in_fail_open
        assert (server.maint, server.weight) == (not takes, target.weight)
    # What is idle is deleted, what is to be cut is cut and then deleted.
    gone = frozenset(place for place in haproxy.servers if place[1] not in names)
    for _ in range(2):
        haproxy.carry_out(commands(goal, haproxy.running(), ENGINE, cut=gone))
    assert {name for _, name in haproxy.servers} == set(names)


@given(SERVERS, GROUPS, SERVERS, GROUPS)
def test_what_is_sent_at_once_is_what_a_comparison_would_send_but_for_what_is_gone(
    first: tuple[Server, ...], fields: dict[str, object], second: tuple[Server, ...], others: dict[str, object]
) -> None:
    others["failOpen"] = fields["failOpen"]  # another one takes a reload
    haproxy, sent, goal = FakeHAProxy(), wanted(first, **fields), wanted(second, **others)
    for _ in range(3):
        haproxy.carry_out(commands(sent, haproxy.running(), ENGINE))
    running = haproxy.running()
    todo = commands(goal, running, ENGINE)
    gone = {server.name for server in first} - {server.name for server in second}

    at_once = news(goal, sent, running, ENGINE)

    assert at_once == [line for line in [*todo.add, *todo.change] if not any(f"/{name} " in line for name in gone)]


def test_of_what_was_sent_already_nothing_is_sent_again_though_it_was_not_read_back() -> None:
    one, two = (Server(f"s{n}", Target(f"10.0.0.{n}", 80), draining=False, state=State.INITIAL) for n in (1, 2))
    haproxy = FakeHAProxy()
    haproxy.carry_out(commands(wanted((one,)), haproxy.running(), ENGINE))
    before = haproxy.running()

    first = news(wanted((one, two)), wanted((one,)), before, ENGINE)
    again = news(wanted((one, two)), wanted((one, two)), before, ENGINE)

    assert any("tg_web/s2" in line for line in first)
    assert not any("tg_web" in line for line in again)
    assert not any("tg_web/s1" in line for line in first)


def test_a_target_that_comes_back_is_down_before_it_has_any_weight() -> None:
    server = Server("one", Target("10.0.0.1", 80), draining=False, state=State.INITIAL, weight=9)
    haproxy = FakeHAProxy({("tg_web", "one"): FakeServer("10.0.0.1:80", 9, checked=True, enabled=True)})

    todo = commands(wanted((server,), failOpen=False), haproxy.running(), ENGINE)

    assert [line for line in todo.change if line.startswith("set server")] == [
        "set server tg_web/one weight 0",
        "set server tg_web/one state ready",
        "set server tg_web/one health down",
        "set server tg_web/one weight 9",
    ]
