"""What an HTTP listener does to requests before a target gets them."""

from elbow_api.listener import Listener
from elbow_api.target_group import TargetGroup


def lines(listener: Listener, group: TargetGroup) -> list[str]:
    """The rules of an HTTP or HTTPS frontend."""
    del group
    return [
        "  option idle-close-on-response",
        "  option forwardfor if-none",
        f"  http-request set-header X-Forwarded-Proto {'https' if listener.protocol.is_encrypted else 'http'}",
        f"  http-request set-header X-Forwarded-Port {listener.port}",
    ]
