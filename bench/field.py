"""The peers that take part."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.elbow import elbow
from bench.envoy import envoy
from bench.haproxy import haproxy
from bench.nginx import nginx
from bench.peer import Peer, Place

PLAIN, STICKY = "127.0.0.31", "127.0.0.32"


def start(place: Place) -> list[Peer]:
    """All of them, ready."""
    peers = [*haproxy(place), elbow(place, "Elbow", PLAIN), elbow(place, "Elbow, lb_cookie", STICKY, sticky=True)]
    peers += [*nginx(place), *envoy(place)]
    for peer in peers:
        peer.wait()
    return peers


@contextmanager
def running(peers: Sequence[Peer]) -> Iterator[Sequence[Peer]]:
    """Peers that are stopped at the end."""
    try:
        yield peers
    finally:
        for program in {id(peer.program): peer.program for peer in peers if peer.program}.values():
            program.stop()
