"""Names and labels of what belongs to a load balancer."""

import hashlib

from elbow_api.names import LOAD_BALANCER, ZONE, zone_name

MANAGER = "elbow"
_MOST = 63


def name(load_balancer: str, *parts: str) -> str:
    """The name of an object of a load balancer: `elb-NAME-PART...`; long ones end in a hash that tells them apart."""
    whole = "-".join(
        ("elb", load_balancer, *(part.lower().replace("_", "-").replace(".", "-") for part in parts if part))
    )
    if len(whole) <= _MOST and all(part == part.lower() and "." not in part and "_" not in part for part in parts):
        return whole
    digest = hashlib.sha256("/".join((load_balancer, *parts)).encode()).hexdigest()[:8]
    return f"{whole[: _MOST - 9].rstrip('-')}-{digest}"


def labels(load_balancer: str, zone: str | None = None) -> dict[str, str]:
    """The labels of a load balancer's objects; those of its proxies have a zone too."""
    common = {
        "app.kubernetes.io/name": "elbow-proxy",
        "app.kubernetes.io/managed-by": MANAGER,
        LOAD_BALANCER: load_balancer,
    }
    return common if zone is None else {**common, ZONE: zone_name(zone)}
