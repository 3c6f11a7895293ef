"""What a load is told."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Door:
    """Where clients go: the name it has in the tables, and a Service's address."""

    name: str
    address: str


@dataclass(frozen=True)
class Plan:
    """A load of one client pod."""

    doors: tuple[Door, ...]
    authority: str
    """The file of the certificate authority to trust."""
    rate: float
    """Short requests a second, of all kinds together."""
    streams: int = 2
    """WebSockets, downloads, slow POSTs and TCP connections held at a time, of each and at each door."""
    seconds: float = 15.0
    """How long those take, at most."""
    http: int = 80
    https: int = 443
    sticky: int = 81
    tcp: int = 9000

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> "Plan":
        given = json.loads(text)
        return cls(**{**given, "doors": tuple(Door(**door) for door in given["doors"])})
