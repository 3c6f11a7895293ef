"""Paired rounds: every peer in turn, forth and back, and what came of it."""

import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.load import Load
from bench.machine import busy_seconds
from bench.peer import Peer
from bench.program import PROXY_CORE
from bench.scenario import Scenario

_TRIES = 3


@dataclass(frozen=True)
class Sample:
    """One peer under one load once."""

    scenario: str
    round: int
    peer: str
    figure: float
    """CPU per unit of work in the scenario's unit."""
    rate: float
    """Pieces of work per second."""
    share: float
    """Of the proxy's core, the peer's part."""
    others: float
    """Of the proxy's core, what neither the peer nor its waiting explains: neighbours, and the kernel working for all."""
    failed: int
    microseconds: dict[str, float]

    def row(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Rounds:
    """The samples of one scenario; one taken while others held more than `most` of the core is dropped."""

    scenario: Scenario
    load: Load
    most: float
    samples: list[Sample] = field(default_factory=list)
    dropped: int = 0

    def measure(self, peers: Sequence[Peer], count: int) -> None:
        taking = [peer for name in self.scenario.peers for peer in peers if peer.name == name]
        for number in range(count):
            for peer in taking if number % 2 == 0 else reversed(taking):
                for _ in range(_TRIES):
                    sample = self._take(peer, number)
                    self._say(sample)
                    if sample.others <= self.most:
                        self.samples.append(sample)
                        break
                    self.dropped += 1

    def of(self, peer: str) -> list[Sample]:
        return [sample for sample in self.samples if sample.peer == peer]

    def ratios(self, of: str, to: str) -> list[float]:
        """Figures of one peer over another's in the same round."""
        base = {sample.round: sample.figure for sample in self.of(to)}
        return [sample.figure / base[sample.round] for sample in self.of(of) if base.get(sample.round)]

    def _take(self, peer: Peer, number: int) -> Sample:
        busy, cpu = busy_seconds(PROXY_CORE), peer.cpu()
        work = self.scenario.put(self.load, peer)
        cpu, busy = peer.cpu() - cpu, busy_seconds(PROXY_CORE) - busy
        figure = cpu / max(work.count, 1) * self.scenario.scale
        return Sample(
            self.scenario.name,
            number,
            peer.name,
            figure,
            work.count / work.seconds,
            cpu / work.seconds,
            max(0.0, busy - cpu) / work.seconds,
            work.failed,
            work.microseconds,
        )

    def _say(self, sample: Sample) -> None:
        print(
            f"{sample.scenario} {sample.round + 1} {sample.peer}: {sample.figure:.3f} {self.scenario.unit}, {sample.rate:.0f}/s,"
            f" others {sample.others:.0%}, failed {sample.failed}",
            file=sys.stderr,
            flush=True,
        )


def median(values: Sequence[float]) -> float:
    """0 of nothing."""
    return statistics.median(values) if values else 0.0
