"""A target and its opaque name."""

import hmac
from dataclasses import dataclass, field
from functools import lru_cache


@dataclass(frozen=True, order=True)
class Target:
    """One address that serves a target group; `ip` and `port` are its identity (ELB section 1.3)."""

    ip: str
    port: int
    zone: str | None = None
    weight: int = 1
    pod: str | None = field(default=None, compare=False)
    node: str | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[str, int]:
        """What makes it the same target after a change of weight or zone."""
        return self.ip, self.port

    @property
    def endpoint(self) -> str:
        """The address as HAProxy writes it."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@lru_cache(maxsize=10_000)
def name_of(secret: bytes, group: str, key: tuple[str, int]) -> str:
    """The target's name in HAProxy and in cookies: the same in every proxy that has the secret, and telling nothing without it."""
    return hmac.digest(secret, f"{group}\0{key[0]}\0{key[1]}".encode(), "sha256").hex()[:16]
