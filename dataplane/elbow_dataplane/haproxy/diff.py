"""From what runs to what is wanted: runtime commands, in an order that never sends a request to the wrong place."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from elbow_api.target_health import State

from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render.server import backend_of, backends_of, open_backend_of, words
from elbow_dataplane.haproxy.render.variable import variables
from elbow_dataplane.haproxy.server_state import ServerState
from elbow_dataplane.haproxy.stats import Row, Stats
from elbow_dataplane.model.wanted import Group, Server, Wanted

Place = tuple[str, str]
"""A backend and a server in it."""


@dataclass(frozen=True)
class Running:
    """What one worker runs, read at one moment."""

    stats: Stats
    states: Mapping[Place, ServerState]
    variables: Mapping[str, int]


@dataclass
class Commands:
    """Runtime commands, by what they do; sent in this order."""

    add: list[str] = field(default_factory=list)
    change: list[str] = field(default_factory=list)
    close: list[str] = field(default_factory=list)
    """Ends connections on the worker that runs; older workers need the same by other means."""
    remove: list[Place] = field(default_factory=list)
    """Servers to delete: on those that are left out, something still runs, and HAProxy would refuse."""

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.add or self.change or self.close or self.remove)


def commands(wanted: Wanted, running: Running, engine: Engine, *, cut: frozenset[Place] = frozenset()) -> Commands:
    """What makes the running worker equal to what is wanted; `cut` names servers whose connections end now."""
    out = Commands()
    kept: set[Place] = set()
    for group in wanted.groups:
        for place, server in _places(group, group.servers):
            kept.add(place)
            _server(out, place, server, group, running, engine)
        out.change += _variables(group, running)
    for place in running.states:
        if place not in kept and _ours(place, wanted):
            if not running.states[place].maint:
                out.change.append(f"set server {place[0]}/{place[1]} state maint")
            if not is_busy(running.stats, place):
                out.remove.append(place)
    out.close += [f"shutdown sessions server {b}/{s}" for b, s in sorted(cut) if is_busy(running.stats, (b, s))]
    return out


def news(wanted: Wanted, sent: Wanted, running: Running, engine: Engine) -> list[str]:
    """The commands for what is wanted otherwise than it was sent; nothing else is looked at, and `running` may be from before that."""
    out = Commands()
    for group in wanted.groups:
        before = sent.group(group.spec.name)
        same = set(before.servers) if before is not None and before.spec == group.spec else set()
        for place, server in _places(group, (server for server in group.servers if server not in same)):
            _server(out, place, server, group, running, engine)
        out.change += _variables(group, running)
    return [*out.add, *out.change]


def _places(group: Group, servers: Iterable[Server]) -> Iterator[tuple[Place, Server]]:
    for server in servers:
        yield (backend_of(group.spec), server.name), server
        if group.spec.fail_open:
            yield (open_backend_of(group.spec), server.name), server


def _ours(place: Place, wanted: Wanted) -> bool:
    return any(place[0] in backends_of(group.spec.name) for group in wanted.groups)


def is_busy(stats: Stats, place: Place) -> bool:
    """Whether anything is under way on a server, or waits for it."""
    row = stats.servers.get(place)
    return row is not None and any(row.number(field) for field in ("scur", "qcur", "used_conn_cur"))


def _server(out: Commands, place: Place, server: Server, group: Group, running: Running, engine: Engine) -> None:
    state = running.states.get(place)
    checked = place[0] == backend_of(group.spec)
    ready = not server.draining if checked else server.takes_part_in_fail_open
    if state is None:
        out.add += _add(place, server, group, engine, checked=checked, ready=ready)
        return
    at = f"{place[0]}/{place[1]}"
    if state.endpoint != server.target.endpoint:
        out.change.append(f"set server {at} addr {server.target.ip} port {server.target.port}")
    is_checked = checked and group.spec.health_check.enabled
    if is_checked and ready and state.checked and not state.check_enabled:
        # Outside of maintenance HAProxy would quietly take it back to its init-state: down, and up by the next check, but
        # out of the round robin for good.
        out.change += [f"set server {at} state maint", f"enable health {at}", *_ready(at, server, checked=True)]
    elif state.maint == ready or (state.drain and ready):
        out.change += _ready(at, server, checked=is_checked) if ready else [f"set server {at} state maint"]
    elif state.weight != server.weight:
        out.change.append(f"set server {at} weight {server.weight}")
    row = running.stats.servers.get(place)
    limit = group.spec.max_connections_per_target or 0
    if row is not None and row.number("slim") != limit:
        out.change.append(f"set maxconn server {at} {limit}")
    if checked and ready and row is not None:
        out.change += _health(at, server, state, row, group)


def _add(place: Place, server: Server, group: Group, engine: Engine, *, checked: bool, ready: bool) -> list[str]:
    at = f"{place[0]}/{place[1]}"
    lines = [f"add server {at} {words(server, group, engine, checked=checked)}"]
    if checked and group.spec.health_check.enabled:
        lines.append(f"enable health {at}")
    if ready:
        lines.append(f"set server {at} state ready")
    return lines


def _ready(at: str, server: Server, *, checked: bool) -> list[str]:
    """Bring a server back from maintenance, as it is known to be: HAProxy gives it the state it was made with."""
    if not checked:
        return [f"set server {at} state ready", f"set server {at} weight {server.weight}"]
    if server.state is State.HEALTHY:
        return [f"set server {at} state ready", f"set server {at} health up", f"set server {at} weight {server.weight}"]
    # In between it may be up for a moment: with no weight it gets nothing.
    return [
        f"set server {at} weight 0",
        f"set server {at} state ready",
        f"set server {at} health down",
        f"set server {at} weight {server.weight}",
    ]


def _health(at: str, server: Server, state: ServerState, row: Row, group: Group) -> list[str]:
    """Checks stay as configured, and one success is enough for a target that was never found unhealthy."""
    if not group.spec.health_check.enabled:
        return []
    lines = []
    if state.check_addr != "-":
        lines.append(f"set server {at} check-addr {server.target.ip}")
    passed = row.text("check_status").endswith("OK")
    # HAProxy asks for the whole threshold after one failure; ELB doesn't until a target was found unhealthy (section
    # 2.3, rule 5). A success that was not the last check, but one before the target left and came back, counts nothing.
    is_first = server.state is State.INITIAL and row.number("check_health") > 0
    # A healthy target is down after a success only if someone set it so.
    if not row.is_up and passed and (is_first or server.state is State.HEALTHY):
        lines.append(f"set server {at} health up")
    return lines


def _variables(group: Group, running: Running) -> list[str]:
    return [
        f"experimental-mode on;set var {name} int({value})"
        for name, value in variables(group).items()
        if running.variables.get(name) != value
    ]
