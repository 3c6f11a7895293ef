"""A zone's state, from what its proxies see (ELB sections 2.8 and 14.4)."""

from collections.abc import Mapping

from elbow_api.names import zone_name
from elbow_api.proxy_config import ZoneState
from elbow_api.threshold import needed

from elbow_operator.status.observed import Observed


def zone_states(observed: Observed) -> dict[str, ZoneState]:
    """Impaired zones leave the addresses, unless all are impaired: then all stay (fail open)."""
    states = {zone: _state(observed, zone) for zone in observed.zones}
    able = [zone for zone, state in states.items() if state is ZoneState.ACTIVE]
    if able:
        return states
    return {
        zone: ZoneState.SHIFTED if state is ZoneState.SHIFTED else ZoneState.ACTIVE for zone, state in states.items()
    }


def addresses(observed: Observed, states: Mapping[str, ZoneState]) -> list[dict[str, str]]:
    """Where clients reach the zones that get clients."""
    return [
        {"zone": zone_name(service.zone), "type": kind, "value": value}
        for service in observed.services
        if states.get(service.zone) is ZoneState.ACTIVE
        for kind, value in service.addresses
    ]


def _state(observed: Observed, zone: str) -> ZoneState:
    if zone in observed.shifted:
        return ZoneState.SHIFTED
    if zone in observed.lost:
        return ZoneState.IMPAIRED
    views = [
        pod.report for pod in observed.pods if pod.zone == zone and pod.report is not None and pod.report.converged
    ]
    if not views or observed.spec is None:
        return ZoneState.ACTIVE  # unknown means active
    for group in observed.spec.target_groups:
        if not observed.spec.listeners_of(group):
            continue
        counts = [found for view in views for found in view.target_groups if found.name == group.name]
        if counts and all(
            _too_few(found.healthy, found.healthy + found.unhealthy + found.initial, group.minimum_healthy.dns)
            for found in counts
        ):
            return ZoneState.IMPAIRED
    return ZoneState.ACTIVE


def _too_few(healthy: int, registered: int, threshold: int | str) -> bool:
    return healthy < needed(threshold, registered)
