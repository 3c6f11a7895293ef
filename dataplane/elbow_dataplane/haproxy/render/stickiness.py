"""What ties clients to targets."""

from elbow_api.target_group import TargetGroup

from elbow_dataplane.haproxy.engine import Engine


def lines(group: TargetGroup, engine: Engine) -> list[str]:
    """The rules of a backend whose clients are tied to targets."""
    del group, engine
    return []
