"""`show servers state` (HAProxy management guide, 9.3): what each server is set to, as opposed to how it fares."""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

_FIELDS = (
    "be_name",
    "srv_name",
    "srv_addr",
    "srv_port",
    "srv_admin_state",
    "srv_uweight",
    "srv_check_state",
    "srv_check_port",
    "srv_check_addr",
)
_FORCED_MAINT = 0x01
_DRAIN = 0x08
_CHECK_CONFIGURED, _CHECK_ENABLED = 0x02, 0x04


@dataclass(frozen=True)
class ServerState:
    """One server's settings."""

    endpoint: str
    maint: bool
    drain: bool
    weight: int
    checked: bool
    """A check is configured."""
    check_enabled: bool
    check_port: int
    check_addr: str


def parse_server_states(text: str) -> dict[tuple[str, str], ServerState]:
    """All servers by backend and name."""
    return dict(_rows(text))


def _rows(text: str) -> Iterator[tuple[tuple[str, str], ServerState]]:
    kept = None
    for line in text.splitlines():
        if line.startswith("# "):
            names = line[2:].split()
            kept = itemgetter(*map(names.index, _FIELDS))
            continue
        words = line.split()
        if len(words) < 10 or kept is None:
            continue
        backend, name, ip, port, admin, weight, check, check_port, check_addr = kept(words)
        yield (
            (backend, name),
            ServerState(
                endpoint=f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}",
                maint=bool(int(admin) & _FORCED_MAINT),
                drain=bool(int(admin) & _DRAIN),
                weight=int(weight),
                checked=bool(int(check) & _CHECK_CONFIGURED),
                check_enabled=bool(int(check) & _CHECK_ENABLED),
                check_port=int(check_port),
                check_addr=check_addr,
            ),
        )
