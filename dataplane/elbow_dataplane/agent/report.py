"""What the agent knows, as the ProxyReport others read."""

from datetime import UTC, datetime

from elbow_api.listener import Listener
from elbow_api.proxy_config import ZoneState
from elbow_api.proxy_report import HAProxyReport, ListenerReport, ProxyReport, TargetGroupReport
from elbow_api.target_group import TargetGroup
from elbow_api.target_health import SICK_FIRST, State, TargetHealth
from elbow_api.timestamp import timestamp

from elbow_dataplane.agent.state import Known
from elbow_dataplane.agent.view import View
from elbow_dataplane.haproxy.counters import Counters
from elbow_dataplane.haproxy.elb_counters import (
    connection_errors,
    elb_codes,
    group_count,
    listener_count,
    processed_bytes,
    spillover,
    surge_queue,
)
from elbow_dataplane.haproxy.render.frontend import frontend_of
from elbow_dataplane.haproxy.render.server import backends_of
from elbow_dataplane.haproxy.stats import Stats
from elbow_dataplane.model.health import Health, not_in_use, registered, taken_out
from elbow_dataplane.model.target import Target, name_of
from elbow_dataplane.model.wanted import is_deregistered, is_zone_enabled, reachable


def report(view: View, known: Known, counters: Counters) -> ProxyReport:
    """The whole report, of a view that has something to show."""
    config = known.desired.config
    stats = view.running.stats if view.running else None
    return ProxyReport(
        name=config.name,
        namespace=config.namespace,
        zone=known.zone,
        generation=view.generation,
        converged=view.converged,
        ready=is_ready(view),
        time=_utc(view.at),
        haproxy=HAProxyReport(
            version=view.info.version, pid=view.info.pid, workers=view.workers, reloads=dict(view.reloads)
        )
        if view.info
        else None,
        listeners=[_listener(listener, counters, stats) for listener in config.spec.listeners],
        target_groups=[_group(group, view, known, counters) for group in config.spec.target_groups],
        faults=list(view.faults),
    )


def is_ready(view: View) -> bool:
    """Whether clients may be sent here: what is wanted runs, the first checks have told something, the zone is active.

    A group that joins later doesn't turn a serving proxy away, and a zone of unknown state is active.
    """
    known = view.known
    if known is None or view.generation == 0:
        return False
    if any(zone.name == known.zone and zone.state is not ZoneState.ACTIVE for zone in known.desired.config.zones):
        return False
    for group in known.desired.config.spec.target_groups:
        found = [health for (name, _), health in known.health.items() if name == group.name]
        if found and all(h.state is State.INITIAL and h.since <= known.began for h in found):
            return False
    return True


def target_health(group: TargetGroup, known: Known, now: float) -> list[tuple[Target, Health]]:
    """Every registered or leaving target of a group, the sick ones first."""
    found: list[tuple[Target, Health]] = []
    config, drains = known.desired.config, known.registration.drains
    in_use = bool(config.spec.listeners_of(group))
    listed = known.desired.registered.get(group.name, ())
    reach = {target.key for target in reachable(config, group, known.zone, listed)}
    stays = set()
    for target in listed:
        member = (group.name, target.key)
        if not in_use or not is_zone_enabled(config, target.zone):
            new = not_in_use(registered(now), now, zone_is_off=in_use)
        elif target.key not in reach:
            stays.add(target.key)  # what this proxy alone no longer uses, for want of its zone, isn't deregistered
            continue
        elif is_deregistered(config, group, target):
            if member in drains:
                continue
            new = taken_out(registered(now), now)
        else:
            new = registered(now)
        stays.add(target.key)
        found.append((target, known.health.get(member, new)))
    found += [
        (drain.target, drain.health)
        for (name, key), drain in known.registration.drains.items()
        if name == group.name and key not in stays
    ]
    return sorted(found, key=lambda pair: (SICK_FIRST.index(pair[1].state), pair[0].key))


def is_drained(view: View, known: Known, group: TargetGroup, target: Target, health: Health) -> bool:
    """Whether a target gets nothing any more from this proxy, and nothing is under way on it."""
    server, leaves = name_of(known.secret, group.name, target.key), health.state is State.DRAINING
    return all(view.is_drained((name, server), leaves=leaves) for name in backends_of(group.name))


def _group(group: TargetGroup, view: View, known: Known, counters: Counters) -> TargetGroupReport:
    stats = view.running.stats if view.running else None
    targets = target_health(group, known, view.at)
    count = {state: sum(health.state is state for _, health in targets) for state in State}
    wanted = known.wanted.group(group.name)
    healthy = count[State.HEALTHY] + count[State.UNAVAILABLE]
    return TargetGroupReport(
        name=group.name,
        healthy=healthy,
        unhealthy=count[State.UNHEALTHY] + count[State.UNHEALTHY_DRAINING],
        initial=count[State.INITIAL],
        draining=count[State.DRAINING],
        unused=count[State.UNUSED],
        requests=group_count(counters, group, "stot"),
        target2xx=group_count(counters, group, "hrsp_2xx"),
        target3xx=group_count(counters, group, "hrsp_3xx"),
        target4xx=group_count(counters, group, "hrsp_4xx"),
        target5xx=group_count(counters, group, "hrsp_5xx"),
        connection_errors=connection_errors(counters, group),
        surge_queue_length=surge_queue(stats, group)[0],
        spillover=spillover(counters, group, known.desired.config.spec.listeners_of(group)),
        fails_open=group.fail_open and wanted is not None and wanted.registered > 0 and healthy < wanted.minimum,
        targets=[
            _target(target, health, drained=is_drained(view, known, group, target, health))
            for target, health in targets
        ],
    )


def _listener(listener: Listener, counters: Counters, stats: Stats | None) -> ListenerReport:
    row = stats.frontends.get(frontend_of(listener)) if stats else None
    return ListenerReport(
        name=listener.name,
        port=listener.port,
        protocol=listener.protocol,
        target_group=listener.target_group,
        active_connections=row.number("scur") if row else 0,
        new_connections=listener_count(counters, listener, "conn_tot"),
        requests=listener_count(counters, listener, "req_tot" if listener.protocol.is_http else "conn_tot"),
        elb4xx=elb_codes(counters, listener, 4),
        elb5xx=elb_codes(counters, listener, 5),
        processed_bytes=processed_bytes(counters, listener),
    )


def _target(target: Target, health: Health, *, drained: bool) -> TargetHealth:
    return TargetHealth(
        address=target.ip,
        port=target.port,
        zone=target.zone,
        pod=target.pod,
        node=target.node,
        weight=target.weight,
        state=health.state,
        reason=health.reason,
        description=health.description,
        since=_utc(health.since),
        drained=drained or None,
    )


def _utc(seconds: float) -> str:
    return timestamp(datetime.fromtimestamp(seconds, UTC), "milliseconds")
