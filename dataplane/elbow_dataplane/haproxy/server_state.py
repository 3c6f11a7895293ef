"""`show servers state` (HAProxy management guide, 9.3): what each server is set to, as opposed to how it fares."""

from collections.abc import Iterator
from dataclasses import dataclass

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
    names: list[str] = []
    for line in text.splitlines():
        if line.startswith("# "):
            names = line[2:].split()
            continue
        words = line.split()
        if len(words) < 10 or not names:
            continue
        row = dict(zip(names, words, strict=False))
        admin, check = int(row["srv_admin_state"]), int(row["srv_check_state"])
        ip = row["srv_addr"]
        yield (
            (row["be_name"], row["srv_name"]),
            ServerState(
                endpoint=f"[{ip}]:{row['srv_port']}" if ":" in ip else f"{ip}:{row['srv_port']}",
                maint=bool(admin & _FORCED_MAINT),
                drain=bool(admin & _DRAIN),
                weight=int(row["srv_uweight"]),
                checked=bool(check & _CHECK_CONFIGURED),
                check_enabled=bool(check & _CHECK_ENABLED),
                check_port=int(row["srv_check_port"]),
                check_addr=row["srv_check_addr"],
            ),
        )
