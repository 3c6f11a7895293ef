"""What will hurt when the next thing goes wrong: zones, single targets, pods that end too soon, forgotten switches."""

from collections.abc import Iterator
from datetime import datetime

from elbow_api.names import NODE_ZONE
from elbow_kube.object import Object

from elbow_kubectl.doctor.evidence import Evidence
from elbow_kubectl.doctor.finding import Finding, Mistake, error, listed, note, warning
from elbow_kubectl.registration import words
from elbow_kubectl.targets import told


def of_zones(seen: Evidence) -> Iterator[Finding]:
    """Zones that are out, or stand alone."""
    zones = seen.status.get("zones") or []
    for zone in zones:
        if zone["state"] == "impaired":
            yield _impaired(seen, zone)
    if shift := seen.spec.get("zonalShift"):
        yield _shift(seen, shift)
    if len(zones) == 1:
        yield note(
            Mistake.ONE_ZONE,
            "zones",
            f"all of it is in {zones[0]['name']}; when that zone is lost, so is the service",
            "label nodes of several places with topology.kubernetes.io/zone, or name more in spec.zones",
        )


def _impaired(seen: Evidence, zone: Object) -> Finding:
    about = f"zone {zone['name']}"
    if zone.get("reason") == "NoReadyNodes" and zone["name"] not in (known := seen.around.zones):
        return error(
            Mistake.ZONE_IMPAIRED,
            about,
            f"no node is in it; nodes are in {listed(known) or 'none'}",
            f"mend spec.zones, or kubectl label node NODE {NODE_ZONE}={zone['name']}",
        )
    if zone.get("reason") == "NoReadyNodes":
        return error(
            Mistake.ZONE_IMPAIRED, about, "none of its nodes is ready", "kubectl get nodes; clients are led elsewhere"
        )
    return error(
        Mistake.ZONE_IMPAIRED,
        about,
        "too few healthy targets: clients are led to other zones",
        "bring targets up there (a topology spread constraint), or lower minimumHealthy.dns of the target group",
    )


def _shift(seen: Evidence, shift: Object) -> Finding:
    about, zone = "zonal shift", shift["awayFrom"]
    end = f"kubectl elb zonal-shift cancel {seen.name} -n {seen.namespace}"
    if datetime.fromisoformat(shift["until"]) <= seen.now:
        return note(
            Mistake.ZONE_SHIFTED, about, f"the shift away from {zone} was over at {shift['until']}", f"{end} removes it"
        )
    return warning(Mistake.ZONE_SHIFTED, about, f"{zone} gets no clients until {shift['until']}", f"{end} ends it")


def of_targets(seen: Evidence) -> Iterator[Finding]:
    """Groups that one loss leaves without targets, somewhere or altogether; targets taken out by hand."""
    zones = [zone["name"] for zone in seen.status.get("zones") or []]
    targets = told(seen.load_balancer, seen.views)
    for group in seen.spec.get("targetGroups") or []:
        able = [t for t in targets if t.group == group["name"] and t.state in ("healthy", "initial")]
        about = f"target group {group['name']}"
        if len({t.endpoint for t in able}) == 1:
            yield warning(
                Mistake.TARGET_ALONE,
                about,
                "it has one target; nothing takes over when that ends",
                "run two or more, in different zones",
            )
        elif able and len(zones) > 1:
            yield from _spread(seen, group, zones, {t.zone or "" for t in able})
    for entry in seen.spec.get("deregisteredTargets") or []:
        yield note(
            Mistake.TAKEN_OUT,
            f"target group {entry['targetGroup']}",
            f"{words(entry)} is taken out by hand",
            f"kubectl elb undrain {seen.name} … -n {seen.namespace} puts it back",
        )


def _spread(seen: Evidence, group: Object, zones: list[str], held: set[str]) -> Iterator[Finding]:
    about = f"target group {group['name']}"
    empty = [zone for zone in zones if zone not in held]
    crosses = group.get("crossZone", seen.spec.get("crossZone", "enabled")) == "enabled"
    if not empty or not held & set(zones):
        return
    if not crosses:
        yield error(
            Mistake.ZONE_WITHOUT_TARGETS,
            about,
            f"{listed(empty)} {'has' if len(empty) == 1 else 'have'} no healthy target, and requests don't cross zones",
            "run targets there (a topology spread constraint), or set crossZone: enabled",
        )
    elif len(held) == 1:
        yield warning(
            Mistake.ZONE_WITHOUT_TARGETS,
            about,
            f"all healthy targets are in {next(iter(held))}; when that zone is lost, so is the service",
            "spread the pods: topologySpreadConstraints with topologyKey topology.kubernetes.io/zone",
        )


def of_endings(seen: Evidence) -> Iterator[Finding]:
    """Pods that stop at once when told to, with requests under way."""
    for group in seen.spec.get("targetGroups") or []:
        asked = (group.get("targets") or {}).get("service")
        service = seen.service(asked["name"]) if asked else None
        if service is None:
            continue
        hasty = [pod["metadata"]["name"] for pod in seen.pods_of(service) if _is_hasty(pod)]
        if hasty:
            yield note(
                Mistake.ENDS_TOO_SOON,
                f"target group {group['name']}",
                f"{listed(hasty)} may exit at once on SIGTERM (no preStop), and what is under way with it",
                'unless the program finishes its requests by itself, label its pods elbow.dev/drain-seconds: "20" (docs/reliability.md)',
            )


def _is_hasty(pod: Object) -> bool:
    return not any(
        (container.get("lifecycle") or {}).get("preStop") for container in pod["spec"].get("containers") or []
    )
