"""A client that keeps cookies as a browser does, and a way to write cookies as the load balancer does."""

from __future__ import annotations

import base64
import hmac
import re
import time
from collections import Counter
from email.utils import parsedate_to_datetime

from elbow_dataplane.model.target import name_of
from harness.client import Client, get
from harness.elbow import Elbow
from harness.poll import until
from harness.response import Response
from harness.server import Server
from harness.target import Target

WEEK = 604_800
_VALUE = re.compile(r"[0-9a-f]{16}\.[0-9]{10}\.[-_0-9A-Za-z]{22}")


class Visitor:
    """Sends back what it was given; `only` names the cookies it sends."""

    def __init__(self, port: int, *, only: tuple[str, ...] = ()) -> None:
        self.port, self.only = port, only
        self.cookies: dict[str, str] = {}

    @property
    def header(self) -> list[tuple[str, str]]:
        """Its Cookie header, if it has anything to say."""
        sent = [f"{name}={value}" for name, value in self.cookies.items() if not self.only or name in self.only]
        return [("Cookie", "; ".join(sent))] if sent else []

    def visit(self, path: str = "/", *, client: Client | None = None) -> Response:
        """A GET, on a connection of its own unless one is given."""
        response = client.get(path, self.header) if client else get(self.port, path, self.header)
        self.take(response.values("Set-Cookie"))
        return response

    def take(self, set_cookies: list[str]) -> None:
        """Keep cookies; one that has expired is dropped."""
        for line in set_cookies:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
            if "max-age=0" in line.lower():
                del self.cookies[name]

    def targets(self, visits: int = 8) -> Counter[str | None]:
        """Who answers so many visits."""
        return Counter(self.visit().target for _ in range(visits))


def value_for(lb: Elbow, target: Server, *, lasts: int = 3600, group: str = "web", secret: bytes | None = None) -> str:
    """A cookie's value that ties to a target for so many seconds, negative if it is over."""
    secret = secret or lb.secret_file.read_bytes().strip()
    tie = f"{name_of(secret, group, (target.ip, target.port))}.{int(time.time()) + lasts}"
    signature = hmac.digest(secret, tie.encode(), "sha256")[:16]
    return f"{tie}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def until_of(value: str) -> int:
    """When a cookie's tie is over, in seconds since the epoch."""
    assert _VALUE.fullmatch(value), value
    return int(value.split(".")[1])


def expires_of(set_cookie: str) -> float:
    """When a browser is told to drop a cookie, in seconds since the epoch."""
    found = re.search(r"; Expires=([^;]+ GMT)(;|$)", set_cookie)
    assert found, set_cookie
    return parsedate_to_datetime(found[1]).timestamp()


def bound(targets: list[Target], visitor: Visitor) -> tuple[Target, list[Target]]:
    """The target that a visitor is tied to after its first visit, and the others."""
    name = visitor.visit().target
    mine = next(target for target in targets if target.name == name)
    return mine, [target for target in targets if target is not mine]


def not_sticky(lb: Elbow) -> float:
    """NonStickyRequestCount."""
    return lb.metric("elb_non_sticky_request_count_total")


def assert_not_sticky(lb: Elbow, number: float) -> None:
    """NonStickyRequestCount comes to a number, and to no more."""
    until(lambda: not_sticky(lb) >= number, limit=15, say=f"NonStickyRequestCount {number}")
    assert not_sticky(lb) == number
