"""What one proxy's work costs it, as elbow_api.proxy_capacity counts: Elbow alone, each kind of work in turn."""

from collections.abc import Sequence
from dataclasses import replace

from bench import field
from bench.elbow import elbow
from bench.load import Load
from bench.peer import Place
from bench.report import table
from bench.rounds import Rounds, median
from bench.scenario import SCENARIOS

_KINDS = ("http", "tls", "connections", "handshakes", "http-1m", "tls-1m")


def measure(place: Place, load: Load, rounds: int, most: float) -> list[Rounds]:
    """The samples of each kind of work."""
    kinds = [replace(scenario, peers=("Elbow",)) for scenario in SCENARIOS if scenario.name in _KINDS]
    found = [Rounds(kind, load, most) for kind in kinds]
    peer = elbow(place, "Elbow", field.PLAIN)
    peer.wait()
    with field.running([peer]) as peers:
        for _ in range(rounds):  # one after the other, for a difference of two is a cost too
            for each in found:
                each.measure(peers, 1)
    return found


def text(found: Sequence[Rounds]) -> str:
    """The costs as a table; a connection and a handshake are what they cost beyond what comes with them."""
    samples = {each.scenario.name: [sample.figure for sample in each.of("Elbow")] for each in found}
    mid = {name: median(figures) for name, figures in samples.items()}
    connection = mid["connections"] - mid["http"]
    costs = [
        ("REQUEST", "an HTTP request, keep-alive, 1 KiB", mid["http"], "µs", "http"),
        ("TLS_REQUEST", "the same over TLS", mid["tls"], "µs", "tls"),
        ("CONNECTION", "a connection, beyond its request", connection, "µs", "connections"),
        ("HANDSHAKE", "a full TLS 1.3 handshake, beyond its connection", mid["handshakes"] - connection, "µs", "handshakes"),
        ("BYTE", "a byte, answers of 1 MiB", mid["http-1m"], "ns", "http-1m"),
        ("TLS_BYTE", "the same over TLS", mid["tls-1m"], "ns", "tls-1m"),
    ]  # fmt: skip
    rows = [
        [
            name,
            what,
            f"{cost:.2f} {unit}",
            f"{min(samples[of]):.2f} to {max(samples[of]):.2f} ({of}, {len(samples[of])})",
        ]
        for name, what, cost, unit, of in costs
        if samples[of]
    ]
    head = ["", "CPU time of HAProxy for", "median", "least to most (of what, samples)"]
    return f"## What a proxy's work costs it\n\n{table(head, rows)}\n"
