"""Zones one after another: a zone's proxies are replaced once those of the other zones are done and work."""

import hashlib
import json
from collections.abc import Collection, Mapping

from elbow_kube.object import Object

TEMPLATE = "elbow.dev/template"
"""The annotation that names the template a Deployment's pods are to have."""


def marked(deployment: Object) -> Object:
    """The Deployment with its template's digest in an annotation."""
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    metadata = deployment["metadata"]
    annotations = {**metadata.get("annotations", {}), TEMPLATE: digest}
    return {**deployment, "metadata": {**metadata, "annotations": annotations}}


def one_at_a_time(
    planned: Mapping[str, Object], there: Mapping[str, Object], lost: Collection[str]
) -> dict[str, Object]:
    """What each zone's Deployment is to be for now, by zone: one whose turn hasn't come keeps the template it has.

    Between two zones whose proxies work, nothing else counts than that one of them is left: a zone that has no proxy at work
    changes at once, and one that is `lost` (no node of it is ready) holds nobody up. A template that doesn't work holds up
    the zones behind it until another one is planned.
    """
    changing = [zone for zone in planned if zone in there and _template(there[zone]) != _template(planned[zone])]
    careful = {zone for zone in changing if _works(there[zone])}
    waiting = set(careful)
    if not any(_is_under_way(there[zone]) for zone in planned if zone in there and zone not in (*changing, *lost)):
        # One that was interrupted goes first.
        waiting -= set(sorted(careful, key=lambda zone: (not _is_under_way(there[zone]), zone))[:1])
    return {
        zone: _as_it_is(document, there[zone]) if zone in waiting else document for zone, document in planned.items()
    }


def unfinished(planned: Mapping[str, Object], there: Mapping[str, Object], lost: Collection[str]) -> tuple[str, ...]:
    """The zones whose proxies are still to be replaced, or are being replaced; not those that are `lost`."""
    zones = (zone for zone in planned if zone in there and zone not in lost)
    return tuple(z for z in zones if _template(there[z]) != _template(planned[z]) or _is_replaced(there[z]))


def _template(deployment: Object) -> str | None:
    digest: str | None = deployment["metadata"].get("annotations", {}).get(TEMPLATE)
    return digest


def _works(deployment: Object) -> bool:
    return bool(deployment.get("status", {}).get("availableReplicas"))


def _is_under_way(deployment: Object) -> bool:
    return _is_unseen(deployment) or _has_old_ones(deployment) or not _works(deployment)


def _is_replaced(deployment: Object) -> bool:
    """Whether its proxies are being replaced; one that is merely scaled, or made, hasn't as many as are wanted."""
    wanted, status = deployment["spec"].get("replicas"), deployment.get("status", {})
    return _has_old_ones(deployment) or (_is_unseen(deployment) and status.get("replicas") == wanted)


def _is_unseen(deployment: Object) -> bool:
    """Whether its controller hasn't taken up its newest spec yet."""
    observed: int = deployment.get("status", {}).get("observedGeneration", 0)
    return observed < int(deployment["metadata"].get("generation", 0))


def _has_old_ones(deployment: Object) -> bool:
    """Whether proxies of an earlier template are left."""
    status = deployment.get("status", {})
    return int(status.get("replicas", 0)) > int(status.get("updatedReplicas", 0))


def _as_it_is(planned: Object, there: Object) -> Object:
    metadata = planned["metadata"]
    annotations = {k: v for k, v in metadata["annotations"].items() if k != TEMPLATE}
    if (digest := _template(there)) is not None:
        annotations[TEMPLATE] = digest
    return {
        **planned,
        "metadata": {**metadata, "annotations": annotations},
        "spec": {**planned["spec"], "template": there["spec"]["template"]},
    }
