"""What it costs a request that it is counted and logged: CPU time, in rounds. Its instructions are in instructions.py."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from bench.elbow import Elbow, spec
from bench.load import Load, Work
from bench.peer import Peer, Place
from bench.program import LOAD_CORE, Program
from bench.report import spread, table
from bench.rounds import Rounds, median
from bench.scenario import Scenario

FORMS = ("elb", "alb", "json")
_SCRAPE_SECONDS = 3
"""As long as a sample lasts; Prometheus comes each 15 s or less often."""
_MOST_LOGS, _MOST_METRICS = 1.40, 1.02
_UNWATCHED, _WATCHED = "agent stopped", "agent, scraped each 3 s"


@dataclass(frozen=True)
class Ratio:
    """One configuration's figure over that without, and its goal."""

    name: str
    values: Sequence[float]
    most: float

    def row(self) -> dict[str, Any]:
        return {"scenario": "watching"} | asdict(self)


def measure(place: Place, load: Load, rounds: int, most: float) -> tuple[str, list[dict[str, Any]]]:
    """All of it: text, and rows."""
    logged = Rounds(Scenario("logs", "Access logs", "µs per request", Load.http, 1e6, ("none", *FORMS)), load, most)
    with _logging(place) as peers:
        logged.measure(peers, rounds)
    watched = Rounds(
        Scenario("metrics", "Metrics", "µs per request", _put, 1e6, (_UNWATCHED, _WATCHED)),
        Load(load.certificate, _SCRAPE_SECONDS),
        most,
    )
    with _running(place, "127.0.0.40", None) as lb:
        watched.measure([_Watched(lb, name) for name in watched.scenario.peers], rounds)
    ratios = [Ratio(f"access log {form}", logged.ratios(form, "none"), _MOST_LOGS) for form in FORMS]
    ratios.append(Ratio(_WATCHED, watched.ratios(_WATCHED, _UNWATCHED), _MOST_METRICS))
    rows = [sample.row() for each in (logged, watched) for sample in each.samples]
    rows += [ratio.row() for ratio in ratios]
    return _text(ratios), rows


@contextmanager
def _running(place: Place, address: str, form: str | None) -> Iterator[Elbow]:
    """One whose access log is read as containerd does: by one process, from a pipe."""
    directory = place.directory / f"watched-{address}"
    pipe = place.directory / f"pipe-{address}"
    os.mkfifo(pipe)
    reader = Program(["cat", pipe], place.directory / f"read-{address}", core=LOAD_CORE)
    lb = Elbow(directory, spec(place, log=form), address, pipe)
    try:
        yield lb
    finally:
        lb.stop()
        reader.stop()


@contextmanager
def _logging(place: Place) -> Iterator[list[Peer]]:
    """One without, and one of each form."""
    names = ("none", *FORMS)
    with _running(place, "127.0.0.41", None) as none, _running(place, "127.0.0.42", "elb") as elb:  # noqa: SIM117
        with _running(place, "127.0.0.43", "alb") as alb, _running(place, "127.0.0.44", "json") as json:
            peers = [_peer(name, lb) for name, lb in zip(names, (none, elb, alb, json), strict=True)]
            for peer in peers:
                peer.wait()
            yield peers


def _peer(name: str, lb: Elbow) -> Peer:
    return Peer(name, lb.address, lb.program, lambda: [lb.worker])


class _Watched(Peer):
    """The same one with its agent stopped, or running and scraped."""

    def __init__(self, lb: Elbow, name: str) -> None:
        super().__init__(name, lb.address, lb.program, lambda: [lb.worker])
        self.lb = lb


def _put(load: Load, peer: Peer) -> Work:
    assert isinstance(peer, _Watched)
    if peer.name == _WATCHED:
        peer.lb.page("/metrics")
        return load.http(peer)
    os.kill(peer.lb.program.pid, signal.SIGSTOP)
    try:
        time.sleep(0.1)
        return load.http(peer)
    finally:
        os.kill(peer.lb.program.pid, signal.SIGCONT)


def _text(ratios: Sequence[Ratio]) -> str:
    head = ["", "CPU per request over that without: median (min to max)", "goal", ""]
    rows = [
        [
            ratio.name,
            spread(ratio.values),
            f"≤ {ratio.most:.2f}",
            "met" if median(ratio.values) <= ratio.most else "**missed**",
        ]
        for ratio in ratios
    ]
    return f"## Metrics and access logs\n\n{table(head, rows)}\n"
