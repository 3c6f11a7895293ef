"""What the operator, the proxies and the commands call the same in a cluster."""

LOAD_BALANCER = "elbow.dev/load-balancer"
"""A label of everything that belongs to a load balancer: its name."""
ZONE = "elbow.dev/zone"
"""A label of what is for one zone alone: the zone."""
NODE_ZONE = "topology.kubernetes.io/zone"
"""Kubernetes' label of nodes: the zone they are in."""
ADMIN_PORT = 9900
"""Where agents, and the operator, tell of themselves."""
CONFIG_KEY = "config.json"
"""Where the ConfigMap of a load balancer holds its ProxyConfig."""
_NO_ZONE = "none"


def zone_name(zone: str) -> str:
    """What a zone is called; the one zone of a cluster without zones, which has no name, is called none."""
    return zone or _NO_ZONE


def zone_called(name: str) -> str:
    """The zone that is called so; empty for the one zone of a cluster without zones."""
    return "" if name == _NO_ZONE else name
