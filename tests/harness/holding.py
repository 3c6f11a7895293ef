"""Requests that wait at a target until they are let go."""

from harness.client import Client
from harness.poll import until
from harness.target import Target

_HOLD = b"GET /hold HTTP/1.1\r\nHost: web\r\n\r\n"


def hold(client: Client, *candidates: Target) -> Target:
    """Have a request wait at one of the targets, and say which."""
    before = {target.name: len(target.held) for target in candidates}
    client.send(_HOLD)
    return until(lambda: next((t for t in candidates if len(t.held) > before[t.name]), None))
